// The phones: what the emulator knows, shown live, and what people do with it.

import { bubble, summary } from './bubble.js';
import { icon, make } from './icons.js';
import { openAttachments, openForm, openList } from './sheets.js';

const phones = new Map();
const business = { name: '' };
const element = id => document.getElementById(id);
const dayName = new Intl.DateTimeFormat('es', { day: 'numeric', month: 'long', year: 'numeric' });

// ---- Talking to the emulator --------------------------------------------------------------------------------------

function notice(text) {
  element('notice').textContent = text;
  element('notice').hidden = text === '';
}

async function call(path, body) {
  const response = await fetch('/_emulator/' + path, {
    method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body),
  });
  const answer = await response.json();
  if (!response.ok) throw new Error(answer.error ?? 'Error ' + response.status);
  return answer;
}

// True when it was done; otherwise the reason is shown.
async function attempt(work) {
  try {
    await work();
    notice('');
    return true;
  } catch (error) {
    notice('No se ha podido hacer: ' + error.message);
    return false;
  }
}

// ---- Rows of one phone --------------------------------------------------------------------------------------------

const dayOf = at => new Date(at).toDateString();

function dayLabel(at) {
  const days = Math.round((new Date(dayOf(Date.now())) - new Date(dayOf(at))) / 86_400_000);
  return days === 0 ? 'Hoy' : days === 1 ? 'Ayer' : dayName.format(at);
}

function acts(phone) {
  const { id } = phone.customer;
  const answer = (message, content) => attempt(() => call('send', { customer: id, answer: { message: message.id, content } }));
  return {
    press: (message, choice) => attempt(() => call('send', { customer: id, press: { message: message.id, id: choice } })),
    openList: message => openList(phone.root, message, choice =>
      attempt(() => call('send', { customer: id, press: { message: message.id, id: choice } }))),
    openForm: message => openForm(phone.root, message, text => answer(message, {
      type: 'interactive', interactive: { type: 'nfm_reply', nfm_reply: { name: 'flow', body: 'Sent', response_json: text } },
    })),
    sendPlace: message => answer(message, {
      type: 'location', location: { latitude: 40.415364, longitude: -3.707398, name: 'Plaza Mayor', address: 'Plaza Mayor, Madrid, España' },
    }),
    shareNumber: message => answer(message, {
      type: 'contacts', contacts: [{
        name: { formatted_name: phone.customer.name, first_name: phone.customer.name.split(' ')[0] },
        phones: phone.customer.phone ? [{ phone: '+' + phone.customer.phone, wa_id: phone.customer.phone, type: 'CELL' }] : [],
      }],
    }),
    react: message => attempt(() => call('send', {
      customer: id,
      message: { type: 'reaction', reaction: message.reaction ? { message_id: message.id } : { message_id: message.id, emoji: '👍' } },
    })),
    quote: message => quoteIn(phone, message),
  };
}

function rowOf(phone, message) {
  return bubble(message, message.context ? phone.messages.get(message.context) : null, business.name, phone.acts);
}

const atEnd = list => list.scrollHeight - list.scrollTop - list.clientHeight < 80;

function toEnd(phone) {
  phone.list.scrollTop = phone.list.scrollHeight;
  phone.jump.hidden = true;
  phone.following = true;
}

function put(phone, message, live) {
  const known = phone.messages.has(message.id);
  phone.messages.set(message.id, message);
  if (message.content.type === 'reaction') return;
  const follow = phone.following;
  const row = rowOf(phone, message);

  if (known) {
    const old = phone.list.querySelector(`[data-id="${CSS.escape(message.id)}"]`);
    const held = old?.contains(document.activeElement);
    if (old?.classList.contains('first')) row.classList.add('first');
    old?.replaceWith(row);
    if (held) phone.composer.focus({ preventScroll: true });
  } else {
    if (phone.lastDay !== dayOf(message.at)) {
      phone.lastDay = dayOf(message.at);
      phone.lastSide = null;
      phone.typing.before(make('li', { class: 'day' }, make('span', {}, dayLabel(message.at))));
    }
    if (phone.lastSide !== message.from) row.classList.add('first');
    phone.lastSide = message.from;
    if (live) row.classList.add('fresh');
    phone.typing.before(row);
  }

  if (live && !known && message.from === 'business') {
    showTyping(phone, null);
    element('spoken').textContent = `${phone.customer.name}, mensaje de ${business.name}: ${summary(message).slice(0, 120)}`;
  }
  if (follow || (!known && message.from === 'customer')) toEnd(phone);
  else if (!known) phone.jump.hidden = false;
  seen(phone);
}

// ---- Read receipts: what is on the screen has been read -----------------------------------------------------------

const inView = new IntersectionObserver(entries => {
  for (const entry of entries) {
    const phone = phones.get(entry.target.dataset.customer);
    if (!phone) continue;
    phone.visible = entry.isIntersecting;
    seen(phone);
  }
}, { threshold: 0.5 });

function seen(phone) {
  const arrived = [...phone.messages.values()].filter(m => m.from === 'business' && m.content.type !== 'reaction' && m.status === 'delivered');
  const looking = phone.visible && document.visibilityState === 'visible';
  const unread = arrived.filter(m => !phone.read.has(m.id)).length;
  phone.badge.textContent = unread > 0 && !looking ? String(unread) : '';
  if (!looking || unread === 0) return;
  for (const message of arrived) phone.read.add(message.id);
  call('read', { customer: phone.customer.id }).catch(() => {});
}

document.addEventListener('visibilitychange', () => phones.forEach(seen));

// ---- Typing, composer, quoting ------------------------------------------------------------------------------------

function showTyping(phone, until) {
  clearTimeout(phone.typingTimer);
  const left = until ? until - Date.now() - phone.ahead : 0;
  const on = left > 0;
  const follow = phone.following;
  phone.typing.hidden = !on;
  phone.status.textContent = on ? 'escribiendo…' : 'en línea';
  phone.status.classList.toggle('writing', on);
  if (on) phone.typingTimer = setTimeout(() => showTyping(phone, null), left);
  if (on && follow) toEnd(phone);
}

function quoteIn(phone, message) {
  phone.quoted = message;
  phone.quoteBox.hidden = !message;
  if (message) {
    phone.quoteBox.querySelector('b').textContent = message.from === 'customer' ? 'Tú' : business.name;
    phone.quoteBox.querySelector('span').textContent = summary(message).slice(0, 140);
  }
  phone.composer.focus();
}

function grow(box) {
  box.style.height = 'auto';
  box.style.height = Math.min(box.scrollHeight, 120) + 'px';
}

async function send(phone) {
  const text = phone.composer.value.trim();
  if (text === '') return;
  const { quoted } = phone;
  phone.composer.value = '';
  phone.quoted = null;
  phone.quoteBox.hidden = true;
  refreshComposer(phone);
  const sent = await attempt(() => call('send', { customer: phone.customer.id, text, replyTo: quoted?.id }));
  if (!sent && phone.composer.value === '') {
    phone.composer.value = text;
    if (quoted) quoteIn(phone, quoted);
    refreshComposer(phone);
  }
}

function refreshComposer(phone) {
  phone.sendButton.disabled = phone.composer.value.trim() === '';
  grow(phone.composer);
}

async function sendFile(phone, file) {
  const query = new URLSearchParams({ customer: phone.customer.id, name: file.name });
  await attempt(async () => {
    const response = await fetch('/_emulator/media?' + query, {
      method: 'POST', headers: { 'Content-Type': file.type || 'application/octet-stream' }, body: file,
    });
    if (!response.ok) throw new Error((await response.json()).error);
  });
}

// ---- Building a phone ---------------------------------------------------------------------------------------------

const initials = name => name.split(/\s+/).slice(0, 2).map(word => [...word][0] ?? '').join('').toUpperCase();
const number = digits => '+' + digits.replace(/^(34|52|54|55|57|1)(\d{1,3})(\d{3})(\d+)$/, '$1 $2 $3 $4');

function ownerLine(customer) {
  const parts = [customer.phone ? number(customer.phone) : 'sin número', customer.userId ? customer.userId.slice(0, 10) + '…' : 'sin id de usuario'];
  if (customer.blocked) parts.push('ha bloqueado a la empresa');
  if (!customer.readReceipts) parts.push('sin confirmación de lectura');
  return parts.join(' · ');
}

function build(customer) {
  const typing = make('li', { class: 'row in first typing', 'data-testid': 'typing', hidden: true },
    make('div', { class: 'bubble', role: 'img', 'aria-label': 'Escribiendo' }, make('i'), make('i'), make('i')));
  const list = make('ol', { class: 'log', role: 'log', 'aria-live': 'off', 'aria-label': 'Conversación de ' + customer.name, tabIndex: 0 }, typing);
  const status = make('span', { class: 'status' }, 'en línea');
  const composer = make('textarea', {
    rows: 1, maxLength: 4096, placeholder: 'Mensaje', 'data-testid': 'composer',
    'aria-label': 'Mensaje de ' + customer.name, enterKeyHint: 'send',
  });
  const sendButton = make('button', { type: 'submit', class: 'send', 'data-testid': 'send', 'aria-label': 'Enviar', disabled: true }, icon('send'));
  const attach = make('button', { type: 'button', class: 'attach', 'data-testid': 'attach', 'aria-label': 'Adjuntar', 'aria-haspopup': 'dialog' }, icon('attach'));
  const dropQuote = make('button', { type: 'button', 'aria-label': 'No responder a este mensaje' }, icon('close'));
  const quoteBox = make('div', { class: 'quoting', hidden: true }, make('blockquote', { class: 'quote' }, make('b'), make('span')), dropQuote);
  const form = make('form', { class: 'compose' }, quoteBox, make('div', { class: 'field' }, attach, composer), sendButton);
  const jump = make('button', { type: 'button', class: 'jump', hidden: true, 'aria-label': 'Ir al final' }, icon('down'));
  const name = make('b');
  const line = make('small');
  const title = make('h2', { class: 'owner' }, name, line);
  const businessName = make('b');
  const avatar = make('span', { class: 'avatar', 'aria-hidden': 'true' });
  const root = make('section', { class: 'phone', 'data-testid': 'phone-' + customer.id, 'data-customer': customer.id },
    title,
    make('div', { class: 'screen' },
      make('div', { class: 'head' }, avatar, make('div', { class: 'who' }, businessName, status)),
      make('div', { class: 'middle' }, list, jump),
      form));
  const badge = make('span', { class: 'badge' });
  const chipName = make('span');
  const chip = make('button', { type: 'button', class: 'chip' }, make('span', { class: 'face', 'aria-hidden': 'true' }, initials(customer.name)), chipName, badge);
  const phone = {
    customer, root, list, typing, status, composer, sendButton, quoteBox, jump, badge, chip,
    messages: new Map(), read: new Set(), visible: false, following: true, ahead: 0, quoted: null, lastDay: null, lastSide: null,
    rename(changed) {
      phone.customer = changed;
      name.textContent = changed.name;
      chipName.textContent = changed.name.split(' ')[0];
      line.textContent = ownerLine(changed);
      businessName.textContent = business.name;
      avatar.textContent = initials(business.name);
      root.setAttribute('aria-label', 'Teléfono de ' + changed.name);
    },
  };
  phone.acts = acts(phone);
  phone.rename(customer);

  form.addEventListener('submit', event => { event.preventDefault(); send(phone); });
  composer.addEventListener('input', () => refreshComposer(phone));
  composer.addEventListener('keydown', event => {
    if (event.key === 'Enter' && !event.shiftKey && !event.isComposing) { event.preventDefault(); send(phone); }
    if (event.key === 'Escape' && phone.quoted) quoteIn(phone, null);
  });
  attach.addEventListener('click', () => openAttachments(root,
    sample => attempt(() => call('send', { customer: customer.id, sample })), file => sendFile(phone, file)));
  dropQuote.addEventListener('click', () => quoteIn(phone, null));
  jump.addEventListener('click', () => toEnd(phone));
  list.addEventListener('scroll', () => {
    phone.following = atEnd(list);
    if (phone.following) jump.hidden = true;
  });
  // Pictures and a growing composer move the end: whoever was there stays there.
  const stay = () => { if (phone.following) toEnd(phone); };
  list.addEventListener('load', stay, true);
  phone.resized = new ResizeObserver(stay);
  phone.resized.observe(list);
  list.addEventListener('keydown', event => moveBetweenRows(phone, event));
  chip.addEventListener('click', () => {
    const calm = matchMedia('(prefers-reduced-motion: reduce)').matches;
    root.scrollIntoView({ behavior: calm ? 'auto' : 'smooth', block: 'nearest', inline: 'center' });
    composer.focus({ preventScroll: true });
  });
  element('phones').append(root);
  element('people').append(chip);
  inView.observe(root);
  phones.set(customer.id, phone);
  return phone;
}

// The arrow keys go from message to message.
function moveBetweenRows(phone, event) {
  const rows = [...phone.list.querySelectorAll('.row:not(.typing)')];
  const at = rows.indexOf(document.activeElement);
  const next = { ArrowUp: at === -1 ? rows.length - 1 : at - 1, ArrowDown: at + 1, Home: 0, End: rows.length - 1 }[event.key];
  if (next === undefined || !rows[next] || !(event.target === phone.list || rows.includes(event.target))) return;
  event.preventDefault();
  rows[next].focus();
}

// ---- Live -----------------------------------------------------------------------------------------------------------

function clearPhones() {
  for (const phone of phones.values()) {
    inView.unobserve(phone.root);
    phone.resized.disconnect();
    clearTimeout(phone.typingTimer);
    phone.root.remove();
    phone.chip.remove();
  }
  phones.clear();
}

function showDelivery({ pending, problem, url }) {
  const text = !url ? ' · todavía no hay bot conectado'
    : problem ? ` · el bot no responde bien: se reintenta (${pending} en cola)` : '';
  element('delivery').textContent = text;
  element('delivery').classList.toggle('bad', text !== '');
}

// Drafts stay over a reload of the state: the connection may come back at any moment.
async function load() {
  const response = await fetch('/_emulator/state');
  const state = await response.json();
  Object.assign(business, state.business);
  const drafts = new Map([...phones.values()].map(phone => [phone.customer.id, [phone.composer.value, document.activeElement === phone.composer]]));
  clearPhones();
  for (const customer of state.customers) {
    const phone = build(customer);
    phone.ahead = state.now - Date.now();
    for (const message of customer.messages) put(phone, message, false);
    if (customer.typingUntil) showTyping(phone, customer.typingUntil);
    const [draft, focused] = drafts.get(customer.id) ?? ['', false];
    phone.composer.value = draft;
    if (focused) phone.composer.focus({ preventScroll: true });
    refreshComposer(phone);
    toEnd(phone);
  }
  showDelivery(state.delivery);
}

let deliveryTimer = null;

function refreshDelivery() {
  if (deliveryTimer) return;
  deliveryTimer = setTimeout(async () => {
    deliveryTimer = null;
    try {
      showDelivery(await (await fetch('/_emulator/health')).json());
    } catch {
      // The connection notice says it already.
    }
  }, 300);
}

// Events wait while the state is being read: none is lost, and none is older than what it meets.
let queue = Promise.resolve();
const inOrder = work => { queue = queue.then(work, work).catch(error => notice('No se puede leer el estado: ' + error.message)); };

function listen() {
  const events = new EventSource('/_emulator/events');
  const on = (name, handler) => events.addEventListener(name, event => inOrder(() => handler(JSON.parse(event.data))));
  on('hello', async () => { await load(); notice(''); document.body.classList.remove('offline'); });
  on('reset', load);
  on('message', message => { const phone = phones.get(message.customer); if (phone) put(phone, message, true); });
  on('typing', ({ customer, until }) => { const phone = phones.get(customer); if (phone) showTyping(phone, until); });
  on('customer', customer => {
    const known = phones.get(customer.id);
    if (known) known.rename(customer);
    else {
      const phone = build(customer);
      if (adding) phone.chip.click();
      adding = false;
    }
  });
  on('clock', load);
  on('delivery', refreshDelivery);
  events.addEventListener('error', () => {
    document.body.classList.add('offline');
    notice('Conexión perdida con el emulador. Volviendo a conectar…');
    // The browser gives up on some errors by itself.
    if (events.readyState === EventSource.CLOSED) setTimeout(listen, 1500);
  });
}

// ---- New customers --------------------------------------------------------------------------------------------------

// True until the customer that was added on this page has come.
let adding = false;

const digits = count => Array.from({ length: count }, () => Math.floor(Math.random() * 10)).join('');

const presets = [
  ['España: número e id de usuario', 'Lucía Campos', () => ({ phone: '346' + digits(8), userId: 'ES.' + digits(20) })],
  ['Solo id de usuario (número oculto)', 'Noa Prieto', () => ({ userId: 'CO.' + digits(20) })],
  ['México: solo número', 'Emilio Cantú', () => ({ phone: '52155' + digits(8) })],
  ['Argentina: número e id de usuario', 'Carla Benítez', () => ({ phone: '54911' + digits(8), userId: 'AR.' + digits(20) })],
  ['España: sin confirmación de lectura', 'Iván Robles', () => ({ phone: '346' + digits(8), userId: 'ES.' + digits(20), readReceipts: false })],
];

function setUpDialog() {
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
    adding = true;
    attempt(() => call('customers', { name: name.value, ...ids() }));
  });
}

setUpDialog();
listen();
