// A process to be killed: publishes the numbers it is told to, and applies those it reads.
// tests/js/: node phone.mjs URL DIRECTORY TRANSPORT; run by publish.test.mjs, to which it speaks.
import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

import { WebSocket as NodeWebSocket } from 'ws';

const { TidemarkClient } = await import(
  pathToFileURL(resolve(process.env.TIDEMARK_JS, 'dist/index.js'))
);
const [url, directory, transport] = process.argv.slice(2);

/** A file is there whole or not at all, whenever this is killed. */
const files = {
  path: (key) => join(directory, encodeURIComponent(key)),
  getItem: (key) => (existsSync(files.path(key)) ? readFileSync(files.path(key), 'utf8') : null),
  setItem(key, value) {
    writeFileSync(`${files.path(key)}.new`, value);
    renameSync(`${files.path(key)}.new`, files.path(key));
  },
  removeItem: (key) => rmSync(files.path(key), { force: true }),
};

const client = new TidemarkClient({
  url, transport, store: files, WebSocket: globalThis.WebSocket ?? NodeWebSocket,
});
client.on('error', (error) => {
  // No connection is what this is about; anything else is not.
  if (!['connection_lost', 'timed_out'].includes(error.code)) throw error;
});
client.on('rejected', ({ event, error }) => {
  throw new Error(`${JSON.stringify(event.data)} is rejected`, { cause: error });
});

const kept = JSON.parse(files.getItem('applied') ?? '{"numbers":[]}');
const { position, numbers } = kept;
client.subscribe(
  'talk',
  { position: false, from: 'earliest', waitForTopic: true, ...(position && { after: position }) },
  {
    event(item) {
      numbers.push(item.data.n);
      files.setItem('applied', JSON.stringify({ position: item.position, numbers }));
      process.send({ applied: item.data.n });
    },
    gap(item) {
      throw new Error(`there is a gap: ${JSON.stringify(item)}`);
    },
  },
);

process.on('message', async ({ publish: n }) => {
  await client.publish('talk', { n }).stored;
  process.send({ stored: n });
});
