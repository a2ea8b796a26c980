// What keeps two pages from doing the same at once.
// protocol/js/: Web Locks where there are any; a stand-in within the process elsewhere.

export interface Locks {
  /** False: other pages of this origin are not seen. */
  readonly shared: boolean;
  /**
   * The lock, or undefined if somebody has it. It is held until the function returned is called, or
   * the page is gone.
   */
  tryHold(name: string): Promise<(() => void) | undefined>;
  /** Runs `work` while nobody else runs under this name. */
  alone<T>(name: string, work: () => Promise<T>): Promise<T>;
}

/**
 * The page's. A page without TLS that isn't on localhost has none, nor have React Native and Node.
 */
export function platformLocks(): Locks {
  const manager = typeof navigator === 'object' ? navigator.locks : undefined;
  return manager ? webLocks(manager) : processLocks;
}

function webLocks(manager: LockManager): Locks {
  return {
    shared: true,
    tryHold: (name) =>
      new Promise((resolve, reject) => {
        const held = (lock: Lock | null): Promise<void> | undefined => {
          if (lock) return new Promise((release) => resolve(() => release()));
          resolve(undefined);
          return undefined;
        };
        manager.request(name, { ifAvailable: true }, held).catch(reject);
      }),
    alone: (name, work) => manager.request(name, work) as Promise<Awaited<ReturnType<typeof work>>>,
  };
}

const held = new Set<string>();
let last: Promise<unknown> = Promise.resolve();

const processLocks: Locks = {
  shared: false,
  async tryHold(name) {
    if (held.has(name)) return undefined;
    held.add(name);
    return () => void held.delete(name);
  },
  alone: (_, work) => {
    const done = last.then(work, work);
    last = done;
    return done;
  },
};
