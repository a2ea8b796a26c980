// A table that can be sorted by its columns, and becomes cards where there is no room.
// broker/pages/console/: rows are kept by key from poll to poll.
import { h, KeyedList, setAttribute } from './dom.js';

const ORDER = new Intl.Collator('en', { numeric: true });

/**
 * `columns`: [{name, title, of, kind, make}]. `of(item)` is what it is sorted by (none: it is not);
 * `make()` gives a cell's {node, update(item)} or {text(item)}; `kind` is a class.
 */
export class Table {
  #columns;
  #sort;
  #list;
  #heads = new Map();
  #items = [];
  #keyOf;

  constructor({ caption, columns, sort, keyOf }) {
    this.#columns = columns;
    this.#sort = sort;
    this.#keyOf = keyOf;
    const body = h('tbody');
    this.#list = new KeyedList(body, () => this.#row());
    this.node = h(
      'table',
      { class: 'sortable' },
      h('caption', { class: 'unseen' }, caption),
      h(
        'thead',
        {},
        h(
          'tr',
          {},
          columns.map((column) => this.#head(column)),
        ),
      ),
      body,
    );
  }

  show(items) {
    this.#items = items;
    const { by, down } = this.#sort;
    const { of } = this.#columns.find(({ name }) => name === by);
    const sorted = [...items].sort(
      (a, b) =>
        (down ? compare(of(b), of(a)) : compare(of(a), of(b))) ||
        ORDER.compare(this.#keyOf(a), this.#keyOf(b)),
    );
    this.#list.show(sorted, this.#keyOf);
    for (const [name, head] of this.#heads) {
      setAttribute(head, 'aria-sort', name === by ? (down ? 'descending' : 'ascending') : null);
    }
  }

  #head({ name, title, of, kind }) {
    const sort = () => {
      // Names begin at A, numbers at the largest.
      const down = this.#sort.by === name ? !this.#sort.down : kind === 'number';
      this.#sort = { by: name, down };
      this.show(this.#items);
    };
    const head = h(
      'th',
      { scope: 'col', class: kind ?? null },
      of ? h('button', { type: 'button', on: { click: sort } }, title) : title,
    );
    if (of) this.#heads.set(name, head);
    return head;
  }

  #row() {
    const cells = this.#columns.map(({ title, kind, make }) => {
      const content = make();
      const cell = h('td', { class: kind ?? null, data: { label: title } }, content.node ?? null);
      const update =
        content.update ??
        ((item) => {
          const text = content.text(item);
          if (cell.textContent !== text) cell.textContent = text;
        });
      return { cell, update };
    });
    return {
      node: h(
        'tr',
        {},
        cells.map(({ cell }) => cell),
      ),
      update: (item) => {
        for (const { update } of cells) update(item);
      },
    };
  }
}

function compare(a, b) {
  return typeof a === 'string' ? ORDER.compare(a, b) : (a ?? -1) - (b ?? -1);
}
