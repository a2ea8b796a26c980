// The board's topic: made if there is none, and what the broker says if it can't be.
// broker/pages/demo/: plain requests; everything else goes through the client.
export const TOPIC = 'demo/board';
const ADDRESS = `/v1/topics/${TOPIC}`;
// It keeps the latest of each note whatever is forgotten; the events before are for those who come back.
const SETTINGS = {
  content_type: 'application/json',
  keep_latest: true,
  retention: { max_events: 10000, max_bytes: 0, max_age_ms: 0 },
};
const LIMIT_MS = 10_000;

/** Why a request failed. `passing`: it may be taken later. */
export class Refusal extends Error {
  constructor(message, passing, code) {
    super(message);
    this.passing = passing;
    this.code = code;
  }
}

async function ask(method, path, body) {
  let answer;
  try {
    answer = await fetch(path, {
      method,
      headers: body ? { 'content-type': 'application/json' } : {},
      body: body && JSON.stringify(body),
      signal: AbortSignal.timeout(LIMIT_MS),
    });
  } catch (error) {
    throw new Refusal(`The broker cannot be reached: ${error.message}`, true);
  }
  if (answer.ok) return answer;
  const problem = await answer.json().catch(() => ({}));
  const words = problem.detail ?? answer.statusText;
  const passing = answer.status === 429 || answer.status >= 500;
  throw new Refusal(`The broker says: ${words} (${answer.status})`, passing, problem.code);
}

/** Makes the topic, or sees that it is as it should be. True if it is new. */
export async function ensureTopic() {
  return (await ask('PUT', ADDRESS, SETTINGS)).status === 201;
}

/** Deletes it with all its notes. */
export async function deleteTopic() {
  await ask('DELETE', ADDRESS);
}

/** Has the broker forget the events before `offset`, for everybody. */
export async function forgetBefore(offset) {
  await ask('POST', `${ADDRESS}/trim`, { keep: offset });
}
