// The phones: what the emulator knows, shown live.

import { notice, setNow } from './calls.js';
import { createPhone } from './handset.js';
import { setUpPanel, showSwitches } from './panel.js';
import { setUpDialog } from './people.js';

const phones = new Map();
let numbers = [];
// True until the customer that was added on this page has come.
let adding = false;
const element = id => document.getElementById(id);

const inView = new IntersectionObserver(entries => {
  for (const entry of entries) {
    const phone = phones.get(entry.target.dataset.customer);
    if (!phone) continue;
    phone.visible = entry.isIntersecting;
    phone.seen();
  }
}, { threshold: 0.5 });

function build(customer) {
  const phone = createPhone(customer, numbers, words => { element('spoken').textContent = words; });
  element('phones').append(phone.root);
  element('people').append(phone.chip);
  phones.set(customer.id, phone);
  inView.observe(phone.root);
  return phone;
}

function clearPhones() {
  for (const phone of phones.values()) {
    inView.unobserve(phone.root);
    phone.remove();
  }
  phones.clear();
}

function showDelivery({ pending, problem, url }) {
  const text = !url ? ' · todavía no hay bot conectado'
    : problem ? ` · el bot no responde bien: se reintenta (${pending} en cola)` : '';
  element('delivery').textContent = text;
  element('delivery').classList.toggle('bad', text !== '');
}

// Drafts, and which number each phone shows, stay over a reload of the state: the connection may come back at any moment.
async function load() {
  const response = await fetch('/_emulator/state');
  const state = await response.json();
  setNow(state.now);
  numbers = state.numbers;
  const kept = new Map([...phones.values()].map(phone => [phone.customer.id, {
    draft: phone.composer.value, focused: document.activeElement === phone.composer, number: phone.number,
  }]));
  clearPhones();
  for (const { messages, typing, ...customer } of state.customers) {
    const phone = build(customer);
    const before = kept.get(customer.id);
    for (const message of messages) phone.put(message, false);
    for (const [number, until] of Object.entries(typing)) phone.showTyping(number, until);
    phone.choose(numbers.some(one => one.id === before?.number) ? before.number : numbers[0].id);
    phone.composer.value = before?.draft ?? '';
    if (before?.focused) phone.composer.focus({ preventScroll: true });
    phone.refreshComposer();
    phone.toEnd();
  }
  showDelivery(state.delivery);
  showSwitches(state.faults);
  tick();
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
  on('clock', load);
  on('message', message => phones.get(message.customer)?.put(message, true));
  on('typing', ({ customer, number, until }) => phones.get(customer)?.showTyping(number, until));
  on('faults', showSwitches);
  on('customer', customer => {
    const known = phones.get(customer.id);
    if (known) known.rename(customer);
    else {
      const phone = build(customer);
      if (adding) phone.chip.click();
      adding = false;
    }
  });
  on('delivery', refreshDelivery);
  events.addEventListener('error', () => {
    document.body.classList.add('offline');
    notice('Conexión perdida con el emulador. Volviendo a conectar…');
    // The browser gives up on some errors by itself.
    if (events.readyState === EventSource.CLOSED) setTimeout(listen, 1500);
  });
}

const tick = setUpPanel();
setUpDialog(() => { adding = true; });
document.addEventListener('visibilitychange', () => phones.forEach(phone => phone.seen()));
setInterval(() => phones.forEach(phone => phone.refreshWindow()), 20_000);
listen();
