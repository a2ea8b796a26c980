// Where the client keeps what has to outlive the page: positions and the outbox.
// protocol/js/: localStorage, sessionStorage and React Native's AsyncStorage are stores as they
// are.

type Eventually<T> = T | PromiseLike<T>;

/**
 * Three functions, which may answer at once or with a promise. A write is done when it has
 * answered; a failed one throws or rejects. Keys begin with `tidemark:`.
 */
export interface Store {
  getItem(key: string): Eventually<string | null>;
  setItem(key: string, value: string): Eventually<void>;
  removeItem(key: string): Eventually<void>;
}

/** Keeps everything until the page is gone: the default. */
export class MemoryStore implements Store {
  readonly #items = new Map<string, string>();

  getItem(key: string): string | null {
    return this.#items.get(key) ?? null;
  }
  setItem(key: string, value: string): void {
    this.#items.set(key, value);
  }
  removeItem(key: string): void {
    this.#items.delete(key);
  }
}
