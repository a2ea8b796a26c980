// A browser's own EventSource against the real broker, which is killed under it again and again.
// tests/browser/: no library of ours in the page; coming back to the right place is the protocol's.
import { once } from 'node:events';
import { createServer } from 'node:http';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';

import { broker_of_test } from '../support/broker_of_test.mjs';
import { launch_chromium } from '../support/chromium.mjs';
import { FLAWLESS, flaws, Journal } from '../support/journal.mjs';

const MESSAGES = 400;
const KILLS = 4;
const AHEAD = 40;
const SCRIPT = join(dirname(fileURLToPath(import.meta.url)), 'board.js');

let browser;
let site; // serves an empty page from an origin that is not the broker's

beforeAll(async () => {
  browser = await launch_chromium();
  site = createServer((_, response) => {
    response.setHeader('content-type', 'text/html');
    response.end('<!doctype html><title>board</title>');
  });
  await once(site.listen(0, '127.0.0.1'), 'listening');
});

afterAll(async () => {
  await browser?.close();
  site?.close();
});

const site_origin = () => `http://127.0.0.1:${site.address().port}`;

/** Publishes messages first to last in requests of one to three, each as often as it takes. */
class Publisher {
  #broker;
  #sequence = 0;
  constructor(broker) {
    this.#broker = broker;
  }

  async create() {
    const made = await this.#send('PUT', {});
    expect(made.status).toBe(201);
  }

  /** `before` each request: with the number of its first message. */
  async publish(first, last, before = async () => {}) {
    for (let n = first, size = 1; n <= last; n += size, size = (size % 3) + 1) {
      await before(n);
      const length = Math.min(size, last - n + 1);
      const messages = Array.from({ length }, (_, more) => ({ n: n + more }));
      const producer = {
        'producer-id': 'test',
        'producer-epoch': '0',
        'producer-seq': `${this.#sequence++}`,
      };
      const answer = await this.#send('POST', producer, JSON.stringify(messages));
      // 204: it was there already, sent before a kill that took the answer.
      expect([200, 204]).toContain(answer.status);
    }
  }

  #send(method, fields, body) {
    const headers = { 'content-type': 'application/json', ...fields };
    return this.#broker.fetch(`${this.#broker.url}/v1/stream/board`, { method, headers, body });
  }
}

/** A page at `address` that follows the topic; its journal says how far it is. */
async function page_that_follows(broker, address) {
  // The broker's answers may forbid scripts, but what is tested is whom it lets read.
  const context = await browser.newContext({ bypassCSP: true });
  onTestFinished(() => context.close());
  const page = await context.newPage();
  const journal = new Journal();
  page.on('pageerror', (error) => journal.fail(error));
  await page.exposeFunction('report', (what, number) => {
    if (what === 'number') journal.add(number);
    else journal.fail(new Error(`the EventSource has ${what}`));
  });
  await page.goto(address);
  await page.addScriptTag({ path: SCRIPT });
  await page.evaluate((url) => follow(url), `${broker.url}/v1/stream/board?offset=-1&live=sse`);
  return { journal, board: () => page.evaluate(() => board) };
}

test.each([
  ["the broker's own origin", (broker) => `${broker.url}/v1/topics`],
  ['another origin that is allowed', () => site_origin()],
])('EventSource on %s misses and doubles nothing through kills', async (_, address) => {
  const broker = await broker_of_test(['--allow-origin', site_origin()]);
  const publisher = new Publisher(broker);
  await publisher.create();
  const { journal, board } = await page_that_follows(broker, address(broker));

  const kill = async () => {
    for (let kills = 1; kills <= KILLS; ++kills) {
      await journal.reached(Math.floor((kills * MESSAGES) / (KILLS + 1)));
      await broker.kill();
      await broker.start();
    }
  };
  // Never far ahead of the page, so that every kill finds messages not yet sent and not yet seen.
  const pace = async (n) => n > AHEAD && journal.reached(n - AHEAD);
  await Promise.all([publisher.publish(1, MESSAGES, pace), kill()]);
  await journal.reached(MESSAGES);

  const { numbers, ids, gaps, opened } = await board();
  expect(flaws(numbers, MESSAGES)).toEqual(FLAWLESS);
  expect(gaps).toEqual([]);
  expect(opened).toBeGreaterThan(KILLS);
  expect(ids).not.toContain('');
  expect(ids, 'ids only grow').toEqual([...ids].sort());
});

test('EventSource on an origin that is not allowed gets nothing', async () => {
  const broker = await broker_of_test([]);
  const publisher = new Publisher(broker);
  await publisher.create();
  await publisher.publish(1, 3);
  const { journal, board } = await page_that_follows(broker, site_origin());
  await expect(journal.reached(1)).rejects.toThrow('given up');
  expect((await board()).numbers).toEqual([]);
});

test('EventSource is told in band what was trimmed while it was away', async () => {
  const broker = await broker_of_test(['--allow-origin', site_origin()]);
  const publisher = new Publisher(broker);
  await publisher.create();
  const { journal, board } = await page_that_follows(broker, site_origin());
  await publisher.publish(1, 10);
  await journal.reached(10);

  // On another port for a while: so the page, which keeps trying the old one, sees none of this.
  const { port } = broker;
  await broker.kill();
  await broker.start(0);
  await publisher.publish(11, 30);
  const trim = await fetch(`${broker.url}/v1/topics/board/trim`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ keep: 21 }),
  });
  expect(trim.status).toBe(200);
  await broker.kill();
  await broker.start(port);

  await journal.reached(30);
  const { numbers, gaps, ids } = await board();
  const gap = { code: 'position_trimmed', cause: 'trimmed', lost: { first: 11, end: 21 } };
  expect(gaps).toEqual([expect.objectContaining({ after: 10, ...gap, earliest: 21, head: 30 })]);
  expect(flaws(numbers.slice(0, 10), 10)).toEqual(FLAWLESS);
  expect(flaws(numbers.slice(10), 30, 21)).toEqual(FLAWLESS);
  expect(ids).not.toContain('');
});
