// The conformance suite of the Durable Streams protocol, against the broker at TIDEMARK_URL.
// tests/conformance/: run by suite.mjs. Nothing of ours is in it: the tests are the protocol's own.
import { runConformanceTests } from '@durable-streams/server-conformance-tests';

// Not BASE_URL, which vitest sets itself.
runConformanceTests({
  baseUrl: process.env.TIDEMARK_URL,
  longPollTimeoutMs: 1000,
  subscriptions: false,
});
