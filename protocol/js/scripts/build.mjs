// Builds the package: modules with their types, and all of them as one, readable and minified.
// protocol/js/: `npm run build`; what it makes is in dist/.
import { spawnSync } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

import { build } from 'esbuild';
import ts from 'typescript';

/** The most the minified bundle may have, gzipped. */
const LIMIT_BYTES = 12 * 1024;

process.chdir(fileURLToPath(new URL('..', import.meta.url)));
const { name, version, license } = JSON.parse(readFileSync('package.json', 'utf8'));
const title = `// ${name} ${version}, ${license}.`;

const compilerOptions = {
  target: ts.ScriptTarget.ES2022,
  module: ts.ModuleKind.ESNext,
  verbatimModuleSyntax: true,
};

function modules() {
  const tsc = createRequire(import.meta.url).resolve('typescript/bin/tsc');
  const { status } = spawnSync(process.execPath, [tsc, '-p', 'tsconfig.json'], {
    stdio: 'inherit',
  });
  if (status !== 0) process.exit(1);
}

// esbuild keeps comments on members unless it minifies. They are for who reads the sources; a page
// has no use for them.
const uncommented = {
  name: 'uncommented',
  setup({ onLoad }) {
    onLoad({ filter: /\.ts$/ }, ({ path }) => ({
      contents: ts.transpileModule(readFileSync(path, 'utf8'), {
        compilerOptions: { ...compilerOptions, removeComments: true },
      }).outputText,
    }));
  },
};

/** Bundles all modules into `file`; `banner` is what it begins with. Returns its bytes. */
async function bundle(file, minify, banner) {
  const made = await build({
    entryPoints: ['src/index.ts'],
    outfile: file,
    bundle: true,
    minify,
    plugins: minify ? [] : [uncommented],
    format: 'esm',
    target: 'es2022',
    charset: 'utf8',
    legalComments: 'none',
    logLevel: 'warning',
    banner: { js: banner },
  });
  if (made.warnings.length > 0) throw new Error(`${file}: warnings are errors`);
  return readFileSync(file);
}

rmSync('dist', { recursive: true, force: true });
modules();
const readable = await bundle(
  'dist/tidemark-client.js',
  false,
  `${title} A persistent log broker's client for browsers, as one module.\n` +
    '// Bundled from protocol/js/ of Tidemark, also as broker/pages/client/: edit it there.',
);
const minified = await bundle('dist/tidemark-client.min.js', true, title);

for (const [what, bytes] of Object.entries({ readable, minified })) {
  console.log(`${what}: ${bytes.length} bytes, ${gzipSync(bytes, { level: 9 }).length} gzipped`);
}
if (gzipSync(minified, { level: 9 }).length > LIMIT_BYTES) {
  console.error(`minified: more than ${LIMIT_BYTES} bytes gzipped`);
  process.exitCode = 1;
}
