// The messages of the wire, as JSON: what a link carries.
// protocol/js/: PROTOCOL.md, sections 2 to 14, is what they mean.

/** The offset of the last event somebody has, and which history it is of. PROTOCOL.md 4.1. */
export interface Position {
  readonly epoch: number;
  readonly offset: number;
}

/** Why events are lost. PROTOCOL.md 4.9. */
export type GapCause = 'count' | 'bytes' | 'age' | 'trimmed' | 'epoch' | 'ahead' | 'corrupt';

/** Events that will not come: from `first` up to but without `end`. PROTOCOL.md 4.9. */
export interface Gap {
  readonly first: number;
  readonly end: number;
  readonly cause: GapCause;
  /** The history now, and where it begins and ends. */
  readonly epoch: number;
  readonly earliest: number;
  readonly head: number;
}

/** What to do when events after a position are gone. PROTOCOL.md 4.8. */
export type OnGap = 'fail' | 'earliest' | 'state';

/** Which events are sent. PROTOCOL.md 14.5. */
export interface Filter {
  /** Events with one of these keys; one that ends in `*` is what a key begins with. */
  readonly keys?: readonly string[];
  /** Events that have each of these headers, with one of the values given. */
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
}

/** How far behind is too far. PROTOCOL.md 12.5. */
export interface StateIfBehind {
  readonly events?: number;
  readonly bytes?: number;
}

export interface SubscribeMessage {
  type: 'subscribe';
  id: number;
  topic: string;
  after?: Position;
  from?: 'earliest' | 'now';
  last?: number;
  time?: number;
  state?: true;
  on_gap?: OnGap;
  state_if_behind?: StateIfBehind;
  filter?: Filter;
  cursor?: string;
}

export interface UnsubscribeMessage {
  type: 'unsubscribe';
  id: number;
  topic: string;
}

/** A payload travels as `data`, or as bytes in base64. PROTOCOL.md 2.8. */
export interface Payload {
  data?: unknown;
  data_base64?: string;
}

export interface Producer {
  id: string;
  epoch: number;
  sequence: number;
}

export interface PublishMessage extends Payload {
  type: 'publish';
  id: number;
  topic: string;
  key?: string;
  headers?: Record<string, string>;
  producer?: Producer;
  content_type?: string;
}

export interface PingMessage {
  type: 'ping';
  id: number;
}

export interface AuthMessage {
  type: 'auth';
  id: number;
  token: string;
}

export interface AckMessage {
  type: 'ack';
  id: number;
  topic: string;
  cursor: string;
  epoch: number;
  offset: number;
}

export type ClientMessage =
  SubscribeMessage | UnsubscribeMessage | PublishMessage | PingMessage | AuthMessage | AckMessage;

export interface SubscribedMessage {
  type: 'subscribed';
  id?: number;
  topic: string;
  epoch: number;
  offset: number;
  head: number;
  earliest: number;
  content_type: string;
}

export interface UnsubscribedMessage {
  type: 'unsubscribed';
  id?: number;
  topic: string;
  reason?: string;
}

export interface EventMessage extends Payload {
  type: 'event';
  topic: string;
  offset: number;
  time: number;
  key?: string;
  headers?: Record<string, string>;
}

/** The newest event of a key, in a state. PROTOCOL.md 12.2. */
export interface EntryMessage extends Payload {
  key: string;
  offset: number;
  time: number;
  headers?: Record<string, string>;
}

export interface StateMessage extends Payload {
  type: 'state';
  topic: string;
  epoch: number;
  offset: number;
  first: boolean;
  last: boolean;
  content_type?: string;
  entries?: EntryMessage[];
}

export interface CaughtUpMessage {
  type: 'caught_up';
  topic: string;
  offset: number;
}

export interface AdvancedMessage {
  type: 'advanced';
  topic: string;
  offset: number;
}

export interface EpochMessage {
  type: 'epoch';
  topic: string;
  epoch: number;
  first: number;
}

export interface GapMessage extends Gap {
  type: 'gap';
  topic: string;
}

export interface PublishedMessage {
  type: 'published';
  id: number;
  topic: string;
  epoch: number;
  /** Left out of a duplicate whose offsets are no longer remembered. */
  first?: number;
  last?: number;
  duplicate?: boolean;
}

export interface ErrorMessage {
  type: 'error';
  id?: number;
  code: string;
  message: string;
  topic?: string;
  gap?: Gap;
  head?: number;
  expected_sequence?: number;
  producer_epoch?: number;
  retry_after_ms?: number;
}

export interface PongMessage {
  type: 'pong';
  id: number;
}

export interface GoodbyeMessage {
  type: 'goodbye';
  reconnect_after_ms: number;
}

export interface AuthenticatedMessage {
  type: 'authenticated';
  id?: number;
  subject: string;
  expires?: number;
}

export interface TokenExpiresMessage {
  type: 'token_expires';
  in_ms: number;
}

export interface AcknowledgedMessage {
  type: 'acknowledged';
  id?: number;
  topic: string;
  cursor: string;
  epoch: number;
  offset: number;
}

/** What a broker sends that this client knows; others are passed over (PROTOCOL.md 2.2). */
export type ServerMessage =
  | SubscribedMessage
  | UnsubscribedMessage
  | EventMessage
  | StateMessage
  | CaughtUpMessage
  | AdvancedMessage
  | EpochMessage
  | GapMessage
  | PublishedMessage
  | ErrorMessage
  | PongMessage
  | GoodbyeMessage
  | AuthenticatedMessage
  | TokenExpiresMessage
  | AcknowledgedMessage;
