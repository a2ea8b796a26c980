// What the link over HTTP does where nothing comes: answers held back, and dead connections.
// protocol/js/: see http_link.ts. Time and `fetch` are the test's.
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { openHttp } from '../src/http_link.js';
import type { Link } from '../src/link.js';
import { tokenOf } from './fake_http_broker.js';
import { Recorder } from './recorder.js';

const SUBSCRIBED = {
  type: 'subscribed',
  topic: 'a',
  epoch: 1,
  offset: 4,
  head: 4,
  earliest: 1,
  content_type: 'application/json',
};
const CAUGHT_UP = { type: 'caught_up', topic: 'a', offset: 4 };
const event = (offset: number) => ({ type: 'event', topic: 'a', offset, time: 1, data: offset });

function lines(...messages: object[]): string {
  return messages.map((message) => `data:${JSON.stringify(message)}\n\n`).join('');
}

/** One request, which the test answers as slowly as it likes. */
class Request {
  aborted = false;
  private readonly encoder = new TextEncoder();
  private body: ReadableStreamDefaultController<Uint8Array> | undefined;

  constructor(
    readonly path: string,
    private readonly resolve: (response: Response) => void,
    private readonly reject: (reason: unknown) => void,
    signal: AbortSignal,
  ) {
    signal.addEventListener('abort', () => {
      if (this.aborted) return;
      this.aborted = true;
      this.reject(signal.reason);
      try {
        this.body?.error(signal.reason);
      } catch {
        this.body = undefined; // it had ended
      }
    });
  }

  begin(text = ''): void {
    const stream = new ReadableStream<Uint8Array>({ start: (body) => void (this.body = body) });
    this.resolve(new Response(stream));
    if (text) this.say(text);
  }
  say(text: string): void {
    this.body?.enqueue(this.encoder.encode(text));
  }
  end(text = ''): void {
    if (!this.body) this.begin();
    if (text) this.say(text);
    this.body?.close();
  }
  /** As where `fetch` is made of something that knows no streams: once the body is there. */
  endWhole(text: string): void {
    const response = { ok: true, status: 200, text: async () => text };
    this.resolve({ ...response, json: async () => JSON.parse(text) } as Response);
  }
}

describe('openHttp, where nothing comes', () => {
  let requests: Request[];
  let watcher: Recorder;
  let link: Link;

  const fakeFetch = ((url: string, { signal }: RequestInit) =>
    new Promise<Response>((resolve, reject) => {
      const path = url.replace('http://b', '');
      requests.push(new Request(path, resolve, reject, signal as AbortSignal));
    })) as typeof fetch;

  beforeEach(() => {
    vi.useFakeTimers();
    requests = [];
    watcher = new Recorder();
    link = openHttp({ base: 'http://b', fetch: fakeFetch, WebSocket: undefined }, watcher);
  });
  afterEach(() => {
    link.close();
    expect(vi.getTimerCount()).toBe(0);
    vi.useRealTimers();
  });

  const pass = (ms: number): Promise<unknown> => vi.advanceTimersByTimeAsync(ms);
  const last = (): Request => requests.at(-1) as Request;

  async function opened(): Promise<void> {
    await pass(0);
    last().end('{"status":"ok","problems":[]}');
    await pass(0);
    expect(watcher.isOpen).toBe(true);
  }
  async function follow(more: object = { from: 'earliest' }): Promise<Request> {
    await opened();
    link.send({ type: 'subscribe', id: 1, topic: 'a', ...more });
    await pass(0);
    return last();
  }

  it('ends if it is not open after ten seconds', async () => {
    await pass(9_999);
    expect(watcher.ends).toEqual([]);
    await pass(1);
    expect(watcher.ends).toEqual([{ code: 1006, reason: '' }]);
    expect(last().aborted).toBe(true);
  });

  it('ends if a request has no answer, a large one later', async () => {
    await opened();
    link.send({ type: 'publish', id: 1, topic: 'a', data: 'x'.repeat(10_000) });
    await pass(69_999);
    expect(watcher.ends).toEqual([]);
    await pass(20); // of which eleven for what stands around the data
    expect(watcher.ends).toEqual([{ code: 1006, reason: '' }]);
  });

  it('ends if a stream falls silent, for which comments are none', async () => {
    const stream = await follow();
    stream.begin(lines(SUBSCRIBED, CAUGHT_UP));
    for (let i = 0; i < 10; ++i) {
      await pass(44_000);
      stream.say(':\n\n');
    }
    await pass(44_999);
    expect(watcher.ends).toEqual([]);
    await pass(1);
    expect(watcher.ends).toEqual([{ code: 1006, reason: '' }]);
    expect(stream.aborted).toBe(true);
  });

  it('reads events that come in pieces, between the bytes of a character too', async () => {
    const stream = await follow();
    stream.begin(lines(SUBSCRIBED));
    const text = lines({ ...event(5), data: 'ü😀' });
    for (const byte of new TextEncoder().encode(text)) {
      (stream as unknown as { body: ReadableStreamDefaultController }).body.enqueue(
        new Uint8Array([byte]),
      );
    }
    await pass(0);
    expect(watcher.of('event')).toMatchObject([{ offset: 5, data: 'ü😀' }]);
  });

  it.each([false, true])(
    'asks for answers that end if nothing of a stream comes for ten seconds (with a head: %s)',
    async (head) => {
      const stream = await follow();
      if (head) stream.begin();
      await pass(9_999);
      expect(stream.aborted).toBe(false);
      await pass(1);
      expect(stream.aborted).toBe(true);
      expect(last().path).toBe(
        '/v1/stream/a?live=sse&form=messages&once=true&offset=-1&on_gap=fail',
      );
      last().end(lines(SUBSCRIBED, event(5), { ...CAUGHT_UP, offset: 5 }));
      await pass(0);
      expect(watcher.messages).toMatchObject([
        { type: 'subscribed', id: 1 },
        { type: 'event', offset: 5 },
        { type: 'caught_up' },
      ]);
      // At once again, since there was something.
      expect(last().path).toContain(`once=true&offset=${tokenOf(1, 5)}`);
      expect(watcher.ends).toEqual([]);
    },
  );

  it('asks all streams of the link for answers that end, once one was held back', async () => {
    await follow();
    await pass(10_000);
    link.send({ type: 'subscribe', id: 2, topic: 'b' });
    await pass(0);
    expect(last().path).toContain('/v1/stream/b?live=sse&form=messages&once=true');
  });

  it('waits a little after an answer without news', async () => {
    await follow();
    await pass(10_000);
    const before = requests.length;
    last().end('retry:700\n\n' + lines(SUBSCRIBED, CAUGHT_UP));
    await pass(699);
    expect(requests).toHaveLength(before);
    await pass(1);
    expect(requests).toHaveLength(before + 1);
    expect(last().path).toContain(`offset=${tokenOf(1, 4)}`);
  });

  it('waits for an answer that ends longer than the broker takes, but not for ever', async () => {
    await follow();
    await pass(10_000);
    await pass(89_999);
    expect(watcher.ends).toEqual([]);
    await pass(1);
    expect(watcher.ends).toEqual([{ code: 1006, reason: '' }]);
  });

  it('asks for answers that end from the start where bodies are no streams', async () => {
    await pass(0);
    last().endWhole('{"status":"ok","problems":[]}');
    await pass(0);
    link.send({ type: 'subscribe', id: 1, topic: 'a' });
    await pass(0);
    expect(last().path).toContain('&once=true&offset=now');
    last().endWhole(lines(SUBSCRIBED, CAUGHT_UP));
    await pass(1_000);
    expect(last().path).toContain(`&once=true&offset=${tokenOf(1, 4)}`);
    last().endWhole(lines(SUBSCRIBED, event(5), event(6), { ...CAUGHT_UP, offset: 6 }));
    await pass(0);
    expect(watcher.of('event').map(({ offset }) => offset)).toEqual([5, 6]);
    expect(last().path).toContain(`&once=true&offset=${tokenOf(1, 6)}`);
  });

  it('comes back when a stream has said, or after a second', async () => {
    const stream = await follow();
    stream.end(lines(SUBSCRIBED));
    await pass(999);
    expect(requests).toHaveLength(2);
    await pass(1);
    expect(requests).toHaveLength(3);
    last().end('retry:1000\n\n' + lines(SUBSCRIBED) + 'retry:100\n\n');
    await pass(100);
    expect(requests).toHaveLength(4);
    expect(watcher.ends).toEqual([]);
  });

  it('does not come back once it was closed, or taken back', async () => {
    const stream = await follow();
    stream.end(lines(SUBSCRIBED, CAUGHT_UP));
    await pass(0);
    link.send({ type: 'unsubscribe', id: 2, topic: 'a' });
    await pass(60_000);
    expect(requests).toHaveLength(2);
    expect(watcher.messages.at(-1)).toEqual({ type: 'unsubscribed', id: 2, topic: 'a' });
  });

  it('is not told of a stream it has taken back before it was asked for', async () => {
    await opened();
    link.send({ type: 'subscribe', id: 1, topic: 'a', time: 7 });
    await pass(0);
    const search = last();
    link.send({ type: 'unsubscribe', id: 2, topic: 'a' });
    search.end('{"token":"x"}');
    await pass(60_000);
    expect(last()).toBe(search);
    expect(watcher.messages).toEqual([{ type: 'unsubscribed', id: 2, topic: 'a' }]);
  });

  it('ends when an event is larger than any can be', async () => {
    const stream = await follow();
    stream.begin('data:');
    const large = 'x'.repeat(32 * 1024 * 1024);
    for (let i = 0; i < 2; ++i) {
      stream.say(large);
      await pass(0);
    }
    expect(watcher.ends).toEqual([]);
    stream.say(large);
    await pass(0);
    expect(watcher.ends).toEqual([{ code: 1002, reason: 'protocol_error' }]);
  }, 30_000);

  it('lets what a watcher throws be seen, and does not take it for a broken stream', async () => {
    const stream = await follow();
    const seen: unknown[] = [];
    const note = (reason: unknown): void => void seen.push(reason);
    const others = process.listeners('unhandledRejection');
    process.removeAllListeners('unhandledRejection');
    process.on('unhandledRejection', note);
    watcher.received = () => {
      throw new Error('a bug of the client');
    };
    stream.begin(lines(SUBSCRIBED));
    await vi.waitUntil(() => seen.length > 0);
    process.off('unhandledRejection', note);
    for (const other of others) process.on('unhandledRejection', other);
    expect(seen).toMatchObject([{ message: 'a bug of the client' }]);
    expect(watcher.ends).toEqual([]);
  });
});
