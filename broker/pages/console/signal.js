// A value that tells of its changes.
// broker/pages/console/: what the parts of the console know of each other.

export class Signal {
  #value;
  #listeners = new Set();

  constructor(value) {
    this.#value = value;
  }

  get value() {
    return this.#value;
  }

  set(value) {
    this.#value = value;
    for (const listener of [...this.#listeners]) listener(value);
  }

  /** Calls with each new value; gives a function that ends it. */
  watch(listener) {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}
