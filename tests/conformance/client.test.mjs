// The protocol's own TypeScript client against the real broker, which is killed under it.
// tests/conformance/: what an application written against the protocol lives through.
import { DurableStream, IdempotentProducer, stream } from '@durable-streams/client';
import { expect, onTestFinished, test } from 'vitest';

import { broker_of_test } from '../support/broker_of_test.mjs';
import { FLAWLESS, flaws, Journal } from '../support/journal.mjs';
import { SHORT_POLLS } from '../support/tidemarkd.mjs';

const LIVE = ['long-poll', 'sse'];
const MESSAGES = 600;
const KILLS = 3;
const AHEAD = 30;
// More than a reader of a few hundred messages and a few kills can need.
const MOST_SESSIONS = 20;
const QUICKLY = { initialDelay: 20, maxDelay: 200, multiplier: 1.5 };

async function created(broker, name, contentType = 'application/json') {
  const url = `${broker.url}/v1/stream/${name}`;
  return DurableStream.create({ url, contentType, backoffOptions: QUICKLY });
}

async function append_numbers(board, first, last) {
  for (let n = first; n <= last; ++n) await board.append(JSON.stringify({ n }));
}

/** All that is there after `offset`, and the offset to go on from. */
async function caught_up(url, offset = '-1') {
  const session = await stream({ url, offset, live: false, json: true });
  const numbers = (await session.json()).map(({ n }) => n);
  return { numbers, offset: session.offset };
}

/** One session from `from.offset`, which moves on with every batch, until something breaks it. */
async function follow_once(url, live, journal, from, signal) {
  const session = await stream({
    url, live, signal, json: true, offset: from.offset, backoffOptions: QUICKLY,
    // Else it takes kills in quick succession for a proxy's doing and leaves SSE for long-polls.
    sseResilience: { minConnectionDuration: 0 },
  });
  session.subscribeJson(({ items, offset }) => {
    if (offset < from.offset) journal.fail(new Error(`${from.offset} was followed by ${offset}`));
    from.offset = offset;
    for (const { n } of items) journal.add(n);
  });
  await session.closed;
}

/** Follows as an application does: when the connection breaks, on from the offset it has kept. */
function follow(broker, board, live, offset = '-1') {
  const journal = new Journal();
  const from = { offset };
  const leaving = new AbortController();
  onTestFinished(() => leaving.abort());
  const sessions = async () => {
    let broken;
    for (let count = 0; count < MOST_SESSIONS && !leaving.signal.aborted; ++count) {
      await broker.listening();
      try {
        await follow_once(board.url, live, journal, from, leaving.signal);
      } catch (error) {
        broken = error;
      }
    }
    journal.fail(new Error('the reader was thrown out too often', { cause: broken }));
  };
  sessions();
  return journal;
}

test('Client creates, appends and reads back JSON', async () => {
  const broker = await broker_of_test(SHORT_POLLS);
  const board = await created(broker, 'board');
  const values = [{ n: 1 }, 'text', 42, null, [1, [2]], { nested: { 'ü': '\u2028' } }];
  for (const value of values) await board.append(JSON.stringify(value));

  const session = await stream({ url: board.url, live: false });
  expect(session.contentType).toBe('application/json');
  expect(await session.json()).toEqual(values);
  expect((await board.head()).offset).toBe(session.offset);
});

test('Client creates, appends and reads back bytes and text', async () => {
  const broker = await broker_of_test(SHORT_POLLS);
  const bytes = await created(broker, 'bytes', 'application/octet-stream');
  const all = Uint8Array.from({ length: 256 }, (_, n) => n);
  await bytes.append(all);
  await bytes.append(all.slice(0, 3));
  const text = await created(broker, 'text', 'text/plain');
  await text.append('line one\nline two\n');
  await text.append('grüß dich');

  const read = await (await stream({ url: bytes.url, live: false })).body();
  expect([...read]).toEqual([...all, 0, 1, 2]);
  const said = await (await stream({ url: text.url, live: false })).text();
  expect(said).toBe('line one\nline two\ngrüß dich');
});

test.each(LIVE)('Client follows by %s from where it caught up', async (live) => {
  const broker = await broker_of_test(SHORT_POLLS);
  const board = await created(broker, 'board');
  await append_numbers(board, 1, 5);
  const { offset } = await caught_up(board.url);

  const journal = follow(broker, board, live, offset);
  for (let n = 6; n <= 12; ++n) {
    await append_numbers(board, n, n);
    await journal.reached(n);
  }
  expect(flaws(journal.numbers, 12, 6)).toEqual(FLAWLESS);
});

test.each(LIVE)('Client resumes by %s from a kept offset after kill -9', async (live) => {
  const broker = await broker_of_test(SHORT_POLLS);
  const board = await created(broker, 'board');
  await append_numbers(board, 1, 50);
  const { offset } = await caught_up(board.url);
  await append_numbers(board, 51, 60);

  await broker.kill();
  await broker.start();
  await append_numbers(board, 61, 70);
  const journal = follow(broker, board, live, offset);
  await journal.reached(70);
  expect(flaws(journal.numbers, 70, 51)).toEqual(FLAWLESS);
  expect(flaws((await caught_up(board.url)).numbers, 70)).toEqual(FLAWLESS);
});

test.each(LIVE)(
  'Client misses and doubles nothing by %s while its producer retries through kills',
  async (live) => {
    const broker = await broker_of_test(SHORT_POLLS);
    const board = await created(broker, 'board');
    const journal = follow(broker, board, live);
    const producer = new IdempotentProducer(board, 'scorer', {
      fetch: broker.fetch,
      lingerMs: 1,
      onError: (error) => journal.fail(error),
    });
    const produce = async () => {
      for (let n = 1; n <= MESSAGES; ++n) {
        producer.append(JSON.stringify({ n }));
        if (n % 10 !== 0) continue;
        await producer.flush();
        // Never far ahead of the reader, so that every kill finds both at work.
        if (n > AHEAD) await journal.reached(n - AHEAD);
      }
    };
    const kill = async () => {
      for (let kills = 1; kills <= KILLS; ++kills) {
        await journal.reached(Math.floor((kills * MESSAGES) / (KILLS + 1)));
        await broker.kill();
        await broker.start();
      }
    };
    await Promise.all([produce(), kill()]);
    await journal.reached(MESSAGES);
    // Together, since it takes both to tell a fault of the log from one of reading it.
    const stored = (await caught_up(board.url)).numbers;
    expect({
      followed: flaws(journal.numbers, MESSAGES),
      stored: flaws(stored, MESSAGES),
    }).toEqual({ followed: FLAWLESS, stored: FLAWLESS });
  },
);
