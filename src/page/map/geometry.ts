// Where the scene is on the screen, in CSS pixels: worked out when something has moved, in typed arrays, so that a frame
// of the animation only reads.

import type { Layout } from './layout';
import type { Scene, SceneTree } from './scene';

export interface Transform {
  k: number;
  x: number;
  y: number;
}

/** The edges of a tree, each from its parent's end to its child's, and how far its beginning is from the origin. */
export interface Lanes {
  x0: Float32Array;
  y0: Float32Array;
  x1: Float32Array;
  y1: Float32Array;
  length: Float32Array;
  behind: Float32Array;
  /** Some of it is on the screen. */
  isSeen: Uint8Array;
}

export interface Geometry {
  x: Float32Array; // of each node
  y: Float32Array;
  radius: number;
  lanes: Lanes[]; // of each tree
}

const kLaneStep = 3.4;
const kLanesWidthMax = 20;
const kRadius = 7.5;
const kRadiusMin = 2.6;
const kRadiusMax = 11;
const kMargin = 20;

export function nodeRadius(k: number): number {
  return Math.min(kRadiusMax, Math.max(kRadiusMin, kRadius * Math.sqrt(k)));
}

export function geometryOf(scene: Scene, layout: Layout, at: Transform, width: number, height: number): Geometry {
  const size = layout.places.length;
  const geometry = { x: new Float32Array(size), y: new Float32Array(size), radius: nodeRadius(at.k), lanes: [] };
  for (const [i, place] of layout.places.entries()) {
    geometry.x[i] = at.x + at.k * place.x;
    geometry.y[i] = at.y + at.k * place.y;
  }
  const step = kLaneStep * Math.min(1, Math.sqrt(at.k));
  return { ...geometry, lanes: scene.trees.map((tree) => lanesOf(tree, geometry, step, width, height)) };
}

function lanesOf(scene: SceneTree, at: Geometry, stepMax: number, width: number, height: number): Lanes {
  const { parent, child, length: size } = scene.tree;
  const array = () => new Float32Array(size);
  const lanes = { x0: array(), y0: array(), x1: array(), y1: array(), length: array(), behind: array() };
  const isSeen = new Uint8Array(size);
  const reach = new Float32Array(at.x.length); // of each node, from the origin
  for (let edge = 0; edge < size; ++edge) {
    const from = parent[edge]!;
    const to = child[edge]!;
    const dx = at.x[to]! - at.x[from]!;
    const dy = at.y[to]! - at.y[from]!;
    const length = Math.hypot(dx, dy) || 1;
    const step = Math.min(stepMax, kLanesWidthMax / scene.sharing[edge]!);
    const aside = (scene.lane[edge]! * step) / length;
    lanes.x0[edge] = at.x[from]! - dy * aside;
    lanes.y0[edge] = at.y[from]! + dx * aside;
    lanes.x1[edge] = at.x[to]! - dy * aside;
    lanes.y1[edge] = at.y[to]! + dx * aside;
    lanes.length[edge] = length;
    lanes.behind[edge] = reach[from]!;
    reach[to] = reach[from]! + length;
    isSeen[edge] = isOnScreen(lanes, edge, width, height) ? 1 : 0;
  }
  return { ...lanes, isSeen };
}

function isOnScreen(lanes: Omit<Lanes, 'isSeen'>, edge: number, width: number, height: number): boolean {
  const [x0, y0, x1, y1] = [lanes.x0[edge]!, lanes.y0[edge]!, lanes.x1[edge]!, lanes.y1[edge]!];
  return (
    Math.max(x0, x1) > -kMargin &&
    Math.min(x0, x1) < width + kMargin &&
    Math.max(y0, y1) > -kMargin &&
    Math.min(y0, y1) < height + kMargin
  );
}

/** The transform that shows all nodes, with their names. */
export function fitting(layout: Layout, width: number, height: number): Transform {
  if (!layout.places.length) return { k: 1, x: width / 2, y: height / 2 };
  let [left, top, right, bottom] = [Infinity, Infinity, -Infinity, -Infinity];
  const include = (x: number, y: number, radius: number) => {
    left = Math.min(left, x - radius);
    right = Math.max(right, x + radius);
    top = Math.min(top, y - radius);
    bottom = Math.max(bottom, y + radius);
  };
  for (const place of layout.places) include(place.x, place.y, 0);
  for (const site of layout.sites) include(site.x, site.y, site.radius);
  const [padX, padTop, padBottom] = [Math.min(52, width / 8), 64, 40]; // below the tools, above the legend
  const k = Math.min(
    2,
    (width - 2 * padX) / Math.max(1, right - left),
    (height - padTop - padBottom) / Math.max(1, bottom - top),
  );
  return {
    k,
    x: width / 2 - (k * (left + right)) / 2,
    y: (height + padTop - padBottom) / 2 - (k * (top + bottom)) / 2,
  };
}

/** The node under a point, or the nearest within `slack` of it; -1: none. */
export function nodeAt(at: Geometry, x: number, y: number, slack: number): number {
  let found = -1;
  let least = at.radius + slack;
  for (let i = 0; i < at.x.length; ++i) {
    const distance = Math.hypot(at.x[i]! - x, at.y[i]! - y);
    if (distance < least) [found, least] = [i, distance];
  }
  return found;
}

/** The nearest link within `slack` of a point; -1: none. */
export function linkAt(scene: Scene, at: Geometry, x: number, y: number, slack: number): number {
  let found = -1;
  let least = slack;
  for (const [i, { a, b }] of scene.graph.links.entries()) {
    const dx = at.x[b]! - at.x[a]!;
    const dy = at.y[b]! - at.y[a]!;
    const along = ((x - at.x[a]!) * dx + (y - at.y[a]!) * dy) / (dx * dx + dy * dy || 1);
    const t = Math.min(1, Math.max(0, along));
    const distance = Math.hypot(at.x[a]! + t * dx - x, at.y[a]! + t * dy - y);
    if (distance < least) [found, least] = [i, distance];
  }
  return found;
}

/** The node that an arrow key leads to: near, and in that direction rather than aside. -1: there is none. */
export function nodeTowards(at: Geometry, from: number, dx: number, dy: number): number {
  let found = -1;
  let least = Infinity;
  for (let i = 0; i < at.x.length; ++i) {
    const ahead = (at.x[i]! - at.x[from]!) * dx + (at.y[i]! - at.y[from]!) * dy;
    const aside = Math.abs((at.x[i]! - at.x[from]!) * dy) + Math.abs((at.y[i]! - at.y[from]!) * dx);
    if (ahead <= 0 || aside > 2 * ahead) continue;
    const effort = ahead + 2 * aside;
    if (effort < least) [found, least] = [i, effort];
  }
  return found;
}
