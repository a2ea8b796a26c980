// The live tail: what is followed, what holds it, and its events in a list.
// broker/pages/console/: the elements of a Tail.
import { isAbort } from './api.js';
import { h, KeyedList, setAttribute, setText, show } from './dom.js';
import * as format from './format.js';
import { parseJump } from './jump.js';
import { Tail } from './tail.js';
import { parseFilter } from './tail_filter.js';
import { row } from './tail_rows.js';
import { sentence } from './words.js';

const FILTER_DELAY_MS = 300;
/** So near the end counts as at it. */
const AT_END_PX = 40;

export class TailView {
  #app;
  #topic;
  #tail;
  #state = h('span', { class: 'pill', role: 'status' });
  #pause = h('button', { type: 'button', on: { click: () => this.togglePause() } }, 'Pause');
  #toLive = h('button', { type: 'button', on: { click: () => this.live() } }, 'Newest');
  #jump = h('input', {
    type: 'text',
    name: 'jump',
    autocomplete: 'off',
    spellcheck: 'false',
    'aria-label': 'Jump to',
    placeholder: 'offset, 14:30, 10m',
    'aria-describedby': 'tail-hint',
  });
  #filter = h('input', {
    type: 'search',
    name: 'filter',
    autocomplete: 'off',
    spellcheck: 'false',
    'aria-label': 'Filter',
    placeholder: 'text, key:order-*, header:region=eu',
    on: { input: () => this.#filterSoon() },
  });
  #hint = h('p', { class: 'hint', id: 'tail-hint', role: 'status' });
  #list = h('ol', { class: 'events', 'aria-label': 'Events' });
  #scroll = h('div', {
    class: 'tail-scroll',
    tabindex: '0',
    role: 'region',
    'aria-label': 'Events of the tail',
  });
  #foot = h('div', { class: 'tail-foot' });
  #counts = h('span', {});
  #more = h('button', { type: 'button', on: { click: () => this.#tail.more() } }, 'Load 500 more');
  #words = [];
  #brokerFilter = 'null';
  #rows;
  #timer;
  #follows = true; // the list is at its end, and stays there
  #now;
  #unwatch;

  /** `epochOf()` gives the topic's epoch, once it is known. */
  constructor(app, topic, epochOf) {
    this.#app = app;
    this.#topic = topic;
    this.epochOf = epochOf;
    this.#tail = new Tail(topic, app.session.token, app.makeClient);
    this.#rows = new KeyedList(this.#list, (entry) => row(entry));
    this.#scroll.append(this.#list, h('div', { class: 'tail-empty' }));
    this.#scroll.addEventListener('scroll', () => this.#scrolled());
    // What is opened is being read: it must not run away. (This event does not bubble.)
    this.#scroll.addEventListener(
      'toggle',
      ({ target }) => {
        if (target.open) this.#release();
      },
      true,
    );
    this.#foot.append(this.#counts, this.#more);
    this.node = h(
      'section',
      { class: 'tail panel', 'aria-label': 'Live tail' },
      h(
        'div',
        { class: 'tail-bar' },
        this.#state,
        this.#pause,
        this.#toLive,
        h(
          'form',
          { class: 'jump', on: { submit: (event) => this.#jumpTo(event) } },
          this.#jump,
          h('button', { type: 'submit' }, 'Jump'),
        ),
        this.#filter,
      ),
      this.#hint,
      this.#scroll,
      this.#foot,
    );
    this.#tail.changed.watch(() => this.#show());
    this.#unwatch = app.health.state.watch(({ state }) => state === 'here' && this.#tail.hurry());
    this.#now = setInterval(() => this.#showState(), 1000);
    void this.#tail.open();
    this.#show();
  }

  get shortcuts() {
    return [
      { keys: 'p', does: 'Pause or go on', run: () => this.togglePause() },
      { keys: 'l', does: 'To the newest events', run: () => this.live() },
      { keys: 'j', does: 'Jump to an offset or a time', run: () => this.#jump.select() },
      { keys: '/', does: 'Filter', run: () => this.#filter.select() },
    ];
  }

  close() {
    clearInterval(this.#now);
    this.#unwatch();
    clearTimeout(this.#timer);
    this.#tail.close();
  }

  togglePause() {
    if (this.#tail.paused) {
      this.#tail.resume();
    } else {
      this.#tail.pause();
    }
  }

  live() {
    setText(this.#hint, '');
    this.#follows = true;
    const { live, paused, status } = this.#tail;
    if (live && !paused && status?.state !== 'ended') this.#show();
    else this.#tail.toLive();
  }

  #release() {
    this.#follows = false;
    this.#show();
  }

  async #jumpTo(event) {
    event.preventDefault();
    const wanted = parseJump(this.#jump.value, Date.now());
    setText(this.#hint, wanted.problem ?? '');
    setAttribute(this.#jump, 'aria-invalid', wanted.problem ? 'true' : null);
    if (wanted.problem) return;
    this.#follows = false;
    if (wanted.offset === undefined) {
      if (wanted.time !== undefined)
        setText(this.#hint, `From ${format.day(wanted.time)} ${format.clock(wanted.time)} on.`);
      this.#tail.jump(wanted);
      return;
    }
    const epoch = await this.#epoch();
    if (epoch !== undefined) this.#tail.jump({ after: { epoch, offset: wanted.offset - 1 } });
  }

  async #epoch() {
    try {
      return this.epochOf() ?? (await this.#app.api.topic(this.#topic)).epoch;
    } catch (error) {
      if (!isAbort(error)) setText(this.#hint, sentence(error.message));
      return undefined;
    }
  }

  #filterSoon() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      const { broker, words } = parseFilter(this.#filter.value);
      this.#words = words;
      const asked = JSON.stringify(broker ?? null);
      if (asked !== this.#brokerFilter) this.#tail.filter(broker);
      this.#brokerFilter = asked;
      this.#show();
    }, FILTER_DELAY_MS);
  }

  #scrolled() {
    const { scrollTop, scrollHeight, clientHeight } = this.#scroll;
    const atEnd = scrollHeight - scrollTop - clientHeight < AT_END_PX;
    if (atEnd === this.#follows || (atEnd && this.#list.querySelector('details[open]'))) return;
    this.#follows = atEnd;
    this.#show();
  }

  #shown() {
    if (this.#words.length === 0) return this.#tail.items;
    return this.#tail.items.filter(
      ({ item, text }) => item.type !== 'event' || this.#fits(item, text),
    );
  }

  #fits(item, text) {
    const headers = Object.entries(item.headers ?? {})
      .map(([name, value]) => `${name}=${value}`)
      .join(' ');
    const all = `${item.offset} ${item.key ?? ''} ${headers} ${text}`.toLowerCase();
    return this.#words.every((word) => all.includes(word));
  }

  #show() {
    const shown = this.#shown();
    this.#rows.show(shown, ({ serial }) => serial);
    show(this.#scroll.lastElementChild, shown.length === 0 ? this.#nothing() : null);
    if (this.#follows && this.#tail.live) this.#scroll.scrollTop = this.#scroll.scrollHeight;
    const { items, dropped, full } = this.#tail;
    const filtered = shown.length === items.length ? '' : `${format.count(shown.length)} of `;
    const gone = dropped ? `, ${format.count(dropped)} before them let go` : '';
    setText(
      this.#counts,
      items.length ? `${filtered}${format.count(items.length)} shown${gone}` : '',
    );
    this.#more.hidden = !full;
    this.#list.classList.toggle('keyless', !items.some(({ item }) => item.key !== undefined));
    setText(this.#pause, this.#tail.paused ? 'Go on' : 'Pause');
    setAttribute(this.#pause, 'aria-pressed', String(this.#tail.paused));
    this.#toLive.disabled =
      this.#follows &&
      this.#tail.live &&
      !this.#tail.paused &&
      this.#tail.status?.state !== 'ended';
    this.#showState();
  }

  #showState() {
    const { kind, text } = stateOf(this.#tail);
    setText(this.#state, text);
    this.#state.dataset.kind = kind;
  }

  #nothing() {
    const { items, status, failure } = this.#tail;
    if (failure) {
      return tailNotice(
        'The tail cannot be shown',
        'The client that follows topics, /client/tidemark-client.js, could not be loaded.',
      );
    }
    if (status?.state === 'ended') return ended(status.error, () => this.live());
    if (items.length > 0)
      return tailNotice('None of them fits', 'The filter leaves out all the events shown.');
    if (status?.state !== 'live') return null;
    return this.#brokerFilter !== 'null'
      ? tailNotice(
          'No event fits yet',
          'Those that pass the filter appear here as they are published.',
        )
      : tailNotice(
          'No events here yet',
          'They appear as they are published. The form beside the tail publishes one.',
        );
  }
}

function tailNotice(title, text, ...more) {
  return h('div', { class: 'empty' }, h('h2', {}, title), h('p', {}, text), ...more);
}

function ended(error, again) {
  const button = h('button', { type: 'button', on: { click: again } }, 'Follow again');
  const texts = {
    topic_deleted: ['This topic has been deleted', 'There is nothing to follow any more.'],
    unknown_topic: ['There is no such topic', 'It may have been deleted.'],
    forbidden: ['You may not follow this topic', 'That needs the right “subscribe” on it.'],
  };
  const [title, text] = texts[error?.code] ?? [
    'The tail has ended',
    error ? sentence(error.message) : 'It was closed.',
  ];
  return tailNotice(title, text, button);
}

/** One pill for the connection, the subscription and what the operator has asked for. */
function stateOf({ failure, connection, status, paused, full, live }) {
  const behind = status?.behind > 0 ? `, ${format.count(status.behind)} behind` : '';
  if (failure || status?.state === 'ended') return { kind: 'bad', text: 'Ended' };
  if (connection?.state === 'unauthorized') return { kind: 'bad', text: 'Token refused' };
  if (connection?.state === 'offline') {
    const left = Math.ceil((connection.retryAt - Date.now()) / 1000);
    return {
      kind: 'bad',
      text: left > 0 ? `No connection, next try in ${left} s` : 'No connection',
    };
  }
  if (paused) return { kind: 'held', text: `Paused${behind}` };
  if (full) return { kind: 'held', text: `Holding${behind}` };
  if (connection?.state !== 'live' || !status) return { kind: 'busy', text: 'Connecting' };
  if (status.state === 'live') return { kind: 'good', text: live ? 'Live' : 'At the end, live' };
  if (status.state === 'waiting') return { kind: 'busy', text: 'Waiting for the topic' };
  return { kind: 'busy', text: `Catching up${behind}` };
}
