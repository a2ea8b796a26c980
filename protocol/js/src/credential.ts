// The token the client shows, and where the next one comes from.
// protocol/js/: PROTOCOL.md 11 is what it is shown for.
import { TidemarkError } from './errors.js';

/**
 * A token, or a function that gets one each time one is needed: at a connection, and before it
 * expires.
 */
export type TokenSource = string | (() => string | PromiseLike<string>);

export class Credential {
  /** Since one was accepted. */
  #refusals = 0;

  readonly #source: TokenSource | undefined;

  constructor(source: TokenSource | undefined) {
    this.#source = source;
  }

  /** The next attempt may be made without waiting: the one refused may just have been too old. */
  get fresh(): boolean {
    return this.#refusals === 1;
  }

  /** Undefined: none is to be shown. Rejects with token_failed. */
  async get(): Promise<string | undefined> {
    if (typeof this.#source !== 'function') return this.#source;
    let cause: unknown;
    try {
      const token = await this.#source();
      if (typeof token === 'string' && token) return token;
    } catch (error) {
      cause = error;
    }
    // Who makes tokens may be down and is not to be asked again without a pause: none is `fresh`.
    this.#refusals += 2;
    throw new TidemarkError('token_failed', 'no token', { cause });
  }

  accepted(): void {
    this.#refusals = 0;
  }

  /** True if another attempt is of use: a token that is a constant stays what it is. */
  refused(): boolean {
    ++this.#refusals;
    return typeof this.#source === 'function';
  }
}
