// Figures in a row, each with its name, and a line of its last minutes if it has one.
// broker/pages/console/: the head of every view.
import { h, setText } from './dom.js';
import { Sparkline } from './chart.js';
import { NONE } from './format.js';

/** `spark`: with a line. update({value, unit, note, points}). */
export function tile(name, { spark = false } = {}) {
  const value = h('b', {});
  const unit = h('small', {});
  const note = h('span', { class: 'note' });
  const line = spark ? new Sparkline(120, 28) : undefined;
  return {
    node: h(
      'div',
      { class: 'tile' },
      h('dt', {}, name),
      h('dd', {}, h('span', { class: 'figure' }, value, unit), note, line?.node ?? null),
    ),
    update({ value: figure, unit: of = '', note: more = '', points }) {
      setText(value, figure);
      setText(unit, of && figure !== NONE ? ` ${of}` : '');
      setText(note, more);
      if (line && points) line.update(points);
    },
  };
}

export function tileRow(label, tiles) {
  return h(
    'dl',
    { class: 'tiles', 'aria-label': label },
    tiles.map(({ node }) => node),
  );
}
