// A page with the client package that loses its network and comes back.
// tests/browser/: what was published meanwhile on either side is there, each event once.
import { expect, test } from 'vitest';

import {
  append, broker_on_cable, create, expect_same, expect_whole, log_of, lone_tab, profile,
  use_browser,
} from './client_tab.mjs';

use_browser();

test('What is published on both sides while a page is offline is there once, at once', async () => {
  const { broker, cable } = await broker_on_cable();
  await append(broker, 'board', 'others', 1, 10);
  const { context, open } = await profile();
  const tab = await open(cable, { store: 'local' });
  await tab.follow('board', { board: 'own' });
  await tab.follows('board');

  const offline = tab.becomes('offline');
  await context.setOffline(true);
  await offline;
  await tab.follows('board', 'waiting');
  await tab.publish('board', 'page', 1, 20);
  await tab.has_stored('page', 20);
  await append(broker, 'board', 'others', 11, 40);
  expect(tab.told.published).toEqual([]);

  await context.setOffline(false);
  await tab.has_published('page', 20);
  await tab.has_offset('board', 60);
  await tab.follows('board');
  expect_whole(await log_of(broker, 'board'), { others: 40, page: 20 });
  await expect_same(broker, 'board', await tab.board('board'));
  expect(tab.told.published.map(({ n }) => n)).toEqual(Array.from({ length: 20 }, (_, n) => n + 1));
});

test('A page that is told of a network does not wait for its next attempt', async () => {
  const { cable } = await broker_on_cable();
  const tab = await lone_tab(cable);
  await tab.is('live');
  cable.unplug();
  const far = ({ state, retryAt }) => state === 'offline' && retryAt - Date.now() > 1_500;
  await tab.until('waits for seconds', ({ status }) => far(status.at(-1)));
  const { retryAt } = tab.told.status.at(-1);
  cable.plug();
  const live = tab.becomes('live');
  await tab.hurry();
  await live;
  expect(Date.now()).toBeLessThan(retryAt);
});

test('A connection that carries nothing any more is noticed and replaced', async () => {
  const { broker, cable } = await broker_on_cable();
  const tab = await lone_tab(cable, { clock: true });
  await append(broker, 'board', 'others', 1, 5);
  await tab.follow('board', { board: 'own' });
  await tab.follows('board');
  cable.mute();
  await append(broker, 'board', 'others', 6, 10);
  await tab.publish('board', 'page', 1, 5);

  const offline = tab.becomes('offline');
  await tab.page.clock.fastForward(30_000); // it has heard nothing: it asks
  await tab.page.clock.fastForward(15_000); // and gets no answer
  await offline;
  await tab.page.clock.fastForward(2_000);
  await tab.has_published('page', 5);
  await tab.has_offset('board', 15);
  await tab.follows('board');
  expect_whole(await log_of(broker, 'board'), { others: 10, page: 5 });
  await expect_same(broker, 'board', await tab.board('board'));
});

test('A clock that jumps loses and doubles nothing', async () => {
  const { broker, cable } = await broker_on_cable();
  const tab = await lone_tab(cable, { clock: true, store: 'local' });
  await append(broker, 'board', 'others', 1, 5);
  await tab.follow('board', { board: 'own' });
  await tab.follows('board');
  for (const [round, year] of [2001, 2050, 1970, 2026].entries()) {
    await tab.page.clock.setSystemTime(new Date(`${year}-06-01T00:00:00Z`));
    cable.cut();
    await append(broker, 'board', 'others', 6 + round * 5, 10 + round * 5);
    await tab.publish('board', 'page', 1 + round * 5, 5 + round * 5);
    await tab.has_published('page', 5 + round * 5);
  }
  await tab.has_offset('board', 45);
  expect_whole(await log_of(broker, 'board'), { others: 25, page: 20 });
  await expect_same(broker, 'board', await tab.board('board'));
});

test('pause() gives the connection up, resume() makes it, nothing is lost between', async () => {
  const { broker, cable } = await broker_on_cable();
  const tab = await lone_tab(cable);
  await create(broker, 'board');
  await tab.follow('board', { board: 'own' });
  await tab.follows('board');
  await tab.run(() => tab.client.pause());
  await tab.is('paused');
  await expect.poll(() => cable.open).toBe(0);
  const { tried } = cable;
  await tab.publish('board', 'page', 1, 10);
  await tab.has_stored('page', 10);
  await append(broker, 'board', 'others', 1, 10);
  expect(cable.tried).toBe(tried);
  await tab.run(() => tab.client.resume());
  await tab.has_published('page', 10);
  await tab.has_offset('board', 20);
  await expect_same(broker, 'board', await tab.board('board'));
});

test('An iterator is a loop over what comes, and leaving it ends the subscription', async () => {
  const { broker, cable } = await broker_on_cable();
  await append(broker, 'board', 'others', 1, 10);
  const tab = await lone_tab(cable, { store: 'local' });
  const take = (count) =>
    tab.run((count) => tab.take('board', count, { from: 'earliest', position: 'mine' }), count);
  const numbers = async (count) => (await take(count)).map(({ data }) => data.n);
  expect(await numbers(4)).toEqual([1, 2, 3, 4]);
  // The last one taken had not been applied, since nobody asked for the next.
  expect(await numbers(3)).toEqual([4, 5, 6]);
});
