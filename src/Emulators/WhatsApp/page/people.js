// New customers, and what can change about one.

import { attempt, call } from './calls.js';
import { make } from './icons.js';
import { openLine } from './pickers.js';
import { openActions } from './sheets.js';

const element = id => document.getElementById(id);
const digits = count => Array.from({ length: count }, () => Math.floor(Math.random() * 10)).join('');

const presets = [
  ['España: número e id de usuario', 'Lucía Campos', () => ({ phone: '346' + digits(8), userId: 'ES.' + digits(20) })],
  ['Solo id de usuario (número oculto)', 'Noa Prieto', () => ({ userId: 'CO.' + digits(20) })],
  ['México: solo número', 'Emilio Cantú', () => ({ phone: '52155' + digits(8) })],
  ['Argentina: número e id de usuario', 'Carla Benítez', () => ({ phone: '54911' + digits(8), userId: 'AR.' + digits(20) })],
  ['España: sin confirmación de lectura', 'Iván Robles', () => ({ phone: '346' + digits(8), userId: 'ES.' + digits(20), readReceipts: false })],
];

/** The dialog for a new customer; `added` is called when one is on its way. */
export function setUpDialog(added) {
  const dialog = element('new-customer');
  const name = element('new-name');
  presets.forEach(([label, person], index) => {
    const radio = make('input', { type: 'radio', name: 'preset', value: String(index), defaultChecked: index === 0 });
    radio.addEventListener('change', () => { name.value = person; });
    element('presets').append(make('label', { class: 'preset' }, radio, label));
  });
  element('add-customer').addEventListener('click', () => {
    element('new-customer-form').reset();
    name.value = presets[0][1];
    dialog.showModal();
    name.select();
  });
  element('new-cancel').addEventListener('click', () => dialog.close());
  element('new-customer-form').addEventListener('submit', event => {
    const [, , ids] = presets[Number(new FormData(event.target).get('preset'))];
    added();
    attempt(() => call('customers', { name: name.value, ...ids() }));
  });
}

/** What can change about the person of a phone. */
export function openPerson(root, customer) {
  const change = fields => attempt(() => call('customers', { ...customer, ...fields }));
  const entries = [];
  if (customer.phone) {
    entries.push(['person-number', 'Cambiar de número', 'phone', () => openLine(root, 'Cambiar de número', 'Número nuevo, con prefijo', customer.phone.slice(0, -8) + digits(8), 'Cambiar',
      phone => attempt(() => call('change-number', { customer: customer.id, phone }))), 'El número de antes deja de existir y el id de usuario es otro.']);
  }
  if (customer.userId) {
    entries.push(['person-user-id', 'Cambiar de id de usuario', 'person', () => attempt(() => call('change-user-id', { customer: customer.id })), 'El número, si lo hay, se queda.']);
  }
  entries.push(
    ['person-block', customer.blocked ? 'Desbloquear a la empresa' : 'Bloquear a la empresa', 'block', () => change({ blocked: !customer.blocked }), 'Lo que envía se acepta y no llega.'],
    ['person-receipts', customer.readReceipts ? 'Quitar la confirmación de lectura' : 'Poner la confirmación de lectura', 'double', () => change({ readReceipts: !customer.readReceipts })]);
  openActions(root, customer.name, entries);
}
