// The emulator's clock and the switches that people need most, in a dialog. All others are at /_emulator/faults.

import { attempt, call, now } from './calls.js';
import { make } from './icons.js';

const element = id => document.getElementById(id);
const moment = new Intl.DateTimeFormat('es', { weekday: 'long', day: 'numeric', month: 'long', hour: '2-digit', minute: '2-digit' });

const steps = [['+10 minutos', 600], ['+1 hora', 3_600], ['+23 h 59 min', 86_340], ['+24 horas', 86_400], ['+7 días', 604_800]];

const mediaFaults = [
  ['', 'Todo bien'], ['wrong-hash', 'Bytes cambiados por el camino'], ['lying-type', 'Un programa con nombre de foto'],
  ['endless', 'Descarga que no termina'], ['elsewhere', 'Enlace a otro servidor'], ['gone', 'El archivo ya no está'],
];

const flags = [
  ['coexistence', 'Número también en la aplicación del teléfono', 'Las ediciones y los borrados llegan a la empresa.'],
  ['lateByStatus', 'Fuera de las 24 horas, fallar después', 'Se acepta el envío y falla con un estado; si no, se rechaza al momento.'],
];

const strikes = trigger => trigger.next > 0 || trigger.probability > 0;

/** Shows the switches as they stand: the bar says when one is not as usual. */
export function showSwitches(faults) {
  for (const [name] of flags) element('switch-' + name).checked = faults[name];
  element('switch-media').value = strikes(faults.mediaFault) ? faults.mediaFaultKind : '';
  const changed = flags.some(([name]) => faults[name]) || strikes(faults.mediaFault);
  element('open-panel').classList.toggle('changed', changed);
}

export function setUpPanel() {
  const dialog = element('panel');
  const body = element('panel-body');
  const time = make('p', { class: 'clock', 'data-testid': 'clock' });
  const tick = () => { time.textContent = moment.format(now()); };
  const move = seconds => attempt(() => call('clock', { advance: seconds }));
  const hours = make('input', { type: 'number', min: 0, max: 2_000, step: 0.5, value: '2', 'aria-label': 'Horas', 'data-testid': 'clock-hours' });
  const change = faults => attempt(() => call('faults', faults));
  const media = make('select', { id: 'switch-media', 'data-testid': 'switch-media' }, ...mediaFaults.map(([value, label]) => make('option', { value }, label)));
  media.addEventListener('change', () => change(media.value ? { mediaFault: true, mediaFaultKind: media.value } : { mediaFault: false }));
  body.append(
    make('h3', {}, 'Reloj'), time,
    make('div', { class: 'steps' }, ...steps.map(([label, seconds]) => make('button', { type: 'button', 'data-testid': 'clock-' + seconds, on: { click: () => move(seconds) } }, label))),
    make('div', { class: 'inline' }, hours, make('button', { type: 'button', 'data-testid': 'clock-move', on: { click: () => move(Number(hours.value) * 3_600) } }, 'Adelantar horas')),
    make('h3', {}, 'Comportamiento'),
    ...flags.map(([name, label, detail]) => make('label', { class: 'switch' },
      make('input', { type: 'checkbox', id: 'switch-' + name, 'data-testid': 'switch-' + name, on: { change: event => change({ [name]: event.target.checked }) } }),
      make('span', {}, label, make('small', {}, detail)))),
    make('label', { class: 'switch column' }, 'Archivos que envían los clientes', media),
    make('h3', {}, 'Empezar de nuevo'),
    make('button', { type: 'button', class: 'danger', 'data-testid': 'reset', on: { click: () => { dialog.close(); attempt(() => call('reset', {})); } } }, 'Borrar todas las conversaciones'));
  element('open-panel').addEventListener('click', () => { tick(); dialog.showModal(); });
  element('panel-close').addEventListener('click', () => dialog.close());
  setInterval(() => { if (dialog.open) tick(); }, 1_000);
  return tick;
}
