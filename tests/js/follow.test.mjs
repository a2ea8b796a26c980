// The package follows topics of the real broker, which is killed under it, by every transport.
// tests/js/: what an application that only reads lives through.
import { describe, expect, test, vi } from 'vitest';

import { broker_of_test } from '../support/broker_of_test.mjs';
import { FLAWLESS, flaws } from '../support/journal.mjs';
import {
  asked, client_of_test, epoch_of, followed, followed_state, MemoryStore, publish_numbers, told,
  TRANSPORTS, WebSocket,
} from './clients.mjs';

const KILLS = 3;

describe.each(TRANSPORTS)('Follower by %s', (transport) => {
  test('gets what there was, then each event as it comes', async () => {
    const broker = await broker_of_test();
    await publish_numbers(broker, 'board', 1, 500);
    const client = client_of_test(broker, { transport });
    const journal = followed(client, 'board');
    await followed_state(client, journal.subscription, 'live');
    expect(client.status).toMatchObject({ state: 'live', transport });
    expect(journal.subscription.status.behind).toBe(0);
    for (let n = 501; n <= 510; ++n) {
      await publish_numbers(broker, 'board', n, n);
      await journal.reached(n);
    }
    expect(flaws(journal.numbers, 510)).toEqual(FLAWLESS);
    const epoch = await epoch_of(broker, 'board');
    expect(journal.subscription.position).toEqual({ epoch, offset: 510 });
  });

  test('misses and doubles nothing while the broker is killed', async () => {
    const broker = await broker_of_test();
    await publish_numbers(broker, 'board', 1, 10);
    const journal = followed(client_of_test(broker, { transport }), 'board');
    let n = 10;
    for (let kill = 1; kill <= KILLS; ++kill) {
      await journal.reached(n);
      // The last of them are on their way when it dies.
      await publish_numbers(broker, 'board', n + 1, n + 100);
      await broker.kill();
      await broker.start();
      await publish_numbers(broker, 'board', n + 101, n + 110);
      n += 110;
    }
    await journal.reached(n);
    expect(flaws(journal.numbers, n)).toEqual(FLAWLESS);
    expect(journal.gaps).toEqual([]);
  });

  test('goes on from its store after what was applied', async () => {
    const broker = await broker_of_test();
    await publish_numbers(broker, 'board', 1, 10);
    const store = new MemoryStore();
    const before = client_of_test(broker, { transport, store });
    const seen = [];
    for await (const { data } of before.subscribe('board', { from: 'earliest' })) {
      seen.push(data.n);
      if (data.n === 5) break; // so 5 has been handed over, but nobody has said that it is applied
    }
    await before.close();
    await publish_numbers(broker, 'board', 11, 12);

    const journal = followed(client_of_test(broker, { transport, store }), 'board');
    await journal.reached(12);
    expect(seen).toEqual([1, 2, 3, 4, 5]);
    expect(flaws(journal.numbers, 12, 5)).toEqual(FLAWLESS);
  });

  test('is told which events are gone, and goes on from the earliest', async () => {
    const broker = await broker_of_test();
    await publish_numbers(broker, 'board', 1, 30);
    await asked(broker, 'POST', '/v1/topics/board/trim', { keep: 21 });
    const epoch = await epoch_of(broker, 'board');
    const client = client_of_test(broker, { transport });
    const journal = followed(client, 'board', { after: { epoch, offset: 10 } });
    await journal.reached(30);
    expect(flaws(journal.numbers, 30, 21)).toEqual(FLAWLESS);
    const gap = { first: 11, end: 21, cause: 'trimmed', epoch, earliest: 21, head: 30 };
    expect(journal.gaps).toEqual([{ type: 'gap', topic: 'board', gap, next: 'earliest' }]);
  });

  test('ends at a gap if it asks for that', async () => {
    const broker = await broker_of_test();
    await publish_numbers(broker, 'board', 1, 30);
    await asked(broker, 'POST', '/v1/topics/board/trim', { keep: 21 });
    const after = { epoch: await epoch_of(broker, 'board'), offset: 10 };
    const client = client_of_test(broker, { transport });
    const journal = followed(client, 'board', { after, onGap: 'fail' });
    await followed_state(client, journal.subscription, 'ended');
    expect(journal.numbers).toEqual([]);
    const { error } = journal.subscription.status;
    expect(error).toMatchObject({ code: 'position_trimmed', gap: { first: 11, end: 21 } });
    expect(journal.subscription.position).toEqual(after);
  });

  test('is told that a topic made anew is another one', async () => {
    const broker = await broker_of_test();
    await publish_numbers(broker, 'board', 1, 10);
    const store = new MemoryStore();
    const before = client_of_test(broker, { transport, store });
    await followed(before, 'board').reached(10);
    await before.close();
    await asked(broker, 'DELETE', '/v1/topics/board');
    await publish_numbers(broker, 'board', 101, 105);

    const journal = followed(client_of_test(broker, { transport, store }), 'board');
    await journal.reached(105);
    expect(flaws(journal.numbers, 105, 101)).toEqual(FLAWLESS);
    expect(journal.gaps).toMatchObject([{ next: 'earliest', gap: { first: 1, end: 11 } }]);
  });

  test('takes the state, then everything after it, through a kill', async () => {
    const broker = await broker_of_test();
    await asked(broker, 'PUT', '/v1/topics/prices', { keep_latest: true });
    const priced = (n) => ({ key: `k${n % 10}`, data: { n } });
    await publish_numbers(broker, 'prices', 1, 100, priced);
    const client = client_of_test(broker, { transport });
    const journal = followed(client, 'prices', { from: undefined, state: true });
    await followed_state(client, journal.subscription, 'live');
    await broker.kill();
    await broker.start();
    await publish_numbers(broker, 'prices', 101, 120, priced);
    await journal.reached(120);

    expect(journal.states).toHaveLength(1);
    const [{ position, entries }] = journal.states;
    expect(position.offset).toBe(100);
    const newest = Object.fromEntries(entries.map(({ key, data }) => [key, data.n]));
    expect(newest).toEqual(
      Object.fromEntries(Array.from({ length: 10 }, (_, k) => [`k${k}`, k === 0 ? 100 : 90 + k])),
    );
    expect(flaws(journal.numbers, 120, 101)).toEqual(FLAWLESS);
  });

  test('takes no more than the application can, and loses none of it', async () => {
    const broker = await broker_of_test();
    for (let n = 1; n < 2_000; n += 500) await publish_numbers(broker, 'board', n, n + 499);
    const client = client_of_test(broker, { transport });
    const numbers = [];
    for await (const item of client.subscribe('board', { from: 'earliest', maxQueued: 50 })) {
      numbers.push(item.data.n);
      if (item.data.n === 2_000) break;
    }
    expect(flaws(numbers, 2_000)).toEqual(FLAWLESS);
  });

  test('gets only what it filters for, and goes on behind the others', async () => {
    const broker = await broker_of_test();
    const coloured = (n) => ({ data: { n }, headers: { colour: n % 3 === 0 ? 'red' : 'blue' } });
    await publish_numbers(broker, 'board', 1, 30, coloured);
    const store = new MemoryStore();
    const options = { filter: { headers: { colour: 'red' } } };
    const client = client_of_test(broker, { transport, store });
    const journal = followed(client, 'board', options);
    await followed_state(client, journal.subscription, 'live');
    expect(journal.numbers).toEqual([3, 6, 9, 12, 15, 18, 21, 24, 27, 30]);
    await publish_numbers(broker, 'board', 31, 33, coloured);
    await journal.reached(33);
    await client.close();

    const next = client_of_test(broker, { transport, store });
    const rest = followed(next, 'board', options);
    await publish_numbers(broker, 'board', 34, 36, coloured);
    await rest.reached(36);
    expect(rest.numbers).toEqual([36]);
  });

  test('reads bytes and text as what they are', async () => {
    const broker = await broker_of_test();
    const bytes = Uint8Array.from({ length: 256 }, (_, n) => n);
    const client = client_of_test(broker, { transport });
    await client.publish('photos', bytes, { contentType: 'application/octet-stream' });
    await client.publish('talk', 'grüß\r\ndich\u2028', { contentType: 'text/plain' });
    const first = async (topic) => {
      for await (const { data } of client.subscribe(topic, { from: 'earliest' })) return data;
    };
    expect(await first('photos')).toEqual(bytes);
    expect(await first('talk')).toBe('grüß\r\ndich\u2028');
  });

  test('moves a cursor that another device goes on from', async () => {
    const broker = await broker_of_test();
    await publish_numbers(broker, 'board', 1, 20);
    const one = client_of_test(broker, { transport });
    const journal = followed(one, 'board', { cursor: 'ada' });
    await journal.reached(20);
    // It follows the events, a request at a time; what is asked for later may be answered first.
    await vi.waitFor(async () => {
      const answer = await asked(broker, 'GET', '/v1/cursors/board?cursor=ada');
      expect((await answer.json()).offset).toBe(20);
    }, 10_000);
    await one.close();
    await publish_numbers(broker, 'board', 21, 25);
    const other = followed(client_of_test(broker, { transport }), 'board', { cursor: 'ada' });
    await other.reached(25);
    expect(flaws(other.numbers, 25, 21)).toEqual(FLAWLESS);
  });

  test('waits for a topic that is yet to be', async () => {
    const broker = await broker_of_test();
    const client = client_of_test(broker, { transport });
    const journal = followed(client, 'board', { waitForTopic: true });
    const ended = followed(client, 'never');
    await followed_state(client, ended.subscription, 'ended');
    expect(ended.subscription.status.error).toMatchObject({ code: 'unknown_topic' });
    await publish_numbers(broker, 'board', 1, 3);
    await journal.reached(3);
    expect(flaws(journal.numbers, 3)).toEqual(FLAWLESS);
  });

  test('rests while it is paused, and misses nothing', async () => {
    const broker = await broker_of_test();
    await publish_numbers(broker, 'board', 1, 5);
    const client = client_of_test(broker, { transport });
    const journal = followed(client, 'board');
    await journal.reached(5);
    client.pause();
    expect(client.status).toMatchObject({ state: 'paused', transport: undefined });
    await publish_numbers(broker, 'board', 6, 10);
    expect(journal.numbers).toHaveLength(5);
    client.resume();
    await journal.reached(10);
    expect(flaws(journal.numbers, 10)).toEqual(FLAWLESS);
  });
});

test('Client takes HTTP where no WebSocket gets through', async () => {
  const broker = await broker_of_test();
  await publish_numbers(broker, 'board', 1, 10);
  class Blocked extends WebSocket {
    constructor() {
      super('ws://127.0.0.1:1/'); // nobody is there
    }
  }
  const client = client_of_test(broker, { WebSocket: Blocked });
  const by_http = told(client, 'status', ({ transport }) => transport === 'http');
  const journal = followed(client, 'board');
  await journal.reached(10);
  await by_http;
  await publish_numbers(broker, 'board', 11, 20);
  await journal.reached(20);
  expect(flaws(journal.numbers, 20)).toEqual(FLAWLESS);
});
