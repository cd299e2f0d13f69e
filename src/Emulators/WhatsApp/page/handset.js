// One customer's phone on the page: its conversation with the chosen number of the business, and the composer.

import { acts } from './acts.js';
import { bubble, summary } from './bubble.js';
import { call, now } from './calls.js';
import { drawn, initials, ownerLine } from './frame.js';
import { make } from './icons.js';
import { recordingBar } from './recording.js';

const dayName = new Intl.DateTimeFormat('es', { day: 'numeric', month: 'long', year: 'numeric' });
const dayOf = at => new Date(at).toDateString();
const hours24 = 24 * 3_600_000;

function dayLabel(at) {
  const days = Math.round((new Date(dayOf(now())) - new Date(dayOf(at))) / 86_400_000);
  return days === 0 ? 'Hoy' : days === 1 ? 'Ayer' : dayName.format(at);
}

const atEnd = list => list.scrollHeight - list.scrollTop - list.clientHeight < 80;

/** A phone for a customer. `numbers` are the business's; `said` hears what the business writes. */
export function createPhone(customer, numbers, said) {
  const phone = {
    customer, number: numbers[0].id, messages: new Map(), typing: new Map(), read: new Set(), visible: false, following: true,
    quoted: null, edited: null, lastDay: null, lastSide: null, typingTimer: null,
  };
  const parts = drawn(customer);
  Object.assign(phone, { root: parts.root, chip: parts.chip, composer: parts.composer });
  const business = () => numbers.find(one => one.id === phone.number) ?? numbers[0];
  const here = message => message.number === phone.number;

  // ---- Rows

  const rowOf = message => bubble(message, message.context ? phone.messages.get(message.context) : null, business().name, phone.acts);

  function toEnd() {
    parts.list.scrollTop = parts.list.scrollHeight;
    parts.jump.hidden = true;
    phone.following = true;
  }

  function append(message, live) {
    if (phone.lastDay !== dayOf(message.at)) {
      phone.lastDay = dayOf(message.at);
      phone.lastSide = null;
      parts.typing.before(make('li', { class: 'day' }, make('span', {}, dayLabel(message.at))));
    }
    const row = rowOf(message);
    if (phone.lastSide !== message.from) row.classList.add('first');
    phone.lastSide = row.classList.contains('row') ? message.from : null;
    if (live) row.classList.add('fresh');
    parts.typing.before(row);
  }

  function replace(message) {
    const old = parts.list.querySelector(`[data-id="${CSS.escape(message.id)}"]`);
    const row = rowOf(message);
    const held = old?.contains(document.activeElement);
    if (old?.classList.contains('first')) row.classList.add('first');
    old?.replaceWith(row);
    if (held) parts.composer.focus({ preventScroll: true });
  }

  function redraw() {
    parts.list.replaceChildren(parts.typing);
    phone.lastDay = null;
    phone.lastSide = null;
    for (const message of phone.messages.values()) if (here(message) && message.content.type !== 'reaction') append(message, false);
    toEnd();
  }

  phone.put = (message, live) => {
    const known = phone.messages.has(message.id);
    phone.messages.set(message.id, message);
    if (live) refreshWindow();
    if (message.content.type === 'reaction') return;
    const follow = phone.following;
    if (here(message)) {
      if (known) replace(message);
      else append(message, live);
    }
    if (live && !known && message.from === 'business') {
      phone.showTyping(message.number, null);
      said(`${phone.customer.name}, mensaje de ${business().name}: ${summary(message).slice(0, 120)}`);
    }
    if (here(message)) {
      if (follow || (!known && message.from === 'customer')) toEnd();
      else if (!known) parts.jump.hidden = false;
    }
    phone.seen();
  };

  // ---- Read receipts: what is on the screen has been read

  phone.seen = () => {
    const isUnread = message => message.from === 'business' && message.content.type !== 'reaction' && message.status === 'delivered' && !phone.read.has(message.id);
    const arrived = [...phone.messages.values()].filter(isUnread);
    const looking = phone.visible && document.visibilityState === 'visible';
    const elsewhere = arrived.filter(message => !looking || !here(message)).length;
    parts.badge.textContent = elsewhere > 0 ? String(elsewhere) : '';
    const shown = looking ? arrived.filter(here) : [];
    if (shown.length === 0) return;
    for (const message of shown) phone.read.add(message.id);
    call('read', { customer: phone.customer.id, number: phone.number }).catch(() => {});
  };

  // ---- Head: names, typing, the window of 24 hours

  phone.rename = changed => {
    phone.customer = changed;
    parts.name.textContent = changed.name;
    parts.chipName.textContent = changed.name.split(' ')[0];
    parts.line.textContent = ownerLine(changed);
    parts.businessName.textContent = business().name;
    parts.avatar.textContent = initials(business().name);
    parts.root.setAttribute('aria-label', 'Teléfono de ' + changed.name);
    parts.list.setAttribute('aria-label', 'Conversación de ' + changed.name);
    parts.composer.setAttribute('aria-label', 'Mensaje de ' + changed.name);
  };

  function refreshTyping() {
    clearTimeout(phone.typingTimer);
    const left = (phone.typing.get(phone.number) ?? 0) - now();
    const follow = phone.following;
    parts.typing.hidden = left <= 0;
    parts.status.textContent = left > 0 ? 'escribiendo…' : 'en línea';
    parts.status.classList.toggle('writing', left > 0);
    if (left > 0) phone.typingTimer = setTimeout(refreshTyping, left);
    if (left > 0 && follow) toEnd();
  }

  phone.showTyping = (numberId, until) => {
    phone.typing.set(numberId, until ?? 0);
    refreshTyping();
  };

  function refreshWindow() {
    const own = [...phone.messages.values()].filter(message => here(message) && message.from === 'customer' && message.content.type !== 'system');
    const left = own.length ? own.at(-1).at + hours24 - now() : -1;
    const minutes = Math.floor(left / 60_000);
    parts.window.textContent = left <= 0 ? 'ventana cerrada' : `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, '0')}`;
    parts.window.title = left <= 0 ? 'La empresa solo puede enviar plantillas' : 'Lo que queda para que la empresa pueda escribir sin plantilla';
    parts.window.classList.toggle('shut', left <= 0);
  }
  phone.refreshWindow = refreshWindow;

  phone.choose = id => {
    phone.number = id;
    parts.choice.value = id;
    phone.rename(phone.customer);
    redraw();
    refreshTyping();
    refreshWindow();
    phone.seen();
  };

  // ---- Composer: text, quotes, edits

  function refreshComposer() {
    const empty = parts.composer.value.trim() === '';
    parts.send.hidden = empty;
    parts.record.hidden = !empty;
    parts.composer.style.height = 'auto';
    parts.composer.style.height = Math.min(parts.composer.scrollHeight, 120) + 'px';
  }
  phone.refreshComposer = refreshComposer;

  function above(title, message) {
    parts.quoteBox.hidden = !message;
    if (message) {
      parts.quoteBox.querySelector('b').textContent = title;
      parts.quoteBox.querySelector('span').textContent = summary(message).slice(0, 140);
    }
    parts.composer.focus();
  }

  phone.quoteIn = message => {
    phone.quoted = message;
    phone.edited = null;
    above(message?.from === 'customer' ? 'Tú' : business().name, message);
  };

  phone.editIn = (message, text) => {
    phone.quoted = null;
    phone.edited = message;
    above('Editar mensaje', message);
    parts.composer.value = text;
    refreshComposer();
  };

  function dropAbove() {
    if (phone.edited) parts.composer.value = '';
    phone.quoteIn(null);
    refreshComposer();
  }

  async function send() {
    const text = parts.composer.value.trim();
    if (text === '') return;
    const { quoted, edited } = phone;
    parts.composer.value = '';
    phone.quoteIn(null);
    refreshComposer();
    const sent = await (edited ? phone.acts.edit(edited, text) : phone.acts.text(text, quoted?.id));
    if (!sent && parts.composer.value === '') {
      if (edited) phone.editIn(edited, text);
      else if (quoted) phone.quoteIn(quoted);
      parts.composer.value = text;
      refreshComposer();
    }
  }

  // The arrow keys go from message to message.
  function moveBetweenRows(event) {
    const rows = [...parts.list.querySelectorAll('.row:not(.typing)')];
    const at = rows.indexOf(document.activeElement);
    const next = { ArrowUp: at === -1 ? rows.length - 1 : at - 1, ArrowDown: at + 1, Home: 0, End: rows.length - 1 }[event.key];
    if (next === undefined || !rows[next] || !(event.target === parts.list || rows.includes(event.target))) return;
    event.preventDefault();
    rows[next].focus();
  }

  // ---- Wiring

  phone.acts = acts(phone);
  const recording = recordingBar(parts, phone.acts);
  parts.choice.append(...numbers.map(one => make('option', { value: one.id }, one.name)));
  parts.choice.hidden = numbers.length < 2;
  parts.businessName.hidden = numbers.length > 1;
  phone.rename(customer);
  refreshWindow();
  refreshComposer();

  parts.form.addEventListener('submit', event => { event.preventDefault(); send(); });
  parts.composer.addEventListener('input', refreshComposer);
  parts.composer.addEventListener('keydown', event => {
    if (event.key === 'Enter' && !event.shiftKey && !event.isComposing) { event.preventDefault(); send(); }
    if (event.key === 'Escape' && (phone.quoted || phone.edited)) dropAbove();
  });
  parts.choice.addEventListener('change', () => phone.choose(parts.choice.value));
  parts.attach.addEventListener('click', () => phone.acts.attach());
  parts.person.addEventListener('click', () => phone.acts.person());
  parts.dropQuote.addEventListener('click', dropAbove);
  parts.jump.addEventListener('click', toEnd);
  parts.list.addEventListener('scroll', () => {
    phone.following = atEnd(parts.list);
    if (phone.following) parts.jump.hidden = true;
  });
  // Pictures and a growing composer move the end: whoever was there stays there.
  const stay = () => { if (phone.following) toEnd(); };
  parts.list.addEventListener('load', stay, true);
  const resized = new ResizeObserver(stay);
  resized.observe(parts.list);
  parts.list.addEventListener('keydown', moveBetweenRows);
  parts.chip.addEventListener('click', () => {
    const calm = matchMedia('(prefers-reduced-motion: reduce)').matches;
    parts.root.scrollIntoView({ behavior: calm ? 'auto' : 'smooth', block: 'nearest', inline: 'center' });
    parts.composer.focus({ preventScroll: true });
  });
  phone.toEnd = toEnd;
  phone.remove = () => {
    resized.disconnect();
    clearTimeout(phone.typingTimer);
    recording.stop();
    parts.root.remove();
    parts.chip.remove();
  };
  return phone;
}
