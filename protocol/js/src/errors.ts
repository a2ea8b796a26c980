// What goes wrong, by name.
// protocol/js/: the broker's errors keep their codes (PROTOCOL.md 7.3); the client has some of its
// own.
import type { Gap } from './messages.js';

/** Errors that begin in the client. */
export type ClientErrorCode =
  /** The client, or the subscription, was closed by the application. */
  | 'closed'
  /** The outbox holds as many events, or bytes, as it may. Nothing was taken. */
  | 'outbox_full'
  /** The store could not be read or written (a full quota, say). What was to be kept is not. */
  | 'store_failed'
  /** What the store holds is not what this client has written there. */
  | 'store_corrupt'
  /** The function that gets tokens failed, or gave none. */
  | 'token_failed'
  /** A handler of the application threw; the event it was given does not count as applied. */
  | 'handler_failed'
  /** The broker has said what it never should: it is another version, or something else. */
  | 'protocol_error'
  /** This connection, or this platform, can't do what was asked for. */
  | 'unsupported';

/**
 * A code of the broker's or of the client's. The type names those of the client and leaves the
 * others open, so that a newer broker's codes fit.
 */
export type ErrorCode = ClientErrorCode | (string & {});

/** What an error may have beside its code and its text. */
export interface ErrorDetails {
  readonly topic?: string | undefined;
  readonly gap?: Gap | undefined;
  /** When the broker would take the request, from now. */
  readonly retryAfterMs?: number | undefined;
  readonly cause?: unknown;
}

/** The one type of all errors this package throws, rejects with and reports. */
export class TidemarkError extends Error {
  override readonly name = 'TidemarkError';
  readonly code: ErrorCode;
  readonly topic: string | undefined;
  /** What was lost, if the error is a gap. */
  readonly gap: Gap | undefined;
  readonly retryAfterMs: number | undefined;

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, details);
    this.code = code;
    ({ topic: this.topic, gap: this.gap, retryAfterMs: this.retryAfterMs } = details);
  }
}

// PROTOCOL.md 7.4; those of connections end the link instead.
const PASSING =
  /^(overloaded|shutting_down|storage_failed|disk_full|state_failed|rate_limited|timed_out|cancelled)$/;

/** May the same request be taken later? */
export function mayPass(code: string): boolean {
  return PASSING.test(code);
}
