// Several tabs of one origin with the client package, and one store.
// tests/browser/: none takes another for itself, and what a tab leaves another one publishes.
import { expect, test } from 'vitest';

import {
  ask, broker_on_cable, create, expect_same, expect_whole, log_of, log_reaches, profile,
  use_browser,
} from './client_tab.mjs';

use_browser();

const producers_of = async (broker) => (await ask(broker, 'GET', '/v1/producers/board')).producers;
const lanes_of = (tab) => tab.run(() => JSON.parse(localStorage.getItem('tidemark:lanes')));

test.each(['local', 'indexed'])('two tabs are two producers, also reloaded (%s)', async (store) => {
  const { broker, cable } = await broker_on_cable();
  await create(broker, 'board');
  const { open } = await profile();
  const tabs = [await open(cable, { store }), await open(cable, { store })];
  const publish = async (first, last) => {
    await Promise.all(tabs.map((tab, index) => tab.publish('board', `tab-${index}`, first, last)));
    for (const [index, tab] of tabs.entries()) await tab.has_published(`tab-${index}`, last);
  };
  await publish(1, 50);
  expect((await producers_of(broker)).length).toBe(2);
  // Its lane is nobody's while it is gone, and goes on when it is there again.
  await tabs[0].load();
  await publish(51, 100);
  await tabs[1].load();
  await publish(101, 120);
  expect_whole(await log_of(broker, 'board'), { 'tab-0': 120, 'tab-1': 120 });
  expect((await producers_of(broker)).length).toBe(2);
});

test('what a closed tab leaves is published by the one that is still there', async () => {
  const { broker, cable } = await broker_on_cable();
  await create(broker, 'board');
  const { open } = await profile();
  const closing = await open(cable, { store: 'local' });
  const staying = await open(cable, { store: 'local' });
  await closing.publish('board', 'closing', 1, 5);
  await staying.publish('board', 'staying', 1, 5);
  await closing.has_published('closing', 5);
  await staying.has_published('staying', 5);

  cable.unplug();
  await closing.publish('board', 'closing', 6, 30);
  await staying.publish('board', 'staying', 6, 30);
  await closing.has_stored('closing', 30);
  await staying.has_stored('staying', 30);
  await closing.page.close();
  cable.plug();
  await log_reaches(broker, 'board', 60);
  await staying.has_emptied_its_outbox();
  expect_whole(await log_of(broker, 'board'), { closing: 30, staying: 30 });
  // The lane that was left is gone once it is empty.
  await expect.poll(async () => (await lanes_of(staying)).length).toBe(1);
});

test('tabs that cannot see each other double and lose nothing of each other', async () => {
  const { broker, cable } = await broker_on_cable();
  await create(broker, 'board');
  const { open } = await profile();
  const options = { store: 'local', insecure: true };
  const tabs = [await open(cable, options), await open(cable, options)];
  expect(await tabs[0].run(() => navigator.locks === undefined)).toBe(true);
  for (const [index, tab] of tabs.entries()) await tab.publish('board', `tab-${index}`, 1, 40);
  for (const [index, tab] of tabs.entries()) await tab.has_published(`tab-${index}`, 40);

  cable.unplug();
  for (const [index, tab] of tabs.entries()) await tab.publish('board', `tab-${index}`, 41, 60);
  for (const [index, tab] of tabs.entries()) await tab.has_stored(`tab-${index}`, 60);
  await tabs[0].page.close();
  const third = await open(cable, options);
  await third.publish('board', 'third', 1, 20);
  await third.has_stored('third', 20);
  cable.plug();
  await third.hurry();
  await tabs[1].hurry();
  await third.has_published('third', 20);
  await tabs[1].has_published('tab-1', 60);
  await log_reaches(broker, 'board', 140);
  await third.has_emptied_its_outbox();
  await tabs[1].publish('board', 'tab-1', 61, 80);
  await tabs[1].has_published('tab-1', 80);
  expect_whole(await log_of(broker, 'board'), { 'tab-0': 60, 'tab-1': 80, third: 20 });
});

// A browser copies sessionStorage to the tabs a page opens: two tabs then have one lane each, of
// the same identity, and neither has the other's progress.
test.each([
  ['as it is', async () => {}],
  ['reloaded', (tab) => tab.load()],
])('a tab with a copy of the outbox is not its producer, the original %s', async (_, then) => {
  const { broker, cable } = await broker_on_cable();
  await create(broker, 'board');
  const here = await profile();
  const options = { store: 'session' };
  const first = await here.open(cable, options);
  await first.publish('board', 'first', 1, 5);
  await first.has_published('first', 5);
  const opened = here.context.waitForEvent('page');
  await first.run(() => void open('/elsewhere'));
  const page = await opened;
  await page.waitForURL('**/elsewhere');
  const second = await here.adopt(page, cable, options);
  await second.is('live');
  const copied = await second.run(() => sessionStorage.getItem('tidemark:lanes'));
  expect(JSON.parse(copied)).toHaveLength(1);

  await then(first);
  await first.publish('board', 'first', 6, 10);
  await first.has_published('first', 10);
  await first.page.close();
  const live = second.becomes('live');
  cable.cut();
  await live;
  await second.publish('board', 'second', 1, 10);
  await second.has_published('second', 10);
  expect_whole(await log_of(broker, 'board'), { first: 10, second: 10 });
});

test('two tabs follow the same topic, each from its own place', async () => {
  const { broker, cable } = await broker_on_cable();
  await create(broker, 'board');
  const profiles = [await profile(), await profile()];
  const tabs = [];
  for (const { open } of profiles) tabs.push(await open(cable, { store: 'indexed' }));
  for (const tab of tabs) await tab.follow('board', { board: 'own' });
  for (const [index, tab] of tabs.entries()) await tab.publish('board', `tab-${index}`, 1, 50);
  for (const tab of tabs) await tab.has_offset('board', 100);
  for (const tab of tabs) await expect_same(broker, 'board', await tab.board('board'));
});
