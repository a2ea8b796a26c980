// Where a reader is in one topic, and what each message of the broker does to that.
// protocol/js/: a subscription has one; it checks what the broker promises.
import { TidemarkError } from './errors.js';
import type { Entry, Item, Loss } from './items.js';
import type {
  EventMessage,
  OnGap,
  Payload,
  Position,
  ServerMessage,
  StateMessage,
  SubscribedMessage,
} from './messages.js';
import { decodePayload } from './payload.js';

/** What a message comes to. */
export interface Outcome {
  /** For the application. */
  readonly item?: Item;
  /** Where the reader is once that has been applied. */
  readonly position?: Position | undefined;
  readonly caughtUp?: boolean;
}

/** What may come before the first event: a state must, may, or must not. */
export type Beginning = 'state' | 'either' | 'events';

const NOTHING: Outcome = {};

export class Place {
  /** Of what has been received last: where a lost connection is resumed from. */
  position: Position | undefined;
  /** Nothing but a state, from its first part on, is of use now. */
  awaitsState = false;
  /** Newest offset of the topic that has been heard of. */
  head = 0;
  #epoch = 0;
  /** Counts as soon as something other than a state comes. */
  #begun: Position | undefined;
  /** After a gap the next event's offset is what it is. */
  #jump = false;
  #parts: Entry[] | undefined;

  readonly #topic: string;
  readonly #onGap: OnGap;
  readonly #filtered: boolean;

  constructor(topic: string, onGap: OnGap, filtered: boolean) {
    this.#topic = topic;
    this.#onGap = onGap;
    this.#filtered = filtered;
  }

  /** Returns the position if that is known now, before anything has come. */
  subscribed(message: SubscribedMessage, beginning: Beginning): Position | undefined {
    this.#jump = false;
    this.#parts = undefined;
    this.awaitsState = beginning === 'state';
    this.#epoch = message.epoch;
    this.head = message.head;
    this.#begun = undefined;
    if (this.position) return undefined;
    const position = { epoch: message.epoch, offset: message.offset };
    // Else it may be the position of a state that is lost on its way.
    if (beginning === 'events') return (this.position = position);
    this.#begun = position;
    return undefined;
  }

  /**
   * Throws a TidemarkError if the message breaks a promise of the broker's; nothing has moved then.
   */
  take(message: ServerMessage): Outcome {
    switch (message.type) {
      case 'event':
        return this.#event(message);
      case 'state':
        return this.#state(message);
      case 'gap':
        return this.#gap(message);
      case 'advanced':
        return this.#advanced(message.offset);
      case 'epoch':
        this.#begin('a new epoch');
        this.#epoch = message.epoch;
        this.position = { epoch: message.epoch, offset: this.position!.offset };
        return { position: this.position };
      case 'caught_up':
        this.#begin('the end');
        return { caughtUp: true };
      default:
        return NOTHING;
    }
  }

  /** The events behind a position that the store has lost. */
  lost(head: number, earliest: number): Outcome {
    const epoch = this.#epoch;
    const gap: Loss = { first: 1, end: earliest, cause: 'position_lost', epoch, earliest, head };
    return this.#gap(gap, this.awaitsState ? 'state' : this.#onGap);
  }

  #begin(what: string): void {
    if (this.awaitsState) throw this.#wrong(`${what} before the state`);
    this.position ??= this.#begun;
    this.#begun = undefined;
    if (!this.position) throw this.#wrong(`${what} too early`);
  }

  #event(message: EventMessage): Outcome {
    this.#begin('an event');
    const { offset, time, key, headers = {} } = message;
    const last = this.position!.offset;
    if (!this.#jump && offset <= last) return NOTHING; // seen
    if (!this.#jump && !this.#filtered && offset !== last + 1) {
      throw this.#wrong(`event ${offset} after ${last}`);
    }
    const data = this.#decoded(message);
    const position = { epoch: this.#epoch, offset };
    this.#jump = false;
    this.position = position;
    this.head = Math.max(this.head, offset);
    return {
      item: { type: 'event', topic: this.#topic, position, offset, time, key, headers, data },
      position,
    };
  }

  /** Until a state is whole its reader is where it was. */
  #state(part: StateMessage): Outcome {
    if (part.first) this.#parts = [];
    if (!this.#parts) throw this.#wrong('half a state');
    for (const { key, offset, time, headers = {}, ...payload } of part.entries ?? []) {
      this.#parts.push({ key, offset, time, headers, data: this.#decoded(payload) });
    }
    if (!part.last) {
      this.awaitsState = true;
      return NOTHING;
    }
    const contentType = part.content_type;
    const data = part.entries ? undefined : this.#decoded(part);
    const entries = part.entries ? this.#parts : undefined;
    const position = { epoch: part.epoch, offset: part.offset };
    this.#parts = this.#begun = undefined;
    this.awaitsState = this.#jump = false;
    this.#epoch = part.epoch;
    this.head = Math.max(this.head, part.offset);
    this.position = position;
    const item = {
      type: 'state',
      topic: this.#topic,
      position,
      contentType,
      data,
      entries,
    } as const;
    return { item, position };
  }

  #gap(gap: Loss, onGap = this.#onGap): Outcome {
    const { first, end, cause, epoch, earliest, head } = gap;
    this.#begun = this.#parts = undefined;
    this.#epoch = epoch;
    this.head = head;
    this.awaitsState = onGap === 'state';
    if (onGap === 'earliest') {
      this.#jump = true;
      this.position = afterGap(gap);
    }
    const told = { first, end, cause, epoch, earliest, head };
    const next = onGap === 'fail' ? 'end' : onGap;
    return {
      item: { type: 'gap', topic: this.#topic, gap: told, next },
      position: next === 'earliest' ? this.position : undefined,
    };
  }

  #advanced(offset: number): Outcome {
    this.#begin('an advance');
    if (offset <= this.position!.offset) return NOTHING;
    if (!this.#filtered) throw this.#wrong(`an advance without a filter`);
    this.#jump = false;
    this.position = { epoch: this.#epoch, offset };
    return { position: this.position };
  }

  #decoded(payload: Payload): unknown {
    try {
      return decodePayload(payload);
    } catch (cause) {
      throw this.#wrong('no base64', cause);
    }
  }

  #wrong(what: string, cause?: unknown): TidemarkError {
    const topic = this.#topic;
    return new TidemarkError('protocol_error', `${topic}: ${what}`, { topic, cause });
  }
}

/** Before the earliest event there is, or past a damaged stretch further on. */
export function afterGap({ cause, end, earliest, epoch }: Loss): Position {
  const ours = cause !== 'epoch' && cause !== 'ahead' && cause !== 'position_lost';
  return { epoch, offset: Math.max(ours ? end : 1, earliest, 1) - 1 };
}
