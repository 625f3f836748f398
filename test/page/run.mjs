// Tests of the page, and a server to develop it with.
//
//     node test/page/run.mjs              all tests with a made-up overlay, unit tests first
//     node test/page/run.mjs unit         unit tests alone
//     node test/page/run.mjs serve [N [PORT]]    serves the page with a made-up overlay of N (60) nodes, and builds
//                                                it anew when a source has changed
//     ONLY=REGEX node test/page/run.mjs   those whose name it is found in
//     OTTD_PAGE_URL=http://… node test/page/run.mjs    looks at the page of a running overlay
//
// Tests are bundled into build/page/test/. Screenshots land in build/page/.

import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));
const require = createRequire(`${root}src/page/build.mjs`);
const { build } = require('esbuild');
const out = `${root}build/page/test`;

/** What tests use of node_modules and cannot be bundled: it looks for files beside itself. */
const beside = {
  name: 'beside',
  setup: (plugin) =>
    plugin.onResolve({ filter: /^(playwright-core|yaml)$/ }, ({ path }) => ({
      path: pathToFileURL(require.resolve(path)).href,
      external: true,
    })),
};

async function bundle(names) {
  rmSync(out, { recursive: true, force: true });
  mkdirSync(out, { recursive: true });
  await build({
    absWorkingDir: root,
    entryPoints: names.map((name) => `test/page/${name}.ts`),
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node18',
    outdir: out,
    outExtension: { '.js': '.mjs' },
    nodePaths: [`${root}src/page/node_modules`],
    tsconfigRaw: { compilerOptions: { jsx: 'react-jsx', jsxImportSource: 'preact' } },
    plugins: [beside],
    sourcemap: 'inline',
    logLevel: 'warning',
  });
}

function run(flags, names) {
  const files = names.map((name) => `${out}/${name.split('/').pop()}.mjs`);
  const done = spawnSync(process.execPath, ['--enable-source-maps', ...flags, ...files], { cwd: root, stdio: 'inherit' });
  process.exit(done.status ?? 1);
}

const [what = process.env.OTTD_PAGE_URL ? 'served' : 'all', ...rest] = process.argv.slice(2);
const units = readdirSync(`${root}test/page/unit`).map((file) => `unit/${file.replace(/\.ts$/, '')}`);
if (what === 'serve') {
  await bundle(['serve']);
  const { serve } = await import(`${out}/serve.mjs`);
  await serve(Number(rest[0] ?? 60), Number(rest[1] ?? 8099));
} else {
  const browsers = { unit: [], all: ['browser.test'], browser: ['browser.test'], served: ['served.test'] }[what];
  if (!browsers) throw new Error(`all, unit, browser, served or serve, and not ${what}`);
  const names = [...(['unit', 'all'].includes(what) ? units : []), ...browsers];
  await bundle(names);
  const only = process.env.ONLY ? [`--test-name-pattern=${process.env.ONLY}`] : [];
  run(['--test', '--test-reporter=spec', ...only], names);
}
