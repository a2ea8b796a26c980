// How vitest runs the package's unit tests.
// protocol/js/: what is slow there works, and is measured by no clock of its own.
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/*.test.ts'],
    // Some take tens of MiB apart, on machines that have other things to do.
    testTimeout: 60_000,
  },
});
