// How long to wait before the next attempt.
// protocol/js/: so that clients that lost a broker together don't come back together.

/**
 * Doubles from `least` to `most` milliseconds; each wait is drawn from the upper half of its step.
 */
export class Backoff {
  #attempts = 0;

  readonly #least: number;
  readonly #most: number;
  readonly #random: () => number;

  constructor(least: number, most: number, random: () => number = Math.random) {
    this.#least = least;
    this.#most = most;
    this.#random = random;
  }

  next(): number {
    const step = Math.min(this.#most, this.#least * 2 ** Math.min(this.#attempts++, 30));
    return Math.round(step / 2 + (step / 2) * this.#random());
  }
  reset(): void {
    this.#attempts = 0;
  }
}
