// What the parts of an HTTP link share: requests, the credential they carry, and the link's end.
// protocol/js/: http_link and its http_streams ask through it.
import type { LinkContext, LinkWatcher } from './link.js';
import type { ErrorMessage, ServerMessage } from './messages.js';

// Nobody else ends a request on a connection that is dead and doesn't know it. As the broker has
// it, a body takes a second more for every KiB.
const ANSWER_MS = 60_000;
const CHARS_PER_MS = 1;

/** What the broker has answered, as JSON. A failure is a problem of PROTOCOL.md 9.5. */
export interface Answer {
  readonly ok: boolean;
  readonly body: Readonly<Record<string, unknown>>;
}

/** What a request was about. */
export interface Subject {
  readonly id?: number | undefined;
  readonly topic?: string | undefined;
}

/** The error message that tells a client of a problem. */
export function errorOf(problem: Answer['body'], { id, topic }: Subject): ErrorMessage {
  const { detail: message } = problem;
  return { ...problem, type: 'error', message, id, topic } as unknown as ErrorMessage;
}

/** A parameter's value. Half of a surrogate pair is no text, and becomes U+FFFD as in UTF-8. */
export function encode(value: string): string {
  return encodeURIComponent(value.replace(/\p{Surrogate}/gu, '\ufffd'));
}

export class HttpExchange {
  token = '';
  /** Answers are seen when they are whole: this platform, or a proxy, holds them back till then. */
  whole = false;
  over = false;
  readonly #running = new AbortController();

  readonly #context: LinkContext;
  readonly #watcher: LinkWatcher;
  readonly #stop: () => void;

  /** `stop` is called when it is over, for whatever reason. */
  constructor(context: LinkContext, watcher: LinkWatcher, stop: () => void) {
    this.#context = context;
    this.#watcher = watcher;
    this.#stop = stop;
  }

  tell(message: ServerMessage): void {
    if (!this.over) this.#watcher.received(message);
  }

  /** Ends the link. Without arguments: it broke. */
  end(code = 1006, reason = ''): void {
    if (this.over) return;
    this.close();
    this.#watcher.ended({ code, reason });
  }

  close(): void {
    this.over = true;
    this.#running.abort();
    this.#stop();
  }

  /** Rejects if there is no answer. */
  async fetch(path: string, init: RequestInit = {}): Promise<Response> {
    // A browser's own can't be called as a method of anything else.
    const { base, fetch } = this.#context;
    const shown = this.token && { authorization: `Bearer ${this.token}` };
    const headers = { ...init.headers, ...shown };
    const response = await fetch(base + path, { signal: this.#running.signal, ...init, headers });
    if (!response.body) this.whole = true;
    return response;
  }

  /** Undefined if the link has ended: what the broker would never answer ends it, as a 401 does. */
  async read(response: Response): Promise<Answer | undefined> {
    const { ok, status } = response;
    const body = await response.json().catch(() => undefined);
    if (status === 401) this.end(3000, body?.code ?? 'unauthorized');
    else if (body && (ok || typeof body.code === 'string')) return { ok, body };
    else this.end();
    return undefined;
  }

  /** Undefined if the link has ended, as it does if the answer isn't there in time. */
  async ask(path: string, init: RequestInit = {}, ms = ANSWER_MS): Promise<Answer | undefined> {
    if (this.over) return undefined;
    const more = String(init.body ?? '').length / CHARS_PER_MS;
    const timer = setTimeout(() => this.end(), ms + more);
    const response = await this.fetch(path, init).catch(() => undefined);
    const answer = response && (await this.read(response));
    clearTimeout(timer);
    if (!answer) this.end();
    return answer;
  }
}
