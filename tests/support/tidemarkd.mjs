// A real tidemarkd on a temporary directory: started, killed, and started again on the same port.
// tests/support/: what the tests written in JavaScript stand on.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

/** What is run; any program will do that takes --data and --listen and says where it listens. */
const PROGRAM = process.env.TIDEMARK_DAEMON;
/** For tests that wait for a long poll to end with nothing. */
export const SHORT_POLLS = (process.env.TIDEMARK_OPTIONS ?? '--long-poll-timeout 1s')
  .split(' ')
  .filter(Boolean);

const START_LIMIT_MS = 30_000;
// A request that fails this often although the broker is up has found a fault, not a restart.
const TRIES = 20;

/** spawn() of a program that ends with us: who is killed cannot clean up, but the kernel can. */
export function spawn_bound(command, options) {
  return spawn('setpriv', ['--pdeathsig', 'KILL', ...command], options);
}

/** One broker at a time on one directory, which is gone with discard(). */
export class Tidemarkd {
  #directory = mkdtempSync(join(tmpdir(), 'tidemark-web-'));
  #options;
  #child = null;
  #port = 0;
  #up; // a promise: the broker listens
  #listens = null; // fulfils it; null while it listens

  /** `options` are handed to the broker at every start. */
  constructor(options = []) {
    if (!PROGRAM) throw new Error('TIDEMARK_DAEMON does not say which program to start');
    this.#options = options;
    this.#await_start();
  }

  get port() {
    return this.#port;
  }
  get url() {
    return `http://127.0.0.1:${this.#port}`;
  }
  /** What the broker has said on stderr in all its lives. */
  get log() {
    return readFileSync(join(this.#directory, 'log'), 'utf8');
  }

  /** Fulfilled when it listens: on `port`, that of the last start if there was one, or any. */
  async start(port = this.#port) {
    const log = openSync(join(this.#directory, 'log'), 'a');
    const command = [PROGRAM, '--data', join(this.#directory, 'data')];
    command.push('--listen', `127.0.0.1:${port}`, ...this.#options);
    this.#child = spawn_bound(command, { stdio: ['ignore', 'pipe', log] });
    closeSync(log);
    try {
      this.#port = await port_said_by(this.#child);
    } catch (error) {
      await this.kill();
      throw new Error(`the broker did not start: ${error.message}\n${this.log}`);
    }
    this.#listens();
    this.#listens = null;
  }

  /** SIGKILL; fulfilled when it is gone. */
  async kill() {
    this.#await_start(); // first, so that whoever loses a connection now waits
    const child = this.#child;
    this.#child = null;
    if (!child?.pid || child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, 'exit');
    child.kill('SIGKILL');
    await gone;
  }

  async discard() {
    await this.kill();
    rmSync(this.#directory, { recursive: true, force: true });
  }

  /** Fulfilled at once while the broker listens, or when it does again. */
  async listening() {
    await this.#up;
  }

  /**
   * fetch() that outlives kills: a request whose connection breaks is sent again as it was once the
   * broker is back. Like any retry it may so be carried out twice.
   */
  fetch = async (target, init) => {
    for (let tries = 1; ; ++tries) {
      await this.#up;
      try {
        return await fetch(target, init);
      } catch (error) {
        if (init?.signal?.aborted || tries === TRIES) throw error;
      }
    }
  };

  #await_start() {
    if (this.#listens) return;
    this.#up = new Promise((fulfil) => {
      this.#listens = fulfil;
    });
  }
}

async function port_said_by(child) {
  const limit = setTimeout(() => child.kill('SIGKILL'), START_LIMIT_MS);
  let failure = 'it ended, or took too long';
  child.once('error', (error) => (failure = error.message));
  try {
    for await (const line of createInterface({ input: child.stdout })) {
      const found = /^listening on http:\/\/\S*:(\d+)$/.exec(line);
      if (found) return Number(found[1]);
    }
  } finally {
    clearTimeout(limit);
    child.stdout.resume(); // a pipe nobody reads would stop it some day
  }
  throw new Error(failure);
}
