// Draws the map on three canvases, one above the other: what stands still is drawn once, below and above, and a frame of the
// animation draws the pulses between them alone.

import { Flashes } from './flashes';
import { geometryOf, type Geometry, type Transform } from './geometry';
import { drawGround } from './ground';
import type { Layout } from './layout';
import { drawNodes } from './nodes';
import type { Palette } from './palette';
import { drawPulses, hasPulses } from './pulses';
import { kFramesPerPulse, type Scene } from './scene';

const kPixelRatioMax = 2;
const kNamedAtOnceMax = 100;

interface Layer {
  canvas: HTMLCanvasElement;
  context: CanvasRenderingContext2D;
}

/** What is opaque needs no mixing with what is below it. */
function layerOf(canvas: HTMLCanvasElement, isOpaque = false): Layer {
  const context = canvas.getContext('2d', { alpha: !isOpaque });
  if (!context) throw new Error('this browser has no canvas');
  return { canvas, context };
}

export class Painter {
  transform: Transform = { k: 1, x: 0, y: 0 };
  width = 0;
  height = 0;
  /** How often it has drawn. */
  drawn = 0;
  /** How many frames of a stream a pulse stands for. */
  framesPerPulse = kFramesPerPulse;
  readonly flashes = new Flashes();
  private readonly below: Layer;
  private readonly moving: Layer;
  private readonly above: Layer;
  private ratio = 1;
  private geometry_: Geometry | null = null;
  private scene_: Scene | null = null;

  constructor(
    canvases: { below: HTMLCanvasElement; moving: HTMLCanvasElement; above: HTMLCanvasElement },
    private readonly layout: Layout,
    private palette: Palette,
  ) {
    this.below = layerOf(canvases.below, true);
    this.moving = layerOf(canvases.moving);
    this.above = layerOf(canvases.above);
  }

  resize(width: number, height: number): void {
    this.width = width;
    this.height = height;
    this.ratio = Math.min(kPixelRatioMax, devicePixelRatio || 1);
    for (const { canvas, context } of [this.below, this.moving, this.above]) {
      canvas.width = Math.max(1, Math.round(width * this.ratio));
      canvas.height = Math.max(1, Math.round(height * this.ratio));
      context.setTransform(this.ratio, 0, 0, this.ratio, 0, 0);
    }
    this.invalidate();
  }

  show(scene: Scene): void {
    this.scene_ = scene;
    this.invalidate();
  }

  setPalette(palette: Palette): void {
    this.palette = palette;
    this.invalidate();
  }

  setTransform(transform: Transform): void {
    this.transform = transform;
    this.invalidate();
  }

  /** Something has moved. */
  invalidate(): void {
    this.geometry_ = null;
  }

  get scene(): Scene | null {
    return this.scene_;
  }

  /** REQUIRES: a scene. */
  get geometry(): Geometry {
    this.geometry_ ??= geometryOf(this.scene_!, this.layout, this.transform, this.width, this.height);
    return this.geometry_;
  }

  /** Another drawing would differ from the last one. */
  needsDrawing(isMoving: boolean): boolean {
    if (!this.scene_ || !this.width) return false;
    return !this.geometry_ || !this.flashes.isEmpty || (isMoving && hasPulses(this.scene_));
  }

  /** `isMoving`: with pulses. REQUIRES: a scene. */
  draw(now_ms: number, isMoving: boolean): void {
    const scene = this.scene_!;
    if (!this.geometry_) this.drawLayers(scene);
    const { context } = this.moving;
    context.clearRect(0, 0, this.width, this.height);
    if (isMoving)
      this.framesPerPulse = kFramesPerPulse * drawPulses(context, scene, this.geometry, this.palette, now_ms);
    this.flashes.draw(context, this.transform, this.palette, now_ms);
    this.drawn += 1;
  }

  private drawLayers(scene: Scene): void {
    const { width, height, geometry, palette } = this;
    this.below.context.fillStyle = palette.ground;
    this.below.context.fillRect(0, 0, width, height);
    this.above.context.clearRect(0, 0, width, height);
    drawGround(this.below.context, scene, this.layout, geometry, this.transform, palette);
    // Names, which cost most, wait until many nodes have found their places.
    const hasNames = this.layout.isSettled || scene.graph.nodes.length < kNamedAtOnceMax;
    drawNodes(this.above.context, scene, this.layout, geometry, this.transform, palette, { width, height, hasNames });
  }
}
