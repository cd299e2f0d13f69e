// One message as a bubble. Everything that a person or the bot wrote is put in as text, never as HTML.

import { icon, make } from './icons.js';
import { formatted, onlyEmoji } from './markup.js';

const clock = new Intl.DateTimeFormat('es', { hour: '2-digit', minute: '2-digit' });

const mediaNames = {
  image: 'Foto', video: 'Vídeo', audio: 'Nota de voz', document: 'Documento', sticker: 'Sticker',
  location: 'Ubicación', contacts: 'Contacto', order: 'Pedido',
};

// What is no bubble but a line in the middle.
const quietLines = {
  request_welcome: () => 'Ha abierto el chat por primera vez',
  system: part => (part.wa_id ? 'Ahora tiene el número +' + part.wa_id : 'Ahora tiene otro id de usuario'),
};

const progress = {
  waiting: ['waiting', 'En espera'],
  sent: ['sent', 'Enviado'],
  delivered: ['double', 'Entregado'],
  read: ['double', 'Leído'],
  failed: ['failed', 'No entregado'],
};

/** The words that stand for a message in quotes and announcements. */
export function summary(message) {
  if (message.revoked) return 'Mensaje eliminado';
  const { type } = message.content;
  const part = message.content[type] ?? {};
  if (type === 'text') return part.body ?? '';
  if (type === 'interactive') return part.button_reply?.title ?? part.list_reply?.title ?? part.body?.text ?? 'Formulario';
  if (type === 'button') return part.text ?? '';
  if (type === 'template') return message.rendered?.body ?? 'Plantilla';
  if (type === 'contacts') return 'Contacto: ' + (part[0]?.name?.formatted_name ?? '');
  if (type === 'location' && part.name) return 'Ubicación: ' + part.name;
  if (type === 'document' && part.filename) return part.filename;
  return part.caption || mediaNames[type] || 'Mensaje no compatible';
}

const textNode = text => make('div', { class: 'text' }, ...formatted(text));
const source = part => (part.id ? '/_emulator/media/' + encodeURIComponent(part.id) : null);

function voice(part, seed) {
  const audio = make('audio', { src: source(part) ?? '', preload: 'metadata' });
  const button = make('button', { type: 'button', class: 'play', 'aria-label': 'Reproducir nota de voz' }, icon('play'));
  const length = make('span', { class: 'length' }, '0:00');
  const show = seconds => {
    if (Number.isFinite(seconds)) length.textContent = Math.floor(seconds / 60) + ':' + String(Math.round(seconds) % 60).padStart(2, '0');
  };
  audio.addEventListener('loadedmetadata', () => show(audio.duration));
  audio.addEventListener('timeupdate', () => show(audio.currentTime || audio.duration));
  const stopped = () => button.replaceChildren(icon('play'));
  audio.addEventListener('ended', stopped);
  audio.addEventListener('pause', stopped);
  button.addEventListener('click', () => {
    if (audio.paused) audio.play().then(() => button.replaceChildren(icon('pause')), stopped);
    else audio.pause();
  });
  const wave = make('span', { class: 'wave', 'aria-hidden': 'true' });
  for (let bar = 0; bar < 30; bar += 1) {
    const line = make('i');
    const code = seed.charCodeAt(seed.length - 2 - (bar % (seed.length - 8))) + bar * 7;
    line.style.height = 4 + (code % 17) + 'px';
    wave.append(line);
  }
  return make('div', { class: 'voice' }, button, make('span', { class: 'sound' }, wave, length), icon('microphone'), audio);
}

function picture(part, name, cssClass) {
  const address = source(part);
  if (address) return make('img', { class: cssClass, src: address, alt: part.caption || name, loading: 'lazy' });
  return card('photo', name, part.link ?? '', part.link);
}

function card(shape, title, detail, link) {
  const inner = [
    make('span', { class: 'card-icon' }, icon(shape)),
    make('span', { class: 'card-text' }, make('b', {}, title), make('small', {}, detail)),
  ];
  const safe = link && /^(https?:|\/_emulator\/)/.test(link);
  return safe
    ? make('a', { class: 'card', href: link, target: '_blank', rel: 'noopener noreferrer' }, ...inner)
    : make('div', { class: 'card' }, ...inner);
}

function place(part) {
  const map = make('div', { class: 'map', 'aria-hidden': 'true' }, icon('place'));
  const where = Number(part.latitude).toFixed(5) + ', ' + Number(part.longitude).toFixed(5);
  return make('div', { class: 'place' }, map, make('b', {}, part.name || 'Ubicación'), make('small', {}, part.address || where));
}

function media(type, part, message) {
  const caption = part.caption ? textNode(part.caption) : null;
  switch (type) {
    case 'image': return [picture(part, 'Foto', 'photo'), caption];
    case 'sticker': return [picture(part, 'Sticker', 'sticker')];
    case 'audio': return [voice(part, message.id)];
    case 'video': return [card('play', 'Vídeo', part.mime_type ?? '', source(part) ?? part.link), caption];
    case 'document': return [card('file', part.filename || 'Documento', part.mime_type ?? 'Documento', source(part) ?? part.link), caption];
    default: return [];
  }
}

// The address of the page that a text's first link leads to, as the preview shows it.
function preview(part) {
  const found = part.preview_url === true && /https?:\/\/[^\s<>"']+/u.exec(part.body ?? '');
  const address = found && URL.canParse(found[0]) ? new URL(found[0]) : null;
  if (!address) return null;
  return make('a', { class: 'card preview', 'data-testid': 'preview', href: address.href, target: '_blank', rel: 'noopener noreferrer' },
    make('span', { class: 'card-icon' }, icon('open')),
    make('span', { class: 'card-text' }, make('b', {}, address.host), make('small', {}, address.pathname === '/' ? 'Vista previa del enlace' : address.pathname)));
}

// The answers of a form, one below the other; files by their names.
function formAnswer(text) {
  let answer = null;
  try { answer = JSON.parse(text); } catch { /* Shown as it is. */ }
  if (!answer || typeof answer !== 'object') return [textNode('Formulario enviado'), make('code', {}, text)];
  const said = value => (Array.isArray(value) ? value.map(item => item?.file_name ?? String(item)).join(', ') : String(value ?? ''));
  const lines = Object.entries(answer).filter(([name, value]) => name !== 'flow_token' && said(value) !== '');
  return [
    make('div', { class: 'title' }, 'Formulario enviado'),
    make('dl', { class: 'answers' }, ...lines.flatMap(([name, value]) => [make('dt', {}, name), make('dd', {}, said(value))])),
  ];
}

function order(part) {
  const items = Array.isArray(part.product_items) ? part.product_items : [];
  const total = items.reduce((sum, item) => sum + Number(item.item_price) * Number(item.quantity), 0);
  const count = items.reduce((sum, item) => sum + Number(item.quantity), 0);
  return [
    card('cart', count === 1 ? '1 artículo' : count + ' artículos', total.toFixed(2).replace('.', ',') + ' ' + (items[0]?.currency ?? '')),
    part.text ? textNode(part.text) : null,
  ];
}

function advertisement(referral) {
  if (!referral) return null;
  return make('div', { class: 'card ad' }, make('span', { class: 'card-icon' }, icon('ad')),
    make('span', { class: 'card-text' }, make('small', {}, 'Anuncio'), make('b', {}, referral.headline ?? ''), make('small', {}, referral.body ?? '')));
}

function interactive(part, message) {
  const reply = part.button_reply ?? part.list_reply;
  if (reply) return [textNode(reply.title), reply.description ? make('small', { class: 'footer' }, reply.description) : null];
  if (part.nfm_reply) return formAnswer(part.nfm_reply.response_json);
  const { header } = part;
  return [
    header?.type === 'text' ? make('div', { class: 'title' }, header.text) : null,
    ...(header && header.type !== 'text' ? media(header.type, header[header.type] ?? {}, message) : []),
    textNode(part.body?.text ?? ''),
    part.footer?.text ? make('small', { class: 'footer' }, part.footer.text) : null,
  ];
}

function contents(message) {
  const { type } = message.content;
  const part = message.content[type] ?? {};
  switch (type) {
    case 'text': return [preview(part), make('div', { class: onlyEmoji(part.body ?? '') ? 'text large' : 'text' }, ...formatted(part.body ?? ''))];
    case 'order': return order(part);
    case 'interactive': return interactive(part, message);
    case 'template': return [textNode(message.rendered?.body ?? part.name ?? '')];
    case 'button': return [textNode(part.text ?? '')];
    case 'location': return [place(part)];
    case 'contacts': {
      const cards = Array.isArray(part) ? part : [];
      return cards.map(one => card('person', one.name?.formatted_name ?? 'Contacto', one.phones?.[0]?.phone ?? ''));
    }
    case 'unsupported': {
      const code = message.content.errors?.[0]?.code;
      const what = code === 131052 ? 'Archivo demasiado grande' : 'Mensaje de un tipo no compatible';
      return [make('em', { class: 'quiet' }, message.content.unsupported?.type === 'poll_creation' ? 'Encuesta (no compatible)' : what)];
    }
    default:
      return mediaNames[type]
        ? media(type, part, message)
        : [make('em', { class: 'quiet' }, 'Mensaje de tipo «' + type + '»'), make('code', {}, JSON.stringify(part))];
  }
}

function quote(quoted, business) {
  if (!quoted) return null;
  const who = quoted.from === 'customer' ? 'Tú' : business;
  return make('blockquote', { class: 'quote' }, make('b', {}, who), make('span', {}, summary(quoted).slice(0, 160)));
}

// What can be tapped under a message of the business.
function choices(message, acts) {
  const part = message.content[message.content.type] ?? {};
  const action = part.action ?? {};
  const used = Boolean(message.chosen);
  const button = (text, run, more = {}) => make(
    'button', { type: 'button', class: 'choice', ...more, on: { click: run } }, more.shape ? icon(more.shape) : null, text);

  if (message.content.type === 'template') {
    return (message.rendered?.replies ?? []).map(text => button(text, () => acts.press(message, text), {
      disabled: used, shape: 'reply', 'data-testid': 'reply-button', 'aria-pressed': String(message.chosen === text),
    }));
  }
  if (message.content.type !== 'interactive') return [];
  switch (part.type) {
    case 'button':
      return (action.buttons ?? []).map(({ reply }) => button(reply.title, () => acts.press(message, reply.id), {
        disabled: used, shape: 'reply', 'data-testid': 'reply-button', 'aria-pressed': String(message.chosen === reply.id),
      }));
    case 'list':
      return [button(action.button ?? 'Ver opciones', () => acts.openList(message), {
        shape: 'list', 'data-testid': 'list-open', 'aria-haspopup': 'dialog',
      })];
    case 'cta_url': {
      const url = action.parameters?.url ?? '';
      return /^https?:/.test(url)
        ? [make('a', { class: 'choice', href: url, target: '_blank', rel: 'noopener noreferrer' }, icon('open'), action.parameters.display_text)]
        : [];
    }
    case 'location_request_message':
      return [button('Enviar ubicación', () => acts.answerPlace(message), { disabled: used, shape: 'place', 'data-testid': 'reply-button' })];
    case 'request_contact_info':
      return [button('Compartir mi número', () => acts.shareNumber(message), { disabled: used, shape: 'person', 'data-testid': 'reply-button' })];
    case 'flow':
      return [button(action.parameters?.flow_cta ?? 'Abrir', () => acts.openForm(message), { disabled: used, shape: 'list', 'data-testid': 'reply-button' })];
    default: return [];
  }
}

function tick(message) {
  const [shape, label] = progress[message.status] ?? progress.waiting;
  const mark = icon(shape, label);
  mark.setAttribute('data-testid', 'tick');
  mark.setAttribute('data-status', message.status);
  mark.classList.add('tick', 'tick-' + message.status);
  return mark;
}

const tool = (name, label, shape, run) =>
  make('button', { type: 'button', 'data-testid': name, 'aria-label': label, title: label, on: { click: run } }, icon(shape));

/** The row that shows a message. `acts` are the functions that taps call. */
export function bubble(message, quoted, business, acts) {
  const { type } = message.content;
  if (quietLines[type]) {
    const words = quietLines[type](message.content[type] ?? {});
    return make('li', { class: 'day row-quiet', 'data-testid': 'bubble-quiet', 'data-id': message.id, 'data-type': type }, make('span', {}, words));
  }
  const own = message.from === 'customer';
  const failed = message.status === 'failed';
  const time = make('time', { dateTime: new Date(message.at).toISOString() }, clock.format(message.at));
  const meta = make('span', { class: 'meta' }, message.edited && !message.revoked ? 'Editado ' : null, time, own || failed ? tick(message) : null);
  const bare = type === 'sticker' && !message.revoked;
  const forwarded = message.content.context?.forwarded || message.content.context?.frequently_forwarded;
  const reactions = [message.reaction, message.ownReaction].filter(Boolean);
  const body = make(
    'div', { class: 'bubble' + (bare ? ' bare' : '') + (failed ? ' failed' : '') },
    make('span', { class: 'hidden' }, own ? 'Tú: ' : business + ': '),
    forwarded ? make('small', { class: 'forwarded' }, icon('forward'), message.content.context.frequently_forwarded ? 'Reenviado muchas veces' : 'Reenviado') : null,
    quote(quoted, business),
    advertisement(message.content.referral),
    ...(message.revoked ? [make('em', { class: 'quiet' }, own ? 'Eliminaste este mensaje' : 'Se eliminó este mensaje')] : contents(message)),
    meta,
    failed ? make('small', { class: 'problem' }, 'No entregado: ' + message.error?.code + ' ' + (message.error?.title ?? '')) : null,
    reactions.length ? make('span', { class: 'reaction', 'data-testid': 'reaction', title: 'Reacción' }, reactions.join(' ')) : null,
  );
  const tools = message.revoked ? null : make('span', { class: 'tools' },
    tool('reply', 'Responder a este mensaje', 'reply', () => acts.quote(message)),
    tool('react', 'Reaccionar', 'smile', () => acts.react(message)),
    tool('more', 'Más', 'more', () => acts.more(message)));
  const offered = choices(message, acts);
  return make('li', {
    class: 'row ' + (own ? 'out' : 'in'), 'data-testid': own ? 'bubble-out' : 'bubble-in',
    'data-id': message.id, 'data-status': message.status, 'data-type': type, tabIndex: -1,
  }, make('div', { class: 'line' }, body, tools), offered.length ? make('div', { class: 'offers' }, ...offered) : null);
}
