// Packs the built package, installs it in an application outside the tree, type-checks and runs it.
// tests/js/: node check.mjs PACKAGE WORK, where PACKAGE is built and WORK may be thrown away.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const [built, work] = process.argv.slice(2).map((path) => resolve(path));
const here = fileURLToPath(new URL('.', import.meta.url));
const QUIET = ['--no-audit', '--no-fund', '--no-update-notifier', '--loglevel=error'];

const run = (cwd, command, ...args) => execFileSync(command, args, { cwd, encoding: 'utf8' });
const write = (name, value) => writeFileSync(join(work, name), JSON.stringify(value));

rmSync(work, { recursive: true, force: true });
mkdirSync(work, { recursive: true });

const [packed] = JSON.parse(run(built, 'npm', 'pack', '--json', '--pack-destination', work, ...QUIET));
const files = packed.files.map(({ path }) => path);
for (const file of [
  'LICENSE', 'README.md', 'dist/index.js', 'dist/index.d.ts', 'dist/tidemark-client.min.js',
]) {
  assert(files.includes(file), `${file} is not packed`);
}
const strays = files.filter((path) => !/^(dist|src)\/|^(LICENSE|README\.md|package\.json)$/.test(path));
assert.deepEqual(strays, [], 'what only its makers need is packed');

write('package.json', { name: 'consumer', private: true, type: 'module' });
run(work, 'npm', 'install', '--offline', ...QUIET, join(work, packed.filename));
copyFileSync(join(here, 'main.ts'), join(work, 'main.ts'));
const common = { target: 'ES2022', strict: true, noEmitOnError: true, exactOptionalPropertyTypes: true };
// In a page by a bundler, and in Node without anything of a page's.
const PLATFORMS = {
  page: { ...common, module: 'ESNext', moduleResolution: 'Bundler', noEmit: true, types: [],
    lib: ['ES2022', 'DOM'] },
  node: { ...common, module: 'NodeNext', lib: ['ES2022'], types: ['node'],
    typeRoots: [join(built, 'node_modules/@types')] },
};
for (const [platform, compilerOptions] of Object.entries(PLATFORMS)) {
  write(`${platform}.json`, { compilerOptions, files: ['main.ts'] });
  try {
    run(work, 'node', join(built, 'node_modules/typescript/bin/tsc'), '-p', `${platform}.json`);
  } catch (error) {
    assert.fail(`a consumer does not type-check (${platform}):\n${error.stdout}`);
  }
}

const said = run(work, 'node', 'main.js').trim().split('\n').at(-1);
assert.deepEqual(JSON.parse(said), { waits: true, state: 'waiting', outcome: 'closed' });
console.log(`${packed.filename}: ${packed.size} bytes, ${files.length} files; installs, imports, runs`);
