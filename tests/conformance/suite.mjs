// Runs the conformance suite against the real broker: on a new directory, and on what kill -9 left.
// tests/conformance/: a test of CTest. With TIDEMARK_URL set it runs once, against whoever is there.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { SHORT_POLLS, Tidemarkd } from '../support/tidemarkd.mjs';
import { judge, TESTS } from './judge.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');

// Fulfilled with whether all passed.
async function run(title, url) {
  console.log(`== ${title}`);
  const report = join(root, 'suite-report.json');
  rmSync(report, { force: true });
  const vitest = [join(root, 'node_modules/vitest/vitest.mjs'), 'run', 'conformance/suite.test.mjs'];
  vitest.push('--config', 'conformance/vitest.config.mjs', '--testTimeout', '30000');
  vitest.push('--reporter', 'default', '--reporter', 'json', '--outputFile.json', report);
  const environment = { ...process.env, TIDEMARK_URL: url, NO_COLOR: '1' };
  const child = spawn(process.execPath, vitest, { cwd: root, env: environment, stdio: 'inherit' });
  const [code] = await once(child, 'exit');

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
