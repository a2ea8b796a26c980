// One subscription over HTTP: event streams, each from where the last one ended.
// protocol/js/: http_link has a few of them; PROTOCOL.md 10.6 and 10.14.
import { EventStream } from './event_stream.js';
import { encode, errorOf, type Answer, type HttpExchange } from './http_exchange.js';
import type { Position, ServerMessage, SubscribeMessage } from './messages.js';
import { afterGap } from './place.js';
import { decodeMessage } from './wire.js';

// The broker's first message comes at once. If it doesn't, something holds the answer back.
const FIRST_MS = 10_000;
// It says something every 15 s; but where answers are seen when they are whole, nothing is seen
// while the broker waits for news, and as long again while it sends them.
const SILENT_MS = 45_000;
const SILENT_WHOLE_MS = 90_000;
const RETRY_MS = 1_000;
// What an answer that ends by itself has been held back for.
const NEWS = new Set(['event', 'state', 'gap', 'epoch', 'advanced']);

/** What is taken of a topic's description: PROTOCOL.md 9.3 and 9.6. */
interface Described {
  readonly head: number;
  readonly earliest: number;
  readonly lineage: readonly { readonly epoch: number; readonly first: number }[];
}

/** A position as the broker takes it in a URL: PROTOCOL.md 10.3. */
function startAfter({ epoch, offset }: Position): string {
  const [a, b] = [epoch, offset].map((n) => String(n).padStart(16, '0'));
  return `offset=${a}_${b}`;
}

/** The position before the `count` last events that are retained, in the epoch of the next. */
function beforeLast(count: number, { head, earliest, lineage }: Described): string {
  const offset = Math.max(head - count, earliest - 1);
  const epoch = lineage.filter(({ first }) => first <= offset + 1).at(-1)?.epoch ?? 0;
  return startAfter({ epoch, offset });
}

/** What is asked for beside the start. */
function optionsOf({ on_gap = 'fail', filter = {}, state_if_behind }: SubscribeMessage): string {
  const { keys = [], headers = {} } = filter;
  const matches = Object.entries(headers).flatMap(([name, values]) =>
    [values].flat().map((value) => '&filter_header=' + encode(`${name}:${value}`)),
  );
  const wanted = keys.map((key) => '&filter_key=' + encode(key));
  // A backlog is counted in events alone.
  const most = state_if_behind?.events;
  const behind = most === undefined ? '' : '&state_if_behind=' + most;
  return ['&on_gap=' + on_gap, behind, ...wanted, ...matches].join('');
}

export class HttpStream {
  #running = new AbortController();
  #closed = false;
  /** Of the subscribe, until it has been answered. */
  #id: number | undefined;
  /** What the next request begins with, unless a position is known. */
  #start = '';
  #position: Position = { epoch: 0, offset: 0 };
  /** Nothing of a state that leads there is still to come. */
  #known = false;
  #leaving = false;
  #timer: ReturnType<typeof setTimeout> | undefined;

  readonly #exchange: HttpExchange;
  readonly #asked: SubscribeMessage;
  readonly #ended: () => void;

  /** `ended` is called when nothing more will come, unless it was closed. */
  constructor(exchange: HttpExchange, asked: SubscribeMessage, ended: () => void) {
    this.#exchange = exchange;
    this.#asked = asked;
    this.#ended = ended;
    this.#id = asked.id;
  }

  /** Until it has ended, or was closed. */
  async run(): Promise<void> {
    const start = await this.#resolve();
    if (start === undefined) return;
    this.#start = start;
    while (!this.#closed) {
      const wait = await this.#follow();
      if (wait) await new Promise((resolve) => (this.#timer = setTimeout(resolve, wait)));
    }
  }

  /** Nothing more is told. */
  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#running.abort();
  }

  #finish(): void {
    if (this.#closed) return;
    this.close();
    this.#ended();
  }

  #refuse(problem: Answer['body']): undefined {
    if (this.#closed) return;
    this.#finish();
    this.#exchange.tell(errorOf(problem, { id: this.#id, topic: this.#asked.topic }));
  }

  // ---- where it begins ----

  /** Asks about the topic; undefined if nothing is to follow. Failures are refusals. */
  async #find(kind: string, query = ''): Promise<Answer['body'] | undefined> {
    const answer = await this.#exchange.ask(`/v1/${kind}/${this.#asked.topic}${query}`);
    if (!answer || this.#closed) return undefined;
    return answer.ok ? answer.body : this.#refuse(answer.body);
  }

  /** The parameter that says where to begin; undefined if nothing is to follow. */
  async #resolve(): Promise<string | undefined> {
    const { topic, cursor, state, after, time, last, from } = this.#asked;
    if (cursor) {
      const there = await this.#exchange.ask(`/v1/cursors/${topic}?cursor=${encode(cursor)}`);
      if (!there) return undefined;
      if (there.ok) return 'offset=' + there.body.token;
      if (there.body.code !== 'unknown_cursor') return this.#refuse(there.body);
    }
    if (state) return 'state=true';
    if (after) return startAfter(after);
    if (time !== undefined) {
      const found = await this.#find('offsets', '?time=' + time);
      return found && 'offset=' + found.token;
    }
    if (last !== undefined) {
      const found = await this.#find('topics');
      return found && beforeLast(last, found as unknown as Described);
    }
    return 'offset=' + (from === 'earliest' ? -1 : 'now');
  }

  // ---- one stream after another ----

  /** One answer, to its end; how long to wait before the next, in ms. */
  async #follow(): Promise<number> {
    const exchange = this.#exchange;
    const { whole } = exchange;
    const events = new EventStream();
    let told = false;
    let news = false;
    if (this.#known) this.#start = startAfter(this.#position);
    this.#known = false;
    for await (const piece of this.#pieces(events, whole)) {
      for (const data of piece) {
        const message = decodeMessage(data);
        if (!message) exchange.end(1002, 'protocol_error');
        if (!message || this.#closed) return 0;
        told = true;
        news ||= NEWS.has(message.type);
        this.#receive(message);
      }
    }
    if (this.#closed) return 0;
    if (this.#leaving) exchange.end(1012, 'shutting_down');
    else if (whole !== exchange.whole) return 0;
    // What the broker answers always begins with a message.
    else if (!told) exchange.end();
    return whole && news ? 0 : (events.retry ?? RETRY_MS);
  }

  /** The events of one answer as they come, to its end or ours. */
  async *#pieces(events: EventStream, whole: boolean): AsyncGenerator<string[], void> {
    const exchange = this.#exchange;
    const { signal } = (this.#running = new AbortController());
    let heard = whole;
    try {
      this.#watch(whole ? SILENT_WHOLE_MS : FIRST_MS);
      const query = `?live=sse&form=messages${whole ? '&once=true' : ''}&${this.#start}`;
      const path = `/v1/stream/${this.#asked.topic}${query}${optionsOf(this.#asked)}`;
      const response = await exchange.fetch(path, { signal });
      if (!response.ok) {
        const answer = await exchange.read(response);
        if (answer) this.#refuse(answer.body);
        return;
      }
      if (!response.body) return yield events.push(await response.text());
      const reader = response.body.getReader();
      const decoder = new TextDecoder();
      for (let got = await reader.read(); !got.done; got = await reader.read()) {
        heard = true;
        this.#watch(SILENT_MS);
        yield events.push(decoder.decode(got.value, { stream: true }));
      }
    } catch (error) {
      if (this.#closed) return;
      if (error instanceof RangeError) exchange.end(1002, 'protocol_error');
      else if (signal.aborted && !heard) exchange.whole = true;
      else exchange.end();
    } finally {
      clearTimeout(this.#timer);
    }
  }

  /** Gives the answer up if nothing comes for so long. */
  #watch(ms: number): void {
    const running = this.#running;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => running.abort(), ms);
  }

  #receive(message: ServerMessage): void {
    switch (message.type) {
      case 'subscribed':
        if (this.#id) message.id = this.#id;
        this.#id = undefined;
        // Elsewhere it may be the position of a state which is still to come.
        this.#reach(message, this.#start === 'offset=now');
        break;
      case 'state':
        this.#start = 'state=true';
        this.#reach(message, message.last);
        break;
      case 'gap':
        if (this.#asked.on_gap === 'state') this.#start = 'state=true';
        this.#reach(afterGap(message), this.#asked.on_gap !== 'state');
        break;
      case 'event':
      case 'advanced':
      case 'caught_up':
      case 'epoch':
        this.#reach(message);
        break;
      case 'goodbye':
        this.#leaving = true;
        break;
      case 'unsubscribed':
        this.#finish();
    }
    this.#exchange.tell(message);
  }

  #reach({ epoch, offset }: Partial<Position>, known = true): void {
    const at = this.#position;
    this.#position = { epoch: epoch ?? at.epoch, offset: offset ?? at.offset };
    this.#known = known;
  }
}
