// An event on its way to the log.
// protocol/js/: what publish() returns.
import type { Published, Ticket } from './outbox.js';

/**
 * Awaited, it is fulfilled when the event is in the log: at once, or after days offline. A
 * rejection that nobody waits for is no unhandled one, since the client tells it as `rejected` too.
 */
export class Publishing implements PromiseLike<Published> {
  /** Fulfilled when the event is in the client's store: from then on it survives the page. */
  readonly stored: Promise<void>;
  readonly #published: Promise<Published>;

  /** @internal */
  constructor({ stored, published }: Ticket) {
    this.stored = stored;
    this.#published = published;
    stored.catch(() => {});
    published.catch(() => {});
  }

  then<A = Published, B = never>(
    fulfilled?: ((value: Published) => A | PromiseLike<A>) | null,
    rejected?: ((reason: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    return this.#published.then(fulfilled, rejected);
  }
}
