// How fast topics grow: from the heads that polls have seen, since the broker counts none by topic.
// broker/pages/console/: bounded by the topics of a list and the minutes kept.

const KEPT_MS = 3 * 60_000;
/** The rate is over so long, so that it does not flicker. */
const OVER_MS = 10_000;

export class Rates {
  #seen = new Map(); // by topic: [{time, epoch, head}]

  /** Takes what a poll has seen; topics that are not in it are forgotten. */
  take(topics, time = Date.now()) {
    const seen = new Map();
    for (const { name, epoch, head } of topics) {
      const before = this.#seen.get(name) ?? [];
      const same = before.at(-1)?.epoch === epoch ? before : [];
      seen.set(name, [
        ...same.filter((point) => time - point.time < KEPT_MS),
        { time, epoch, head },
      ]);
    }
    this.#seen = seen;
  }

  /** Events in a second, or undefined while it is not known. */
  of(name) {
    const seen = this.#seen.get(name) ?? [];
    const last = seen.at(-1);
    if (seen.length < 2) return undefined;
    const first =
      seen.find(({ time }) => last.time - time <= OVER_MS && time < last.time) ?? seen.at(-2);
    return growth(first, last);
  }

  /** Points for a sparkline. */
  points(name) {
    const seen = this.#seen.get(name) ?? [];
    return seen
      .slice(1)
      .map((point, index) => ({ time: point.time, value: growth(seen[index], point) }));
  }
}

function growth(before, after) {
  return Math.max(0, after.head - before.head) / ((after.time - before.time) / 1000);
}
