// JSON as people like to read it: indented, with a colour for each kind of value.
// broker/pages/console/: made of text nodes, so that no data can become markup.
import { h } from './dom.js';

/** Beyond it there are no colours: a hundred thousand elements would freeze the page. */
const COLOURED_LENGTH = 100_000;

const TOKEN = /("(?:[^"\\]|\\.)*")(\s*:)?|\b(true|false|null)\b|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;

/** An element with the value in it. */
export function jsonView(value) {
  const text = JSON.stringify(value, null, 2);
  const code = h('code');
  if (text.length > COLOURED_LENGTH) code.append(text);
  else colour(text, code);
  return h('pre', { class: 'json', tabindex: '0', 'aria-label': 'Data' }, code);
}

function colour(text, code) {
  let end = 0;
  for (const found of text.matchAll(TOKEN)) {
    const [token, string, colon, word] = found;
    code.append(text.slice(end, found.index));
    const kind = colon ? 'name' : string ? 'string' : word ? 'word' : 'number';
    code.append(h('span', { class: kind }, colon ? string : token));
    if (colon) code.append(colon);
    end = found.index + token.length;
  }
  code.append(text.slice(end));
}

/** Bytes as a hex dump, the first of them. */
export function bytesView(bytes, most = 4096) {
  const lines = [];
  for (let start = 0; start < Math.min(bytes.length, most); start += 16) {
    const row = [...bytes.subarray(start, Math.min(start + 16, most))];
    const hex = row
      .map((byte) => byte.toString(16).padStart(2, '0'))
      .join(' ')
      .padEnd(47);
    const plain = row
      .map((byte) => (byte > 31 && byte < 127 ? String.fromCharCode(byte) : '·'))
      .join('');
    lines.push(`${start.toString(16).padStart(6, '0')}  ${hex}  ${plain}`);
  }
  if (bytes.length > most) lines.push(`… ${bytes.length - most} bytes more`);
  return h(
    'pre',
    { class: 'json', tabindex: '0', 'aria-label': 'Data' },
    h('code', {}, lines.join('\n')),
  );
}
