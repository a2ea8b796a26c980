// What is still to be published: kept in the store, in order, until the broker has answered.
// protocol/js/: the client hands it answers and gets messages to send; a lane numbers them.
import { TidemarkError } from './errors.js';
import { type Entry, fail, Lane, makeEntry, randomName } from './lane.js';
import { laneKey, LaneStore } from './lane_store.js';
import type { Locks } from './locks.js';
import type { ErrorMessage, PublishedMessage, PublishMessage } from './messages.js';
import type { Store } from './store.js';

/** One event to be published, as the application gave it; `data` as JSON has it or as base64. */
export interface OutgoingEvent {
  readonly topic: string;
  readonly data?: unknown;
  readonly data_base64?: string;
  readonly key?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly content_type?: string;
}

/** Where an event went. */
export interface Published {
  readonly topic: string;
  readonly epoch: number;
  /** Not known if the broker only knows that it had the event already. */
  readonly offset: number | undefined;
  /** It was sent more than once, and is there once. */
  readonly duplicate: boolean;
}

/** An event that will not be published, and why. */
export interface Rejected {
  readonly event: OutgoingEvent;
  readonly error: TidemarkError;
}

/** How much may wait to be published. */
export interface OutboxLimits {
  /** Most events that wait. Default: 1,000. */
  readonly events: number;
  /** Most bytes of them, as JSON, each character counted as one. Default: 1 MiB. */
  readonly bytes: number;
}

export interface OutboxHooks {
  /** The id of the next request on this link. */
  nextId(): number;
  /** How many wait has changed. */
  changed(): void;
  /** One will not be published. Also said of those whose page is long gone. */
  rejected(rejected: Rejected): void;
  /** Something is wrong that is not about one event: the store. */
  failed(error: TidemarkError): void;
}

/** An event on its way. */
export interface Ticket {
  /** Fulfilled when it is in the store, from where it is sent whatever happens to the page. */
  readonly stored: Promise<void>;
  /** Fulfilled when it is in the log. Rejections that nobody waits for are not reported by it. */
  readonly published: Promise<Published>;
}

/**
 * Takes events and hands them to lanes: its own, and those that pages which are gone have left.
 * The store's troubles are told by `hooks.failed`; nothing here throws.
 */
export class Outbox {
  readonly #lanes = new Map<string, Lane>();
  readonly #files: LaneStore;
  #own: Promise<Lane> | undefined;
  /** Everything added so far is stored, or was refused. */
  #taken = Promise.resolve();
  #opening: Promise<void> = Promise.resolve();
  #send: ((message: PublishMessage) => void) | undefined;
  readonly #waiting = new Set<Entry>();
  #chars = 0;
  #closed = false;

  readonly #locks: Locks;
  readonly #limits: OutboxLimits;
  readonly #hooks: OutboxHooks;
  readonly #random: () => number;

  constructor(
    store: Store,
    locks: Locks,
    limits: OutboxLimits,
    hooks: OutboxHooks,
    random: () => number = Math.random,
  ) {
    this.#locks = locks;
    this.#limits = limits;
    this.#hooks = hooks;
    this.#random = random;
    this.#files = new LaneStore(store, locks);
  }

  get size(): { events: number; bytes: number } {
    return { events: this.#waiting.size, bytes: this.#chars };
  }

  /** Finds what earlier pages have left. */
  open(): Promise<void> {
    return (this.#opening = this.#opening.then(() => this.#adopt()));
  }

  /** The order of the calls is the order in the log, within a topic. */
  add(event: OutgoingEvent): Ticket {
    let text = JSON.stringify({ topic: event.topic });
    let error: TidemarkError | undefined;
    try {
      text = JSON.stringify(event);
    } catch (cause) {
      error = new TidemarkError('invalid_payload', 'the data is no JSON', { cause });
    }
    const { events, bytes } = this.#limits;
    if (this.#closed) error = new TidemarkError('closed', 'the client is closed');
    else if (this.#waiting.size >= events || this.#chars + text.length > bytes) {
      error = new TidemarkError('outbox_full', 'the outbox is full');
    }
    const entry = makeEntry(text);
    if (error) {
      fail({ ...entry, event }, error, this.#hooks);
    } else {
      this.#count(entry);
      const taken = this.#take(entry);
      this.#taken = this.#taken.then(() => taken);
    }
    return { stored: entry.stored.promise, published: entry.published.promise };
  }

  attach(send: (message: PublishMessage) => void): void {
    this.detach();
    this.#send = send;
    for (const lane of this.#lanes.values()) lane.attach(send);
    void this.open();
  }

  detach(): void {
    this.#send = undefined;
    for (const lane of this.#lanes.values()) lane.detach();
  }

  published(message: PublishedMessage): void {
    [...this.#lanes.values()].some((lane) => lane.published(message));
  }

  /** False: the error is about none of these. */
  refused(message: ErrorMessage): boolean {
    return [...this.#lanes.values()].some((lane) => lane.refused(message));
  }

  /** What is stored stays there; who waits for the rest is told. */
  async close(): Promise<void> {
    this.#closed = true;
    this.detach();
    await this.#opening;
    await this.#taken;
    for (const lane of this.#lanes.values()) {
      await lane.settled();
      lane.release();
    }
    const error = new TidemarkError('closed', 'the client is closed');
    for (const entry of this.#waiting) {
      if (entry.isStored) entry.published.reject(error);
      else fail(entry, error, this.#hooks);
    }
  }

  async #take(entry: Entry): Promise<void> {
    await this.#opening;
    try {
      const lane = await (this.#own ??= this.#makeOwn());
      // Another page may have written an older list: localStorage shows changes late.
      await this.#files.enlist(lane.id);
      await lane.add(entry);
    } catch (error) {
      this.#own = undefined;
      this.#uncount(entry);
      fail(entry, error, this.#hooks);
    }
  }

  async #makeOwn(): Promise<Lane> {
    const [left] = this.#lanes.values();
    if (left && !left.borrowed) return left;
    const id = randomName(this.#random);
    const release = await this.#locks.tryHold(laneKey(id));
    await this.#files.enlist(id);
    return this.#enter(this.#laneOf(id, release!, false));
  }

  #enter(lane: Lane): Lane {
    this.#lanes.set(lane.id, lane);
    if (this.#send) lane.attach(this.#send);
    return lane;
  }

  #laneOf(id: string, release: () => void, borrowed: boolean): Lane {
    const lane: Lane = new Lane(
      id,
      this.#files,
      this.#hooks,
      this.#random,
      (entry) => {
        this.#uncount(entry);
        if (lane.empty) void this.#retire(lane);
      },
      release,
      borrowed,
    );
    return lane;
  }

  /** Takes over the lanes that nobody holds. */
  async #adopt(): Promise<void> {
    try {
      for (const id of await this.#files.list()) {
        if (this.#closed || this.#lanes.has(id)) continue;
        const release = await this.#locks.tryHold(laneKey(id));
        if (release) await this.#inherit(id, release);
      }
    } catch (error) {
      const { failed } = this.#hooks;
      failed(error as TidemarkError);
      if ((error as TidemarkError).code !== 'store_corrupt') return;
      // The list is made anew, of what is known.
      for (const id of ['', ...this.#lanes.keys()])
        await this.#files.enlist(id, id !== '').catch(failed);
    }
  }

  async #inherit(id: string, release: () => void): Promise<void> {
    // Whose it is is known where other pages are seen, or there are none.
    const borrowed = !this.#locks.shared && typeof document !== 'undefined';
    const lane = this.#laneOf(id, release, borrowed);
    try {
      for (const entry of await lane.load()) this.#count(entry);
      this.#enter(lane);
      if (lane.empty && this.#lanes.size > 1) await this.#retire(lane);
    } catch (error) {
      this.#hooks.failed(error as TidemarkError);
      // What is broken stays where it is, and is not met again and again.
      if ((error as TidemarkError).code === 'store_corrupt') await this.#files.enlist(id, false);
      release();
    }
  }

  /** A lane that somebody left, and that is empty now. The first one is kept, to go on with. */
  async #retire(lane: Lane): Promise<void> {
    const [kept] = this.#lanes.values();
    if (lane === kept || lane === (await this.#own?.catch(() => undefined))) return;
    if (!this.#lanes.delete(lane.id)) return;
    try {
      await lane.remove();
    } catch (error) {
      this.#hooks.failed(error as TidemarkError);
    }
    lane.release();
  }

  #count(entry: Entry): void {
    this.#waiting.add(entry);
    this.#chars += entry.text.length;
    this.#hooks.changed();
  }
  #uncount(entry: Entry): void {
    if (!this.#waiting.delete(entry)) return;
    this.#chars -= entry.text.length;
    this.#hooks.changed();
  }
}
