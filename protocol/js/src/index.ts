// What the package is to its users.
// protocol/js/: everything it exports, and nothing else is public.
/**
 * Follows the topics of a Tidemark broker and publishes to them: offline for as long as it takes,
 * nothing missed, nothing doubled.
 *
 * @packageDocumentation
 */
export {
  TidemarkClient,
  type ClientEvents,
  type ClientOptions,
  type ClientStatus,
  type PublishOptions,
} from './client.js';
export type { TokenSource } from './credential.js';
export { Emitter } from './emitter.js';
export type { Change, Environment } from './environment.js';
export {
  type ClientErrorCode,
  type ErrorCode,
  type ErrorDetails,
  TidemarkError,
} from './errors.js';
export { IndexedDbStore } from './indexed_db_store.js';
export type { Entry, EventItem, GapItem, Item, Loss, LossCause, StateItem } from './items.js';
export type { WebSocketLike, WebSocketMaker } from './link.js';
export type { Filter, Gap, GapCause, OnGap, Position, StateIfBehind } from './messages.js';
export type { OutboxLimits, OutgoingEvent, Published, Rejected } from './outbox.js';
export { Publishing } from './publishing.js';
export { MemoryStore, type Store } from './store.js';
export {
  type Handlers,
  type SubscribeOptions,
  Subscription,
  type SubscriptionStatus,
} from './subscription.js';
