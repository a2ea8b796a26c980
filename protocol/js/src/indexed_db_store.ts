// A store in the browser's IndexedDB.
// protocol/js/: each write is a transaction of its own, on disk before it has answered.
import type { Store } from './store.js';

const ITEMS = 'items';

/**
 * Keeps items in the database `name` of this origin. Its functions reject with what the browser
 * says (no room, no permission, a database of another's), which the client tells as `store_failed`.
 */
export class IndexedDbStore implements Store {
  #opening: Promise<IDBDatabase> | undefined;

  readonly #name: string;

  constructor(name: string) {
    this.#name = name;
  }

  async getItem(key: string): Promise<string | null> {
    return ((await this.#run('readonly', (items) => items.get(key))) as string | undefined) ?? null;
  }
  async setItem(key: string, value: string): Promise<void> {
    await this.#run('readwrite', (items) => items.put(value, key));
  }
  async removeItem(key: string): Promise<void> {
    await this.#run('readwrite', (items) => items.delete(key));
  }

  /** One request in a transaction of its own; on a connection made anew if the first try fails. */
  async #run(
    mode: IDBTransactionMode,
    ask: (items: IDBObjectStore) => IDBRequest,
    again = true,
  ): Promise<unknown> {
    try {
      const database = await (this.#opening ??= this.#open());
      const transaction = database.transaction(ITEMS, mode, { durability: 'strict' });
      const request = ask(transaction.objectStore(ITEMS));
      await new Promise<void>((resolve, reject) => {
        transaction.oncomplete = () => resolve();
        transaction.onabort = () => reject(transaction.error);
      });
      return request.result;
    } catch (cause) {
      this.#opening = undefined;
      if (again && (cause as Error)?.name !== 'QuotaExceededError')
        return this.#run(mode, ask, false);
      throw cause;
    }
  }

  #open(): Promise<IDBDatabase> {
    return new Promise((resolve, reject) => {
      const request = indexedDB.open(this.#name, 1);
      request.onupgradeneeded = () => request.result.createObjectStore(ITEMS);
      request.onsuccess = () => {
        const database = request.result;
        // Somebody deletes it, or the browser has given it up: the next call makes it anew.
        database.onversionchange = database.onclose = () => {
          database.close();
          this.#opening = undefined;
        };
        resolve(database);
      };
      request.onerror = request.onblocked = () => reject(request.error);
    });
  }
}
