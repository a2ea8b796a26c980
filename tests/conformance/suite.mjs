// Runs the conformance suite on the real broker: on a new directory, and on what kill -9 left.
// tests/conformance/: a test of CTest. With TIDEMARK_URL set it runs once, on whoever is there.
import { once } from 'node:events';
import { readFileSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { SHORT_POLLS, spawn_bound, Tidemarkd } from '../support/tidemarkd.mjs';
import { judge, TESTS } from './judge.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');

// Fulfilled with whether all passed.
async function run(title, url) {
  console.log(`== ${title}`);
  const report = join(root, 'suite-report.json');
  rmSync(report, { force: true });
  const command = [process.execPath, 'node_modules/vitest/vitest.mjs', 'run'];
  command.push('conformance/suite.test.mjs', '--config', 'conformance/vitest.config.mjs');
  command.push('--testTimeout', '30000');
  command.push('--reporter', 'default', '--reporter', 'json', '--outputFile.json', report);
  const env = { ...process.env, TIDEMARK_URL: url, NO_COLOR: '1' };
  const vitest = spawn_bound(command, { cwd: root, env, stdio: 'inherit' });
  const [code] = await once(vitest, 'exit');

  const { passed, faults } = judge(JSON.parse(readFileSync(report, 'utf8')));
  if (code !== 0 && faults.length === 0) faults.push(`vitest ended with ${code}`);
  for (const fault of faults) console.log(`   ${fault}`);
  console.log(`== ${title}: ${passed} of ${TESTS} passed\n`);
  return faults.length === 0;
}

async function run_with_broker() {
  const broker = new Tidemarkd(SHORT_POLLS);
  try {
    await broker.start();
    const fresh = await run('on a new directory', broker.url);
    await broker.kill();
    await broker.start();
    const old = await run('on the same directory after kill -9', broker.url);
    if (!fresh || !old) console.log(`the broker said:\n${broker.log}`);
    return fresh && old;
  } finally {
    await broker.discard();
  }
}

const there = process.env.TIDEMARK_URL;
const passed = there ? await run(`at ${there}`, there) : await run_with_broker();
process.exitCode = passed ? 0 : 1;
