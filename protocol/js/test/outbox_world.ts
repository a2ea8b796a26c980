// A broker, a store and locks that a test can pull the plug of.
// protocol/js/test: what outbox tests run against; the broker decides as PROTOCOL.md 3.6 says.
import { Outbox } from '../src/outbox.js';
import type { OutboxLimits, OutgoingEvent, Published, Rejected } from '../src/outbox.js';
import type { Locks } from '../src/locks.js';
import type { ErrorMessage, PublishedMessage, PublishMessage } from '../src/messages.js';
import type { TidemarkError } from '../src/errors.js';
import type { Store } from '../src/store.js';

export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Lets everything happen that needs no time and no answer. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 60; ++turn) await Promise.resolve();
}

interface Known {
  epoch: number;
  sequence: number;
}

class Topic {
  readonly log: unknown[] = [];
  readonly producers = new Map<string, Known>();
}

export type Answer = PublishedMessage | ErrorMessage;

export class Broker {
  readonly topics = new Map<string, Topic>();
  /** Of topics that were deleted. */
  readonly histories: { topic: string; log: unknown[] }[] = [];
  /** The code to refuse this one with, if any. */
  refuses: (message: PublishMessage) => string | undefined = () => undefined;

  topic(name: string): Topic {
    let topic = this.topics.get(name);
    if (!topic) this.topics.set(name, (topic = new Topic()));
    return topic;
  }

  log(name: string): unknown[] {
    return this.topic(name).log;
  }

  recreate(name: string): void {
    this.histories.push({ topic: name, log: this.log(name) });
    this.topics.delete(name);
  }

  publish(message: PublishMessage): Answer {
    const { id, topic: name, producer } = message;
    const error = (code: string, more: object = {}): ErrorMessage => ({
      type: 'error',
      id,
      code,
      message: code,
      topic: name,
      ...more,
    });
    const code = this.refuses(message);
    if (code) return error(code);
    const topic = this.topic(name);
    const { epoch, sequence } = producer!;
    const known = topic.producers.get(producer!.id);
    if (known && epoch < known.epoch) {
      return error('producer_fenced', { producer_epoch: known.epoch });
    }
    if (known && epoch === known.epoch && sequence <= known.sequence) {
      return { type: 'published', id, topic: name, epoch: 1, duplicate: true };
    }
    const expected = known && epoch === known.epoch ? known.sequence + 1 : 0;
    if (sequence !== expected) return error('sequence_gap', { expected_sequence: expected });
    topic.producers.set(producer!.id, { epoch, sequence });
    topic.log.push(message.data);
    const offset = topic.log.length;
    return { type: 'published', id, topic: name, epoch: 1, first: offset, last: offset };
  }
}

/** Thrown away with its page: no call on it ends, nothing it was told after that happened. */
export class Disk {
  readonly items = new Map<string, string>();
  /** The pages' calls, counted; `before` may kill the page, fail the call, or do neither. */
  before: (page: Page, write: { key: string; value: string | undefined }) => void = () => {};
  after: (page: Page) => void = () => {};
  /** Writes wait for it. */
  busy: Promise<void> = Promise.resolve();

  for(page: Page): Store {
    const never = new Promise<never>(() => {});
    const write = async (key: string, value: string | undefined): Promise<void> => {
      await this.busy;
      if (page.dead) return never;
      this.before(page, { key, value });
      if (page.dead) return never;
      if (value === undefined) this.items.delete(key);
      else this.items.set(key, value);
      this.after(page);
      await Promise.resolve();
      return page.dead ? never : undefined;
    };
    return {
      getItem: async (key) => (page.dead ? never : (this.items.get(key) ?? null)),
      setItem: write,
      removeItem: (key) => write(key, undefined),
    };
  }
}

export class Origin {
  readonly broker = new Broker();
  readonly disk = new Disk();
  /** Requests of links that are gone, which may arrive yet. */
  readonly late: PublishMessage[] = [];
  private readonly held = new Map<string, Page>();
  private turn: Promise<unknown> = Promise.resolve();

  locks(page: Page, shared: boolean): Locks {
    return {
      shared,
      tryHold: async (name) => {
        const holder = this.held.get(name);
        if (holder && !holder.dead && (shared || holder === page)) return undefined;
        this.held.set(name, page);
        return () => void this.held.delete(name);
      },
      alone: (_name, work) => {
        const dead = new Promise<void>((resolve) => {
          if (page.dead) resolve();
          else page.onDeath.push(resolve);
        });
        const before = this.turn;
        const done = before.then(work);
        this.turn = Promise.race([
          done.then(
            () => {},
            () => {},
          ),
          dead,
        ]);
        return done;
      },
    };
  }
}

let nextEvent = 0;

/** A tab with its outbox and a link that delivers when it is told to. */
export class Page {
  dead = false;
  readonly onDeath: (() => void)[] = [];
  readonly outbox: Outbox;
  readonly rejected: Rejected[] = [];
  readonly failures: TidemarkError[] = [];
  readonly stored: unknown[] = [];
  readonly published: { data: unknown; published: Published }[] = [];
  requests: PublishMessage[] = [];
  answers: Answer[] = [];
  private nextId = 0;

  constructor(
    readonly origin: Origin,
    random: () => number = seeded(++nextEvent),
    { limits = { events: 1000, bytes: 1 << 20 } as OutboxLimits, shared = true } = {},
  ) {
    this.outbox = new Outbox(
      origin.disk.for(this),
      origin.locks(this, shared),
      limits,
      {
        nextId: () => ++this.nextId,
        changed: () => {},
        rejected: (rejected) => this.rejected.push(rejected),
        failed: (error) => this.failures.push(error),
      },
      random,
    );
    void this.outbox.open();
  }

  add(data: unknown, topic = 'orders', more: Partial<OutgoingEvent> = {}): void {
    const ticket = this.outbox.add({ topic, data, ...more });
    ticket.stored.then(
      () => this.dead || this.stored.push(data),
      () => {},
    );
    ticket.published.then(
      (published) => this.published.push({ data, published }),
      () => {},
    );
  }

  connect(): void {
    this.origin.late.push(...this.requests);
    this.requests = [];
    this.answers = [];
    this.outbox.attach((message) => this.requests.push(message));
  }

  disconnect(): void {
    this.outbox.detach();
  }

  /** The broker reads one request. */
  arrive(): void {
    const message = this.requests.shift();
    if (message) this.answers.push(this.origin.broker.publish(message));
  }

  /** The page reads one answer. */
  hear(): void {
    const answer = this.answers.shift();
    if (answer?.type === 'published') this.outbox.published(answer);
    else if (answer) this.outbox.refused(answer);
  }

  /** Until nothing is under way. */
  async run(): Promise<void> {
    for (await settle(); this.requests.length + this.answers.length; await settle()) {
      this.arrive();
      this.hear();
    }
  }

  die(): void {
    this.dead = true;
    this.origin.late.push(...this.requests);
    this.outbox.detach();
    for (const tell of this.onDeath) tell();
  }
}

/** As open as a page can be, with a link, and nothing under way. */
export async function open(origin: Origin, ...more: [(() => number)?, object?]): Promise<Page> {
  const page = new Page(origin, ...(more as []));
  page.connect();
  await page.run();
  return page;
}
