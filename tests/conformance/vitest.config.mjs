// How vitest runs the tests that are written in JavaScript.
// tests/conformance/: for those of tests/browser/ too.
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['*/*.test.mjs'],
    // Above every limit inside a test, so that those speak first: they know what was waited for.
    testTimeout: 120_000,
    hookTimeout: 30_000,
  },
});
