// Frames on their way along the trees. A pulse leaves the origin at the stream's own rate (one for kFramesPerPulse
// frames) and goes on at one speed, so that it is at all children of a node at once. Where the pulses are follows from the
// time alone: nothing is kept from one drawing to the next.

import type { Geometry } from './geometry';
import type { Palette } from './palette';
import type { Scene } from './scene';

const kSpeed = 60; // CSS pixels a second
const kRadius = 2.6;
const kSeam = 1; // around it, so that it is seen on a line of its own colour
const kRoundMax = 400; // more than these are squares, which cost a quarter
const kSquare = 3.5;
const kPulsesMax = 2000;

/** How many pulses there would be. */
function amount(scene: Scene, at: Geometry): number {
  let pulses = 0;
  for (const [i, { tree, pulses_hz }] of scene.trees.entries()) {
    const { length, isSeen } = at.lanes[i]!;
    for (let edge = 0; edge < tree.length; ++edge) pulses += isSeen[edge]! * length[edge]! * (pulses_hz / kSpeed);
  }
  return pulses;
}

/** The answer: of so many pulses one is drawn. 1, unless there were too many. */
export function drawPulses(
  context: CanvasRenderingContext2D,
  scene: Scene,
  at: Geometry,
  palette: Palette,
  now_ms: number,
): number {
  const pulses = amount(scene, at);
  const thinning = Math.max(1, Math.ceil(pulses / kPulsesMax));
  const draw = pulses / thinning <= kRoundMax ? drawRound : drawSquare;
  for (const [i, { colour, tree, pulses_hz }] of scene.trees.entries()) {
    if (pulses_hz <= 0) continue;
    const rate = pulses_hz / thinning;
    const spacing = kSpeed / rate;
    const gone = ((now_ms / 1e3) * rate) % 1; // pulses that the origin has sent, but for whole ones
    const { x0, y0, x1, y1, length, behind, isSeen } = at.lanes[i]!;
    for (let edge = 0; edge < tree.length; ++edge) {
      if (!isSeen[edge]) continue;
      const end = length[edge]!;
      const dx = (x1[edge]! - x0[edge]!) / end;
      const dy = (y1[edge]! - y0[edge]!) / end;
      const phase = gone - behind[edge]! / spacing;
      for (let along = (phase - Math.floor(phase)) * spacing; along < end; along += spacing)
        draw(context, x0[edge]! + along * dx, y0[edge]! + along * dy, colour, palette.ground);
    }
  }
  return thinning;
}

function drawRound(context: CanvasRenderingContext2D, x: number, y: number, colour: string, seam: string): void {
  context.beginPath();
  context.arc(x, y, kRadius + kSeam, 0, 2 * Math.PI);
  context.fillStyle = seam;
  context.fill();
  context.beginPath();
  context.arc(x, y, kRadius, 0, 2 * Math.PI);
  context.fillStyle = colour;
  context.fill();
}

function drawSquare(context: CanvasRenderingContext2D, x: number, y: number, colour: string): void {
  context.fillStyle = colour;
  context.fillRect(x - kSquare / 2, y - kSquare / 2, kSquare, kSquare);
}

export function hasPulses(scene: Scene): boolean {
  return scene.trees.some((tree) => tree.pulses_hz > 0 && tree.tree.length > 0);
}
