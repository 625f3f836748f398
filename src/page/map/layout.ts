// Where the nodes stand: nodes of one site together, linked ones near, sites apart. Positions are kept while the overlay
// changes; what is new begins beside what it is linked with. No randomness: the same overlay looks the same.

import {
  forceCollide,
  forceLink,
  forceManyBody,
  forceSimulation,
  forceX,
  forceY,
  type Simulation,
  type SimulationLinkDatum,
  type SimulationNodeDatum,
} from 'd3-force';
import type { Graph } from '../data/graph';

export interface Place extends SimulationNodeDatum {
  id: string;
  site: number; // index into Layout.sites
  x: number;
  y: number;
}

/** A circle around the nodes of a site; one of a single node has radius 0. */
export interface SiteCircle {
  name: string;
  size: number;
  x: number;
  y: number;
  radius: number;
}

const kNear = 46; // between neighbours of one site
const kFar = 120;
const kRoom = 17; // around a node
const kSitePad = 26;
const kSiteGap = 14;
const kSitePull = 0.22;
const kSitesApartMax = 150; // of more, those that have several nodes are not kept apart: that is quadratic
const kSpiral = 22;
const kGoldenAngle = Math.PI * (3 - Math.sqrt(5));
const kAlphaNew = 0.15; // how warm it is begun again for what is new, and for what is gone
const kAlphaGone = 0.03;
const kKnownMax = 8192;

export class Layout {
  places: Place[] = [];
  sites: SiteCircle[] = [];
  private readonly simulation: Simulation<Place, SimulationLinkDatum<Place>>;
  private readonly known = new Map<string, Place>(); // those that are gone as well: they come back where they were
  private shape = ''; // of the graph laid out
  private aspect = 1;

  constructor() {
    this.simulation = forceSimulation<Place>([])
      .stop()
      .alphaMin(0.01)
      .alphaDecay(0.03)
      .velocityDecay(0.5)
      .force('charge', forceManyBody<Place>().strength(-130).distanceMax(420).theta(1.1))
      .force('collide', forceCollide<Place>(kRoom).strength(0.8))
      .force('site', (alpha) => this.pullSites(alpha));
    this.setAspect(1);
  }

  /** Width to height of what it is shown on. */
  setAspect(aspect: number): void {
    this.aspect = Math.min(3, Math.max(1 / 3, aspect));
    this.simulation.force('x', forceX<Place>(0).strength(0.035 / this.aspect));
    this.simulation.force('y', forceY<Place>(0).strength(0.035 * this.aspect));
  }

  /** False where nodes and links are those of before. */
  update(graph: Graph): boolean {
    const shape = `${graph.nodes.map((node) => node.id).join()}/${graph.links.map((link) => link.key).join()}`;
    if (shape === this.shape) return false;
    const isFirst = this.places.length === 0;
    const isNew = graph.nodes.some((node) => !this.known.has(node.id));
    this.shape = shape;
    this.place(graph);
    this.connect(graph);
    this.simulation.alpha(isFirst ? 1 : Math.max(this.simulation.alpha(), isNew ? kAlphaNew : kAlphaGone));
    return true;
  }

  get isSettled(): boolean {
    return this.simulation.alpha() < this.simulation.alphaMin();
  }

  /** Goes on for so long at most, by the clock; at least one step, unless it is settled. */
  settle(budget_ms: number, now: () => number = () => performance.now()): void {
    const until = now() + budget_ms;
    while (!this.isSettled) {
      this.simulation.tick();
      if (now() >= until) break;
    }
    this.measureSites();
  }

  private place(graph: Graph): void {
    const before = this.known;
    if (before.size > kKnownMax) before.clear(); // what is there is placed anew, once in a long while
    const siteNames = [...graph.sites.keys()];
    this.sites = siteNames.map((name) => ({ name, size: graph.sites.get(name)!.length, x: 0, y: 0, radius: 0 }));
    const siteIndex = new Map(siteNames.map((name, i) => [name, i]));
    this.places = graph.nodes.map((node, i) => {
      const site = siteIndex.get(node.site)!;
      const known = before.get(node.id);
      if (known) return Object.assign(known, { site, index: i });
      return { id: node.id, site, ...this.beginning(graph, i, site, before) };
    });
    for (const place of this.places) this.known.set(place.id, place);
    this.simulation.nodes(this.places);
  }

  /** Beside its neighbours that have a place; else on a spiral of sites, and on one within its site. */
  private beginning(graph: Graph, node: number, site: number, before: Map<string, Place>): { x: number; y: number } {
    const near = graph.nodes[node]!.links.flatMap((link) => {
      const { a, b } = graph.links[link]!;
      return before.get(graph.nodes[a === node ? b : a]!.id) ?? [];
    });
    const angle = node * kGoldenAngle;
    if (near.length) {
      const mean = (axis: 'x' | 'y') => near.reduce((sum, place) => sum + place[axis], 0) / near.length;
      return { x: mean('x') + kNear * Math.cos(angle), y: mean('y') + kNear * Math.sin(angle) };
    }
    const members = graph.sites.get(graph.nodes[node]!.site)!;
    const rank = members.indexOf(node);
    const spread = kSpiral * Math.sqrt(graph.nodes.length / this.sites.length) * 1.6;
    const out = spread * Math.sqrt(site);
    const within = kSpiral * Math.sqrt(rank);
    return {
      x: out * Math.cos(site * kGoldenAngle) + within * Math.cos(rank * kGoldenAngle),
      y: out * Math.sin(site * kGoldenAngle) + within * Math.sin(rank * kGoldenAngle),
    };
  }

  private connect(graph: Graph): void {
    const links = graph.links.map((link) => ({ source: link.a, target: link.b }));
    const isNear = (link: SimulationLinkDatum<Place>) =>
      (link.source as Place).site === (link.target as Place).site && this.sites.length > 1;
    const degree = (place: Place) => graph.nodes[graph.indexOf.get(place.id)!]!.links.length;
    this.simulation.force(
      'link',
      forceLink<Place, SimulationLinkDatum<Place>>(links)
        .distance((link) => (isNear(link) || this.sites.length === 1 ? kNear * 1.3 : kFar))
        .strength((link) => {
          const ends = Math.min(degree(link.source as Place), degree(link.target as Place));
          return (isNear(link) || this.sites.length === 1 ? 0.9 : 0.1) / Math.max(1, ends);
        }),
    );
  }

  /** Nodes to their site's middle, and sites with several nodes away from each other. */
  private pullSites(alpha: number): void {
    if (this.sites.length < 2) return;
    this.measureSites();
    for (const place of this.places) {
      const site = this.sites[place.site]!;
      if (site.size < 2) continue;
      place.vx = (place.vx ?? 0) + (site.x - place.x) * kSitePull * alpha;
      place.vy = (place.vy ?? 0) + (site.y - place.y) * kSitePull * alpha;
    }
    this.keepSitesApart();
  }

  private keepSitesApart(): void {
    const { sites } = this;
    if (sites.length > kSitesApartMax) return;
    const moveX = new Float64Array(sites.length);
    const moveY = new Float64Array(sites.length);
    for (let i = 0; i < sites.length; ++i) {
      for (let j = 0; j < i; ++j) {
        const one = sites[i]!;
        const other = sites[j]!;
        const least = Math.max(one.radius, kRoom) + Math.max(other.radius, kRoom) + kSiteGap;
        const dx = one.x - other.x || 1e-3;
        const dy = one.y - other.y || 1e-3;
        const distance = Math.hypot(dx, dy);
        if (distance >= least) continue;
        const push = ((least - distance) / distance) * 0.12;
        moveX[i]! += dx * push;
        moveY[i]! += dy * push;
        moveX[j]! -= dx * push;
        moveY[j]! -= dy * push;
      }
    }
    for (const place of this.places) {
      place.vx = (place.vx ?? 0) + moveX[place.site]!;
      place.vy = (place.vy ?? 0) + moveY[place.site]!;
    }
  }

  private measureSites(): void {
    for (const site of this.sites) site.x = site.y = site.radius = 0;
    for (const place of this.places) {
      const site = this.sites[place.site]!;
      site.x += place.x / site.size;
      site.y += place.y / site.size;
    }
    for (const place of this.places) {
      const site = this.sites[place.site]!;
      if (site.size > 1)
        site.radius = Math.max(site.radius, Math.hypot(place.x - site.x, place.y - site.y) + kSitePad);
    }
  }
}
