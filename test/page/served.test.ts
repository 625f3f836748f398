// The page of a running overlay, at OTTD_PAGE_URL. What is expected of it is in the environment, too:
//
//     OTTD_PAGE_NODES=12          so many nodes are there
//     OTTD_PAGE_KILL="PID ID NAME"  this process is killed: the page shows that node as gone, and the new ways, within 1 s
//     OTTD_PAGE_DRAWN=30          the map is drawn so often a second at least
//     OTTD_PAGE_NAME=served       of the screenshots

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Overlay, Route } from '../../src/page/data/api';
import { drawnPerSecond, floorOf, kPhone, kTall, Opener, type Look, type Seen } from './page';

const url = process.env['OTTD_PAGE_URL'] ?? '';
const nodes = Number(process.env['OTTD_PAGE_NODES'] ?? 0);
const [pid, victim, victimName] = (process.env['OTTD_PAGE_KILL'] ?? '').split(' ');
const drawnMin = Number(process.env['OTTD_PAGE_DRAWN'] ?? 0);
const name = process.env['OTTD_PAGE_NAME'] ?? 'served';
const kGone_ms = 1000;
const kAttempts = 4;
const kLooks = 12; // in as long, where the machine is busy

let opener: Opener;
let seen: Seen;
before(async () => {
  opener = await Opener.launch();
  seen = await opener.open(url);
});
after(() => opener.close());

async function api<T>(path: string): Promise<T> {
  return (await (await fetch(`${url}api/v1/${path}`)).json()) as T;
}

/** That the map is what the API says; both change, so it is looked at until they agree. */
async function agree(): Promise<void> {
  let said = '';
  for (let i = 0; i < 40; ++i) {
    const [overlay, { routes }] = await Promise.all([api<Overlay>('overlay'), api<{ routes: Route[] }>('routes')]);
    const map = await seen.map();
    const links = new Set(overlay.links.map(({ from, to }) => [from, to].sort().join()));
    const [is, should] = [
      JSON.stringify([map.nodes, map.links, map.trees]),
      JSON.stringify([
        overlay.nodes.length,
        links.size,
        routes.map(({ stream, tree }) => ({ stream, edges: tree.length - 1 })),
      ]),
    ];
    if (is === should && (nodes === 0 || map.nodes === nodes)) return;
    said = `the map has ${is}, the API says ${should}`;
    await seen.page.waitForTimeout(250);
  }
  assert.fail(said);
}

test('all nodes, links and trees are shown', async () => {
  await seen.until('globalThis.ottdMap?.nodes > 0', 'the page has asked');
  await agree();
  await seen.until('/links carry\\s+[1-9]/.test(document.querySelector(".details").innerText)', 'what links carry');
  await seen.shoot(name);
});

test('the map is drawn often enough', { skip: !drawnMin && 'OTTD_PAGE_DRAWN is not set' }, async () => {
  const tried: string[] = [];
  for (let i = 0; i < kAttempts; ++i) {
    const drawn = await drawnPerSecond(seen, 7);
    const { perSecond } = await floorOf(seen);
    tried.push(`${drawn.toFixed(1)} drawings a second, of an empty page ${perSecond.toFixed(1)}`);
    if (drawn >= Math.min(drawnMin, perSecond / 2)) return console.log(tried.join('; '));
  }
  assert.fail(tried.join('; '));
});

test('a killed relay: the event and the new ways', { skip: !pid && 'OTTD_PAGE_KILL is not set' }, async () => {
  const isShown = `[...document.querySelectorAll('.event')].some((event) =>
    event.dataset.tone === 'bad' && event.innerText.includes(${JSON.stringify(victimName)}))`;
  const { look_ms } = await floorOf(seen);
  process.kill(Number(pid), 'SIGKILL');
  const begun = Date.now();
  await seen.until(`ottdMap.at(${JSON.stringify(victim)}) === null && ${isShown}`, 'the event');
  // The ways that no tree has through it any more.
  const { routes } = await api<{ routes: Route[] }>('routes');
  for (const { stream, tree } of routes) {
    const edges = `ottdMap.trees.find((tree) => tree.stream === ${JSON.stringify(stream)})?.edges`;
    await seen.until(`${edges} === ${tree.length - 1}`, `the new tree of ${stream}`);
  }
  const took = Date.now() - begun;
  console.log(`the event and the new ways were shown ${took} ms after the relay was killed; a look takes ${look_ms.toFixed(0)} ms`);
  assert.ok(took < Math.max(kGone_ms, kLooks * look_ms), `it took ${took} ms`);
});

test('a killed relay: its viewers have lost no frame', { skip: !pid && 'OTTD_PAGE_KILL is not set' }, async () => {
  const { routes } = await api<{ routes: Route[] }>('routes');
  const { stream } = routes.sort((a, b) => b.viewers.length - a.viewers.length)[0]!;
  await seen.page.getByRole('button', { name: stream }).first().click();
  const newest = seen.page.locator('.event', { hasText: new RegExp(`^.*${stream}: .* moved`) }).first();
  await newest.waitFor();
  assert.match((await newest.textContent())!, /, 0 frames lost/);
  const table = seen.page.locator('.details .table');
  await table.waitFor();
  assert.equal(await table.evaluate((it) => it.scrollWidth - it.clientWidth), 0, 'the table is cut off');
  await seen.page.setViewportSize(kTall);
  await seen.page.getByRole('button', { name: 'Show all' }).click();
  await seen.page.waitForTimeout(500); // to get there
  await seen.shoot(`${name}-killed`);
});

test('dark, on a phone, and why: nothing that hinders people, and screenshots', async () => {
  const { routes } = await api<{ routes: Route[] }>('routes');
  const longest = routes.sort((a, b) => b.tree.length - a.tree.length)[0];
  const node = longest?.tree[longest.tree.length - 1]?.node ?? '';
  const why = longest ? `#stream=${encodeURIComponent(longest.stream)}&node=${encodeURIComponent(node)}` : '';
  const look = async (kind: string, hash: string, how: Look): Promise<void> => {
    const other = await opener.open(url + hash, how);
    await other.until('globalThis.ottdMap?.nodes > 0', 'the page has asked');
    await other.page.waitForTimeout(3000); // for pictures and curves
    await other.shoot(`${name}-${kind}`);
    assert.deepEqual(await other.audit(), [], kind);
    // Of many nodes one stands in for all others, and does not say why.
    const wrong = name === 'many' && kind === 'why' ? other.wrong.filter((each) => !each.includes('504')) : other.wrong;
    assert.deepEqual(wrong, [], kind);
    await other.close();
  };
  await Promise.all([look('dark', '', { scheme: 'dark' }), look('phone', '', { size: kPhone }), look('why', why, {})]);
});

test('nothing went wrong on the page', () => assert.deepEqual(seen.wrong, []));
