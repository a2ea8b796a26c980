// The package publishes to the real broker, which is killed, and so are the processes it runs in.
// tests/js/: whatever dies, each event is in the log once and in order, or somebody was told.
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { describe, expect, onTestFinished, test } from 'vitest';

import { broker_of_test } from '../support/broker_of_test.mjs';
import { FLAWLESS, flaws } from '../support/journal.mjs';
import { spawn_bound } from '../support/tidemarkd.mjs';
import {
  client_of_test, MemoryStore, stored_numbers, TidemarkError, told, TRANSPORTS,
} from './clients.mjs';

const PHONE = fileURLToPath(new URL('phone.mjs', import.meta.url));
const NUMBERS = 300;

describe.each(TRANSPORTS)('Publisher by %s', (transport) => {
  test('is told where each event went', async () => {
    const broker = await broker_of_test();
    const client = client_of_test(broker, { transport });
    const all = Array.from({ length: 100 }, (_, n) => client.publish('talk', { n: n + 1 }));
    const published = await Promise.all(all);
    expect(published.map(({ offset }) => offset)).toEqual(all.map((_, n) => n + 1));
    expect(published[0]).toMatchObject({ topic: 'talk', duplicate: false });
    expect(flaws(await stored_numbers(broker, 'talk'), 100)).toEqual(FLAWLESS);
  });

  test('may be offline from the beginning', async () => {
    const broker = await broker_of_test();
    await broker.kill();
    const client = client_of_test(broker, { transport });
    const sizes = [];
    client.on('outbox', ({ events }) => sizes.push(events));
    const all = Array.from({ length: 50 }, (_, n) => client.publish('talk', { n: n + 1 }));
    await Promise.all(all.map(({ stored }) => stored));
    expect(Math.max(...sizes)).toBe(50);
    await broker.start();
    await Promise.all(all);
    expect(sizes.at(-1)).toBe(0);
    expect(flaws(await stored_numbers(broker, 'talk'), 50)).toEqual(FLAWLESS);
  });

  test('loses and doubles nothing while the broker is killed', async () => {
    const broker = await broker_of_test();
    const client = client_of_test(broker, { transport, store: new MemoryStore() });
    const all = Array.from({ length: NUMBERS }, (_, n) => client.publish('talk', { n: n + 1 }));
    for (const at of [50, 120, 200]) {
      await all[at]; // the rest is on its way, or waits
      await broker.kill();
      await broker.start();
      client.resume(); // without waiting for its next attempt
    }
    const offsets = (await Promise.all(all)).map(({ offset }) => offset);
    expect(flaws(await stored_numbers(broker, 'talk'), NUMBERS)).toEqual(FLAWLESS);
    // A duplicate's may be forgotten, but none is wrong.
    offsets.forEach((offset, n) => expect([n + 1, undefined]).toContain(offset));
  });

  test('is told of what is refused for good, and the rest goes on', async () => {
    const broker = await broker_of_test(['--max-event', '4KiB']);
    const client = client_of_test(broker, { transport });
    const rejected = told(client, 'rejected');
    const before = client.publish('talk', { n: 1 });
    const large = client.publish('talk', { n: -1, text: 'x'.repeat(5_000) });
    const after = [2, 3, 4].map((n) => client.publish('talk', { n }));
    await expect(large).rejects.toMatchObject({ code: 'event_too_large' });
    expect((await rejected).event).toMatchObject({ topic: 'talk', data: { n: -1 } });
    expect((await rejected).error).toBeInstanceOf(TidemarkError);
    await Promise.all([before, ...after]);
    expect(flaws(await stored_numbers(broker, 'talk'), 4)).toEqual(FLAWLESS);
  });
});

/** A process with a client whose store is a directory, as a page has one; it can be killed. */
class Phone {
  stored = new Set();
  applied = 0;
  #child;
  #over;
  #waiting = new Set();

  constructor(broker, directory, transport) {
    const command = [process.execPath, PHONE, broker.url, directory, transport];
    this.#child = spawn_bound(command, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    this.#child.on('message', ({ stored, applied = this.applied }) => {
      if (stored) this.stored.add(stored);
      this.applied = applied;
      for (const check of [...this.#waiting]) check();
    });
    this.#child.once('exit', (code) => {
      this.#over = new Error(`the process has ended by itself with ${code}`);
      for (const check of [...this.#waiting]) check();
    });
  }

  publish(n) {
    this.#child.send({ publish: n });
  }

  until(holds) {
    return new Promise((fulfil, reject) => {
      const check = () => {
        if (!holds() && !this.#over) return;
        this.#waiting.delete(check);
        if (holds()) fulfil();
        else reject(this.#over);
      };
      this.#waiting.add(check);
      check();
    });
  }

  /** SIGKILL; fulfilled when it is gone and everything it has said has been heard. */
  async kill() {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const gone = Promise.all([once(this.#child, 'exit'), once(this.#child, 'disconnect')]);
    this.#child.kill('SIGKILL');
    await gone;
  }
}

test.each(TRANSPORTS)(
  'Phone that is killed with a full outbox has, and reads, each event once by %s',
  async (transport) => {
    const broker = await broker_of_test();
    const directory = mkdtempSync(join(tmpdir(), 'tidemark-phone-'));
    onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
    const promised = [];
    let n = 0;
    // Killed with events in the outbox that nobody could take, with some on their way, and while
    // those of an earlier life are being sent.
    for (const life of [1, 2, 3, 4, 5, 6]) {
      if (life % 3 === 1) await broker.kill();
      const phone = new Phone(broker, directory, transport);
      onTestFinished(() => phone.kill());
      const first = n + 1;
      for (let count = 0; count < 30; ++count) phone.publish(++n);
      await phone.until(() => phone.stored.size >= 20);
      if (life % 3 === 2) await broker.start();
      if (life % 3 === 0) await phone.until(() => phone.applied >= first);
      await phone.kill();
      promised.push(...phone.stored);
    }
    const last = new Phone(broker, directory, transport);
    onTestFinished(() => last.kill());
    last.publish(++n);
    await last.until(() => last.stored.has(n) && last.applied === n);
    promised.push(n);

    const log = await stored_numbers(broker, 'talk');
    expect(log).toEqual([...new Set(log)].sort((a, b) => a - b));
    expect(promised.filter((number) => !log.includes(number))).toEqual([]);
    const { numbers } = JSON.parse(readFileSync(join(directory, 'applied'), 'utf8'));
    expect(numbers).toEqual(log);
  },
);
