// Voice notes travel as Opus in Ogg. Chromium records Opus in WebM: the packets are the same, only the box around them is
// another one, so they are taken out of one and put into the other.

const containers = new Set([0x18538067, 0x1f43b675, 0x1654ae6b, 0xae, 0xa0]);
const privateCodec = 0x63a2;
const simpleBlock = 0xa3;
const block = 0xa1;

function readId(bytes, at) {
  let length = 1;
  while (length <= 4 && !(bytes[at] & (0x80 >> (length - 1)))) length += 1;
  let value = 0;
  for (let index = 0; index < length; index += 1) value = value * 256 + bytes[at + index];
  return [value, at + length];
}

// The size of an element; a size of ones only means: until the end.
function readSize(bytes, at) {
  let length = 1;
  while (length <= 8 && !(bytes[at] & (0x80 >> (length - 1)))) length += 1;
  let value = bytes[at] & (0xff >> length);
  let ones = value === (0xff >> length);
  for (let index = 1; index < length; index += 1) {
    value = value * 256 + bytes[at + index];
    ones = ones && bytes[at + index] === 0xff;
  }
  return [ones ? Infinity : value, at + length];
}

/** The head and the packets of the one Opus track of a WebM file. */
export function packetsOf(bytes) {
  const packets = [];
  let head = null;
  let at = 0;
  while (at < bytes.length) {
    const [id, afterId] = readId(bytes, at);
    const [size, start] = readSize(bytes, afterId);
    if (containers.has(id)) { at = start; continue; }
    const end = Math.min(bytes.length, start + size);
    if (id === privateCodec) head = bytes.slice(start, end);
    if (id === simpleBlock || id === block) {
      const [, afterTrack] = readSize(bytes, start);
      packets.push(bytes.slice(afterTrack + 3, end));
    }
    at = end;
  }
  return { head, packets };
}

const table = Uint32Array.from({ length: 256 }, (_, index) => {
  let value = index << 24;
  for (let bit = 0; bit < 8; bit += 1) value = (value << 1) ^ (value & 0x80000000 ? 0x04c11db7 : 0);
  return value >>> 0;
});

function checksum(bytes) {
  let value = 0;
  for (const byte of bytes) value = ((value << 8) ^ table[((value >>> 24) ^ byte) & 0xff]) >>> 0;
  return value;
}

function page(flags, position, serial, number, packet) {
  const sizes = [];
  for (let left = packet.length; ; left -= 255) {
    sizes.push(Math.min(left, 255));
    if (left < 255) break;
  }
  const bytes = new Uint8Array(27 + sizes.length + packet.length);
  const view = new DataView(bytes.buffer);
  bytes.set([0x4f, 0x67, 0x67, 0x53, 0, flags]);
  view.setBigUint64(6, BigInt(position), true);
  view.setUint32(14, serial, true);
  view.setUint32(18, number, true);
  bytes[26] = sizes.length;
  bytes.set(sizes, 27);
  bytes.set(packet, 27 + sizes.length);
  view.setUint32(22, checksum(bytes), true);
  return bytes;
}

// How many samples (48,000 a second) a packet lasts, by its first byte.
function samplesOf(packet) {
  const config = packet[0] >> 3;
  const frame = config < 12 ? [480, 960, 1920, 2880][config % 4] : config < 16 ? [480, 960][config % 2] : [120, 240, 480, 960][config % 4];
  const code = packet[0] & 3;
  const count = code === 0 ? 1 : code === 3 ? packet[1] & 0x3f : 2;
  return frame * count;
}

/** An Ogg file with the packets of a WebM recording. */
export function oggOf(webm) {
  const { head, packets } = packetsOf(webm);
  if (!head || packets.length === 0) throw new Error('la grabación está vacía');
  const name = new TextEncoder().encode('emulador');
  const tags = new Uint8Array(16 + name.length);
  tags.set(new TextEncoder().encode('OpusTags'));
  new DataView(tags.buffer).setUint32(8, name.length, true);
  tags.set(name, 12);
  const serial = 20260101;
  const pages = [page(2, 0, serial, 0, head), page(0, 0, serial, 1, tags)];
  let position = 0;
  packets.forEach((packet, index) => {
    position += samplesOf(packet);
    pages.push(page(index === packets.length - 1 ? 4 : 0, position, serial, index + 2, packet));
  });
  return new Blob(pages, { type: 'audio/ogg; codecs=opus' });
}
