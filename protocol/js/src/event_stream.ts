// Server-sent events out of pieces of text.
// protocol/js/: the HTML Standard, 9.2.6; http_stream feeds it, decoded without a byte order mark.
// Names and ids of events are passed over: a stream of messages has none (PROTOCOL.md 10.14).

// A state of 64 MiB in base64, and what stands around it.
const MOST_CHARS = ((64 * 4) / 3 + 1) * 1024 * 1024;

/** Reads one stream. */
export class EventStream {
  /** How long to wait before coming back, in ms: the last the stream has said, if it did. */
  retry: number | undefined;
  #afterCr = false;
  #line = '';
  #data: string | undefined;
  #size = 0;

  /** Takes events of at most so many characters, and lines within. */
  constructor(private readonly most = MOST_CHARS) {}

  /**
   * The data of the events that are whole with this piece, which may begin and end anywhere. What
   * the last piece leaves unfinished is no event. Throws if an event is larger than any can be.
   */
  push(piece: string): string[] {
    const out: string[] = [];
    let from = 0;
    if (this.#afterCr && piece) {
      this.#afterCr = false;
      if (piece[0] === '\n') from = 1;
    }
    const ends = /\r\n?|\n/g;
    ends.lastIndex = from;
    for (let found = ends.exec(piece); found; found = ends.exec(piece)) {
      this.#grow(piece.slice(from, found.index));
      from = ends.lastIndex;
      this.#afterCr = found[0] === '\r' && from === piece.length;
      this.#endLine(out);
    }
    // Not looked through again with the next piece: a large event comes in very many.
    this.#grow(piece.slice(from));
    return out;
  }

  #grow(text: string): void {
    this.#size += text.length;
    if (this.#size > this.most) throw new RangeError('too large an event');
    this.#line += text;
  }

  #endLine(out: string[]): void {
    const line = this.#line;
    this.#line = '';
    if (!line) {
      if (this.#data !== undefined) out.push(this.#data);
      this.#data = undefined;
      this.#size = 0;
      return;
    }
    const colon = line.indexOf(':');
    const name = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? '' : line.slice(colon + (line[colon + 1] === ' ' ? 2 : 1));
    if (name === 'data') this.#data = this.#data === undefined ? value : this.#data + '\n' + value;
    else if (name === 'retry' && /^\d+$/.test(value)) this.retry = Number(value);
    else if (!name) this.#size -= line.length; // a comment
  }
}
