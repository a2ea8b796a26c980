// The client as a whole over a WebSocket that the test holds: what it says, when, and what comes of it.
// protocol/js/: the real broker is met in tests/js and tests/browser.
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';

import {
  type Change,
  type ClientOptions,
  type Environment,
  type Item,
  MemoryStore,
  type Position,
  type SubscribeOptions,
  TidemarkClient,
  TidemarkError,
} from '../src/index.js';
import type { EventMessage, ServerMessage } from '../src/messages.js';
import { FakeSocket } from './fake_socket.js';

class FakeEnvironment implements Environment {
  isOnline = true;
  isHidden = false;
  private changed: (change: Change) => void = () => {};
  online = () => this.isOnline;
  hidden = () => this.isHidden;
  watch(changed: (change: Change) => void) {
    this.changed = changed;
    return () => (this.changed = () => {});
  }
  tell(change: Change) {
    if (change === 'hidden') this.isHidden = true;
    if (change === 'visible') this.isHidden = false;
    this.changed(change);
  }
}

const clients: TidemarkClient[] = [];
let environment: FakeEnvironment;

beforeEach(() => {
  vi.useFakeTimers();
  FakeSocket.made = [];
  environment = new FakeEnvironment();
});
afterEach(async () => {
  await Promise.all(clients.splice(0).map((client) => client.close()));
  vi.useRealTimers();
});

const settle = () => vi.advanceTimersByTimeAsync(0);

function make(options: ClientOptions = {}): TidemarkClient {
  const client = new TidemarkClient({
    url: 'http://broker.example',
    WebSocket: FakeSocket as never,
    transport: 'websocket',
    environment,
    ...options,
  });
  clients.push(client);
  return client;
}

async function connected(options: ClientOptions = {}): Promise<TidemarkClient> {
  const client = make(options);
  await settle();
  FakeSocket.last.open();
  return client;
}

const subscribed = (
  over: Partial<Position> & { id?: number; head?: number; topic?: string } = {},
): ServerMessage => ({
  type: 'subscribed',
  topic: 'orders',
  epoch: 1,
  offset: 0,
  head: 0,
  earliest: 1,
  content_type: 'application/json',
  ...over,
});
const event = (offset: number, topic = 'orders'): EventMessage => ({
  type: 'event',
  topic,
  offset,
  time: 1_000 + offset,
  data: { n: offset },
});

/** Follows orders and keeps what comes. */
async function follow(client: TidemarkClient, options: SubscribeOptions = { from: 'earliest' }) {
  const items: Item[] = [];
  const ended: (TidemarkError | undefined)[] = [];
  const take = (item: Item) => void items.push(item);
  const subscription = client.subscribe('orders', options, {
    event: take,
    state: take,
    gap: take,
    ended: (error) => void ended.push(error),
  });
  await settle();
  return {
    subscription,
    items,
    ended,
    offsets: () => items.map((i) => (i.type === 'event' ? i.offset : i.type)),
  };
}
const asked = () => FakeSocket.last.all('subscribe').at(-1)!;

describe('Following', () => {
  test('EventsComeInOrderAndTheirPositionIsKeptOnceTheyAreApplied', async () => {
    const store = new MemoryStore();
    const client = await connected({ store });
    const { offsets, subscription } = await follow(client);
    expect(asked()).toMatchObject({ topic: 'orders', from: 'earliest', on_gap: 'earliest' });
    FakeSocket.last.say(subscribed({ id: asked().id, head: 2 }), event(1), event(2));
    await settle();
    expect(offsets()).toEqual([1, 2]);
    expect(subscription.position).toEqual({ epoch: 1, offset: 2 });
    expect(JSON.parse(store.getItem('tidemark:position:orders')!)).toEqual({
      version: 1,
      epoch: 1,
      offset: 2,
    });
  });

  test('AnEventThatIsBeingAppliedDoesNotCountYet', async () => {
    const store = new MemoryStore();
    const client = await connected({ store });
    let applied = () => {};
    client.subscribe(
      'orders',
      { from: 'earliest' },
      {
        event: () => new Promise<void>((resolve) => (applied = resolve)),
      },
    );
    await settle();
    FakeSocket.last.say(subscribed({ id: asked().id, head: 2 }), event(1), event(2));
    await settle();
    expect(JSON.parse(store.getItem('tidemark:position:orders')!).offset).toBe(0);
    applied();
    await settle();
    expect(JSON.parse(store.getItem('tidemark:position:orders')!).offset).toBe(1);
  });

  test('AHandlerThatFailsEndsTheSubscriptionAndItsEventComesAgain', async () => {
    const store = new MemoryStore();
    const client = await connected({ store });
    const ended = vi.fn();
    client.subscribe(
      'orders',
      { from: 'earliest' },
      {
        event: ({ offset }) => {
          if (offset === 2) throw new Error('no');
        },
        ended,
      },
    );
    await settle();
    FakeSocket.last.say(subscribed({ id: asked().id, head: 3 }), event(1), event(2), event(3));
    await settle();
    expect(ended).toHaveBeenCalledExactlyOnceWith(
      expect.objectContaining({ code: 'handler_failed' }),
    );
    await follow(client);
    expect(asked()).toMatchObject({ after: { epoch: 1, offset: 1 } });
  });

  test('ALostConnectionIsResumedAfterTheLastEventReceived', async () => {
    const client = await connected();
    const { offsets, subscription } = await follow(client);
    FakeSocket.last.say(subscribed({ id: asked().id, head: 2 }), event(1), event(2));
    FakeSocket.last.end();
    await settle();
    expect(subscription.status.state).toBe('waiting');
    await vi.advanceTimersByTimeAsync(600);
    FakeSocket.last.open();
    expect(asked()).toMatchObject({ after: { epoch: 1, offset: 2 } });
    FakeSocket.last.say(subscribed({ id: asked().id, offset: 2, head: 3 }), event(3));
    await settle();
    expect(offsets()).toEqual([1, 2, 3]);
  });

  test('WhatIsOfAnEarlierSubscriptionOrSeenAlreadyIsPassedOver', async () => {
    const client = await connected();
    const { offsets } = await follow(client);
    FakeSocket.last.say(
      event(9),
      subscribed({ id: asked().id, head: 2 }),
      event(1),
      event(1),
      event(2),
    );
    await settle();
    expect(offsets()).toEqual([1, 2]);
  });

  test('AHoleWithoutAWordIsNeverPassedOver', async () => {
    const client = await connected();
    const errors = vi.fn();
    client.on('error', errors);
    const { offsets } = await follow(client);
    FakeSocket.last.say(subscribed({ id: asked().id, head: 3 }), event(1), event(3));
    await settle();
    expect(offsets()).toEqual([1]);
    expect(errors).toHaveBeenCalledWith(expect.objectContaining({ code: 'protocol_error' }));
    expect(FakeSocket.last.closed).toBe(true);
    await vi.advanceTimersByTimeAsync(600);
    FakeSocket.last.open();
    expect(asked()).toMatchObject({ after: { epoch: 1, offset: 1 } });
  });

  test('ANewEpochIsPartOfThePositionsThatFollow', async () => {
    const client = await connected();
    const { subscription } = await follow(client);
    FakeSocket.last.say(
      subscribed({ id: asked().id, head: 1 }),
      event(1),
      { type: 'epoch', topic: 'orders', epoch: 2, first: 2 },
      event(2),
    );
    await settle();
    expect(subscription.position).toEqual({ epoch: 2, offset: 2 });
  });

  test('AStateOfSeveralPartsIsOneItemAndUntilItIsWholeThereIsNoPosition', async () => {
    const client = await connected();
    const { items } = await follow(client, { state: true });
    expect(asked()).toMatchObject({ state: true, on_gap: 'state' });
    const entry = (key: string, offset: number) => ({ key, offset, time: 1, data: offset });
    const part = { type: 'state', topic: 'orders', epoch: 1, offset: 7 } as const;
    FakeSocket.last.say(subscribed({ id: asked().id, offset: 7, head: 7 }), {
      ...part,
      first: true,
      last: false,
      entries: [entry('a', 1)],
    });
    FakeSocket.last.end();
    await vi.advanceTimersByTimeAsync(600);
    FakeSocket.last.open();
    expect(asked()).toMatchObject({ state: true });
    FakeSocket.last.say(
      subscribed({ id: asked().id, offset: 8, head: 8 }),
      { ...part, offset: 8, first: true, last: false, entries: [entry('a', 1)] },
      { ...part, offset: 8, first: false, last: true, entries: [entry('b', 8)] },
      event(9),
    );
    await settle();
    expect(items).toMatchObject([
      { type: 'state', position: { epoch: 1, offset: 8 }, entries: [{ key: 'a' }, { key: 'b' }] },
      { type: 'event', offset: 9 },
    ]);
  });

  test('AGapIsAnItemAndTheEventsAfterItFollow', async () => {
    const client = await connected();
    const { offsets, items, subscription } = await follow(client);
    FakeSocket.last.say(subscribed({ id: asked().id, head: 9 }), {
      type: 'gap',
      topic: 'orders',
      first: 1,
      end: 5,
      cause: 'count',
      epoch: 1,
      earliest: 5,
      head: 9,
    });
    await settle();
    expect(subscription.status).toMatchObject({ state: 'gap', gap: { first: 1, end: 5 } });
    FakeSocket.last.say(event(5));
    await settle();
    expect(offsets()).toEqual(['gap', 5]);
    expect(items[0]).toMatchObject({ next: 'earliest', gap: { cause: 'count' } });
  });

  test('AGapThatIsToFailEndsTheSubscriptionWithWhatWasLost', async () => {
    const client = await connected();
    const { items, ended } = await follow(client, {
      after: { epoch: 1, offset: 2 },
      onGap: 'fail',
    });
    const gap = { first: 3, end: 5, cause: 'count', epoch: 1, earliest: 5, head: 9 } as const;
    FakeSocket.last.say({
      type: 'error',
      id: asked().id,
      topic: 'orders',
      code: 'position_trimmed',
      message: 'gone',
      gap,
    });
    await settle();
    expect(items).toMatchObject([{ type: 'gap', next: 'end', gap }]);
    expect(ended).toMatchObject([{ code: 'position_trimmed', gap }]);
  });

  test('FilteredEventsLeaveHolesAndAdvanceThePosition', async () => {
    const store = new MemoryStore();
    const client = await connected({ store });
    const { offsets } = await follow(client, { from: 'earliest', filter: { keys: ['a'] } });
    FakeSocket.last.say(subscribed({ id: asked().id, head: 9 }), event(3), {
      type: 'advanced',
      topic: 'orders',
      offset: 9,
    });
    await settle();
    expect(offsets()).toEqual([3]);
    expect(JSON.parse(store.getItem('tidemark:position:orders')!).offset).toBe(9);
  });

  test('ASlowApplicationIsNotBuried', async () => {
    const client = await connected();
    const subscription = client.subscribe('orders', { from: 'earliest', maxQueued: 10 });
    await settle();
    FakeSocket.last.say(subscribed({ id: asked().id, head: 100 }));
    for (let n = 1; n <= 100; ++n) FakeSocket.last.say(event(n));
    expect(FakeSocket.last.all('unsubscribe')).toHaveLength(1);
    const taken: number[] = [];
    for await (const item of subscription) {
      if (item.type === 'event') taken.push(item.offset);
      if (taken.length === 6) break;
    }
    expect(taken).toEqual([1, 2, 3, 4, 5, 6]);
    expect(FakeSocket.last.all('subscribe').at(-1)!.after!.offset).toBeLessThanOrEqual(11);
    expect(FakeSocket.last.all('subscribe')).toHaveLength(2);
  });

  test('AnIteratorsItemCountsAsAppliedWhenTheNextIsAskedFor', async () => {
    const store = new MemoryStore();
    const client = await connected({ store });
    const subscription = client.subscribe('orders', { from: 'earliest' });
    await settle();
    FakeSocket.last.say(subscribed({ id: asked().id, head: 3 }), event(1), event(2), event(3));
    for await (const item of subscription) {
      if (item.type === 'event' && item.offset === 2) break;
    }
    expect(JSON.parse(store.getItem('tidemark:position:orders')!).offset).toBe(1);
    expect(FakeSocket.last.all('unsubscribe')).toHaveLength(1);
  });

  test('AnIteratorThrowsWhatTheSubscriptionEndedWithBehindTheLastItem', async () => {
    const client = await connected();
    const subscription = client.subscribe('orders', { from: 'earliest' });
    await settle();
    FakeSocket.last.say(subscribed({ id: asked().id, head: 1 }), event(1), {
      type: 'unsubscribed',
      topic: 'orders',
      reason: 'topic_deleted',
    });
    const taken: number[] = [];
    const reading = (async () => {
      for await (const item of subscription) if (item.type === 'event') taken.push(item.offset);
    })();
    await expect(reading).rejects.toMatchObject({ code: 'topic_deleted' });
    expect(taken).toEqual([1]);
  });

  test('APositionKeptGoesBeforeTheStart', async () => {
    const store = new MemoryStore();
    store.setItem('tidemark:position:orders', '{"version":1,"epoch":3,"offset":42}');
    const client = await connected({ store });
    await follow(client, { state: true });
    expect(asked()).toMatchObject({ after: { epoch: 3, offset: 42 }, on_gap: 'state' });
    expect(asked().state).toBeUndefined();
  });

  test.each([
    ['no JSON', 'what?'],
    ['another shape', '{"version":1,"epoch":-1,"offset":"x"}'],
    ['another version', '{"version":2,"epoch":1,"offset":1}'],
    ['null', 'null'],
  ])('APositionThatIsBroken(%s)IsAGapAndAnError', async (_, kept) => {
    const store = new MemoryStore();
    store.setItem('tidemark:position:orders', kept);
    const client = await connected({ store });
    const errors = vi.fn();
    client.on('error', errors);
    const { items, subscription } = await follow(client, { from: 'now' });
    expect(errors).toHaveBeenCalledWith(expect.objectContaining({ code: 'store_corrupt' }));
    expect(asked()).toMatchObject({ from: 'earliest' });
    FakeSocket.last.say(subscribed({ id: asked().id, offset: 4, head: 5 }), event(5));
    await settle();
    expect(items).toMatchObject([
      { type: 'gap', gap: { cause: 'position_lost' }, next: 'earliest' },
      { type: 'event', offset: 5 },
    ]);
    expect(subscription.position).toEqual({ epoch: 1, offset: 5 });
  });

  test('APositionThatIsBrokenEndsASubscriptionThatIsToFail', async () => {
    const store = new MemoryStore();
    store.setItem('tidemark:position:orders', '{');
    const { ended } = await follow(await connected({ store }), { onGap: 'fail' });
    expect(ended).toMatchObject([{ code: 'store_corrupt' }]);
    expect(FakeSocket.last.all('subscribe')).toHaveLength(0);
  });

  test('AStoreThatIsFullIsAnErrorAndNothingIsMissedOnThisPage', async () => {
    const store = new MemoryStore();
    const client = await connected({ store });
    const errors = vi.fn();
    client.on('error', errors);
    const { offsets } = await follow(client);
    store.setItem = () => {
      throw new DOMException('full', 'QuotaExceededError');
    };
    FakeSocket.last.say(subscribed({ id: asked().id, head: 2 }), event(1), event(2));
    await settle();
    expect(offsets()).toEqual([1, 2]);
    expect(errors).toHaveBeenCalledWith(expect.objectContaining({ code: 'store_failed' }));
  });

  test('ACursorMovesAsItemsAreAppliedOneRequestAtATime', async () => {
    const client = await connected();
    await follow(client, { cursor: 'device-7', from: 'earliest' });
    expect(asked()).toMatchObject({ cursor: 'device-7' });
    FakeSocket.last.say(subscribed({ id: asked().id, head: 3 }), event(1));
    await settle();
    FakeSocket.last.say(event(2), event(3));
    await settle();
    const first = FakeSocket.last.all('ack');
    expect(first).toHaveLength(1);
    FakeSocket.last.say({
      type: 'acknowledged',
      id: first[0]!.id,
      topic: 'orders',
      cursor: 'device-7',
      epoch: 1,
      offset: 1,
    });
    expect(FakeSocket.last.all('ack').at(-1)).toMatchObject({
      cursor: 'device-7',
      epoch: 1,
      offset: 3,
    });
  });

  test('ATopicThatIsWaitedForIsAskedForAgain', async () => {
    const client = await connected();
    const { ended } = await follow(client, { waitForTopic: true });
    FakeSocket.last.say({
      type: 'error',
      id: asked().id,
      topic: 'orders',
      code: 'unknown_topic',
      message: 'none',
    });
    await vi.advanceTimersByTimeAsync(1_100);
    expect(FakeSocket.last.all('subscribe')).toHaveLength(2);
    expect(ended).toEqual([]);
  });

  test('ASecondSubscriptionToATopicIsRefused', async () => {
    const client = await connected();
    await follow(client);
    expect(() => client.subscribe('orders')).toThrow(
      expect.objectContaining({ code: 'already_subscribed' }),
    );
  });
});

describe('TheConnection', () => {
  test('IsTriedAgainLaterAndLater', async () => {
    const client = make();
    await settle();
    const waits: number[] = [];
    for (let n = 0; n < 8; ++n) {
      FakeSocket.last.end();
      const { state, retryAt } = client.status;
      expect(state).toBe('offline');
      waits.push(retryAt! - Date.now());
      await vi.advanceTimersByTimeAsync(waits.at(-1)!);
      expect(FakeSocket.made).toHaveLength(n + 2);
    }
    waits.forEach((wait, n) => {
      const step = Math.min(30_000, 500 * 2 ** n);
      expect(wait).toBeGreaterThanOrEqual(step / 2);
      expect(wait).toBeLessThanOrEqual(step);
    });
  });

  test('IsMadeAtOnceWhenTheNetworkIsBack', async () => {
    make();
    await settle();
    FakeSocket.last.end();
    environment.tell('online');
    await settle();
    expect(FakeSocket.made).toHaveLength(2);
  });

  test('ComesBackWhenTheBrokerSays', async () => {
    const client = await connected();
    FakeSocket.last.say({ type: 'goodbye', reconnect_after_ms: 1_730 });
    FakeSocket.last.end(1012, 'shutting_down');
    expect(client.status.retryAt! - Date.now()).toBe(1_730);
    expect(client.status.error).toMatchObject({ code: 'shutting_down' });
  });

  test('ThatIsSilentIsAskedAndGivenUpWithoutAnAnswer', async () => {
    await connected();
    const first = FakeSocket.last;
    await vi.advanceTimersByTimeAsync(25_000);
    expect(first.all('ping')).toHaveLength(1);
    first.say({ type: 'pong', id: first.all('ping')[0]!.id });
    await vi.advanceTimersByTimeAsync(25_000);
    expect(first.all('ping')).toHaveLength(2);
    expect(first.closed).toBe(false);
    await vi.advanceTimersByTimeAsync(10_000);
    expect(first.closed).toBe(true);
  });

  test('HasToProveItselfWhenThePageWakesUp', async () => {
    await connected();
    const first = FakeSocket.last;
    environment.tell('resumed');
    expect(first.all('ping')).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(3_000);
    expect(first.closed).toBe(true);
  });

  test('IsGivenUpWhileHiddenIfAskedAndMadeAgainWhenSeen', async () => {
    const client = await connected({ pauseWhenHidden: 5_000 });
    const first = FakeSocket.last;
    environment.tell('hidden');
    await vi.advanceTimersByTimeAsync(4_999);
    expect(first.closed).toBe(false);
    await vi.advanceTimersByTimeAsync(1);
    expect(first.closed).toBe(true);
    expect(client.status.state).toBe('paused');
    environment.tell('online');
    await settle();
    expect(FakeSocket.made).toHaveLength(1);
    environment.tell('visible');
    await settle();
    expect(FakeSocket.made).toHaveLength(2);
  });

  test('IsNotGivenUpForAGlanceElsewhere', async () => {
    await connected({ pauseWhenHidden: 5_000 });
    environment.tell('hidden');
    environment.tell('visible');
    FakeSocket.last.say({ type: 'pong', id: FakeSocket.last.all('ping').at(-1)!.id });
    await vi.advanceTimersByTimeAsync(10_000);
    expect(FakeSocket.made).toHaveLength(1);
  });

  test('IsGivenUpWhileHiddenAlsoIfANetworkComesMeanwhile', async () => {
    const client = await connected({ pauseWhenHidden: 5_000 });
    environment.tell('hidden');
    environment.tell('online');
    FakeSocket.last.say({ type: 'pong', id: FakeSocket.last.all('ping').at(-1)!.id });
    await vi.advanceTimersByTimeAsync(5_000);
    expect(client.status.state).toBe('paused');
  });

  test('IsNotMadeWhilePausedNorOnceClosed', async () => {
    const client = await connected();
    client.pause();
    expect(client.status.state).toBe('paused');
    await vi.advanceTimersByTimeAsync(100_000);
    expect(FakeSocket.made).toHaveLength(1);
    client.resume();
    await settle();
    expect(FakeSocket.made).toHaveLength(2);
    await client.close();
    client.resume();
    await vi.advanceTimersByTimeAsync(100_000);
    expect(FakeSocket.made).toHaveLength(2);
    expect(client.status.state).toBe('closed');
  });

  test('ThatCannotBeMadeInTimeIsGivenUp', async () => {
    const client = make();
    await settle();
    await vi.advanceTimersByTimeAsync(10_000);
    expect(FakeSocket.made[0]!.closed).toBe(true);
    expect(client.status.error).toMatchObject({ code: 'connection_lost' });
  });

  test('ABackwardsClockChangesNoWait', async () => {
    make();
    await settle();
    FakeSocket.last.end();
    vi.setSystemTime(0);
    await vi.advanceTimersByTimeAsync(500);
    expect(FakeSocket.made).toHaveLength(2);
  });
});

describe('Tokens', () => {
  test('AreShownFirstAndGotAnewForEachConnection', async () => {
    let n = 0;
    const client = await connected({ token: async () => `token-${++n}` });
    await follow(client);
    expect(FakeSocket.last.sent[0]).toMatchObject({ type: 'auth', token: 'token-1' });
    expect(client.status.state).toBe('connecting');
    FakeSocket.last.say({ type: 'authenticated', id: 1, subject: 'ada' });
    expect(client.status.state).toBe('live');
    FakeSocket.last.end();
    await vi.advanceTimersByTimeAsync(600);
    FakeSocket.last.open();
    expect(FakeSocket.last.sent[0]).toMatchObject({ type: 'auth', token: 'token-2' });
  });

  test('AreRefreshedBeforeTheyExpire', async () => {
    let n = 0;
    await connected({ token: () => `token-${++n}` });
    FakeSocket.last.say(
      { type: 'authenticated', subject: 'ada' },
      { type: 'token_expires', in_ms: 60_000 },
    );
    await settle();
    expect(FakeSocket.last.all('auth').map((m) => m.token)).toEqual(['token-1', 'token-2']);
  });

  test('ThatHaveExpiredAreReplacedAtOnceThenLaterAndLater', async () => {
    let n = 0;
    const client = await connected({ token: () => `token-${++n}` });
    FakeSocket.last.end(3000, 'token_expired');
    await settle();
    expect(FakeSocket.made).toHaveLength(2);
    FakeSocket.last.open();
    FakeSocket.last.end(3000, 'token_expired');
    expect(client.status).toMatchObject({
      state: 'unauthorized',
      error: { code: 'token_expired' },
    });
    expect(client.status.retryAt).toBeGreaterThan(Date.now());
  });

  test('ThatCannotBeHadAreAnErrorAndAreAskedForAgain', async () => {
    let broken = true;
    const client = make({
      token: async () => {
        if (broken) throw new Error('offline');
        return 'token';
      },
    });
    const errors = vi.fn();
    client.on('error', errors);
    await settle();
    expect(errors).toHaveBeenCalledWith(expect.objectContaining({ code: 'token_failed' }));
    expect(client.status.state).toBe('unauthorized');
    broken = false;
    await vi.advanceTimersByTimeAsync(1_000);
    expect(FakeSocket.made).toHaveLength(1);
  });

  test('ThatHaveExpiredAndAreNotReplacedAreAskedForWithPauses', async () => {
    let asked = 0;
    await connected({
      token: () => {
        if (++asked > 1) throw new Error('the login server is down');
        return 'token';
      },
    });
    FakeSocket.last.end(3000, 'token_expired');
    await settle();
    expect(asked).toBe(2);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(asked).toBeGreaterThan(3);
    expect(asked).toBeLessThan(12);
  });

  test('ThatExpireOnAStableConnectionAreNotWaitedForAsAfterTheFailuresBeforeIt', async () => {
    let broken = true;
    const client = make({
      token: () => {
        if (broken) throw new Error('the login server is down');
        return 'token';
      },
    });
    await vi.advanceTimersByTimeAsync(120_000);
    broken = false;
    while (FakeSocket.made.length === 0) await vi.advanceTimersByTimeAsync(1_000);
    FakeSocket.last.open();
    FakeSocket.last.say({ type: 'authenticated', subject: 'ada' });
    await vi.advanceTimersByTimeAsync(11_000);
    broken = true;
    FakeSocket.last.end(3000, 'token_expired');
    await settle();
    expect(client.status.state).toBe('unauthorized');
    expect(client.status.retryAt! - Date.now()).toBeLessThanOrEqual(500);
  });

  test('ThatAreConstantAndRefusedAreNotShownAgainUntilAskedTo', async () => {
    const client = await connected({ token: 'wrong' });
    FakeSocket.last.end(3000, 'unauthorized');
    await vi.advanceTimersByTimeAsync(100_000);
    expect(FakeSocket.made).toHaveLength(1);
    expect(client.status).toMatchObject({ state: 'unauthorized', retryAt: undefined });
    client.resume();
    await settle();
    expect(FakeSocket.made).toHaveLength(2);
  });
});

describe('Listeners', () => {
  test('ThatThrowKeepNobodyElseFromHearing', async () => {
    const client = make();
    const heard = vi.fn();
    const uncaught: unknown[] = [];
    vi.stubGlobal('queueMicrotask', (work: () => void) => {
      try {
        work();
      } catch (error) {
        uncaught.push(error);
      }
    });
    const wrong = client.on('status', () => {
      throw new Error('mine');
    });
    const off = client.on('status', heard);
    client.pause();
    expect(heard).toHaveBeenCalledOnce();
    expect(uncaught).toMatchObject([{ message: 'mine' }]);
    off();
    wrong();
    client.resume();
    expect(heard).toHaveBeenCalledOnce();
    expect(uncaught).toHaveLength(1);
    vi.unstubAllGlobals();
  });
});
