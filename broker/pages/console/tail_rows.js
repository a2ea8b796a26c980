// The rows of a tail: an event in a line that opens to all there is of it, or a gap.
// broker/pages/console/: what is inside a row is made when it is opened.
import { toast } from './dialogs.js';
import { h } from './dom.js';
import * as format from './format.js';
import { bytesView, jsonView } from './json_view.js';

const PREVIEW = 400;

/** An entry of a tail, for a KeyedList. */
export function row({ item, text }) {
  return { node: item.type === 'event' ? eventRow(item, text) : gapRow(item), update() {} };
}

function gapRow({ gap, next }) {
  const last = gap.end - 1;
  const range =
    gap.first === last
      ? `Event ${format.count(last)} is`
      : `Events ${format.count(gap.first)} to ${format.count(last)} are`;
  const causes = {
    count: 'retention by number',
    bytes: 'retention by size',
    age: 'retention by age',
    trimmed: 'a trim by request',
    epoch: 'another history of this topic',
    ahead: 'the log ends before them',
    corrupt: 'damage on the disk',
  };
  const on = next === 'earliest' ? ` Going on from ${format.count(gap.earliest)}.` : '';
  return h('li', { class: 'gap' }, `${range} gone: ${causes[gap.cause] ?? gap.cause}.${on}`);
}

function eventRow(item, text) {
  const time = format.moment(item.time);
  const details = h(
    'details',
    { on: { toggle: () => open() } },
    h(
      'summary',
      {},
      h('span', { class: 'offset' }, format.count(item.offset)),
      h('time', { datetime: new Date(item.time).toISOString() }, time),
      h('span', { class: 'event-key', title: item.key ?? '' }, item.key ?? ''),
      h('span', { class: 'preview' }, text.length > PREVIEW ? `${text.slice(0, PREVIEW)}…` : text),
    ),
  );
  const open = () => {
    if (details.open && details.childElementCount === 1) details.append(eventBody(item, text));
  };
  return h('li', {}, details);
}

function eventBody(item, text) {
  const { data } = item;
  const view =
    data instanceof Uint8Array
      ? bytesView(data)
      : typeof data === 'string'
        ? h('pre', { class: 'json', tabindex: '0', 'aria-label': 'Data' }, h('code', {}, data))
        : jsonView(data);
  const facts = [
    ['Time', new Date(item.time).toISOString()],
    ['Position', `epoch ${item.position.epoch}, offset ${item.position.offset}`],
    ...(item.key === undefined ? [] : [['Key', item.key]]),
    ...Object.entries(item.headers ?? {}).map(([name, value]) => [`Header ${name}`, value]),
  ];
  return h(
    'div',
    { class: 'event-body' },
    h(
      'dl',
      { class: 'facts' },
      facts.map(([name, value]) => h('div', {}, h('dt', {}, name), h('dd', {}, value))),
    ),
    view,
    copyButton(text, data),
  );
}

/** Only where the browser lets pages copy: over TLS and on this machine. */
function copyButton(text, data) {
  if (!navigator.clipboard || data instanceof Uint8Array) return null;
  const whole = typeof data === 'string' ? text : JSON.stringify(data, null, 2);
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(whole);
      toast('Copied.');
    } catch {
      toast('The browser does not let this page copy.');
    }
  };
  return h('button', { type: 'button', class: 'small', on: { click: copy } }, 'Copy data');
}
