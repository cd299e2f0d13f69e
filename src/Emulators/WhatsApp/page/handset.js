// One customer's phone on the page: its conversation with the chosen number of the business, and the composer.

import { acts } from './acts.js';
import { bubble, summary } from './bubble.js';
import { call, notice, now } from './calls.js';
import { icon, make } from './icons.js';
import { startRecording } from './recorder.js';

const dayName = new Intl.DateTimeFormat('es', { day: 'numeric', month: 'long', year: 'numeric' });
const dayOf = at => new Date(at).toDateString();
const hours24 = 24 * 3_600_000;

function dayLabel(at) {
  const days = Math.round((new Date(dayOf(now())) - new Date(dayOf(at))) / 86_400_000);
  return days === 0 ? 'Hoy' : days === 1 ? 'Ayer' : dayName.format(at);
}

export const initials = name => name.split(/\s+/).slice(0, 2).map(word => [...word][0] ?? '').join('').toUpperCase();
const number = digits => '+' + digits.replace(/^(34|52|54|55|57|1)(\d{1,3})(\d{3})(\d+)$/, '$1 $2 $3 $4');

function ownerLine(customer) {
  const parts = [customer.phone ? number(customer.phone) : 'sin número', customer.userId ? customer.userId.slice(0, 10) + '…' : 'sin id de usuario'];
  if (customer.blocked) parts.push('ha bloqueado a la empresa');
  if (!customer.readReceipts) parts.push('sin confirmación de lectura');
  return parts.join(' · ');
}

const atEnd = list => list.scrollHeight - list.scrollTop - list.clientHeight < 80;

function drawn(phone) {
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
  parts.root = make('section', { class: 'phone', 'data-testid': 'phone-' + phone.customer.id, 'data-customer': phone.customer.id },
    make('h2', { class: 'owner' }, parts.name, parts.line, parts.person),
    make('div', { class: 'screen' },
      make('div', { class: 'head' }, parts.avatar, make('div', { class: 'who' }, parts.businessName, parts.choice, parts.status), parts.window),
      make('div', { class: 'middle' }, list, parts.jump),
      parts.form, parts.recording));
  parts.badge = make('span', { class: 'badge' });
  parts.chipName = make('span');
  parts.chip = make('button', { type: 'button', class: 'chip' },
    make('span', { class: 'face', 'aria-hidden': 'true' }, initials(phone.customer.name)), parts.chipName, parts.badge);
  return parts;
}

/** A phone for a customer. `numbers` are the business's; `said` hears what the business writes. */
export function createPhone(customer, numbers, said) {
  const phone = {
    customer, number: numbers[0].id, messages: new Map(), typing: new Map(), read: new Set(), visible: false, following: true,
    quoted: null, edited: null, lastDay: null, lastSide: null, typingTimer: null, recorder: null,
  };
  const parts = drawn(phone);
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

  // ---- Composer: text, quotes, edits, voice notes

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

  let since = 0;
  let ticking = null;

  function showRecording(recorder) {
    phone.recorder = recorder;
    parts.form.hidden = Boolean(recorder);
    parts.recording.hidden = !recorder;
    clearInterval(ticking);
    if (!recorder) return;
    since = Date.now();
    const show = () => {
      const seconds = Math.floor((Date.now() - since) / 1000);
      parts.length.textContent = Math.floor(seconds / 60) + ':' + String(seconds % 60).padStart(2, '0');
    };
    show();
    ticking = setInterval(show, 250);
  }

  async function record() {
    try {
      showRecording(await startRecording());
      parts.sendRecord.focus();
    } catch {
      phone.acts.voice('No se puede usar ningún micrófono desde este navegador.');
    }
  }

  async function sendRecording() {
    const { recorder } = phone;
    showRecording(null);
    try {
      const voice = await recorder.stop();
      await phone.acts.voiceFile(voice);
    } catch (error) {
      notice('No se ha podido grabar: ' + error.message);
    }
    parts.composer.focus();
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
  parts.record.addEventListener('click', record);
  parts.sendRecord.addEventListener('click', sendRecording);
  parts.cancelRecord.addEventListener('click', () => { phone.recorder.cancel(); showRecording(null); parts.composer.focus(); });
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
    phone.recorder?.cancel();
    clearInterval(ticking);
    parts.root.remove();
    parts.chip.remove();
  };
  return phone;
}
