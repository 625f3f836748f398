// Builds what is committed in dist/: index.html, the page in one file, and player.js, which plays streams on the page that
// works without the rest. The same sources and package-lock.json give the same bytes.
//
//     node build.mjs            writes dist/
//     node build.mjs --check    fails where dist/ is not what would be written

import { createHash } from 'node:crypto';
import { mkdir, readFile, readdir, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';

const here = fileURLToPath(new URL('.', import.meta.url));
const kOptions = {
  absWorkingDir: here,
  bundle: true,
  minify: true,
  write: false,
  outdir: 'out',
  target: ['chrome105', 'firefox110', 'safari16'],
  charset: 'utf8',
  legalComments: 'none', // dist/LICENSES has all of them
  logLevel: 'warning',
};

async function bundle(entry, format) {
  const { outputFiles } = await build({ ...kOptions, entryPoints: [entry], format, metafile: false });
  const text = (suffix) => outputFiles.find((file) => file.path.endsWith(suffix))?.text.trim() ?? '';
  return { script: text('.js'), style: text('.css') };
}

const source = (text) => `'sha256-${createHash('sha256').update(text).digest('base64')}'`;

/** Nothing from elsewhere is loaded, nothing is sent elsewhere, and no other script than this one runs. */
function policy(script, style) {
  return [
    "default-src 'none'",
    `script-src ${source(script)}`,
    `style-src ${source(style)}`,
    "connect-src 'self'",
    "img-src 'self' data:",
    'media-src blob:',
    "base-uri 'none'",
    "form-action 'none'",
  ].join('; ');
}

async function page() {
  const { script, style } = await bundle('main.tsx', 'esm');
  if (/<\/script|<!--/i.test(script) || /<\/style/i.test(style)) throw new Error('the bundle would end its own element');
  const filled = { policy: policy(script, style), script, style };
  const template = await readFile(`${here}index.html`, 'utf8');
  return template.replace(/\{\{(\w+)\}\}/g, (_, name) => filled[name]);
}

/** The licences of what the bundles contain: all dependencies, and what they depend on. */
async function licences() {
  const lock = JSON.parse(await readFile(`${here}package-lock.json`, 'utf8'));
  const bundled = Object.entries(lock.packages).filter(([path, entry]) => path && !entry.dev);
  const texts = bundled.map(async ([path, { version, license }]) => {
    const file = (await readdir(here + path)).find((name) => /^licen[cs]e/i.test(name));
    const text = file ? (await readFile(`${here}${path}/${file}`, 'utf8')).trim() : '';
    return `${path.replace('node_modules/', '')} ${version} (${license})\n\n${text}\n`;
  });
  return (await Promise.all(texts)).join(`\n${'-'.repeat(80)}\n\n`);
}

export async function buildAll() {
  return {
    'index.html': await page(),
    'player.js': `${(await bundle('player/main.ts', 'iife')).script}\n`,
    LICENSES: await licences(),
  };
}

const size = (text) => `${(Buffer.byteLength(text) / 1e3).toFixed(1)} kB, ${(gzipSync(text).length / 1e3).toFixed(1)} compressed`;

async function main() {
  const isCheck = process.argv.includes('--check');
  await mkdir(`${here}dist`, { recursive: true });
  for (const [name, text] of Object.entries(await buildAll())) {
    const committed = await readFile(`${here}dist/${name}`, 'utf8').catch(() => '');
    if (isCheck && committed !== text) {
      console.error(`src/page/dist/${name} is not what the sources give: \`make page\`, and commit it`);
      process.exitCode = 1;
    }
    if (!isCheck && committed !== text) await writeFile(`${here}dist/${name}`, text);
    console.log(`  ${name}: ${size(text)}`);
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main();
