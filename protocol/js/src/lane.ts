// One producer's events on their way: numbered, kept, sent, sent again, and what an answer means.
// protocol/js/: PROTOCOL.md 3.6 to 3.8 is why numbers matter; lane_store is where they are kept.
import { Backoff } from './backoff.js';
import { mayPass, TidemarkError } from './errors.js';
import type { LaneHead, LaneStore } from './lane_store.js';
import type { ErrorMessage, PublishedMessage, PublishMessage } from './messages.js';
import type { OutboxHooks, OutgoingEvent, Published } from './outbox.js';

const IN_FLIGHT = 64;
const CHARS_IN_FLIGHT = 1 << 18;
// Numberings of topics that have nothing to be published. Who comes back later is another producer.
const IDLE_TOPICS = 256;

/** An event, from publish() to the answer. */
export interface Entry {
  readonly event: OutgoingEvent;
  /** As it is stored. */
  readonly text: string;
  readonly stored: Deferred<void>;
  readonly published: Deferred<Published>;
  n: number;
  isStored: boolean;
  /** Of the request it is on its way by; 0: it is on none. */
  id: number;
  /** It may be in the log already: it was sent, and whoever would have heard the answer is gone. */
  doubtful: boolean;
  done: boolean;
}

export class Deferred<T> {
  resolve!: (value: T) => void;
  reject!: (error: TidemarkError) => void;
  readonly promise = new Promise<T>((resolve, reject) => {
    this.resolve = resolve;
    this.reject = reject;
  });

  constructor() {
    // Who doesn't wait for it hears of it otherwise.
    this.promise.catch(() => {});
  }
}

/**
 * A topic's events. The i-th of `entries` has the sequence base + i, up to the hole: one that was
 * refused has left there, and a copy of what came behind it may still be on its way under the old
 * numbers. So once all before the hole are answered, the rest is numbered from 0 in the next epoch,
 * which fences such copies.
 */
interface Topic {
  producer: string;
  epoch: number;
  base: number;
  /** Infinity: there is none. */
  hole: number;
  entries: Entry[];
  /** Its numbering is being stored. */
  saving: boolean;
  /** The broker asked for patience. */
  timer: ReturnType<typeof setTimeout> | undefined;
  readonly backoff: Backoff;
}

/**
 * Written by one page at a time, the holder of its lock. Nothing is sent before what it depends on
 * has been stored; if the store fails later on, it goes on in memory and says so.
 */
export class Lane {
  readonly #topics = new Map<string, Topic>();
  readonly #requests = new Map<number, Entry>();
  #next = 0;
  #charsInFlight = 0;
  #writing: Promise<void> = Promise.resolve();
  #queued: Promise<void> | undefined;
  #send: ((message: PublishMessage) => void) | undefined;

  readonly #store: LaneStore;
  readonly #hooks: OutboxHooks;
  readonly #random: () => number;
  readonly #left: (entry: Entry) => void;

  constructor(
    readonly id: string,
    store: LaneStore,
    hooks: OutboxHooks,
    random: () => number,
    /** An entry has left. */
    left: (entry: Entry) => void,
    /** Gives up the lock. */
    readonly release: () => void,
    /**
     * It may be in the hands of a page that isn't seen: what is in it is sent, under its numbers.
     */
    readonly borrowed: boolean,
  ) {
    this.#store = store;
    this.#hooks = hooks;
    this.#random = random;
    this.#left = left;
  }

  /** Nothing is left to be published. */
  get empty(): boolean {
    return [...this.#topics.values()].every(({ entries }) => entries.length === 0);
  }

  /**
   * What is in the store of it. Rejects if that can't be read; single events that can't are told.
   */
  async load(): Promise<Entry[]> {
    const head = await this.#store.readHead(this.id);
    this.#next = head?.next ?? 0;
    const all: Entry[] = [];
    for (const [name, kept] of Object.entries(head?.topics ?? {})) {
      const topic = this.#topic(name, kept);
      for (const n of kept.entries) {
        const event = await this.#store.readEntry(this.id, n, name).catch((error) => {
          if (error.code !== 'store_corrupt') throw error;
          this.#hooks.failed(error);
        });
        // One that is broken keeps its number, under which it may be in the log, and those behind
        // it theirs: if it is not, the broker will say so.
        const entry = makeEntry(JSON.stringify(event ?? { topic: name }));
        Object.assign(entry, { n, isStored: true, doubtful: true, done: !event });
        entry.stored.resolve();
        topic.entries.push(entry);
        if (event) all.push(entry);
      }
      // What is added from here on is numbered anew: the store may be a copy, whose original has
      // given the same numbers to others, and the broker would take ours for theirs.
      topic.hole = kept.hole ?? (this.borrowed ? Infinity : topic.entries.length);
    }
    // Not before all of it is there: what is stored from here on is what is kept.
    for (const topic of this.#topics.values()) this.#settle(topic);
    return all;
  }

  /** Takes an event, behind those of its topic. Its promise `stored` tells whether it stays. */
  async add(entry: Entry): Promise<void> {
    const { topic: name } = entry.event;
    const topic = this.#topic(name);
    entry.n = this.#next++;
    topic.entries.push(entry);
    this.#forgetIdle();
    try {
      await this.#store.writeEntry(this.id, entry.n, entry.text);
      await this.#save();
      entry.isStored = true;
      entry.stored.resolve();
    } catch (error) {
      // It was not sent, and nothing behind it, so the number is still to be given.
      topic.entries = topic.entries.filter((other) => other !== entry);
      this.#left(entry);
      fail(entry, error, this.#hooks);
      // The store has said what it had to say.
      void this.#save().catch(() => {});
      void this.#store.writeEntry(this.id, entry.n).catch(() => {});
    }
    this.#pump();
  }

  attach(send: (message: PublishMessage) => void): void {
    this.#send = send;
    this.#pump();
  }

  detach(): void {
    this.#send = undefined;
    this.#requests.clear();
    this.#charsInFlight = 0;
    for (const topic of this.#topics.values()) {
      clearTimeout(topic.timer);
      topic.timer = undefined;
      for (const entry of topic.entries) {
        entry.doubtful ||= entry.id !== 0;
        entry.id = 0;
      }
    }
  }

  /** False: the answer is for none of this lane's. */
  published(message: PublishedMessage): boolean {
    const entry = this.#answered(message.id);
    if (!entry) return entry !== undefined;
    const { topic: name, epoch, last, duplicate } = message;
    const topic = this.#topic(name);
    entry.done = true;
    topic.backoff.reset();
    entry.published.resolve({ topic: name, epoch, offset: last, duplicate: duplicate === true });
    this.#settle(topic);
    return true;
  }

  /** False: as above. */
  refused(message: ErrorMessage): boolean {
    const entry = this.#answered(message.id ?? this.#largest(message.code));
    if (!entry) return entry !== undefined;
    const topic = this.#topic(entry.event.topic);
    const { code } = message;
    const first = entry === topic.entries[0];
    // Nobody can be told so of the first number, or of a name nobody else has: that is no broker.
    const numbered = !first || topic.base > 0;
    if (code === 'sequence_gap' && numbered) {
      // Behind one that waits this is as it should be; the first of all has been forgotten.
      if (first) this.#renumber(topic);
    } else if (code === 'producer_fenced' && (numbered || topic.epoch > 0)) {
      this.#fenced(topic, message);
    } else if (mayPass(code) || code === 'unauthorized' || code === 'token_expired') {
      this.#hold(topic, message.retry_after_ms);
    } else {
      this.#reject(topic, entry, errorFor(message, entry));
    }
    this.#pump();
    return true;
  }

  /** Fulfilled when the store has everything that has happened. */
  async settled(): Promise<void> {
    await this.#writing.catch(() => {});
  }

  /** Takes it out of the store, where nothing of it is left to do. */
  async remove(): Promise<void> {
    await this.settled();
    await this.#store.enlist(this.id, false);
    await this.#store.writeHead(this.id);
  }

  // ---- sending ----

  #pump(): void {
    for (const topic of this.#topics.values()) {
      if (topic.timer || topic.saving) continue;
      for (const [i, entry] of topic.entries.entries()) {
        if (!entry.isStored || i === topic.hole) break;
        if (entry.done || entry.id) continue;
        if (!this.#send || this.#requests.size >= IN_FLIGHT) return;
        if (this.#charsInFlight && this.#charsInFlight + entry.text.length > CHARS_IN_FLIGHT)
          return;
        this.#request(topic, entry, topic.base + i);
      }
    }
  }

  #request({ producer, epoch }: Topic, entry: Entry, sequence: number): void {
    const id = this.#hooks.nextId();
    entry.id = id;
    this.#requests.set(id, entry);
    this.#charsInFlight += entry.text.length;
    const { headers, ...event } = entry.event;
    this.#send!({
      type: 'publish',
      id,
      ...event,
      ...(headers && { headers: { ...headers } }),
      producer: { id: producer, epoch, sequence },
    });
  }

  /** A message that is too large ends the link without a word which it was. */
  #largest(code: string): number {
    const [first] = [...this.#requests].sort(([, a], [, b]) => b.text.length - a.text.length);
    return code === 'message_too_large' && first ? first[0] : 0;
  }

  /** Undefined: not ours. Null: of an earlier numbering, and no longer of interest. */
  #answered(id: number): Entry | null | undefined {
    const entry = this.#requests.get(id);
    if (!entry) return undefined;
    this.#requests.delete(id);
    this.#charsInFlight -= entry.text.length;
    if (entry.id !== id) return null;
    entry.id = 0;
    return entry;
  }

  // ---- what becomes of them ----

  /** Those at the front that are in the log leave; what waited for that is numbered anew. */
  #settle(topic: Topic): void {
    while (topic.entries[0]?.done) {
      const entry = topic.entries.shift()!;
      ++topic.base;
      --topic.hole;
      this.#leave(entry);
    }
    if (topic.hole === 0) this.#renumber(topic);
    this.#pump();
  }

  #reject(topic: Topic, entry: Entry, error: TidemarkError): void {
    const at = topic.entries.indexOf(entry);
    topic.entries.splice(at, 1);
    topic.hole = Math.min(topic.hole, at);
    this.#refuse(entry, error);
    if (topic.hole === 0) this.#renumber(topic);
  }

  #refuse(entry: Entry, error: TidemarkError): void {
    this.#leave(entry);
    fail(entry, error, this.#hooks);
  }

  /** From 0, in a later epoch, which nobody who has a copy of this lane draws as well. */
  #renumber(topic: Topic): void {
    topic.epoch += 1 + Math.floor(this.#random() * 2 ** 24);
    this.#restart(topic);
  }

  /** Another has our identity. What may be in the log by it can't be sent under a new one. */
  #fenced(topic: Topic, message: ErrorMessage): void {
    topic.producer = randomName(this.#random);
    topic.epoch = 0;
    for (const entry of topic.entries.filter(({ doubtful, done }) => doubtful && !done)) {
      topic.entries.splice(topic.entries.indexOf(entry), 1);
      this.#refuse(entry, errorFor(message, entry));
    }
    this.#restart(topic);
  }

  #restart(topic: Topic): void {
    topic.saving = true;
    if (this.borrowed) {
      // Whoever it is may be doing the same, under other numbers: then there would be two of each.
      return this.#hooks.failed(new TidemarkError('unsupported', 'events are stuck'));
    }
    for (const entry of topic.entries.filter(({ done }) => done)) this.#leave(entry);
    topic.entries = topic.entries.filter(({ done }) => !done);
    for (const entry of topic.entries) entry.id = 0;
    topic.base = 0;
    topic.hole = Infinity;
    void this.#save()
      .catch(this.#hooks.failed)
      .then(() => {
        topic.saving = false;
        this.#pump();
      });
  }

  #hold(topic: Topic, after = 0): void {
    topic.timer ??= setTimeout(
      () => {
        topic.timer = undefined;
        this.#pump();
      },
      Math.max(after, topic.backoff.next()),
    );
  }

  #leave(entry: Entry): void {
    this.#left(entry);
    this.#drop(entry.n);
  }

  #drop(n: number): void {
    void this.#save()
      .then(() => this.#store.writeEntry(this.id, n))
      .catch(this.#hooks.failed);
  }

  #topic(name: string, kept = { producer: '', epoch: 0, base: 0 }): Topic {
    const known = this.#topics.get(name);
    if (known) return known;
    const topic: Topic = {
      producer: kept.producer || randomName(this.#random),
      epoch: kept.epoch,
      base: kept.base,
      hole: Infinity,
      entries: [],
      saving: false,
      timer: undefined,
      backoff: new Backoff(1_000, 30_000, this.#random),
    };
    this.#topics.set(name, topic);
    return topic;
  }

  #forgetIdle(): void {
    for (const [name, { entries, saving }] of this.#topics) {
      if (this.#topics.size <= IDLE_TOPICS) return;
      if (entries.length === 0 && !saving) this.#topics.delete(name);
    }
  }

  // ---- the store ----

  /** Fulfilled by a write that began after the call; several calls share one. */
  #save(): Promise<void> {
    this.#queued ??= this.#writing = this.#writing
      .catch(() => {})
      .then(() => {
        this.#queued = undefined;
        return this.#store.writeHead(this.id, this.#head());
      });
    return this.#queued;
  }

  #head(): LaneHead {
    const topics = [...this.#topics].map(([name, { producer, epoch, base, hole, entries }]) => [
      name,
      { producer, epoch, base, hole, entries: entries.map(({ n }) => n) },
    ]);
    return { version: 1, next: this.#next, topics: Object.fromEntries(topics) };
  }
}

/** `text` is an event as JSON. */
export function makeEntry(text: string): Entry {
  return {
    event: JSON.parse(text),
    text,
    stored: new Deferred(),
    published: new Deferred(),
    n: 0,
    isStored: false,
    id: 0,
    doubtful: false,
    done: false,
  };
}

/** It stays out: for who waits for it, and for who listens. */
export function fail(
  { event, stored, published }: Entry,
  cause: unknown,
  hooks: OutboxHooks,
): void {
  const error = cause as TidemarkError;
  stored.reject(error);
  published.reject(error);
  hooks.rejected({ event, error });
}

/** What nobody else has, also where there is no cryptography: in a page without TLS, say. */
export function randomName(random: () => number): string {
  return globalThis.crypto?.randomUUID?.() ?? [random(), random(), random()].join('-');
}

function errorFor(message: ErrorMessage, { event }: Entry): TidemarkError {
  return new TidemarkError(message.code, message.message, { topic: event.topic });
}
