// WhatsApp's text formatting, turned into elements: *bold* _italic_ ~strike~ ```mono``` and links.

const marks = [
  { sign: '```', tag: 'code', plain: true },
  { sign: '*', tag: 'strong' },
  { sign: '_', tag: 'em' },
  { sign: '~', tag: 's' },
];

const address = /https?:\/\/[^\s<>"']+[^\s<>"'.,;:!?)\]]/gu;
const letter = /[\p{L}\p{N}]/u;

// A sign opens only at the edge of a word and before a character that is no blank, and closes the same way.
function closing(text, start, sign) {
  const before = text[start - 1];
  const first = text[start + sign.length];
  if (first === undefined || (sign !== '```' && (/\s/.test(first) || (before && letter.test(before))))) return -1;
  let end = text.indexOf(sign, start + sign.length);
  while (end !== -1) {
    const after = text[end + sign.length];
    const inner = text.slice(start + sign.length, end);
    const fits = sign === '```'
      ? inner.length > 0
      : inner.length > 0 && !inner.includes('\n') && !/\s/.test(text[end - 1]) && !(after && letter.test(after));
    if (fits) return end;
    end = text.indexOf(sign, end + 1);
  }
  return -1;
}

function withLinks(text) {
  const nodes = [];
  let last = 0;
  for (const found of text.matchAll(address)) {
    nodes.push(text.slice(last, found.index));
    const link = document.createElement('a');
    link.href = found[0];
    link.target = '_blank';
    link.rel = 'noopener noreferrer';
    link.textContent = found[0];
    nodes.push(link);
    last = found.index + found[0].length;
  }
  nodes.push(text.slice(last));
  return nodes.filter(node => node !== '');
}

/** The nodes that show a message's text. */
export function formatted(text) {
  const nodes = [];
  let plain = '';
  const flush = () => {
    nodes.push(...withLinks(plain));
    plain = '';
  };
  // An address may hold the signs itself: it is taken whole.
  const links = [...text.matchAll(address)].map(found => [found.index, found.index + found[0].length]);
  let at = 0;
  while (at < text.length) {
    const link = links.find(([from]) => from === at);
    if (link) {
      plain += text.slice(link[0], link[1]);
      at = link[1];
      continue;
    }
    const mark = marks.find(({ sign }) => text.startsWith(sign, at));
    const end = mark ? closing(text, at, mark.sign) : -1;
    if (end === -1) {
      plain += text[at];
      at += 1;
      continue;
    }
    flush();
    const inner = text.slice(at + mark.sign.length, end);
    const element = document.createElement(mark.tag);
    element.append(...(mark.plain ? [inner] : formatted(inner)));
    nodes.push(element);
    at = end + mark.sign.length;
  }
  flush();
  return nodes;
}

/** Whether a text is one to three emoji and nothing else: WhatsApp shows those large. */
export function onlyEmoji(text) {
  const pieces = [...new Intl.Segmenter('es', { granularity: 'grapheme' }).segment(text.trim())].map(p => p.segment);
  return pieces.length > 0 && pieces.length <= 3 && pieces.every(piece => /\p{Extended_Pictographic}/u.test(piece));
}
