// What the map shows, worked out once for each change of the overlay or of the selection: the painter only draws it.

import { colourOf } from '../data/colours';
import type { Route, Stream } from '../data/api';
import { carried, isNarrow, treeOnGraph, viewersAt, wayTo, worstLoss, type Graph, type TreeOnGraph } from '../data/graph';
import type { Selection } from '../data/selection';

/** A pulse stands for so many frames. */
export const kFramesPerPulse = 20;
/** Of a stream whose frame rate is not known. */
const kUnknownRate_hz = 0.25;
const kWidthMin = 1;
const kWidthMax = 9;
const kLossy = 0.01;

export interface SceneTree {
  stream: string;
  colour: string;
  /** Pulses a second; 0: nothing flows. */
  pulses_hz: number;
  tree: TreeOnGraph;
  /** Of each edge: its place beside the other streams of its link, -1 … 1, and how many share it. */
  lane: Float32Array;
  sharing: Uint8Array;
}

/** Links that are drawn alike. */
export interface Look {
  width: number;
  kind: 'good' | 'narrow' | 'lossy';
  links: number[];
}

export interface Scene {
  graph: Graph;
  self: string;
  selection: Selection;
  trees: SceneTree[];
  looks: Look[];
  /** Of each node: the colours of streams that begin there, and its viewers. */
  origins: Map<string, string[]>;
  viewers: Map<string, number>;
  /** The way of the selected stream to the selected node, as indices of nodes. */
  way: number[];
  wayColour: string;
  /** The best others. */
  otherWays: number[][];
}

function pulses(stream: Stream | undefined): number {
  if (!stream || stream.state !== 'live') return 0;
  return stream.fps ? stream.fps / kFramesPerPulse : kUnknownRate_hz;
}

/** Streams of a link run side by side, in the order of `trees`, whichever way each of them goes. */
function giveLanes(graph: Graph, trees: SceneTree[]): void {
  const users = graph.links.map((): [tree: SceneTree, edge: number][] => []);
  for (const scene of trees) {
    const { parent, child, length } = scene.tree;
    for (let edge = 0; edge < length; ++edge) {
      const link = linkBetween(graph, parent[edge]!, child[edge]!);
      if (link >= 0) users[link]!.push([scene, edge]);
    }
  }
  for (const [link, sharing] of users.entries()) {
    for (const [rank, [scene, edge]] of sharing.entries()) {
      const side = rank - (sharing.length - 1) / 2;
      scene.lane[edge] = scene.tree.parent[edge] === graph.links[link]!.a ? side : -side;
      scene.sharing[edge] = Math.min(255, sharing.length);
    }
  }
}

/** Of a link that carries so much: 1 Mbit/s has 3 pixels, and each tenfold 2 more. */
export function linkWidth(kbps: number): number {
  return Math.min(kWidthMax, kWidthMin + 2 * Math.log10(1 + kbps / 100));
}

function looksOf(graph: Graph): Look[] {
  const looks = new Map<string, Look>();
  for (const [i, link] of graph.links.entries()) {
    const width = Math.round(2 * linkWidth(carried(link))) / 2;
    const kind = isNarrow(link) ? 'narrow' : worstLoss(link) >= kLossy ? 'lossy' : 'good';
    const look = looks.get(`${width} ${kind}`);
    if (look) look.links.push(i);
    else looks.set(`${width} ${kind}`, { width, kind, links: [i] });
  }
  return [...looks.values()];
}

export function linkBetween(graph: Graph, one: number, other: number): number {
  for (const link of graph.nodes[one]!.links) {
    const { a, b } = graph.links[link]!;
    if (a === other || b === other) return link;
  }
  return -1;
}

function originsOf(graph: Graph, streams: readonly Stream[], isDark: boolean): Map<string, string[]> {
  const origins = new Map<string, string[]>();
  for (const stream of streams)
    origins.set(stream.origin, [...(origins.get(stream.origin) ?? []), colourOf(stream.name, isDark)]);
  // Streams that nobody lists here, but whose origin does.
  for (const node of graph.nodes) {
    if (node.streams.length && !origins.has(node.id))
      origins.set(node.id, node.streams.map((name) => colourOf(name, isDark)));
  }
  return origins;
}

export function sceneOf(
  graph: Graph,
  streams: readonly Stream[],
  routes: readonly Route[],
  selection: Selection,
  otherWays: readonly string[][],
  self: string,
  isDark: boolean,
): Scene {
  const shown = routes.filter((route) => selection.stream === undefined || route.stream === selection.stream);
  const byName = new Map(streams.map((stream) => [stream.name, stream]));
  const trees = shown.map((route): SceneTree => {
    const tree = treeOnGraph(route, graph);
    return {
      stream: route.stream,
      colour: colourOf(route.stream, isDark),
      pulses_hz: pulses(byName.get(route.stream)),
      tree,
      lane: new Float32Array(tree.length),
      sharing: new Uint8Array(tree.length).fill(1),
    };
  });
  giveLanes(graph, trees);
  const route = selection.stream === undefined ? undefined : shown[0];
  const ids = route && selection.node !== undefined ? wayTo(route, selection.node) : [];
  const onGraph = (way: readonly string[]) => way.flatMap((id) => graph.indexOf.get(id) ?? []);
  return {
    graph,
    self,
    selection,
    trees,
    looks: looksOf(graph),
    origins: originsOf(graph, streams, isDark),
    viewers: viewersAt(routes, selection.stream),
    way: onGraph(ids),
    otherWays: ids.length ? otherWays.map(onGraph) : [],
    wayColour: route ? colourOf(route.stream, isDark) : '',
  };
}
