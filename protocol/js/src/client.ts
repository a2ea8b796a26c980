// The client: one connection for many topics, made anew for as long as it is wanted.
// protocol/js/: routes messages between the link, the subscriptions and the outbox.
import { Backoff } from './backoff.js';
import { Credential, type TokenSource } from './credential.js';
import { Emitter } from './emitter.js';
import { type Change, type Environment, platformEnvironment } from './environment.js';
import { TidemarkError } from './errors.js';
import { Heartbeat } from './heartbeat.js';
import { openHttp } from './http_link.js';
import type { Link, LinkContext, LinkEnd, WebSocketMaker } from './link.js';
import { platformLocks } from './locks.js';
import type { ClientMessage, ErrorMessage, ServerMessage } from './messages.js';
import { Outbox, type OutboxLimits, type Rejected } from './outbox.js';
import { encodePayload } from './payload.js';
import { Positions } from './positions.js';
import { Publishing } from './publishing.js';
import { MemoryStore, type Store } from './store.js';
import {
  errorOf,
  type Handlers,
  type Host,
  type SubscribeOptions,
  Subscription,
} from './subscription.js';
import { openWebSocket } from './websocket_link.js';
import { Way } from './way.js';

/** What a client is made of; in a page nothing is needed. */
export interface ClientOptions {
  /**
   * The broker's address, `http(s)://` or `ws(s)://`; anything else throws `unsupported`. Default,
   * in a page: where the page is from.
   */
  readonly url?: string | URL;
  /** A token or API key (PROTOCOL.md 11), or what gets one each time it is needed. */
  readonly token?: TokenSource;
  /**
   * Keeps positions and the outbox: `localStorage`, `sessionStorage` (each tab its own), an
   * IndexedDbStore, React Native's AsyncStorage, or your own. Default: memory, until the page is
   * gone.
   */
  readonly store?: Store;
  /** `auto`: a WebSocket, or HTTP where there is none or the network lets none through. */
  readonly transport?: 'auto' | 'websocket' | 'http';
  /**
   * Holds the connection only while the page is looked at; a number: gives it up so many ms later.
   */
  readonly pauseWhenHidden?: boolean | number;
  readonly outbox?: Partial<OutboxLimits>;
  /** For platforms that have none of their own. */
  readonly WebSocket?: WebSocketMaker;
  readonly fetch?: typeof fetch;
  readonly environment?: Environment;
}

/** What an event has beside its data. */
export interface PublishOptions {
  readonly key?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Creates the topic with it if there is none. */
  readonly contentType?: string;
}

/** How it stands with the connection. */
export interface ClientStatus {
  /**
   * `connecting`: an attempt is under way. `live`: connected. `offline`: no connection, the next
   * attempt is at `retryAt`. `unauthorized`: the same, since the token is refused or there is none
   * to be had; without `retryAt` it waits for resume(). `paused`: none is wanted. `closed`: for
   * good.
   */
  readonly state: 'connecting' | 'live' | 'offline' | 'unauthorized' | 'paused' | 'closed';
  readonly transport: 'websocket' | 'http' | undefined;
  /** Milliseconds since 1970, as `Date.now()` has them. */
  readonly retryAt: number | undefined;
  /** What ended the connection before. */
  readonly error: TidemarkError | undefined;
}

/** What `on()` can listen for, by name. */
export interface ClientEvents {
  status: ClientStatus;
  /** Its status has changed. */
  subscription: Subscription;
  /** What waits to be published. */
  outbox: { events: number; bytes: number };
  /** An event that will not be published; perhaps one of a page that is gone. */
  rejected: Rejected;
  /** Something to know of that ends nothing by itself. */
  error: TidemarkError;
}

const HIDDEN_FOR = 30_000;
/** A connection that has lasted this long is no reason to wait longer for the next. */
const STABLE_AFTER = 10_000;
const UNAUTHORIZED = 3000;

/** Follows topics and publishes to them, over one connection that it makes anew when it is lost. */
export class TidemarkClient extends Emitter<ClientEvents> {
  readonly #context: LinkContext;
  readonly #environment: Environment;
  readonly #positions: Positions;
  readonly #outbox: Outbox;
  readonly #credential: Credential;
  readonly #way: Way;
  readonly #heartbeat: Heartbeat;
  readonly #host: Host;
  readonly #subscriptions = new Map<string, Subscription>();
  readonly #backoff = new Backoff(500, 30_000);
  readonly #unwatch: () => void;
  #told: ClientStatus = {
    state: 'connecting',
    transport: undefined,
    retryAt: undefined,
    error: undefined,
  };
  #link: Link | undefined;
  /** Messages may be sent. */
  #open = false;
  #openedAt = 0;
  #attempt = 0;
  #lastId = 0;
  #comeBackAfter: number | undefined;
  #paused = false;
  #hidden = false;
  #closed = false;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #hiding: ReturnType<typeof setTimeout> | undefined;

  readonly #options: ClientOptions;

  constructor(options: ClientOptions = {}) {
    super();
    this.#options = options;
    this.#context = contextOf(options);
    this.#environment = options.environment ?? platformEnvironment();
    const store = options.store ?? new MemoryStore();
    const report = (error: TidemarkError) => this.emit('error', error);
    this.#positions = new Positions(store, report);
    this.#outbox = new Outbox(
      store,
      platformLocks(),
      { events: 1_000, bytes: 1 << 20, ...options.outbox },
      {
        nextId: () => ++this.#lastId,
        changed: () => this.emit('outbox', this.#outbox.size),
        rejected: (rejected) => this.emit('rejected', rejected),
        failed: report,
      },
    );
    this.#credential = new Credential(options.token);
    this.#way = new Way(options.transport ?? 'auto', this.#context.WebSocket !== undefined);
    this.#heartbeat = new Heartbeat(
      () => this.#send({ type: 'ping', id: ++this.#lastId }),
      () => this.#drop(new TidemarkError('timed_out', 'no answer')),
    );
    this.#host = {
      positions: this.#positions,
      random: Math.random,
      nextId: () => ++this.#lastId,
      send: (message) => this.#send(message),
      report,
      changed: (subscription) => this.emit('subscription', subscription),
      over: ({ topic }) => this.#subscriptions.delete(topic),
      distrust: (error) => {
        report(error);
        this.#drop(error);
      },
    };
    this.#unwatch = this.#environment.watch((change) => this.#changed(change));
    if (options.pauseWhenHidden && this.#environment.hidden()) this.#changed('hidden');
    void this.#outbox.open();
    void this.#connect();
  }

  get status(): ClientStatus {
    return this.#told;
  }

  /**
   * Follows a topic from where the application has got to: see Subscription. One at a time for each
   * topic; a second throws `already_subscribed`.
   */
  subscribe<T = unknown, State = unknown>(
    topic: string,
    options: SubscribeOptions = {},
    handlers?: Handlers<T, State>,
  ): Subscription<T, State> {
    if (this.#closed) throw new TidemarkError('closed', 'the client is closed');
    if (this.#subscriptions.has(topic)) {
      throw new TidemarkError('already_subscribed', `${topic} is followed already`, { topic });
    }
    const subscription = new Subscription<T, State>(topic, options, handlers, this.#host);
    this.#subscriptions.set(topic, subscription as Subscription);
    return subscription;
  }

  /**
   * Publishes an event, now or once there is a connection: after those published before it, and
   * once, however often it has to be sent. Bytes travel as such, everything else as JSON or text,
   * as the topic's content type has it.
   */
  publish(topic: string, data: unknown, options: PublishOptions = {}): Publishing {
    const { key, headers, contentType } = options;
    return new Publishing(
      this.#outbox.add({
        topic,
        ...encodePayload(data),
        ...(key === undefined ? {} : { key }),
        ...(headers ? { headers } : {}),
        ...(contentType ? { content_type: contentType } : {}),
      }),
    );
  }

  /** Gives up the connection until resume(): subscriptions and the outbox wait. */
  pause(): void {
    this.#paused = true;
    this.#rest();
  }

  /** Connects, at once, if there is no connection. */
  resume(): void {
    this.#paused = false;
    this.#hurry();
  }

  /** Ends everything. What is in the store stays there. Fulfilled when the store has all of it. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#unwatch();
    for (const subscription of [...this.#subscriptions.values()]) subscription.close();
    this.#rest();
    await Promise.all([this.#outbox.close(), this.#positions.settled()]);
  }

  // ---- the connection ----

  #wanted(): boolean {
    return !this.#closed && !this.#paused && !this.#hidden;
  }

  async #connect(): Promise<void> {
    clearTimeout(this.#timer);
    if (this.#link || !this.#wanted()) return;
    const attempt = ++this.#attempt;
    this.#tell('connecting');
    let token: string | undefined;
    try {
      token = await this.#credential.get();
    } catch (error) {
      if (attempt === this.#attempt) this.#unauthorized(error as TidemarkError, true);
      return;
    }
    if (attempt !== this.#attempt || !this.#wanted()) return;
    const open = this.#way.next() === 'websocket' ? openWebSocket : openHttp;
    this.#link = open(this.#context, {
      opened: () => this.#opened(token),
      received: (message) => this.#received(message),
      ended: (end) => this.#ended(end),
    });
  }

  #opened(token: string | undefined): void {
    this.#open = true;
    this.#openedAt = performance.now();
    this.#heartbeat.start();
    // What follows waits for its outcome over there, not here.
    if (token !== undefined) this.#authenticate(token);
    else this.#tell('live');
    for (const subscription of [...this.#subscriptions.values()]) subscription.ask();
    this.#outbox.attach((message) => this.#send(message));
    const retry = this.#way.retryAfter(this.#link!.kind);
    if (retry) this.#timer = setTimeout(() => this.#drop(undefined), retry);
  }

  #send(message: ClientMessage): boolean {
    if (!this.#open) return false;
    this.#link!.send(message);
    return true;
  }

  /** Ends the link by ourselves, and makes another. */
  #drop(error: TidemarkError | undefined): void {
    if (!this.#link) return;
    this.#link.close();
    this.#lost(error, error ? undefined : 0);
  }

  #ended(end: LinkEnd): void {
    const goodbye = this.#comeBackAfter;
    const code = end.reason || 'connection_lost';
    const message = `ended: ${code}`;
    this.#outbox.refused({ type: 'error', code, message });
    const error = new TidemarkError(code, message);
    if (end.code === UNAUTHORIZED) return this.#unauthorized(error, this.#credential.refused());
    this.#lost(error, goodbye);
  }

  /** The link is gone; the next attempt is after a while. */
  #lost(error: TidemarkError | undefined, after?: number): void {
    this.#way.ended(this.#link?.kind);
    this.#unlink();
    this.#wait('offline', error, after ?? this.#backoff.next());
  }

  #unauthorized(error: TidemarkError, again: boolean): void {
    this.#unlink();
    this.emit('error', error);
    if (again) this.#wait('unauthorized', error, this.#credential.fresh ? 0 : this.#backoff.next());
    else this.#tell('unauthorized', error);
  }

  #wait(state: 'offline' | 'unauthorized', error: TidemarkError | undefined, after: number): void {
    if (!this.#wanted()) return this.#tell(this.#closed ? 'closed' : 'paused');
    this.#tell(state, error, Date.now() + after);
    this.#timer = setTimeout(() => void this.#connect(), after);
  }

  #unlink(): void {
    clearTimeout(this.#timer);
    this.#heartbeat.stop();
    this.#link = this.#comeBackAfter = undefined;
    if (!this.#open) return;
    if (performance.now() - this.#openedAt >= STABLE_AFTER) this.#backoff.reset();
    this.#open = false;
    this.#outbox.detach();
    for (const subscription of [...this.#subscriptions.values()]) subscription.disconnected();
  }

  /** No connection is wanted for now. */
  #rest(): void {
    ++this.#attempt;
    this.#link?.close();
    this.#unlink();
    this.#tell(this.#closed ? 'closed' : 'paused');
  }

  /**
   * Whatever it waits for, it connects now; a connection there is has to prove that it is alive.
   */
  #hurry(): void {
    if (this.#link) return this.#heartbeat.probe();
    this.#backoff.reset();
    void this.#connect();
  }

  #changed(change: Change): void {
    // Nothing else keeps a hidden page from its pause.
    if (change === 'hidden' || change === 'visible') clearTimeout(this.#hiding);
    const { pauseWhenHidden } = this.#options;
    if (change === 'hidden') {
      if (!pauseWhenHidden) return;
      this.#hiding = setTimeout(
        () => {
          this.#hidden = true;
          this.#rest();
        },
        pauseWhenHidden === true ? HIDDEN_FOR : pauseWhenHidden,
      );
    } else if (change === 'offline') {
      this.#heartbeat.probe();
    } else if (change === 'online' || change === 'resumed' || !this.#environment.hidden()) {
      if (!this.#environment.hidden()) this.#hidden = false;
      if (this.#wanted()) this.#hurry();
    }
  }

  // ---- messages ----

  #received(message: ServerMessage): void {
    this.#heartbeat.heard();
    this.#way.proven(this.#link!.kind);
    switch (message.type) {
      case 'published':
        return this.#outbox.published(message);
      case 'goodbye':
        this.#comeBackAfter = message.reconnect_after_ms;
        return;
      case 'authenticated':
        this.#credential.accepted();
        return this.#tell('live');
      case 'token_expires':
        return void this.#refresh();
      case 'error':
        return this.#refused(message);
      case 'pong':
        return;
      default:
        this.#subscriptions.get(message.topic)?.received(message);
    }
  }

  #refused(message: ErrorMessage): void {
    if (this.#outbox.refused(message)) return;
    const topic = message.topic && this.#subscriptions.get(message.topic);
    if (topic) return topic.received(message);
    this.emit('error', errorOf(message));
  }

  #authenticate(token: string): void {
    this.#send({ type: 'auth', id: ++this.#lastId, token });
  }

  /**
   * The token is about to expire; what happens if there is no other is that the connection ends.
   */
  async #refresh(): Promise<void> {
    const link = this.#link;
    try {
      const token = await this.#credential.get();
      if (link === this.#link && token !== undefined) this.#authenticate(token);
    } catch (error) {
      this.emit('error', error as TidemarkError);
    }
  }

  #tell(state: ClientStatus['state'], error?: TidemarkError, retryAt?: number): void {
    this.#told = { state, transport: this.#open ? this.#link?.kind : undefined, retryAt, error };
    this.emit('status', this.#told);
  }
}

function contextOf(options: ClientOptions): LinkContext {
  const { url = globalThis.location?.origin, fetch = globalThis.fetch } = options;
  const WebSocket = options.WebSocket ?? (globalThis.WebSocket as WebSocketMaker | undefined);
  const base = String(url)
    .replace(/^ws/, 'http')
    .replace(/\/*([?#].*)?$/, '');
  if (!/^https?:/.test(base)) throw new TidemarkError('unsupported', `no address: ${url}`);
  // fetch() is to be called as a function, not as a method.
  return { base, fetch: (...args) => fetch(...args), WebSocket };
}
