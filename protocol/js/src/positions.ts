// The positions kept in the store: how far the application has got, by name.
// protocol/js/: written after an event has been applied, never before.
import type { TidemarkError } from './errors.js';
import type { Position } from './messages.js';
import type { Store } from './store.js';
import { isCount, readItem, writeItem } from './stored.js';

const keyOf = (name: string): string => `tidemark:position:${name}`;

export class Positions {
  readonly #store: Store;
  readonly #failed: (error: TidemarkError) => void;
  /** To be written, or being written, by name. */
  readonly #newest = new Map<string, Position>();
  #settled: Promise<unknown> = Promise.resolve();

  constructor(store: Store, failed: (error: TidemarkError) => void) {
    this.#store = store;
    this.#failed = failed;
  }

  /** The one kept under `name`, or undefined if there is none. Rejects as readItem() does. */
  async load(name: string): Promise<Position | undefined> {
    const kept = await readItem<Position & { version: unknown }>(
      this.#store,
      keyOf(name),
      ({ version, epoch, offset }) => version === 1 && isCount(epoch) && isCount(offset),
    );
    return kept && { epoch: kept.epoch, offset: kept.offset };
  }

  /**
   * Writes at once if the store answers at once; else one write is in flight for each name, and of
   * the positions that come meanwhile the last one follows.
   */
  save(name: string, position: Position): void {
    const busy = this.#newest.has(name);
    this.#newest.set(name, position);
    if (!busy) this.#settled = Promise.all([this.#settled, this.#write(name)]);
  }

  /** Fulfilled when everything saved so far has been written, or has failed. */
  async settled(): Promise<void> {
    await this.#settled;
  }

  /** Never rejects. */
  async #write(name: string): Promise<void> {
    for (let next = this.#newest.get(name); next; next = this.#newest.get(name)) {
      try {
        const answer = writeItem(this.#store, keyOf(name), JSON.stringify({ version: 1, ...next }));
        if (answer) await answer;
      } catch (error) {
        this.#failed(error as TidemarkError);
      }
      if (next === this.#newest.get(name)) this.#newest.delete(name);
    }
  }
}
