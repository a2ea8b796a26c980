// One topic followed: what has been received, what waits for the application, what it has applied.
// protocol/js/: the client hands it messages of the topic; the application takes items.
import { Backoff } from './backoff.js';
import { mayPass, TidemarkError } from './errors.js';
import type { EventItem, GapItem, Item, Loss, StateItem } from './items.js';
import type {
  ClientMessage,
  ErrorMessage,
  Filter,
  Gap,
  OnGap,
  Position,
  ServerMessage,
  StateIfBehind,
  SubscribeMessage,
  SubscribedMessage,
  UnsubscribedMessage,
} from './messages.js';
import { type Beginning, type Outcome, Place } from './place.js';
import type { Positions } from './positions.js';

/** Where a subscription begins, and what is wanted of the topic. */
export interface SubscribeOptions {
  /** Where to begin if there is no position yet. Default: `now`. */
  readonly from?: 'earliest' | 'now';
  /** Begins after this position, which the application keeps; so the client keeps none. */
  readonly after?: Position;
  /** Begins with the last so many events. */
  readonly last?: number;
  /** Begins with the first event appended at or after this time, in milliseconds since 1970. */
  readonly time?: number | Date;
  /** Begins with the topic's state, then everything after it. */
  readonly state?: boolean;
  /** Rather the state than a backlog of more than this. */
  readonly stateIfBehind?: StateIfBehind;
  /**
   * What follows if events after the position are gone, after an item that says so: the earliest
   * there is, the topic's state, or the end. Default: `state` with `state`, else `earliest`.
   */
  readonly onGap?: OnGap;
  /** Which events are wanted. */
  readonly filter?: Filter;
  /** A cursor the broker keeps: begins after it, and moves it as items are applied. */
  readonly cursor?: string;
  /**
   * The name under which the position is kept in the client's store; `false`: it is not, as when
   * the application keeps it together with what it has applied. Default: the topic's name, or
   * `false` with `after` or `cursor`.
   */
  readonly position?: string | false;
  /** A topic that does not exist (any more) is waited for. Default: the subscription ends. */
  readonly waitForTopic?: boolean;
  /**
   * Most items that wait for the application. Beyond it the client stops following and goes on
   * from there once half have been taken. Default: 1,000.
   */
  readonly maxQueued?: number;
}

/** How it stands with a subscription. */
export interface SubscriptionStatus {
  /**
   * `waiting`: nothing comes at present, there is no connection. `catching_up`: events that were
   * there before come. `gap`: some are lost, and nothing has come since. `live`: everything has
   * been taken, the next comes as it is published. `ended`: nothing comes any more.
   */
  readonly state: 'waiting' | 'catching_up' | 'gap' | 'live' | 'ended';
  /** How many events, as far as is known, the application has not applied. */
  readonly behind: number;
  /** With `gap`: what is lost. */
  readonly gap: Loss | undefined;
  /** Why it ended, unless it was closed. */
  readonly error: TidemarkError | undefined;
}

/**
 * Called one after another. An item counts as applied, and its position is kept, when what the
 * handler returns is fulfilled; if it throws, the subscription ends and the item comes again next
 * time.
 */
export interface Handlers<T = unknown, State = unknown> {
  event?(event: EventItem<T>): void | PromiseLike<void>;
  state?(state: StateItem<State, T>): void | PromiseLike<void>;
  gap?(gap: GapItem): void | PromiseLike<void>;
  status?(status: SubscriptionStatus): void;
  /** Once; without an error if it was closed. */
  ended?(error: TidemarkError | undefined): void;
}

/** What a subscription needs of its client. */
export interface Host {
  readonly positions: Positions;
  readonly random: () => number;
  nextId(): number;
  /** False: there is no connection; it is asked again when there is. */
  send(message: ClientMessage): boolean;
  report(error: TidemarkError): void;
  changed(subscription: Subscription): void;
  over(subscription: Subscription): void;
  /** The connection brings nonsense: another one may not. */
  distrust(error: TidemarkError): void;
}

/** An item, or nothing but a step, and where the reader is once it has been applied. */
interface Queued {
  item: Item | undefined;
  position: Position | undefined;
  caughtUp: boolean;
}

/** How often `behind` is told while it shrinks, in milliseconds. */
const TELL_EVERY = 200;

/** A topic that is followed until it is closed or ends. */
export class Subscription<T = unknown, State = unknown> implements AsyncIterable<Item<T, State>> {
  /** Of the last item applied: where this goes on from, whatever happens. */
  position: Position | undefined;

  readonly #place: Place;
  readonly #keptAs: string | false;
  readonly #onGap: OnGap;
  readonly #backoff: Backoff;
  #queue: Queued[] = [];
  #state: SubscriptionStatus['state'] = 'waiting';
  #gap: Loss | undefined;
  #error: TidemarkError | undefined;
  #toldAt = 0;
  /** The id of the request to follow; 0: there is none. */
  #asked = 0;
  #beginning: Beginning = 'events';
  /** The broker has answered: what comes is of this subscription. */
  #following = false;
  /** The store has been asked for the position. */
  #ready = false;
  #lost = false;
  /** Too much waits; nothing is asked for until it is less. */
  #held = false;
  #pumping = false;
  #taken: Queued | undefined;
  #waiting: (() => void) | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #acked: Position | undefined;
  #ackId = 0;

  readonly #options: SubscribeOptions;
  readonly #handlers: Handlers<T, State> | undefined;
  readonly #host: Host;

  /** @internal */
  constructor(
    readonly topic: string,
    options: SubscribeOptions,
    handlers: Handlers<T, State> | undefined,
    host: Host,
  ) {
    this.#options = options;
    this.#handlers = handlers;
    this.#host = host;
    this.#onGap = options.onGap ?? (options.state ? 'state' : 'earliest');
    this.#keptAs = options.position ?? (options.after || options.cursor ? false : topic);
    this.#place = new Place(topic, this.#onGap, options.filter !== undefined);
    this.#place.position = this.position = options.after;
    this.#backoff = new Backoff(1_000, 30_000, host.random);
    void this.#load();
  }

  get status(): SubscriptionStatus {
    const { head, position } = this.#place;
    const behind = Math.max(0, head - ((this.position ?? position)?.offset ?? head));
    return { state: this.#state, behind, gap: this.#gap, error: this.#error };
  }

  /** Ends it. What has not been taken comes again next time. */
  close(): void {
    this.end(undefined);
  }

  /**
   * For one reader, without handlers. Asking for the next item says that the one before has been
   * applied; leaving the loop ends the subscription, and its last item does not count as applied.
   */
  async *[Symbol.asyncIterator](): AsyncGenerator<Item<T, State>, void, undefined> {
    if (this.#handlers) {
      throw new TidemarkError('unsupported', 'there are handlers already');
    }
    try {
      for (;;) {
        this.#applied();
        const next = this.#next();
        if (next) {
          yield next.item as Item<T, State>;
        } else if (this.#state === 'ended') {
          if (this.#error) throw this.#error;
          return;
        } else {
          await new Promise<void>((resolve) => (this.#waiting = resolve));
        }
      }
    } finally {
      this.close();
    }
  }

  // ---- for the client ----

  /** There is a connection: asks to follow, unless that is not to be. @internal */
  ask(): void {
    if (!this.#ready || this.#held || this.#asked || this.#timer || this.#state === 'ended') return;
    const options = this.#options;
    const place = this.#place;
    const id = this.#host.nextId();
    const message: SubscribeMessage = {
      type: 'subscribe',
      id,
      topic: this.topic,
      on_gap: this.#onGap,
    };
    if (options.filter) message.filter = options.filter;
    if (options.stateIfBehind) message.state_if_behind = options.stateIfBehind;
    if (place.awaitsState) {
      message.state = true;
    } else if (place.position) {
      message.after = place.position;
    } else {
      this.#begin(message);
    }
    const may = this.#onGap === 'state' || options.stateIfBehind !== undefined;
    const now = message.from === 'now' && !message.cursor;
    this.#beginning =
      message.state && !message.cursor
        ? 'state'
        : (may && !now) || message.state
          ? 'either'
          : 'events';
    if (this.#host.send(message)) this.#asked = id;
    this.#acknowledge();
  }

  /** @internal */
  disconnected(): void {
    this.#asked = this.#ackId = 0;
    this.#acked = undefined;
    this.#following = false;
    if (this.#state !== 'ended') this.#enter('waiting');
  }

  /** A message of the topic. @internal */
  received(message: ServerMessage): void {
    if (this.#state === 'ended') return;
    switch (message.type) {
      case 'subscribed':
        return this.#subscribed(message);
      case 'unsubscribed':
        return this.#unsubscribed(message);
      case 'acknowledged':
        if (message.id !== this.#ackId) return;
        this.#ackId = 0;
        return this.#acknowledge();
      case 'error':
        return this.#refused(message);
    }
    if (!this.#following) return; // of an earlier subscription
    let outcome: Outcome;
    try {
      outcome = this.#place.take(message);
    } catch (error) {
      return this.#host.distrust(error as TidemarkError);
    }
    this.#push(outcome);
  }

  /** @internal */
  end(error: TidemarkError | undefined): void {
    if (this.#state === 'ended') return;
    this.#leave();
    clearTimeout(this.#timer);
    this.#error = error;
    // An error comes after what was received before it; a close ends it here and now.
    if (!error) this.#queue = [];
    this.#host.over(this);
    this.#enter('ended');
    this.#wake();
    if (!this.#pumping) this.#handlers?.ended?.(error);
  }

  // ---- the beginning ----

  async #load(): Promise<void> {
    try {
      if (this.#keptAs) {
        const kept = await this.#host.positions.load(this.#keptAs);
        if (kept) this.#place.position = this.position = kept;
      }
    } catch (error) {
      this.#host.report(error as TidemarkError);
      if (this.#onGap === 'fail') return this.end(error as TidemarkError);
      this.#lost = true;
    }
    this.#ready = true;
    this.ask();
  }

  #begin(message: SubscribeMessage): void {
    const options = this.#options;
    if (options.cursor && !this.#lost) message.cursor = options.cursor;
    if (options.state || (this.#lost && this.#onGap === 'state')) message.state = true;
    else if (this.#lost) message.from = 'earliest';
    else if (options.last !== undefined) message.last = options.last;
    else if (options.time !== undefined) message.time = Number(options.time);
    else message.from = options.from ?? 'now';
  }

  #subscribed(message: SubscribedMessage): void {
    // Without an id: a link has made a connection of its own anew.
    if (message.id !== undefined && message.id !== this.#asked) return;
    this.#following = true;
    const position = this.#place.subscribed(
      message,
      message.id === undefined ? 'either' : this.#beginning,
    );
    if (this.#lost) {
      this.#lost = false;
      this.#push(this.#place.lost(message.head, message.earliest));
    } else {
      this.#enter('catching_up');
      if (position) this.#push({ position });
    }
  }

  #refused(message: ErrorMessage): void {
    if (message.id !== undefined && message.id === this.#ackId) {
      this.#ackId = 0;
      return this.#host.report(errorOf(message, this.topic));
    }
    if (message.id !== undefined ? message.id !== this.#asked : !this.#following) return;
    const error = errorOf(message, this.topic);
    if (error.gap && this.#onGap === 'fail') {
      this.#push(this.#place.take({ type: 'gap', topic: this.topic, ...error.gap }));
    }
    this.#stop(message.code, error);
  }

  #unsubscribed(message: UnsubscribedMessage): void {
    if (!this.#following || message.id !== undefined) return;
    const code = message.reason ?? 'cancelled';
    const { topic } = this;
    const text = `ended: ${code}`;
    this.#stop(code, new TidemarkError(code, text, { topic, gap: this.#gap as Gap }));
  }

  /** The broker does not follow: for a while, or for good. */
  #stop(code: string, error: TidemarkError): void {
    this.#asked = 0;
    this.#following = false;
    const absent = code === 'unknown_topic' || code === 'topic_deleted';
    if (!mayPass(code) && !(absent && this.#options.waitForTopic)) {
      return this.end(error);
    }
    this.#enter('waiting');
    this.#timer = setTimeout(
      () => {
        this.#timer = undefined;
        this.ask();
      },
      Math.max(error.retryAfterMs ?? 0, this.#backoff.next()),
    );
  }

  // ---- items ----

  #push({ item, position, caughtUp = false }: Outcome): void {
    if (!item && !position && !caughtUp) return;
    if (item) this.#backoff.reset();
    if (item?.type === 'gap') this.#gap = item.gap;
    const last = this.#queue.at(-1);
    // A mere step goes with what is before it.
    if (last && !item) {
      last.position = position ?? last.position;
      last.caughtUp ||= caughtUp;
    } else {
      this.#queue.push({ item, position, caughtUp });
    }
    if (this.#queue.length > (this.#options.maxQueued ?? 1_000)) this.#hold();
    if (this.#handlers) void this.#pump();
    else this.#wake();
  }

  /**
   * Stops following until the application has taken half of what waits; then goes on from there.
   */
  #hold(): void {
    if (this.#held) return;
    this.#held = true;
    this.#leave();
  }

  #leave(): void {
    const { topic } = this;
    if (this.#asked) this.#host.send({ type: 'unsubscribe', id: this.#host.nextId(), topic });
    this.#asked = 0;
    this.#following = false;
  }

  /** The next item for the application; steps before it are taken on the way. */
  #next(): Queued | undefined {
    for (;;) {
      const next = this.#queue.shift();
      if (this.#held && this.#queue.length <= (this.#options.maxQueued ?? 1_000) / 2) {
        this.#held = false;
        this.ask();
      }
      if (!next) return undefined;
      this.#taken = next;
      if (next.item) return next;
      this.#applied();
    }
  }

  /** What was taken has been applied. */
  #applied(): void {
    const taken = this.#taken;
    if (!taken) return;
    this.#taken = undefined;
    if (taken.position) {
      this.position = taken.position;
      if (this.#keptAs) this.#host.positions.save(this.#keptAs, taken.position);
      this.#acknowledge();
    }
    if (this.#state === 'ended') return;
    if (taken.item?.type === 'gap') this.#enter('gap');
    else if (taken.item && this.#state === 'gap') this.#enter('catching_up');
    if (taken.caughtUp) this.#enter('live');
    const told = performance.now() - this.#toldAt < TELL_EVERY;
    if (this.#state === 'catching_up' && !told) this.#tell();
  }

  async #pump(): Promise<void> {
    if (this.#pumping) return;
    this.#pumping = true;
    for (let next = this.#next(); next; next = this.#next()) {
      try {
        const answer = this.#handle(next.item as Item<T, State>);
        if (answer) await answer;
      } catch (cause) {
        this.#queue = [];
        this.#taken = undefined;
        const { topic } = this;
        const error = new TidemarkError('handler_failed', 'a handler failed', { topic, cause });
        this.#host.report(error);
        this.end(error);
        break;
      }
      this.#applied();
    }
    this.#pumping = false;
    if (this.#state === 'ended') this.#handlers?.ended?.(this.#error);
  }

  #handle(item: Item<T, State>): void | PromiseLike<void> {
    return this.#handlers?.[item.type]?.(item as never);
  }

  /**
   * Moves the cursor to what has been applied: one request at a time, the last of several is
   * enough.
   */
  #acknowledge(): void {
    const { cursor } = this.#options;
    const { position } = this;
    if (!cursor || !position || position === this.#acked || this.#ackId) return;
    const id = this.#host.nextId();
    if (!this.#host.send({ type: 'ack', id, topic: this.topic, cursor, ...position })) return;
    this.#ackId = id;
    this.#acked = position;
  }

  // ---- telling ----

  #enter(state: SubscriptionStatus['state']): void {
    if (state !== 'gap' && state !== 'ended') this.#gap = undefined;
    if (this.#state === state && state !== 'gap') return;
    this.#state = state;
    this.#tell();
  }

  #tell(): void {
    this.#toldAt = performance.now();
    this.#handlers?.status?.(this.status);
    this.#host.changed(this as Subscription);
  }

  #wake(): void {
    this.#waiting?.();
    this.#waiting = undefined;
  }
}

/** An error message as what is thrown and told. @internal */
export function errorOf(message: ErrorMessage, topic?: string): TidemarkError {
  return new TidemarkError(message.code, message.message, {
    topic: message.topic ?? topic,
    gap: message.gap,
    retryAfterMs: message.retry_after_ms,
  });
}
