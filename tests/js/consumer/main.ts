// An application that has the package from npm: what a user writes must type-check and run.
// tests/js/: compiled and run by check.mjs; there is no broker, so it is offline all the time.
import {
  IndexedDbStore, MemoryStore, type Store, type Subscription, TidemarkClient, TidemarkError,
} from 'tidemark-client';

interface Move {
  readonly piece: string;
  readonly to: string;
}
type Board = Record<string, string>;

// What React Native's AsyncStorage looks like.
const items = new Map<string, string>();
const own: Store = {
  getItem: (key) => Promise.resolve(items.get(key) ?? null),
  async setItem(key, value) {
    items.set(key, value);
  },
  async removeItem(key) {
    items.delete(key);
  },
};
const stores: Store[] = [own, new MemoryStore()];
if ('indexedDB' in globalThis) stores.push(new IndexedDbStore('board'));

const client = new TidemarkClient({
  url: 'http://127.0.0.1:1',
  token: async () => 'token',
  store: own,
  transport: 'http',
});
const leave = client.on('status', ({ state, retryAt }) => {
  if (state === 'offline' && retryAt !== undefined) leave();
});
client.on('error', (error: TidemarkError) => console.error(error.code));

const board: Board = {};
function apply({ piece, to }: Move): void {
  board[piece] = to;
}
const called: Subscription<Move, Board> = client.subscribe<Move, Board>(
  'board/1',
  { state: true, onGap: 'state', filter: { keys: ['pawn*'] } },
  {
    state({ data }) {
      Object.assign(board, data);
    },
    event: ({ data }) => apply(data),
  },
);
async function iterate(): Promise<void> {
  for await (const item of client.subscribe<Move>('board/2', { from: 'earliest' })) {
    if (item.type === 'event') apply(item.data);
    else if (item.type === 'gap') console.error(item.next);
  }
}
const ended = iterate();

const publishing = client.publish('board/1', { piece: 'pawn', to: 'e4' }, { key: 'pawn' });
await publishing.stored;
const waits = [...items.values()].some((value) => value.includes('e4'));
const state: string = called.status.state;
await client.close();
await ended;
const outcome = await publishing.then(
  () => 'published',
  (error: unknown) => (error instanceof TidemarkError ? error.code : 'not typed'),
);
console.log(JSON.stringify({ waits, state, outcome }));
