// How the package's own tests are run.
// protocol/js/: nothing here touches a network.
import { defineConfig } from 'vitest/config';

export default defineConfig({ test: { include: ['test/**/*.test.ts'], restoreMocks: true } });
