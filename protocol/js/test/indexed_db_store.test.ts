// The store in IndexedDB, and what browsers do to its database.
// protocol/js/test: on fake-indexeddb; tests/browser has it in Chromium.
import { IDBDatabase, IDBFactory, IDBObjectStore } from 'fake-indexeddb';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { IndexedDbStore } from '../src/indexed_db_store.js';

let factory: IDBFactory;
beforeEach(() => {
  factory = new IDBFactory();
  vi.stubGlobal('indexedDB', factory);
});
afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
});

const done = (request: IDBOpenDBRequest) =>
  new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });

it('keeps items from one life to the next, each name for itself', async () => {
  const store = new IndexedDbStore('a');
  expect(await store.getItem('k')).toBeNull();
  await store.setItem('k', 'one');
  await store.setItem('k', 'two');
  await store.setItem('empty', '');
  expect(await new IndexedDbStore('a').getItem('k')).toBe('two');
  expect(await new IndexedDbStore('a').getItem('empty')).toBe('');
  expect(await new IndexedDbStore('b').getItem('k')).toBeNull();
  await store.removeItem('k');
  await store.removeItem('never there');
  expect(await new IndexedDbStore('a').getItem('k')).toBeNull();
});

it('writes in the order of the calls, and durably', async () => {
  const transaction = vi.spyOn(IDBDatabase.prototype, 'transaction');
  const store = new IndexedDbStore('a');
  await Promise.all(['1', '2', '3'].map((value) => store.setItem('k', value)));
  expect(await store.getItem('k')).toBe('3');
  expect(transaction.mock.calls).toContainEqual(['items', 'readwrite', { durability: 'strict' }]);
});

it('opens the database again when it has been closed', async () => {
  const opened = vi.spyOn(factory, 'open');
  const store = new IndexedDbStore('a');
  await store.setItem('k', 'v');
  const database = (await opened.mock.results[0]!.value) as IDBOpenDBRequest;
  (database.result as unknown as IDBDatabase).close();
  expect(await store.getItem('k')).toBe('v');
  expect(opened).toHaveBeenCalledTimes(2);
});

it('makes way for who deletes it, and begins anew', async () => {
  const store = new IndexedDbStore('a');
  await store.setItem('k', 'v');
  await done(factory.deleteDatabase('a'));
  expect(await store.getItem('k')).toBeNull();
  await store.setItem('k', 'w');
  expect(await store.getItem('k')).toBe('w');
});

it('says so when there is no IndexedDB', async () => {
  vi.stubGlobal('indexedDB', undefined);
  await expect(new IndexedDbStore('a').setItem('k', 'v')).rejects.toBeInstanceOf(TypeError);
});

it('says so when the database is of another version, or of something else', async () => {
  const other = factory.open('a', 2);
  ((await done(other)) as IDBDatabase).close();
  await expect(new IndexedDbStore('a').getItem('k')).rejects.toMatchObject({
    name: 'VersionError',
  });
  const empty = factory.open('b', 1);
  ((await done(empty)) as IDBDatabase).close();
  await expect(new IndexedDbStore('b').getItem('k')).rejects.toMatchObject({
    name: 'NotFoundError',
  });
});

it('says so when the quota is used up, at once, and works when there is room', async () => {
  const store = new IndexedDbStore('a');
  await store.setItem('k', 'v');
  const put = vi.spyOn(IDBObjectStore.prototype, 'put').mockImplementation(() => {
    throw new DOMException('full', 'QuotaExceededError');
  });
  await expect(store.setItem('k', 'w')).rejects.toMatchObject({ name: 'QuotaExceededError' });
  expect(put).toHaveBeenCalledTimes(1);
  put.mockRestore();
  expect(await store.getItem('k')).toBe('v');
  await store.setItem('k', 'w');
  expect(await store.getItem('k')).toBe('w');
});

it('does a write again whose transaction the browser has ended', async () => {
  const store = new IndexedDbStore('a');
  await store.setItem('k', 'v');
  const { put } = IDBObjectStore.prototype;
  vi.spyOn(IDBObjectStore.prototype, 'put').mockImplementationOnce(function (
    this: IDBObjectStore,
    ...item
  ) {
    const request = put.apply(this, item);
    this.transaction.abort();
    return request;
  });
  await store.setItem('k', 'w');
  expect(await store.getItem('k')).toBe('w');
});
