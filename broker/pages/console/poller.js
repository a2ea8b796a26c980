// Does something again and again, one at a time, until it is stopped.
// broker/pages/console/: how views stay up to date.

export class Poller {
  #work;
  #every;
  #timer;
  #abort = new AbortController();
  #running = false;
  #again = false;

  /** `work(signal)` says itself what went wrong; it must not reject. */
  constructor(every, work) {
    this.#every = every;
    this.#work = work;
    void this.#run();
  }

  /** Once more at once, or right after what is under way. */
  now() {
    if (this.#running) this.#again = true;
    else void this.#run();
  }

  stop() {
    clearTimeout(this.#timer);
    this.#abort.abort();
  }

  async #run() {
    clearTimeout(this.#timer);
    this.#running = true;
    this.#again = false;
    const { signal } = this.#abort;
    await this.#work(signal);
    this.#running = false;
    if (signal.aborted) return;
    this.#timer = setTimeout(() => this.#run(), this.#again ? 0 : this.#every);
  }
}
