// The link over HTTP, against a small broker of its own.
// protocol/js/: see http_link.ts; what it does when nothing comes is in http_silence.test.ts.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openHttp } from '../src/http_link.js';
import type { Link } from '../src/link.js';
import type { SubscribeMessage } from '../src/messages.js';
import { FakeHttpBroker, tokenOf } from './fake_http_broker.js';
import { Recorder } from './recorder.js';

describe('openHttp', () => {
  let broker: FakeHttpBroker;
  let watcher: Recorder;
  let link: Link;

  beforeEach(async () => {
    broker = new FakeHttpBroker();
    await broker.start();
    watcher = new Recorder();
    link = openHttp({ base: broker.base, fetch, WebSocket: undefined }, watcher);
  });
  afterEach(async () => {
    link.close();
    await broker.stop();
  });

  const opened = (): Promise<void> => watcher.until(() => watcher.isOpen);
  const streamUrls = (): string[] => broker.urls('/v1/stream/');
  const events = (): number[] => watcher.of('event').map(({ offset }) => offset);

  async function follow(more: Partial<SubscribeMessage> = {}): Promise<void> {
    await opened();
    link.send({ type: 'subscribe', id: 1, topic: 'a/b', ...more });
    await watcher.until(() => watcher.messages.length > 0);
  }
  function fill(count: number): void {
    broker.topic('a/b');
    for (let i = 1; i <= count; ++i) broker.append('a/b', { i });
  }

  describe('opening and ending', () => {
    it('asks how the broker is', async () => {
      await opened();
      expect(link.kind).toBe('http');
      expect(broker.asked).toMatchObject([{ method: 'GET', url: '/healthz' }]);
    });

    it('opens although the broker can\'t write, and lives by its answers', async () => {
      broker.hook = (request, response) => {
        if (request.url !== '/healthz') return false;
        response.writeHead(503).end('{"status":"failing","code":"disk_full","problems":["disk_full"]}');
        return true;
      };
      await opened();
      link.send({ type: 'ping', id: 7 });
      expect(await watcher.wait('pong')).toMatchObject([{ id: 7 }]);
    });

    it('ends when nobody is there', async () => {
      const nobody = new Recorder();
      openHttp({ base: 'http://127.0.0.1:1', fetch, WebSocket: undefined }, nobody);
      expect(await nobody.end()).toEqual({ code: 1006, reason: '' });
      expect(nobody.isOpen).toBe(false);
    });

    it.each([
      ['a broker that stops', 503, '{"status":"stopping"}', { code: 1006, reason: '' }],
      [
        'one that says why',
        503,
        '{"code":"too_many_connections"}',
        { code: 1006, reason: 'too_many_connections' },
      ],
      ['a page to log in at', 200, '<html>', { code: 1006, reason: '' }],
      ['something else', 200, '{"hello":1}', { code: 1006, reason: '' }],
      [
        'who does not let it in',
        401,
        '{"code":"unauthorized"}',
        { code: 3000, reason: 'unauthorized' },
      ],
    ])('ends when the answer is of %s', async (_what, status, body, end) => {
      broker.hook = (_request, response) => {
        response.writeHead(status).end(body);
        return true;
      };
      const other = new Recorder();
      openHttp({ base: broker.base, fetch, WebSocket: undefined }, other);
      expect(await other.end()).toEqual(end);
      expect(other.isOpen).toBe(false);
    });

    it('tells nothing after it was closed, and leaves no stream open', async () => {
      fill(1);
      await follow({ from: 'earliest' });
      await broker.until(() => broker.openStreams === 1);
      const before = watcher.messages.length;
      link.close();
      link.send({ type: 'ping', id: 9 });
      await broker.until(() => broker.openStreams === 0);
      broker.append('a/b', 2);
      expect(watcher.messages).toHaveLength(before);
      expect(watcher.ends).toEqual([]);
    });
  });

  describe('requests', () => {
    it('answers a ping by asking again how the broker is', async () => {
      await opened();
      link.send({ type: 'ping', id: 7 });
      expect(await watcher.wait('pong')).toMatchObject([{ id: 7 }]);
      expect(broker.urls('/healthz')).toHaveLength(2);
    });

    it('shows the credential with all that follows it', async () => {
      await opened();
      link.send({ type: 'auth', id: 3, token: 'abc.def' });
      link.send({ type: 'ping', id: 4 });
      await watcher.wait('pong');
      expect(watcher.messages[0]).toEqual({ type: 'authenticated', id: 3, subject: '' });
      expect(broker.asked.map(({ authorization }) => authorization)).toEqual([
        undefined,
        'Bearer abc.def',
      ]);
    });

    it('ends with what a 401 says, wherever it comes', async () => {
      await opened();
      broker.hook = (request, response) =>
        request.method === 'POST' && broker.problem(response, 'token_expired');
      link.send({ type: 'publish', id: 1, topic: 'a', data: 1 });
      expect(await watcher.end()).toEqual({ code: 3000, reason: 'token_expired' });
      expect(watcher.messages).toEqual([]);
    });

    it('ends when a token could not be shown', async () => {
      await opened();
      link.send({ type: 'auth', id: 3, token: 'two\nlines' });
      link.send({ type: 'ping', id: 4 });
      expect(await watcher.end()).toEqual({ code: 1006, reason: '' });
    });

    it('publishes, and hands on where the event is', async () => {
      await opened();
      const producer = { id: 'p', epoch: 0, sequence: 4 };
      const event = { key: 'k', headers: { h: 'v' }, producer, content_type: 'application/json' };
      link.send({ type: 'publish', id: 2, topic: 'a/b', data: { x: 1 }, ...event });
      expect(await watcher.wait('published')).toEqual([
        { type: 'published', id: 2, topic: 'a/b', epoch: 1, first: 1, last: 1 },
      ]);
      expect(broker.asked.at(-1)).toEqual({
        method: 'POST',
        url: '/v1/topics/a/b/events',
        authorization: undefined,
        body: { data: { x: 1 }, ...event },
      });
    });

    it('publishes to a topic one at a time in order, to others meanwhile', async () => {
      await opened();
      let release: (() => void) | undefined;
      broker.hook = (request, response) => {
        if (release || request.url !== '/v1/topics/a/events') return false;
        release = () => broker.json(response, { topic: 'a', epoch: 1, first: 1, last: 1 });
        return true;
      };
      for (let id = 1; id <= 4; ++id) link.send({ type: 'publish', id, topic: 'a', data: id });
      link.send({ type: 'publish', id: 5, topic: 'b', data: 5 });
      expect(await watcher.wait('published')).toMatchObject([{ id: 5 }]);
      expect(broker.urls('/v1/topics/a/')).toHaveLength(1);
      release?.();
      const published = await watcher.wait('published', 5);
      expect(published.map(({ id }) => id)).toEqual([5, 1, 2, 3, 4]);
      expect(broker.topic('a').events.map(({ data }) => data)).toEqual([2, 3, 4]);
    });

    it('goes on after a publish that was refused, which it tells with its id', async () => {
      await opened();
      broker.hook = (_request, response) =>
        broker.asked.length === 2 &&
        broker.problem(response, 'rate_limited', { retry_after_ms: 1500 });
      link.send({ type: 'publish', id: 1, topic: 'a', data: 1 });
      link.send({ type: 'publish', id: 2, topic: 'a', data: 2 });
      await watcher.wait('published');
      const [refused, published] = watcher.messages;
      expect(refused).toMatchObject({
        type: 'error',
        id: 1,
        topic: 'a',
        code: 'rate_limited',
        message: 'it is rate_limited',
        retry_after_ms: 1500,
      });
      expect(published).toMatchObject({ type: 'published', id: 2 });
    });

    it('ends when the answer to a publish is not the broker’s', async () => {
      await opened();
      broker.hook = (_request, response) => {
        response.writeHead(502).end('<html>Bad Gateway</html>');
        return true;
      };
      link.send({ type: 'publish', id: 1, topic: 'a', data: 1 });
      link.send({ type: 'publish', id: 2, topic: 'a', data: 2 });
      expect(await watcher.end()).toEqual({ code: 1006, reason: '' });
      expect(broker.urls('/v1/topics/')).toHaveLength(1);
    });

    it('acknowledges by a cursor of any name', async () => {
      fill(3);
      await opened();
      const cursor = 'a b&c=ü+\ud800';
      link.send({ type: 'ack', id: 6, topic: 'a/b', cursor, epoch: 1, offset: 2 });
      expect(await watcher.wait('acknowledged')).toMatchObject([
        { id: 6, topic: 'a/b', cursor: 'a b&c=ü+\ufffd', epoch: 1, offset: 2 },
      ]);
      expect(broker.asked.at(-1)).toMatchObject({ method: 'PUT', body: { epoch: 1, offset: 2 } });
    });

    it.each(['', '.', 'a/..', 'a//b', '/a', 'a?b', 'ü', '\ud800'])(
      'refuses by itself what is no topic: %j',
      async (topic) => {
        await opened();
        link.send({ type: 'publish', id: 1, topic, data: 1 });
        link.send({ type: 'subscribe', id: 2, topic });
        expect(await watcher.wait('error', 2)).toMatchObject([
          { id: 1, code: 'invalid_topic' },
          { id: 2, code: 'invalid_topic' },
        ]);
        expect(broker.asked).toHaveLength(1);
      },
    );
  });

  describe('where a subscription begins', () => {
    it.each<[Partial<SubscribeMessage>, string, number[]]>([
      [{}, 'offset=now', []],
      [{ from: 'now' }, 'offset=now', []],
      [{ from: 'earliest' }, 'offset=-1', [3, 4, 5, 6]],
      [{ after: { epoch: 7, offset: 5 } }, `offset=${tokenOf(7, 5)}`, [6]],
      [{ last: 2 }, `offset=${tokenOf(7, 4)}`, [5, 6]],
      [{ last: 4 }, `offset=${tokenOf(3, 2)}`, [3, 4, 5, 6]],
      [{ last: 99 }, `offset=${tokenOf(3, 2)}`, [3, 4, 5, 6]],
      [{ time: 4500 }, `offset=${tokenOf(7, 4)}`, [5, 6]],
      [{ time: 9000 }, `offset=${tokenOf(7, 6)}`, []],
      [{ cursor: 'mine', state: true }, `offset=${tokenOf(7, 5)}`, [6]],
      [{ cursor: 'not there', from: 'earliest' }, 'offset=-1', [3, 4, 5, 6]],
    ])('%j asks for %s', async (asked, start, expected) => {
      fill(6);
      broker.trim('a/b', 3);
      const topic = broker.topic('a/b');
      topic.epoch = 7;
      topic.lineage = [
        { epoch: 3, first: 1 },
        { epoch: 7, first: 5 },
      ];
      broker.cursors.set('mine', tokenOf(7, 5));
      await follow(asked);
      await watcher.wait('caught_up');
      expect(streamUrls()).toEqual([`/v1/stream/a/b?live=sse&form=messages&${start}&on_gap=fail`]);
      expect(watcher.messages[0]).toMatchObject({ type: 'subscribed', id: 1, topic: 'a/b' });
      expect(events()).toEqual(expected);
    });

    it('takes the state, and goes on after it', async () => {
      fill(3);
      broker.topic('a/b').state = { sum: 6 };
      await follow({ state: true, on_gap: 'state' });
      await watcher.wait('state');
      broker.append('a/b', 4);
      await watcher.wait('event');
      expect(watcher.messages.map(({ type }) => type)).toEqual([
        'subscribed',
        'state',
        'caught_up',
        'event',
      ]);
      expect(streamUrls()[0]).toContain('&state=true&on_gap=state');
    });

    it.each<[SubscribeMessage['state_if_behind'], string, boolean]>([
      [{ events: 2 }, '&state_if_behind=2', true],
      [{ events: 3 }, '&state_if_behind=3', false],
      [{ bytes: 1 }, '', false],
      [{ events: 1, bytes: 1 }, '&state_if_behind=1', true],
    ])('asks for the state if behind by more than %j', async (state_if_behind, query, had) => {
      fill(4);
      const after = { epoch: 1, offset: 1 };
      await follow({ after, state_if_behind, on_gap: 'state' } as Partial<SubscribeMessage>);
      await watcher.wait('caught_up');
      expect(streamUrls()[0]).toContain(`offset=${tokenOf(1, 1)}&on_gap=state${query}`);
      expect(watcher.of('state').length > 0).toBe(had);
      expect(events()).toEqual(had ? [] : [2, 3, 4]);
    });

    it('asks for events by keys and headers, as they are', async () => {
      fill(1);
      const keys = ['a b', 'ü*', 'x&y=z+'];
      await follow({ filter: { keys, headers: { kind: 'paid', region: ['eu', 'us:1'] } } });
      const query = new URL(streamUrls()[0] ?? '', 'http://x').searchParams;
      expect(query.getAll('filter_key')).toEqual(keys);
      expect(query.getAll('filter_header')).toEqual(['kind:paid', 'region:eu', 'region:us:1']);
      expect(streamUrls()[0]).toContain('a%20b');
    });

    it.each([{ 'a:b': 'c' }, { a: [] }])('refuses a filter no URL holds: %j', async (headers) => {
      fill(1);
      await follow({ filter: { headers } });
      expect(watcher.messages).toMatchObject([{ type: 'error', id: 1, code: 'unsupported' }]);
      expect(streamUrls()).toEqual([]);
    });

    it.each<Partial<SubscribeMessage>>([
      { from: 'now' },
      { last: 1 },
      { time: 1 },
      { cursor: 'c' },
      { state: true },
    ])('tells with its id why it is refused: %j', async (asked) => {
      await follow(asked);
      expect(watcher.messages).toEqual([
        expect.objectContaining({
          type: 'error',
          id: 1,
          topic: 'a/b',
          code: 'unknown_topic',
          message: 'it is unknown_topic',
        }),
      ]);
      fill(1);
      link.send({ type: 'subscribe', id: 2, topic: 'a/b' });
      expect(await watcher.wait('subscribed')).toMatchObject([{ id: 2 }]);
    });

    it('hands on the gap it is refused for', async () => {
      fill(5);
      broker.trim('a/b', 4);
      await follow({ after: { epoch: 1, offset: 1 } });
      expect(watcher.messages).toMatchObject([
        {
          type: 'error',
          id: 1,
          code: 'position_trimmed',
          gap: { first: 2, end: 4, cause: 'trimmed', epoch: 1, earliest: 4, head: 5 },
        },
      ]);
    });
  });

  describe('streams', () => {
    /** Ends the stream there is, and waits for the one after it. */
    async function again(): Promise<string> {
      const before = streamUrls().length;
      await broker.until(() => broker.openStreams === 1);
      broker.endStreams();
      await broker.until(() => streamUrls().length > before && broker.openStreams === 1);
      return (streamUrls().at(-1) ?? '').split('messages&')[1] ?? '';
    }

    it('go on where they ended, without the id', async () => {
      fill(2);
      await follow({ from: 'earliest', on_gap: 'earliest' });
      await watcher.wait('event', 2);
      expect(await again()).toBe(`offset=${tokenOf(1, 2)}&on_gap=earliest`);
      broker.append('a/b', 3);
      await watcher.wait('event', 3);
      await again();
      broker.append('a/b', 4);
      await watcher.wait('event', 4);
      expect(events()).toEqual([1, 2, 3, 4]);
      expect(watcher.of('subscribed').map(({ id }) => id)).toEqual([1, undefined, undefined]);
    });

    it('miss nothing that is published between two of them', async () => {
      fill(0);
      await follow({ from: 'now' });
      await broker.until(() => broker.openStreams === 1);
      broker.endStreams();
      await broker.until(() => broker.openStreams === 0);
      broker.append('a/b', 1);
      await watcher.wait('event');
      expect(events()).toEqual([1]);
    });

    it('miss nothing either when the first has said no more than where it begins', async () => {
      fill(2);
      broker.hook = (request, response) => {
        if (!request.url?.startsWith('/v1/stream')) return false;
        broker.hook = () => false;
        broker.append('a/b', 3);
        const subscribed = { type: 'subscribed', topic: 'a/b', epoch: 1, offset: 2 };
        response.end(`retry:1\n\ndata:${JSON.stringify(subscribed)}\n\n`);
        return true;
      };
      await follow({ from: 'now', state_if_behind: { events: 5 }, on_gap: 'state' });
      await watcher.wait('event');
      expect(events()).toEqual([3]);
    });

    it('go on behind what a filter has left out', async () => {
      fill(1);
      broker.append('a/b', 'mine', 'k');
      broker.append('a/b', 'not mine', 'l');
      await follow({ from: 'earliest', filter: { keys: ['k'] } });
      await watcher.wait('advanced', 2);
      expect(await again()).toBe(`offset=${tokenOf(1, 3)}&on_gap=fail&filter_key=k`);
    });

    it('go on in the epoch they are in', async () => {
      fill(1);
      await follow();
      await watcher.wait('caught_up');
      broker.topic('a/b').epoch = 2;
      broker.topic('a/b').lineage.push({ epoch: 2, first: 2 });
      broker.say('a/b', { type: 'epoch', epoch: 2, first: 2 });
      await watcher.wait('epoch');
      expect(await again()).toContain(`offset=${tokenOf(2, 1)}&`);
    });

    it.each([
      [{ first: 2, end: 5, cause: 'count', epoch: 1, earliest: 5, head: 9 }, tokenOf(1, 4)],
      [{ first: 5, end: 8, cause: 'corrupt', epoch: 1, earliest: 2, head: 9 }, tokenOf(1, 7)],
      [{ first: 5, end: 8, cause: 'ahead', epoch: 1, earliest: 2, head: 4 }, tokenOf(1, 1)],
      [{ first: 1, end: 8, cause: 'epoch', epoch: 1, earliest: 1, head: 0 }, tokenOf(1, 0)],
    ])('go on behind a gap: %j', async (gap, token) => {
      fill(9);
      await follow({ on_gap: 'earliest' });
      await watcher.wait('caught_up');
      broker.say('a/b', { type: 'gap', ...gap });
      await watcher.wait('gap');
      expect(await again()).toContain(`offset=${token}&`);
    });

    it('begin with the state after a gap that leads to one', async () => {
      fill(9);
      await follow({ on_gap: 'state' });
      await watcher.wait('caught_up');
      const gap = { first: 2, end: 5, cause: 'count', epoch: 1, earliest: 5, head: 9 };
      broker.say('a/b', { type: 'gap', ...gap });
      await watcher.wait('gap');
      expect(await again()).toBe('state=true&on_gap=state');
      await watcher.wait('state');
      expect(await again()).toBe(`offset=${tokenOf(1, 9)}&on_gap=state`);
    });

    it('begin anew when a state has not come whole', async () => {
      fill(9);
      await follow({ state: true, on_gap: 'state' });
      await watcher.wait('caught_up');
      const part = { type: 'state', epoch: 1, offset: 9, first: true, last: false, entries: [] };
      broker.say('a/b', part);
      await watcher.wait('state', 2);
      expect(await again()).toBe('state=true&on_gap=state');
      broker.say('a/b', part);
      broker.say('a/b', { ...part, first: false, last: true });
      await watcher.wait('state', 5);
      expect(await again()).toBe(`offset=${tokenOf(1, 9)}&on_gap=state`);
    });

    it('do not take the position of a state to come for one that was reached', async () => {
      fill(9);
      let cut = true;
      broker.hook = (request, response) => {
        if (!cut || !request.url?.startsWith('/v1/stream')) return false;
        cut = false;
        const subscribed = { type: 'subscribed', topic: 'a/b', epoch: 1, offset: 9 };
        response.end(`retry:1\n\ndata:${JSON.stringify(subscribed)}\n\ndata:{"type":"sta`);
        return true;
      };
      await follow({ after: { epoch: 1, offset: 4 }, on_gap: 'state' });
      await watcher.wait('event', 5);
      expect(events()).toEqual([5, 6, 7, 8, 9]);
      expect(streamUrls()[1]).toBe(streamUrls()[0]);
    });

    it('tell without an id, but with the topic, why one could not be made again', async () => {
      fill(2);
      await follow({ from: 'earliest' });
      await watcher.wait('event', 2);
      await broker.until(() => broker.openStreams === 1);
      broker.hook = (_request, response) => broker.problem(response, 'overloaded');
      broker.endStreams();
      const [error] = await watcher.wait('error');
      expect(error).toMatchObject({ topic: 'a/b', code: 'overloaded' });
      expect(error?.id).toBeUndefined();
      broker.hook = () => false;
      link.send({ type: 'subscribe', id: 5, topic: 'a/b' });
      await watcher.wait('subscribed', 2);
    });

    it('end the link when they break', async () => {
      fill(2);
      await follow({ from: 'earliest' });
      await broker.until(() => broker.openStreams === 1);
      broker.breakStreams();
      expect(await watcher.end()).toEqual({ code: 1006, reason: '' });
    });

    it('end the link with the 401 they are answered by', async () => {
      fill(2);
      await follow();
      await broker.until(() => broker.openStreams === 1);
      broker.hook = (_request, response) => broker.problem(response, 'token_expired');
      broker.endStreams();
      expect(await watcher.end()).toEqual({ code: 3000, reason: 'token_expired' });
    });

    it('end the link behind a goodbye', async () => {
      fill(1);
      await follow();
      await broker.until(() => broker.openStreams === 1);
      broker.say('a/b', { type: 'goodbye', reconnect_after_ms: 1700 });
      broker.endStreams();
      expect(await watcher.end()).toEqual({ code: 1012, reason: 'shutting_down' });
      expect(watcher.messages.at(-1)).toMatchObject({ type: 'goodbye', reconnect_after_ms: 1700 });
    });

    it.each(['data:no JSON\n\n', 'data:[{"order":7}]\n\n', 'data:{"streamNextOffset":"1"}\n\n'])(
      'end the link after what is no message: %j',
      async (text) => {
        await opened();
        broker.hook = (_request, response) => {
          response.write(text);
          return true;
        };
        link.send({ type: 'subscribe', id: 1, topic: 'a/b' });
        expect(await watcher.end()).toEqual({ code: 1002, reason: 'protocol_error' });
      },
    );

    it('end the link if they end without a word', async () => {
      await opened();
      broker.hook = (_request, response) => {
        response.end('<html>log in</html>');
        return true;
      };
      link.send({ type: 'subscribe', id: 1, topic: 'a/b' });
      expect(await watcher.end()).toEqual({ code: 1006, reason: '' });
    });

    it('are over when the subscription is', async () => {
      fill(1);
      await follow();
      await broker.until(() => broker.openStreams === 1);
      broker.say('a/b', { type: 'unsubscribed', reason: 'topic_deleted' });
      expect(await watcher.wait('unsubscribed')).toMatchObject([{ reason: 'topic_deleted' }]);
      await broker.until(() => broker.openStreams === 0);
      expect(streamUrls()).toHaveLength(1);
      expect(watcher.ends).toEqual([]);
    });

    it('are given up by unsubscribe, behind which nothing comes', async () => {
      fill(1);
      await follow({ from: 'earliest' });
      await watcher.wait('event');
      await broker.until(() => broker.openStreams === 1);
      link.send({ type: 'unsubscribe', id: 4, topic: 'a/b' });
      expect(await watcher.wait('unsubscribed')).toEqual([
        { type: 'unsubscribed', id: 4, topic: 'a/b' },
      ]);
      broker.append('a/b', 2);
      await broker.until(() => broker.openStreams === 0);
      link.send({ type: 'subscribe', id: 5, topic: 'a/b', from: 'earliest' });
      await watcher.wait('subscribed', 2);
      await watcher.wait('event', 3);
      expect(events()).toEqual([1, 1, 2]);
      expect(watcher.ends).toEqual([]);
    });

    it('are at most four', async () => {
      await opened();
      for (const topic of ['a', 'b', 'c', 'd', 'e']) {
        broker.topic(topic);
        link.send({ type: 'subscribe', id: topic.charCodeAt(0), topic });
      }
      await watcher.wait('subscribed', 4);
      expect(watcher.of('error')).toMatchObject([
        { id: 101, topic: 'e', code: 'too_many_subscriptions' },
      ]);
      link.send({ type: 'unsubscribe', id: 2, topic: 'a' });
      link.send({ type: 'subscribe', id: 3, topic: 'e' });
      expect((await watcher.wait('subscribed', 5)).at(-1)).toMatchObject({ id: 3, topic: 'e' });
    });
  });
});
