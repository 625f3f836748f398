// For development: the page with a made-up overlay in which something happens each few seconds.

import { spawn } from 'node:child_process';
import { watch } from 'node:fs';
import { FakeOverlay } from './fake/overlay';
import { committed, FakeServer } from './fake/server';

const kHappens_ms = 7000;

export async function serve(nodes: number, port: number): Promise<void> {
  const server = new FakeServer(new FakeOverlay({ nodes }), {
    page: () => committed('index.html'),
    player: () => committed('player.js'),
  });
  server.every(kHappens_ms, () => server.overlay.happen());
  console.log(`${nodes} nodes at ${await server.listen(port)}`);
  for (const folder of ['.', 'data', 'map', 'panels', 'player']) watch(`src/page/${folder}`, rebuild);
}

let isBuilding = false;

function rebuild(): void {
  if (isBuilding) return;
  isBuilding = true;
  spawn(process.execPath, ['src/page/build.mjs'], { stdio: 'inherit' }).on('exit', () => (isBuilding = false));
}
