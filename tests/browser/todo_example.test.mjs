// The shared to-do list of the examples: two pages, a database, a broker and an application that die.
// tests/browser/: tools/examples/todo as its README has it, apart from the ports.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';

import { broker_of_test } from '../support/broker_of_test.mjs';
import { launch_chromium } from '../support/chromium.mjs';
import { spawn_bound } from '../support/tidemarkd.mjs';

const EXAMPLE = join(process.env.TIDEMARK_EXAMPLES ?? '', 'todo');
const LIMIT_MS = 30_000;

let browser;

beforeAll(async () => {
  browser = await launch_chromium();
});

afterAll(() => browser?.close());

/** The example's server: killed and started again on the same port and database. */
class Application {
  #directory = mkdtempSync(join(tmpdir(), 'tidemark-todo-'));
  #broker;
  #child = null;
  #port = 0;

  constructor(broker) {
    this.#broker = broker;
  }

  get url() {
    return `http://127.0.0.1:${this.#port}`;
  }

  async start() {
    const command = ['python3', join(EXAMPLE, 'server.py'), '--port', `${this.#port}`];
    command.push('--database', join(this.#directory, 'todo.db'), '--broker', this.#broker.url);
    this.#child = spawn_bound(command, { stdio: ['ignore', 'pipe', 'ignore'] });
    for await (const line of createInterface({ input: this.#child.stdout })) {
      const found = /^listening on http:\/\/\S*:(\d+)$/.exec(line);
      if (!found) continue;
      this.#port = Number(found[1]);
      return;
    }
    throw new Error('the application did not start');
  }

  async kill() {
    const child = this.#child;
    this.#child = null;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, 'exit');
    child.kill('SIGKILL');
    await gone;
  }

  async discard() {
    await this.kill();
    rmSync(this.#directory, { recursive: true, force: true });
  }

  async ask(method, path, body) {
    const answer = await fetch(this.url + path, { method, body: body && JSON.stringify(body) });
    expect(answer.ok).toBe(true);
    return answer.status === 204 ? null : answer.json();
  }

  /** What the database holds, as a page should show it. */
  async list() {
    const items = await this.ask('GET', '/state?topic=todo');
    return items.sort((a, b) => a.id - b.id).map(({ text, done }) => `${done ? 'x' : '-'} ${text}`);
  }
}

/** Broker and application, each knowing where the other is. */
async function scene() {
  const directory = mkdtempSync(join(tmpdir(), 'tidemark-todo-config-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  const config = join(directory, 'tidemark.toml');
  writeFileSync(config, '');
  // Each has to know the other's port: the broker begins, and keeps its own.
  const broker = await broker_of_test(['--config', config]);
  await broker.kill();
  const application = new Application(broker);
  onTestFinished(() => application.discard());
  await application.start();
  writeFileSync(config, [
    `allow-origin = ["${application.url}"]`,
    '[[state]]',
    'pattern = "todo"',
    `hook = "${application.url}/state?topic={topic}"`,
    'allow-private = true',
  ].join('\n'));
  await broker.start();
  return { broker, application };
}

async function open(application) {
  const context = await browser.newContext();
  onTestFinished(() => context.close());
  const page = await context.newPage();
  page.setDefaultTimeout(LIMIT_MS);
  await page.goto(application.url);
  return page;
}

const shown = (page) =>
  page.$$eval('#list li', (rows) =>
    rows.map((row) => {
      const done = row.querySelector('input').checked;
      return `${done ? 'x' : '-'} ${row.querySelector('span').textContent}`;
    }),
  );

/** Waits until every page shows what the database holds, and that is `expected`. */
async function all_show(application, pages, expected) {
  // A page shows what was done there before the application has heard of it.
  await expect.poll(() => application.list(), { timeout: LIMIT_MS }).toEqual(expected);
  for (const page of pages) {
    await expect.poll(() => shown(page), { timeout: LIMIT_MS }).toEqual(expected);
  }
}

async function add(page, text) {
  await page.fill('#text', text);
  const answered = page.waitForResponse((response) => response.url().endsWith('/items'));
  await page.click('#new button');
  expect((await answered).status()).toBe(201);
}

test('two pages show the database whatever is restarted', async () => {
  const { broker, application } = await scene();
  await application.ask('POST', '/items', { text: 'there before anybody' });
  const pages = [await open(application), await open(application)];
  await all_show(application, pages, ['- there before anybody']);

  await add(pages[0], 'milk');
  await add(pages[1], 'bread');
  await all_show(application, pages, ['- there before anybody', '- milk', '- bread']);

  // While the broker is down the list goes on being changed; the pages hear of it later.
  await broker.kill();
  await add(pages[0], 'added while the broker was down');
  await application.ask('DELETE', '/items/1');
  await broker.start();
  const expected = ['- milk', '- bread', '- added while the broker was down'];
  await all_show(application, pages, expected);

  await pages[1].click('li[data-id="2"] input');
  await all_show(application, pages, ['x milk', ...expected.slice(1)]);
  await all_show(application, [await open(application)], ['x milk', ...expected.slice(1)]);
});

test('a change survives its application, killed before it could be published', async () => {
  const { broker, application } = await scene();
  const pages = [await open(application), await open(application)];
  await add(pages[0], 'first');
  await all_show(application, pages, ['- first']);

  await broker.kill();
  await application.ask('POST', '/items', { text: 'written, not published' });
  await application.kill();
  await broker.start();
  await application.start();
  await all_show(application, pages, ['- first', '- written, not published']);
});
