// What is above the pulses: nodes, how many viewers they have, and as many names as there is room for.

import { Covered } from './covered';
import type { Geometry, Transform } from './geometry';
import type { Layout } from './layout';
import type { Palette } from './palette';
import type { Scene } from './scene';

const kFont_px = 12;
const kSiteFont_px = 11;
const kSiteRadiusMin = 26; // of a site on the screen that has its name beside it
const kNamesRadiusMin = 4.2; // nodes that are smaller have no names, but for the most important ones
const kBadgeRadiusMin = 5.6;
const kMargin = 30;
// How important a name is: those of these are there whatever they cover.
const kChosen = 1e6;
const kOnWay = 1e5;
const kSelf = 1e4;
const kOrigin = 1e3;

interface Drawing {
  context: CanvasRenderingContext2D;
  scene: Scene;
  at: Geometry;
  palette: Palette;
}

export function drawNodes(
  context: CanvasRenderingContext2D,
  scene: Scene,
  layout: Layout,
  at: Geometry,
  transform: Transform,
  palette: Palette,
  { width, height, hasNames }: { width: number; height: number; hasNames: boolean },
): void {
  const drawing = { context, scene, at, palette };
  const covered = new Covered(width, height);
  const seen = [...scene.graph.nodes.keys()].filter(
    (i) => at.x[i]! > -kMargin && at.y[i]! > -kMargin && at.x[i]! < width + kMargin && at.y[i]! < height + kMargin,
  );
  for (const i of seen)
    covered.take(at.x[i]! - at.radius, at.y[i]! - at.radius, at.x[i]! + at.radius, at.y[i]! + at.radius);
  drawBodies(drawing, seen);
  for (const i of seen) drawOrigin(drawing, i);
  markChosen(drawing);
  if (at.radius >= kBadgeRadiusMin) for (const i of seen) drawViewers(drawing, i, covered);
  if (!hasNames) return;
  drawSiteNames(drawing, layout, transform, covered);
  drawNames(drawing, seen, covered);
}

/** Relays are discs, clients squares. */
function drawBodies({ context, scene, at, palette }: Drawing, seen: readonly number[]): void {
  const half = 0.82 * at.radius;
  context.fillStyle = palette.panel;
  context.strokeStyle = palette.ink;
  context.lineWidth = at.radius > 5 ? 1.75 : 1.25;
  for (const i of seen) {
    context.beginPath();
    if (scene.graph.nodes[i]!.role === 'client') context.rect(at.x[i]! - half, at.y[i]! - half, 2 * half, 2 * half);
    else context.arc(at.x[i]!, at.y[i]!, at.radius, 0, 2 * Math.PI);
    context.fill();
    context.stroke();
  }
}

/** The origin of streams is filled with their colours. */
function drawOrigin({ context, scene, at, palette }: Drawing, i: number): void {
  const colours = scene.origins.get(scene.graph.nodes[i]!.id);
  if (!colours) return;
  const radius = at.radius * 1.25;
  for (const [part, colour] of colours.entries()) {
    const begin = -Math.PI / 2 + (2 * Math.PI * part) / colours.length;
    context.beginPath();
    context.moveTo(at.x[i]!, at.y[i]!);
    context.arc(at.x[i]!, at.y[i]!, radius, begin, begin + (2 * Math.PI) / colours.length);
    context.fillStyle = colour;
    context.fill();
  }
  context.beginPath();
  context.arc(at.x[i]!, at.y[i]!, radius, 0, 2 * Math.PI);
  context.lineWidth = 1.75;
  context.strokeStyle = palette.ink;
  context.stroke();
}

/** The node that answers has a ring, the chosen one a thick one. */
function markChosen({ context, scene, at, palette }: Drawing): void {
  const ring = (id: string | undefined, out: number, width: number) => {
    const i = id === undefined ? undefined : scene.graph.indexOf.get(id);
    if (i === undefined) return;
    context.beginPath();
    context.arc(at.x[i]!, at.y[i]!, at.radius * 1.25 + out, 0, 2 * Math.PI);
    context.lineWidth = width;
    context.strokeStyle = palette.accent;
    context.stroke();
  };
  ring(scene.self, 3, 1.5);
  ring(scene.selection.node, 4, 3);
}

function drawViewers({ context, scene, at, palette }: Drawing, i: number, covered: Covered): void {
  const viewers = scene.viewers.get(scene.graph.nodes[i]!.id);
  if (!viewers) return;
  const text = viewers > 999 ? `${Math.round(viewers / 1000)}k` : String(viewers);
  context.font = `600 10px ${palette.font}`;
  const half = Math.max(7, widthOf(context, text) / 2 + 4);
  const [x, y] = [at.x[i]! + at.radius + half - 1, at.y[i]! - at.radius - 1];
  covered.take(x - half, y - 7, x + half, y + 7);
  context.beginPath();
  context.roundRect(x - half, y - 7, 2 * half, 14, 7);
  context.fillStyle = palette.ink;
  context.fill();
  context.fillStyle = palette.panel;
  context.textAlign = 'center';
  context.textBaseline = 'middle';
  context.fillText(text, x, y + 0.5);
}

const widths = new Map<string, number>(); // of texts
const kWidthsMax = 5000;

function widthOf(context: CanvasRenderingContext2D, text: string): number {
  const key = `${context.font}/${text}`;
  let width = widths.get(key);
  if (width === undefined) {
    if (widths.size > kWidthsMax) widths.clear();
    widths.set(key, (width = context.measureText(text).width));
  }
  return width;
}

/** A text in the middle below or above a point, with a seam that keeps it apart from lines. */
function write({ context, palette }: Drawing, text: string, x: number, y: number, colour: string): void {
  context.lineWidth = 3.5;
  context.lineJoin = 'round';
  context.strokeStyle = palette.ground;
  context.strokeText(text, x, y);
  context.fillStyle = colour;
  context.fillText(text, x, y);
}

/** Where no node is behind them. */
function drawSiteNames(drawing: Drawing, layout: Layout, transform: Transform, covered: Covered): void {
  const { context, palette } = drawing;
  if (layout.sites.length < 2) return;
  context.font = `500 ${kSiteFont_px}px ${palette.font}`;
  context.textAlign = 'center';
  context.textBaseline = 'alphabetic';
  for (const site of layout.sites) {
    const radius = transform.k * site.radius;
    if (site.size < 2 || radius < kSiteRadiusMin) continue;
    const x = transform.x + transform.k * site.x;
    const bottom = transform.y + transform.k * site.y - radius - 4;
    const half = widthOf(context, site.name) / 2;
    if (!covered.isFree(x - half, bottom - kSiteFont_px, x + half, bottom)) continue;
    covered.take(x - half, bottom - kSiteFont_px, x + half, bottom);
    write(drawing, site.name, x, bottom, palette.muted);
  }
}

function drawNames(drawing: Drawing, seen: readonly number[], covered: Covered): void {
  const { context, scene, at, palette } = drawing;
  const { nodes } = scene.graph;
  const onWay = new Set(scene.way);
  const importance = (i: number) => {
    const { id, links } = nodes[i]!;
    if (id === scene.selection.node) return kChosen;
    if (onWay.has(i)) return kOnWay;
    return links.length + (id === scene.self ? kSelf : 0) + (scene.origins.has(id) ? kOrigin : 0);
  };
  const ranked = seen.map((i): [number, number] => [i, importance(i)]).sort((a, b) => b[1] - a[1]);
  context.font = `500 ${kFont_px}px ${palette.font}`;
  context.textAlign = 'center';
  context.textBaseline = 'top';
  for (const [i, rank] of ranked) {
    if (at.radius < kNamesRadiusMin && rank < kOrigin) break;
    const { name } = nodes[i]!;
    const half = widthOf(context, name) / 2;
    const top = at.y[i]! + at.radius * 1.25 + 5;
    const [left, right, bottom] = [at.x[i]! - half, at.x[i]! + half, top + kFont_px - 2];
    if (rank < kOrigin && !covered.isFree(left, top + 1, right, bottom)) continue;
    covered.take(left, top + 1, right, bottom);
    write(drawing, name, at.x[i]!, top, palette.ink);
  }
}
