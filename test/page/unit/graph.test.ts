// The graph of an overlay's answer, the trees on it and what changes in them, and the lines of "why".

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Overlay, OverlayLink, Route, Stream } from '../../../src/page/data/api';
import { carried, diffTrees, graphOf, isNarrow, roundTrip, treeOnGraph, viewersAt, wayTo } from '../../../src/page/data/graph';
import { readWhy } from '../../../src/page/data/why';

function link(from: string, to: string, more: Partial<OverlayLink> = {}): OverlayLink {
  return { from, to, cost: 1, rtt_ms: null, loss: 0, could_carry_kbps: 0, carries_kbps: null, ...more };
}

function overlay(ids: string[], links: OverlayLink[]): Overlay {
  const nodes = ids.map((id) => ({ id, name: `n-${id}`, role: 'node' as const, streams: [] }));
  return { self: ids[0] ?? '', name: 'ott', nodes, links };
}

function route(entries: [node: string, parent: number, viewers?: number][], stream = 'cam'): Route {
  const tree = entries.map(([node, parent, viewers = 0]) => ({ node, parent, viewers }));
  return { stream, id: '0', origin: tree[0]?.node ?? '', age_ms: 0, tree, viewers: [] };
}

function stream(name: string, bits_per_second: number): Stream {
  return {
    id: '0', name, origin: '', source: '', media: 'video', encoding: 'JPEG', state: 'live', on_request: false, metric: 'cost',
    viewers: 0, bits_per_second,
  };
}

test('both directions are one link, with the worse round trip', () => {
  const graph = graphOf(
    overlay(['a', 'b', 'c'], [
      link('b', 'a', { rtt_ms: 5 }),
      link('a', 'b', { rtt_ms: 9, carries_kbps: 20, could_carry_kbps: 50 }),
      link('b', 'c'),
    ]),
  );
  assert.equal(graph.links.length, 2);
  const [both, one] = graph.links;
  assert.deepEqual([both!.key, both!.there?.from, both!.back?.from], ['a|b', 'b', 'a']);
  assert.deepEqual([carried(both!), roundTrip(both!), isNarrow(both!)], [20, 9, true]);
  assert.deepEqual([carried(one!), roundTrip(one!), isNarrow(one!)], [0, null, false]);
  assert.deepEqual(graph.nodes.map((node) => node.links), [[0], [0, 1], [1]]);
});

test('a link carries the streams whose trees go over it, or what its sender has measured where it does not keep up', () => {
  const narrow = { carries_kbps: 700, could_carry_kbps: 900 };
  const links = [link('a', 'b'), link('b', 'a'), link('b', 'c', narrow), link('c', 'b')];
  const routes = [route([['a', -1], ['b', 0], ['c', 1]]), route([['c', -1], ['b', 0], ['a', 1]], 'yard')];
  const graph = graphOf(overlay(['a', 'b', 'c'], links), routes, [stream('cam', 1e6), stream('yard', 2e5)]);
  assert.deepEqual(graph.links.map(({ kbps }) => kbps), [[1000, 200], [700, 200]]);
  assert.deepEqual(graph.links.map(carried), [1200, 900]);
});

test('what makes no sense is left out: unknown ends, a node twice, a link with itself', () => {
  const graph = graphOf(overlay(['a', 'b', 'a'], [link('a', 'x'), link('a', 'a'), link('a', 'b')]));
  assert.deepEqual([graph.nodes.length, graph.links.length], [2, 1]);
  assert.deepEqual(graphOf(overlay([], [])).nodes, []);
});

test('nodes of one network are a site', () => {
  const graph = graphOf(overlay(['10.0.0.1', '10.0.0.2:7001', '10.0.1.1'], []));
  assert.deepEqual([...graph.sites], [['10.0.0.0/24', [0, 1]], ['10.0.1.0/24', [2]]]);
});

test('the way to a node goes by its parents', () => {
  const tree = route([['a', -1], ['b', 0], ['c', 1, 2], ['d', 0, 1]]);
  assert.deepEqual(wayTo(tree, 'c'), ['a', 'b', 'c']);
  assert.deepEqual(wayTo(tree, 'a'), ['a']);
  assert.deepEqual(wayTo(tree, 'x'), []);
  const guest = { node: 'b', who: '9.9.9.9:1', frames_received: 1, frames_lost: 0, frames_skipped: 0, latency_ms: null };
  const member = { ...guest, node: 'c', who: '' };
  assert.deepEqual(wayTo({ ...tree, viewers: [member, guest] }, '9.9.9.9:1'), ['a', 'b'], "a guest's is its access node's");
  assert.deepEqual(wayTo({ ...tree, viewers: [member, guest] }, ''), []);
  assert.ok(wayTo(route([['a', 1], ['b', 0]]), 'a').length <= 2, 'a circle ends');
});

test('what is another way than before', () => {
  const before = route([['a', -1], ['b', 0], ['c', 1], ['d', 1]]);
  const now = route([['a', -1], ['b', 0], ['d', 1], ['e', 0], ['c', 3]]);
  assert.deepEqual(diffTrees(before, now), { came: ['a>e', 'e>c'], gone: ['b>c'] });
  assert.deepEqual(diffTrees(now, now), { came: [], gone: [] });
  assert.deepEqual(diffTrees(undefined, before).came, ['a>b', 'b>c', 'b>d']);
  assert.deepEqual(diffTrees(before, undefined).gone, ['a>b', 'b>c', 'b>d']);
});

test('a tree on the graph has the edges whose ends are there, with their depth', () => {
  const graph = graphOf(overlay(['a', 'b', 'c', 'd'], [link('a', 'b'), link('b', 'c')]));
  const tree = treeOnGraph(route([['a', -1], ['b', 0], ['c', 1], ['gone', 1], ['d', 3]]), graph);
  assert.equal(tree.length, 2);
  assert.deepEqual([...tree.parent.subarray(0, 2)], [0, 1]);
  assert.deepEqual([...tree.child.subarray(0, 2)], [1, 2]);
  assert.deepEqual([...tree.depth.subarray(0, 2)], [1, 2]);
});

test('viewers are counted for a stream, or all', () => {
  const routes = [route([['a', -1], ['b', 0, 2]]), route([['b', -1, 1]], 'mic')];
  assert.deepEqual([...viewersAt(routes)], [['b', 3]]);
  assert.deepEqual([...viewersAt(routes, 'mic')], [['b', 1]]);
});

test('the lines of "why" are put in order, and what is not understood stays', () => {
  const lines = [
    'stream cam to 10.0.4.20 (n5) by quality: 10.0.0.10 (n1), 10.0.0.1 (n2), 10.0.4.20 (n5): costs 69.4 ms',
    '  10.0.0.10 (n1) -> 10.0.0.1 (n2): costs 63.6 ms, round trip 122.9 ms (127.0 ms by the other end), loss 0.0 %',
    '  10.0.0.1 (n2) -> 10.0.4.20 (n5): costs 5.8 ms, not measured by both its ends',
    '  another way: 10.0.0.10 (n1), [2001:db8::1]:7001 (n3), 10.0.4.20 (n5): costs 33.6 ms: better by 107 % for 0.5 s',
    '  10.0.0.10 (n1) -> [2001:db8::1]:7001 (n3): costs 27.8 ms, round trip 55.3 ms',
    '  something new',
  ];
  const [way, other, ...more] = readWhy(lines);
  assert.equal(more.length, 0);
  const ids = (nodes: { id: string }[]) => nodes.map(({ id }) => id);
  assert.deepEqual([way!.isOther, ids(way!.nodes)], [false, ['10.0.0.10', '10.0.0.1', '10.0.4.20']]);
  assert.equal(way!.verdict, 'by quality: costs 69.4 ms');
  assert.deepEqual(way!.steps.map((step) => [step.from.name, step.to.name]), [['n1', 'n2'], ['n2', 'n5']]);
  assert.match(way!.steps[0]!.facts, /^costs 63.6 ms, round trip/);
  assert.deepEqual([other!.isOther, ids(other!.nodes)], [true, ['10.0.0.10', '[2001:db8::1]:7001', '10.0.4.20']]);
  assert.equal(other!.verdict, 'costs 33.6 ms: better by 107 % for 0.5 s');
  assert.deepEqual(other!.notes, ['something new']);
  assert.deepEqual(readWhy(['only this']).map((one) => [one.verdict, one.nodes]), [['only this', []]]);
  assert.deepEqual(readWhy([]), []);
});
