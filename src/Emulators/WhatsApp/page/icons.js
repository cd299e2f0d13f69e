// Small drawings, made as elements so that nothing is ever parsed as HTML.

const shapes = {
  send: 'M3 4.5 21 12 3 19.5 5.5 12.8 14 12 5.5 11.2z',
  attach: 'M11 5h2v6h6v2h-6v6h-2v-6H5v-2h6z',
  close: 'm6.4 5 5.6 5.6L17.6 5 19 6.4 13.4 12l5.6 5.6-1.4 1.4-5.6-5.6L6.4 19 5 17.6l5.6-5.6L5 6.4z',
  reply: 'M10 5v4c7 1 10 6 11 11-2.500-3.500-6-5.100-11-5.100V19l-7-7z',
  list: 'M4 6h2v2H4zm4 0h12v2H8zM4 11h2v2H4zm4 0h12v2H8zm-4 5h2v2H4zm4 0h12v2H8z',
  open: 'M14 4h6v6h-2V7.400l-8.300 8.300-1.400-1.400L16.600 6H14zM5 6h6v2H7v9h9v-4h2v6H5z',
  place: 'M12 2a7 7 0 0 1 7 7c0 5-7 13-7 13S5 14 5 9a7 7 0 0 1 7-7m0 4.500A2.500 2.500 0 1 0 12 11.500 2.500 2.500 0 0 0 12 6.500',
  file: 'M6 2h8l5 5v15H6zm7 2v4h4z',
  person: 'M12 4a4 4 0 1 1 0 8 4 4 0 0 1 0-8m0 10c4.400 0 8 2 8 4.500V20H4v-1.500C4 16 7.600 14 12 14',
  play: 'M8 5v14l11-7z',
  pause: 'M7 5h4v14H7zm6 0h4v14h-4z',
  microphone: 'M12 3a3 3 0 0 1 3 3v5a3 3 0 0 1-6 0V6a3 3 0 0 1 3-3m-7 8h2a5 5 0 0 0 10 0h2a7 7 0 0 1-6 6.900V21h-2v-3.100A7 7 0 0 1 5 11',
  photo: 'M4 5h16v14H4zm2 11h12l-4-5-3 3.500L9 12zM8.500 7.500a1.500 1.500 0 1 0 0 3 1.500 1.500 0 0 0 0-3',
  sticker: 'M5 3h14v10l-6 8H5zm3.500 5a1.300 1.300 0 1 0 0 2.600 1.300 1.300 0 0 0 0-2.600m7 0a1.300 1.300 0 1 0 0 2.600 1.300 1.300 0 0 0 0-2.600M8 13c1 3 7 3 8 0z',
  poll: 'M5 4h10v3H5zm0 6h14v3H5zm0 6h7v3H5z',
  smile: 'M12 2a10 10 0 1 1 0 20 10 10 0 0 1 0-20m0 2a8 8 0 1 0 0 16 8 8 0 0 0 0-16M8.500 8a1.500 1.500 0 1 1 0 3 1.500 1.500 0 0 1 0-3m7 0a1.500 1.500 0 1 1 0 3 1.500 1.500 0 0 1 0-3M7 13.500h10c-.600 2.600-2.600 4.500-5 4.500s-4.400-1.900-5-4.500',
  more: 'M12 4a2 2 0 1 1 0 4 2 2 0 0 1 0-4m0 6a2 2 0 1 1 0 4 2 2 0 0 1 0-4m0 6a2 2 0 1 1 0 4 2 2 0 0 1 0-4',
  forward: 'M14 5v4C7 10 4 15 3 20c2.500-3.500 6-5.100 11-5.100V19l7-7z',
  edit: 'M4 16.500V20h3.500L18 9.500 14.500 6zM19.600 7.900a1 1 0 0 0 0-1.400l-2.100-2.100a1 1 0 0 0-1.400 0L14.700 5.800l3.500 3.500z',
  trash: 'M7 8h10l-1 13H8zm2-4h6l1 2h4v2H4V6h4z',
  phone: 'M7 3 4 6c0 8 6 14 14 14l3-3-4-4-3 2c-2.300-1-4-2.700-5-5l2-3z',
  block: 'M12 2a10 10 0 1 1 0 20 10 10 0 0 1 0-20m0 2.500A7.500 7.500 0 0 0 6 16.600L16.600 6A7.500 7.500 0 0 0 12 4.500m6 2.900L7.400 18A7.500 7.500 0 0 0 18 7.400',
  cart: 'M3 4h3l1 3h14l-2.500 8h-10L5.500 6H3zm6 13a2 2 0 1 1 0 4 2 2 0 0 1 0-4m8 0a2 2 0 1 1 0 4 2 2 0 0 1 0-4',
  ad: 'M4 9v6h3l8 5V4L7 9zm13 0v6a3.500 3.500 0 0 0 0-6',
  chat: 'M4 4h16v12H9l-5 4zm4 4v2h8V8zm0 3.500v2h6v-2z',
  large: 'M6 2h8l5 5v15H6zm5 6v6h2V8zm0 8v2h2v-2z',
  stop: 'M6 6h12v12H6z',
  down: 'm6 9 6 6 6-6 1.400 1.400L12 17.800 4.600 10.400z',
  waiting: 'M12 3a9 9 0 1 1 0 18 9 9 0 0 1 0-18m0 2a7 7 0 1 0 0 14 7 7 0 0 0 0-14m-1 2.500h2V12l3 2-1 1.600-4-2.600z',
  sent: 'm4.500 12.500 1.500-1.500 4 4 8.500-9 1.500 1.500-10 10.500z',
  double: 'm1 12.500 1.500-1.500 4 4L15 6l1.500 1.500L6.500 18zm9.500 3.400L12 14.300l.7.700L21.200 6l1.500 1.500-10 10.500z',
  failed: 'M12 2a10 10 0 1 1 0 20 10 10 0 0 1 0-20m-1.200 5v6.500h2.400V7zm0 8.200v2.400h2.400v-2.400z',
};

/** An SVG of the named shape; hidden from assistive technology unless a label is given. */
export function icon(name, label) {
  const space = 'http://www.w3.org/2000/svg';
  const svg = document.createElementNS(space, 'svg');
  svg.setAttribute('viewBox', '0 0 24 24');
  svg.setAttribute('class', 'icon icon-' + name);
  if (label) {
    svg.setAttribute('role', 'img');
    svg.setAttribute('aria-label', label);
  } else {
    svg.setAttribute('aria-hidden', 'true');
  }
  const path = document.createElementNS(space, 'path');
  path.setAttribute('d', shapes[name]);
  path.setAttribute('fill', 'currentColor');
  path.setAttribute('fill-rule', 'evenodd');
  svg.append(path);
  return svg;
}

/** An element with properties, data attributes and children; text children stay text. */
export function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === null || value === false) continue;
    if (name === 'class') element.className = value;
    else if (name === 'on') for (const [event, handler] of Object.entries(value)) element.addEventListener(event, handler);
    else if (name in element && !name.includes('-')) element[name] = value;
    else element.setAttribute(name, value === true ? '' : value);
  }
  element.append(...children.filter(child => child !== null && child !== undefined && child !== false));
  return element;
}
