// The headless Chromium that the tests in a browser use.
// tests/support/: what the tests that run under vitest stand on.
import { chromium } from 'playwright-core';

/** A new one; its user data directory comes with it and goes with it. `more`: further arguments. */
export function launch_chromium(...more) {
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    chromiumSandbox: false, // it refuses to start for root, who runs the tests in a container
    args: [
      '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
      '--disable-component-update', '--disable-sync', ...more,
    ],
  });
}
