// All topics: how fast they grow, how large they are, what they keep and who follows them.
// broker/pages/console/: the first page.
import { collect, isAbort } from './api.js';
import { Sparkline } from './chart.js';
import { askAndDo, field, toast } from './dialogs.js';
import { h, setText, show } from './dom.js';
import * as format from './format.js';
import { Poller } from './poller.js';
import { Rates } from './rates.js';
import { topicRoute } from './router.js';
import { Table } from './table.js';
import { tile, tileRow } from './tiles.js';
import { command, empty, explain, leftOut, notice, refusal, RIGHTS } from './words.js';

const EVERY_MS = 2000;
/** Topics read with each poll; beyond it the prefix has to choose. */
const MOST = 1000;

export class TopicsView {
  title = 'Topics';
  #app;
  #rates = new Rates();
  #topics;
  #more = false;
  #prefix = '';
  #table;
  #search = h('input', {
    type: 'search',
    'aria-label': 'Find topics',
    placeholder: 'Find topics',
    autocomplete: 'off',
    spellcheck: 'false',
    on: { input: () => this.#searched() },
  });
  #count = h('span', { class: 'count', role: 'status' });
  #body = h('div', { class: 'list' });
  #tiles = {
    published: tile('Published', { spark: true }),
    delivered: tile('Delivered', { spark: true }),
    connections: tile('Connections'),
    topics: tile('Topics'),
  };
  #poller;
  #unwatch;

  constructor(app) {
    this.#app = app;
    this.#table = new Table({
      caption: 'Topics',
      keyOf: ({ name }) => name,
      sort: { by: 'name', down: false },
      columns: this.#columns(),
    });
    const create = h(
      'button',
      { type: 'button', on: { click: () => this.#create() } },
      'New topic',
    );
    this.node = h(
      'div',
      { class: 'view' },
      h('div', { class: 'title-row' }, h('h1', { tabindex: '-1' }, 'Topics'), create),
      tileRow('The whole broker', Object.values(this.#tiles)),
      h('div', { class: 'tools' }, this.#search, this.#count),
      this.#body,
    );
    this.#poller = new Poller(EVERY_MS, (signal) => this.#poll(signal));
    this.#unwatch = app.history.changed.watch(() => this.#showTiles());
    this.#showTiles();
  }

  get shortcuts() {
    return [
      { keys: '/', does: 'Find topics', run: () => this.#search.select() },
      { keys: 'n', does: 'New topic', run: () => this.#create() },
    ];
  }

  close() {
    this.#poller.stop();
    this.#unwatch();
  }

  #columns() {
    return [
      { name: 'name', title: 'Name', kind: 'name', of: ({ name }) => name, make: nameCell },
      {
        name: 'rate',
        title: 'Events/s',
        kind: 'number',
        of: ({ name }) => this.#rates.of(name) ?? 0,
        make: () => this.#rateCell(),
      },
      {
        name: 'events',
        title: 'Events',
        kind: 'number',
        of: retained,
        make: () => ({ text: (topic) => format.count(retained(topic)) }),
      },
      {
        name: 'size',
        title: 'Size',
        kind: 'number',
        of: ({ bytes }) => bytes,
        make: () => ({ text: ({ bytes }) => format.bytes(bytes) }),
      },
      {
        name: 'head',
        title: 'Head',
        kind: 'number',
        of: ({ head }) => head,
        make: () => ({ text: ({ head }) => format.count(head) }),
      },
      {
        name: 'subscribers',
        title: 'Subscribers',
        kind: 'number',
        of: ({ subscribers }) => subscribers,
        make: () => ({ text: ({ subscribers }) => format.count(subscribers) }),
      },
      {
        name: 'keeps',
        title: 'Keeps',
        make: () => ({ text: ({ retention }) => format.retention(retention) }),
      },
    ];
  }

  #rateCell() {
    const line = new Sparkline(72, 20);
    const text = h('span', {});
    return {
      node: h('span', { class: 'rate' }, line.node, text),
      update: ({ name }) => {
        line.update(this.#rates.points(name));
        setText(text, format.rate(this.#rates.of(name)));
      },
    };
  }

  async #poll(signal) {
    const prefix = this.#more || this.#prefix ? this.#search.value.trim() : '';
    try {
      const page = (after) => this.#app.api.topics({ prefix, after }, signal);
      const { items, more } = await collect(page, 'topics', MOST);
      this.#topics = items;
      this.#prefix = more || prefix ? prefix : '';
      this.#more = more;
      this.#rates.take(items);
      this.#show();
    } catch (error) {
      if (!isAbort(error)) this.#failed(error);
    }
  }

  #failed(error) {
    // What was seen last is better than nothing: the banner says that it is old.
    if (this.#topics && error.code === 'unreachable') return;
    show(this.#body, notice(explain(error, 'the topics', RIGHTS.topics)));
    setText(this.#count, '');
    this.#topics = undefined;
  }

  #searched() {
    if (this.#more || this.#prefix) this.#poller.now();
    if (this.#topics) this.#show();
  }

  #show() {
    const wanted = this.#search.value.trim().toLowerCase();
    const found = this.#topics.filter(({ name }) => name.toLowerCase().includes(wanted));
    this.#table.show(found);
    if (found.length > 0) {
      if (this.#body.firstChild !== this.#table.node) show(this.#body, this.#table.node);
    } else if (wanted) {
      show(
        this.#body,
        empty('No topic fits', `None has “${this.#search.value.trim()}” in its name.`),
      );
    } else {
      this.#showNone();
    }
    const all = format.count(this.#topics.length);
    const most = this.#more ? `the first ${all}; type how the name begins to see others` : '';
    setText(this.#count, wanted && !this.#more ? `${format.count(found.length)} of ${all}` : most);
    this.#showTiles();
  }

  #showNone() {
    if (this.#body.querySelector('.empty.first')) return;
    const none = empty(
      'No topics yet',
      'A topic begins with its first event. Publish one from a terminal, or make a topic here.',
      command('tidemark pub hello \'{"n":1}\''),
      leftOut(
        this.#app.session,
        'Topics you have no right to “subscribe” to or “manage” are left out.',
      ),
    );
    none.classList.add('first');
    show(this.#body, none);
  }

  #showTiles() {
    const { history } = this.#app;
    const { metrics, error } = history.changed.value;
    const topics =
      this.#topics &&
      (this.#more ? `${format.count(this.#topics.length)}+` : format.count(this.#topics.length));
    this.#tiles.topics.update({ value: topics ?? format.NONE });
    const why = error?.code === 'forbidden' ? 'needs “manage” on “**”' : '';
    const published = history.rate('published');
    const delivered = history.rate('delivered');
    this.#tiles.published.update({
      value: format.rate(published.at(-1)?.value ?? NaN),
      unit: '/s',
      points: published,
      note: why,
    });
    this.#tiles.delivered.update({
      value: format.rate(delivered.at(-1)?.value ?? NaN),
      unit: '/s',
      points: delivered,
      note: why,
    });
    const subscriptions = metrics?.sum('tidemark_subscriptions');
    this.#tiles.connections.update({
      value: format.count(metrics?.sum('tidemark_connections')),
      note: subscriptions === undefined ? why : `${format.count(subscriptions)} subscriptions`,
    });
  }

  async #create() {
    const name = h('input', {
      name: 'topic',
      type: 'text',
      autocomplete: 'off',
      spellcheck: 'false',
      required: true,
    });
    const type = h('input', {
      name: 'content-type',
      type: 'text',
      value: 'application/json',
      autocomplete: 'off',
      spellcheck: 'false',
    });
    const latest = h('input', { type: 'checkbox', name: 'keep-latest' });
    const made = await askAndDo({
      title: 'New topic',
      fields: [
        field('Name', name, 'Segments of A-Z a-z 0-9 . _ ~ - joined by /'),
        field('Content type', type, 'Of every event in it; it stays as it is.'),
        h('label', { class: 'check' }, latest, 'Keep the latest event of every key'),
      ],
      action: 'Create',
      ready: () => name.value.trim() !== '',
      run: () =>
        this.#app.api.createTopic(name.value.trim(), {
          content_type: type.value.trim() || 'application/json',
          ...(latest.checked ? { keep_latest: true } : {}),
        }),
      words: (error) => refusal(error, RIGHTS.publish),
    });
    if (!made) return;
    toast(`${name.value.trim()} is there.`);
    location.hash = topicRoute(name.value.trim());
  }
}

const retained = ({ head, earliest }) => head + 1 - earliest;

function nameCell() {
  const link = h('a', {});
  const marks = h('span', { class: 'marks' });
  return {
    node: h('span', {}, link, marks),
    update: ({ name, closed, keep_latest: latest, fork }) => {
      setText(link, name);
      link.href = topicRoute(name);
      const words = [closed && 'closed', latest && 'keeps latest', fork && 'fork'].filter(Boolean);
      if (marks.textContent !== words.join(''))
        show(
          marks,
          words.map((word) => h('span', { class: 'mark' }, word)),
        );
    },
  };
}
