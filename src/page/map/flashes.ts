// What has just changed: links that a tree goes by anew glow, those that it has left and nodes that are gone fade away.

import type { TreeChange } from '../data/graph';
import type { Transform } from './geometry';
import type { Palette } from './palette';

const kEdge_ms = 2500;
const kNode_ms = 6000;
const kKept = 300;

interface Point {
  x: number;
  y: number;
}

interface Flash {
  kind: 'came' | 'gone' | 'node';
  from: Point; // as the layout has it
  to: Point;
  colour: string;
  name: string;
  begun: number;
}

export class Flashes {
  private flashes: Flash[] = [];

  edges(change: TreeChange, colour: string, placeOf: (id: string) => Point | undefined, now: number): void {
    for (const kind of ['came', 'gone'] as const) {
      for (const edge of change[kind]) {
        const [from, to] = edge.split('>').map(placeOf);
        if (from && to) this.add({ kind, from: { ...from }, to: { ...to }, colour, name: '', begun: now });
      }
    }
  }

  nodeGone(name: string, place: Point, now: number): void {
    const point = { x: place.x, y: place.y };
    this.add({ kind: 'node', from: point, to: point, colour: '', name, begun: now });
  }

  get isEmpty(): boolean {
    return this.flashes.length === 0;
  }

  draw(context: CanvasRenderingContext2D, at: Transform, palette: Palette, now: number): void {
    this.flashes = this.flashes.filter((flash) => now - flash.begun < lasting(flash));
    for (const flash of this.flashes) {
      context.globalAlpha = Math.max(0, 1 - (now - flash.begun) / lasting(flash));
      const from = { x: at.x + at.k * flash.from.x, y: at.y + at.k * flash.from.y };
      const to = { x: at.x + at.k * flash.to.x, y: at.y + at.k * flash.to.y };
      if (flash.kind === 'node') drawGone(context, from, flash.name, palette);
      else drawEdge(context, flash, from, to);
    }
    context.globalAlpha = 1;
  }

  private add(flash: Flash): void {
    if (this.flashes.length < kKept) this.flashes.push(flash);
  }
}

function lasting(flash: Flash): number {
  return flash.kind === 'node' ? kNode_ms : kEdge_ms;
}

function drawEdge(context: CanvasRenderingContext2D, flash: Flash, from: Point, to: Point): void {
  context.beginPath();
  context.moveTo(from.x, from.y);
  context.lineTo(to.x, to.y);
  context.setLineDash(flash.kind === 'gone' ? [4, 6] : []);
  context.lineWidth = flash.kind === 'gone' ? 2 : 7;
  context.lineCap = 'round';
  context.strokeStyle = flash.colour;
  context.stroke();
  context.setLineDash([]);
  context.lineCap = 'butt';
}

function drawGone(context: CanvasRenderingContext2D, at: Point, name: string, palette: Palette): void {
  const arm = 7;
  context.beginPath();
  context.moveTo(at.x - arm, at.y - arm);
  context.lineTo(at.x + arm, at.y + arm);
  context.moveTo(at.x + arm, at.y - arm);
  context.lineTo(at.x - arm, at.y + arm);
  context.lineWidth = 3;
  context.strokeStyle = palette.bad;
  context.stroke();
  context.font = `600 12px ${palette.font}`;
  context.textAlign = 'center';
  context.textBaseline = 'top';
  context.lineWidth = 3.5;
  context.strokeStyle = palette.ground;
  context.strokeText(`${name} is gone`, at.x, at.y + arm + 6);
  context.fillStyle = palette.bad;
  context.fillText(`${name} is gone`, at.x, at.y + arm + 6);
}
