// The text of a message, read.
// protocol/js/: the links share it; what the messages hold is for the client to judge.
import type { ServerMessage } from './messages.js';

/** The message in `text`, or undefined if that is no JSON object with a `type`: PROTOCOL.md 2.1. */
export function decodeMessage(text: unknown): ServerMessage | undefined {
  try {
    const message = typeof text === 'string' ? JSON.parse(text) : undefined;
    return typeof message?.type === 'string' ? message : undefined;
  } catch {
    return undefined;
  }
}
