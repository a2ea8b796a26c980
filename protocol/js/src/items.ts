// What a subscription hands to the application.
// protocol/js/: made of the wire's messages by a place.
import type { Gap, GapCause, Position } from './messages.js';

/** An event of the topic. */
export interface EventItem<T = unknown> {
  readonly type: 'event';
  readonly topic: string;
  readonly position: Position;
  readonly offset: number;
  /** When it was appended: milliseconds since 1970. */
  readonly time: number;
  readonly key: string | undefined;
  readonly headers: Readonly<Record<string, string>>;
  /** By the topic's content type a JSON value, a string (`text/…`) or a Uint8Array. */
  readonly data: T;
}

/** The newest event of a key. */
export interface Entry<T = unknown> {
  readonly key: string;
  readonly offset: number;
  readonly time: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly data: T;
}

/**
 * The topic's state as of `position`: whatever the application has of the topic is void, this
 * replaces it, and the events after it follow. PROTOCOL.md 12.
 */
export interface StateItem<State = unknown, T = unknown> {
  readonly type: 'state';
  readonly topic: string;
  readonly position: Position;
  /** Of a bundle. */
  readonly contentType: string | undefined;
  /** A bundle: one document of the application's making; undefined if there are entries. */
  readonly data: State | undefined;
  /** The newest event of each key, by key; undefined if it is a bundle. */
  readonly entries: readonly Entry<T>[] | undefined;
}

/** Beside the broker's causes: the store did not say any more where the application was. */
export type LossCause = GapCause | 'position_lost';

/** What was lost. With `position_lost` it is not known which of them were. */
export interface Loss extends Omit<Gap, 'cause'> {
  readonly cause: LossCause;
}

/** Events that will not come, and what comes instead. PROTOCOL.md 4.9. */
export interface GapItem {
  readonly type: 'gap';
  readonly topic: string;
  readonly gap: Loss;
  /** The earliest event there is, the topic's state, or nothing: the subscription ends. */
  readonly next: 'earliest' | 'state' | 'end';
}

/** What a subscription brings. */
export type Item<T = unknown, State = unknown> = EventItem<T> | StateItem<State, T> | GapItem;
