// Sheets that put a message together: files, places, contact cards, orders, advertisements. All people and places are
// invented.

import { icon, make } from './icons.js';
import { open, openWithButton } from './sheets.js';

const places = [
  { latitude: 40.415364, longitude: -3.707398, name: 'Plaza Mayor', address: 'Plaza Mayor, Madrid, España' },
  { latitude: 41.403706, longitude: 2.173504, name: 'Taller de la esquina', address: 'Carrer de Mallorca 401, Barcelona, España' },
  { latitude: -34.603722, longitude: -58.381592, name: 'Obra del Obelisco', address: 'Av. 9 de Julio, Buenos Aires, Argentina' },
  { latitude: 19.432608, longitude: -99.133209, name: 'Depósito Centro', address: 'Plaza de la Constitución, Ciudad de México' },
];

const people = [
  { name: 'Marta Soler', phone: '34600333444', organisation: 'Reformas Soler', email: 'marta@example.com' },
  { name: 'Julián Peña', phone: '5491155443322', organisation: '' },
  { name: '<script>document.title="roto"</script>', phone: '34600555666', organisation: '"><img src=x onerror=alert(1)>' },
];

const products = [
  { id: 'taladro-18v', name: 'Taladro 18 V', price: 89.9 },
  { id: 'broca-6mm', name: 'Broca de 6 mm', price: 2.5 },
  { id: 'guantes-m', name: 'Guantes, talla M', price: 7.25 },
];

const problemLine = () => make('p', { class: 'problem', role: 'alert' });

/** Asks for files; `choose` gets them. `accept` as browsers know it. */
export function pickFiles(accept, multiple, choose) {
  const input = make('input', { type: 'file', class: 'hidden', multiple, accept, 'data-testid': 'file-input', tabIndex: -1, 'aria-hidden': 'true' });
  input.addEventListener('change', () => { const files = [...input.files]; input.remove(); if (files.length) choose(files); });
  document.querySelectorAll('input[data-testid="file-input"]').forEach(old => old.remove());
  document.body.append(input);
  input.click();
}

/** Shows chosen files before they are sent; `send` gets the files and the text for the first one. */
export function openFiles(phone, files, send) {
  const list = make('div', { class: 'previews' });
  const addresses = [];
  for (const file of files) {
    if (file.type.startsWith('image/')) {
      addresses.push(URL.createObjectURL(file));
      list.append(make('img', { src: addresses.at(-1), alt: file.name }));
    } else {
      list.append(make('span', { class: 'card' }, icon('file'), make('span', { class: 'card-text' }, make('b', {}, file.name), make('small', {}, Math.ceil(file.size / 1024) + ' KB'))));
    }
  }
  const caption = make('input', { type: 'text', maxLength: 1024, placeholder: 'Añade un texto', 'aria-label': 'Texto de la primera foto', 'data-testid': 'files-caption' });
  const title = files.length === 1 ? 'Enviar un archivo' : `Enviar ${files.length} archivos`;
  openWithButton(phone, title, make('div', { class: 'sheet-body fields' }, list, caption), 'Enviar', close => {
    close();
    addresses.forEach(address => URL.revokeObjectURL(address));
    send(files, caption.value.trim());
  }, 'files-send');
  caption.focus();
}

/** A place from the list or by its coordinates; `send` gets the location. */
export function openPlaces(phone, send) {
  const body = make('div', { class: 'sheet-body' });
  let close = () => {};
  for (const place of places) {
    body.append(make('button', { type: 'button', class: 'list-row', 'data-testid': 'place', on: { click: () => { close(); send(place); } } },
      icon('place'), make('span', { class: 'list-text' }, make('b', {}, place.name), make('small', {}, place.address))));
  }
  const field = (label, name) => make('input', { type: 'text', inputMode: 'decimal', placeholder: label, 'aria-label': label, 'data-testid': name });
  const latitude = field('Latitud', 'latitude');
  const longitude = field('Longitud', 'longitude');
  const problem = problemLine();
  const typed = make('form', { class: 'inline' }, latitude, longitude, make('button', { type: 'submit', class: 'primary', 'data-testid': 'place-send' }, 'Enviar'));
  typed.addEventListener('submit', event => {
    event.preventDefault();
    const [north, east] = [latitude, longitude].map(input => (input.value.trim() === '' ? NaN : Number(input.value.replace(',', '.'))));
    if (!(Math.abs(north) <= 90 && Math.abs(east) <= 180)) { problem.textContent = 'Escribe grados: latitud de -90 a 90, longitud de -180 a 180.'; return; }
    close();
    send({ latitude: north, longitude: east });
  });
  body.append(make('h4', {}, 'O escribe las coordenadas'), typed, problem);
  close = open(phone, 'Compartir ubicación', make('div', {}, body));
}

function cardOf(person) {
  return {
    name: { formatted_name: person.name, first_name: person.name.split(' ')[0] },
    phones: person.phone ? [{ phone: '+' + person.phone, wa_id: person.phone, type: 'CELL' }] : [],
    ...(person.organisation ? { org: { company: person.organisation } } : {}),
    ...(person.email ? { emails: [{ email: person.email, type: 'WORK' }] } : {}),
  };
}

/** Contact cards, one or several; `send` gets them. */
export function openCards(phone, send) {
  const body = make('div', { class: 'sheet-body' });
  const boxes = people.map((person, index) => {
    const box = make('input', { type: 'checkbox', 'data-testid': 'card-' + index, defaultChecked: index === 0 });
    body.append(make('label', { class: 'list-row' }, box,
      make('span', { class: 'list-text' }, make('b', {}, person.name), make('small', {}, '+' + person.phone))));
    return box;
  });
  const name = make('input', { type: 'text', maxLength: 100, placeholder: 'Otro nombre', 'aria-label': 'Otro nombre', 'data-testid': 'card-name' });
  const number = make('input', { type: 'tel', maxLength: 20, placeholder: 'Teléfono', 'aria-label': 'Teléfono', 'data-testid': 'card-number' });
  body.append(make('div', { class: 'inline' }, name, number));
  openWithButton(phone, 'Compartir contactos', body, 'Enviar', close => {
    const chosen = people.filter((_, index) => boxes[index].checked).map(cardOf);
    if (name.value.trim()) chosen.push(cardOf({ name: name.value.trim(), phone: number.value.replace(/\D/g, '') }));
    if (chosen.length === 0) return;
    close();
    send(chosen);
  }, 'cards-send');
}

/** A cart with quantities; `send` gets the order. */
export function openOrder(phone, send) {
  const body = make('div', { class: 'sheet-body' });
  const counts = products.map((product, index) => {
    const count = make('input', { type: 'number', min: 0, max: 99, value: index === 0 ? '1' : '0', 'aria-label': 'Cantidad de ' + product.name, 'data-testid': 'count-' + index });
    body.append(make('label', { class: 'list-row' },
      make('span', { class: 'list-text' }, make('b', {}, product.name), make('small', {}, product.price.toFixed(2).replace('.', ',') + ' €')), count));
    return count;
  });
  const note = make('input', { type: 'text', maxLength: 200, placeholder: 'Mensaje para la tienda', 'aria-label': 'Mensaje para la tienda', 'data-testid': 'order-note' });
  body.append(make('div', { class: 'inline' }, note));
  openWithButton(phone, 'Carrito', body, 'Enviar pedido', close => {
    const items = products
      .map((product, index) => ({ product_retailer_id: product.id, quantity: Math.trunc(Number(counts[index].value)), item_price: product.price, currency: 'EUR' }))
      .filter(item => item.quantity > 0);
    if (items.length === 0) return;
    close();
    send({ catalog_id: '194836987003835', ...(note.value.trim() ? { text: note.value.trim() } : {}), product_items: items });
  }, 'order-send');
}

/** One line of text under a title; `send` gets it. */
export function openLine(phone, title, label, value, action, send) {
  const input = make('input', { type: 'text', maxLength: 1000, 'aria-label': label, placeholder: label, 'data-testid': 'line' });
  input.value = value;
  const { button } = openWithButton(phone, title, make('div', { class: 'sheet-body fields' }, make('label', {}, label, input)), action, close => {
    if (input.value.trim() === '') return;
    close();
    send(input.value.trim());
  }, 'line-send');
  input.addEventListener('keydown', event => { if (event.key === 'Enter') { event.preventDefault(); button.click(); } });
  input.select();
}

/** A voice note where nothing can be recorded: the sample, or a file. */
export function openVoice(phone, why, sendSample, sendFile) {
  const body = make('div', { class: 'sheet-body' });
  let close = () => {};
  const row = (name, label, shape, run) => make('button', { type: 'button', class: 'list-row', 'data-testid': name, on: { click: () => { close(); run(); } } },
    icon(shape), make('span', { class: 'list-text' }, make('b', {}, label)));
  if (why) body.append(make('p', { class: 'quiet note' }, why));
  body.append(
    row('voice-sample', 'Enviar la nota de muestra', 'microphone', sendSample),
    row('voice-file', 'Elegir un archivo de audio', 'attach', () => pickFiles('audio/*', false, ([file]) => sendFile(file))));
  close = open(phone, 'Nota de voz', make('div', {}, body));
}
