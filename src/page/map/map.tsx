// The map: the canvas with what moves it and what is chosen on it, by pointer, touch and keys.

import { effect, signal, useComputed, useSignal } from '@preact/signals';
import { select } from 'd3-selection';
import { zoom, zoomIdentity, type D3ZoomEvent } from 'd3-zoom';
import { useEffect, useRef } from 'preact/hooks';
import type { Route } from '../data/api';
import { colourOf } from '../data/colours';
import { contact, graph, overlay, routes, streams } from '../data/contact';
import { counted, milliseconds, rate, share } from '../data/format';
import { carried, diffTrees, isNarrow, roundTrip, viewersAt, worstLoss, type Graph } from '../data/graph';
import { isDark, reducedMotion } from '../data/preferences';
import { otherWays, selectLink, selectNode, selection, selectStream } from '../data/selection';
import { fitting, linkAt, nodeAt, nodeTowards, type Transform } from './geometry';
import { Layout } from './layout';
import { Legend } from './legend';
import { Painter } from './painter';
import { readPalette } from './palette';
import { kFramesPerPulse, sceneOf } from './scene';

const kSlackMouse = 4;
const kSlackTouch = 14;
const kFirst_ms = 250; // spent on the layout before anything is shown
const kStep_ms = 8; // and in each frame after that
const kZoomStep = 1.4;
const kPan = 60;

/** What a test may read: how often the map has been drawn, and where a node is on it, in CSS pixels. */
export interface MapProbe {
  drawn: number;
  nodes: number;
  links: number;
  trees: { stream: string; edges: number }[];
  at(id: string): { x: number; y: number } | null;
}

interface Tip {
  x: number;
  y: number;
  lines: string[];
}

const tip = signal<Tip | null>(null);
const framesPerPulse = signal(kFramesPerPulse);

function describeNode(index: number): string[] {
  const node = graph.value.nodes[index]!;
  const viewers = viewersAt(routes.value, selection.value.stream).get(node.id) ?? 0;
  const lines = [node.name === node.id ? node.id : `${node.name} · ${node.id}`];
  lines.push(`${node.role === 'client' ? 'client' : 'relay'}, ${counted(node.links.length, 'link')}`);
  if (node.streams.length) lines.push(`origin of ${node.streams.join(', ')}`);
  if (viewers) lines.push(counted(viewers, 'viewer'));
  return lines;
}

function describeLink(index: number): string[] {
  const link = graph.value.links[index]!;
  const name = (node: number) => graph.value.nodes[node]!.name;
  const lines = [`${name(link.a)} – ${name(link.b)}`, `carries ${rate(carried(link))}`];
  lines.push(`round trip ${milliseconds(roundTrip(link))}, loss ${share(worstLoss(link))}`);
  if (isNarrow(link)) lines.push('does not keep up');
  return lines;
}

/** Everything of the map that is no markup. Made once, for the canvas. */
class MapControl {
  private readonly layout = new Layout();
  private readonly painter: Painter;
  private readonly zoom = zoom<HTMLCanvasElement, unknown>().scaleExtent([0.05, 8]);
  private readonly cleanups: (() => void)[] = [];
  private isMoved = false; // by the reader: it is not fitted any more
  private animation = 0;
  private before: { graph: Graph; routes: Map<string, Route> } | null = null;

  /** On the canvases below and before this one, too. */
  constructor(private readonly canvas: HTMLCanvasElement) {
    const moving = canvas.previousElementSibling as HTMLCanvasElement;
    const below = moving.previousElementSibling as HTMLCanvasElement;
    this.painter = new Painter({ below, moving, above: canvas }, this.layout, readPalette(canvas));
    this.zoom.on('zoom', (event: D3ZoomEvent<HTMLCanvasElement, unknown>) => {
      if (event.sourceEvent) this.isMoved = true;
      tip.value = null;
      this.painter.setTransform(event.transform);
    });
    select(canvas).call(this.zoom).on('dblclick.zoom', null);
    const observer = new ResizeObserver(() => this.resize());
    observer.observe(canvas);
    this.cleanups.push(
      () => observer.disconnect(),
      effect(() => {
        isDark.value; // a dependency: the style sheet's colours follow it
        this.painter.setPalette(readPalette(canvas));
      }),
      effect(() => this.update()),
    );
    this.resize();
    this.animation = requestAnimationFrame((now) => this.frame(now));
    this.offerProbe();
  }

  close(): void {
    cancelAnimationFrame(this.animation);
    for (const cleanup of this.cleanups) cleanup();
  }

  fit(): void {
    this.isMoved = false;
    if (!this.painter.width || !this.painter.height) return; // not seen now
    this.moveTo(fitting(this.layout, this.painter.width, this.painter.height));
  }

  scale(factor: number): void {
    this.isMoved = true;
    this.zoom.scaleBy(select(this.canvas), factor);
  }

  pan(dx: number, dy: number): void {
    this.isMoved = true;
    this.zoom.translateBy(select(this.canvas), dx / this.painter.transform.k, dy / this.painter.transform.k);
  }

  /** Chooses what is there: a node rather than a link. */
  choose(x: number, y: number, isTouch: boolean): void {
    const found = this.find(x, y, isTouch);
    if (found.node >= 0) selectNode(graph.value.nodes[found.node]!.id);
    else if (found.link >= 0) selectLink(graph.value.links[found.link]!.key);
    else if (selection.value.node !== undefined || selection.value.link !== undefined) selectNode(undefined);
  }

  point(x: number, y: number): void {
    const found = this.find(x, y, false);
    this.canvas.style.cursor = found.node >= 0 || found.link >= 0 ? 'pointer' : '';
    const lines = found.node >= 0 ? describeNode(found.node) : found.link >= 0 ? describeLink(found.link) : null;
    tip.value = lines && { x, y, lines };
  }

  /** To the next node in this direction; from none, to the process that answers. */
  walk(dx: number, dy: number): void {
    if (!this.painter.scene || !graph.value.nodes.length) return;
    const chosen = graph.value.indexOf.get(selection.value.node ?? '');
    const first = graph.value.indexOf.get(overlay.value.self) ?? 0;
    const next = chosen === undefined ? first : nodeTowards(this.painter.geometry, chosen, dx, dy);
    if (next < 0) return;
    selectNode(graph.value.nodes[next]!.id);
    this.reveal(next);
  }

  private reveal(node: number): void {
    const { x, y } = this.painter.geometry;
    const [left, top] = [x[node]!, y[node]!];
    const margin = 40;
    if (left > margin && top > margin && left < this.painter.width - margin && top < this.painter.height - margin) return;
    this.pan(this.painter.width / 2 - left, this.painter.height / 2 - top);
  }

  private find(x: number, y: number, isTouch: boolean): { node: number; link: number } {
    const { scene } = this.painter;
    if (!scene) return { node: -1, link: -1 };
    const slack = isTouch ? kSlackTouch : kSlackMouse;
    const node = nodeAt(this.painter.geometry, x, y, slack);
    return { node, link: node >= 0 ? -1 : linkAt(scene, this.painter.geometry, x, y, slack) };
  }

  private update(): void {
    const now = graph.value;
    const isFirst = this.before === null || this.before.graph.nodes.length === 0;
    const placed = new Map(this.layout.places.map((place) => [place.id, place]));
    this.layout.update(now);
    if (isFirst) this.layout.settle(kFirst_ms);
    const { self } = overlay.value;
    this.painter.show(sceneOf(now, streams.value, routes.value, selection.value, otherWays.value, self, isDark.value));
    if (isFirst && !this.isMoved) this.fit();
    const byName = new Map(routes.value.map((route) => [route.stream, route]));
    if (!isFirst) this.flash(now, byName, placed);
    this.before = { graph: now, routes: byName };
  }

  /** Shows what is otherwise than before. */
  private flash(now: Graph, trees: Map<string, Route>, placed: Map<string, { x: number; y: number }>): void {
    const { flashes } = this.painter;
    const time = performance.now();
    for (const [stream, route] of trees) {
      if (selection.value.stream !== undefined && selection.value.stream !== stream) continue;
      const change = diffTrees(this.before!.routes.get(stream), route);
      flashes.edges(change, colourOf(stream, isDark.value), (id) => placed.get(id), time);
    }
    for (const node of this.before!.graph.nodes) {
      const place = placed.get(node.id);
      if (place && !now.indexOf.has(node.id)) flashes.nodeGone(node.name, place, time);
    }
  }

  private resize(): void {
    const { clientWidth, clientHeight } = this.canvas;
    if (clientWidth === this.painter.width && clientHeight === this.painter.height) return;
    this.painter.resize(clientWidth, clientHeight);
    // Said here, since it would be asked of the browser at each move otherwise, which lays out the page for it.
    this.zoom.extent([[0, 0], [clientWidth, clientHeight]]);
    if (clientHeight) this.layout.setAspect(clientWidth / clientHeight);
    if (!this.isMoved) this.fit();
  }

  private moveTo({ k, x, y }: Transform): void {
    this.zoom.transform(select(this.canvas), zoomIdentity.translate(x, y).scale(k));
  }

  private frame(now: number): void {
    this.animation = requestAnimationFrame((next) => this.frame(next));
    const isCalm = reducedMotion.matches;
    if (!this.layout.isSettled) {
      this.layout.settle(kStep_ms);
      if (this.layout.isSettled) this.painter.invalidate(); // with names
      // Who wants no motion sees where it ends.
      if (!isCalm || this.layout.isSettled) {
        this.painter.invalidate();
        if (!this.isMoved) this.fit();
      }
    }
    const isMoving = !isCalm && contact.value.state === 'live';
    if (!this.painter.needsDrawing(isMoving)) return;
    this.painter.draw(now, isMoving);
    framesPerPulse.value = this.painter.framesPerPulse;
  }

  private offerProbe(): void {
    const { painter } = this;
    const probe: MapProbe = {
      get drawn() {
        return painter.drawn;
      },
      get nodes() {
        return painter.scene?.graph.nodes.length ?? 0;
      },
      get links() {
        return painter.scene?.graph.links.length ?? 0;
      },
      get trees() {
        return (painter.scene?.trees ?? []).map(({ stream, tree }) => ({ stream, edges: tree.length }));
      },
      at: (id) => {
        const index = painter.scene?.graph.indexOf.get(id);
        return index === undefined ? null : { x: painter.geometry.x[index]!, y: painter.geometry.y[index]! };
      },
    };
    Object.assign(globalThis, { ottdMap: probe });
  }
}

function onKey(control: MapControl, event: KeyboardEvent): void {
  const arrows: Record<string, [number, number]> = {
    ArrowLeft: [-1, 0],
    ArrowRight: [1, 0],
    ArrowUp: [0, -1],
    ArrowDown: [0, 1],
  };
  const arrow = arrows[event.key];
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (arrow && event.shiftKey) control.pan(-kPan * arrow[0], -kPan * arrow[1]);
  else if (arrow) control.walk(...arrow);
  else if (event.key === '+' || event.key === '=') control.scale(kZoomStep);
  else if (event.key === '-') control.scale(1 / kZoomStep);
  else if (event.key === '0') control.fit();
  else if (event.key === 'Escape') clearStepwise();
  else return;
  event.preventDefault();
}

/** First the node or link, then the stream. */
function clearStepwise(): void {
  if (selection.value.node !== undefined || selection.value.link !== undefined) selectNode(undefined);
  else selectStream(undefined);
}

export function MapView() {
  const canvas = useRef<HTMLCanvasElement>(null);
  const control = useRef<MapControl | null>(null);
  useEffect(() => {
    const made = new MapControl(canvas.current!);
    control.current = made;
    return () => made.close();
  }, []);
  const pointer = (event: MouseEvent, isTouch: boolean, act: 'choose' | 'point') => {
    const box = canvas.current!.getBoundingClientRect();
    const [x, y] = [event.clientX - box.left, event.clientY - box.top];
    if (act === 'choose') control.current?.choose(x, y, isTouch);
    else control.current?.point(x, y);
  };
  return (
    <section class={`map ${contact.value.state}`} aria-label="Map of the overlay">
      <canvas aria-hidden="true" />
      <canvas aria-hidden="true" />
      <canvas
        ref={canvas}
        tabIndex={0}
        role="application"
        aria-label="Map. Arrow keys go from node to node, plus and minus zoom, 0 shows all, Escape chooses nothing. The tables list the same."
        onClick={(event) => pointer(event, 'pointerType' in event && event.pointerType === 'touch', 'choose')}
        onPointerMove={(event) => event.pointerType === 'mouse' && !event.buttons && pointer(event, false, 'point')}
        onPointerLeave={() => (tip.value = null)}
        onKeyDown={(event) => control.current && onKey(control.current, event)}
      />
      <Empty />
      <ToolTip />
      <Said />
      <div class="map-tools">
        <FindNode />
        <button type="button" aria-label="Zoom in" onClick={() => control.current?.scale(kZoomStep)}>
          +
        </button>
        <button type="button" aria-label="Zoom out" onClick={() => control.current?.scale(1 / kZoomStep)}>
          −
        </button>
        <button type="button" onClick={() => control.current?.fit()}>
          Show all
        </button>
      </div>
      <Legend framesPerPulse={framesPerPulse.value} />
    </section>
  );
}

function ToolTip() {
  if (!tip.value) return null;
  const { x, y, lines } = tip.value;
  return (
    <div class="tip" style={{ transform: `translate(${Math.round(x + 14)}px, ${Math.round(y + 14)}px)` }} aria-hidden="true">
      {lines.map((line) => (
        <div key={line}>{line}</div>
      ))}
    </div>
  );
}

/** What is chosen on the map, for those who do not see it. */
function Said() {
  const text = useComputed(() => {
    const index = graph.value.indexOf.get(selection.value.node ?? '');
    return index === undefined ? '' : describeNode(index).join(', ');
  });
  return (
    <p class="unseen" role="status">
      {text}
    </p>
  );
}

function Empty() {
  const { nodes } = graph.value;
  if (contact.value.state === 'seeking') return <p class="map-note">Asking the node …</p>;
  if (nodes.length === 0) return <p class="map-note">This process is in no overlay yet.</p>;
  if (nodes.length === 1) return <p class="map-note">One node, which is linked with no other yet.</p>;
  return null;
}

function NodeNames({ names }: { names: string }) {
  return (
    <>
      {names.split('\n').map((line) => {
        const space = line.indexOf(' ');
        return <option key={line} value={line.slice(space + 1)} label={line.slice(0, space)} />;
      })}
    </>
  );
}

/** A node by its name or id. */
function FindNode() {
  const wrong = useSignal(false);
  // As one text, so that the list is made anew only when a name is.
  const names = useComputed(() => graph.value.nodes.map(({ id, name }) => `${id} ${name}`).join('\n'));
  const find = (field: HTMLInputElement) => {
    const sought = field.value.trim().toLowerCase();
    const found = graph.value.nodes.find((node) => [node.id, node.name.toLowerCase()].includes(sought));
    wrong.value = sought !== '' && !found;
    if (!found) return;
    selectNode(found.id);
    field.value = '';
  };
  return (
    <form
      role="search"
      onSubmit={(event) => {
        event.preventDefault();
        find(event.currentTarget.elements.namedItem('node') as HTMLInputElement);
      }}
    >
      <input
        name="node"
        type="search"
        list="node-names"
        placeholder="Find node"
        aria-label="Find a node by its name or id"
        aria-invalid={wrong.value}
        autocomplete="off"
        onInput={() => (wrong.value = false)}
        onChange={(event) => find(event.currentTarget)}
      />
      <datalist id="node-names">
        <NodeNames names={names.value} />
      </datalist>
    </form>
  );
}
