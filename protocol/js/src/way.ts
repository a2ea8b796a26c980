// Which way the next connection goes: over a WebSocket, or over HTTP where that gets through alone.
// protocol/js/: some networks let no WebSocket through, or let it open and then carry nothing.

/** So many WebSockets in a row that brought nothing, and HTTP is tried in between. */
const PATIENCE = 2;
/** Where one has worked before, it is more likely that the broker is down. */
const TRUST = 6;
/** A WebSocket is tried again after so long on HTTP: it has worked before, or never. */
const SOON = 30_000;
const LATE = 600_000;

export type WayKind = 'websocket' | 'http';

export class Way {
  #failures = 0;
  #works = false;
  #last: WayKind = 'http';
  #brought = false;

  readonly #asked: 'auto' | WayKind;
  readonly #webSockets: boolean;

  constructor(asked: 'auto' | WayKind, webSockets: boolean) {
    this.#asked = asked;
    this.#webSockets = webSockets;
  }

  next(): WayKind {
    this.#brought = false;
    if (this.#asked !== 'auto') this.#last = this.#asked;
    else if (!this.#webSockets) this.#last = 'http';
    else
      this.#last =
        this.#failures >= (this.#works ? TRUST : PATIENCE) && this.#last === 'websocket'
          ? 'http'
          : 'websocket';
    return this.#last;
  }

  /** A message has come over it. */
  proven(kind: WayKind): void {
    this.#brought = true;
    if (kind !== 'websocket') return;
    this.#works = true;
    this.#failures = 0;
  }

  ended(kind: WayKind | undefined): void {
    if (kind === 'websocket' && !this.#brought) ++this.#failures;
  }

  /** When to give up a connection of this kind for a better one, in milliseconds; 0: never. */
  retryAfter(kind: WayKind): number {
    if (kind === 'websocket' || this.#asked !== 'auto' || !this.#webSockets) return 0;
    return this.#works ? SOON : LATE;
  }
}
