// A watcher that remembers what it was told, and lets a test wait for it.
// protocol/js/: for the tests of the links.
import type { LinkEnd, LinkWatcher } from '../src/link.js';
import type { ServerMessage } from '../src/messages.js';

type Of<T extends ServerMessage['type']> = Extract<ServerMessage, { type: T }>;

export class Recorder implements LinkWatcher {
  isOpen = false;
  readonly messages: ServerMessage[] = [];
  readonly ends: LinkEnd[] = [];
  private readonly waiting = new Set<() => void>();

  opened(): void {
    expectNot(this.isOpen, 'opened twice');
    this.isOpen = true;
    this.look();
  }
  received(message: ServerMessage): void {
    expectNot(this.ends.length > 0, 'a message after the end');
    this.messages.push(message);
    this.look();
  }
  ended(end: LinkEnd): void {
    this.ends.push(end);
    this.look();
  }

  /** Fulfilled once `holds`. */
  until(holds: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      const look = (): void => {
        if (!holds()) return;
        this.waiting.delete(look);
        resolve();
      };
      this.waiting.add(look);
      look();
    });
  }

  of<T extends ServerMessage['type']>(type: T): Of<T>[] {
    return this.messages.filter((message): message is Of<T> => message.type === type);
  }

  /** The first `count` messages of a type, once there are so many. */
  async wait<T extends ServerMessage['type']>(type: T, count = 1): Promise<Of<T>[]> {
    await this.until(() => this.of(type).length >= count);
    return this.of(type);
  }

  async end(): Promise<LinkEnd> {
    await this.until(() => this.ends.length > 0);
    return this.ends[0] as LinkEnd;
  }

  private look(): void {
    for (const look of [...this.waiting]) look();
  }
}

function expectNot(wrong: boolean, what: string): void {
  if (wrong) throw new Error(what);
}
