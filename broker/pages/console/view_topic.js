// One topic: its figures, its live tail, its readers and writers.
// broker/pages/console/: the tabs are parts of their own.
import { isAbort } from './api.js';
import { h, show } from './dom.js';
import * as format from './format.js';
import { Poller } from './poller.js';
import { ProducerList } from './producers.js';
import { publishForm } from './publish_form.js';
import { Rates } from './rates.js';
import { topicRoute } from './router.js';
import { TailView } from './tail_view.js';
import { tile, tileRow } from './tiles.js';
import { deleteTopic, trimTopic } from './topic_actions.js';
import { TopicDetails } from './topic_details.js';
import { CursorList } from './view_cursors.js';
import { empty, explain, notice, RIGHTS } from './words.js';

const EVERY_MS = 2000;
const TABS = [
  ['tail', 'Tail'],
  ['cursors', 'Cursors'],
  ['producers', 'Producers'],
  ['details', 'Details'],
];

export class TopicView {
  title;
  #app;
  #name;
  #topic;
  #part;
  #rates = new Rates();
  #trim = h(
    'button',
    { type: 'button', disabled: true, on: { click: () => this.#askTrim() } },
    'Trim…',
  );
  #delete = h(
    'button',
    {
      type: 'button',
      class: 'danger-quiet',
      disabled: true,
      on: { click: () => this.#askDelete() },
    },
    'Delete…',
  );
  #marks = h('span', { class: 'marks' });
  #tiles = {
    rate: tile('Published', { spark: true }),
    events: tile('Events'),
    size: tile('Size'),
    subscribers: tile('Subscribers'),
    newest: tile('Newest event'),
  };
  #facts = tileRow('The topic', Object.values(this.#tiles));
  #body = h('div', { class: 'topic-body' });
  #poller;

  constructor(app, { name, parameters }) {
    this.#app = app;
    this.#name = name;
    this.title = name;
    const wanted = parameters.get('tab');
    const tab = TABS.some(([id]) => id === wanted) ? wanted : 'tail';
    this.#open(tab);
    this.node = h(
      'div',
      { class: 'view' },
      h(
        'p',
        { class: 'crumb' },
        h('a', { href: '#/topics' }, 'Topics'),
        h('span', { 'aria-hidden': 'true' }, ' / '),
      ),
      h(
        'div',
        { class: 'title-row' },
        h('h1', { tabindex: '-1', class: 'topic-name' }, ...breakable(name)),
        this.#marks,
        h('div', { class: 'actions' }, this.#trim, this.#delete),
      ),
      this.#facts,
      h(
        'nav',
        { class: 'tabs', 'aria-label': 'Parts of the topic' },
        TABS.map(([id, title]) =>
          h(
            'a',
            {
              href: topicRoute(name, id === 'tail' ? undefined : id),
              'aria-current': id === tab ? 'page' : null,
            },
            title,
          ),
        ),
      ),
      this.#body,
    );
    for (const { update } of Object.values(this.#tiles)) update({ value: format.NONE });
    this.#poller = new Poller(EVERY_MS, (signal) => this.#poll(signal));
  }

  get shortcuts() {
    const more = this.#form
      ? [{ keys: 'e', does: 'Write a test event', run: () => this.#form.focus() }]
      : [];
    return [...this.#part.shortcuts, ...more];
  }

  close() {
    this.#poller.stop();
    this.#part.close();
  }

  #form;

  #open(tab) {
    if (tab === 'tail') {
      this.#part = new TailView(this.#app, this.#name, () => this.#topic?.epoch);
      this.#form = publishForm(this.#app, this.#name, () => this.#topic?.content_type);
      show(this.#body, h('div', { class: 'tail-and-form' }, this.#part.node, this.#form.node));
      return;
    }
    this.#part =
      tab === 'cursors'
        ? new CursorList(this.#app, this.#name)
        : tab === 'producers'
          ? new ProducerList(this.#app, this.#name)
          : new TopicDetails();
    show(this.#body, this.#part.node);
  }

  async #poll(signal) {
    try {
      this.#topic = await this.#app.api.topic(this.#name, signal);
      this.#rates.take([this.#topic]);
      this.#show();
    } catch (error) {
      if (!isAbort(error)) this.#failed(error);
    }
  }

  #failed(error) {
    if (error.code === 'unreachable' && this.#topic) return;
    this.#trim.disabled = true;
    this.#delete.disabled = true;
    if (error.code === 'unknown_topic' || error.code === 'topic_deleted') return this.#gone();
    if (this.#topic) return;
    this.#instead(notice(explain(error, 'this topic', RIGHTS.topic)));
  }

  /** It is not there: what is shown of it is no more than what it was. */
  #gone() {
    const was = this.#topic !== undefined;
    this.#topic = undefined;
    this.#instead(
      empty(
        was ? 'This topic has been deleted' : 'There is no such topic',
        was
          ? 'Somebody has deleted it, or its time to live was over.'
          : 'It may never have been, or was deleted. Its first event makes it.',
        h('a', { class: 'button', href: '#/topics' }, 'All topics'),
      ),
    );
  }

  #instead(node) {
    this.#poller.stop();
    this.#part.close();
    this.#form = undefined;
    this.#part = { shortcuts: [], close() {} };
    this.#facts.hidden = true;
    this.node.querySelector('.tabs').hidden = true;
    show(this.#body, node);
  }

  #show() {
    const topic = this.#topic;
    const retained = topic.head + 1 - topic.earliest;
    this.#trim.disabled = retained === 0;
    this.#delete.disabled = false;
    this.#tiles.rate.update({
      value: format.rate(this.#rates.of(this.#name)),
      unit: '/s',
      points: this.#rates.points(this.#name),
    });
    this.#tiles.events.update({
      value: format.count(retained),
      note: retained
        ? `${format.count(topic.earliest)} – ${format.count(topic.head)}`
        : 'none retained',
    });
    this.#tiles.size.update({
      value: format.bytes(topic.bytes),
      note: `keeps ${format.retention(topic.retention)}`,
    });
    this.#tiles.subscribers.update({ value: format.count(topic.subscribers) });
    this.#tiles.newest.update({ value: topic.newest ? format.ago(topic.newest) : 'none' });
    this.#showMarks(topic);
    this.#part.update?.(topic);
    this.#form?.contentType(topic.content_type);
  }

  #showMarks({ closed, keep_latest: latest, durability, fork }) {
    const words = [closed && 'closed', latest && 'keeps latest', durability, fork && 'fork'].filter(
      Boolean,
    );
    if (this.#marks.dataset.words === words.join()) return;
    this.#marks.dataset.words = words.join();
    show(
      this.#marks,
      words.map((word) => h('span', { class: 'mark' }, word)),
    );
  }

  async #askTrim() {
    if (await trimTopic(this.#app, this.#topic)) this.#poller.now();
  }

  async #askDelete() {
    if (await deleteTopic(this.#app, this.#topic)) location.hash = '#/topics';
  }
}

/** A long name may break behind its slashes. */
function breakable(name) {
  return name
    .split(/(?<=\/)/)
    .flatMap((segment, index) => (index ? [h('wbr'), segment] : [segment]));
}
