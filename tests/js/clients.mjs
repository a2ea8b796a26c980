// Clients of the built package for one test, what they follow, and events published without them.
// tests/js/: the package is where TIDEMARK_JS says.
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

import { onTestFinished } from 'vitest';
import { WebSocket as NodeWebSocket } from 'ws';

import { Journal } from '../support/journal.mjs';

if (!process.env.TIDEMARK_JS) throw new Error('TIDEMARK_JS does not say where the package is built');
export const { MemoryStore, TidemarkClient, TidemarkError } = await import(
  pathToFileURL(resolve(process.env.TIDEMARK_JS, 'dist/index.js'))
);

export const TRANSPORTS = ['websocket', 'http'];
// Node has its own from 22 on.
export const WebSocket = globalThis.WebSocket ?? NodeWebSocket;

/** A client of `broker`, closed at the end of the test. */
export function client_of_test(broker, options = {}) {
  const client = new TidemarkClient({ url: broker.url, WebSocket, ...options });
  onTestFinished(() => client.close());
  return client;
}

/**
 * Follows a topic of numbered events from its earliest one on, or as `options` say. Its journal
 * fails if the subscription ends with an error or the numbers are not those of the offsets' order.
 */
export function followed(client, topic, options = {}) {
  const journal = new Journal();
  journal.gaps = [];
  journal.states = [];
  journal.subscription = client.subscribe(topic, { from: 'earliest', ...options }, {
    event: ({ data }) => journal.add(data.n),
    gap: (gap) => void journal.gaps.push(gap),
    state: (state) => void journal.states.push(state),
    ended: (error) => error && journal.fail(error),
  });
  return journal;
}

/** Fulfilled with the first value of the client's event that `fits`. */
export function told(client, name, fits = () => true) {
  return new Promise((fulfil) => {
    const leave = client.on(name, (value) => {
      if (!fits(value)) return;
      leave();
      fulfil(value);
    });
  });
}

/** Fulfilled when the client's status is this one. */
export async function reached_state(client, state) {
  if (client.status.state !== state) await told(client, 'status', (status) => status.state === state);
}

/** Fulfilled when the subscription's status is this one. */
export async function followed_state(client, subscription, state) {
  const is = () => subscription.status.state === state;
  if (!is()) await told(client, 'subscription', (changed) => changed === subscription && is());
}

/** A request that must succeed. */
export async function asked(broker, method, path, body) {
  const headers = { 'Content-Type': 'application/json' };
  const answer = await broker.fetch(`${broker.url}${path}`, {
    method, headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
  return answer;
}

export async function epoch_of(broker, topic) {
  return (await (await asked(broker, 'GET', `/v1/topics/${topic}`)).json()).epoch;
}

/** Publishes events numbered `first` to `last`, by hand, once even if the broker is killed. */
export async function publish_numbers(broker, topic, first, last, event = (n) => ({ data: { n } })) {
  const producer = { id: `numbers-${first}`, epoch: 0, sequence: 0 };
  const events = Array.from({ length: last - first + 1 }, (_, at) => event(first + at));
  await asked(broker, 'POST', `/v1/topics/${topic}/events`, { events, producer });
}

/** The numbers in the log. */
export async function stored_numbers(broker, topic) {
  const numbers = [];
  for (let offset = '-1'; ; ) {
    const answer = await asked(broker, 'GET', `/v1/stream/${topic}?offset=${offset}`);
    const events = await answer.json();
    numbers.push(...events.map(({ n }) => n));
    offset = answer.headers.get('Stream-Next-Offset');
    if (answer.headers.get('Stream-Up-To-Date') === 'true') return numbers;
  }
}
