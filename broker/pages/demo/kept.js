// What this window keeps across a reload: one item, so that state and position never disagree.
// broker/pages/demo/: the application's side of "exactly once"; the client keeps no position here.
const KEY = 'tidemark-demo';
const TURN_KEY = 'tidemark-demo-window';
const VERSION = 1;
// Names of windows, with the hue their notes have.
const WINDOWS = [
  ['Heron', 250], ['Otter', 45], ['Puffin', 15], ['Seal', 280], ['Tern', 200], ['Curlew', 100],
  ['Dolphin', 225], ['Gannet', 145], ['Limpet', 310], ['Plover', 125], ['Urchin', 345], ['Whelk', 170],
];
// Enough to see a change that comes a second time, few enough to write often.
const MOST_SEEN = 500;
const MOST_RECENT = 60;
const SAVE_WITHIN_MS = 50;

/** A name for something new. crypto.randomUUID is only in pages that came over TLS. */
export function newId() {
  const bytes = crypto.getRandomValues(new Uint8Array(9));
  return Array.from(bytes, (byte) => byte.toString(36).padStart(2, '0')).join('');
}

/** The next name in turn, so that two windows side by side have two names. */
function nextWindow() {
  let turn = crypto.getRandomValues(new Uint8Array(1))[0];
  try {
    const last = Number.parseInt(localStorage.getItem(TURN_KEY), 10);
    if (Number.isInteger(last)) turn = last + 1;
    localStorage.setItem(TURN_KEY, String(turn));
  } catch {
    // A browser that keeps nothing: any name will do.
  }
  return WINDOWS[Math.abs(turn) % WINDOWS.length];
}

function fresh() {
  const [name, hue] = nextWindow();
  return {
    version: VERSION, window: newId(), name, hue, offline: false,
    position: undefined, notes: {}, pending: [],
    recent: [], seen: [], counted: { applied: 0, missed: 0, doubled: 0, gaps: 0 }, steps: [],
  };
}

function isKept(value) {
  return value?.version === VERSION && typeof value.window === 'string' &&
    typeof value.notes === 'object' && value.notes !== null &&
    [value.pending, value.recent, value.seen, value.steps].every(Array.isArray) &&
    typeof value.counted?.applied === 'number';
}

export class Kept {
  /** `failed` is told once if it cannot be read or written; the page goes on without. */
  constructor(failed) {
    this.failed = failed;
    this.timer = undefined;
    this.broken = false;
    this.data = this.#read();
    addEventListener('pagehide', () => this.saveNow());
  }

  #read() {
    try {
      const text = sessionStorage.getItem(KEY);
      if (text === null) return fresh();
      const value = JSON.parse(text);
      if (isKept(value)) return value;
      this.failed('What this window had kept is not of this page. It begins anew.');
    } catch (error) {
      this.failed(`What this window had kept cannot be read (${error.message}). It begins anew.`);
    }
    return fresh();
  }

  /** `fill` is called just before it is written, to put the newest in. */
  filledBy(fill) {
    this.fill = fill;
  }

  /** Soon, with all that has changed until then: a page that dies before has its older position. */
  save() {
    this.timer ??= setTimeout(() => this.saveNow(), SAVE_WITHIN_MS);
  }

  saveNow() {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.fill?.(this.data);
    try {
      sessionStorage.setItem(KEY, JSON.stringify(this.data));
    } catch (error) {
      if (!this.broken) this.failed(`This window cannot keep its place: ${error.message}`);
      this.broken = true;
    }
  }

  /** Counts an event. `change` is the name its publisher gave it. */
  count({ position, headers }, { by, hue }) {
    const { data } = this;
    const expected = data.position && data.position.offset + 1;
    ++data.counted.applied;
    if (expected !== undefined && position.offset > expected) {
      data.counted.missed += position.offset - expected;
    }
    const change = headers?.change;
    const again = expected !== undefined && position.offset < expected;
    if (again || (change && data.seen.includes(change))) ++data.counted.doubled;
    if (change) data.seen = [...data.seen, change].slice(-MOST_SEEN);
    data.recent = [...data.recent, { offset: position.offset, by, hue }].slice(-MOST_RECENT);
    data.position = position;
  }

  /** A state was taken: the log before it is not this window's any more. */
  takeState(position) {
    this.data.position = position;
    this.data.recent = [];
  }
}
