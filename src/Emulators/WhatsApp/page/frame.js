// What a phone is made of: its elements, without what they do.

import { icon, make } from './icons.js';

/** The letters that stand for a face. */
export const initials = name => name.split(/\s+/).slice(0, 2).map(word => [...word][0] ?? '').join('').toUpperCase();
const number = digits => '+' + digits.replace(/^(34|52|54|55|57|1)(\d{1,3})(\d{3})(\d+)$/, '$1 $2 $3 $4');

/** What the business knows of a customer, and what is special about the phone, on one line. */
export function ownerLine(customer) {
  const parts = [customer.phone ? number(customer.phone) : 'sin número', customer.userId ? customer.userId.slice(0, 10) + '…' : 'sin id de usuario'];
  if (customer.blocked) parts.push('ha bloqueado a la empresa');
  if (!customer.readReceipts) parts.push('sin confirmación de lectura');
  return parts.join(' · ');
}

/** The elements of a customer's phone, by name; `root` is the phone and `chip` its place in the bar. */
export function drawn(customer) {
  const typing = make('li', { class: 'row in first typing', 'data-testid': 'typing', hidden: true },
    make('div', { class: 'bubble', role: 'img', 'aria-label': 'Escribiendo' }, make('i'), make('i'), make('i')));
  const list = make('ol', { class: 'log', role: 'log', 'aria-live': 'off', tabIndex: 0 }, typing);
  const composer = make('textarea', { rows: 1, maxLength: 4096, placeholder: 'Mensaje', 'data-testid': 'composer', enterKeyHint: 'send' });
  const round = (testId, label, shape, kind, type = 'button') => make('button', { type, class: kind, 'data-testid': testId, 'aria-label': label, title: label }, icon(shape));
  const parts = {
    typing, list, composer,
    status: make('span', { class: 'status' }, 'en línea'),
    window: make('span', { class: 'window', 'data-testid': 'window' }),
    choice: make('select', { class: 'number', 'data-testid': 'number', 'aria-label': 'Número de la empresa' }),
    businessName: make('b'),
    send: round('send', 'Enviar', 'send', 'send', 'submit'),
    record: round('record', 'Grabar una nota de voz', 'microphone', 'send'),
    attach: round('attach', 'Adjuntar', 'attach', 'attach'),
    person: round('person', 'Cambiar algo de esta persona', 'more', 'person'),
    dropQuote: make('button', { type: 'button', 'aria-label': 'Dejarlo' }, icon('close')),
    jump: make('button', { type: 'button', class: 'jump', hidden: true, 'aria-label': 'Ir al final' }, icon('down')),
    name: make('b'), line: make('small'), avatar: make('span', { class: 'avatar', 'aria-hidden': 'true' }),
    length: make('span', { class: 'length' }, '0:00'),
    cancelRecord: round('record-cancel', 'Descartar', 'trash', 'attach'),
    sendRecord: round('record-send', 'Enviar la nota de voz', 'send', 'send'),
  };
  parts.quoteBox = make('div', { class: 'quoting', hidden: true }, make('blockquote', { class: 'quote' }, make('b'), make('span')), parts.dropQuote);
  parts.form = make('form', { class: 'compose' }, parts.quoteBox, make('div', { class: 'field' }, parts.attach, composer), parts.record, parts.send);
  parts.recording = make('div', { class: 'compose recording', hidden: true, 'data-testid': 'recording' },
    parts.cancelRecord, make('span', { class: 'dot', 'aria-hidden': 'true' }), make('span', {}, 'Grabando'), parts.length, parts.sendRecord);
  parts.root = make('section', { class: 'phone', 'data-testid': 'phone-' + customer.id, 'data-customer': customer.id },
    make('h2', { class: 'owner' }, parts.name, parts.line, parts.person),
    make('div', { class: 'screen' },
      make('div', { class: 'head' }, parts.avatar, make('div', { class: 'who' }, parts.businessName, parts.choice, parts.status), parts.window),
      make('div', { class: 'middle' }, list, parts.jump),
      parts.form, parts.recording));
  parts.badge = make('span', { class: 'badge' });
  parts.chipName = make('span');
  parts.chip = make('button', { type: 'button', class: 'chip' },
    make('span', { class: 'face', 'aria-hidden': 'true' }, initials(customer.name)), parts.chipName, parts.badge);
  return parts;
}
