// A small picture of a text: two that look the same are of the same text.
// broker/pages/demo/: how two windows are seen to agree, without reading every note.
const SVG = 'http://www.w3.org/2000/svg';
const SIZE = 5;

/** FNV-1a over UTF-16 units; two of them with different beginnings make 64 bits. */
function hash(text, beginning) {
  let value = beginning;
  for (let at = 0; at < text.length; ++at) {
    value = Math.imul(value ^ text.charCodeAt(at), 0x01000193);
  }
  // Its low bits hardly see the last characters; mix them once more.
  value = Math.imul(value ^ (value >>> 15), 0x2c1b3c6d);
  return (value ^ (value >>> 13)) >>> 0;
}

/** Eight hexadecimal digits, and the picture's cells and hue. */
export function fingerprint(text) {
  const bits = hash(text, 0x811c9dc5);
  const more = hash(text, 0x2f0b4c47);
  const cells = [];
  for (let at = 0; at < 15; ++at) {
    const [row, column] = [Math.floor(at / 3), at % 3];
    // Two bits for each cell: nothing, pale, or full; the right half mirrors the left.
    const tone = (bits >>> (at * 2)) & 3;
    if (tone === 0) continue;
    cells.push([column, row, tone]);
    if (column < 2) cells.push([SIZE - 1 - column, row, tone]);
  }
  return { name: bits.toString(16).padStart(8, '0'), cells, hue: more % 360 };
}

export function draw(svg, { name, cells, hue }) {
  svg.replaceChildren(...cells.map(([x, y, tone]) => {
    const cell = document.createElementNS(SVG, 'rect');
    for (const [field, value] of Object.entries({ x, y, width: 1, height: 1 })) {
      cell.setAttribute(field, value);
    }
    if (tone === 1) cell.setAttribute('class', 'pale');
    return cell;
  }));
  svg.style.setProperty('--hue', hue);
  svg.dataset.name = name;
  svg.setAttribute('aria-label', `Picture of the board, ${name}`);
}
