// Named cursors and how far behind they are.
// broker/pages/console/: a page of its own, and a tab of each topic.
import { collect, isAbort } from './api.js';
import { h, setText, show } from './dom.js';
import * as format from './format.js';
import { Poller } from './poller.js';
import { topicRoute } from './router.js';
import { Table } from './table.js';
import { tile, tileRow } from './tiles.js';
import { empty, explain, leftOut, notice, RIGHTS } from './words.js';

const EVERY_MS = 3000;
const MOST = 1000;

/** What to think of a cursor: [kind, words, how bad it is]. */
export function standing({ in_epoch: here, lag, falling }) {
  if (!here) return ['bad', 'Another history', 4];
  if (lag.lost > 0) return ['bad', `Lost ${format.count(lag.lost)}`, 3];
  if (falling) return ['warn', 'Falling', 2];
  return lag.events > 0 ? ['busy', 'Behind', 1] : ['good', 'Up to date', 0];
}

export class CursorList {
  #app;
  #topic;
  #cursors;
  #more = false;
  #table;
  #told;
  #search = h('input', {
    type: 'search',
    'aria-label': 'Find cursors',
    placeholder: 'Find cursors',
    autocomplete: 'off',
    spellcheck: 'false',
    on: { input: () => this.#searched() },
  });
  #count = h('span', { class: 'count', role: 'status' });
  #body = h('div', { class: 'list' });
  #poller;

  /** Of one topic, or of all if `topic` is undefined. `told(cursors)` hears of each poll. */
  constructor(app, topic, told = () => {}) {
    this.#app = app;
    this.#topic = topic;
    this.#told = told;
    this.#table = new Table({
      caption: 'Named cursors',
      keyOf: (cursor) => `${cursor.topic}\n${cursor.cursor}`,
      sort: { by: 'standing', down: true },
      columns: columns(topic === undefined),
    });
    this.node = h('div', {}, h('div', { class: 'tools' }, this.#search, this.#count), this.#body);
    this.#poller = new Poller(EVERY_MS, (signal) => this.#poll(signal));
  }

  get shortcuts() {
    return [{ keys: '/', does: 'Find cursors', run: () => this.#search.select() }];
  }

  close() {
    this.#poller.stop();
  }

  async #poll(signal) {
    const prefix = this.#more ? this.#search.value.trim() : '';
    try {
      const page = (after) => this.#app.api.cursors({ topic: this.#topic, prefix, after }, signal);
      const { items, more } = await collect(page, 'cursors', MOST);
      this.#cursors = items;
      this.#more = more || prefix !== '';
      this.#told(items);
      this.#show();
    } catch (error) {
      if (isAbort(error) || (this.#cursors && error.code === 'unreachable')) return;
      show(this.#body, notice(explain(error, 'the cursors', RIGHTS.cursors)));
      this.#cursors = undefined;
    }
  }

  #searched() {
    if (this.#more) this.#poller.now();
    if (this.#cursors) this.#show();
  }

  #show() {
    const wanted = this.#search.value.trim().toLowerCase();
    const found = this.#cursors.filter(
      ({ topic, cursor }) =>
        cursor.toLowerCase().includes(wanted) ||
        (!this.#topic && topic.toLowerCase().includes(wanted)),
    );
    this.#table.show(found);
    if (found.length > 0) {
      if (this.#body.firstChild !== this.#table.node) show(this.#body, this.#table.node);
    } else {
      show(
        this.#body,
        wanted
          ? empty('No cursor fits', `None has “${this.#search.value.trim()}” in its name.`)
          : empty(
              'No named cursors',
              'A reader that has the broker keep its place, by “ack” or by “cursor” in its subscription, appears here.',
              leftOut(
                this.#app.session,
                'Cursors of topics you have no right to “manage” are left out.',
              ),
            ),
      );
    }
    const all = format.count(this.#cursors.length);
    const most = this.#more ? `the first ${all}; type how the name begins to see others` : '';
    setText(this.#count, wanted && !this.#more ? `${format.count(found.length)} of ${all}` : most);
  }
}

function columns(withTopic) {
  const text = (of) => () => ({ text: of });
  return [
    {
      name: 'cursor',
      title: 'Cursor',
      kind: 'name',
      of: ({ cursor }) => cursor,
      make: text(({ cursor }) => cursor),
    },
    ...(withTopic
      ? [{ name: 'topic', title: 'Topic', of: ({ topic }) => topic, make: topicCell }]
      : []),
    {
      name: 'standing',
      title: 'Standing',
      of: (cursor) => standing(cursor)[2] * 1e15 + cursor.lag.events,
      make: standingCell,
    },
    {
      name: 'events',
      title: 'Events behind',
      kind: 'number',
      of: ({ lag }) => lag.events,
      make: text(({ lag }) => format.count(lag.events)),
    },
    {
      name: 'bytes',
      title: 'Bytes behind',
      kind: 'number',
      of: ({ lag }) => lag.bytes,
      make: text(({ lag }) => format.bytes(lag.bytes)),
    },
    {
      name: 'time',
      title: 'Time behind',
      kind: 'number',
      of: ({ lag }) => lag.time_ms,
      make: text(({ lag }) => (lag.time_ms ? format.span(lag.time_ms) : '0')),
    },
    {
      name: 'offset',
      title: 'Offset',
      kind: 'number',
      of: ({ offset }) => offset,
      make: text(({ offset }) => format.count(offset)),
    },
    {
      name: 'acknowledged',
      title: 'Acknowledged',
      kind: 'number',
      of: ({ acknowledged }) => -Date.parse(acknowledged),
      make: text(({ acknowledged }) => format.ago(acknowledged)),
    },
  ];
}

function topicCell() {
  const link = h('a', {});
  return {
    node: link,
    update: ({ topic }) => {
      setText(link, topic);
      link.href = topicRoute(topic, 'cursors');
    },
  };
}

function standingCell() {
  const pill = h('span', { class: 'pill' });
  return {
    node: pill,
    update: (cursor) => {
      const [kind, words] = standing(cursor);
      setText(pill, words);
      pill.dataset.kind = kind;
    },
  };
}

export class CursorsView {
  title = 'Cursors';
  #list;
  #tiles = {
    all: tile('Named cursors'),
    lag: tile('Furthest behind'),
    falling: tile('Falling'),
    lost: tile('Have lost events'),
  };

  constructor(app) {
    this.#list = new CursorList(app, undefined, (cursors) => this.#tell(cursors));
    this.node = h(
      'div',
      { class: 'view' },
      h('h1', { tabindex: '-1' }, 'Cursors'),
      tileRow('All cursors', Object.values(this.#tiles)),
      this.#list.node,
    );
    for (const { update } of Object.values(this.#tiles)) update({ value: format.NONE });
  }

  get shortcuts() {
    return this.#list.shortcuts;
  }

  close() {
    this.#list.close();
  }

  #tell(cursors) {
    const furthest = Math.max(0, ...cursors.map(({ lag }) => lag.events));
    this.#tiles.all.update({ value: format.count(cursors.length) });
    this.#tiles.lag.update({
      value: format.count(furthest),
      unit: furthest === 1 ? 'event' : 'events',
    });
    this.#tiles.falling.update({
      value: format.count(cursors.filter(({ falling }) => falling).length),
      note: 'retention is near',
    });
    this.#tiles.lost.update({
      value: format.count(
        cursors.filter(({ lag, in_epoch: here }) => lag.lost > 0 || !here).length,
      ),
      note: 'will be told of a gap',
    });
  }
}
