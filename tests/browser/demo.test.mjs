// The demo in two windows: offline, reloaded, the broker killed under them; in the end both agree.
// tests/browser/: the broker's own /demo/ as a visitor has it; what is in the log is counted.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import axe from 'axe-core';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';

import { broker_of_test } from '../support/broker_of_test.mjs';
import { launch_chromium } from '../support/chromium.mjs';

const LIMIT_MS = 30_000;
const TOPIC = 'demo/board';
const SCREENSHOTS = process.env.TIDEMARK_SCREENSHOTS;

let browser;

beforeAll(async () => {
  browser = await launch_chromium();
});

afterAll(() => browser?.close());

/** A browser with windows on the demo, which share what an origin keeps. */
async function context_of_test(options = {}) {
  const context = await browser.newContext(options);
  onTestFinished(() => context.close());
  return context;
}

/** One window of the demo. */
class Board {
  constructor(page, broker) {
    this.page = page;
    this.broker = broker;
  }

  static async open(context, broker) {
    const page = await context.newPage();
    page.setDefaultTimeout(LIMIT_MS);
    const failures = [];
    page.on('pageerror', (error) => failures.push(error));
    onTestFinished(() => expect(failures).toEqual([]));
    await page.goto(`${broker.url}/demo/`);
    const board = new Board(page, broker);
    await board.is('live');
    return board;
  }

  is(state) {
    return this.page.waitForSelector(`#status[data-state="${state}"]`);
  }

  async go(state) {
    await this.page.click('#network');
    await this.is(state);
  }

  async add(column, ...texts) {
    const input = this.page.locator(`[data-column="${column}"] .adder textarea`);
    for (const text of texts) {
      await input.fill(text);
      await input.press('Enter');
    }
  }

  #note(text) {
    const exactly = this.page.locator('.text', { hasText: new RegExp(`^${text}$`) });
    return this.page.locator('.note', { has: exactly });
  }

  async press(what, text) {
    await this.#note(text).locator(`[data-do="${what}"]`).click();
  }

  async edit(text, other) {
    await this.press('edit', text);
    const editor = this.page.locator('.editor textarea:visible');
    await editor.fill(other);
    await editor.press('Enter');
  }

  /** `column: text`, in the order of the page. */
  shown() {
    return this.page.$$eval('.column', (columns) =>
      columns.flatMap((column) =>
        [...column.querySelectorAll('.note')].map(
          (note) => `${column.dataset.column}: ${note.querySelector('.text').textContent}`,
        ),
      ),
    );
  }

  /** What the panel says. */
  facts() {
    return this.page.evaluate(() => {
      const { dataset: counted } = document.getElementById('counted');
      const number = (id, name) => Number(document.getElementById(id).dataset[name]);
      return {
        status: document.getElementById('status').dataset.state,
        position: number('position', 'offset'),
        behind: document.getElementById('behind').dataset.events,
        outbox: number('outbox', 'events'),
        gaps: number('gaps', 'gaps'),
        missed: Number(counted.missed),
        doubled: Number(counted.doubled),
        picture: document.getElementById('print').dataset.name,
        waiting: document.querySelectorAll('.note[data-state="waiting"]').length,
      };
    });
  }

  /** Waits until facts() are `expected`, as far as that goes. */
  shows(expected) {
    return expect.poll(() => this.facts(), { timeout: LIMIT_MS }).toMatchObject(expected);
  }

  lines() {
    return this.page.$$eval('#journal li span', (lines) => lines.map((line) => line.textContent));
  }
}

/** How many events are in the log. */
async function head(broker) {
  return (await (await broker.fetch(`${broker.url}/v1/topics/${TOPIC}`)).json()).head;
}

/** What the log comes to, as shown() has it, in the order of its text. */
async function logged(broker) {
  const entries = await (await broker.fetch(`${broker.url}/v1/state/${TOPIC}`)).json();
  return entries.map(({ data }) => `${data.column}: ${data.text}`).sort();
}

/** Waits until every window is live at the head, has nothing in its outbox, and shows the log. */
async function all_agree(broker, boards, { events, gaps = [] }) {
  const quiet = { status: 'live', behind: '0', outbox: 0, waiting: 0, missed: 0, doubled: 0 };
  for (const [at, board] of boards.entries()) {
    await board.shows({ ...quiet, position: events, gaps: gaps[at] ?? 0 });
  }
  expect(await head(broker)).toBe(events);
  const [first, ...others] = boards;
  const shown = await first.shown();
  expect([...shown].sort()).toEqual(await logged(broker));
  const { picture } = await first.facts();
  for (const other of others) {
    expect(await other.shown()).toEqual(shown);
    expect((await other.facts()).picture).toBe(picture);
  }
  return shown;
}

/** A window of the demo, its first notes in the log. */
async function scene() {
  const broker = await broker_of_test(['--demo']);
  const context = await context_of_test();
  const one = await Board.open(context, broker);
  // The first to come writes the first notes, before there is a connection.
  const events = await one.page.locator('.note').count();
  expect(events).toBeGreaterThan(0);
  await all_agree(broker, [one], { events });
  return { broker, context, one, events };
}

const texts = (of, many) => Array.from({ length: many }, (_, n) => `${of} ${n + 1}`);
const in_column = (column, list) => list.map((text) => `${column}: ${text}`);

test('two windows agree after one was offline and the broker was killed', async () => {
  const { broker, context, one, events } = await scene();
  const two = await Board.open(context, broker);
  await one.add('todo', ...texts('together', 3));
  await all_agree(broker, [one, two], { events: events + 3 });

  await one.go('paused');
  await one.add('doing', ...texts('offline', 8));
  await two.add('doing', ...texts('online', 4));
  await all_agree(broker, [two], { events: events + 7 });
  await one.shows({ outbox: 8, waiting: 8, position: events + 3 });

  await broker.kill();
  await two.is('offline');
  await two.add('done', ...texts('no broker', 4));
  await two.shows({ outbox: 4 });
  await one.press('right', 'offline 1');
  await one.edit('offline 2', 'offline two');
  await one.press('delete', 'together 3');
  await one.shows({ outbox: 11, position: events + 3 });

  await broker.start();
  await one.go('live');
  const shown = await all_agree(broker, [one, two], { events: events + 7 + 4 + 11 });
  const sorted = [...shown].sort();
  const doing = [...texts('offline', 8).slice(2), 'offline two', ...texts('online', 4)];
  expect(sorted).toEqual(expect.arrayContaining(in_column('doing', doing)));
  expect(sorted).toEqual(
    expect.arrayContaining(in_column('done', ['offline 1', ...texts('no broker', 4)])),
  );
  expect(sorted).toHaveLength(events + 3 + 8 + 4 + 4 - 1);
});

test('a broker that is killed again and again takes each change once', async () => {
  const { broker, context, one, events } = await scene();
  const two = await Board.open(context, broker);
  const kills = 2;
  for (let kill = 1; kill <= kills; ++kill) {
    // Both write while it dies: some answers are lost on their way.
    const writing = [
      one.add('todo', ...texts(`one, ${kill}:`, 6)),
      two.add('doing', ...texts(`two, ${kill}:`, 6)),
    ];
    await broker.kill();
    await Promise.all(writing);
    await broker.start();
    await all_agree(broker, [one, two], { events: events + kill * 12 });
  }
});

test('a reload goes on where the window was, and sends what waits', async () => {
  const { broker, context, one, events } = await scene();
  const two = await Board.open(context, broker);
  await one.go('paused');
  await one.add('todo', ...texts('waiting', 5));
  await one.shows({ outbox: 5 });
  await two.add('todo', 'meanwhile');
  await all_agree(broker, [two], { events: events + 1 });

  await one.page.reload();
  await one.is('paused');
  await one.shows({ outbox: 5, waiting: 5, position: events });
  await one.go('live');
  await all_agree(broker, [one, two], { events: events + 6 });
  const lines = await one.lines();
  expect(lines).toContain(`Reloaded: goes on after event ${events}`);
  expect(lines.filter((line) => line.startsWith('State as of'))).toEqual([]);
});

test('a gap is told, and the state comes instead', async () => {
  const { broker, context, one, events } = await scene();
  const two = await Board.open(context, broker);
  await one.go('paused');
  await one.add('doing', 'written before the gap');
  await two.add('todo', ...texts('later', 3));
  await all_agree(broker, [two], { events: events + 3 });
  await two.page.click('summary');
  const forgotten = two.page.waitForResponse((response) => response.url().endsWith('/trim'));
  await two.page.click('#forget');
  expect((await forgotten).status()).toBe(200);

  await one.go('live');
  await all_agree(broker, [one, two], { events: events + 4, gaps: [1, 0] });
  expect((await one.lines()).filter((line) => line.startsWith('Gap:'))).toHaveLength(1);
});

test('a board that is deleted begins anew', async () => {
  const { broker, one } = await scene();
  const deleted = await broker.fetch(`${broker.url}/v1/topics/${TOPIC}`, { method: 'DELETE' });
  expect(deleted.status).toBe(204);
  await expect.poll(() => one.lines(), { timeout: LIMIT_MS })
    .toEqual(expect.arrayContaining([expect.stringContaining('topic_deleted')]));
  await one.is('live');
  await one.add('todo', 'first again');
  await expect.poll(() => logged(broker), { timeout: LIMIT_MS }).toContain('todo: first again');
  await all_agree(broker, [one], { events: await head(broker) });
});

test('axe finds nothing, and nothing is cut off, in any size and colours', async () => {
  const broker = await broker_of_test(['--demo']);
  const board = await Board.open(await context_of_test(), broker);
  const { page } = board;
  await board.go('paused');
  await board.add('doing', 'waits in the outbox', `a${'long'.repeat(40)}word`);
  await board.press('edit', 'waits in the outbox');
  await page.click('summary');
  await page.evaluate(axe.source);
  for (const [name, width, height] of [['desktop', 1280, 800], ['phone', 360, 740]]) {
    await page.setViewportSize({ width, height });
    for (const colorScheme of ['light', 'dark']) {
      await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
      const { violations } = await page.evaluate(() => window.axe.run());
      const found = violations.map(({ id, impact, nodes }) => ({ id, impact, at: nodes[0].html }));
      expect(found, `${name}, ${colorScheme}`).toEqual([]);
      const wide = await page.evaluate(() => document.documentElement.scrollWidth);
      expect(wide, `width on a ${name}`).toBeLessThanOrEqual(width);
      if (!SCREENSHOTS) continue;
      mkdirSync(SCREENSHOTS, { recursive: true });
      const path = join(SCREENSHOTS, `demo-${name}-${colorScheme}.png`);
      await page.screenshot({ path, fullPage: true });
    }
  }
});

test('everything can be done by keyboard', async () => {
  const { broker, one, events } = await scene();
  const { page } = one;
  const focused = () => page.evaluate(() => document.activeElement.getAttribute('aria-label'));
  const tab_to = async (label) => {
    for (let tabs = 0; tabs < 80; ++tabs) {
      if ((await focused())?.startsWith(label)) return;
      await page.keyboard.press('Tab');
    }
    throw new Error(`Tab never comes to ${label}`);
  };
  await tab_to('New note in To do');
  await page.keyboard.type('by keyboard');
  await page.keyboard.press('Enter');
  await page.locator('.text', { hasText: 'by keyboard' }).waitFor();
  await page.focus('#network');
  await tab_to('To Doing: by keyboard');
  await page.keyboard.press('Enter');
  await page.locator('[data-column="doing"] .text', { hasText: 'by keyboard' }).waitFor();
  // The note has moved in the page, and the focus with it.
  expect(await focused()).toBe('To Done: by keyboard');
  await tab_to('Edit: by keyboard');
  await page.keyboard.press('Enter');
  await page.keyboard.type('by keys');
  await page.keyboard.press('Enter');
  await page.locator('.text', { hasText: 'by keys' }).waitFor();
  await tab_to('Delete: by keys');
  await page.keyboard.press('Enter');
  await page.locator('.text', { hasText: 'by keys' }).waitFor({ state: 'detached' });
  await all_agree(broker, [one], { events: events + 4 });
});
