// Pages die at every write and every message; each event is in the log once, in order, or reported.
// protocol/js/test: exhaustive over one story, and seeded over many.
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Origin, Page, seeded, settle } from './outbox_world.js';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const bad = (data: unknown) => String(data).endsWith('!');

function refusing(origin: Origin): Origin {
  origin.broker.refuses = ({ data }) => (bad(data) ? 'forbidden' : undefined);
  return origin;
}

/** What is wrong with the log, in words; nothing if all is well. */
function faults(origin: Origin, pages: Page[], added: Map<string, { topic: string; page: Page }>) {
  const faults: string[] = [];
  const logs = [
    ...origin.broker.histories,
    ...[...origin.broker.topics].map(([topic, { log }]) => ({ topic, log })),
  ];
  const stored = new Set(pages.flatMap((page) => page.stored));
  const rejected = pages.flatMap((page) => page.rejected.map(({ event }) => event.data));
  const everywhere = logs.flatMap(({ log }) => log) as string[];
  for (const { log } of logs) {
    if (new Set(log).size !== log.length) faults.push(`doubled: ${log}`);
    // Data are numbers, growing over the lives of a tab: "tab.number".
    for (const tab of new Set(log.map((data) => String(data).split('.')[0]))) {
      const numbers = log
        .map(String)
        .filter((data) => data.split('.')[0] === tab)
        .map((data) => parseInt(data.split('.')[1]!));
      if (numbers.some((number, at) => at > 0 && number < numbers[at - 1]!)) {
        faults.push(`out of order: ${log}`);
      }
    }
  }
  for (const data of added.keys()) {
    if (bad(data)) {
      if (everywhere.includes(data)) faults.push(`refused and there: ${data}`);
      if (stored.has(data) && !rejected.includes(data)) faults.push(`not reported: ${data}`);
    } else {
      if (stored.has(data) && !everywhere.includes(data)) faults.push(`lost: ${data}`);
      if (rejected.includes(data)) faults.push(`rejected: ${data}`);
    }
  }
  for (const page of pages) {
    for (const { data } of page.published) {
      if (!everywhere.includes(data as string)) faults.push(`said to be there: ${data}`);
    }
    for (const { code, message } of page.failures) faults.push(`${code}: ${message}`);
  }
  return faults;
}

/** A last page finds everything well, and finishes. */
async function finish(origin: Origin, pages: Page[]): Promise<void> {
  origin.disk.before = () => {};
  origin.disk.after = () => {};
  const last = new Page(origin, seeded(99));
  pages.push(last);
  await settle();
  for (let round = 0; round < 3; ++round) {
    last.connect();
    await last.run();
    vi.advanceTimersByTime(60_000);
    await last.run();
  }
  expect(last.outbox.size).toEqual({ events: 0, bytes: 0 });
  expect(JSON.parse(origin.disk.items.get('tidemark:lanes') ?? '[]').length).toBeLessThan(2);
}

describe('a page that dies', () => {
  /**
   * Two lives: events before and after, one refused in the middle, a link lost with answers under
   * way, the topic made anew. The page dies at step `death`, of writes and messages; none: -1.
   */
  async function story(
    death: number,
    afterWrite: boolean,
  ): Promise<{ steps: number; faults: string[] }> {
    const origin = refusing(new Origin());
    const pages: Page[] = [];
    const added = new Map<string, { topic: string; page: Page }>();
    let steps = 0;
    let page!: Page;
    const step = (): void => {
      if (steps++ === death) page.die();
    };
    if (afterWrite) origin.disk.after = step;
    else origin.disk.before = step;
    const born = async (): Promise<void> => {
      page = new Page(origin, seeded(pages.length + 1));
      pages.push(page);
      await settle();
    };
    let number = 0;
    const add = (mark = ''): void => {
      const data = `a.${number++}${mark}`;
      added.set(data, { topic: 'orders', page });
      page.add(data);
    };
    const turn = async (): Promise<void> => {
      page.arrive();
      await settle();
      if (!page.dead) step();
      if (!page.dead) page.hear();
      await settle();
    };

    await born();
    for (let life = 0; life < 2; ++life) {
      add();
      add();
      await settle();
      if (page.dead) await born();
      page.connect();
      await settle();
      for (const mark of ['', '!', '', '']) add(mark);
      for (let turns = 0; turns < 5 && !page.dead; ++turns) await turn();
      if (page.dead) await born();
      page.connect();
      await settle();
      for (let turns = 0; turns < 12 && !page.dead; ++turns) await turn();
      if (page.dead) await born();
      add();
      if (life === 0) origin.broker.recreate('orders');
      await settle();
    }
    page.die();
    await finish(origin, pages);
    return { steps, faults: faults(origin, pages, added) };
  }

  it.each([false, true])(
    'at any step loses and doubles nothing (after the write: %s)',
    async (after) => {
      const { steps, faults: whole } = await story(-1, after);
      expect(whole).toEqual([]);
      expect(steps).toBeGreaterThan(40);
      for (let death = 0; death < steps; ++death) {
        const { faults } = await story(death, after);
        expect(faults, `death at step ${death}`).toEqual([]);
      }
    },
    60_000,
  );
});

describe('anything, anywhere', () => {
  /** Tabs come, go, die, lose links whose messages arrive late, are refused and put off. */
  async function chaos(seed: number): Promise<string[]> {
    const random = seeded(seed);
    const chance = (one: number): boolean => random() * one < 1;
    const origin = refusing(new Origin());
    const pages: Page[] = [];
    const added = new Map<string, { topic: string; page: Page }>();
    const tabs: (Page | undefined)[] = [undefined, undefined];
    const dying = (page: Page): void => {
      if (chance(60)) page.die();
    };
    origin.disk.before = dying;
    origin.disk.after = dying;
    const { refuses } = origin.broker;
    origin.broker.refuses = (message) =>
      refuses(message) ?? (chance(15) ? 'overloaded' : undefined);

    let number = 0;
    for (let steps = 0; steps < 250; ++steps) {
      const tab = chance(2) ? 0 : 1;
      let page = tabs[tab];
      if (!page || page.dead) {
        page = tabs[tab] = new Page(origin, seeded(seed * 1000 + pages.length));
        pages.push(page);
        page.connect();
      }
      const what = Math.floor(random() * 20);
      if (what < 5) {
        const topic = chance(3) ? 'b' : 'a';
        const data = `${pages.indexOf(page)}.${number++}${chance(8) ? '!' : ''}`;
        added.set(data, { topic, page });
        page.add(data, topic);
      } else if (what < 11) page.arrive();
      else if (what < 16) page.hear();
      else if (what === 16) page.connect();
      else if (what === 17) vi.advanceTimersByTime(2000);
      else if (what === 18 && chance(6)) page.die();
      else if (what === 19 && origin.late.length) {
        const at = Math.floor(random() * origin.late.length);
        origin.broker.publish(origin.late.splice(at, 1)[0]!);
      }
      if (!chance(4)) await settle();
    }
    for (const tab of tabs) tab?.die();
    for (const message of origin.late) origin.broker.publish(message);
    origin.broker.refuses = refuses;
    await finish(origin, pages);
    return faults(origin, pages, added);
  }

  it('ends with each event once, in order, or reported', async () => {
    const first = Number(process.env.TIDEMARK_SEED ?? 1);
    for (let seed = first; seed < first + 30; ++seed) {
      expect(await chaos(seed), `TIDEMARK_SEED=${seed}`).toEqual([]);
    }
  }, 60_000);
});
