// What the outbox promises, one promise at a time.
// protocol/js/test: against a model of the broker; outbox_deaths.test.ts has the deaths.
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Origin, open, Page, seeded, settle } from './outbox_world.js';

let origin: Origin;
beforeEach(() => {
  vi.useFakeTimers();
  origin = new Origin();
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

const log = (topic = 'orders') => origin.broker.log(topic);
const reported = (page: Page) => page.rejected.map(({ event, error }) => [event.data, error.code]);
const keys = () => [...origin.disk.items.keys()].sort();
const lanes = () => JSON.parse(origin.disk.items.get('tidemark:lanes') ?? '[]') as string[];
const headOf = (lane: string) => JSON.parse(origin.disk.items.get(`tidemark:lane:${lane}`)!);

describe('publishing', () => {
  it('appends in the order of the calls, also of calls before it was open', async () => {
    const page = new Page(origin);
    page.add(1);
    page.add(2);
    await settle();
    page.add(3);
    page.connect();
    await page.run();
    expect(log()).toEqual([1, 2, 3]);
    expect(page.stored).toEqual([1, 2, 3]);
    expect(page.published.map(({ published }) => published.offset)).toEqual([1, 2, 3]);
    expect(page.outbox.size).toEqual({ events: 0, bytes: 0 });
  });

  it('sends nothing that is not stored', async () => {
    const page = await open(origin);
    let held: string[] = [];
    origin.disk.before = (_page, { key }) => void held.push(key);
    page.add(1);
    expect(page.requests).toEqual([]);
    await settle();
    expect(page.requests).toHaveLength(1);
    expect(held.findIndex((key) => key.endsWith(':0'))).toBeLessThan(
      held.findIndex((key) => key === `tidemark:lane:${lanes()[0]}`),
    );
    held = [];
    await page.run();
    expect(keys()).toEqual([`tidemark:lane:${lanes()[0]}`, 'tidemark:lanes']);
  });

  it('sends nothing that is being stored when answers to others come', async () => {
    const page = await open(origin);
    page.add(1);
    await settle();
    let written!: () => void;
    origin.disk.busy = new Promise((resolve) => (written = resolve));
    page.add(2);
    await page.run();
    expect([log(), page.stored]).toEqual([[1], [1]]);
    written();
    await page.run();
    expect(log()).toEqual([1, 2]);
  });

  it('carries what the event has, as it was when it was added', async () => {
    const page = await open(origin);
    const data = { a: [1] };
    page.add(data, 'notes', { key: 'k', headers: { h: 'v' }, content_type: 'application/json' });
    data.a.push(2);
    await settle();
    expect(page.requests[0]).toMatchObject({
      type: 'publish',
      topic: 'notes',
      data: { a: [1] },
      key: 'k',
      headers: { h: 'v' },
      content_type: 'application/json',
      producer: { epoch: 0, sequence: 0 },
    });
  });

  it('gathers changes: a thousand events need few heads', async () => {
    const page = await open(origin);
    let heads = 0;
    origin.disk.before = (_page, { key }) =>
      void (heads += /^tidemark:lane:[^:]*$/.test(key) ? 1 : 0);
    for (let event = 0; event < 1000; ++event) page.add(event);
    await settle();
    expect(heads).toBeLessThan(5);
  });

  it('has at most 64 events and 256 KiB in flight', async () => {
    const page = await open(origin);
    for (let event = 0; event < 70; ++event) page.add(event);
    await settle();
    expect(page.requests).toHaveLength(64);
    await page.run();
    for (let event = 0; event < 4; ++event) page.add('x'.repeat(100_000));
    await settle();
    expect(page.requests).toHaveLength(2);
    await page.run();
    expect(log()).toHaveLength(74);
  });

  it('passes over answers to others', async () => {
    const page = await open(origin);
    page.outbox.published({
      type: 'published',
      id: 77,
      topic: 'orders',
      epoch: 1,
      first: 1,
      last: 1,
    });
    expect(page.outbox.refused({ type: 'error', id: 77, code: 'forbidden', message: '' })).toBe(
      false,
    );
    expect(page.outbox.refused({ type: 'error', code: 'forbidden', message: '' })).toBe(false);
  });
});

describe('sending again', () => {
  it('uses the same numbers, and says that the event was there', async () => {
    const page = await open(origin);
    page.add(1);
    page.add(2);
    await settle();
    const first = page.requests.map(({ producer }) => producer);
    page.arrive();
    page.connect();
    await settle();
    expect(page.requests.map(({ producer }) => producer)).toEqual(first);
    await page.run();
    expect(log()).toEqual([1, 2]);
    expect(page.published.map(({ published }) => published.duplicate)).toEqual([true, false]);
  });

  it('waits longer each time for what may pass, or as long as the broker says', async () => {
    const page = await open(origin, () => 1 - 2 ** -33);
    origin.broker.refuses = () => 'overloaded';
    page.add(1);
    await page.run();
    for (const ms of [1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]) {
      vi.advanceTimersByTime(ms - 2);
      await settle();
      expect(page.requests).toHaveLength(0);
      vi.advanceTimersByTime(2);
      await settle();
      expect(page.requests).toHaveLength(1);
      await page.run();
    }
    vi.advanceTimersByTime(30_000);
    page.requests = [];
    page.outbox.refused({
      type: 'error',
      id: 9,
      code: 'rate_limited',
      message: '',
      retry_after_ms: 120_000,
    });
    vi.advanceTimersByTime(119_999);
    expect(page.requests).toHaveLength(0);
    origin.broker.refuses = () => undefined;
    vi.advanceTimersByTime(1);
    await page.run();
    expect(log()).toEqual([1]);
  });

  it('keeps the order when one in the middle has to wait, and other topics go on', async () => {
    const page = await open(origin);
    let busy = 1;
    origin.broker.refuses = ({ data }) => (data === 2 && busy-- > 0 ? 'disk_full' : undefined);
    for (const event of [1, 2, 3]) page.add(event);
    page.add('other', 'b');
    await page.run();
    expect([log(), log('b')]).toEqual([[1], ['other']]);
    vi.advanceTimersByTime(1000);
    await page.run();
    expect(log()).toEqual([1, 2, 3]);
    expect(page.rejected).toEqual([]);
  });

  it('keeps what a token was missing for', async () => {
    const page = await open(origin);
    origin.broker.refuses = () => 'token_expired';
    page.add(1);
    await page.run();
    expect(page.outbox.size.events).toBe(1);
    origin.broker.refuses = () => undefined;
    page.connect();
    await page.run();
    expect([log(), page.rejected]).toEqual([[1], []]);
  });
});

describe('a refusal for good', () => {
  it('is reported, and those behind go on in order', async () => {
    const page = await open(origin);
    origin.broker.refuses = ({ data }) => (data === 3 ? 'forbidden' : undefined);
    for (const event of [1, 2, 3, 4, 5]) page.add(event);
    await page.run();
    expect(log()).toEqual([1, 2, 4, 5]);
    expect(reported(page)).toEqual([[3, 'forbidden']]);
  });

  it('keeps none behind it from being published', async () => {
    const page = await open(origin);
    origin.broker.refuses = ({ data }) => (data === 1 ? 'forbidden' : undefined);
    page.add(1);
    await page.run();
    page.add(2);
    await settle();
    await page.run();
    expect(log()).toEqual([2]);
  });

  it('does not give its number on if a copy may be on its way', async () => {
    const page = await open(origin);
    page.add(1);
    await settle();
    const late = page.requests[0]!;
    page.connect();
    await settle();
    origin.broker.refuses = ({ data }) => (data === 1 ? 'forbidden' : undefined);
    await page.run();
    origin.broker.refuses = () => undefined;
    page.add(2);
    await settle();
    // The copy arrives after all, from the connection that was lost.
    origin.broker.publish(late);
    await page.run();
    expect(log()).toEqual([1, 2]);
  });

  it('does not give its number on if an earlier page may have sent it', async () => {
    const first = await open(origin);
    first.add(1);
    await settle();
    first.die();
    origin.broker.refuses = ({ data }) => (data === 1 ? 'forbidden' : undefined);
    const second = new Page(origin);
    second.add(2);
    second.connect();
    await settle();
    second.arrive();
    origin.broker.refuses = () => undefined;
    origin.broker.publish(origin.late[0]!);
    await second.run();
    expect(log()).toEqual([1, 2]);
    expect(reported(second)).toEqual([[1, 'forbidden']]);
  });

  it('is not said twice of one whose copies are fenced by those behind', async () => {
    const page = await open(origin);
    origin.broker.refuses = ({ data }) => (data === 1 ? 'event_too_large' : undefined);
    for (const event of [1, 2, 3]) page.add(event);
    await settle();
    const late = [...page.requests];
    await page.run();
    expect(log()).toEqual([2, 3]);
    origin.broker.refuses = () => undefined;
    for (const message of late) origin.broker.publish(message);
    expect(log()).toEqual([2, 3]);
  });

  it('of a message too large for the broker concerns the largest in flight', async () => {
    const page = await open(origin);
    page.add('x'.repeat(1000));
    page.add(2);
    await settle();
    expect(page.outbox.refused({ type: 'error', code: 'message_too_large', message: '' })).toBe(
      true,
    );
    page.connect();
    await page.run();
    expect(log()).toEqual([2]);
    expect(reported(page)).toEqual([['x'.repeat(1000), 'message_too_large']]);
  });

  it('ends a broker that answers sequence_gap to the first number', async () => {
    const page = await open(origin);
    origin.broker.refuses = () => 'sequence_gap';
    page.add(1);
    page.add(2);
    await page.run();
    expect(reported(page)).toEqual([
      [1, 'sequence_gap'],
      [2, 'sequence_gap'],
    ]);
  });
});

describe('a broker that has forgotten', () => {
  it('gets a new epoch of the producer', async () => {
    const page = await open(origin);
    for (const event of [1, 2, 3]) page.add(event);
    await page.run();
    for (const event of [4, 5]) page.add(event);
    await settle();
    origin.broker.recreate('orders');
    await page.run();
    expect(log()).toEqual([4, 5]);
  });

  it('does not get it before it is stored', async () => {
    const page = await open(origin);
    page.add(1);
    await page.run();
    origin.broker.recreate('orders');
    page.add(2);
    await settle();
    page.arrive();
    page.hear();
    expect(page.requests).toEqual([]);
    await settle();
    const { epoch, sequence } = page.requests[0]!.producer!;
    expect(epoch).toBeGreaterThan(0);
    expect(sequence).toBe(0);
    expect(headOf(lanes()[0]!).topics.orders).toMatchObject({ epoch, base: 0 });
  });
});

describe('a fenced producer', () => {
  it('publishes what was surely not appended under a new name, and reports the rest', async () => {
    const page = await open(origin);
    page.add(0);
    await page.run();
    page.add(1);
    await settle();
    const { id } = page.requests[0]!.producer!;
    origin.broker.topic('orders').producers.set(id, { epoch: 7, sequence: 0 });
    page.connect();
    page.add(2);
    await page.run();
    page.add(3);
    await page.run();
    expect(log()).toEqual([0, 2, 3]);
    expect(reported(page)).toEqual([[1, 'producer_fenced']]);
    expect(headOf(lanes()[0]!).topics.orders.producer).not.toBe(id);
  });

  it('gives up on a broker that fences the very first', async () => {
    const page = await open(origin);
    origin.broker.refuses = () => 'producer_fenced';
    page.add(1);
    await page.run();
    expect(reported(page)).toEqual([[1, 'producer_fenced']]);
  });
});

describe('limits', () => {
  it('take nothing beyond them, and say so', async () => {
    const page = await open(origin, undefined, { limits: { events: 2, bytes: 100 } });
    page.disconnect();
    for (const event of [1, 2, 3]) page.add(event);
    await settle();
    expect(reported(page)).toEqual([[3, 'outbox_full']]);
    await expect(page.outbox.add({ topic: 'orders', data: 4 }).stored).rejects.toMatchObject({
      code: 'outbox_full',
    });
    page.connect();
    await page.run();
    page.add('x'.repeat(200));
    page.add(5);
    await page.run();
    expect(log()).toEqual([1, 2, 5]);
  });

  it('refuse what JSON can not say', async () => {
    const page = await open(origin);
    page.add(1n);
    expect(reported(page)).toEqual([[1n, 'invalid_payload']]);
    expect(page.outbox.size.events).toBe(0);
  });
});

describe('closing', () => {
  it('stores what was added before, for the next life, and takes nothing more', async () => {
    const page = await open(origin);
    page.disconnect();
    for (const event of [1, 2, 3]) page.add(event);
    await page.outbox.close();
    page.add(4);
    expect(reported(page)).toEqual([[4, 'closed']]);
    expect(page.stored).toEqual([1, 2, 3]);
    await open(origin);
    expect(log()).toEqual([1, 2, 3]);
  });

  it('says so to who waits for what is stored', async () => {
    const page = await open(origin);
    page.disconnect();
    const { published } = page.outbox.add({ topic: 'orders', data: 1 });
    await page.outbox.close();
    await expect(published).rejects.toMatchObject({ code: 'closed' });
    expect(reported(page)).toEqual([]);
  });

  it('before it is open leaves what was added for the next life', async () => {
    const page = new Page(origin);
    page.add(1);
    await page.outbox.close();
    await open(origin);
    expect(log()).toEqual([1]);
  });
});

describe('lanes', () => {
  it('are taken over, with what is in them before what is added', async () => {
    const first = new Page(origin);
    for (const event of [1, 2]) first.add(event);
    await settle();
    first.die();
    const second = new Page(origin);
    second.add(3);
    await settle();
    second.die();
    const third = new Page(origin);
    third.add(4);
    await settle();
    expect(third.outbox.size.events).toBe(4);
    third.connect();
    await third.run();
    expect(log()).toEqual([1, 2, 3, 4]);
    expect(lanes()).toHaveLength(1);
  });

  it('of two tabs are two', async () => {
    const [left, right] = [await open(origin), await open(origin)];
    left.add('l');
    right.add('r');
    await settle();
    expect(left.requests[0]!.producer!.id).not.toBe(right.requests[0]!.producer!.id);
    await Promise.all([left.run(), right.run()]);
    expect(log().sort()).toEqual(['l', 'r']);
  });

  it('of a tab that dies later are drained with the next link, and gone', async () => {
    const [left, right] = [await open(origin), await open(origin)];
    right.add(0);
    left.disconnect();
    for (const event of [1, 2, 3]) left.add(event);
    await Promise.all([left.run(), right.run()]);
    expect(lanes()).toHaveLength(2);
    left.die();
    right.connect();
    await right.run();
    expect(log()).toEqual([0, 1, 2, 3]);
    expect(lanes()).toHaveLength(1);
    expect(keys()).toHaveLength(2);
  });

  it('taken over number anew, so that the twin of a copied store can not hide events', async () => {
    const first = await open(origin);
    first.add(1);
    await first.run();
    const copy = new Map(origin.disk.items);
    first.add(2);
    await first.run();
    await first.outbox.close();
    origin.disk.items.clear();
    for (const [key, value] of copy) origin.disk.items.set(key, value);
    const second = await open(origin);
    second.add(3);
    await second.run();
    expect(log()).toEqual([1, 2, 3]);
  });
});

describe('tabs that do not see each other', () => {
  const blind = { shared: false };
  beforeEach(() => vi.stubGlobal('document', {}));

  it('send what others hold, without adding to it', async () => {
    const left = new Page(origin, undefined, blind);
    left.add(1);
    left.add(2);
    await settle();
    const right = await open(origin, undefined, blind);
    right.add(3);
    await right.run();
    expect(log()).toEqual([1, 2, 3]);
    left.add(4);
    left.connect();
    await left.run();
    expect(log()).toEqual([1, 2, 3, 4]);
    expect(left.failures).toEqual([]);
  });

  it('leave one lane behind', async () => {
    const page = await open(origin, undefined, blind);
    page.add(1);
    await page.run();
    page.add(2);
    await page.run();
    expect(log()).toEqual([1, 2]);
    expect(lanes()).toHaveLength(1);
    expect(keys()).toHaveLength(2);
  });

  it('say what they can not send: what another holds behind a refusal', async () => {
    const left = new Page(origin, undefined, blind);
    for (const event of [1, 2, 3]) left.add(event);
    await settle();
    origin.broker.refuses = ({ data }) => (data === 2 ? 'forbidden' : undefined);
    const right = await open(origin, undefined, blind);
    expect(log()).toEqual([1]);
    expect(reported(right)).toEqual([[2, 'forbidden']]);
    expect(right.failures.map(({ code }) => code)).toContain('unsupported');
    left.connect();
    await left.run();
    expect(log()).toEqual([1, 3]);
  });

  it('take over without a document, where there is one tab', async () => {
    vi.unstubAllGlobals();
    const first = new Page(origin, undefined, blind);
    first.add(1);
    await settle();
    first.die();
    const second = await open(origin, undefined, blind);
    second.add(2);
    await second.run();
    expect(log()).toEqual([1, 2]);
    expect(lanes()).toHaveLength(1);
  });
});

describe('a store that fails', () => {
  it('when adding: rejects, and sends nothing', async () => {
    const page = await open(origin);
    page.add(1);
    await page.run();
    origin.disk.before = (_page, { key }) => {
      if (/:1$/.test(key)) throw new DOMException('full', 'QuotaExceededError');
    };
    page.add(2);
    page.add(3);
    await page.run();
    expect(reported(page)).toEqual([[2, 'store_failed']]);
    expect(log()).toEqual([1, 3]);
    expect(page.failures.every(({ code }) => code === 'store_failed')).toBe(true);
  });

  it('at the head: rejects what it was written for', async () => {
    const page = await open(origin);
    page.add(1);
    await page.run();
    origin.disk.before = (_page, { value }) => {
      if (value?.includes('"entries":[1')) throw new Error('full');
    };
    page.add(2);
    await page.run();
    expect(reported(page)).toEqual([[2, 'store_failed']]);
    expect([log(), page.failures]).toEqual([[1], []]);
    expect(keys()).toHaveLength(2);
  });

  it('after an answer: says so and goes on', async () => {
    const page = await open(origin);
    page.add(1);
    await settle();
    origin.disk.before = () => {
      throw new Error('gone');
    };
    await page.run();
    expect(log()).toEqual([1]);
    expect(page.failures.map(({ code }) => code)).toContain('store_failed');
    page.add(2);
    await page.run();
    expect(reported(page)).toEqual([[2, 'store_failed']]);
  });

  it('when the first lane is made: rejects', async () => {
    const page = await open(origin);
    origin.disk.before = () => {
      throw new Error('read-only');
    };
    page.add(1);
    await page.run();
    expect(reported(page)).toEqual([[1, 'store_failed']]);
    origin.disk.before = () => {};
    page.add(2);
    await page.run();
    expect(log()).toEqual([2]);
  });

  it('at the start: says so, and takes nothing', async () => {
    const fails = () => {
      throw new Error('no storage here');
    };
    origin.disk.for = () => ({ getItem: fails, setItem: fails, removeItem: fails });
    const page = await open(origin);
    expect(new Set(page.failures.map(({ code }) => code))).toEqual(new Set(['store_failed']));
    page.add(1);
    await page.run();
    expect(log()).toEqual([]);
    expect(reported(page)).toEqual([[1, 'store_failed']]);
  });
});

describe('a corrupt store', () => {
  const holding = async (...events: unknown[]) => {
    const page = new Page(origin);
    for (const event of events) page.add(event);
    await settle();
    page.die();
    return lanes()[0]!;
  };
  const set = (key: string, value: string) => origin.disk.items.set(key, value);

  it.each([
    ['no JSON', '{'],
    ['no list', '{"a":1}'],
    ['no list of ids', '["a",3]'],
  ])('index, %s: is reported and made anew', async (_what, text) => {
    set('tidemark:lanes', text);
    const page = await open(origin);
    expect(page.failures.map(({ code, message }) => [code, message.split(' ')[0]])).toEqual([
      ['store_corrupt', 'tidemark:lanes'],
    ]);
    page.add(1);
    await page.run();
    page.die();
    expect(log()).toEqual([1]);
    expect((await open(origin)).failures).toEqual([]);
  });

  it('index under a running client: its lane is listed again', async () => {
    const page = await open(origin);
    page.disconnect();
    page.add(1);
    await settle();
    set('tidemark:lanes', 'null');
    page.connect();
    await settle();
    expect(page.failures.map(({ code }) => code)).toEqual(['store_corrupt']);
    expect(lanes()).toHaveLength(1);
  });

  const head = (lane: string) => headOf(lane);
  const line = (lane: string, change: object) => ({
    ...head(lane),
    topics: { orders: { ...head(lane).topics.orders, ...change } },
  });
  it.each([
    ['no JSON', () => '{"version":1,'],
    ['null', () => 'null'],
    ['another version', (lane: string) => JSON.stringify({ ...head(lane), version: 2 })],
    ['no next', (lane: string) => JSON.stringify({ ...head(lane), next: -1 })],
    ['no topics', (lane: string) => JSON.stringify({ ...head(lane), topics: null })],
    ['no producer', (lane: string) => JSON.stringify(line(lane, { producer: 5 }))],
    ['no epoch', (lane: string) => JSON.stringify(line(lane, { epoch: 0.5 }))],
    ['no base', (lane: string) => JSON.stringify(line(lane, { base: 2 ** 53 }))],
    ['no hole', (lane: string) => JSON.stringify(line(lane, { hole: -1 }))],
    ['no entries', (lane: string) => JSON.stringify(line(lane, { entries: ['0'] }))],
    ['beyond next', (lane: string) => JSON.stringify(line(lane, { entries: [0, 9] }))],
  ])('head, %s: is left alone, reported, and others go on', async (_what, broken) => {
    const lane = await holding(1, 2);
    const text = broken(lane);
    set(`tidemark:lane:${lane}`, text);
    const page = await open(origin);
    page.add(3);
    await page.run();
    expect(page.failures.map(({ code, message }) => [code, message.split(' ')[0]])).toEqual([
      ['store_corrupt', `tidemark:lane:${lane}`],
    ]);
    expect(log()).toEqual([3]);
    expect(origin.disk.items.get(`tidemark:lane:${lane}`)).toBe(text);
    expect(lanes()).not.toContain(lane);
  });

  it.each([
    ['gone', undefined],
    ['no JSON', '{'],
    ['null', 'null'],
    ["another topic's", '{"topic":"b","data":2}'],
    ['without a topic', '{"data":2}'],
  ])('entry, %s: is reported, the others are published', async (_what, text) => {
    const lane = await holding(1, 2, 3);
    const key = `tidemark:lane:${lane}:1`;
    if (text === undefined) origin.disk.items.delete(key);
    else set(key, text.replace('LANE', lane));
    const page = await open(origin);
    page.add(4);
    await page.run();
    expect(page.failures.map(({ code, message }) => [code, message.split(' ')[0]])).toEqual([
      ['store_corrupt', key],
    ]);
    expect(log()).toEqual([1, 3, 4]);
    expect(page.outbox.size).toEqual({ events: 0, bytes: 0 });
    page.die();
    expect((await open(origin)).failures).toEqual([]);
    expect(keys()).toHaveLength(2);
  });

  it('entry: nothing behind it is doubled if all had been appended', async () => {
    const first = new Page(origin);
    for (const event of [1, 2, 3]) first.add(event);
    first.connect();
    await settle();
    for (const _ of [1, 2, 3]) first.arrive();
    first.die();
    set(`tidemark:lane:${lanes()[0]}:1`, '{');
    const page = await open(origin);
    page.add(4);
    await page.run();
    expect(log()).toEqual([1, 2, 3, 4]);
  });

  it('can not be read for now: is looked at again with the next link', async () => {
    await holding(1);
    const page = new Page(origin);
    const get = origin.disk.items.get.bind(origin.disk.items);
    origin.disk.items.get = (key) => {
      if (key.startsWith('tidemark:lane:')) throw new Error('busy');
      return get(key);
    };
    page.connect();
    await page.run();
    expect(new Set(page.failures.map(({ code }) => code))).toEqual(new Set(['store_failed']));
    origin.disk.items.get = get;
    page.connect();
    await page.run();
    expect(log()).toEqual([1]);
  });
});

it('jitter is between half and all of the time', async () => {
  const page = await open(origin, seeded(3));
  origin.broker.refuses = () => 'overloaded';
  page.add(1);
  await page.run();
  vi.advanceTimersByTime(499);
  expect(page.requests).toHaveLength(0);
  vi.advanceTimersByTime(501);
  expect(page.requests).toHaveLength(1);
});
