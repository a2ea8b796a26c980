// Which way connections go when a network lets no WebSocket through.
// protocol/js/: see src/way.ts.
import { expect, test } from 'vitest';

import { Way } from '../src/way.js';

/** One connection, which brings a message or nothing, and ends; how it went. */
function attempt(way: Way, works: { websocket: boolean; http: boolean }) {
  const kind = way.next();
  if (works[kind]) way.proven(kind);
  way.ended(kind);
  return kind;
}
const repeat = (times: number, way: Way, works: { websocket: boolean; http: boolean }) =>
  Array.from({ length: times }, () => attempt(way, works));

test('AWebSocketIsTriedTwiceBeforeHttp', () => {
  const way = new Way('auto', true);
  expect(repeat(3, way, { websocket: false, http: true })).toEqual([
    'websocket',
    'websocket',
    'http',
  ]);
});

test('NobodyStaysOnHttpForGood', () => {
  const way = new Way('auto', true);
  repeat(3, way, { websocket: false, http: true });
  expect(way.retryAfter('http')).toBe(600_000);
  expect(repeat(2, way, { websocket: true, http: true })).toEqual(['websocket', 'websocket']);
  expect(way.retryAfter('websocket')).toBe(0);
});

test('ABrokerThatIsDownIsNoReasonToStayOnHttpForLong', () => {
  const way = new Way('auto', true);
  repeat(1, way, { websocket: true, http: true });
  const down = repeat(8, way, { websocket: false, http: false });
  expect(down).toEqual([...Array(6).fill('websocket'), 'http', 'websocket']);
  expect(way.retryAfter('http')).toBe(30_000);
});

test('WithoutWebSocketsThereIsHttp', () => {
  expect(repeat(2, new Way('auto', false), { websocket: false, http: false })).toEqual([
    'http',
    'http',
  ]);
  expect(new Way('auto', false).retryAfter('http')).toBe(0);
});

test('WhoSaysWhichWayGetsThatOne', () => {
  expect(repeat(4, new Way('websocket', true), { websocket: false, http: true })).toEqual(
    Array(4).fill('websocket'),
  );
  expect(repeat(2, new Way('http', true), { websocket: true, http: true })).toEqual([
    'http',
    'http',
  ]);
  expect(new Way('http', true).retryAfter('http')).toBe(0);
});
