// Requests to the broker over HTTP, and what they fail with.
// broker/pages/console/: PROTOCOL.md 9 and 13 are what it speaks; live events come by the client.

const LIMIT_MS = 10_000;

/** What the broker, or the way to it, has answered instead of what was asked for. */
export class ApiError extends Error {
  constructor({ status = 0, code, detail, problem = {} }) {
    super(detail);
    this.name = 'ApiError';
    /** Of HTTP; 0: there was no answer. */
    this.status = status;
    /** A code of PROTOCOL.md 7.3, or `unreachable`, or `http_NNN` of somebody in between. */
    this.code = code;
    this.problem = problem;
  }
}

/** Was it ended by us? Then nobody waits for it any more. */
export const isAbort = (error) => error?.name === 'AbortError';

export class Api {
  #session;
  #health;

  constructor(session, health) {
    this.#session = session;
    this.#health = health;
  }

  /** A page of topics: {topics, next}. */
  topics({ prefix = '', after, limit = 1000 } = {}, signal) {
    return this.#json(`/v1/topics${query({ prefix: prefix || undefined, after, limit })}`, {
      signal,
    });
  }

  topic(name, signal) {
    return this.#json(topicPath(name), { signal });
  }

  createTopic(name, settings) {
    return this.#json(topicPath(name), { method: 'PUT', body: settings });
  }

  trim(name, keep) {
    return this.#json(`${topicPath(name)}/trim`, { method: 'POST', body: { keep } });
  }

  deleteTopic(name) {
    return this.#json(topicPath(name), { method: 'DELETE' });
  }

  publish(name, event) {
    return this.#json(`${topicPath(name)}/events`, { method: 'POST', body: event });
  }

  /** Where in a topic a moment is: {offset}. */
  offsetAt(name, time, signal) {
    return this.#json(`/v1/offsets/${encodeURIComponent(name)}${query({ time })}`, { signal });
  }

  cursors({ topic, prefix = '', after, limit = 1000 } = {}, signal) {
    return this.#json(`/v1/cursors${query({ topic, prefix: prefix || undefined, after, limit })}`, {
      signal,
    });
  }

  producers(topic, after, signal) {
    return this.#json(`/v1/producers/${encodeURIComponent(topic)}${query({ after, limit: 200 })}`, {
      signal,
    });
  }

  stats(signal) {
    return this.#json('/v1/stats', { signal });
  }

  /** Prometheus text. */
  async metrics(signal) {
    const answer = await this.#request('/metrics', { signal });
    return this.#read(answer, 'text', signal);
  }

  async #json(path, init) {
    const answer = await this.#request(path, init);
    return answer.status === 204 ? undefined : this.#read(answer, 'json', init.signal);
  }

  async #request(path, { method = 'GET', body, signal }) {
    const { token } = this.#session;
    const headers = {};
    if (token !== undefined) headers.authorization = `Bearer ${token}`;
    if (body !== undefined) headers['content-type'] = 'application/json';
    const limit = AbortSignal.timeout(LIMIT_MS);
    let answer;
    try {
      answer = await fetch(path, {
        method,
        headers,
        cache: 'no-store',
        redirect: 'error',
        body: body === undefined ? undefined : JSON.stringify(body),
        signal: signal ? AbortSignal.any([signal, limit]) : limit,
      });
    } catch (error) {
      throw this.#unreachable(error, signal);
    }
    if (answer.ok) {
      this.#health.here();
      return answer;
    }
    const error = await failure(answer);
    // A proxy that finds no broker behind it answers in its own words.
    if (/^http_50[234]$/.test(error.code)) this.#health.gone();
    else this.#health.here();
    if (answer.status === 401) this.#session.refused(token, error.code);
    throw error;
  }

  async #read(answer, how, signal) {
    try {
      return await answer[how]();
    } catch (error) {
      throw this.#unreachable(error, signal);
    }
  }

  #unreachable(error, signal) {
    if (signal?.aborted) return new DOMException('nobody waits for it', 'AbortError');
    this.#health.gone();
    const detail =
      error.name === 'TimeoutError'
        ? `The broker has not answered for ${LIMIT_MS / 1000} s.`
        : 'The broker cannot be reached.';
    return new ApiError({ code: 'unreachable', detail });
  }
}

async function failure(answer) {
  let problem = {};
  try {
    problem = await answer.json();
  } catch {
    // Not the broker's answer, or cut short: the status has to do.
  }
  const { status } = answer;
  const detail = problem.detail ?? `The answer was ${status} ${answer.statusText}`.trim();
  return new ApiError({ status, code: problem.code ?? `http_${status}`, detail, problem });
}

const topicPath = (name) => `/v1/topics/${encodeURIComponent(name)}`;

function query(parameters) {
  const given = Object.entries(parameters).filter(([, value]) => value !== undefined);
  return given.length ? `?${new URLSearchParams(given)}` : '';
}

/**
 * All pages of a list up to `most` items: {items, more}. A page may be short, or empty, and not be
 * the last.
 */
export async function collect(page, member, most) {
  const items = [];
  let after;
  do {
    const answer = await page(after);
    items.push(...answer[member]);
    after = answer.next;
  } while (after !== undefined && items.length < most);
  return { items: items.slice(0, most), more: after !== undefined || items.length > most };
}
