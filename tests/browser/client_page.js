// What a page of the client's tests does: one client, whatever it follows, and all it is told.
// tests/browser/: served by client_tab.mjs, which also lends the page hear() and fetch_token().
import { IndexedDbStore, MemoryStore, TidemarkClient } from '/tidemark-client.js';

const STORES = {
  memory: () => new MemoryStore(),
  local: () => localStorage,
  session: () => sessionStorage,
  indexed: () => new IndexedDbStore('client'),
};

const told = (error) =>
  error && { name: error.name, code: error.code, message: error.message, gap: error.gap };
const told_in = (status) => ({ ...status, error: told(status.error) });

/** Tells the test, in order; what comes while it listens goes together: each call takes ms. */
const report = (kind, value) => {
  untold.push([kind, value]);
  if (!telling) tell();
};
const untold = [];
let telling = false;
async function tell() {
  telling = true;
  while (untold.length > 0) await hear(untold.splice(0));
  telling = false;
}

/** What an application keeps of a topic, together with its position: one write, whole or not. */
class Board {
  #key;
  #kept;

  constructor(topic) {
    this.#key = `board:${topic}`;
    this.#kept = JSON.parse(localStorage.getItem(this.#key)) ?? { events: [] };
  }

  get position() {
    return this.#kept.position;
  }
  /** Events of this or an earlier life of the page, as [offset, data]. */
  get events() {
    return this.#kept.events;
  }

  add({ offset, data, position }) {
    this.#kept.events.push([offset, data]);
    this.#kept.position = position;
    localStorage.setItem(this.#key, JSON.stringify(this.#kept));
  }

  has({ offset }) {
    return offset <= (this.#kept.position?.offset ?? 0);
  }
}

const tab = {
  client: undefined,
  subscriptions: {},

  /** `store` is a name of STORES; if `token` is true the test is asked for each. */
  connect({ store = 'memory', token, ...options }) {
    if (token) options.token = token === true ? () => fetch_token() : token;
    const client = new TidemarkClient({ ...options, store: STORES[store]() });
    client.on('status', (status) => report('status', told_in(status)));
    client.on('outbox', (size) => report('outbox', size));
    client.on('error', (error) => report('error', told(error)));
    client.on('rejected', ({ event, error }) => report('rejected', { event, error: told(error) }));
    this.client = client;
    report('status', told_in(client.status));
  },

  /**
   * With `board` what comes is put on one: its position is kept with it (`own`), or by the client
   * (`client`), so that what the page has died over may come again and is passed over.
   */
  follow(topic, { board, ...options } = {}) {
    const kept = board && new Board(topic);
    if (kept) options.from = 'earliest';
    if (board === 'own') options.position = false;
    if (board === 'own' && kept.position) {
      options.after = kept.position;
      delete options.from;
    }
    this.subscriptions[topic] = this.client.subscribe(topic, options, {
      event: (item) => {
        if (board === 'own' || !kept?.has(item)) kept?.add(item);
        report('event', item);
      },
      state: (item) => report('state', item),
      gap: (item) => report('gap', item),
      status: (status) => report('following', { topic, ...told_in(status) }),
      ended: (error) => report('ended', { topic, error: told(error) }),
    });
  },

  /** Takes the items of a topic from the iterator, up to `count`, and hands them back. */
  async take(topic, count, options) {
    const items = [];
    for await (const item of this.client.subscribe(topic, options)) {
      items.push(item);
      if (items.length === count) break;
    }
    return items;
  },

  /** One after another without waiting: {by, n} for n from `first` to `last`. */
  publish(topic, by, first, last, options) {
    for (let n = first; n <= last; ++n) {
      const publishing = this.client.publish(topic, { by, n }, options);
      publishing.stored.then(
        () => report('stored', { by, n }),
        (error) => report('not_stored', { by, n, error: told(error) }),
      );
      publishing.then(
        ({ offset, duplicate }) => report('published', { by, n, offset, duplicate }),
        (error) => report('not_published', { by, n, error: told(error) }),
      );
    }
  },

  /** How far a subscription has got. */
  position: (topic) => tab.subscriptions[topic].position,

  /** What the board of a topic has, over all lives of its pages. */
  board: (topic) => new Board(topic).events,
};

globalThis.tab = tab;
