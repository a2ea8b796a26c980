// Pages with the client package whose store is full, broken or foreign, or their broker is.
// tests/browser/: each is told by name, nothing is lost in silence, and what is whole goes on.
import { expect, test } from 'vitest';

import { flaws, FLAWLESS } from '../support/journal.mjs';
import {
  append, broker_on_cable, create, expect_same, expect_whole, log_of, lone_tab, numbers_of, profile,
  use_browser,
} from './client_tab.mjs';

use_browser();

const codes = (told) => told.map(({ error = {}, code = error.code }) => code);
const has_error = (tab, code) =>
  tab.until(`has told ${code}`, ({ error }) => codes(error).includes(code));

/** Fills localStorage to the last character; each piece is half of the one before at least. */
const fill = (tab) =>
  tab.run(() => {
    for (let size = 1 << 22; size >= 1; ) {
      try {
        localStorage.setItem(`filling-${size}-${localStorage.length}`, 'x'.repeat(size));
      } catch {
        size >>= 1;
      }
    }
    // A name alone takes more than what is left: the rest goes where there is a name already.
    const name = Object.keys(localStorage)
      .filter((key) => key.startsWith('filling-'))
      .sort((a, b) => localStorage.getItem(a).length - localStorage.getItem(b).length)[0];
    for (let text = localStorage.getItem(name); ; text += 'x') {
      try {
        localStorage.setItem(name, text);
      } catch {
        return;
      }
    }
  });
const empty = (tab) =>
  tab.run(() => {
    const names = Object.keys(localStorage).filter((key) => key.startsWith('filling-'));
    for (const name of names) localStorage.removeItem(name);
  });

test('what a full localStorage has no room for is refused, until there is room', async () => {
  const { broker, cable } = await broker_on_cable();
  await create(broker, 'board');
  const here = await profile();
  const tab = await here.open(cable, { store: 'local' });
  await tab.publish('board', 'page', 1, 5);
  await tab.has_published('page', 5);
  await tab.follow('board', { from: 'earliest' });
  await tab.follows('board');

  await fill(tab);
  await tab.publish('board', 'full', 1, 3);
  await tab.until('is refused', ({ not_stored, not_published }) =>
    not_stored.length === 3 && not_published.length === 3);
  expect(codes(tab.told.not_stored)).toEqual(Array(3).fill('store_failed'));
  expect(codes(tab.told.not_published)).toEqual(Array(3).fill('store_failed'));
  // What comes is applied all the same.
  await append(broker, 'board', 'others', 1, 20);
  await tab.has_offset('board', 25);

  await empty(tab);
  await tab.publish('board', 'page', 6, 10);
  await tab.has_published('page', 10);
  await tab.has_offset('board', 30);
  expect_whole(await log_of(broker, 'board'), { page: 10, others: 20 });
});

test('a position there is no room for is told, and the events come again', async () => {
  const { broker, cable } = await broker_on_cable();
  await append(broker, 'board', 'others', 1, 5);
  const tab = await lone_tab(cable, { store: 'local' });
  await fill(tab);
  await tab.follow('board', { from: 'earliest' });
  await tab.has_offset('board', 5);
  await has_error(tab, 'store_failed');
  expect(await tab.position('board')).toMatchObject({ offset: 5 });
  await tab.load();
  await tab.follow('board', { from: 'earliest' });
  await tab.until('has them again', ({ event }) => event.length === 10);
});

test('what a full IndexedDB has no room for is refused, and comes when there is room', async () => {
  const { broker, cable } = await broker_on_cable();
  await create(broker, 'board');
  const here = await profile();
  const page = await here.context.newPage();
  const devtools = await here.context.newCDPSession(page);
  // Before the database is there: what the browser knows of its room is not asked for each write.
  const quota = { origin: here.origin, quotaSize: 100_000 };
  await devtools.send('Storage.overrideQuotaForOrigin', quota);
  const tab = await here.adopt(page, cable, { store: 'indexed' });
  const large = { headers: { filling: 'x'.repeat(4000) } };
  await tab.publish('board', 'full', 1, 100, large);
  await tab.until('is refused', ({ stored, not_stored }) =>
    not_stored.length > 0 && not_stored.length + stored.length === 100);
  expect(new Set(codes(tab.told.not_stored))).toEqual(new Set(['store_failed']));
  await devtools.send('Storage.overrideQuotaForOrigin', { ...quota, quotaSize: 100_000_000 });
  await tab.publish('board', 'page', 1, 10);
  await tab.has_published('page', 10);
  await tab.has_emptied_its_outbox();
  const events = await log_of(broker, 'board');
  expect(flaws(numbers_of('page', events), 10)).toEqual(FLAWLESS);
  // Of the others exactly those that were taken.
  expect(numbers_of('full', events)).toEqual(numbers_of('full', tab.told.stored));
});

test('an outbox takes what it may hold, and says no to the rest', async () => {
  const { broker, cable } = await broker_on_cable();
  await create(broker, 'board');
  const tab = await lone_tab(cable, { store: 'local', outbox: { events: 1_000 } });
  await tab.is('live');
  cable.unplug();
  await tab.is('offline');
  await tab.publish('board', 'page', 1, 1_003);
  await tab.has_stored('page', 1_000);
  await tab.until('is refused', ({ not_published }) => not_published.length === 3);
  expect(tab.told.not_stored).toMatchObject([1001, 1002, 1003].map((n) => ({ n })));
  expect(new Set(codes(tab.told.not_stored))).toEqual(new Set(['outbox_full']));
  expect(tab.told.outbox.at(-1).events).toBe(1_000);
  cable.plug();
  await tab.hurry();
  await tab.has_published('page', 1_000);
  expect_whole(await log_of(broker, 'board'), { page: 1_000 });
  expect(tab.told.outbox.at(-1)).toEqual({ events: 0, bytes: 0 });
});

const NONSENSE = ['nonsense', 'null', '{"version":2}'];

/** A profile whose store has five events to be published, and a position of the topic at 10. */
async function left_behind() {
  const { broker, cable } = await broker_on_cable();
  await append(broker, 'board', 'others', 1, 10);
  const here = await profile();
  const tab = await here.open(cable, { store: 'local' });
  await tab.follow('board', { from: 'earliest' });
  await tab.has_offset('board', 10);
  await tab.follows('board');
  cable.unplug();
  await tab.is('offline');
  await tab.publish('board', 'left', 1, 5);
  await tab.has_stored('left', 5);
  await tab.page.close();
  return { broker, cable, here };
}

/** What is spoiled: a key of the store as a page sees it. */
const KEYS = {
  'the index of lanes': () => 'tidemark:lanes',
  'the head of a lane': () => `tidemark:lane:${JSON.parse(localStorage['tidemark:lanes']).at(-1)}`,
  'an event of a lane': () => {
    const lane = `tidemark:lane:${JSON.parse(localStorage['tidemark:lanes']).at(-1)}:`;
    const numbers = Object.keys(localStorage)
      .filter((key) => key.startsWith(lane))
      .map((key) => Number(key.slice(lane.length)));
    return lane + Math.min(...numbers);
  },
  'the position': () =>
    Object.keys(localStorage).find((key) => key.startsWith('tidemark:position:')),
};

/** Puts `text` where the store has one of KEYS, while no client looks. Returns the item's name. */
async function spoil({ context, origin }, what, text) {
  const page = await context.newPage();
  await page.goto(`${origin}/elsewhere`);
  const key = await page.evaluate(KEYS[what]);
  expect(await page.evaluate((key) => localStorage.getItem(key), key), what).not.toBeNull();
  await page.evaluate(([key, text]) => localStorage.setItem(key, text), [key, text]);
  await page.close();
  return key;
}

test.each(['the index of lanes', 'the head of a lane', 'an event of a lane'])(
  '%s that is no such thing is told, and the rest is neither doubled nor out of order',
  async (what) => {
    const { broker, cable, here } = await left_behind();
    for (const [round, text] of NONSENSE.entries()) {
      cable.unplug();
      const key = await spoil(here, what, text);
      const tab = await here.open(cable, { store: 'local' });
      await tab.publish('board', `round-${round}`, 1, 3);
      await tab.has_stored(`round-${round}`, 3);
      cable.plug();
      await tab.hurry();
      await has_error(tab, 'store_corrupt');
      const told = tab.told.error.find(({ code }) => code === 'store_corrupt');
      expect(told.message).toContain(key);
      await tab.has_published(`round-${round}`, 3);
      await tab.has_emptied_its_outbox();
      // The next round has something to spoil.
      cable.unplug();
      await tab.is('offline');
      await tab.publish('board', 'left', 6 + round * 5, 10 + round * 5);
      await tab.has_stored('left', 10 + round * 5);
      await tab.page.close();
    }
    const events = await log_of(broker, 'board');
    for (const round of NONSENSE.keys()) {
      expect(flaws(numbers_of(`round-${round}`, events), 3), NONSENSE[round]).toEqual(FLAWLESS);
    }
    const { doubled, late, missing } = flaws(numbers_of('left', events), NONSENSE.length * 5);
    expect({ doubled, late }).toEqual({ doubled: [], late: [] });
    // Of five that were left the one spoiled alone is lost, and it has been told.
    const spoiled = NONSENSE.map((_, round) => 1 + round * 5);
    if (what === 'an event of a lane') expect(missing).toEqual(spoiled);
  },
);

test('a kept position that is none is told, and what may be lost is called a gap', async () => {
  const { broker, cable, here } = await left_behind();
  cable.plug();
  const positions = [
    '', '{"version":1,"epoch":-1,"offset":3}', '{"version":1,"epoch":1,"offset":"9"}',
  ];
  for (const text of [...NONSENSE, ...positions]) {
    await spoil(here, 'the position', text);
    const tab = await here.open(cable, { store: 'local' });
    await tab.follow('board', { from: 'now' });
    await has_error(tab, 'store_corrupt');
    await tab.until('has a gap', ({ gap }) => gap.length === 1);
    expect(tab.told.gap[0]).toMatchObject({ next: 'earliest', gap: { cause: 'position_lost' } });
    await tab.has_offset('board', 15);
    const offsets = tab.told.event.map(({ offset }) => offset);
    expect(flaws(offsets, 15)).toEqual(FLAWLESS);
    await tab.page.close();
  }
  expect_whole(await log_of(broker, 'board'), { others: 10, left: 5 });
});

test('a kept position of another broker, or ahead of this one, is told as a gap', async () => {
  const { broker, cable, here } = await left_behind();
  cable.plug();
  const { epoch } = await (await fetch(`${broker.url}/v1/topics/board`)).json();
  for (const [position, cause] of [
    [{ version: 1, epoch: 12345, offset: 7 }, 'epoch'],
    [{ version: 1, epoch, offset: 900 }, 'ahead'],
  ]) {
    await spoil(here, 'the position', JSON.stringify(position));
    const tab = await here.open(cable, { store: 'local' });
    await tab.follow('board', { from: 'now' });
    await tab.until('has a gap', ({ gap }) => gap.length === 1);
    expect(tab.told.gap[0].gap.cause).toBe(cause);
    await tab.has_offset('board', 15);
    await tab.page.close();
  }
});

test('what others keep in the same store is left alone', async () => {
  const { broker, cable } = await broker_on_cable();
  await create(broker, 'board');
  const tab = await lone_tab(cable, { store: 'local' });
  await tab.run(() => localStorage.setItem('theirs', 'untouched'));
  await tab.publish('board', 'page', 1, 20);
  await tab.has_published('page', 20);
  await tab.follow('board', { from: 'earliest' });
  await tab.has_offset('board', 20);
  await tab.load();
  const keys = await tab.run(() => Object.keys(localStorage));
  expect(keys.filter((key) => !key.startsWith('tidemark:'))).toEqual(['theirs']);
  // And what has been published leaves nothing but its lane.
  expect(keys.filter((key) => /^tidemark:lane:[^:]*:/.test(key))).toEqual([]);
});

test('a broker that speaks nonsense is told, left and tried again', async () => {
  const { broker, cable } = await broker_on_cable();
  await append(broker, 'board', 'others', 1, 10);
  const { context, open } = await profile();
  const nonsense = ['not json', '[]', '{"no":"type"}', '7'];
  await context.routeWebSocket(/\/v1\/ws$/, (socket) => {
    const text = nonsense.shift();
    if (text === undefined) socket.connectToServer();
    else socket.onMessage(() => socket.send(text));
  });
  const tab = await open(cable, { store: 'local', transport: 'websocket' });
  await tab.follow('board', { board: 'own' });
  await tab.publish('board', 'page', 1, 5);
  await tab.until('has told of each', ({ status }) =>
    codes(status).filter((code) => code === 'protocol_error').length >= 4);
  await tab.has_published('page', 5);
  await tab.has_offset('board', 15);
  await expect_same(broker, 'board', await tab.board('board'));
});

test('events out of their order are not taken for the topic', async () => {
  const { broker, cable } = await broker_on_cable();
  await append(broker, 'board', 'others', 1, 10);
  const { context, open } = await profile();
  let spoiled = 3;
  await context.routeWebSocket(/\/v1\/ws$/, (socket) => {
    const server = socket.connectToServer();
    let skip = spoiled-- > 0;
    server.onMessage((message) => {
      const lost = skip && message.includes('"offset":4,');
      if (lost) skip = false;
      else socket.send(message);
    });
  });
  const tab = await open(cable, { store: 'local' });
  await tab.follow('board', { board: 'own' });
  await tab.has_offset('board', 10);
  await has_error(tab, 'protocol_error');
  await expect_same(broker, 'board', await tab.board('board'));
});
