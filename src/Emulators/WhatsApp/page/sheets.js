// What slides up from the bottom of a phone: list choices, attachments, forms. A sheet is a dialog of its phone alone, so
// that the other phones stay usable.

import { icon, make } from './icons.js';

/** Opens a sheet in `phone`; gives a function that closes it. Focus goes in, and back to where it was. */
function open(phone, title, content) {
  phone.querySelector('.sheet-back')?.remove();
  const before = document.activeElement;
  const close = () => {
    back.remove();
    if (before instanceof HTMLElement && before.isConnected) before.focus();
    else phone.querySelector('[data-testid="composer"]')?.focus();
  };
  const sheet = make('div', { class: 'sheet', role: 'dialog', 'aria-label': title },
    make('div', { class: 'sheet-head' },
      make('button', { type: 'button', 'aria-label': 'Cerrar', on: { click: () => close() } }, icon('close')),
      make('h3', {}, title)),
    content);
  const back = make('div', { class: 'sheet-back', on: {
    click: event => { if (event.target === back) close(); },
    keydown: event => { if (event.key === 'Escape') close(); },
  } }, sheet);
  phone.querySelector('.screen').append(back);
  sheet.querySelector('.sheet-body button, .sheet-body input, .sheet-body textarea')?.focus();
  return close;
}

/** The rows of a list message; `choose` gets the id of the row that is sent. */
export function openList(phone, message, choose) {
  const { action } = message.content.interactive;
  const body = make('div', { class: 'sheet-body' });
  const send = make('button', { type: 'button', class: 'primary', disabled: true }, 'Enviar');
  let picked = null;
  let close = () => {};
  for (const section of action.sections ?? []) {
    const rows = make('div', { role: 'group', 'aria-label': section.title || action.button });
    for (const row of section.rows ?? []) {
      const mark = make('span', { class: 'radio', 'aria-hidden': 'true' });
      const button = make('button', { type: 'button', class: 'list-row', 'data-testid': 'list-row', 'data-row': row.id, 'aria-pressed': 'false' },
        make('span', { class: 'list-text' }, make('b', {}, row.title), row.description ? make('small', {}, row.description) : null), mark);
      button.addEventListener('click', () => {
        // A second tap on the chosen row, or the button, sends it.
        if (picked === row.id) return send.click();
        picked = row.id;
        for (const other of body.querySelectorAll('.list-row')) other.setAttribute('aria-pressed', String(other === button));
        send.disabled = false;
        send.focus();
      });
      rows.append(button);
    }
    if (section.title) body.append(make('h4', {}, section.title));
    body.append(rows);
  }
  send.addEventListener('click', () => { close(); choose(picked); });
  send.setAttribute('data-testid', 'list-send');
  close = open(phone, action.button ?? 'Opciones', make('div', {}, body, make('div', { class: 'sheet-foot' }, send)));
}

const samples = [
  ['voice', 'Nota de voz', 'microphone'], ['photo', 'Foto', 'photo'], ['document', 'Documento', 'file'],
  ['location', 'Ubicación', 'place'], ['sticker', 'Sticker', 'sticker'], ['contact', 'Contacto', 'person'],
  ['unsupported', 'Encuesta', 'poll'],
];

/** The samples that can be sent, and a file of one's own. */
export function openAttachments(phone, sendSample, sendFile) {
  const grid = make('div', { class: 'sheet-body grid' });
  let close = () => {};
  for (const [name, label, shape] of samples) {
    grid.append(make('button', {
      type: 'button', class: 'sample sample-' + name, 'data-testid': 'sample-' + name,
      on: { click: () => { close(); sendSample(name); } },
    }, make('span', {}, icon(shape)), label));
  }
  const input = make('input', { type: 'file', class: 'hidden', tabIndex: -1, 'aria-hidden': 'true' });
  input.addEventListener('change', () => {
    const [file] = input.files;
    if (file) { close(); sendFile(file); }
  });
  grid.append(make('button', { type: 'button', class: 'sample', on: { click: () => input.click() } },
    make('span', {}, icon('attach')), 'Archivo propio'), input);
  close = open(phone, 'Adjuntar', make('div', {}, grid));
}

/** The answer of a form, as the JSON that WhatsApp would send. */
export function openForm(phone, message, submit) {
  const token = message.content.interactive.action?.parameters?.flow_token ?? 'unused';
  const text = make('textarea', { rows: 6, spellcheck: false, 'aria-label': 'Respuesta del formulario, en JSON' });
  text.value = JSON.stringify({ flow_token: token }, null, 2);
  const problem = make('p', { class: 'problem', role: 'alert' });
  const send = make('button', { type: 'button', class: 'primary' }, 'Enviar');
  let close = () => {};
  send.addEventListener('click', () => {
    try {
      JSON.parse(text.value);
    } catch (error) {
      problem.textContent = 'No es JSON: ' + error.message;
      return;
    }
    close();
    submit(text.value);
  });
  close = open(phone, 'Formulario', make('div', {}, make('div', { class: 'sheet-body form' }, text, problem), make('div', { class: 'sheet-foot' }, send)));
}
