// What is typed into a tail's filter: what the broker leaves out, and what the page does not show.
// broker/pages/console/: pure; PROTOCOL.md 14.5 is the broker's part.

/**
 * {broker, words}: `key:NAME` (may end in *) and `header:NAME=VALUE` are the broker's filter, each
 * as often as wanted; every other word has to be in the event's text.
 */
export function parseFilter(text) {
  const keys = [];
  const headers = {};
  const words = [];
  for (const word of text.split(/\s+/).filter(Boolean)) {
    const header = /^header:([^=]+)=(.*)$/.exec(word);
    if (word.startsWith('key:') && word.length > 4) keys.push(word.slice(4));
    else if (header) (headers[header[1]] ??= []).push(header[2]);
    else words.push(word.toLowerCase());
  }
  const broker = {
    ...(keys.length ? { keys: [...new Set(keys)] } : {}),
    ...(Object.keys(headers).length ? { headers: unique(headers) } : {}),
  };
  return { broker: Object.keys(broker).length ? broker : undefined, words };
}

function unique(headers) {
  return Object.fromEntries(
    Object.entries(headers).map(([name, values]) => [name, [...new Set(values)]]),
  );
}
