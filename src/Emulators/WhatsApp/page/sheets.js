// What slides up from the bottom of a phone: list choices, attachments, actions. A sheet is a dialog of its phone alone, so
// that the other phones stay usable.

import { icon, make } from './icons.js';

/** Opens a sheet in `phone`; gives a function that closes it. Focus goes in, and back to where it was. */
export function open(phone, title, content) {
  phone.querySelector('.sheet-back')?.remove();
  const before = document.activeElement;
  const screen = phone.querySelector('.screen');
  // What is behind the sheet cannot be reached by keyboard while one is open.
  const behind = inert => { for (const part of screen.children) if (!part.matches('.sheet-back')) part.inert = inert; };
  const close = () => {
    back.remove();
    if (!screen.querySelector('.sheet-back')) behind(false);
    if (before instanceof HTMLElement && before.isConnected) before.focus();
    else phone.querySelector('[data-testid="composer"]')?.focus();
  };
  const sheet = make('div', { class: 'sheet', role: 'dialog', 'aria-label': title },
    make('div', { class: 'sheet-head' },
      make('button', { type: 'button', 'aria-label': 'Cerrar', 'data-testid': 'sheet-close', on: { click: () => close() } }, icon('close')),
      make('h3', {}, title)),
    content);
  const back = make('div', { class: 'sheet-back', on: {
    click: event => { if (event.target === back) close(); },
    keydown: event => { if (event.key === 'Escape') close(); },
  } }, sheet);
  behind(true);
  screen.append(back);
  sheet.querySelector('.sheet-body button, .sheet-body input, .sheet-body textarea')?.focus();
  return close;
}

/** A sheet with a body and, below it, one button that does the thing. `run` gets the function that closes the sheet. */
export function openWithButton(phone, title, body, label, run, testId) {
  const button = make('button', { type: 'button', class: 'primary', 'data-testid': testId }, label);
  const close = open(phone, title, make('div', {}, body, make('div', { class: 'sheet-foot' }, button)));
  button.addEventListener('click', () => run(close));
  return { button, close };
}

/** The rows of a list message; `choose` gets the id of the row that is sent. */
export function openList(phone, message, choose) {
  const { action } = message.content.interactive;
  const body = make('div', { class: 'sheet-body' });
  let picked = null;
  const { button: send } = openWithButton(phone, action.button ?? 'Opciones', body, 'Enviar', close => { close(); choose(picked); }, 'list-send');
  send.disabled = true;
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
  body.querySelector('button')?.focus();
}

/** Round buttons in a grid: `[testId, label, shape, run]` each. */
export function openGrid(phone, title, entries) {
  const grid = make('div', { class: 'sheet-body grid' });
  const close = open(phone, title, make('div', {}, grid));
  for (const [name, label, shape, run] of entries) {
    grid.append(make('button', {
      type: 'button', class: 'sample ' + name, 'data-testid': name, on: { click: () => { close(); run(); } },
    }, make('span', {}, icon(shape)), label));
  }
  grid.querySelector('button')?.focus();
}

/** What can be done with a message or a person, one below the other: `[testId, label, shape, run, detail?]` each. */
export function openActions(phone, title, entries) {
  const body = make('div', { class: 'sheet-body actions' });
  const close = open(phone, title, make('div', {}, body));
  for (const [name, label, shape, run, detail] of entries) {
    body.append(make('button', { type: 'button', class: 'list-row', 'data-testid': name, on: { click: () => { close(); run(); } } },
      icon(shape), make('span', { class: 'list-text' }, make('b', {}, label), detail ? make('small', {}, detail) : null)));
  }
  body.querySelector('button')?.focus();
}

const emoji = ['👍', '❤️', '😂', '😮', '😢', '🙏', '👎', '🎉', '🔥', '👏', '🤔', '😡', '✅', '❌', '👀', '💯', '😀', '😍', '🥳', '😴', '🤝', '👋', '💪', '🛠️'];

/** An emoji for a message: one of the usual ones, or any that is typed. `choose` gets '' to take it back. */
export function openEmoji(phone, current, choose) {
  const body = make('div', { class: 'sheet-body' });
  const grid = make('div', { class: 'emoji' });
  const own = make('input', { type: 'text', maxLength: 16, placeholder: 'Otro emoji', 'aria-label': 'Otro emoji', 'data-testid': 'emoji-own' });
  let close = () => {};
  const pick = sign => { close(); choose(sign); };
  for (const sign of emoji) {
    grid.append(make('button', { type: 'button', 'data-testid': 'emoji-' + sign, 'aria-pressed': String(sign === current), on: { click: () => pick(sign === current ? '' : sign) } }, sign));
  }
  const typed = make('form', { class: 'inline' }, own, make('button', { type: 'submit', class: 'primary' }, 'Poner'));
  typed.addEventListener('submit', event => { event.preventDefault(); if (own.value.trim()) pick(own.value.trim()); });
  body.append(grid, typed);
  if (current) body.append(make('button', { type: 'button', class: 'list-row', 'data-testid': 'emoji-none', on: { click: () => pick('') } }, icon('close'), make('span', { class: 'list-text' }, make('b', {}, 'Quitar ' + current))));
  close = open(phone, 'Reaccionar', make('div', {}, body));
}
