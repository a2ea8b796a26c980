// Publishes a test event to a topic.
// broker/pages/console/: the topic's content type says how the data is taken.
import { field } from './dialogs.js';
import { h, setAttribute, setText } from './dom.js';
import * as format from './format.js';
import { refusal, RIGHTS } from './words.js';

/** {node, focus()}; `contentTypeOf()` gives the topic's, once it is known. */
export function publishForm(app, topic, contentTypeOf) {
  const data = h(
    'textarea',
    { name: 'data', rows: '5', spellcheck: 'false', required: true },
    '{"hello":"world"}',
  );
  const key = h('input', { name: 'key', type: 'text', autocomplete: 'off', spellcheck: 'false' });
  const headers = h('textarea', { name: 'headers', rows: '2', spellcheck: 'false' });
  const result = h('p', { class: 'result', role: 'status' });
  const button = h('button', { type: 'submit', class: 'primary' }, 'Publish');
  let untouched = true;

  const say = (text, kind) => {
    setText(result, text);
    result.dataset.kind = kind;
  };
  const publish = async (event) => {
    event.preventDefault();
    const made = eventOf(
      data.value,
      key.value,
      headers.value,
      contentTypeOf() ?? 'application/json',
    );
    setAttribute(data, 'aria-invalid', made.wrong === 'data' ? 'true' : null);
    setAttribute(headers, 'aria-invalid', made.wrong === 'headers' ? 'true' : null);
    if (made.problem) {
      say(made.problem, 'bad');
      (made.wrong === 'data' ? data : headers).focus();
      return;
    }
    button.disabled = true;
    say('Publishing', 'busy');
    const begun = performance.now();
    try {
      const { last } = await app.api.publish(topic, made.event);
      say(
        `Stored as event ${format.count(last)}, in ${Math.max(1, Math.round(performance.now() - begun))} ms.`,
        'good',
      );
    } catch (error) {
      say(refusal(error, RIGHTS.publish), 'bad');
    }
    button.disabled = false;
  };
  const keydown = (event) => {
    if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) form.requestSubmit();
  };
  const form = h(
    'form',
    {
      class: 'publish panel',
      novalidate: true,
      'aria-label': 'Publish a test event',
      on: { submit: publish, keydown },
    },
    h('h2', {}, 'Publish a test event'),
    field('Key (optional)', key),
    field('Data', data, 'Ctrl+Enter publishes.'),
    field('Headers (optional)', headers, 'One in a line, as in region: eu'),
    h('div', { class: 'actions' }, button),
    result,
  );
  data.addEventListener('input', () => {
    untouched = false;
  });
  return {
    node: form,
    focus: () => data.focus(),
    /** The example fits the topic. */
    contentType(type) {
      if (untouched && !isJson(type)) data.value = 'Hello, world';
      setText(form.querySelector(`#${data.id}-hint`), `${type}. Ctrl+Enter publishes.`);
    },
  };
}

const isJson = (type) => /^application\/json\b|\+json\b/.test(type);

/** {event} as the broker takes it (PROTOCOL.md 3), or {problem, wrong} in words. */
export function eventOf(data, key, headers, contentType) {
  const event = {};
  if (key !== '') event.key = key;
  const parsed = parseHeaders(headers);
  if (parsed.problem) return { problem: parsed.problem, wrong: 'headers' };
  if (parsed.headers) event.headers = parsed.headers;
  if (isJson(contentType)) {
    try {
      event.data = JSON.parse(data);
    } catch (error) {
      return { problem: `The data is not JSON: ${error.message}`, wrong: 'data' };
    }
  } else if (contentType.startsWith('text/')) {
    event.data = data;
  } else {
    event.data_base64 = base64Of(new TextEncoder().encode(data));
  }
  return { event };
}

function parseHeaders(text) {
  const lines = text
    .split('\n')
    .map((line) => line.trim())
    .filter(Boolean);
  if (lines.length === 0) return {};
  const headers = {};
  for (const line of lines) {
    const colon = line.indexOf(':');
    if (colon < 1)
      return { problem: `The header “${line}” has no name and value: write name: value` };
    headers[line.slice(0, colon).trim()] = line.slice(colon + 1).trim();
  }
  return { headers };
}

function base64Of(bytes) {
  let text = '';
  for (const byte of bytes) text += String.fromCharCode(byte);
  return btoa(text);
}
