// The console as an operator has it: looked at, used, and used by keyboard; the broker killed meanwhile.
// tests/browser/: the broker's own /console/, without anything between.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import axe from 'axe-core';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';

import { broker_of_test } from '../support/broker_of_test.mjs';
import { launch_chromium } from '../support/chromium.mjs';

const LIMIT_MS = 30_000;
const SCREENSHOTS = process.env.TIDEMARK_SCREENSHOTS;
const DESK = { width: 1280, height: 800 };
const PHONE = { width: 360, height: 740 };

let browser;

beforeAll(async () => {
  browser = await launch_chromium();
});

afterAll(() => browser?.close());

/** A broker with the events 1 to `count` in orders. */
async function broker_with_orders(count) {
  const broker = await broker_of_test();
  for (let n = 1; n <= count; ++n) await publish(broker, { order: n }, n % 2 ? 'odd' : 'even');
  return broker;
}

async function publish(broker, data, key) {
  const answer = await broker.fetch(`${broker.url}/v1/topics/orders/events`, {
    method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ data, key }),
  });
  expect(answer.status).toBe(200);
}

/** A page of the console that may not fail. */
async function open(broker, route = '', options = {}) {
  const context = await browser.newContext({ viewport: DESK, ...options });
  onTestFinished(() => context.close());
  const page = await context.newPage();
  page.setDefaultTimeout(LIMIT_MS);
  const failures = [];
  page.on('pageerror', (error) => failures.push(error));
  onTestFinished(() => expect(failures).toEqual([]));
  await page.goto(`${broker.url}/console/${route}`);
  await page.waitForSelector('h1');
  return page;
}

const offsets = (page) => page.locator('.events .offset').allTextContents();
const topic = async (broker) => (await broker.fetch(`${broker.url}/v1/topics/orders`)).json();

test('the tail follows the topic, and pauses, filters and jumps', async () => {
  const broker = await broker_with_orders(5);
  const page = await open(broker, '#/topic/orders');
  await page.locator('.pill', { hasText: 'Live' }).waitFor();
  await page.locator('.events li').first().waitFor();
  await publish(broker, { order: 6 }, 'even');
  await page.locator('.events .offset', { hasText: /^6$/ }).waitFor();

  await page.getByRole('button', { name: 'Pause', exact: true }).click();
  await publish(broker, { order: 7 }, 'odd');
  await page.getByText('1 new', { exact: false }).or(page.locator('.pill', { hasText: 'Paused' })).first().waitFor();
  expect(await offsets(page)).not.toContain('7');
  await page.getByRole('button', { name: 'Go on', exact: true }).click();
  await page.locator('.events .offset', { hasText: /^7$/ }).waitFor();

  await page.getByLabel('Jump to', { exact: true }).fill('2');
  await page.getByRole('button', { name: 'Jump', exact: true }).click();
  await page.locator('.events .offset', { hasText: /^2$/ }).waitFor();
  expect(await offsets(page)).not.toContain('1');

  await page.getByLabel('Filter', { exact: true }).fill('key:even');
  await page.waitForFunction(() => {
    const shown = [...document.querySelectorAll('.events .offset')].map((node) => node.textContent);
    return shown.length > 0 && shown.every((offset) => Number(offset) % 2 === 0);
  });
});

test('a test event is published, and shown as it is', async () => {
  const broker = await broker_with_orders(1);
  const page = await open(broker, '#/topic/orders');
  await page.getByLabel('Data', { exact: true }).fill('{"hello":"<b>operator</b>"}');
  await page.getByRole('button', { name: 'Publish', exact: true }).click();
  await page.getByText('Stored as event 2', { exact: false }).waitFor();
  await page.locator('.events .offset', { hasText: /^2$/ }).waitFor();
  expect((await topic(broker)).head).toBe(2);
  expect(await page.locator('.events b').count()).toBe(0);

  await page.getByLabel('Data', { exact: true }).fill('{"hello":');
  await page.getByRole('button', { name: 'Publish', exact: true }).click();
  await page.locator('[aria-invalid="true"]').waitFor();
  expect((await topic(broker)).head).toBe(2);
});

test('trimming and deleting ask first', async () => {
  const broker = await broker_with_orders(5);
  const page = await open(broker, '#/topic/orders');
  const dialog = page.getByRole('dialog');
  await page.getByRole('button', { name: 'Trim…' }).click();
  await dialog.getByLabel('First event to keep').fill('4');
  await dialog.getByText('Forgets 3 of 5 events').waitFor();
  await page.keyboard.press('Escape');
  await dialog.waitFor({ state: 'hidden' });
  expect((await topic(broker)).earliest).toBe(1);
  await page.getByRole('button', { name: 'Trim…' }).click();
  await dialog.getByLabel('First event to keep').fill('4');
  await dialog.getByRole('button', { name: 'Trim', exact: true }).click();
  await dialog.waitFor({ state: 'hidden' });
  expect((await topic(broker)).earliest).toBe(4);

  await page.getByRole('button', { name: 'Delete…' }).click();
  const really = dialog.getByRole('button', { name: 'Delete topic' });
  await dialog.getByLabel('Type orders to confirm').fill('order');
  expect(await really.isDisabled()).toBe(true);
  await dialog.getByLabel('Type orders to confirm').fill('orders');
  await really.click();
  await dialog.waitFor({ state: 'hidden' });
  expect((await topic(broker)).code).toBe('unknown_topic');
});

test('a broker that is gone is told of, and one that is back is followed on', async () => {
  const broker = await broker_with_orders(3);
  const page = await open(broker, '#/topic/orders');
  await page.locator('.events .offset', { hasText: /^3$/ }).waitFor();
  await broker.kill();
  await page.locator('#banner:not([hidden])').waitFor();
  await broker.start();
  await publish(broker, { order: 4 });
  await page.locator('#banner').waitFor({ state: 'hidden' });
  await page.locator('.events .offset', { hasText: /^4$/ }).waitFor();
  const seen = await offsets(page);
  expect(new Set(seen).size).toBe(seen.length);
});

test('every view is reached and used by keyboard alone', async () => {
  const broker = await broker_with_orders(2);
  const page = await open(broker);
  const focused = () => page.evaluate(() => document.activeElement?.textContent?.trim());
  const tab_to = async (text) => {
    for (let presses = 0; presses < 60; ++presses) {
      await page.keyboard.press('Tab');
      if ((await focused()) === text) return;
    }
    throw new Error(`"${text}" can't be reached by Tab`);
  };
  await page.getByRole('link', { name: 'orders', exact: true }).waitFor();
  for (const view of ['Cursors', 'Broker', 'Topics']) {
    await tab_to(view);
    await page.keyboard.press('Enter');
    await page.locator('h1', { hasText: view }).waitFor();
  }
  await page.keyboard.press('?');
  await page.getByRole('dialog').waitFor();
  await page.keyboard.press('Escape');
  await page.getByRole('dialog').waitFor({ state: 'hidden' });
  await page.getByRole('link', { name: 'orders', exact: true }).focus();
  await page.keyboard.press('Enter');
  await page.locator('h1.topic-name').waitFor();
});

test('axe finds nothing serious, and nothing is wider than the screen', async () => {
  const broker = await broker_with_orders(12);
  for (const colorScheme of ['light', 'dark']) {
    for (const [size, viewport] of [['desk', DESK], ['phone', PHONE]]) {
      const page = await open(broker, '', { colorScheme, viewport, bypassCSP: true });
      await page.evaluate(axe.source);
      for (const view of ['topics', 'topic/orders', 'topic/orders?tab=details', 'cursors', 'broker']) {
        const what = `${view}, ${size}, ${colorScheme}`;
        await page.evaluate((hash) => (location.hash = hash), `#/${view}`);
        await page.locator('h1').waitFor();
        if (view === 'topic/orders') await page.locator('.events li').first().waitFor();
        const { violations } = await page.evaluate(() => window.axe.run());
        const found = violations.filter(({ impact }) => ['serious', 'critical'].includes(impact));
        expect(found.map(({ id, nodes }) => [id, nodes[0].html]), what).toEqual([]);
        const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
        expect(wide, what).toBeLessThanOrEqual(0);
        if (SCREENSHOTS) {
          mkdirSync(SCREENSHOTS, { recursive: true });
          const name = `console-${view.replace(/\W+/g, '-')}-${size}-${colorScheme}.png`;
          await page.screenshot({ path: join(SCREENSHOTS, name) });
        }
      }
    }
  }
});
