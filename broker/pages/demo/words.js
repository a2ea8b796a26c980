// What has happened, in words.
// broker/pages/demo/: status line, journal and guide say the same things the same way.
import { COLUMNS } from './notes.js';

export const plural = (n, one, many = `${one}s`) => `${n.toLocaleString('en')} ${n === 1 ? one : many}`;

const short = (text) => `“${text.length > 32 ? `${text.slice(0, 31)}…` : text}”`;
const titleOf = (column) => COLUMNS.find(({ id }) => id === column).title;

/** What an event did to a note: `before` and `after` are the note, or undefined. */
export function change(before, after) {
  if (!after) return before ? `deleted ${short(before.text)}` : 'deleted what was gone already';
  if (!before) return `wrote ${short(after.text)}`;
  if (before.text !== after.text) return `changed ${short(before.text)} to ${short(after.text)}`;
  if (before.column !== after.column) return `moved ${short(after.text)} to ${titleOf(after.column)}`;
  return `moved ${short(after.text)}`;
}

/** A name for an epoch; the number itself is long, and says nothing. */
export const epochName = (epoch) => epoch.toString(36).slice(-4).padStart(4, '0');

/** The connection: a state for the eye, and words. `wanted`: this window is to be online. */
export function connection(status, wanted) {
  if (!wanted) return { state: 'paused', words: 'Offline' };
  switch (status.state) {
    case 'live':
      return { state: 'live', words: status.transport === 'http' ? 'Live, over HTTP' : 'Live' };
    case 'offline':
      return { state: 'offline', words: 'No connection' };
    case 'unauthorized':
      return { state: 'offline', words: 'The broker asks for a token' };
    case 'closed':
      return { state: 'offline', words: 'Closed' };
    default:
      return { state: 'connecting', words: 'Connecting' };
  }
}

const CAUSES = {
  count: 'retention', bytes: 'retention', age: 'retention', trimmed: 'a trim',
  epoch: 'another history', ahead: 'a log that is shorter now', corrupt: 'damage',
  position_lost: 'a lost position',
};

export function gap({ first, end, cause }) {
  const range = end - first === 1 ? `Event ${first} is` : `Events ${first} to ${end - 1} are`;
  return `Gap: ${range} gone (${CAUSES[cause] ?? cause}); the state comes instead`;
}

/** `error` is what ended the connection, if anything is known of it. */
export function lost(error) {
  const why = error && error.code !== 'connection_lost' ? ` (${error.code})` : '';
  return `The connection is lost${why}; this window tries again until it is back`;
}
