// Who has published to a topic and is remembered.
// broker/pages/console/: a tab of each topic.
import { collect, isAbort } from './api.js';
import { h, setText, show } from './dom.js';
import * as format from './format.js';
import { Poller } from './poller.js';
import { Table } from './table.js';
import { empty, explain, notice, RIGHTS } from './words.js';

const EVERY_MS = 3000;
const MOST = 1000;

export class ProducerList {
  shortcuts = [];
  #body = h('div', { class: 'list' });
  #count = h('p', { class: 'count', role: 'status' });
  #table;
  #poller;

  constructor(app, topic) {
    const text = (of) => () => ({ text: of });
    this.#table = new Table({
      caption: 'Producers',
      keyOf: ({ producer }) => producer,
      sort: { by: 'used', down: true },
      columns: [
        {
          name: 'producer',
          title: 'Producer',
          kind: 'name',
          of: ({ producer }) => producer,
          make: text(({ producer }) => producer),
        },
        {
          name: 'epoch',
          title: 'Epoch',
          kind: 'number',
          of: ({ epoch }) => epoch,
          make: text(({ epoch }) => format.count(epoch)),
        },
        {
          name: 'sequence',
          title: 'Sequence',
          kind: 'number',
          of: ({ sequence }) => sequence,
          make: text(({ sequence }) => format.count(sequence)),
        },
        {
          name: 'last',
          title: 'Last event',
          kind: 'number',
          of: (producer) => producer.last_offset ?? 0,
          make: text((producer) => format.count(producer.last_offset)),
        },
        {
          name: 'used',
          title: 'Last used',
          kind: 'number',
          of: (producer) => Date.parse(producer.last_used),
          make: text((producer) => format.ago(producer.last_used)),
        },
      ],
    });
    this.node = h('div', {}, this.#count, this.#body);
    this.#poller = new Poller(EVERY_MS, async (signal) => {
      try {
        this.#show(
          await collect((after) => app.api.producers(topic, after, signal), 'producers', MOST),
        );
      } catch (error) {
        if (
          isAbort(error) ||
          (this.#body.firstChild === this.#table.node && error.code === 'unreachable')
        )
          return;
        show(this.#body, notice(explain(error, 'the producers', RIGHTS.manage)));
      }
    });
  }

  close() {
    this.#poller.stop();
  }

  #show({ items, more }) {
    this.#table.show(items);
    setText(this.#count, more ? `The first ${format.count(items.length)} by name.` : '');
    if (items.length === 0) {
      show(
        this.#body,
        empty(
          'No producers are remembered',
          'Who publishes with a producer id, epoch and sequence, so that retries do not double, appears here.',
        ),
      );
    } else if (this.#body.firstChild !== this.#table.node) {
      show(this.#body, this.#table.node);
    }
  }
}
