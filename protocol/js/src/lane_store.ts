// How lanes lie in the store: an index of them, a head for each, and an item for each event.
// protocol/js/: a head's write is what counts; events are written before it and removed after it.
import type { Locks } from './locks.js';
import type { OutgoingEvent } from './outbox.js';
import type { Store } from './store.js';
import { corrupt, isCount, readItem, writeItem } from './stored.js';

/** What a lane has of a topic: its numbering, and the events that still have to be published. */
export interface TopicHead {
  readonly producer: string;
  readonly epoch: number;
  /** The sequence of the first of `entries`; each has the next. */
  readonly base: number;
  /** From this one of `entries` on they are to be numbered anew, in the next epoch; null, as JSON
   * has infinity: there is none. */
  readonly hole: number | null;
  readonly entries: readonly number[];
}
export interface LaneHead {
  readonly version: 1;
  /** The number of the next event. */
  readonly next: number;
  readonly topics: Readonly<Record<string, TopicHead>>;
}

const INDEX = 'tidemark:lanes';

/** The key of a lane's head, and the name of its lock. */
export const laneKey = (id: string): string => `tidemark:lane:${id}`;

const isHead = ({ version, next, topics }: LaneHead): boolean =>
  version === 1 &&
  isCount(next) &&
  Object.values(topics).every(
    ({ producer, epoch, base, hole, entries }) =>
      typeof producer === 'string' &&
      [epoch, base, hole ?? 0, ...entries].every(isCount) &&
      entries.every((n) => n < next),
  );

/** All its functions reject as readItem() and writeItem() do. */
export class LaneStore {
  readonly #store: Store;
  readonly #locks: Locks;

  constructor(store: Store, locks: Locks) {
    this.#store = store;
    this.#locks = locks;
  }

  async list(): Promise<string[]> {
    const strings = (ids: string[]) => ids.every((id) => typeof id === 'string');
    return (await readItem<string[]>(this.#store, INDEX, strings)) ?? [];
  }
  /** Puts a lane on the list, or takes it off. */
  async enlist(id: string, on = true): Promise<void> {
    // One that can't be read is of no use to anybody, and was told of when it was listed.
    const list = () => this.list().catch((): string[] => []);
    if (on && (await list()).includes(id)) return;
    await this.#locks.alone(INDEX, async () => {
      const ids = (await list()).filter((other) => other !== id);
      await writeItem(this.#store, INDEX, JSON.stringify(on ? [...ids, id] : ids));
    });
  }

  /** Undefined: there is none. */
  readHead(id: string): Promise<LaneHead | undefined> {
    return readItem(this.#store, laneKey(id), isHead);
  }
  async writeHead(id: string, head?: LaneHead): Promise<void> {
    await writeItem(this.#store, laneKey(id), head && JSON.stringify(head));
  }

  /** One that is not there is broken, too. */
  async readEntry(id: string, n: number, topic: string): Promise<OutgoingEvent> {
    const key = `${laneKey(id)}:${n}`;
    const good = (event: OutgoingEvent) => event.topic === topic;
    const event = await readItem(this.#store, key, good);
    if (!event) throw corrupt(key);
    return event;
  }
  async writeEntry(id: string, n: number, text?: string): Promise<void> {
    await writeItem(this.#store, `${laneKey(id)}:${n}`, text);
  }
}
