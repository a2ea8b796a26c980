// Pages with the client package that come back too late: what they missed is gone.
// tests/browser/: they are told of it, and end, go on with the earliest event or take the state.
import { expect, test } from 'vitest';

import {
  append, ask, broker_on_cable, create, lone_tab, numbers_of, remove, trim, use_browser,
} from './client_tab.mjs';

use_browser();

/** A tab that has events 1 to 10 of the topic and is cut off; `options` are the subscription's. */
async function cut_off(options, settings) {
  const { broker, cable } = await broker_on_cable();
  await create(broker, 'board', settings);
  await append(broker, 'board', 'others', 1, 10);
  const tab = await lone_tab(cable, { store: 'local' });
  await tab.follow('board', options);
  await tab.has_offset('board', 10);
  await tab.follows('board');
  cable.unplug();
  await tab.follows('board', 'waiting');
  return { broker, cable, tab };
}

const offsets = (tab) => tab.told.event.map(({ offset }) => offset);
const range = (first, last) => Array.from({ length: last - first + 1 }, (_, n) => first + n);
const GAP = { first: 11, end: 21, cause: 'trimmed', earliest: 21, head: 30 };

test('a gap that is to end the subscription ends it, and the position stays', async () => {
  const { broker, cable, tab } = await cut_off({ from: 'earliest', onGap: 'fail' });
  await append(broker, 'board', 'others', 11, 30);
  await trim(broker, 'board', 21);
  cable.plug();
  await tab.hurry();
  await tab.follows('board', 'ended');
  await tab.until('is told of the end', ({ ended }) => ended.length > 0);
  expect(offsets(tab)).toEqual(range(1, 10));
  expect(tab.told.gap).toEqual([
    expect.objectContaining({ topic: 'board', next: 'end', gap: expect.objectContaining(GAP) }),
  ]);
  const [{ error }] = tab.told.ended;
  expect(error).toMatchObject({ name: 'TidemarkError', code: 'position_trimmed', gap: GAP });
  expect(await tab.position('board')).toMatchObject({ offset: 10 });

  // Who follows again from there is told again: nothing has been skipped in silence.
  await tab.follow('board', { from: 'earliest', onGap: 'earliest' });
  await tab.has_offset('board', 30);
  expect(tab.told.gap.at(-1)).toMatchObject({ next: 'earliest', gap: GAP });
});

test('a gap that is to be passed is told between the events before and behind it', async () => {
  const { broker, cable, tab } = await cut_off({ from: 'earliest' });
  await append(broker, 'board', 'others', 11, 30);
  await trim(broker, 'board', 21);
  cable.plug();
  await tab.hurry();
  await tab.has_offset('board', 30);
  await tab.follows('board');
  expect(offsets(tab)).toEqual([...range(1, 10), ...range(21, 30)]);
  expect(tab.told.gap).toEqual([
    expect.objectContaining({ next: 'earliest', gap: expect.objectContaining(GAP) }),
  ]);
  const states = tab.told.following.map(({ state }) => state);
  expect(states).toContain('gap');
  expect(states.lastIndexOf('gap')).toBeLessThan(states.lastIndexOf('live'));
  // The gap is passed once, also for the next life of the page.
  await tab.load();
  await tab.follow('board', { from: 'earliest' });
  await tab.follows('board');
  await append(broker, 'board', 'others', 31, 31);
  await tab.has_offset('board', 31);
  expect(tab.told.gap.length).toBe(1);
});

test('a gap is bridged by the state, and the page has what everybody has', async () => {
  const set = (broker, key, n) =>
    ask(broker, 'POST', '/v1/topics/board/events', { key, data: n === null ? null : { n } });
  const { broker, cable } = await broker_on_cable();
  await create(broker, 'board', { keep_latest: true });
  for (const [key, n] of [['a', 1], ['b', 2], ['c', 3]]) await set(broker, key, n);
  const tab = await lone_tab(cable, { store: 'local' });
  await tab.follow('board', { state: true });
  await tab.follows('board');
  expect(tab.told.state[0]).toMatchObject({ entries: [{ key: 'a' }, { key: 'b' }, { key: 'c' }] });
  cable.unplug();
  await tab.follows('board', 'waiting');
  for (const [key, n] of [['a', 4], ['b', null], ['d', 6]]) await set(broker, key, n);
  await trim(broker, 'board', 6);
  cable.plug();
  await tab.hurry();
  await tab.until('has the state', ({ state }) => state.length === 2);
  await tab.follows('board');
  await set(broker, 'd', 7);
  await tab.has_offset('board', 7);

  const { position, entries } = tab.told.state.at(-1);
  expect(position).toMatchObject({ offset: 6 });
  const pages = new Map(entries.map(({ key, data }) => [key, data]));
  for (const { key, data } of tab.told.event) pages.set(key, data);
  const newest = await ask(broker, 'GET', '/v1/state/board');
  expect([...pages]).toEqual(newest.map(({ key, data }) => [key, data]));
  expect(offsets(tab)).toEqual([7]);
});

test('a topic that was made anew while the page was away is another history', async () => {
  const { broker, cable, tab } = await cut_off({ from: 'earliest' });
  const before = await tab.position('board');
  await remove(broker, 'board');
  await append(broker, 'board', 'new', 1, 5);
  cable.plug();
  await tab.hurry();
  await tab.until('has the new ones', ({ event }) =>
    numbers_of('new', event.map(({ data }) => data)).length === 5);
  expect(offsets(tab)).toEqual([...range(1, 10), ...range(1, 5)]);
  expect(tab.told.gap).toHaveLength(1);
  expect(tab.told.gap[0]).toMatchObject({ gap: { first: 1, end: 11, cause: 'epoch' } });
  const after = await tab.position('board');
  expect(after.offset).toBe(5);
  expect(after.epoch).not.toBe(before.epoch);
});

test('a topic that is deleted ends the subscription, or is waited for', async () => {
  const { broker, cable } = await broker_on_cable();
  for (const topic of ['ends', 'waits']) await append(broker, topic, 'others', 1, 3);
  const tab = await lone_tab(cable);
  await tab.follow('ends', { from: 'earliest' });
  await tab.follow('waits', { from: 'earliest', waitForTopic: true });
  await tab.has_offset('ends', 3);
  await tab.has_offset('waits', 3);
  await remove(broker, 'ends');
  await remove(broker, 'waits');
  await tab.until('has ended', ({ ended }) => ended.length === 1);
  expect(tab.told.ended[0]).toMatchObject({ topic: 'ends', error: { code: 'topic_deleted' } });
  await tab.follows('waits', 'waiting');
  await append(broker, 'waits', 'new', 1, 2);
  await tab.until('has the new ones', ({ event }) =>
    event.filter(({ topic, data }) => topic === 'waits' && data.by === 'new').length === 2);
});
