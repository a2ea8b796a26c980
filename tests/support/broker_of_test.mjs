// A broker for one test: discarded at its end, and heard if the test has failed.
// tests/support/: what the tests that run under vitest stand on.
import { onTestFinished } from 'vitest';

import { Tidemarkd } from './tidemarkd.mjs';

/** A broker that listens; `options` as for Tidemarkd. */
export async function broker_of_test(options) {
  const broker = new Tidemarkd(options);
  onTestFinished(async ({ task }) => {
    if (task.result?.state === 'fail') console.error(`the broker said:\n${broker.log}`);
    await broker.discard();
  });
  await broker.start();
  return broker;
}
