// Pages with the client package in a network that lets no WebSocket through.
// tests/browser/: they publish and follow over HTTP, and nothing is lost between the two ways.
import { expect, test } from 'vitest';

import {
  append, broker_on_cable, create, expect_same, expect_whole, log_of, log_reaches, lone_tab,
  profile, use_browser,
} from './client_tab.mjs';

use_browser();

const travels = (tab, transport) =>
  tab.until(`travels by ${transport}`, ({ status }) =>
    status.at(-1).state === 'live' && status.at(-1).transport === transport);

test('a page whose upgrades are refused publishes over HTTP', async () => {
  const { broker, cable } = await broker_on_cable();
  await create(broker, 'board');
  cable.upgrades = false;
  const tab = await lone_tab(cable, { store: 'local' });
  await tab.publish('board', 'page', 1, 30);
  await travels(tab, 'http');
  await tab.has_published('page', 30);
  expect_whole(await log_of(broker, 'board'), { page: 30 });
});

test('a page whose upgrades are refused follows over HTTP while its broker is killed', async () => {
  const { broker, cable } = await broker_on_cable();
  await append(broker, 'board', 'others', 1, 20);
  cable.upgrades = false;
  const tab = await lone_tab(cable, { store: 'local' });
  await tab.follow('board', { board: 'own' });
  await tab.has_offset('board', 20);
  await tab.follows('board');
  expect(tab.told.status.at(-1).transport).toBe('http');
  await tab.publish('board', 'page', 1, 40);
  await log_reaches(broker, 'board', 30);
  await broker.kill();
  await broker.start();
  await append(broker, 'board', 'others', 21, 40);
  await tab.has_published('page', 40);
  await tab.has_offset('board', 80);
  await tab.follows('board');
  expect_whole(await log_of(broker, 'board'), { others: 40, page: 40 });
  await expect_same(broker, 'board', await tab.board('board'));
});

test('what was begun over a WebSocket goes on over HTTP, and comes back', async () => {
  const { broker, cable } = await broker_on_cable();
  await append(broker, 'board', 'others', 1, 20);
  const tab = await lone_tab(cable, { store: 'local' });
  await tab.follow('board', { board: 'own' });
  await tab.has_offset('board', 20);
  await travels(tab, 'websocket');
  // A WebSocket that has worked is tried several times: here one right after the other.
  await tab.run(() => {
    const hurry = () => dispatchEvent(new Event('online'));
    tab.client.on('status', ({ state }) => state === 'offline' && setTimeout(hurry));
  });
  cable.upgrades = false;
  cable.cut();
  await tab.publish('board', 'page', 1, 20);
  await append(broker, 'board', 'others', 21, 40);
  await travels(tab, 'http');
  await tab.has_published('page', 20);
  await tab.has_offset('board', 60);
  cable.upgrades = true;
  cable.cut();
  await travels(tab, 'websocket');
  await tab.publish('board', 'page', 21, 40);
  await tab.has_published('page', 40);
  await tab.has_offset('board', 80);
  expect_whole(await log_of(broker, 'board'), { others: 40, page: 40 });
  await expect_same(broker, 'board', await tab.board('board'));
});

test('WebSockets that open and are closed again are given up for HTTP too', async () => {
  const { broker, cable } = await broker_on_cable();
  await append(broker, 'board', 'others', 1, 20);
  const { context, open } = await profile();
  await context.routeWebSocket(/\/v1\/ws$/, (socket) => socket.close({ code: 1001 }));
  const tab = await open(cable, { store: 'local' });
  await tab.follow('board', { board: 'own' });
  await tab.has_offset('board', 20);
  expect(tab.told.status.at(-1)).toMatchObject({ state: 'live', transport: 'http' });
  await expect_same(broker, 'board', await tab.board('board'));
});

test('a gap is told over HTTP as over a WebSocket', async () => {
  const { broker, cable } = await broker_on_cable(['--retention-events', '10']);
  cable.upgrades = false;
  await append(broker, 'board', 'others', 1, 5);
  const tab = await lone_tab(cable, { store: 'local' });
  await tab.follow('board', { from: 'earliest' });
  await tab.has_offset('board', 5);
  cable.unplug();
  await tab.is('offline');
  await append(broker, 'board', 'others', 6, 40);
  // Retention takes its time.
  const earliest = async () => (await (await broker.fetch(`${broker.url}/v1/topics/board`)).json()).earliest;
  await expect.poll(earliest).toBeGreaterThan(6);
  cable.plug();
  await tab.hurry();
  await tab.has_offset('board', 40);
  expect(tab.told.gap).toHaveLength(1);
  const { gap } = tab.told.gap[0];
  expect(gap).toMatchObject({ first: 6, cause: 'count', head: 40 });
  const offsets = tab.told.event.map(({ offset }) => offset);
  const behind = Array.from({ length: 41 - gap.end }, (_, n) => gap.end + n);
  expect(offsets).toEqual([1, 2, 3, 4, 5, ...behind]);
});

test('a client that is to use WebSockets alone does not fall back', async () => {
  const { cable } = await broker_on_cable();
  cable.upgrades = false;
  const tab = await lone_tab(cable, { transport: 'websocket' });
  await tab.until('has tried three times', ({ status }) =>
    status.filter(({ state }) => state === 'offline').length >= 3);
  expect(cable.websockets).toBe(cable.tried);
  expect(tab.told.status.some(({ state }) => state === 'live')).toBe(false);
});
