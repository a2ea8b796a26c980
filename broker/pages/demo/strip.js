// The log as a row of tiles: what this window has, what is to come, what waits to be sent.
// broker/pages/demo/: a picture of numbers that the panel says in words, too.
import { plural } from './words.js';

const MOST_SHOWN = 24;

const byId = (id) => document.getElementById(id);

function tile(text, hue) {
  const made = document.createElement('span');
  made.className = 'tile';
  made.textContent = text;
  if (hue !== undefined) made.style.setProperty('--hue', hue);
  return made;
}

export class Strip {
  constructor() {
    this.log = byId('strip-log');
    this.behind = byId('strip-behind');
    this.outbox = byId('strip-outbox');
    this.words = byId('strip-words');
    this.newest = undefined;
  }

  draw({ recent, position, behind, waiting, hue }) {
    this.#drawLog(recent, position);
    byId('strip-ahead').hidden = behind === 0;
    this.#fill(this.behind, behind, () => tile(''));
    this.#fill(this.outbox, waiting, () => tile('', hue));
    if (waiting === 0) this.outbox.append(tile('empty'));
    const here = position ? `up to event ${position.offset}` : 'nothing yet';
    const words = `This window has ${here}; ${plural(behind, 'event')} to come; ` +
      `${plural(waiting, 'change')} in the outbox.`;
    if (this.words.textContent !== words) this.words.textContent = words;
  }

  #drawLog(recent, position) {
    const tiles = recent.slice(-MOST_SHOWN).map(({ offset, by, hue }) => {
      const made = tile(offset, hue);
      made.title = `Event ${offset}, of ${by}`;
      if (this.newest !== undefined && offset > this.newest) made.classList.add('new');
      return made;
    });
    const first = recent.at(-MOST_SHOWN)?.offset ?? recent[0]?.offset ?? (position?.offset ?? 0) + 1;
    // What was before them came as a state, or is no longer shown.
    if (first > 1) {
      const before = tile(`1 … ${first - 1}`);
      before.classList.add('before');
      tiles.unshift(before);
    }
    const here = tile(position ? `position ${position.offset}` : 'nothing yet');
    here.classList.add('here');
    this.log.replaceChildren(...tiles, here);
    this.log.scrollLeft = this.log.scrollWidth; // the newest, where there is no room for all
    this.newest = position?.offset;
  }

  #fill(place, count, make) {
    const shown = Math.min(count, MOST_SHOWN / 2);
    const tiles = Array.from({ length: shown }, make);
    if (count > shown) tiles.push(tile(`+${count - shown}`));
    place.replaceChildren(...tiles);
  }
}
