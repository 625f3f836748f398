// The overlay as a graph with numbers for its nodes, and the streams' trees on it. Pure: API answers in, graph out.

import type { Overlay, OverlayLink, OverlayNode, Route, Stream, Viewer } from './api';
import { siteOf } from './site';

export interface GraphNode extends OverlayNode {
  site: string;
  links: number[]; // indices into Graph.links
}

/** Both directions of a link between nodes[a] and nodes[b]. */
export interface GraphLink {
  key: string;
  a: number;
  b: number;
  there: OverlayLink | null; // from a to b
  back: OverlayLink | null;
  /** What it carries from a to b, and back. */
  kbps: [there: number, back: number];
}

export interface Graph {
  nodes: GraphNode[];
  links: GraphLink[];
  indexOf: Map<string, number>; // of a node, by its id
  linkOf: Map<string, number>; // of a link, by its key
  sites: Map<string, number[]>; // the nodes of each
}

export function linkKey(one: string, other: string): string {
  return one < other ? `${one}|${other}` : `${other}|${one}`;
}

/** Nodes keep the order of the answer. A link to what is no node of it is left out, as is a node named twice. */
export function graphOf(overlay: Overlay, routes: readonly Route[] = [], streams: readonly Stream[] = []): Graph {
  const graph: Graph = { nodes: [], links: [], indexOf: new Map(), linkOf: new Map(), sites: new Map() };
  for (const node of overlay.nodes) {
    if (graph.indexOf.has(node.id)) continue;
    const site = siteOf(node.id);
    const index = graph.nodes.push({ ...node, site, links: [] }) - 1;
    graph.indexOf.set(node.id, index);
    const members = graph.sites.get(site);
    if (members) members.push(index);
    else graph.sites.set(site, [index]);
  }
  for (const link of overlay.links) addLink(graph, link);
  load(graph, routes, streams);
  return graph;
}

/**
 * A node reports what a link carries only while the link does not keep up. What any other carries are the streams whose
 * trees go over it.
 */
function load(graph: Graph, routes: readonly Route[], streams: readonly Stream[]): void {
  const rates = new Map(streams.map((stream) => [stream.name, stream.bits_per_second / 1e3]));
  for (const route of routes) {
    for (const { node, parent } of route.tree) {
      const above = route.tree[parent]?.node;
      const link = above === undefined ? undefined : graph.links[graph.linkOf.get(linkKey(above, node)) ?? -1];
      if (link) link.kbps[graph.nodes[link.a]!.id === above ? 0 : 1] += rates.get(route.stream) ?? 0;
    }
  }
  for (const link of graph.links) {
    if (link.there?.could_carry_kbps) link.kbps[0] = link.there.carries_kbps ?? 0;
    if (link.back?.could_carry_kbps) link.kbps[1] = link.back.carries_kbps ?? 0;
  }
}

function addLink(graph: Graph, link: OverlayLink): void {
  const from = graph.indexOf.get(link.from);
  const to = graph.indexOf.get(link.to);
  if (from === undefined || to === undefined || from === to) return;
  const key = linkKey(link.from, link.to);
  let index = graph.linkOf.get(key);
  if (index === undefined) {
    index = graph.links.push({ key, a: from, b: to, there: null, back: null, kbps: [0, 0] }) - 1;
    graph.linkOf.set(key, index);
    graph.nodes[from]!.links.push(index);
    graph.nodes[to]!.links.push(index);
  }
  const both = graph.links[index]!;
  if (both.a === from) both.there = link;
  else both.back = link;
}

/** What the link carries in both directions together. */
export function carried(link: GraphLink): number {
  return link.kbps[0] + link.kbps[1];
}

/** The longer of what its ends measure: that one counts for the ways. Null: neither has measured it. */
export function roundTrip(link: GraphLink): number | null {
  const there = link.there?.rtt_ms ?? null;
  const back = link.back?.rtt_ms ?? null;
  return there === null ? back : back === null ? there : Math.max(there, back);
}

export function worstLoss(link: GraphLink): number {
  return Math.max(link.there?.loss ?? 0, link.back?.loss ?? 0);
}

/** A direction of it did not keep up. */
export function isNarrow(link: GraphLink): boolean {
  return (link.there?.could_carry_kbps ?? 0) > 0 || (link.back?.could_carry_kbps ?? 0) > 0;
}

/** An edge of a tree: "parent>child". */
export type Edge = string;

export function edgesOf(route: Route): Set<Edge> {
  const edges = new Set<Edge>();
  for (const entry of route.tree) {
    const parent = route.tree[entry.parent];
    if (parent) edges.add(`${parent.node}>${entry.node}`);
  }
  return edges;
}

export interface TreeChange {
  came: Edge[];
  gone: Edge[];
}

/** What is another way than before. */
export function diffTrees(before: Route | undefined, now: Route | undefined): TreeChange {
  const old = before ? edgesOf(before) : new Set<Edge>();
  const next = now ? edgesOf(now) : new Set<Edge>();
  return {
    came: [...next].filter((edge) => !old.has(edge)),
    gone: [...old].filter((edge) => !next.has(edge)),
  };
}

/** The viewer that is a guest of this id, and whose node feeds it outside of the tree. */
export function guestOf(route: Route, id: string): Viewer | undefined {
  return route.viewers.find((viewer) => viewer.who !== '' && viewer.who === id);
}

/** The ids from the origin to the node, or to a guest's access node; none where the tree does not have it. */
export function wayTo(route: Route, node: string): string[] {
  const way: string[] = [];
  const last = guestOf(route, node)?.node ?? node;
  let at = route.tree.findIndex((entry) => entry.node === last);
  // No longer than the tree: one whose parents go in a circle is wrong, and ends here.
  while (at >= 0 && way.length < route.tree.length) {
    way.unshift(route.tree[at]!.node);
    at = route.tree[at]!.parent;
  }
  return way;
}

/** The entries of a tree on the graph: indices of nodes, and how many links each child is from the origin. */
export interface TreeOnGraph {
  parent: Int32Array;
  child: Int32Array;
  depth: Int32Array;
  length: number;
}

export function treeOnGraph(route: Route, graph: Graph): TreeOnGraph {
  const size = route.tree.length;
  const tree = { parent: new Int32Array(size), child: new Int32Array(size), depth: new Int32Array(size), length: 0 };
  const depths = new Int32Array(size);
  for (const [i, entry] of route.tree.entries()) {
    const above = route.tree[entry.parent];
    if (!above || entry.parent >= i) continue; // the origin; or no preorder
    depths[i] = depths[entry.parent]! + 1;
    const parent = graph.indexOf.get(above.node);
    const child = graph.indexOf.get(entry.node);
    if (parent === undefined || child === undefined) continue;
    tree.parent[tree.length] = parent;
    tree.child[tree.length] = child;
    tree.depth[tree.length] = depths[i]!;
    tree.length += 1;
  }
  return tree;
}

/** Viewers of a node, over all trees or one stream's. */
export function viewersAt(routes: readonly Route[], stream?: string): Map<string, number> {
  const viewers = new Map<string, number>();
  for (const route of routes) {
    if (stream !== undefined && route.stream !== stream) continue;
    for (const entry of route.tree)
      if (entry.viewers > 0) viewers.set(entry.node, (viewers.get(entry.node) ?? 0) + entry.viewers);
  }
  return viewers;
}
