// Pages with the client package that nobody looks at: frozen, or hidden.
// tests/browser/: they run nothing, or give up their connection, and go on from where they were.
import { expect, test } from 'vitest';

import {
  append, broker_on_cable, expect_same, expect_whole, log_of, lone_tab, use_browser,
} from './client_tab.mjs';

use_browser();

/** Has the page believe that it is looked at or not, as the browser tells it; then tells `more`. */
const look = (tab, visibility, ...more) =>
  tab.run(([visibility, more]) => {
    Object.defineProperty(document, 'visibilityState', { value: visibility, configurable: true });
    document.dispatchEvent(new Event('visibilitychange'));
    for (const name of more) dispatchEvent(new Event(name));
  }, [visibility, more]);

/**
 * Stops the browser's pages, as a system does with what is in the background; returns what lets
 * them run again. Chromium's own freezing is for hidden pages, and without a head none is.
 */
async function freeze(tab) {
  const devtools = await tab.page.context().browser().newBrowserCDPSession();
  const { processInfo } = await devtools.send('SystemInfo.getProcessInfo');
  await devtools.detach();
  const pages = processInfo.filter(({ type }) => type === 'renderer').map(({ id }) => id);
  expect(pages).not.toEqual([]);
  const tell = (signal) => pages.forEach((id) => process.kill(id, signal));
  tell('SIGSTOP');
  return async () => {
    tell('SIGCONT');
    await tab.run(() => void document.dispatchEvent(new Event('resume')));
  };
}

async function following_tab(options) {
  const { broker, cable } = await broker_on_cable();
  await append(broker, 'board', 'others', 1, 10);
  const tab = await lone_tab(cable, options);
  await tab.follow('board', { board: 'own' });
  await tab.follows('board');
  return { broker, cable, tab };
}

test('a frozen page goes on when it thaws, with all that came meanwhile', async () => {
  const { broker, tab } = await following_tab();
  const thaw = await freeze(tab);
  await append(broker, 'board', 'others', 11, 40);
  expect(tab.told.event.length).toBe(10);
  await thaw();
  await tab.has_offset('board', 40);
  await expect_same(broker, 'board', await tab.board('board'));
});

test('a page that was frozen while its connection went notices when it thaws', async () => {
  const { broker, cable, tab } = await following_tab();
  await tab.publish('board', 'page', 1, 5);
  await tab.has_published('page', 5);
  const thaw = await freeze(tab);
  cable.mute(); // as a network does that has forgotten the connection
  await broker.kill();
  await broker.start();
  await append(broker, 'board', 'others', 11, 40);
  await thaw();
  await tab.has_offset('board', 45);
  await tab.publish('board', 'page', 6, 10);
  await tab.has_published('page', 10);
  await tab.has_offset('board', 50);
  await expect_same(broker, 'board', await tab.board('board'));
  expect_whole(await log_of(broker, 'board'), { others: 40, page: 10 });
});

test('a hidden page that is to pause has no connection until it is looked at', async () => {
  const { broker, cable, tab } = await following_tab({ pauseWhenHidden: 100 });
  await look(tab, 'hidden');
  await tab.is('paused');
  await expect.poll(() => cable.open).toBe(0);
  const { tried } = cable;
  await append(broker, 'board', 'others', 11, 30);
  await tab.publish('board', 'page', 1, 5);
  await tab.has_stored('page', 5);
  await tab.run(() => void dispatchEvent(new Event('online')));
  expect(await tab.run(() => tab.client.status.state)).toBe('paused');
  expect(cable.tried).toBe(tried);

  await look(tab, 'visible');
  await tab.is('live');
  await tab.has_published('page', 5);
  await tab.has_offset('board', 35);
  await expect_same(broker, 'board', await tab.board('board'));
});

test('a network that comes while a page is hidden does not keep it from its pause', async () => {
  const { tab } = await following_tab({ pauseWhenHidden: 300 });
  await look(tab, 'hidden', 'offline', 'online');
  await tab.is('paused');
});

test('a page that is hidden for a moment keeps its connection', async () => {
  const { broker, cable, tab } = await following_tab({ pauseWhenHidden: true });
  const { tried } = cable;
  await look(tab, 'hidden');
  await look(tab, 'visible');
  await append(broker, 'board', 'others', 11, 20);
  await tab.has_offset('board', 20);
  expect(tab.told.status.map(({ state }) => state)).not.toContain('paused');
  expect(cable.tried).toBe(tried);
});

test('a page that does not ask for it stays connected when it is hidden', async () => {
  const { broker, tab } = await following_tab();
  await look(tab, 'hidden');
  await append(broker, 'board', 'others', 11, 20);
  await tab.has_offset('board', 20);
  expect(tab.told.status.map(({ state }) => state)).not.toContain('paused');
});
