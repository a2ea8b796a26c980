// A small broker that speaks HTTP as PROTOCOL.md 9, 10.14, 11.6 and 13.5 have it.
// protocol/js/: for the tests of the HTTP link. Its topics are lists in memory; a test ends its
// streams, makes it refuse things, and looks at what it was asked.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Asked {
  method: string;
  url: string;
  authorization: string | undefined;
  body: unknown;
}

interface Topic {
  epoch: number;
  /** The offset of the first event retained. */
  earliest: number;
  events: { offset: number; time: number; key?: string; data: unknown }[];
  lineage: { epoch: number; first: number }[];
  state?: unknown;
}

interface Stream {
  response: ServerResponse;
  name: string;
  at: number;
  once: boolean;
  keys: string[];
}

type Hook = (request: IncomingMessage, response: ServerResponse) => boolean;

const STATUS: Record<string, number> = {
  unknown_topic: 404,
  unknown_cursor: 404,
  position_trimmed: 410,
  position_ahead: 409,
  wrong_epoch: 409,
  unauthorized: 401,
  token_expired: 401,
  rate_limited: 429,
  no_state: 404,
  overloaded: 503,
  sequence_gap: 409,
};

export class FakeHttpBroker {
  base = '';
  readonly asked: Asked[] = [];
  readonly topics = new Map<string, Topic>();
  readonly cursors = new Map<string, string>();
  /** Answers instead, if it says so. */
  hook: Hook = () => false;
  private server: Server | undefined;
  private readonly streams = new Set<Stream>();
  private waiting: (() => void)[] = [];

  async start(): Promise<void> {
    this.server = createServer((request, response) => void this.answer(request, response));
    await new Promise<void>((resolve) => this.server?.listen(0, '127.0.0.1', resolve));
    this.base = `http://127.0.0.1:${(this.server?.address() as AddressInfo).port}`;
  }
  async stop(): Promise<void> {
    this.server?.closeAllConnections();
    await new Promise((resolve) => this.server?.close(resolve));
  }

  /** The URLs asked for that begin so. */
  urls(prefix: string): string[] {
    return this.asked.map(({ url }) => url).filter((url) => url.startsWith(prefix));
  }
  get openStreams(): number {
    return this.streams.size;
  }
  /** Fulfilled when something that `holds` looks at may have changed, and it does. */
  async until(holds: () => boolean): Promise<void> {
    while (!holds()) await new Promise<void>((resolve) => this.waiting.push(resolve));
  }

  topic(name: string): Topic {
    const lineage = [{ epoch: 1, first: 1 }];
    const topic = this.topics.get(name) ?? { epoch: 1, earliest: 1, events: [], lineage };
    this.topics.set(name, topic);
    return topic;
  }
  head(name: string): number {
    const { events, earliest } = this.topic(name);
    return events.at(-1)?.offset ?? earliest - 1;
  }
  append(name: string, data: unknown, key?: string): number {
    const offset = this.head(name) + 1;
    this.topic(name).events.push({ offset, time: 1000 * offset, ...(key ? { key } : {}), data });
    for (const stream of this.streams) {
      if (stream.name === name) this.send(stream);
    }
    return offset;
  }
  trim(name: string, earliest: number): void {
    const topic = this.topic(name);
    topic.earliest = earliest;
    topic.events = topic.events.filter(({ offset }) => offset >= earliest);
  }
  /** Sends a message to all readers of a topic. */
  say(name: string, message: object): void {
    for (const stream of this.streams) {
      if (stream.name === name) this.write(stream, { topic: name, ...message });
    }
  }
  /** Streams have reached their age. */
  endStreams(): void {
    for (const { response } of this.streams) response.end('retry:1\n\n');
  }
  /** The network is gone. */
  breakStreams(): void {
    for (const { response } of this.streams) response.socket?.destroy();
  }

  problem(response: ServerResponse, code: string, more: object = {}): true {
    const status = STATUS[code] ?? 400;
    const problem = { type: 'about:blank', title: 'x', status, detail: `it is ${code}`, code };
    response.writeHead(status, { 'content-type': 'application/problem+json' });
    response.end(JSON.stringify({ ...problem, ...more }));
    return true;
  }
  json(response: ServerResponse, body: unknown): void {
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  }

  private changed(): void {
    for (const wake of this.waiting.splice(0)) wake();
  }

  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let text = '';
    for await (const chunk of request) text += chunk;
    const { method = '', url = '', headers } = request;
    const body = text ? JSON.parse(text) : undefined;
    this.asked.push({ method, url, authorization: headers.authorization, body });
    this.changed();
    if (this.hook(request, response)) return;
    const { pathname, searchParams } = new URL(url, 'http://x');
    const [, kind = '', name = ''] = /^\/v1\/(\w+)\/(.*)$/.exec(pathname) ?? [];
    if (pathname === '/healthz') return this.json(response, { status: 'ok', problems: [] });
    if (kind === 'topics' && method === 'POST') {
      const topic = name.replace(/\/events$/, '');
      const offset = this.append(topic, body.data, body.key);
      const { epoch } = this.topic(topic);
      return this.json(response, { topic, epoch, first: offset, last: offset });
    }
    const topic = this.topics.get(name);
    if (!topic) return void this.problem(response, 'unknown_topic');
    const token = (offset: number): string => tokenOf(topic.epoch, offset);
    if (kind === 'topics') {
      const { epoch, earliest, lineage } = topic;
      return this.json(response, { name, epoch, earliest, lineage, head: this.head(name) });
    }
    if (kind === 'offsets') {
      const time = Number(searchParams.get('time'));
      const offset = topic.events.find((e) => e.time >= time)?.offset ?? this.head(name) + 1;
      return this.json(response, { topic: name, offset, token: token(offset - 1) });
    }
    if (kind === 'unread') {
      const [, after] = placeOf(searchParams.get('after') ?? '');
      const unread = this.head(name) - after;
      return this.json(response, { unread, bytes: 100 * unread });
    }
    if (kind === 'cursors') {
      const cursor = searchParams.get('cursor') ?? '';
      if (method === 'PUT') this.cursors.set(cursor, tokenOf(body.epoch, body.offset));
      const at = this.cursors.get(cursor);
      if (!at) return void this.problem(response, 'unknown_cursor');
      const [epoch, offset] = placeOf(at);
      return this.json(response, { topic: name, cursor, epoch, offset, token: at });
    }
    this.stream(response, name, topic, searchParams);
  }

  private stream(
    response: ServerResponse,
    name: string,
    topic: Topic,
    query: URLSearchParams,
  ): void {
    const head = this.head(name);
    const start = query.get('offset');
    const onGap = query.get('on_gap');
    let wantsState = query.get('state') === 'true';
    if (query.get('live') !== 'sse' || query.get('form') !== 'messages' || wantsState === !!start) {
      return void this.problem(response, 'malformed_message');
    }
    let epoch = topic.epoch;
    let at = start === '-1' ? topic.earliest - 1 : head;
    if (start && /_/.test(start)) [epoch, at] = placeOf(start);
    const span = topic.lineage.findIndex((start) => start.epoch === epoch);
    const next = topic.lineage[span + 1]?.first ?? Infinity;
    const cause = span < 0 || at >= next ? 'epoch' : at > head ? 'ahead' : 'trimmed';
    const lost = cause !== 'trimmed' || at + 1 < topic.earliest;
    const bounds = { epoch: topic.epoch, earliest: topic.earliest, head };
    const gap = { first: at + 1, end: topic.earliest, cause, ...bounds };
    if (lost && onGap === 'fail') {
      return void this.problem(response, 'position_trimmed', { gap });
    }
    const most = query.get('state_if_behind');
    if (lost || (most !== null && head - at > Number(most))) wantsState ||= onGap !== 'earliest';
    if (wantsState) [epoch, at] = [topic.epoch, head];
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    const keys = query.getAll('filter_key');
    const stream = { response, name, at, once: query.get('once') === 'true', keys };
    response.write('retry:5\n\n');
    const subscribed = { type: 'subscribed', topic: name, ...bounds, epoch, offset: at };
    this.write(stream, { ...subscribed, content_type: 'application/json' });
    if (wantsState) {
      const part = { type: 'state', topic: name, epoch, offset: at, first: true, last: true };
      this.write(stream, { ...part, content_type: 'application/json', data: topic.state });
    } else if (lost) {
      this.write(stream, { type: 'gap', topic: name, ...gap });
      stream.at = topic.earliest - 1;
    }
    response.on('close', () => {
      this.streams.delete(stream);
      this.changed();
    });
    this.streams.add(stream);
    this.send(stream, !stream.once || !start?.includes('_') || wantsState || lost);
    this.changed();
  }

  /** What there is after it; and where it is then, if that is to be said, or something was sent. */
  private send(stream: Stream, tell = false): void {
    const { name, once, keys } = stream;
    const news = this.topic(name).events.filter(({ offset }) => offset > stream.at);
    for (const { offset, time, key, data } of news) {
      stream.at = offset;
      if (keys.length && !(key && keys.includes(key))) {
        this.write(stream, { type: 'advanced', topic: name, offset });
      } else {
        const about = key ? { key } : {};
        this.write(stream, { type: 'event', topic: name, offset, time, ...about, data });
      }
    }
    if (!tell && (!once || !news.length)) return;
    this.write(stream, { type: 'caught_up', topic: name, offset: stream.at });
    if (once) stream.response.end();
  }

  private write({ response }: Stream, message: object): void {
    const lines = JSON.stringify(message, null, 1).split('\n');
    response.write(lines.map((line) => `data:${line}\n`).join('') + '\n');
  }
}

export function tokenOf(epoch: number, offset: number): string {
  return `${String(epoch).padStart(16, '0')}_${String(offset).padStart(16, '0')}`;
}

function placeOf(token: string): [epoch: number, offset: number] {
  if (token === '-1') return [0, 0];
  const [epoch, offset] = token.split('_').map(Number);
  return [epoch ?? NaN, offset ?? NaN];
}
