// Who the operator is to the broker: the token of this tab.
// broker/pages/console/: kept in sessionStorage, so that it is gone with the tab.
import { Signal } from './signal.js';

const KEY = 'tidemark:console:token';

export class Session {
  /** Undefined, or {reason}, a code: the broker wants a (better) token before anything else. */
  wanted = new Signal(undefined);
  #token = read();

  get token() {
    return this.#token;
  }

  /** Shows this one from now on. */
  use(token) {
    this.#token = token;
    write(token);
    this.wanted.set(undefined);
  }

  forget() {
    this.#token = undefined;
    write(undefined);
  }

  /** The broker has answered 401 to a request that showed `token`; an older one's answer is late. */
  refused(token, code) {
    if (token !== this.#token || this.wanted.value) return;
    this.wanted.set({ reason: token === undefined ? undefined : code });
  }
}

function read() {
  try {
    return sessionStorage.getItem(KEY) ?? undefined;
  } catch {
    return undefined; // storage is forbidden here: the token lives as long as the page
  }
}

function write(token) {
  try {
    if (token === undefined) sessionStorage.removeItem(KEY);
    else sessionStorage.setItem(KEY, token);
  } catch {
    // As above.
  }
}
