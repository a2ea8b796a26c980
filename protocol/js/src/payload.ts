// Payloads between the application and the wire.
// protocol/js/: PROTOCOL.md 2.8 is which content type travels how.
import type { Payload } from './messages.js';

/** A JSON value, a string of `text/…`, or bytes. Throws on base64 that is none. */
export function decodePayload(payload: Payload): unknown {
  if (payload.data_base64 === undefined) return payload.data;
  return Uint8Array.from(atob(payload.data_base64), (char) => char.charCodeAt(0));
}

/** Bytes as base64, everything else as the value it is. */
export function encodePayload(data: unknown): Payload {
  if (data instanceof ArrayBuffer) data = new Uint8Array(data);
  if (!ArrayBuffer.isView(data)) return { data: data === undefined ? null : data };
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  return { data_base64: btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join('')) };
}
