// The broker as a whole: what goes through it, how long the disk takes, what it has refused.
// broker/pages/console/: the figures of /metrics, over the last ten minutes.
import { isAbort } from './api.js';
import { Chart } from './chart.js';
import { h, setText, show } from './dom.js';
import * as format from './format.js';
import { Poller } from './poller.js';
import { tile, tileRow } from './tiles.js';
import { explain, notice, RIGHTS } from './words.js';

const STATS_EVERY_MS = 5000;

/** [metric, kind, words]: shown while the metric is not 0. */
const WARNINGS = [
  [
    'tidemark_store_failing',
    'A write has failed, and the store has not recovered yet: publishing is refused.',
  ],
  ['tidemark_disk_guard_refusing', 'Publishing is refused for want of room on the disk.'],
  ['tidemark_draining', 'The broker is being stopped.'],
  ['tidemark_rocksdb_write_stopped', 'Writing stands still until compactions catch up.'],
  [
    'tidemark_rocksdb_background_errors_total',
    'The store has met errors in the background; the broker’s log says more.',
  ],
  [
    'tidemark_cold_read_damaged_total',
    'Reads have met damaged bytes: “tidemark verify” says which.',
  ],
];

export class BrokerView {
  title = 'Broker';
  shortcuts = [];
  #app;
  #tiles = {
    connections: tile('Connections'),
    topics: tile('Topics'),
    memory: tile('Memory'),
    data: tile('Log on disk'),
    free: tile('Disk free'),
    up: tile('Up for'),
  };
  #since = h('p', { class: 'hint' });
  #warnings = h('div', { class: 'warnings', role: 'status' });
  #lagNote = h('p', { class: 'chart-note' });
  #charts;
  #tables = h('div', { class: 'details' });
  #body = h('div', {});
  #whole;
  #stats;
  #statsError;
  #poller;
  #unwatch;

  constructor(app) {
    this.#app = app;
    this.#charts = this.#makeCharts();
    this.#whole = [
      this.#warnings,
      tileRow('The broker', Object.values(this.#tiles)),
      h(
        'div',
        { class: 'charts' },
        this.#charts.map(({ node }) => node),
      ),
      this.#since,
      this.#tables,
    ];
    this.node = h('div', { class: 'view' }, h('h1', { tabindex: '-1' }, 'Broker'), this.#body);
    for (const { update } of Object.values(this.#tiles)) update({ value: format.NONE });
    this.#poller = new Poller(STATS_EVERY_MS, (signal) => this.#poll(signal));
    this.#unwatch = app.history.changed.watch(() => this.#show());
    this.#show();
  }

  close() {
    this.#poller.stop();
    this.#unwatch();
    for (const chart of this.#charts) chart.close();
  }

  #makeCharts() {
    const { history } = this.#app;
    return [
      new Chart({
        title: 'Publish rate',
        unit: 'events/s',
        format: format.rate,
        series: [{ name: 'published', points: () => history.rate('published') }],
      }),
      new Chart({
        title: 'Delivery rate',
        unit: 'events/s',
        format: format.rate,
        series: [{ name: 'delivered', points: () => history.rate('delivered') }],
      }),
      new Chart({
        title: 'Cursor lag, furthest',
        unit: 'events',
        format: format.short,
        note: this.#lagNote,
        series: [
          { name: 'named', points: () => history.gauge('cursorLag') },
          { name: 'connected', points: () => history.gauge('readerLag') },
        ],
      }),
      new Chart({
        title: 'Fsync latency',
        format: format.latency,
        series: [
          { name: 'p50', points: () => history.fsync(0.5) },
          { name: 'p99', points: () => history.fsync(0.99) },
        ],
      }),
    ];
  }

  async #poll(signal) {
    try {
      this.#stats = await this.#app.api.stats(signal);
      this.#statsError = undefined;
      this.#show();
    } catch (error) {
      if (!isAbort(error)) this.#statsError = error;
    }
  }

  #show() {
    const { metrics, error } = this.#app.history.changed.value;
    if (!metrics || (error && error.code !== 'unreachable')) {
      show(
        this.#body,
        error ? notice(explain(error, 'the broker’s figures', RIGHTS.broker)) : null,
      );
      return;
    }
    if (this.#body.firstChild !== this.#warnings) show(this.#body, this.#whole);
    this.#showTiles(metrics);
    this.#showWarnings(metrics);
    const falling = metrics.value('tidemark_named_cursors_falling');
    const fallen = metrics.value('tidemark_named_cursors_fallen');
    setText(
      this.#lagNote,
      `Named: ${format.count(falling)} falling, ${format.count(fallen)} have lost events. Connected: rounded up to a power of two.`,
    );
    for (const chart of this.#charts) chart.update();
    const { since } = this.#app.history;
    setText(
      this.#since,
      `Figures since ${format.clock(since)}, when this console was opened; ten minutes at most.`,
    );
    if (!this.#tables.contains(document.activeElement)) this.#showTables(metrics);
  }

  #showTiles(metrics) {
    const sockets = metrics.value('tidemark_connections', { transport: 'websocket' });
    const streams = metrics.value('tidemark_connections', { transport: 'sse' });
    const free = metrics.value('tidemark_disk_free_bytes');
    const size = metrics.value('tidemark_disk_size_bytes');
    const started = metrics.value('process_start_time_seconds') * 1000;
    const { version } = metrics.all('tidemark_build_info')[0]?.labels ?? {};
    this.#tiles.connections.update({
      value: format.count(metrics.sum('tidemark_connections')),
      note: `${format.count(sockets)} WebSocket, ${format.count(streams)} SSE`,
    });
    this.#tiles.topics.update({
      value: format.count(metrics.value('tidemark_topics')),
      note: `${format.count(metrics.value('tidemark_open_topics'))} in memory`,
    });
    this.#tiles.memory.update({
      value: format.bytes(metrics.value('process_resident_memory_bytes')),
      note: `${format.bytes(metrics.value('tidemark_ring_bytes'))} newest events`,
    });
    this.#tiles.data.update({
      value: format.bytes(metrics.value('tidemark_data_bytes')),
      note: limitOf(metrics.value('tidemark_data_limit_bytes')),
    });
    this.#tiles.free.update({
      value: format.bytes(free),
      note: `${Math.floor((free / size) * 100)} % of ${format.bytes(size)}`,
    });
    this.#tiles.up.update({
      value: format.span(Date.now() - started),
      note: version ? `version ${version}` : '',
    });
  }

  #showWarnings(metrics) {
    const texts = WARNINGS.filter(([name]) => metrics.value(name) > 0).map(([, text]) => text);
    if (this.#warnings.dataset.texts === texts.join()) return;
    this.#warnings.dataset.texts = texts.join();
    show(
      this.#warnings,
      texts.map((text) => h('p', { class: 'warning' }, text)),
    );
  }

  #showTables(metrics) {
    show(
      this.#tables,
      card(
        'Reads',
        ['Found in', 'Steps of cursors'],
        metrics
          .all('tidemark_reads_total')
          .map(({ labels, value }) => [PLACES[labels.place] ?? labels.place, format.count(value)]),
      ),
      card(
        'Refused',
        ['Error', 'Times'],
        times(metrics, 'tidemark_refusals_total', 'code'),
        'Nothing has been refused since the start.',
      ),
      card(
        'Gaps told',
        ['Cause', 'Times'],
        times(metrics, 'tidemark_gaps_total', 'cause'),
        'No reader has been told of a gap since the start.',
      ),
      this.#statsCard(),
    );
  }

  #statsCard() {
    if (!this.#stats) {
      if (!this.#statsError) return null;
      const { title, text } = explain(this.#statsError, 'the store’s figures', RIGHTS.broker);
      return h(
        'section',
        { class: 'panel' },
        h('h2', {}, 'Store'),
        h('p', {}, `${title}. ${text}`),
      );
    }
    const { engine, commits, write_amplification: amplification, levels } = this.#stats;
    const files = levels.reduce((total, { files: more = 0 }) => total + more, 0);
    return card(
      'Store',
      ['Figure', 'Value'],
      [
        ['Files', `${format.count(files)}, ${format.bytes(engine.live_files_bytes)}`],
        ['In memory, in no file yet', format.bytes(engine.memtable_bytes)],
        ['Compaction backlog', format.bytes(engine.pending_compaction_bytes)],
        ['Write amplification', amplification.toFixed(1)],
        [
          'Events of a commit',
          commits.groups ? format.short(commits.events / commits.groups) : format.NONE,
        ],
        ['Writing held up', format.latency(engine.stall_seconds_total)],
      ],
    );
  }
}

const PLACES = { ring: 'Newest events, in memory', cache: 'Cache', cold: 'Disk' };

const limitOf = (limit) => (limit ? `may take ${format.bytes(limit)}` : 'no limit');

function times(metrics, name, label) {
  return metrics
    .all(name)
    .filter(({ value }) => value > 0)
    .sort((a, b) => b.value - a.value)
    .map(({ labels, value }) => [h('code', {}, labels[label]), format.count(value)]);
}

function card(title, heads, rows, none) {
  const table = () =>
    h(
      'table',
      {},
      h('caption', { class: 'unseen' }, title),
      h(
        'thead',
        { class: 'unseen' },
        h(
          'tr',
          {},
          heads.map((head) => h('th', { scope: 'col' }, head)),
        ),
      ),
      h(
        'tbody',
        {},
        rows.map(([name, value]) =>
          h('tr', {}, h('th', { scope: 'row' }, name), h('td', { class: 'number' }, value)),
        ),
      ),
    );
  return h(
    'section',
    { class: 'panel' },
    h('h2', {}, title),
    rows.length ? table() : h('p', { class: 'hint' }, none),
  );
}
