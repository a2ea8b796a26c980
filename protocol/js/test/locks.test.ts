// Locks with and without the platform's.
// protocol/js/test: a lock manager as Web Locks has it, and none.
import { afterEach, describe, expect, it, vi } from 'vitest';
import { platformLocks } from '../src/locks.js';

afterEach(() => vi.unstubAllGlobals());

/** As much of a LockManager as is used. */
class Manager {
  private readonly held = new Map<string, Promise<unknown>>();

  async request(name: string, ...rest: unknown[]): Promise<unknown> {
    const work = rest.pop() as (lock: object | null) => unknown;
    const [options] = rest as [{ ifAvailable?: boolean }?];
    if (options?.ifAvailable && this.held.has(name)) return work(null);
    const before = this.held.get(name);
    const turn = (async () => {
      await before?.catch(() => {});
      return work({ name });
    })();
    this.held.set(name, turn);
    try {
      return await turn;
    } finally {
      if (this.held.get(name) === turn) this.held.delete(name);
    }
  }
}

describe.each([
  ['with Web Locks', { locks: new Manager() }, true],
  ['without', {}, false],
  ['without a navigator', undefined, false],
])('platformLocks %s', (_what, navigator, shared) => {
  const make = () => {
    vi.stubGlobal('navigator', navigator);
    return platformLocks();
  };

  it('says whether other tabs are seen', () => expect(make().shared).toBe(shared));

  it('holds a name once until it is released', async () => {
    const locks = make();
    const release = await locks.tryHold('a');
    expect(await make().tryHold('a')).toBeUndefined();
    (await locks.tryHold('b'))!();
    release!();
    await new Promise(setImmediate);
    const again = await make().tryHold('a');
    expect(again).toBeDefined();
    again!();
  });

  it('runs one after another, also after one that fails', async () => {
    const locks = make();
    const said: string[] = [];
    const one = locks.alone('c', async () => {
      said.push('one begins');
      await new Promise(setImmediate);
      said.push('one ends');
      throw new Error('one');
    });
    const two = make().alone('c', async () => said.push('two'));
    await expect(one).rejects.toThrow('one');
    expect(await two).toBe(3);
    expect(said).toEqual(['one begins', 'one ends', 'two']);
  });
});

it('a lock manager that refuses is heard', async () => {
  const request = async () => Promise.reject(new DOMException('no', 'SecurityError'));
  vi.stubGlobal('navigator', { locks: { request } });
  await expect(platformLocks().tryHold('a')).rejects.toThrow('no');
});
