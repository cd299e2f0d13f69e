// What a person does on a phone: each tap becomes a call to the emulator.

import { attempt, call, now, upload } from './calls.js';
import { openForm } from './forms.js';
import { openPerson } from './people.js';
import { openCards, openFiles, openLine, openOrder, openPlaces, openVoice, pickFiles } from './pickers.js';
import { openActions, openEmoji, openGrid, openList } from './sheets.js';

const editable = 15 * 60_000;
const deletable = 2 * 24 * 3_600_000;

/** The acts of a phone. `phone` is what handset.js builds: root, customer, number, quoteIn, editIn. */
export function acts(phone) {
  const { root } = phone;
  const send = content => attempt(() => call('send', { customer: phone.customer.id, number: phone.number, ...content }));
  const message = content => send({ message: content });
  const press = (asked, choice) => send({ press: { message: asked.id, id: choice } });
  const file = (one, type, caption) => attempt(() => upload('media', one, type, {
    customer: phone.customer.id, number: phone.number, name: one.name ?? 'nota-de-voz.ogg', ...(caption ? { caption } : {}),
  }));

  async function files(chosen, caption) {
    for (const [index, one] of chosen.entries()) {
      if (!await file(one, one.type, index === 0 ? caption : '')) return;
    }
  }

  const chooseFiles = accept => pickFiles(accept, true, chosen => openFiles(root, chosen, files));
  const voiceFile = one => file(one, one.type.includes('ogg') ? 'audio/ogg; codecs=opus' : one.type);
  const voice = why => openVoice(root, why, () => send({ sample: 'voice' }), voiceFile);
  const react = asked => openEmoji(root, asked.from === 'customer' ? asked.ownReaction : asked.reaction,
    emoji => send({ react: { message: asked.id, emoji } }));

  function more(asked) {
    const own = asked.from === 'customer';
    const part = asked.content[asked.content.type] ?? {};
    const text = asked.content.type === 'text' ? part.body : part.caption;
    const age = now() - asked.at;
    const entries = [
      ['action-reply', 'Responder', 'reply', () => phone.quoteIn(asked)],
      ['action-react', 'Reaccionar', 'smile', () => react(asked)],
      ['action-forward', 'Reenviar a la empresa', 'forward', () => send({ forward: { message: asked.id } })],
    ];
    if (own && text !== undefined && age < editable) entries.push(['action-edit', 'Editar', 'edit', () => phone.editIn(asked, text)]);
    if (own && age < deletable) entries.push(['action-delete', 'Eliminar', 'trash', () => send({ delete: { message: asked.id } })]);
    openActions(root, 'Mensaje', entries);
  }

  function attach() {
    openGrid(root, 'Adjuntar', [
      ['attach-photos', 'Fotos', 'photo', () => chooseFiles('image/*,video/*')],
      ['attach-files', 'Archivos', 'file', () => chooseFiles('')],
      ['attach-place', 'Ubicación', 'place', () => openPlaces(root, location => message({ type: 'location', location }))],
      ['attach-cards', 'Contactos', 'person', () => openCards(root, contacts => message({ type: 'contacts', contacts }))],
      ['attach-voice', 'Nota de voz', 'microphone', () => voice('')],
      ['attach-order', 'Pedido', 'cart', () => openOrder(root, order => message({ type: 'order', order }))],
      ['attach-ad', 'Desde anuncio', 'ad', () => openLine(root, 'Llega de un anuncio', 'Primer mensaje', 'Hola, vi vuestro anuncio', 'Enviar', advertisement => send({ advertisement }))],
      ['attach-open', 'Abrir el chat', 'chat', () => send({ open: true })],
      ['sample-photo', 'Foto de muestra', 'photo', () => send({ sample: 'photo' })],
      ['sample-document', 'PDF de muestra', 'file', () => send({ sample: 'document' })],
      ['sample-sticker', 'Sticker', 'sticker', () => send({ sample: 'sticker' })],
      ['sample-unsupported', 'Encuesta', 'poll', () => send({ sample: 'unsupported' })],
      ['sample-too-large', 'Más de 100 MB', 'large', () => send({ sample: 'too-large' })],
    ]);
  }

  return {
    press, react, more, attach, voice, voiceFile,
    text: (text, replyTo) => send({ text, replyTo }),
    edit: (asked, text) => send({ edit: { message: asked.id, text } }),
    quote: asked => phone.quoteIn(asked),
    person: () => openPerson(root, phone.customer),
    openList: asked => openList(root, asked, choice => press(asked, choice)),
    openForm: asked => openForm(root, phone.customer.id, phone.number, asked),
    answerPlace: asked => openPlaces(root, location => send({ answer: { message: asked.id, content: { type: 'location', location } } })),
    shareNumber: asked => send({ shareNumber: { message: asked.id } }),
  };
}
