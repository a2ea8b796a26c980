// The wire between a client and its broker, as a relay that a test may cut, hold or spoil.
// tests/support/: what the tests written in JavaScript stand on.
import { once } from 'node:events';
import { connect, createServer } from 'node:net';

/** Bytes of one direction of one connection: passed on, or kept until the direction is released. */
class Lane {
  #into;
  #kept = [];
  held;

  constructor(into, held) {
    this.#into = into;
    this.held = held;
  }

  take(bytes) {
    if (this.held) this.#kept.push(bytes);
    else this.#into.write(bytes);
  }

  release() {
    this.held = false;
    for (const bytes of this.#kept.splice(0)) this.#into.write(bytes);
  }
}

/** Relays connections to whatever port `target()` says. Without lay() there is no such port. */
export class Cable {
  #target;
  #server = createServer((socket) => this.#accept(socket));
  #pairs = new Set();
  #unplugged = false;
  #held = { up: false, down: false };
  #waiting = new Set();
  /** Are WebSockets let through? If not, their upgrades are answered with 403. */
  upgrades = true;
  /** How many connections have been tried, and how many of them asked for a WebSocket. */
  tried = 0;
  websockets = 0;

  constructor(target) {
    this.#target = target;
  }

  async lay() {
    await once(this.#server.listen(0, '127.0.0.1'), 'listening');
  }
  async remove() {
    this.cut();
    this.#server.close();
  }

  get url() {
    return `http://127.0.0.1:${this.#server.address().port}`;
  }

  /** How many connections there are now. */
  get open() {
    return this.#pairs.size;
  }

  /** Ends every connection. What was held is lost. */
  cut() {
    for (const { client, broker } of this.#pairs) {
      client.destroy();
      broker.destroy();
    }
    this.#pairs.clear();
  }

  /** From now on, until plugged in, there is no connection. */
  unplug() {
    this.#unplugged = true;
    this.cut();
  }
  plug() {
    this.#unplugged = false;
  }

  /** Keeps the bytes to the client (`down`) or to the broker (`up`); the connections stay. */
  hold(...directions) {
    for (const direction of directions) {
      this.#held[direction] = true;
      for (const pair of this.#pairs) pair[direction].held = true;
    }
  }
  release() {
    this.#held = { up: false, down: false };
    for (const { up, down } of this.#pairs) {
      up.release();
      down.release();
    }
  }

  /** The connections there are carry nothing any more, and nobody is told. New ones do. */
  mute() {
    for (const { up, down } of this.#pairs) up.held = down.held = true;
  }

  /** Fulfilled with the next connection that is tried, whatever becomes of it. */
  next_try() {
    return new Promise((fulfil) => this.#waiting.add(fulfil));
  }

  #accept(client) {
    ++this.tried;
    for (const fulfil of this.#waiting) fulfil();
    this.#waiting.clear();
    client.on('error', () => client.destroy()); // a page that has gone: nothing to tell anybody
    if (this.#unplugged) return void client.destroy();
    client.once('data', (first) => {
      const upgrade = first.toString('latin1').startsWith('GET /v1/ws');
      if (upgrade) ++this.websockets;
      if (upgrade && !this.upgrades) {
        client.end('HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n');
      } else {
        this.#relay(client, first);
      }
    });
  }

  #relay(client, first) {
    if (this.#unplugged) return void client.destroy();
    const broker = connect(this.#target(), '127.0.0.1');
    const pair = {
      client,
      broker,
      up: new Lane(broker, this.#held.up),
      down: new Lane(client, this.#held.down),
    };
    this.#pairs.add(pair);
    const ended = () => {
      this.#pairs.delete(pair);
      client.destroy();
      broker.destroy();
    };
    broker.on('error', ended).on('close', ended).on('data', (bytes) => pair.down.take(bytes));
    client.on('close', ended).on('data', (bytes) => pair.up.take(bytes));
    pair.up.take(first);
  }
}
