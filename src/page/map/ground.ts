// What is below the pulses: sites, links by what they carry, each stream's tree in its colour, the chosen way.

import { carried } from '../data/graph';
import type { Geometry, Lanes, Transform } from './geometry';
import type { Layout } from './layout';
import type { Palette } from './palette';
import { linkWidth, type Scene, type SceneTree } from './scene';

const kLaneWidth = 2;
const kWayWidth = 4.5;
const kDashes = { good: [], narrow: [7, 5], lossy: [2, 4] };

export function drawGround(
  context: CanvasRenderingContext2D,
  scene: Scene,
  layout: Layout,
  at: Geometry,
  transform: Transform,
  palette: Palette,
): void {
  drawSites(context, layout, transform, palette);
  drawLinks(context, scene, at, palette);
  const isWayChosen = scene.way.length > 1;
  context.lineWidth = kLaneWidth * Math.min(1, Math.sqrt(transform.k));
  for (const [i, tree] of scene.trees.entries()) drawTree(context, tree, at.lanes[i]!, isWayChosen ? 0.3 : 0.62);
  for (const way of scene.otherWays) drawOtherWay(context, way, at, palette);
  if (isWayChosen) drawWay(context, scene, at);
}

function drawSites(context: CanvasRenderingContext2D, layout: Layout, at: Transform, palette: Palette): void {
  if (layout.sites.length < 2) return;
  context.lineWidth = 1;
  for (const site of layout.sites) {
    if (site.size < 2) continue;
    const [x, y, radius] = [at.x + at.k * site.x, at.y + at.k * site.y, at.k * site.radius];
    context.beginPath();
    context.arc(x, y, radius, 0, 2 * Math.PI);
    context.fillStyle = palette.site;
    context.fill();
    context.strokeStyle = palette['site-edge'];
    context.stroke();
  }
}

// Each line is a path of its own: one path of hundreds that cross each other takes three times as long to fill.

function drawLinks(context: CanvasRenderingContext2D, scene: Scene, at: Geometry, palette: Palette): void {
  for (const { width, kind, links } of scene.looks) {
    context.lineWidth = width;
    context.strokeStyle = kind === 'good' ? palette.link : palette.warn;
    context.setLineDash(kDashes[kind]);
    strokeLinks(context, scene, links, at);
  }
  context.setLineDash([]);
  const chosen = scene.graph.linkOf.get(scene.selection.link ?? '');
  if (chosen === undefined) return;
  context.lineWidth = 4 + linkWidth(carried(scene.graph.links[chosen]!));
  context.strokeStyle = palette.accent;
  context.globalAlpha = 0.5;
  strokeLinks(context, scene, [chosen], at);
  context.globalAlpha = 1;
}

function strokeLinks(
  context: CanvasRenderingContext2D,
  scene: Scene,
  links: readonly number[],
  at: Geometry,
): void {
  for (const link of links) {
    const { a, b } = scene.graph.links[link]!;
    context.beginPath();
    context.moveTo(at.x[a]!, at.y[a]!);
    context.lineTo(at.x[b]!, at.y[b]!);
    context.stroke();
  }
}

function drawTree(context: CanvasRenderingContext2D, scene: SceneTree, lanes: Lanes, alpha: number): void {
  context.globalAlpha = alpha;
  context.strokeStyle = scene.colour;
  for (let edge = 0; edge < scene.tree.length; ++edge) {
    if (!lanes.isSeen[edge]) continue;
    context.beginPath();
    context.moveTo(lanes.x0[edge]!, lanes.y0[edge]!);
    context.lineTo(lanes.x1[edge]!, lanes.y1[edge]!);
    context.stroke();
  }
  context.globalAlpha = 1;
}

/** Not taken: dotted. */
function drawOtherWay(context: CanvasRenderingContext2D, way: readonly number[], at: Geometry, palette: Palette): void {
  line(context, way, at);
  context.lineWidth = 2.5;
  context.lineCap = 'round';
  context.setLineDash([0.1, 7]);
  context.strokeStyle = palette.ink;
  context.stroke();
  context.setLineDash([]);
  context.lineCap = 'butt';
}

function line(context: CanvasRenderingContext2D, way: readonly number[], at: Geometry): void {
  context.beginPath();
  for (const [i, node] of way.entries()) {
    if (i === 0) context.moveTo(at.x[node]!, at.y[node]!);
    else context.lineTo(at.x[node]!, at.y[node]!);
  }
}

function drawWay(context: CanvasRenderingContext2D, scene: Scene, at: Geometry): void {
  line(context, scene.way, at);
  context.lineWidth = kWayWidth;
  context.lineJoin = 'round';
  context.strokeStyle = scene.wayColour;
  context.stroke();
}
