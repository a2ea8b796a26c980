// A topic followed: the events it keeps to show, and when it holds back.
// broker/pages/console/: no elements here. It follows by the client's rules: an event counts as
// taken once the page has it, so holding back costs the broker nothing and loses nothing.
import { Signal } from './signal.js';

/** Most events kept, and most text of them: beyond it the oldest go. */
const KEPT = 1000;
const KEPT_CHARACTERS = 16 * 1024 * 1024;
/** After a jump so many events are shown before the page asks whether to go on. */
const PAGE = 500;
/** A live tail begins with so many. */
const LAST = 100;

export class Tail {
  /** Told, once a frame at most, when items, status or anything else has changed. */
  changed = new Signal();
  /** {item, text, serial}: events, gaps and states, oldest first. */
  items = [];
  /** The client's status; undefined before there is one. */
  connection;
  /** What keeps it from being a tail at all. */
  failure;
  paused = false;
  /** A page of events after a jump is full; more() goes on. */
  full = false;
  /** Events let go since the start shown, for want of room. */
  dropped = 0;
  #topic;
  #token;
  #makeClient;
  #client;
  #subscription;
  #ended; // its last status
  #start = { last: LAST };
  #filter;
  #room = Infinity;
  #characters = 0;
  #serial = 0;
  #proceed; // fulfils the promise an event waits for
  #run = 0;
  #frame = 0;

  /** `makeClient(options)` gives a TidemarkClient; `token` as its option, or undefined. */
  constructor(topic, token, makeClient) {
    this.#topic = topic;
    this.#token = token;
    this.#makeClient = makeClient;
  }

  async open() {
    try {
      this.#client = await this.#makeClient(
        this.#token === undefined ? {} : { token: this.#token },
      );
    } catch (error) {
      this.failure = error;
      return this.#tell();
    }
    this.connection = this.#client.status;
    this.#client.on('status', (status) => {
      this.connection = status;
      this.#tell();
    });
    this.#follow();
  }

  close() {
    this.#run += 1;
    cancelAnimationFrame(this.#frame);
    void this.#client?.close();
  }

  /** The subscription's status at this moment; undefined before there is one. */
  get status() {
    return this.#ended ?? this.#subscription?.status;
  }

  /** Whether the newest events are what it is after. */
  get live() {
    return this.#room === Infinity;
  }

  /** The broker is known to be back: connects at once. */
  hurry() {
    this.#client?.resume();
  }

  pause() {
    this.paused = true;
    this.#tell();
  }

  resume() {
    this.paused = false;
    this.#go();
  }

  /** The next page after a jump. */
  more() {
    this.full = false;
    this.#room = PAGE;
    this.#go();
  }

  /** The newest events, and those that come. */
  toLive() {
    this.#restart({ last: LAST }, Infinity);
  }

  /** Where it is told to: options of a subscription, `after`, `time`, `last` or `from`. */
  jump(start) {
    this.#restart(start, PAGE);
  }

  /** Those alone that the broker's filter lets pass, from where it began before. */
  filter(filter) {
    this.#filter = filter;
    this.#restart(this.#start, this.live ? Infinity : PAGE);
  }

  clear() {
    this.items = [];
    this.#characters = 0;
    this.dropped = 0;
    this.#tell();
  }

  #restart(start, room) {
    this.#start = start;
    this.#room = room;
    this.paused = false;
    this.full = false;
    this.#release();
    this.clear();
    this.#subscription?.close();
    this.#follow();
  }

  #follow() {
    if (!this.#client) return;
    const run = ++this.#run;
    const mine = (work) => (value) => (run === this.#run ? work(value) : undefined);
    this.#ended = undefined;
    this.#subscription = this.#client.subscribe(
      this.#topic,
      {
        ...this.#start,
        ...(this.#filter ? { filter: this.#filter } : {}),
        onGap: 'earliest',
        position: false,
        maxQueued: KEPT,
      },
      {
        event: mine((item) => this.#take(item, run)),
        gap: mine((item) => this.#take(item, run)),
        status: mine(() => this.#tell()),
        ended: mine((error) => {
          this.#ended = { state: 'ended', behind: 0, error };
          this.#tell();
        }),
      },
    );
    this.#tell();
  }

  /** Keeps an item; what it returns holds the next one back. */
  async #take(item, run) {
    while (this.paused || this.full) {
      await new Promise((fulfil) => {
        this.#proceed = fulfil;
      });
      if (run !== this.#run) return;
    }
    const text = textOf(item);
    this.items.push({ item, text, serial: ++this.#serial });
    this.#characters += text.length;
    while (
      this.items.length > KEPT ||
      (this.#characters > KEPT_CHARACTERS && this.items.length > 1)
    ) {
      this.#characters -= this.items.shift().text.length;
      this.dropped += 1;
    }
    this.#room -= 1;
    this.full = this.#room === 0;
    this.#tell();
  }

  #go() {
    this.#release();
    this.#tell();
  }

  #release() {
    this.#proceed?.();
    this.#proceed = undefined;
  }

  #tell() {
    if (this.#frame) return;
    this.#frame = requestAnimationFrame(() => {
      this.#frame = 0;
      this.changed.set();
    });
  }
}

/** The data in one line, for the list and for the filter. */
export function textOf(item) {
  if (item.type !== 'event') return '';
  const { data } = item;
  if (typeof data === 'string') return data;
  if (data instanceof Uint8Array) return `${data.length} bytes`;
  return JSON.stringify(data) ?? '';
}
