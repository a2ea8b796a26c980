// Finds out that a connection is dead although nobody has said so.
// protocol/js/: a page can't see a WebSocket's own pings, so it sends the application's.

/** Nothing heard for so long: ask. */
const QUIET = 25_000;
/** And no answer for so long: dead. Also of a probe, when there is reason to ask. */
const ANSWER_WITHIN = 10_000;
const PROBE_WITHIN = 3_000;

export class Heartbeat {
  #timer: ReturnType<typeof setTimeout> | undefined;
  #running = false;
  #asked = false;
  #heardAt = 0;

  readonly #ping: () => void;
  readonly #dead: () => void;

  constructor(ping: () => void, dead: () => void) {
    this.#ping = ping;
    this.#dead = dead;
  }

  start(): void {
    this.#running = true;
    this.#asked = false;
    this.#heardAt = performance.now();
    this.#arm(QUIET);
  }

  stop(): void {
    this.#running = false;
    clearTimeout(this.#timer);
  }

  /** Something has come. */
  heard(): void {
    this.#heardAt = performance.now();
    if (!this.#asked || !this.#running) return;
    this.#asked = false;
    this.#arm(QUIET);
  }

  /** There is reason to doubt: the network has changed, or the page was asleep. */
  probe(): void {
    if (this.#running) this.#ask(PROBE_WITHIN);
  }

  #ask(within: number): void {
    this.#asked = true;
    this.#arm(within);
    this.#ping();
  }

  #arm(after: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#check(), after);
  }

  #check(): void {
    if (this.#asked) return this.#dead();
    const quiet = performance.now() - this.#heardAt;
    if (quiet < QUIET) this.#arm(QUIET - quiet);
    else this.#ask(ANSWER_WITHIN);
  }
}
