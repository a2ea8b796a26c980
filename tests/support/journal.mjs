// Numbered messages as a reader got them: how far it is, and what is missing, doubled or late.
// tests/support/: what the tests written in JavaScript stand on.

const LIMIT_MS = 60_000;

/** What one reader has seen, in the order it came. Numbers begin at 1. */
export class Journal {
  numbers = [];
  #highest = 0;
  #waiting = new Set();
  #failure = null;

  add(number) {
    this.numbers.push(number);
    this.#highest = Math.max(this.#highest, number);
    for (const check of [...this.#waiting]) check();
  }

  /** The reader has given up: so does everybody who waits for it. */
  fail(error) {
    this.#failure ??= error;
    for (const check of [...this.#waiting]) check();
  }

  /**
   * Fulfilled once `number` or a later one has come: whether one is missing is for flaws() to say.
   * Rejected if that takes too long, or can't be any more.
   */
  reached(number) {
    return new Promise((fulfil, reject) => {
      const settle = (act, value) => {
        clearTimeout(limit);
        this.#waiting.delete(check);
        act(value);
      };
      const check = () => {
        if (this.#highest >= number) settle(fulfil);
        else if (this.#failure) settle(reject, this.#failure);
      };
      const limit = setTimeout(() => {
        const seen = `${this.numbers.length} messages came, the latest was ${this.#highest}`;
        settle(reject, new Error(`no message ${number} in ${LIMIT_MS / 1000} s; ${seen}`));
      }, LIMIT_MS);
      this.#waiting.add(check);
      check();
    });
  }
}

/** Whoever saw messages 1 to `last` as they should be seen. */
export const FLAWLESS = { missing: [], doubled: [], late: [], foreign: [] };

/** What is wrong with `numbers`, which should be `first` to `last` in order. */
export function flaws(numbers, last, first = 1) {
  const found = structuredClone(FLAWLESS);
  const seen = new Set();
  let highest = 0;
  for (const number of numbers) {
    if (!(number >= first && number <= last)) found.foreign.push(number);
    else if (seen.has(number)) found.doubled.push(number);
    else if (number < highest) found.late.push(number);
    seen.add(number);
    highest = Math.max(highest, number);
  }
  for (let number = first; number <= last; ++number) {
    if (!seen.has(number)) found.missing.push(number);
  }
  return found;
}
