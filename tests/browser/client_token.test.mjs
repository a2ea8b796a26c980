// Pages with the client package at a broker that wants tokens: they expire, and some never come.
// tests/browser/: refreshed in place if it can be; else the page says so, waits, and loses nothing.
import { createHmac, randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';

import {
  append, ask, broker_on_cable, expect_whole, log_of, lone_tab, use_browser,
} from './client_tab.mjs';

use_browser();

/** A token is told of this long before it expires. */
const NOTICE_S = 6;

/** A broker that takes tokens, what makes them, and one that may do everything. */
async function broker_with_tokens() {
  const directory = mkdtempSync(join(tmpdir(), 'tidemark-access-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  const secret = randomBytes(48);
  writeFileSync(join(directory, 'secret'), secret);
  writeFileSync(join(directory, 'tidemark.toml'), [
    '[access]',
    'leeway = "0s"',
    `expiry-notice = "${NOTICE_S}s"`,
    '[[access.token-keys]]',
    'algorithm = "HS256"',
    `file = "${join(directory, 'secret')}"`,
  ].join('\n'));
  const text = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
  /** Good for so many seconds from now. */
  const token = (seconds, rights = { publish: ['**'], subscribe: ['**'] }) => {
    const exp = Math.floor(Date.now() / 1000) + seconds;
    const signed = `${text({ alg: 'HS256' })}.${text({ sub: 'ada', exp, tidemark: rights })}`;
    return `${signed}.${createHmac('sha256', secret).update(signed).digest('base64url')}`;
  };
  const options = ['--config', join(directory, 'tidemark.toml')];
  const all = token(3600, { publish: ['**'], subscribe: ['**'], manage: ['**'] });
  return { ...(await broker_on_cable(options)), token, all };
}

const codes = (tab) => tab.told.error.map(({ code }) => code);
const states = (tab) => tab.told.status.map(({ state }) => state);
const hurry = (tab) => tab.run(() => tab.client.resume());

test('a token is replaced before it expires, and the connection stays', async () => {
  const { broker, cable, token, all } = await broker_with_tokens();
  await append(broker, 'board', 'others', 1, 5, all);
  let fetched = 0;
  let third;
  const asked_thrice = new Promise((fulfil) => (third = fulfil));
  const fetch_token = () => {
    if (++fetched === 3) third();
    return token(NOTICE_S + 3);
  };
  const tab = await lone_tab(cable, { fetch_token });
  await tab.follow('board', { from: 'earliest' });
  await tab.follows('board');
  await tab.publish('board', 'page', 1, 5);
  await asked_thrice;
  await append(broker, 'board', 'others', 6, 10, all);
  await tab.publish('board', 'page', 6, 10);
  await tab.has_published('page', 10);
  await tab.has_offset('board', 20);
  expect_whole(tab.told.event.map(({ data }) => data), { others: 10, page: 10 });
  expect(cable.websockets).toBe(1);
  expect(codes(tab)).toEqual([]);
  expect(states(tab)).not.toContain('offline');
});

test('a token that is too old already is replaced at once', async () => {
  const { broker, cable, token, all } = await broker_with_tokens();
  await append(broker, 'board', 'others', 1, 5, all);
  let fetched = 0;
  const fetch_token = () => token(++fetched === 1 ? -60 : 3600);
  const tab = await lone_tab(cable, { fetch_token, store: 'local' });
  await tab.publish('board', 'page', 1, 5);
  await tab.has_published('page', 5);
  await tab.is('live');
  expect(fetched).toBe(2);
  expect([...new Set(codes(tab))]).toEqual(['token_expired']);
  const refused = tab.told.status.find(({ state }) => state === 'unauthorized');
  expect(refused).toMatchObject({ error: { name: 'TidemarkError', code: 'token_expired' } });
  expect_whole(await log_of(broker, 'board', all), { others: 5, page: 5 });
});

test('a page that gets no token says so, and goes on when it gets one', async () => {
  const { broker, cable, token, all } = await broker_with_tokens();
  let broken = true;
  const fetch_token = () => {
    if (broken) throw new Error('the login server is down');
    return token(3600);
  };
  const tab = await lone_tab(cable, { fetch_token, store: 'local' });
  await tab.publish('board', 'page', 1, 5);
  await tab.has_stored('page', 5);
  await tab.is('unauthorized');
  const { error, retryAt } = tab.told.status.at(-1);
  expect(error.code).toBe('token_failed');
  expect(retryAt).toBeGreaterThan(0);
  expect(tab.told.rejected).toEqual([]);
  broken = false;
  await hurry(tab);
  await tab.has_published('page', 5);
  expect_whole(await log_of(broker, 'board', all), { page: 5 });
});

test('a token that is always refused is not tried without a pause', async () => {
  const { cable } = await broker_with_tokens();
  const tab = await lone_tab(cable, { fetch_token: () => 'no.token.atall' });
  const refusals = ({ status }) => status.filter(({ state }) => state === 'unauthorized');
  await tab.until('is refused four times', (told) => refusals(told).length >= 4);
  const at = refusals(tab.told).map(({ retryAt }) => retryAt);
  expect(at[3] - at[2]).toBeGreaterThan(200);
  expect(refusals(tab.told)[0].error.code).toBe('unauthorized');
});

test('a constant token that is refused is not tried again until resume()', async () => {
  const { cable } = await broker_with_tokens();
  const tab = await lone_tab(cable, { token: 'no.token.atall' });
  await tab.is('unauthorized');
  expect(tab.told.status.at(-1).retryAt).toBeUndefined();
  const tried = cable.next_try();
  await hurry(tab);
  await tried;
  await tab.until('is refused again', ({ status }) =>
    status.filter(({ state }) => state === 'unauthorized').length === 2);
});

test('a token that expires without another ends the connection, and nothing is lost', async () => {
  const { broker, cable, token, all } = await broker_with_tokens();
  await append(broker, 'board', 'others', 1, 5, all);
  let fetched = 0;
  let broken = false;
  const fetch_token = () => {
    if (broken) throw new Error('the login server is down');
    broken = ++fetched === 1;
    return token(broken ? NOTICE_S + 1 : 3600);
  };
  const tab = await lone_tab(cable, { fetch_token, store: 'local' });
  await tab.follow('board', { from: 'earliest' });
  await tab.follows('board');
  await tab.until('waits for a token for seconds', ({ status }) =>
    status.at(-1).state === 'unauthorized' && status.at(-1).retryAt - Date.now() > 1_500);
  expect(codes(tab).filter((code) => code === 'token_failed').length).toBeLessThan(8);
  await append(broker, 'board', 'others', 6, 10, all);
  await tab.publish('board', 'page', 1, 5);
  await tab.has_stored('page', 5);
  broken = false;
  await hurry(tab);
  await tab.has_published('page', 5);
  await tab.has_offset('board', 15);
  expect(tab.told.rejected).toEqual([]);
  expect_whole(tab.told.event.map(({ data }) => data), { others: 10, page: 5 });
});

test('what a token gives no right to is refused by name, and nothing else is', async () => {
  const { broker, cable, token, all } = await broker_with_tokens();
  await append(broker, 'rooms/staff', 'others', 1, 1, all);
  const rights = { publish: ['rooms/lobby'], subscribe: ['rooms/lobby'] };
  const tab = await lone_tab(cable, { fetch_token: () => token(3600, rights) });
  await tab.publish('rooms/staff', 'page', 1, 1);
  await tab.publish('rooms/lobby', 'page', 2, 2);
  await tab.has_published('page', 2);
  await tab.until('is refused', ({ rejected, not_published }) =>
    rejected.length === 1 && not_published.length === 1);
  expect(tab.told.rejected[0]).toMatchObject({
    event: { topic: 'rooms/staff', data: { by: 'page', n: 1 } },
    error: { name: 'TidemarkError', code: 'forbidden' },
  });
  await tab.follow('rooms/staff', { from: 'earliest' });
  await tab.follows('rooms/staff', 'ended');
  expect(tab.told.following.at(-1).error.code).toBe('forbidden');
  await tab.follow('rooms/lobby', { from: 'earliest' });
  await tab.has_offset('rooms/lobby', 1);
  const { head } = await ask(broker, 'GET', '/v1/topics/rooms/staff', undefined, all);
  expect(head).toBe(1);
});
