// A connection to the broker, whatever it is made of: messages in both directions until it ends.
// protocol/js/: websocket_link and http_link are two; the client has one at a time.
import type { ClientMessage, ServerMessage } from './messages.js';

/** Why a link is no more. */
export interface LinkEnd {
  /** A WebSocket's close code (PROTOCOL.md 7.3), also where there is none: 1006, it broke. */
  readonly code: number;
  /** The code of the error as PROTOCOL.md 7.3 has it, if the broker said one; or empty. */
  readonly reason: string;
}

/** Is told what happens. Nothing after `ended`, and nothing after the link was closed. */
export interface LinkWatcher {
  opened(): void;
  received(message: ServerMessage): void;
  /** Once: it broke, was refused, or could not be made. */
  ended(end: LinkEnd): void;
}

export interface Link {
  /** How it travels. */
  readonly kind: 'websocket' | 'http';
  /**
   * Sends, in order within a topic. Pre: opened. Never throws: what goes wrong is answered by an
   * `error` message with the same id, or ends the link.
   */
  send(message: ClientMessage): void;
  /** Ends it at once; the watcher hears nothing more. */
  close(): void;
}

/** The part of a WebSocket that is used. */
export interface WebSocketLike {
  onopen: ((event: never) => void) | null;
  onmessage: ((event: { data: unknown }) => void) | null;
  onclose: ((event: { code: number; reason: string }) => void) | null;
  onerror: ((event: never) => void) | null;
  send(data: string): void;
  close(code?: number, reason?: string): void;
}
/** The platform's `WebSocket`, or one of a package for those that have none. */
export type WebSocketMaker = new (url: string, protocols: string[]) => WebSocketLike;

/** What links are made with. */
export interface LinkContext {
  /**
   * Of the broker: `https://host:port`, perhaps with a path before `/v1`, without a slash behind.
   */
  readonly base: string;
  readonly fetch: typeof fetch;
  readonly WebSocket: WebSocketMaker | undefined;
}
