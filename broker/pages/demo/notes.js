// The notes: what the log says they are, and what this window's unsent changes make of them.
// broker/pages/demo/: no page and no client in here; main.js feeds it.

export const COLUMNS = [
  { id: 'todo', title: 'To do' },
  { id: 'doing', title: 'Doing' },
  { id: 'done', title: 'Done' },
];
const MOST_TEXT = 280;

/** A note of what an event holds, or undefined: anybody may publish anything to the topic. */
export function noteOf(data) {
  if (typeof data !== 'object' || data === null || typeof data.text !== 'string') return undefined;
  const column = COLUMNS.some(({ id }) => id === data.column) ? data.column : COLUMNS[0].id;
  return {
    text: data.text.slice(0, MOST_TEXT),
    column,
    rank: Number.isFinite(data.rank) ? data.rank : 0,
    by: typeof data.by === 'string' ? data.by.slice(0, 20) : 'somebody',
    hue: Number.isFinite(data.hue) ? data.hue : 220,
  };
}

const inOrder = (a, b) => a.rank - b.rank || (a.id < b.id ? -1 : 1);

/**
 * What there is in the log (`confirmed`, by id) and the changes of this window that are not known
 * to be in there (`pending`, oldest first): `{change, id, note}`, whose note is null if it deletes.
 */
export class Notes {
  constructor(confirmed = {}, pending = []) {
    this.confirmed = new Map(Object.entries(confirmed));
    this.pending = pending;
  }

  /** The state voids all that was confirmed. */
  takeState(entries) {
    this.confirmed.clear();
    for (const { key, data, headers } of entries) {
      this.#put(key, data);
      this.settle(headers?.change);
    }
  }

  apply({ key, data, headers }) {
    if (key) this.#put(key, data);
    this.settle(headers?.change);
  }

  #put(key, data) {
    const note = noteOf(data);
    if (note) this.confirmed.set(key, note);
    else this.confirmed.delete(key);
  }

  add(change, id, note) {
    this.pending.push({ change, id, note });
  }

  /** The change is in the log, or never will be. True if it was waited for. */
  settle(change) {
    const at = this.pending.findIndex((one) => one.change === change);
    if (at >= 0) this.pending.splice(at, 1);
    return at >= 0;
  }

  /** The change is in the log; its event is still to come here, or has come. */
  inLog(change, offset) {
    const one = this.pending.find((other) => other.change === change);
    if (one) one.offset = offset;
  }

  /** All up to this offset is confirmed: what is not known to be behind it is not waited for. */
  settleUpTo(offset) {
    this.pending = this.pending.filter((one) => one.offset > offset);
  }

  /** A note as this window has it. */
  get(id) {
    const last = this.pending.findLast((one) => one.id === id);
    return last ? last.note : this.confirmed.get(id);
  }

  /** The notes of a column in their order. What is being deleted stays until the log has it. */
  of(column) {
    const shown = new Map();
    for (const [id, note] of this.confirmed) shown.set(id, { ...note, id });
    for (const { id, note } of this.pending) {
      const before = shown.get(id);
      if (note) shown.set(id, { ...note, id, waiting: true });
      else if (before) shown.set(id, { ...before, waiting: true, leaving: true });
    }
    return [...shown.values()].filter((note) => note.column === column).sort(inOrder);
  }

  /** A rank before the note `id` of a column, or after its last one. */
  rankBefore(column, id, moved) {
    const others = this.of(column).filter((note) => note.id !== moved);
    const at = others.findIndex((note) => note.id === id);
    if (at < 0) return (others.at(-1)?.rank ?? 0) + 1;
    if (at === 0) return others[0].rank - 1;
    return (others[at - 1].rank + others[at].rank) / 2;
  }

  /** All that is confirmed, as one text that is the same wherever the board is. */
  get canonical() {
    const rows = [...this.confirmed].map(([id, { text, column, rank, by, hue }]) =>
      JSON.stringify([id, text, column, rank, by, hue]));
    return rows.sort().join('\n');
  }
}
