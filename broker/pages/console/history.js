// The broker's figures over the last ten minutes, since the console was opened.
// broker/pages/console/: one poll of /metrics that all views share.
import { isAbort } from './api.js';
import { added, Metrics, quantile } from './metrics.js';
import { Poller } from './poller.js';
import { Signal } from './signal.js';

export const WINDOW_MS = 10 * 60_000;
const EVERY_MS = 2000;
/** Quantiles are of this long, so that a quiet log has some too. */
const QUANTILE_MS = 20_000;
/** Two samples further apart have a hole between them: the broker, or this page, was away. */
const HOLE_MS = 15_000;

export class History {
  /** Told after each poll: {metrics, error}. The last figures stay when there are no new ones. */
  changed = new Signal({ metrics: undefined, error: undefined });
  #samples = [];
  #poller;

  constructor(api) {
    this.#poller = new Poller(EVERY_MS, async (signal) => {
      try {
        const metrics = new Metrics(await api.metrics(signal));
        this.#add(metrics);
        this.changed.set({ metrics, error: undefined });
      } catch (error) {
        if (!isAbort(error)) this.changed.set({ metrics: this.changed.value.metrics, error });
      }
    });
  }

  stop() {
    this.#poller.stop();
  }

  /** When the first sample was taken; undefined: there is none. */
  get since() {
    return this.#samples[0]?.time;
  }

  /** Points of a line: [{time, value}]; value is null where there is a hole. */
  gauge(name) {
    return this.#points((sample) => sample[name]);
  }

  /** The same of a counter's growth in a second. */
  rate(name) {
    return this.#points((sample, before) => {
      if (!before || sample[name] < before[name]) return null; // a broker that was started anew
      return (sample[name] - before[name]) / ((sample.time - before.time) / 1000);
    }).slice(1);
  }

  /** The same of a quantile of the times fsync took. */
  fsync(share) {
    let first = 0;
    return this.#points((sample) => {
      while (sample.time - this.#samples[first].time > QUANTILE_MS) ++first;
      const difference = added(this.#samples[first].synced, sample.synced);
      return difference && quantile(share, difference);
    }).slice(1);
  }

  #add(metrics) {
    const time = Date.now();
    this.#samples.push({ time, ...figures(metrics) });
    while (this.#samples[0].time < time - WINDOW_MS - EVERY_MS) this.#samples.shift();
  }

  #points(value) {
    return this.#samples.flatMap((sample, index) => {
      const before = this.#samples[index - 1];
      const hole = before !== undefined && sample.time - before.time > HOLE_MS;
      const point = { time: sample.time, value: value(sample, hole ? undefined : before) ?? null };
      return hole ? [{ time: before.time + 1, value: null }, point] : [point];
    });
  }
}

function figures(metrics) {
  return {
    published: metrics.value('tidemark_events_total'),
    delivered: metrics.sum('tidemark_deliveries_total'),
    connections: metrics.sum('tidemark_connections'),
    readerLag: metrics.value('tidemark_cursor_lag_events', { share: '1' }),
    cursorLag: metrics.value('tidemark_named_cursors_max_lag_events'),
    synced: metrics.buckets('tidemark_commit_seconds', { durability: 'synced' }),
  };
}
