// Pages with the client package that die, and brokers that do, at any moment.
// tests/browser/: whatever was stored is published once, in order; whatever comes is applied once.
import { describe, expect, test } from 'vitest';

import { flaws, FLAWLESS } from '../support/journal.mjs';
import {
  append, broker_on_cable, create, expect_same, expect_whole, log_of, log_reaches, lone_tab,
  numbers_of, profile, use_browser,
} from './client_tab.mjs';

use_browser();

/** How a page ends, and is there again: each a function of the profile, tab, cable and options. */
const DEATHS = {
  'is reloaded': async (_, tab) => {
    await tab.load();
    return tab;
  },
  'is closed': async ({ open }, tab, cable, options) => {
    await tab.page.close();
    return open(cable, options);
  },
  crashes: async ({ open }, tab, cable, options) => {
    await tab.crash();
    return open(cable, options);
  },
};

const CASES = [
  { death: 'is reloaded', store: 'session' },
  { death: 'is closed', store: 'local' },
  { death: 'crashes', store: 'local' },
  { death: 'crashes', store: 'indexed' },
];

describe.each(CASES)('A page that $death, with its outbox in $store,', ({ death, store }) => {
  const options = { store };

  test('publishes once what it had not sent', async () => {
    const EVENTS = 150;
    const { broker, cable } = await broker_on_cable();
    await create(broker, 'board');
    const here = await profile();
    const first = await here.open(cable, options);
    await first.is('live');
    cable.unplug();
    await first.publish('board', 'page', 1, EVENTS);
    await first.has_stored('page', EVENTS);
    const tab = await DEATHS[death](here, first, cable, options);
    cable.plug();
    await tab.hurry();
    await log_reaches(broker, 'board', EVENTS);
    await tab.has_emptied_its_outbox();
    expect_whole(await log_of(broker, 'board'), { page: EVENTS });
  });

  test('publishes once what it had no answer to', async () => {
    const EVENTS = 100;
    const SENT = 20; // at least, when it dies
    const { broker, cable } = await broker_on_cable();
    await create(broker, 'board');
    const here = await profile();
    const first = await here.open(cable, options);
    await first.is('live');
    cable.hold('down');
    await first.publish('board', 'page', 1, EVENTS);
    await first.has_stored('page', EVENTS);
    await log_reaches(broker, 'board', SENT);
    expect(first.told.published).toEqual([]);
    cable.unplug();
    const tab = await DEATHS[death](here, first, cable, options);
    cable.release();
    cable.plug();
    await tab.hurry();
    await log_reaches(broker, 'board', EVENTS);
    await tab.has_emptied_its_outbox();
    expect_whole(await log_of(broker, 'board'), { page: EVENTS });
  });
});

test('A page that dies again and again while it publishes doubles nothing stored', async () => {
  const EVENTS = 60; // of each life
  const { broker, cable } = await broker_on_cable();
  await create(broker, 'board');
  const here = await profile();
  const stored = [];
  let tab = await here.open(cable, { store: 'local' });
  for (const [life, death] of [...Object.keys(DEATHS), ...Object.keys(DEATHS)].entries()) {
    await tab.publish('board', `life-${life}`, 1, EVENTS);
    await tab.has_published(`life-${life}`, 1 + life * 8);
    stored.push(Math.max(...numbers_of(`life-${life}`, tab.told.stored)));
    tab = await DEATHS[death](here, tab, cable, { store: 'local' });
  }
  await tab.publish('board', 'last', 1, 1);
  await tab.has_published('last', 1);
  await tab.has_emptied_its_outbox();
  const events = await log_of(broker, 'board');
  for (const [life, least] of stored.entries()) {
    const numbers = numbers_of(`life-${life}`, events);
    expect(flaws(numbers, numbers.length)).toEqual(FLAWLESS);
    expect(numbers.length).toBeGreaterThanOrEqual(least);
  }
  expect(numbers_of('last', events)).toEqual([1]);
});

test.each([
  { board: 'own', store: 'memory' },
  { board: 'client', store: 'local' },
  { board: 'client', store: 'indexed' },
])('A page that dies again and again misses nothing, position: $board, store: $store',
  async ({ board, store }) => {
    const EVENTS = 60; // of each life
    const { broker, cable } = await broker_on_cable();
    const here = await profile();
    let tab = await here.open(cable, { store });
    for (const [life, death] of Object.keys(DEATHS).entries()) {
      const head = life * EVENTS;
      await append(broker, 'board', 'others', head + 1, head + EVENTS);
      await tab.follow('board', { board });
      await tab.has_offset('board', head + EVENTS / 2);
      tab = await DEATHS[death](here, tab, cable, { store });
    }
    const seen = tab.told.event.length;
    await append(broker, 'board', 'others', 3 * EVENTS + 1, 4 * EVENTS);
    await tab.follow('board', { board });
    await tab.has_offset('board', 4 * EVENTS);
    await expect_same(broker, 'board', await tab.board('board'));
    // It did not simply begin anew.
    expect(tab.told.event[seen].offset).toBeGreaterThan(2 * EVENTS);
  });

test('Two browsers publish and follow while their broker is killed, and agree', async () => {
  const EVENTS = 400;
  const KILLS = 4;
  const { broker, cable } = await broker_on_cable();
  await create(broker, 'board');
  const tabs = [];
  for (const store of ['local', 'indexed']) tabs.push(await lone_tab(cable, { store }));
  for (const [index, tab] of tabs.entries()) {
    await tab.follow('board', { board: 'own' });
    await tab.publish('board', `page-${index}`, 1, EVENTS);
  }
  for (let kills = 1; kills <= KILLS; ++kills) {
    await log_reaches(broker, 'board', Math.floor((2 * EVENTS * kills) / (KILLS + 2)));
    await broker.kill();
    await broker.start();
    // Who waits longer than it takes the broker is told of a network.
    for (const tab of tabs) await tab.hurry();
  }
  for (const [index, tab] of tabs.entries()) {
    await tab.has_published(`page-${index}`, EVENTS);
    await tab.has_offset('board', 2 * EVENTS);
  }
  expect_whole(await log_of(broker, 'board'), { 'page-0': EVENTS, 'page-1': EVENTS });
  for (const tab of tabs) await expect_same(broker, 'board', await tab.board('board'));
  expect(cable.websockets).toBeGreaterThanOrEqual(2 * (KILLS + 1));
});
