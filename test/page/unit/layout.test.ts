// Where nodes stand, which of them is meant, and how trees share a link.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { graphOf } from '../../../src/page/data/graph';
import { Covered } from '../../../src/page/map/covered';
import { fitting, geometryOf, nodeAt, nodeTowards } from '../../../src/page/map/geometry';
import { Layout } from '../../../src/page/map/layout';
import { linkWidth, sceneOf } from '../../../src/page/map/scene';
import { FakeOverlay } from '../fake/overlay';

function settled(nodes: number, overlay = new FakeOverlay({ nodes, seed: 3 })): { layout: Layout; overlay: FakeOverlay } {
  const layout = new Layout();
  layout.update(graphOf(overlay.overlay()));
  finish(layout);
  return { layout, overlay };
}

/** A clock that stands still: no step is cut short, and the number of steps is what bounds them. */
function finish(layout: Layout): number {
  let steps = 0;
  while (!layout.isSettled) {
    layout.settle(0, () => 0);
    ++steps;
    assert.ok(steps < 1000, 'it settles');
  }
  return steps;
}

const places = (layout: Layout) => new Map(layout.places.map(({ id, x, y }) => [id, { x, y }]));

test('the same overlay looks the same, and nodes do not cover each other', () => {
  const one = settled(60).layout;
  assert.deepEqual(places(one), places(settled(60).layout));
  for (const [i, a] of one.places.entries()) {
    assert.ok(Number.isFinite(a.x) && Number.isFinite(a.y));
    for (const b of one.places.slice(0, i)) assert.ok(Math.hypot(a.x - b.x, a.y - b.y) > 12, `${a.id} and ${b.id}`);
  }
});

test('sites stand apart', () => {
  const { layout } = settled(200);
  const overlaps = layout.sites.flatMap((a, i) =>
    layout.sites.slice(0, i).filter((b) => Math.hypot(a.x - b.x, a.y - b.y) < 0.75 * (a.radius + b.radius)),
  );
  assert.equal(layout.sites.length, 10);
  assert.ok(overlaps.length <= 2, `${overlaps.length} of 45 pairs overlap`);
});

test('a node that dies moves the others little, and comes back where it was', () => {
  const { layout, overlay } = settled(60);
  const before = places(layout);
  const victim = overlay.nodes[17]!.id;
  const moved = () => Math.max(...layout.places.map(({ id, x, y }) => Math.hypot(x - before.get(id)!.x, y - before.get(id)!.y)));
  overlay.kill(victim);
  assert.ok(layout.update(graphOf(overlay.overlay())));
  assert.ok(finish(layout) < 80);
  assert.equal(places(layout).has(victim), false);
  assert.ok(moved() < 25, `by ${moved()}`);
  overlay.revive(victim);
  assert.ok(layout.update(graphOf(overlay.overlay())));
  finish(layout);
  assert.ok(moved() < 40, `by ${moved()}`);
  assert.equal(layout.update(graphOf(overlay.overlay())), false, 'nothing is new');
});

test('nothing, one node, and a step that is cut short', () => {
  const layout = new Layout();
  layout.update(graphOf(new FakeOverlay({ nodes: 0, streams: 0 }).overlay()));
  layout.settle(0, () => 0);
  assert.deepEqual(fitting(layout, 800, 600), { k: 1, x: 400, y: 300 });
  const alone = settled(1, new FakeOverlay({ nodes: 1, streams: 1 })).layout;
  assert.ok(Number.isFinite(fitting(alone, 800, 600).k));
  const busy = new Layout();
  busy.update(graphOf(new FakeOverlay({ nodes: 100 }).overlay()));
  let clock = 0;
  busy.settle(5, () => (clock += 10));
  assert.equal(busy.isSettled, false);
});

test('all nodes are on the screen, and the one under the pointer is found', () => {
  const { layout, overlay } = settled(40);
  const graph = graphOf(overlay.overlay());
  const scene = sceneOf(graph, overlay.streamList(), overlay.routes(), {}, [], overlay.nodes[0]!.id, false);
  const at = geometryOf(scene, layout, fitting(layout, 360, 400), 360, 400);
  for (let i = 0; i < graph.nodes.length; ++i) {
    assert.ok(at.x[i]! > 0 && at.x[i]! < 360 && at.y[i]! > 0 && at.y[i]! < 400);
    assert.equal(nodeAt(at, at.x[i]!, at.y[i]!, 0), i);
  }
  assert.equal(nodeAt(at, -500, -500, 10), -1);
  // By arrow keys everything can be reached.
  const reached = new Set([0]);
  for (const i of reached) {
    for (const [dx, dy] of [[1, 0], [-1, 0], [0, 1], [0, -1]] as const) {
      const next = nodeTowards(at, i, dx, dy);
      if (next >= 0) reached.add(next);
    }
  }
  assert.equal(reached.size, graph.nodes.length);
});

test('streams run side by side on a link, and a chosen one alone', () => {
  const overlay = new FakeOverlay({ nodes: 30, seed: 2 });
  const graph = graphOf(overlay.overlay());
  const scene = (selection: { stream?: string; node?: string }) =>
    sceneOf(graph, overlay.streamList(), overlay.routes(), selection, [], overlay.nodes[0]!.id, false);
  const lanes = new Map<string, Set<number>>();
  let shared = 0;
  for (const { tree, lane, sharing } of scene({}).trees) {
    for (let edge = 0; edge < tree.length; ++edge) {
      const [from, to] = [tree.parent[edge]!, tree.child[edge]!];
      const key = from < to ? `${from}|${to}` : `${to}|${from}`;
      // Seen from one end of the link.
      const side = from < to ? lane[edge]! : -lane[edge]!;
      const taken = lanes.get(key) ?? new Set();
      assert.equal(taken.has(side), false, `two streams on one lane of ${key}`);
      lanes.set(key, taken.add(side));
      if (sharing[edge]! > 1) ++shared;
    }
  }
  assert.ok(shared > 10);
  const chosen = overlay.routes()[0]!;
  const node = chosen.tree[chosen.tree.length - 1]!.node;
  const alone = scene({ stream: chosen.stream, node });
  assert.deepEqual(alone.trees.map((tree) => tree.stream), [chosen.stream]);
  assert.ok(alone.trees[0]!.lane.every((lane) => lane === 0));
  assert.equal(graph.nodes[alone.way[0]!]!.id, chosen.origin);
  assert.equal(graph.nodes[alone.way[alone.way.length - 1]!]!.id, node);
  assert.equal(alone.trees[0]!.pulses_hz, 25 / 20);
});

test('a link is wider the more it carries, within bounds', () => {
  const widths = [0, 100, 1000, 10_000, 1e5, 1e9].map(linkWidth);
  assert.deepEqual([...widths].sort((a, b) => a - b), widths);
  assert.deepEqual([widths[0], widths[5]], [1, 9]);
});

test('a text has no place on what is covered', () => {
  const covered = new Covered(100, 100);
  covered.take(20, 20, 40, 40);
  assert.equal(covered.isFree(30, 30, 60, 60), false);
  assert.equal(covered.isFree(50, 50, 99, 99), true);
  assert.equal(covered.isFree(-50, -50, -10, -10), true);
  covered.take(90, 90, 500, 500);
  assert.equal(covered.isFree(95, 95, 120, 120), false);
});
