// Tabs of a headless Chromium that run the client package, and the site they are loaded from.
// tests/browser/: what the client_*.test.mjs have in common; client_page.js is the tab's inside.
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, onTestFinished } from 'vitest';

import { broker_of_test } from '../support/broker_of_test.mjs';
import { launch_chromium } from '../support/chromium.mjs';
import { Cable } from '../support/cable.mjs';
import { FLAWLESS, flaws } from '../support/journal.mjs';

const LIMIT_MS = 30_000;
const HERE = dirname(fileURLToPath(import.meta.url));
/** A name of the site that makes its pages no secure context, as plain http in a network does. */
const INSECURE = 'insecure.test';

let browser;
let site;

/** For a file of tests: a browser, and the site. */
export function use_browser() {
  beforeAll(async () => {
    const client = join(process.env.TIDEMARK_JS ?? '', 'dist/tidemark-client.js');
    const served = {
      '/': ['text/html', '<!doctype html><link rel="icon" href="data:,"><title>tab</title>'
        + '<script type="module" src="/client_page.js"></script>'],
      '/elsewhere': ['text/html', '<!doctype html><link rel="icon" href="data:,">'],
      '/client_page.js': ['text/javascript', readFileSync(join(HERE, 'client_page.js'))],
      '/tidemark-client.js': ['text/javascript', readFileSync(client)],
    };
    site = createServer(({ url }, response) => {
      const [type, body] = served[url] ?? ['text/plain', ''];
      response.writeHead(url in served ? 200 : 404, { 'content-type': type });
      response.end(body);
    });
    await once(site.listen(0, '127.0.0.1'), 'listening');
    browser = await launch_chromium(`--host-resolver-rules=MAP ${INSECURE} 127.0.0.1`);
  });
  afterAll(async () => {
    await browser?.close();
    site?.close();
  });
}

const site_of = (host) => `http://${host}:${site.address().port}`;

/** A broker whose site may use it, and the cable to it; options as for Tidemarkd. */
export async function broker_on_cable(options = []) {
  const origins = ['127.0.0.1', INSECURE].flatMap((host) => ['--allow-origin', site_of(host)]);
  const broker = await broker_of_test([...origins, ...options]);
  const cable = new Cable(() => broker.port);
  await cable.lay();
  onTestFinished(() => cable.remove());
  return { broker, cable };
}

/** One profile of the browser: its tabs share what they store. */
export async function profile(options = {}) {
  const context = await browser.newContext(options);
  onTestFinished(() => context.close());
  const tabs = new Map();
  await context.exposeBinding('hear', ({ page }, told) => tabs.get(page)?.hear(told));
  await context.exposeBinding('fetch_token', ({ page }) => tabs.get(page).fetch_token());
  /** Makes a page a tab whose client connects over `cable`; options as for Tab. */
  const adopt = async (page, cable, options = {}) => {
    const tab = new Tab(page, { url: cable.url, ...options });
    tabs.set(page, tab);
    await tab.load();
    return tab;
  };
  return {
    context,
    origin: site_of('127.0.0.1'),
    adopt,
    open: async (cable, options) => adopt(await context.newPage(), cable, options),
  };
}

/** A tab of a profile of its own. */
export async function lone_tab(cable, options) {
  return (await profile()).open(cable, options);
}

/** A page and all it has told, over its reloads. */
class Tab {
  #options;
  #site;
  #clock;
  #waiting = new Set();
  #failure = null;
  page;
  /** All that was told of a kind, in order. */
  told = {
    status: [], outbox: [], error: [], rejected: [], event: [], state: [], gap: [], following: [],
    ended: [], stored: [], not_stored: [], published: [], not_published: [],
  };
  /** Where a token comes from, if the client is to have one. */
  fetch_token = () => {
    throw new Error('this test has no tokens');
  };

  /** Beside connect()'s: `insecure` context, a `clock` in the test's hands, `fetch_token`. */
  constructor(page, { insecure = false, clock = false, fetch_token, ...options }) {
    this.page = page;
    this.#clock = clock;
    this.#options = options;
    this.#site = site_of(insecure ? INSECURE : '127.0.0.1');
    if (fetch_token) {
      this.fetch_token = fetch_token;
      this.#options.token = true;
    }
    page.on('pageerror', (error) => this.#fail(error));
  }

  /** Loads the page, first or again, and has it connect. */
  async load() {
    if (this.#clock) await this.page.clock.install();
    await this.page.goto(this.#site);
    // What an earlier life was like says nothing of this one.
    this.told.status.push({ state: 'loading' });
    this.told.following = [];
    await this.run((options) => tab.connect(options), this.#options);
  }

  /** The page's death without a word: its process ends. Nothing of this tab works after it. */
  async crash() {
    const gone = once(this.page, 'crash');
    const devtools = await this.page.context().newCDPSession(this.page);
    devtools.send('Page.crash').catch(() => {}); // who dies does not answer
    await gone;
    await this.page.close();
  }

  run(script, value) {
    return this.page.evaluate(script, value);
  }
  follow(topic, options) {
    return this.run(([topic, options]) => tab.follow(topic, options), [topic, options]);
  }
  /** Publishes {by, n} for n from `first` to `last`; does not wait for anything. */
  publish(topic, by, first, last, options) {
    const values = [topic, by, first, last, options];
    return this.run((values) => tab.publish(...values), values);
  }
  board(topic) {
    return this.run((topic) => tab.board(topic), topic);
  }
  position(topic) {
    return this.run((topic) => tab.position(topic), topic);
  }

  hear(told) {
    for (const [kind, value] of told) this.told[kind].push(value);
    for (const check of [...this.#waiting]) check();
  }
  #fail(error) {
    this.#failure ??= error;
    for (const check of [...this.#waiting]) check();
  }

  /** Fulfilled once `condition` holds of what was told; `what` is for whoever waits in vain. */
  until(what, condition) {
    return new Promise((fulfil, reject) => {
      const settle = (act, value) => {
        clearTimeout(limit);
        this.#waiting.delete(check);
        act(value);
      };
      const check = () => {
        if (this.#failure) settle(reject, this.#failure);
        else if (condition(this.told)) settle(fulfil);
      };
      const limit = setTimeout(() => {
        const last = Object.entries(this.told).map(([kind, all]) =>
          `${kind}: ${all.length}, last ${JSON.stringify(all.at(-1))}`);
        settle(reject, new Error(`not in ${LIMIT_MS / 1000} s: ${what}\n${last.join('\n')}`));
      }, LIMIT_MS);
      this.#waiting.add(check);
      check();
    });
  }

  /** Fulfilled when the client's state is `state`; at once if it is. */
  is(state) {
    return this.until(`is ${state}`, ({ status }) => status.at(-1)?.state === state);
  }
  /** Fulfilled when the client tells that its state is `state`, from now on. */
  becomes(state) {
    const from = this.told.status.length;
    return this.until(`becomes ${state}`, ({ status }) =>
      status.slice(from).some((told) => told.state === state));
  }
  /** Fulfilled when the topic's subscription is in `state`; at once if it is. */
  follows(topic, state = 'live') {
    return this.until(`follows ${topic}: ${state}`, ({ following }) =>
      following.filter((told) => told.topic === topic).at(-1)?.state === state);
  }
  /** Has the client connect now, whatever it waits for: it has been waiting for the test. */
  hurry() {
    return this.run(() => void dispatchEvent(new Event('online')));
  }
  /** Fulfilled when nothing waits to be published any more. Pre: something has. */
  has_emptied_its_outbox() {
    return this.until('has emptied its outbox', ({ outbox }) => outbox.at(-1)?.events === 0);
  }
  has_stored(by, last) {
    return this.until(`has stored ${by} ${last}`, ({ stored }) =>
      stored.some((told) => told.by === by && told.n >= last));
  }
  has_published(by, last) {
    return this.until(`has published ${by} ${last}`, ({ published }) =>
      published.some((told) => told.by === by && told.n >= last));
  }
  has_offset(topic, offset) {
    return this.until(`has offset ${offset} of ${topic}`, ({ event }) =>
      event.some((told) => told.topic === topic && told.offset >= offset));
  }
}

/** A request to the broker that has to succeed; its answer as JSON, if it has any. */
export async function ask(broker, method, path, body, token) {
  const headers = { 'content-type': 'application/json' };
  if (token) headers.authorization = `Bearer ${token}`;
  const init = { method, headers, body: body === undefined ? undefined : JSON.stringify(body) };
  const answer = await broker.fetch(broker.url + path, init);
  const text = await answer.text();
  expect(answer.ok, `${method} ${path}: ${answer.status} ${text}`).toBe(true);
  return text === '' ? undefined : JSON.parse(text);
}

export const create = (broker, topic, settings = {}) =>
  ask(broker, 'PUT', `/v1/topics/${topic}`, settings);
export const trim = (broker, topic, keep) =>
  ask(broker, 'POST', `/v1/topics/${topic}/trim`, { keep });
export const remove = (broker, topic) => ask(broker, 'DELETE', `/v1/topics/${topic}`);

/** Appends {by, n} for n from `first` to `last` at once, as somebody else does. */
export const append = (broker, topic, by, first, last, token) => {
  const event = (_, n) => ({ data: { by, n: first + n } });
  const events = Array.from({ length: last - first + 1 }, event);
  return ask(broker, 'POST', `/v1/topics/${topic}/events`, { events }, token);
};

/** The data of every event of a topic that is retained, in order. */
export async function log_of(broker, topic, token) {
  const events = [];
  const headers = token ? { authorization: `Bearer ${token}` } : {};
  for (let offset = '-1'; ; ) {
    const url = `${broker.url}/v1/stream/${topic}?offset=${offset}`;
    const answer = await broker.fetch(url, { headers });
    expect(answer.status).toBe(200);
    events.push(...(await answer.json()));
    if (answer.headers.get('stream-up-to-date')) return events;
    offset = answer.headers.get('stream-next-offset');
  }
}

/** Fulfilled when the topic has `count` events. */
export async function log_reaches(broker, topic, count) {
  const head = async () => {
    const answer = await broker.fetch(`${broker.url}/v1/topics/${topic}`);
    return answer.ok ? (await answer.json()).head : 0;
  };
  await expect.poll(head, { timeout: LIMIT_MS, interval: 20 }).toBeGreaterThanOrEqual(count);
}

/** The numbers of one publisher among {by, n}. */
export const numbers_of = (by, events) =>
  events.filter((event) => event.by === by).map(({ n }) => n);

/** The log has 1 to `last` of each publisher named, each once and in order, and nothing else. */
export function expect_whole(events, lasts) {
  for (const [by, last] of Object.entries(lasts)) {
    expect(flaws(numbers_of(by, events), last), by).toEqual(FLAWLESS);
  }
  const total = Object.values(lasts).reduce((sum, last) => sum + last, 0);
  expect(events.length).toBe(total);
}

/** What a board has, as [offset, data], is the log: every event, each once, in order. */
export async function expect_same(broker, topic, board) {
  const events = await log_of(broker, topic);
  expect(board).toEqual(events.map((data, index) => [index + 1, data]));
}
