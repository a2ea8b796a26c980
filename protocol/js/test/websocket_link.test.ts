// The link over a WebSocket, with a WebSocket that does what the test says.
// protocol/js/: see websocket_link.ts.
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Link, WebSocketMaker } from '../src/link.js';
import { openWebSocket } from '../src/websocket_link.js';
import { Recorder } from './recorder.js';

class FakeWebSocket {
  static made: FakeWebSocket[] = [];
  onopen: ((event: never) => void) | null = null;
  onmessage: ((event: { data: unknown }) => void) | null = null;
  onclose: ((event: { code: number; reason: string }) => void) | null = null;
  onerror: ((event: never) => void) | null = null;
  readonly sent: string[] = [];
  closed: unknown[] | undefined;

  constructor(
    readonly url: string,
    readonly protocols: string[],
  ) {
    FakeWebSocket.made.push(this);
  }
  send(data: string): void {
    this.sent.push(data);
  }
  /** As browsers have it: the codes of the protocol are not a page's to give. */
  close(...args: unknown[]): void {
    const [code] = args as [number?];
    if (code !== undefined && code !== 1000 && code < 3000) throw new Error('InvalidAccessError');
    this.closed = args;
  }
}

describe('openWebSocket', () => {
  let watcher: Recorder;
  beforeEach(() => {
    vi.useFakeTimers();
    FakeWebSocket.made = [];
    watcher = new Recorder();
  });
  afterEach(() => {
    expect(vi.getTimerCount()).toBe(0);
    vi.useRealTimers();
  });

  function open(base = 'http://broker:4437', maker: WebSocketMaker | undefined = FakeWebSocket) {
    const link = openWebSocket({ base, fetch, WebSocket: maker }, watcher);
    return { link, socket: FakeWebSocket.made.at(-1) as FakeWebSocket };
  }
  function opened(): { link: Link; socket: FakeWebSocket } {
    const { link, socket } = open();
    socket.onopen?.({} as never);
    return { link, socket };
  }

  it('connects to the path of WebSockets, in the clear or not as the base is', () => {
    open('http://broker:4437').link.close();
    open('https://host/behind/a/path').link.close();
    expect(FakeWebSocket.made.map(({ url }) => url)).toEqual([
      'ws://broker:4437/v1/ws',
      'wss://host/behind/a/path/v1/ws',
    ]);
    expect(FakeWebSocket.made[0]?.protocols).toEqual(['tidemark.v1.json']);
  });

  it('tells that it is open, and hands messages on in both directions', () => {
    const { link, socket } = open();
    expect(link.kind).toBe('websocket');
    expect(watcher.isOpen).toBe(false);
    socket.onopen?.({} as never);
    expect(watcher.isOpen).toBe(true);
    link.send({ type: 'ping', id: 7 });
    expect(socket.sent).toEqual(['{"type":"ping","id":7}']);
    socket.onmessage?.({ data: '{"type":"pong","id":7}' });
    socket.onmessage?.({ data: '{"type":"of a newer broker"}' });
    expect(watcher.messages).toEqual([{ type: 'pong', id: 7 }, { type: 'of a newer broker' }]);
    expect(watcher.ends).toEqual([]);
  });

  it('ends once, with the code and the reason the broker gives', () => {
    const { link, socket } = opened();
    socket.onerror?.({} as never);
    socket.onclose?.({ code: 3000, reason: 'token_expired' });
    socket.onclose?.({ code: 1006, reason: '' });
    socket.onmessage?.({ data: '{"type":"pong","id":7}' });
    link.send({ type: 'ping', id: 8 });
    expect(watcher.ends).toEqual([{ code: 3000, reason: 'token_expired' }]);
    expect(watcher.messages).toEqual([]);
    expect(socket.sent).toEqual([]);
  });

  it.each([
    'no JSON',
    '',
    'null',
    '[]',
    '"type"',
    '{"id":1}',
    '{"type":1}',
    new ArrayBuffer(2),
    { type: 'pong' },
  ])('ends with 1002 after what is no message: %j', (data) => {
    const { socket } = opened();
    socket.onmessage?.({ data });
    expect(watcher.ends).toEqual([{ code: 1002, reason: 'protocol_error' }]);
    expect(socket.closed).toEqual([]);
    socket.onclose?.({ code: 1000, reason: '' });
    expect(watcher.ends).toHaveLength(1);
  });

  it('ends if it is not open after ten seconds', () => {
    const { socket } = open();
    vi.advanceTimersByTime(9_999);
    expect(watcher.ends).toEqual([]);
    vi.advanceTimersByTime(1);
    expect(watcher.ends).toEqual([{ code: 1006, reason: '' }]);
    expect(socket.closed).toEqual([]);
    socket.onopen?.({} as never);
    expect(watcher.isOpen).toBe(false);
  });

  it('stays open for as long as it takes', () => {
    const { link } = opened();
    vi.advanceTimersByTime(3_600_000);
    expect(watcher.ends).toEqual([]);
    link.close();
  });

  it('ends, but not at once, where there are no WebSockets or none to there', async () => {
    class Refusing extends FakeWebSocket {
      constructor(url: string, protocols: string[]) {
        super(url, protocols);
        throw new Error('SecurityError');
      }
    }
    for (const maker of [undefined, Refusing]) {
      watcher = new Recorder();
      const link = openWebSocket({ base: 'http://b', fetch, WebSocket: maker }, watcher);
      expect(watcher.ends).toEqual([]);
      expect(await watcher.end()).toEqual({ code: 1006, reason: '' });
      link.send({ type: 'ping', id: 1 });
      link.close();
    }
  });

  it('ends if sending throws', () => {
    const { link, socket } = opened();
    socket.send = () => {
      throw new Error('INVALID_STATE_ERR');
    };
    link.send({ type: 'ping', id: 1 });
    expect(watcher.ends).toEqual([{ code: 1006, reason: '' }]);
  });

  it('tells nothing more once it was closed', async () => {
    const early = open();
    early.link.close();
    early.socket.onopen?.({} as never);
    early.socket.onclose?.({ code: 1006, reason: '' });
    const { link, socket } = open();
    link.close();
    socket.onmessage?.({ data: '{"type":"pong","id":7}' });
    openWebSocket({ base: 'http://b', fetch, WebSocket: undefined }, watcher).close();
    await Promise.resolve();
    expect(watcher.isOpen).toBe(false);
    expect(watcher.messages).toEqual([]);
    expect(watcher.ends).toEqual([]);
  });
});
