// A link that is a WebSocket.
// protocol/js/: what the client takes wherever it can; PROTOCOL.md 1 to 7.
import type { Link, LinkContext, LinkWatcher, WebSocketLike } from './link.js';
import type { ClientMessage } from './messages.js';
import { decodeMessage } from './wire.js';

// Networks that swallow the upgrade say nothing at all, and a browser waits minutes for it.
const OPEN_MS = 10_000;

/**
 * Connects to `/v1/ws`. It ends with the close code and the reason the broker gives; with 1006 if
 * it breaks, can't be made, or isn't open after 10 s; with 1002 and `protocol_error` after what is
 * no message.
 */
export function openWebSocket({ base, WebSocket }: LinkContext, watcher: LinkWatcher): Link {
  let socket: WebSocketLike | undefined;
  let over = false;
  const close = (): void => {
    over = true;
    clearTimeout(timer);
    socket?.close();
  };
  const end = (code: number, reason: string): void => {
    if (over) return;
    close();
    watcher.ended({ code, reason });
  };
  const broken = (): void => end(1006, '');
  const timer = setTimeout(broken, OPEN_MS);

  try {
    // Where there are none this throws too.
    socket = new WebSocket!(base.replace(/^http/, 'ws') + '/v1/ws', ['tidemark.v1.json']);
    socket.onopen = () => {
      clearTimeout(timer);
      if (!over) watcher.opened();
    };
    socket.onmessage = ({ data }) => {
      if (over) return;
      const message = decodeMessage(data);
      if (message) watcher.received(message);
      else end(1002, 'protocol_error');
    };
    socket.onclose = ({ code, reason }) => end(code, reason);
    // The close that follows says more. Without a listener some implementations throw.
    socket.onerror = () => undefined;
  } catch {
    // Not before the caller has its link: a secure page may not connect in the clear, say.
    queueMicrotask(broken);
  }

  return {
    kind: 'websocket',
    send(message: ClientMessage): void {
      if (over) return;
      try {
        socket?.send(JSON.stringify(message));
      } catch {
        broken();
      }
    },
    close,
  };
}
