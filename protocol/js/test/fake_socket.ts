// A WebSocket whose other end is the test.
// protocol/js/: stands in for the platform's, so that a client can be led through anything.
import type { ClientMessage, ServerMessage } from '../src/messages.js';

export class FakeSocket {
  /** All that were made, the newest last. */
  static made: FakeSocket[] = [];
  static get last(): FakeSocket {
    return FakeSocket.made.at(-1)!;
  }

  onopen: ((event: never) => void) | null = null;
  onmessage: ((event: { data: unknown }) => void) | null = null;
  onclose: ((event: { code: number; reason: string }) => void) | null = null;
  onerror: ((event: never) => void) | null = null;
  readyState = 0;
  readonly sent: ClientMessage[] = [];
  closed = false;

  constructor(
    readonly url: string,
    readonly protocols: string[],
  ) {
    FakeSocket.made.push(this);
  }

  send(data: string): void {
    this.sent.push(JSON.parse(data));
  }
  close(): void {
    this.closed = true;
  }

  // ---- what the broker does ----

  open(): void {
    this.readyState = 1;
    this.onopen?.({} as never);
  }
  say(...messages: ServerMessage[]): void {
    for (const message of messages) this.onmessage?.({ data: JSON.stringify(message) });
  }
  end(code = 1006, reason = ''): void {
    this.readyState = 3;
    this.onclose?.({ code, reason });
  }
  /** Messages of one type the client has sent, oldest first. */
  all<Type extends ClientMessage['type']>(type: Type) {
    return this.sent.filter((m): m is Extract<ClientMessage, { type: Type }> => m.type === type);
  }
}
