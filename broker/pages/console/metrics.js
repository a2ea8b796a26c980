// Reads Prometheus text, and quantiles out of its histograms.
// broker/pages/console/: pure; the history says which figures are wanted.

const LINE = /^([A-Za-z_:][\w:]*)(?:\{(.*)\})?\s+(\S+)/;
const LABEL = /([A-Za-z_]\w*)="((?:[^"\\]|\\.)*)"/g;

const ESCAPES = { n: '\n', '\\': '\\', '"': '"' };

function number(text) {
  if (text === '+Inf') return Infinity;
  if (text === '-Inf') return -Infinity;
  return Number(text);
}

export class Metrics {
  #families = new Map();

  /** Lines that cannot be read are passed over. */
  constructor(text) {
    for (const line of text.split('\n')) {
      const found = LINE.exec(line);
      if (!found) continue;
      const labels = {};
      for (const [, name, value] of (found[2] ?? '').matchAll(LABEL)) {
        labels[name] = value.replace(/\\(.)/g, (_, sign) => ESCAPES[sign] ?? sign);
      }
      const samples = this.#families.get(found[1]) ?? [];
      samples.push({ labels, value: number(found[3]) });
      this.#families.set(found[1], samples);
    }
  }

  /** All samples of a name whose labels are those given: [{labels, value}]. */
  all(name, labels = {}) {
    const wanted = Object.entries(labels);
    return (this.#families.get(name) ?? []).filter((sample) =>
      wanted.every(([label, value]) => sample.labels[label] === value),
    );
  }

  /** Undefined if there is none. */
  value(name, labels) {
    return this.all(name, labels)[0]?.value;
  }

  sum(name, labels) {
    const samples = this.all(name, labels);
    return samples.length ? samples.reduce((total, { value }) => total + value, 0) : undefined;
  }

  /** Cumulative buckets of a histogram: [{le, count}]. */
  buckets(name, labels) {
    return this.all(`${name}_bucket`, labels)
      .map((sample) => ({ le: number(sample.labels.le), count: sample.value }))
      .sort((a, b) => a.le - b.le);
  }
}

/** What was added to a histogram; null if it was begun anew in between. */
export function added(before, after) {
  const earlier = new Map(before.map(({ le, count }) => [le, count]));
  const difference = after.map(({ le, count }) => ({ le, count: count - (earlier.get(le) ?? 0) }));
  return difference.some(({ count }) => count < 0) ? null : difference;
}

/** A quantile (0 to 1), assuming each bucket is evenly filled; null if there is nothing in it. */
export function quantile(share, buckets) {
  const total = buckets.at(-1)?.count ?? 0;
  if (total <= 0) return null;
  const rank = share * total;
  const at = buckets.findIndex(({ count }) => count >= rank);
  const lower = at > 0 ? buckets[at - 1] : { le: 0, count: 0 };
  const { le, count } = buckets[at];
  if (!Number.isFinite(le)) return lower.le;
  return lower.le + ((le - lower.le) * (rank - lower.count)) / Math.max(1, count - lower.count);
}
