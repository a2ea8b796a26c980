// The panel, the status line and the buttons of the network: the client's state in words.
// broker/pages/demo/: shows what it is handed, and keeps nothing but the time of the next attempt.
import { draw as drawPrint, fingerprint } from './fingerprint.js';
import { connection, epochName, plural } from './words.js';

const byId = (id) => document.getElementById(id);

function put(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

export class Panel {
  constructor() {
    this.status = byId('status');
    this.countdown = document.createElement('span');
    this.countdown.className = 'countdown';
    this.countdown.setAttribute('aria-hidden', 'true'); // else it is read out every second
    this.status.append(this.countdown);
    this.retryAt = undefined;
    setInterval(() => this.#count(), 500);
  }

  drawStatus(status, wanted) {
    const { state, words } = connection(status, wanted);
    this.status.dataset.state = state;
    put(this.status.querySelector('span'), words);
    this.retryAt = state === 'offline' ? status.retryAt : undefined;
    this.#count();
    put(byId('network'), wanted ? 'Go offline' : 'Go online');
    byId('network').dataset.online = String(wanted);
    byId('leave').disabled = !wanted;
    byId('return').disabled = wanted && state !== 'offline';
  }

  #count() {
    const seconds = this.retryAt && Math.ceil((this.retryAt - Date.now()) / 1000);
    put(this.countdown, seconds > 0 ? `again in ${seconds} s` : '');
  }

  drawFacts({ position, behind, waiting, counted, live }) {
    const place = byId('position');
    put(place, position ? `${position.offset}` : 'none yet');
    if (position) {
      const epoch = document.createElement('small');
      epoch.textContent = `epoch ${epochName(position.epoch)}`;
      epoch.title = `Epoch ${position.epoch}`;
      place.append(' ', epoch);
      place.dataset.offset = position.offset;
    }
    const far = byId('behind');
    far.dataset.events = live ? behind : '';
    // Who is not connected can't know.
    put(far, live ? plural(behind, 'event') : 'not known');
    const outbox = byId('outbox');
    outbox.dataset.events = waiting;
    put(outbox, waiting ? `${waiting} waiting` : 'empty');
    const gaps = byId('gaps');
    gaps.dataset.gaps = counted.gaps;
    put(gaps, counted.gaps ? `${counted.gaps} told` : 'none');
    const tally = byId('counted');
    Object.assign(tally.dataset, counted);
    const { missed, doubled } = counted;
    put(tally, `${plural(counted.applied, 'event')}, ${missed} missed, ${doubled} doubled`);
    tally.classList.toggle('bad', missed + doubled > 0);
  }

  drawPrint(canonical, notes, position) {
    const print = fingerprint(canonical);
    drawPrint(byId('print'), print);
    put(byId('print-name'), print.name);
    put(byId('print-words'), position
      ? `${plural(notes, 'note')} as of event ${position.offset}. The same picture in two windows is the same board.`
      : 'The board is on its way.');
  }
}
