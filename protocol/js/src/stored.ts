// Items of a store, read and written with its failures told alike.
// protocol/js/: positions and lanes are kept by it.
import { TidemarkError } from './errors.js';
import type { Store } from './store.js';

/**
 * The JSON kept under `key`; undefined: nothing is. Rejects with store_failed, or with
 * store_corrupt if `good` does not take it, by false or by throwing.
 */
export async function readItem<T>(
  store: Store,
  key: string,
  good: (value: T) => boolean,
): Promise<T | undefined> {
  let text: string | null;
  try {
    text = await store.getItem(key);
  } catch (cause) {
    throw failed(key, cause);
  }
  if (text === null || text === undefined) return undefined;
  try {
    const value = JSON.parse(text) as T;
    if (good(value)) return value;
  } catch {
    // Told below, as anything else that is not ours.
  }
  throw corrupt(key);
}

/**
 * Writes, or removes if there is no text. Throws, or rejects if the store takes its time, with
 * store_failed.
 */
export function writeItem(store: Store, key: string, text?: string): void | Promise<void> {
  const fail = (cause: unknown): never => {
    throw failed(key, cause);
  };
  try {
    const answer = text === undefined ? store.removeItem(key) : store.setItem(key, text);
    return answer && Promise.resolve(answer).catch(fail);
  } catch (cause) {
    return fail(cause);
  }
}

export const isCount = (value: unknown): boolean =>
  Number.isSafeInteger(value) && (value as number) >= 0;

/** What is kept under `key`, or is not kept there any more, is not what was written. */
export function corrupt(key: string): TidemarkError {
  return new TidemarkError('store_corrupt', `${key} is not what was written`);
}
function failed(key: string, cause: unknown): TidemarkError {
  return new TidemarkError('store_failed', `the store can't keep ${key}`, { cause });
}
