// The parts of the console that need no page: metrics, jumps, filters, addresses, figures.
// tests/browser/: beside the tests that look at the console in Chromium.
import { pathToFileURL } from 'node:url';
import { expect, test } from 'vitest';

// The tests run in a directory of the build, the console stays in the source tree.
const part = (name) => import(pathToFileURL(`${process.env.TIDEMARK_PAGES}/console/${name}.js`).href);

const { collect } = await part('api');
const { linePath, ticks } = await part('chart');
const format = await part('format');
const { parseJump } = await part('jump');
const { added, Metrics, quantile } = await part('metrics');
const { eventOf } = await part('publish_form');
const { Rates } = await part('rates');
const { parseRoute, topicRoute } = await part('router');
const { parseFilter } = await part('tail_filter');
const { standing } = await part('view_cursors');

test('metrics are read with their labels, and what is no metric is passed over', () => {
  const metrics = new Metrics(
    [
      '# HELP requests_total Requests',
      'requests_total{path="/a\\"b\\\\c\\n",code="200"} 3',
      'requests_total{path="/d",code="200"} 4 1790000000000',
      'requests_total{path="/d",code="500"} 1',
      'free_bytes 1.5e+10',
      'limit +Inf',
      'this is not a metric at all {',
      '',
    ].join('\n'),
  );
  expect(metrics.value('requests_total', { path: '/a"b\\c\n' })).toBe(3);
  expect(metrics.sum('requests_total', { code: '200' })).toBe(7);
  expect(metrics.sum('requests_total')).toBe(8);
  expect(metrics.value('free_bytes')).toBe(15e9);
  expect(metrics.value('limit')).toBe(Infinity);
  expect(metrics.value('absent')).toBeUndefined();
  expect(metrics.sum('absent')).toBeUndefined();
});

test('quantiles are of what was added, not of what was there before', () => {
  const before = [{ le: 1, count: 1000 }, { le: 2, count: 1000 }, { le: Infinity, count: 1000 }];
  const after = [{ le: 1, count: 1000 }, { le: 2, count: 1100 }, { le: Infinity, count: 1100 }];
  const since = added(before, after);
  expect(quantile(0.5, since)).toBeCloseTo(1.5);
  expect(quantile(0.99, since)).toBeCloseTo(1.99);
  expect(quantile(0.5, added(after, after))).toBeNull();
  expect(added(after, before)).toBeNull();
  expect(quantile(0.99, [{ le: 4, count: 1 }, { le: Infinity, count: 100 }])).toBe(4);
  expect(quantile(0.5, [])).toBeNull();
});

test('a jump is an offset, a number of events, a moment, or a problem in words', () => {
  const now = new Date(2026, 10, 29, 15, 0, 0).getTime();
  expect(parseJump('4711', now)).toEqual({ offset: 4711 });
  expect(parseJump('#4,711', now)).toEqual({ offset: 4711 });
  expect(parseJump('0', now)).toEqual({ offset: 1 });
  expect(parseJump('-100', now)).toEqual({ last: 100 });
  expect(parseJump('10m', now)).toEqual({ time: now - 600_000 });
  expect(parseJump('1.5 h ago', now)).toEqual({ time: now - 5_400_000 });
  expect(parseJump('14:30', now)).toEqual({ time: now - 1_800_000 });
  expect(parseJump('2026-11-28 15:00', now)).toEqual({ time: now - 86_400_000 });
  expect(parseJump('2026-11-29', now)).toEqual({ time: now - 15 * 3_600_000 });
  expect(parseJump('earliest', now)).toEqual({ from: 'earliest' });
  for (const text of ['', ' ', 'soon', '25:00', '14:60', '-0', '2026-13-40', '99999999999999999999']) {
    expect(parseJump(text, now), text).toHaveProperty('problem');
  }
});

test('a filter is parted into what the broker leaves out and what the page does', () => {
  expect(parseFilter('')).toEqual({ broker: undefined, words: [] });
  expect(parseFilter('Paid  key:order-* key:x key:x header:region=eu header:region=us')).toEqual({
    broker: { keys: ['order-*', 'x'], headers: { region: ['eu', 'us'] } },
    words: ['paid'],
  });
  expect(parseFilter('key: header:region').words).toEqual(['key:', 'header:region']);
  expect(parseFilter('header:a=b=c').broker).toEqual({ headers: { a: ['b=c'] } });
});

test('addresses of topics lead back to their names', () => {
  for (const name of ['orders', 'a/b/c', 'with.dots_and~more-']) {
    expect(parseRoute(topicRoute(name))).toMatchObject({ view: 'topic', name });
  }
  expect(parseRoute('#/topic/a%2Fb?tab=cursors').name).toBe('a/b');
  expect(parseRoute('#/topic/a%2Fb?tab=cursors').parameters.get('tab')).toBe('cursors');
  expect(parseRoute('').view).toBe('topics');
  for (const hash of ['#/topic/', '#/topic/%zz', '#/nowhere', '#/topics/more']) {
    expect(parseRoute(hash).view, hash).toBeUndefined();
  }
});

test('an event is made as the content type of its topic has it', () => {
  expect(eventOf('{"a":1}', 'k', 'region: eu\n\ntrace: 1:2', 'application/json')).toEqual({
    event: { key: 'k', headers: { region: 'eu', trace: '1:2' }, data: { a: 1 } },
  });
  expect(eventOf('{"a":', '', '', 'application/json')).toMatchObject({ wrong: 'data' });
  expect(eventOf('{', '', '', 'text/plain')).toEqual({ event: { data: '{' } });
  expect(eventOf('é', '', '', 'image/png')).toEqual({ event: { data_base64: 'w6k=' } });
  expect(eventOf('1', '', 'nothing', 'application/json')).toMatchObject({ wrong: 'headers' });
});

test('rates come from heads, and another history begins them anew', () => {
  const rates = new Rates();
  const seen = (head, epoch = 1) => [{ name: 'a', epoch, head }];
  rates.take(seen(100), 0);
  expect(rates.of('a')).toBeUndefined();
  rates.take(seen(120), 2000);
  expect(rates.of('a')).toBe(10);
  rates.take(seen(3, 2), 4000);
  expect(rates.of('a')).toBeUndefined();
  rates.take([], 6000);
  expect(rates.points('a')).toEqual([]);
});

test('the axis has round numbers that hold all of the line', () => {
  expect(ticks(0)).toEqual([0, 1]);
  for (const top of [0.0003, 1, 7, 30, 99, 100, 101, 12_345]) {
    const marks = ticks(top);
    expect(marks.at(-1), `${top}`).toBeGreaterThanOrEqual(top * (1 - 1e-9));
    expect(marks.length).toBeGreaterThan(1);
    expect(marks.length).toBeLessThan(6);
  }
});

test('a line has holes where there is no figure', () => {
  const points = [1, 2, null, 3, null, 4, 5].map((value, time) => ({ time, value }));
  const path = linePath(points, (time) => time, (value) => value);
  expect(path).toBe('M0.0 1.0L1.0 2.0M3.0 3.0h0.01M5.0 4.0L6.0 5.0');
});

test('figures read as people write them', () => {
  expect(format.bytes(0)).toBe('0 B');
  expect(format.bytes(1023.7)).toBe('1.00 KiB');
  expect(format.bytes(1536)).toBe('1.50 KiB');
  expect(format.bytes(undefined)).toBe(format.NONE);
  expect(format.count(1_234_567)).toBe('1,234,567');
  expect(format.rate(0.04)).toBe('< 0.1');
  expect(format.rate(9.96)).toBe('10');
  expect(format.rate(1234.5)).toBe('1,235');
  expect(format.latency(0.00085)).toBe('850 µs');
  expect(format.latency(0.0034)).toBe('3.4 ms');
  expect(format.latency(1.25)).toBe('1.3 s');
  expect(format.span(59_400)).toBe('59 s');
  expect(format.span(3_661_000)).toBe('1 h 1 min');
  expect(format.span(40 * 86_400_000)).toBe('40 d');
  expect(format.retention({ max_events: 500, max_bytes: 0, max_age_ms: 86_400_000 })).toBe('1 d, 500 events');
});

test('the worst cursors come first', () => {
  const lag = { events: 0, bytes: 0, time_ms: 0, lost: 0 };
  const cursors = [
    { in_epoch: true, lag, falling: false },
    { in_epoch: true, lag: { ...lag, events: 5 }, falling: false },
    { in_epoch: true, lag: { ...lag, events: 5 }, falling: true },
    { in_epoch: true, lag: { ...lag, events: 5, lost: 2 }, falling: true },
    { in_epoch: false, lag, falling: false },
  ];
  expect(cursors.map((cursor) => standing(cursor)[2])).toEqual([0, 1, 2, 3, 4]);
  expect(standing(cursors[3])[1]).toBe('Lost 2');
});

test('pages of a list are read to the end, whether they are short, empty or too many', async () => {
  const pages = { undefined: { topics: [1, 2], next: 'a' }, a: { topics: [], next: 'b' }, b: { topics: [3] } };
  const page = async (after) => pages[after];
  expect(await collect(page, 'topics', 10)).toEqual({ items: [1, 2, 3], more: false });
  expect(await collect(page, 'topics', 2)).toEqual({ items: [1, 2], more: true });
});
