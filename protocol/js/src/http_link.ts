// A link made of HTTP requests and event streams, for networks that let no WebSocket pass.
// protocol/js/: PROTOCOL.md 9 to 11; each subscription is an http_stream.
import { encode, errorOf, HttpExchange, type Subject } from './http_exchange.js';
import { HttpStream } from './http_stream.js';
import type { Link, LinkContext, LinkWatcher } from './link.js';
import type { ClientMessage, PublishMessage, ServerMessage, SubscribeMessage } from './messages.js';

const JSON_TYPE = 'application/json';
const OPEN_MS = 10_000;
// A browser has six connections to an origin by HTTP/1.1, and requests need some too.
const MOST_STREAMS = 4;

/**
 * Is open when `/healthz` has answered, within 10 s. It ends with 1006 if a request or a stream
 * breaks, with 3000 and the code of the error after a 401, with 1012 behind the broker's goodbye,
 * and with 1002 and `protocol_error` after what is no message. Streams that reach their age are
 * made again from where they were; then `subscribed` comes without an id. A topic that is not
 * subscribed to is unsubscribed from all the same.
 */
export function openHttp(context: LinkContext, watcher: LinkWatcher): Link {
  return new HttpLink(context, watcher);
}

class HttpLink implements Link {
  readonly kind = 'http';
  readonly #exchange: HttpExchange;
  readonly #streams = new Map<string, HttpStream>();
  /** The last publish to each topic that is on its way: the next one waits for it. */
  readonly #posts = new Map<string, Promise<void>>();

  constructor(context: LinkContext, watcher: LinkWatcher) {
    this.#exchange = new HttpExchange(context, watcher, () => {
      for (const stream of this.#streams.values()) stream.close();
    });
    void this.#open(watcher);
  }

  send(message: ClientMessage): void {
    // Nobody expects the answer before the request has been made.
    queueMicrotask(() => {
      if (!this.#exchange.over) this.#take(message);
    });
  }

  close(): void {
    this.#exchange.close();
  }

  async #open(watcher: LinkWatcher): Promise<void> {
    const answer = await this.#exchange.ask('/healthz', {}, OPEN_MS);
    if (!answer) return;
    // Where one has to log in to a network, anything may answer; and a broker that can't write can
    // be read.
    if (answer.body.problems) watcher.opened();
    else this.#exchange.end(1006, answer.body.code as string | undefined);
  }

  #take(message: ClientMessage): void {
    const exchange = this.#exchange;
    const topic = 'topic' in message ? message.topic : '-';
    // Others would be another path.
    if (!topic.split('/').every((segment) => /^(?!\.\.?$)[\w.~-]+$/.test(segment))) {
      return this.#refuse(message, 'invalid_topic', 'no topic');
    }
    switch (message.type) {
      case 'subscribe':
        return this.#subscribe(message);
      case 'unsubscribe':
        this.#streams.get(topic)?.close();
        this.#streams.delete(topic);
        return exchange.tell({ type: 'unsubscribed', id: message.id, topic });
      case 'publish':
        return this.#publish(message);
      case 'ping':
        return void this.#relay(message, 'pong', '/healthz');
      case 'ack': {
        const { cursor, epoch, offset } = message;
        const path = `/v1/cursors/${topic}?cursor=${encode(cursor)}`;
        return void this.#relay(message, 'acknowledged', path, 'PUT', { epoch, offset });
      }
      case 'auth':
        exchange.token = message.token;
        return exchange.tell({ type: 'authenticated', id: message.id, subject: '' });
    }
  }

  #subscribe(message: SubscribeMessage): void {
    const { topic, filter } = message;
    const streams = this.#streams;
    if (streams.size >= MOST_STREAMS) {
      return this.#refuse(
        message,
        'too_many_subscriptions',
        `over HTTP ${MOST_STREAMS} topics at most`,
      );
    }
    // A URL has one parameter for a header's name and a value, with a colon between.
    const headers = Object.entries(filter?.headers ?? {});
    if (headers.some(([name, values]) => /:/.test(name) || ![values].flat().length)) {
      return this.#refuse(message, 'unsupported', 'no filter over HTTP');
    }
    const stream = new HttpStream(this.#exchange, message, () => streams.delete(topic));
    streams.set(topic, stream);
    void stream.run();
  }

  /** One at a time, since several connections keep no order. */
  #publish(message: PublishMessage): void {
    const { type, id, topic, ...event } = message;
    const before = this.#posts.get(topic);
    const post = (): Promise<void> =>
      this.#relay(message, 'published', `/v1/topics/${topic}/events`, 'POST', event);
    const mine = (before ? before.then(post) : post()).then(() => {
      if (this.#posts.get(topic) === mine) this.#posts.delete(topic);
    });
    this.#posts.set(topic, mine);
  }

  /** Asks, and hands the answer on as a message of this type, or as an error. */
  async #relay(
    subject: ClientMessage & Subject,
    type: ServerMessage['type'],
    path: string,
    method = 'GET',
    body?: object,
  ): Promise<void> {
    const init = body && { body: JSON.stringify(body), headers: { 'content-type': JSON_TYPE } };
    const answer = await this.#exchange.ask(path, { method, ...init });
    if (!answer) return;
    const { id } = subject;
    if (answer.ok || answer.body.problems)
      this.#exchange.tell({ ...answer.body, id, type } as unknown as ServerMessage);
    else this.#exchange.tell(errorOf(answer.body, subject));
  }

  #refuse(subject: ClientMessage & Subject, code: string, detail: string): void {
    this.#exchange.tell(errorOf({ code, detail }, subject));
  }
}
