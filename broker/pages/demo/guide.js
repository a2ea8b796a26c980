// The three things to try, each ticked when this window has really seen it happen.
// broker/pages/demo/: a hint, not a game; nothing depends on it.
export class Guide {
  /** `done` is kept by the caller; numbers of steps. */
  constructor(list, done) {
    this.list = list;
    this.done = done;
    for (const step of done) this.#mark(step);
  }

  has(step) {
    return this.done.includes(step);
  }

  tick(step) {
    if (this.has(step)) return;
    this.done.push(step);
    this.#mark(step);
  }

  #mark(step) {
    const item = this.list.querySelector(`[data-step="${step}"]`);
    if (!item || item.classList.contains('done')) return;
    item.classList.add('done');
    const words = document.createElement('span');
    words.className = 'unseen';
    words.textContent = ' (done)';
    item.querySelector('h2').append(words);
  }
}
