// Puts the built bundle where the broker takes it from; --check: only says whether it is there.
// protocol/js/: `npm run embed`. The bundle is in the repository, so that C++ builds need no Node.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';

const check = process.argv[2] === '--check';
const file = process.argv[check ? 3 : 2];
if (!file) {
  console.error('usage: node scripts/embed.mjs [--check] FILE');
  process.exit(2);
}
const built = readFileSync(new URL('../dist/tidemark-client.js', import.meta.url), 'utf8');

/** The number of the first line in which two texts differ, or 0. */
function difference(one, other) {
  if (one === other) return 0;
  const lines = other.split('\n');
  return one.split('\n').findIndex((line, n) => line !== lines[n]) + 1 || lines.length;
}

if (check) {
  const line = difference(built, existsSync(file) ? readFileSync(file, 'utf8') : '');
  if (line > 0) {
    console.error(`${file} is not what protocol/js builds, from line ${line} on. To make it so:`);
    console.error(`  node ${resolve(process.argv[1])} ${resolve(file)}`);
    process.exitCode = 1;
  }
} else {
  mkdirSync(dirname(resolve(file)), { recursive: true });
  writeFileSync(file, built);
}
