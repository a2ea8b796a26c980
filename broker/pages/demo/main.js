// The demo: a board whose every change is an event of one topic, in a window that may lose anything.
// broker/pages/demo/: puts together the client, what the window keeps, and what it shows.
import { IndexedDbStore, TidemarkClient } from '/client/tidemark-client.js';

import { BoardView } from './board_view.js';
import { Guide } from './guide.js';
import { Journal } from './journal.js';
import { Kept, newId } from './kept.js';
import { noteOf, Notes } from './notes.js';
import { Panel } from './panel.js';
import { Strip } from './strip.js';
import { deleteTopic, ensureTopic, forgetBefore, TOPIC } from './topic.js';
import * as words from './words.js';

const TRY_AGAIN_MS = 2_000;
const UNSEEN_DRAW_MS = 150;
const FIRST_NOTES = [
  ['todo', 'Open this page in a second window'],
  ['todo', 'Drag me to “Doing”, or use the arrows'],
  ['doing', 'Kill the broker while you type'],
  ['done', 'Start the broker'],
];

const byId = (id) => document.getElementById(id);

class Demo {
  constructor() {
    this.journal = new Journal(byId('journal'));
    this.kept = new Kept((said) => this.journal.say('bad', said));
    const { data } = this.kept;
    this.notes = new Notes(data.notes, data.pending);
    this.kept.filledBy((kept) => {
      kept.notes = Object.fromEntries(this.notes.confirmed);
      kept.pending = this.notes.pending;
    });
    this.guide = new Guide(byId('guide'), data.steps);
    this.panel = new Panel();
    this.strip = new Strip();
    this.view = new BoardView(byId('board'), this);
    this.flashing = new Set();
    this.outbox = 0;
    this.mine = new Set(); // changes whose answer this page waits for
    this.gapTold = false;
    this.lost = false; // there is no connection, and that was said
    this.preparing = undefined; // {retryAt}: the topic is being made sure of
    this.connect();
    this.listen();
    this.draw();
  }

  // ---- the client ----

  connect() {
    // The outbox outlives the page, and the window. The position is kept by this page itself,
    // together with the notes it belongs to.
    this.client = new TidemarkClient({ store: new IndexedDbStore('tidemark-demo') });
    // Nothing is to be sent before the topic is what it has to be.
    this.client.pause();
    this.client.on('status', (status) => this.statusIs(status));
    this.client.on('outbox', ({ events }) => this.outboxHas(events));
    this.client.on('error', (error) => this.journal.say('bad', `${error.message} (${error.code})`));
    this.client.on('rejected', ({ event, error }) => this.refused(event.headers?.change, error));
    this.follow();
    const { position, offline } = this.kept.data;
    if (position) {
      this.journal.say('link', `Reloaded: goes on after event ${position.offset}`);
    }
    if (!offline) this.online();
  }

  follow() {
    const { position } = this.kept.data;
    const begin = position ? { after: position } : { state: true };
    this.subscription = this.client.subscribe(TOPIC, { ...begin, onGap: 'state', position: false }, {
      state: (state) => this.takeState(state),
      event: (event) => this.apply(event),
      gap: ({ gap }) => this.gap(words.gap(gap)),
      status: () => this.draw(),
      ended: (error) => this.ended(error),
    });
  }

  get wanted() {
    return !this.kept.data.offline;
  }

  /** The topic first, then the connection. */
  async online() {
    const attempt = (this.preparing = { retryAt: undefined });
    this.draw();
    try {
      const isNew = await ensureTopic();
      if (this.preparing !== attempt) return;
      this.preparing = undefined;
      this.trouble(undefined);
      if (isNew && !this.kept.data.position) this.writeFirstNotes();
      if (this.subscription.status.state === 'ended') this.follow();
      this.client.resume();
    } catch (error) {
      if (this.preparing !== attempt) return;
      this.journal.say('bad', error.message);
      if (!error.passing) return this.cannot(error);
      attempt.retryAt = Date.now() + TRY_AGAIN_MS;
      setTimeout(() => this.preparing === attempt && this.online(), TRY_AGAIN_MS);
    }
    this.draw();
  }

  offline() {
    this.preparing = undefined;
    this.client.pause();
  }

  /** Online while it is so already: the next attempt is now. */
  setOnline(online) {
    if (online === this.wanted) return this.online();
    this.kept.data.offline = !online;
    this.kept.saveNow();
    this.journal.say('link', online ? 'You went online' : 'You went offline');
    if (online) this.online();
    else this.offline();
    this.draw();
  }

  statusIs({ state, error }) {
    if (state === 'live') this.journal.say('link', 'Connected');
    // Once, however many attempts it takes to get it back: the next is in the status line.
    if (state === 'offline' && !this.lost) this.journal.say('bad', words.lost(error));
    if (state === 'live' || state === 'paused') this.lost = false;
    else if (state === 'offline') this.lost = true;
    this.draw();
  }

  outboxHas(events) {
    this.outbox = events;
    if (events > 0 && !this.wanted) this.guide.tick(2);
    if (events === 0 && this.wanted && this.guide.has(2)) this.guide.tick(3);
    this.draw();
  }

  // ---- what comes ----

  takeState({ position, entries = [] }) {
    const { data } = this.kept;
    // A position that the broker could not go on from: it says so by sending the state.
    if (data.position && !this.gapTold) {
      this.gap(`Gap: the log does not go on from event ${data.position.offset}; the state comes instead`);
    }
    this.gapTold = false;
    this.notes.takeState(entries);
    this.kept.takeState(position);
    this.kept.save();
    const many = words.plural(this.notes.confirmed.size, 'note');
    this.journal.say('event', `State as of event ${position.offset}: ${many}`);
    this.draw();
  }

  apply(event) {
    const { key, data, headers = {} } = event;
    const before = this.notes.confirmed.get(key);
    const after = noteOf(data);
    const by = headers.by ?? 'Somebody';
    const hue = Number(headers.hue) || 220;
    const own = headers.window === this.kept.data.window;
    this.kept.count(event, { by, hue });
    this.notes.apply(event);
    this.kept.save();
    this.journal.say(own ? 'own' : 'event',
      `${event.offset}: ${own ? 'You' : by} ${words.change(before, after)}`);
    if (!own) {
      this.flashing.add(key);
      if (this.subscription.status.state === 'live') this.guide.tick(1);
    }
    this.draw();
  }

  gap(said) {
    this.gapTold = true;
    ++this.kept.data.counted.gaps;
    this.journal.say('gap', said);
    this.draw();
  }

  /** The subscription is over. If the topic is gone it is made anew, empty. */
  ended(error) {
    if (!error) return;
    this.journal.say('bad', `${error.message} (${error.code})`);
    if (error.code !== 'topic_deleted' && error.code !== 'unknown_topic') return this.cannot(error);
    this.beginAnew();
    if (this.wanted) this.online();
  }

  beginAnew() {
    this.notes.takeState([]);
    this.kept.takeState(undefined);
    this.kept.save();
    this.draw();
  }

  /** Something only a person can change. */
  cannot(error) {
    const unfit = error.code === 'no_state' || error.code === 'needs_empty_topic';
    if (!unfit) return this.trouble(`${error.message}. Reload the page to try again.`);
    this.trouble(
      `The topic ${TOPIC} is there, but it does not keep the latest of each note: something else has made it.`,
      'Delete it, and begin anew',
      async () => {
        await deleteTopic();
        this.client.pause();
        this.beginAnew();
        await this.online();
      },
    );
  }

  trouble(said, does, act) {
    const place = byId('trouble');
    place.hidden = said === undefined;
    place.querySelector('p').textContent = said ?? '';
    const button = place.querySelector('button');
    button.hidden = does === undefined;
    button.textContent = does ?? '';
    button.onclick = () => act().catch((error) => this.journal.say('bad', error.message));
  }

  // ---- what is done here ----

  /** Publishes what becomes of a note; null: it is deleted. */
  publish(id, note) {
    const { window, name, hue } = this.kept.data;
    const change = newId();
    const value = note && { ...note, by: name, hue };
    this.notes.add(change, id, value);
    this.mine.add(change);
    this.kept.saveNow();
    const headers = { change, window, by: name, hue: String(hue) };
    this.client.publish(TOPIC, value, { key: id, headers }).then(
      ({ offset, duplicate }) => this.published(change, offset, duplicate),
      (error) => this.refused(change, error),
    );
    this.draw();
  }

  published(change, offset, duplicate) {
    this.mine.delete(change);
    this.notes.inLog(change, offset);
    if (duplicate) {
      const which = offset === undefined ? 'a change' : `event ${offset}`;
      this.journal.say('own', `Sent twice, in the log once: ${which}`);
    }
    this.draw();
  }

  refused(change, error) {
    this.mine.delete(change);
    if (error.code === 'closed' || !this.notes.settle(change)) return;
    this.kept.save();
    this.journal.say('bad', `A change was not taken: ${error.message} (${error.code})`);
    this.draw();
  }

  /**
   * Changes whose event never came by itself, since they were in a state by then and other changes
   * on top of them: nobody waits for them any more.
   */
  settleOld() {
    const live = this.client.status.state === 'live' && this.subscription.status.state === 'live';
    if (!live || this.outbox > 0 || this.mine.size > 0) return;
    this.notes.settleUpTo(this.kept.data.position?.offset ?? 0);
  }

  writeFirstNotes() {
    FIRST_NOTES.forEach(([column, text], rank) => this.publish(newId(), { text, column, rank }));
  }

  add(column, text) {
    this.publish(newId(), { text, column, rank: this.notes.rankBefore(column) });
  }

  edit(id, text) {
    const note = this.notes.get(id);
    const column = note?.column ?? 'todo';
    this.publish(id, { text, column, rank: note?.rank ?? this.notes.rankBefore(column) });
  }

  move(id, column, before) {
    const note = this.notes.get(id);
    if (!note) return;
    this.publish(id, { text: note.text, column, rank: this.notes.rankBefore(column, before, id) });
  }

  delete(id) {
    if (this.notes.get(id)) this.publish(id, null);
  }

  clear(column) {
    for (const { id, leaving } of this.notes.of(column)) if (!leaving) this.delete(id);
  }

  redraw() {
    this.draw();
  }

  listen() {
    const { name, hue } = this.kept.data;
    byId('me').textContent = name;
    byId('me').style.setProperty('--hue', hue);
    byId('network').onclick = () => this.setOnline(!this.wanted);
    byId('leave').onclick = () => this.setOnline(false);
    byId('return').onclick = () => this.setOnline(true);
    byId('forget').onclick = () => this.forget();
  }

  async forget() {
    const { position } = this.kept.data;
    if (!position) return;
    try {
      await forgetBefore(position.offset);
      this.journal.say('link', `The broker has forgotten the events before ${position.offset}`);
    } catch (error) {
      this.journal.say('bad', error.message);
    }
  }

  // ---- what is shown ----

  /** With the next frame; a window that nobody looks at gets none, and is drawn all the same. */
  draw() {
    if (this.drawing) return;
    const drawOnce = () => {
      cancelAnimationFrame(this.drawing.frame);
      clearTimeout(this.drawing.timer);
      this.drawing = undefined;
      this.drawNow();
    };
    this.drawing = {
      frame: requestAnimationFrame(drawOnce),
      timer: setTimeout(drawOnce, UNSEEN_DRAW_MS),
    };
  }

  drawNow() {
    this.settleOld();
    const { data } = this.kept;
    const { state, behind } = this.subscription.status;
    const live = this.client.status.state === 'live' && state !== 'waiting' && state !== 'ended';
    const waiting = this.outbox;
    const status = this.client.status.state === 'paused' && this.preparing?.retryAt
      ? { state: 'offline', retryAt: this.preparing.retryAt }
      : this.client.status;
    this.panel.drawStatus(status, this.wanted);
    this.panel.drawFacts({ position: data.position, behind, waiting, counted: data.counted, live });
    this.panel.drawPrint(this.notes.canonical, this.notes.confirmed.size, data.position);
    this.strip.draw({
      recent: data.recent, position: data.position, behind: live ? behind : 0, waiting, hue: data.hue,
    });
    this.view.draw(this.notes);
    for (const id of this.flashing) this.view.flash(id);
    this.flashing.clear();
  }
}

new Demo();
