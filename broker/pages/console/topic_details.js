// What there is to know of a topic: settings, histories, what is gone.
// broker/pages/console/: a tab of each topic.
import { h, show } from './dom.js';
import * as format from './format.js';
import { topicRoute } from './router.js';

const DURABILITY = {
  synced: 'synced: acknowledged once it is on the disk',
  buffered: 'buffered: acknowledged once the operating system has it',
};
const CAUSES = {
  count: 'retention by number',
  bytes: 'retention by size',
  age: 'retention by age',
  trimmed: 'a trim by request',
};

export class TopicDetails {
  shortcuts = [];
  node = h('div', { class: 'details' });
  #shown = '';

  update(topic) {
    const sections = [
      ['Settings', settings(topic)],
      ['Events', events(topic)],
      ['Others', others(topic)],
    ];
    // Drawn anew only if something is another, so that text can be selected.
    const text = JSON.stringify(
      sections.map(([, facts]) =>
        facts.map(([name, value]) => [name, value?.textContent ?? value]),
      ),
    );
    if (text === this.#shown) return;
    this.#shown = text;
    show(
      this.node,
      sections.map(([title, facts]) =>
        h('section', { class: 'panel' }, h('h2', {}, title), factList(facts)),
      ),
      h('section', { class: 'panel' }, h('h2', {}, 'Histories'), lineage(topic)),
    );
  }

  close() {}
}

function settings(topic) {
  const { retention } = topic;
  return [
    ['Content type', topic.content_type],
    ['Durability', DURABILITY[topic.durability] ?? topic.durability],
    ['Keeps by age', retention.max_age_ms ? format.span(retention.max_age_ms) : 'no limit'],
    ['Keeps by size', retention.max_bytes ? format.bytes(retention.max_bytes) : 'no limit'],
    [
      'Keeps by number',
      retention.max_events ? `${format.count(retention.max_events)} events` : 'no limit',
    ],
    [
      'Latest of each key',
      topic.keep_latest ? `kept: ${format.count(topic.keys)} keys` : 'not kept',
    ],
    ['Closed', topic.closed ? 'yes: it takes no more events' : 'no'],
    ...(topic.ttl_seconds ? [['Time to live', format.span(topic.ttl_seconds * 1000)]] : []),
    ...(topic.expires_at ? [['Expires', dated(topic.expires_at)]] : []),
  ];
}

function events(topic) {
  const { events: lost = 0, cause } = topic.dropped ?? {};
  return [
    [
      'Retained',
      topic.head < topic.earliest
        ? 'none'
        : `${format.count(topic.earliest)} to ${format.count(topic.head)}`,
    ],
    ['Size as stored', format.bytes(topic.bytes)],
    ['In memory', format.bytes(topic.memory_bytes)],
    ['Oldest', dated(topic.oldest)],
    ['Newest', dated(topic.newest)],
    [
      'No longer retained',
      lost ? `${format.count(lost)} events; the last by ${CAUSES[cause] ?? cause}` : 'none',
    ],
  ];
}

function others(topic) {
  const fork =
    topic.fork &&
    h(
      'span',
      {},
      h('a', { href: topicRoute(topic.fork.source) }, topic.fork.source),
      `, up to event ${format.count(topic.fork.offset)}`,
    );
  return [
    ['Created', dated(topic.created)],
    ['Subscribers now', format.count(topic.subscribers)],
    ['Named cursors', format.count(topic.cursors)],
    ['Producers remembered', format.count(topic.producers)],
    ['Forks of it', format.count(topic.forks)],
    ...(fork ? [['Fork of', fork]] : []),
  ];
}

function lineage({ lineage: histories = [] }) {
  const rows = histories
    .toReversed()
    .map(({ epoch, first }, index) =>
      h(
        'tr',
        {},
        h(
          'td',
          { class: 'name mono' },
          String(epoch),
          index === 0 ? h('span', { class: 'mark' }, 'now') : null,
        ),
        h('td', { class: 'number' }, format.count(first)),
      ),
    );
  return h(
    'table',
    {},
    h('caption', { class: 'unseen' }, 'Histories of the topic, newest first'),
    h(
      'thead',
      {},
      h(
        'tr',
        {},
        h('th', { scope: 'col' }, 'Epoch'),
        h('th', { scope: 'col', class: 'number' }, 'First event'),
      ),
    ),
    h('tbody', {}, rows),
  );
}

function factList(facts) {
  return h(
    'dl',
    { class: 'facts' },
    facts.map(([name, value]) => h('div', {}, h('dt', {}, name), h('dd', {}, value))),
  );
}

function dated(iso) {
  if (!iso) return format.NONE;
  const at = Date.parse(iso);
  return `${format.day(at)} ${format.clock(at)}`;
}
