// A made-up overlay from a seed: sites of some twenty nodes, streams with trees by the shortest round trips, figures that
// move, nodes that die and come back. It answers as /api/v1 does; only tests and development of the page use it.

import type {
  Link,
  NodeFigures,
  Overlay,
  OverlayEvent,
  OverlayLink,
  Route,
  Stream,
  Viewer,
  Why,
} from '../../../src/page/data/api';

const kSiteSize = 20;
const kEventsKept = 1000;

function randomness(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

interface FakeNode {
  id: string;
  name: string;
  site: number;
  x: number;
  y: number;
  isClient: boolean;
  isUp: boolean;
  since: number;
  peers: Map<number, FakeLink>;
}

interface FakeLink {
  a: number;
  b: number;
  base_ms: number;
  rtt_ms: number;
  loss: number;
  narrow_kbps: number;
  kbps: [there: number, back: number];
}

interface FakeStream {
  stream: Stream;
  origin: number;
  watchers: Map<number, number>; // nodes, and their viewers
  parent: Map<number, number>;
  order: number[];
  distance: Map<number, number>;
}

type Kind = Pick<Stream, 'name' | 'source' | 'media' | 'encoding' | 'metric' | 'bits_per_second'> & {
  width?: number;
  height?: number;
  fps?: number;
  share: number; // of the nodes that watch it
};

const kKinds: readonly Kind[] = [
  { name: 'cam/door', source: 'v4l2', media: 'video', encoding: 'JPEG', width: 1280, height: 720, fps: 25, metric: 'quality', bits_per_second: 9_400_000, share: 0.55 },
  { name: 'cam/yard', source: 'rtsp', media: 'video', encoding: 'JPEG', width: 640, height: 360, fps: 10, metric: 'latency', bits_per_second: 1_900_000, share: 0.35 },
  { name: 'slides', source: 'http', media: 'video', encoding: 'JPEG', width: 1920, height: 1080, fps: 2, metric: 'cost', bits_per_second: 820_000, share: 0.3 },
  { name: 'studio/video', source: 'exec', media: 'video', encoding: 'H264', width: 1920, height: 1080, fps: 30, metric: 'quality', bits_per_second: 4_200_000, share: 0.45 },
  { name: 'studio/audio', source: 'exec', media: 'audio', encoding: 'opus', fps: 50, metric: 'quality', bits_per_second: 96_000, share: 0.45 },
  { name: 'studio/text', source: 'exec', media: 'text', encoding: 't140', metric: 'quality', bits_per_second: 300, share: 0.2 },
];

/** A process that is in no overlay. */
const kAlone: NodeFigures = {
  time: 0, role: 'node', id: '', version: '1.0.0', uptime_s: 1, loop_pause_ms_max: 1, limits: {}, links: [],
};

export interface Numbered {
  id: number;
  event: OverlayEvent;
}

export interface FakeOptions {
  nodes: number;
  streams?: number;
  seed?: number;
  now?: () => number; // seconds since 1970
}

/** The guest that watches at a node. */
function guestAt(node: number): string {
  return `192.0.2.${node % 250}:${40_000 + node}`;
}

export class FakeOverlay {
  readonly events: Numbered[] = [];
  readonly nodes: FakeNode[] = [];
  private readonly links: FakeLink[] = [];
  private readonly streams: FakeStream[] = [];
  private readonly random: () => number;
  private readonly now: () => number;
  private readonly begun: number;

  constructor({ nodes, streams = kKinds.length, seed = 1, now = () => Date.now() / 1000 }: FakeOptions) {
    this.random = randomness(seed);
    this.now = now;
    this.begun = now();
    this.makeNodes(nodes);
    this.makeLinks();
    this.makeStreams(streams);
    this.recompute();
  }

  // What happens.

  /** A second passes. */
  step(): void {
    for (const link of this.links) {
      const drift = link.rtt_ms * (0.94 + 0.12 * this.random()) + 0.1 * (link.base_ms - link.rtt_ms);
      link.rtt_ms = Math.min(4 * link.base_ms, Math.max(0.6 * link.base_ms, drift));
      link.loss = this.random() < 0.01 ? 0.02 * this.random() : 0.8 * link.loss < 0.0005 ? 0 : 0.8 * link.loss;
      if (this.random() < 0.001) link.narrow_kbps = 4000 + 8000 * this.random();
      else if (this.random() < 0.1) link.narrow_kbps = 0;
    }
    for (const { stream } of this.streams) stream.bits_per_second *= 0.97 + 0.06 * this.random();
    this.load();
  }

  /** Some node that is no origin dies, or one that is dead comes back. */
  happen(): void {
    const dead = this.nodes.flatMap((node, i) => (node.isUp ? [] : i));
    if (dead.length && this.random() < 0.5) return this.revive(this.nodes[dead[0]!]!.id);
    const relays = [...(this.streams[0]?.parent.values() ?? [])].filter((i) => i !== 0 && !this.isOrigin(i));
    const all = relays.length ? relays : this.nodes.flatMap((_, i) => (i === 0 || this.isOrigin(i) ? [] : i));
    const victim = this.nodes[all[Math.floor(this.random() * all.length)]!];
    if (victim) this.kill(victim.id);
  }

  kill(id: string): void {
    const node = this.find(id);
    node.isUp = false;
    this.say({ kind: 'node-gone', text: `${node.name} (${id}) is gone`, node: id });
    this.recompute();
  }

  revive(id: string): void {
    const node = this.find(id);
    node.isUp = true;
    node.since = this.now();
    this.say({ kind: 'node-came', text: `${node.name} (${id}) is there`, node: id });
    this.recompute();
  }

  // What the API answers.

  overlay(): Overlay {
    const up = this.nodes.filter((node) => node.isUp);
    return {
      self: this.nodes[0]?.isUp ? this.nodes[0].id : '',
      name: 'ott',
      nodes: up.map((node) => ({
        id: node.id,
        name: node.name,
        role: node.isClient ? 'client' : 'node',
        streams: this.streams.filter(({ origin }) => this.nodes[origin] === node).map(({ stream }) => stream.name),
      })),
      links: this.links.filter((link) => this.isLive(link)).flatMap((link) => [this.direction(link, 0), this.direction(link, 1)]),
    };
  }

  streamList(): Stream[] {
    return this.streams.map(({ stream, watchers }) => ({
      ...stream,
      bits_per_second: Math.round(stream.bits_per_second),
      viewers: [...watchers].reduce((sum, [node, viewers]) => sum + (this.nodes[node]!.isUp ? viewers : 0), 0),
    }));
  }

  routes(): Route[] {
    return this.streams.map((stream) => this.route(stream));
  }

  why(name: string, node: string): Why | null {
    const stream = this.streams.find((one) => one.stream.name === name);
    const access = this.nodes.findIndex((_, i) => guestAt(i) === node);
    const toAccess = access < 0 ? null : this.why(name, this.nodes[access]!.id);
    if (toAccess) {
      const begins = `${node} is a guest of ${this.label(access)}, which feeds it outside of all trees`;
      const link = `  ${this.label(access)} -> ${node}: a guest's link, round trip 1.5 ms`;
      return { stream: name, node, lines: [begins, link, ...toAccess.lines] };
    }
    const at = this.nodes.findIndex((one) => one.id === node || one.name === node);
    if (!stream || (at !== stream.origin && !stream.parent.has(at))) return null;
    const way = this.wayTo(stream, at);
    const title = `stream ${name} to ${this.label(at)} by ${stream.stream.metric}: ${this.price(way)}`;
    const lines = [title, ...this.steps(way)];
    const others = this.otherWays(stream, way);
    for (const other of others) lines.push(`  another way: ${this.price(other)}: worse`, ...this.steps(other));
    if (!others.length) lines.push('  there is no other way');
    return { stream: name, node: this.nodes[at]!.id, lines };
  }

  /** Of the process that answers, where no id is given. */
  figures(id: string): NodeFigures | null {
    const index = id === '' ? 0 : this.nodes.findIndex((node) => node.id === id && node.isUp);
    const node = this.nodes[index];
    if (!node) return id === '' ? { ...kAlone, time: this.now() } : null;
    return {
      time: this.now(),
      role: index === 0 ? 'bootstrap' : node.isClient ? 'client' : 'node',
      id: node.id,
      version: '1.0.0',
      uptime_s: this.now() - node.since,
      loop_pause_ms_max: 1.2 + (index % 5) / 3,
      limits: { links: 0, streams: 0, watchers: 0 },
      links: [...node.peers].filter(([, link]) => this.isLive(link)).map(([peer, link]) => this.linkOf(index, peer, link)),
    };
  }

  // How it is made.

  private makeNodes(count: number): void {
    const sites = Math.max(1, Math.ceil(count / kSiteSize));
    for (let i = 0; i < count; ++i) {
      // A few sites of one node, as small branches are.
      const site = i % sites;
      const angle = site * 2.4;
      const out = 14 * Math.sqrt(site);
      const rank = Math.floor(i / sites);
      this.nodes.push({
        id: `10.${20 + (site >> 8)}.${site & 255}.${rank + 1}`,
        name: i === 0 ? 'server' : `n${i}`,
        site,
        x: out * Math.cos(angle) + 2 * this.random(),
        y: out * Math.sin(angle) + 2 * this.random(),
        isClient: i > 0 && this.random() < 0.18,
        isUp: true,
        since: this.begun - 86_400 * this.random(),
        peers: new Map(),
      });
    }
  }

  private makeLinks(): void {
    const bySite = new Map<number, number[]>();
    for (const [i, node] of this.nodes.entries()) bySite.set(node.site, [...(bySite.get(node.site) ?? []), i]);
    for (const members of bySite.values()) {
      for (let i = 1; i < members.length; ++i) {
        this.link(members[i]!, members[Math.floor(this.random() * i)]!);
        if (this.random() < 0.6) this.link(members[i]!, members[Math.floor(this.random() * members.length)]!);
      }
    }
    const sites = [...bySite.keys()];
    for (const site of sites.slice(1)) {
      const near = sites.slice(0, sites.indexOf(site)).sort((a, b) => this.between(site, a, bySite) - this.between(site, b, bySite));
      for (const other of near.slice(0, 3))
        this.link(this.relayIn(bySite.get(site)!), this.relayIn(bySite.get(other)!));
    }
  }

  private between(one: number, other: number, bySite: Map<number, number[]>): number {
    const [a, b] = [this.nodes[bySite.get(one)![0]!]!, this.nodes[bySite.get(other)![0]!]!];
    return Math.hypot(a.x - b.x, a.y - b.y);
  }

  private relayIn(members: readonly number[]): number {
    const relays = members.filter((i) => !this.nodes[i]!.isClient);
    return (relays.length ? relays : members)[Math.floor(this.random() * Math.min(4, relays.length || 1))]!;
  }

  private link(a: number, b: number): void {
    if (a === b || this.nodes[a]!.peers.has(b)) return;
    const [one, other] = [this.nodes[a]!, this.nodes[b]!];
    const base_ms = 0.3 + 1.4 * Math.hypot(one.x - other.x, one.y - other.y) + this.random();
    const link: FakeLink = { a, b, base_ms, rtt_ms: base_ms, loss: 0, narrow_kbps: 0, kbps: [0, 0] };
    this.links.push(link);
    one.peers.set(b, link);
    other.peers.set(a, link);
  }

  private makeStreams(count: number): void {
    const relays = this.nodes.flatMap((node, i) => (node.isClient ? [] : i));
    for (const [i, { share, ...kind }] of kKinds.slice(0, count).entries()) {
      // The parts of one source begin at one node.
      const family = kKinds.findIndex((one) => one.name.split('/')[0] === kind.name.split('/')[0]);
      const origin = family === 0 ? 0 : relays[(family * 7) % relays.length]!;
      const watchers = new Map<number, number>();
      for (const node of this.nodes.keys())
        if (node !== origin && this.random() < share) watchers.set(node, 1 + Math.floor(2.5 * this.random() ** 4 * 3));
      this.streams.push({
        stream: {
          ...kind,
          id: (0x1000 + i).toString(16).padStart(10, '0'),
          origin: this.nodes[origin]?.id ?? '',
          state: 'live',
          on_request: false,
          viewers: 0,
        },
        origin,
        watchers,
        parent: new Map(),
        order: [],
        distance: new Map(),
      });
    }
  }

  // Trees.

  private isOrigin(node: number): boolean {
    return this.streams.some(({ origin }) => origin === node);
  }

  private isLive(link: FakeLink): boolean {
    return this.nodes[link.a]!.isUp && this.nodes[link.b]!.isUp;
  }

  private find(id: string): FakeNode {
    const node = this.nodes.find((one) => one.id === id);
    if (!node) throw new Error(`no node ${id}`);
    return node;
  }

  private say(event: Omit<OverlayEvent, 'time'>): void {
    const last = this.events[this.events.length - 1]?.id ?? 0;
    this.events.push({ id: last + 1, event: { time: this.now(), ...event } });
    if (this.events.length > kEventsKept) this.events.shift();
  }

  private recompute(): void {
    for (const stream of this.streams) {
      const before = stream.parent;
      this.growTree(stream);
      const moved = [...stream.watchers].filter(
        ([node]) => this.nodes[node]!.isUp && before.has(node) && before.get(node) !== stream.parent.get(node),
      );
      if (!moved.length) continue;
      const viewers = moved.reduce((sum, [, count]) => sum + count, 0);
      const to = stream.parent.get(moved[0]![0]);
      const took_ms = 20 + 60 * this.random();
      const where = to === undefined ? 'have no way' : `moved to ${this.nodes[to]!.name}`;
      this.say({
        kind: 'way',
        text: `${stream.stream.name}: ${viewers} viewer${viewers === 1 ? '' : 's'} ${where}`,
        stream: stream.stream.name,
        viewers,
        took_ms,
      });
    }
    this.load();
  }

  /** Dijkstra, and then only what watchers need. */
  private growTree(stream: FakeStream, without?: FakeLink): void {
    const { parent, distance } = this.shortest(stream.origin, without);
    const needed = new Set<number>([stream.origin]);
    for (const node of stream.watchers.keys()) {
      for (let at: number | undefined = node; at !== undefined && distance.has(at) && !needed.has(at); at = parent.get(at))
        needed.add(at);
    }
    stream.distance = distance;
    stream.parent = new Map([...parent].filter(([node]) => needed.has(node)));
    const children = new Map<number, number[]>();
    for (const [node, above] of stream.parent) children.set(above, [...(children.get(above) ?? []), node]);
    stream.order = [];
    const rest = [stream.origin];
    for (let at = rest.pop(); at !== undefined; at = rest.pop()) {
      stream.order.push(at);
      rest.push(...(children.get(at) ?? []));
    }
  }

  private shortest(origin: number, without?: FakeLink): { parent: Map<number, number>; distance: Map<number, number> } {
    const distance = new Map([[origin, 0]]);
    const parent = new Map<number, number>();
    const open = new Set([origin]);
    while (open.size) {
      const at = [...open].reduce((a, b) => (distance.get(a)! <= distance.get(b)! ? a : b));
      open.delete(at);
      // A client passes nothing on.
      if (this.nodes[at]!.isClient && at !== origin) continue;
      for (const [peer, link] of this.nodes[at]!.peers) {
        if (link === without || !this.isLive(link)) continue;
        const along = distance.get(at)! + link.base_ms / 2 + 0.2;
        if (along >= (distance.get(peer) ?? Infinity)) continue;
        distance.set(peer, along);
        parent.set(peer, at);
        open.add(peer);
      }
    }
    return { parent, distance };
  }

  /** What links carry follows from the trees. */
  private load(): void {
    for (const link of this.links) link.kbps = [0, 0];
    for (const { stream, parent } of this.streams) {
      for (const [node, above] of parent) {
        const link = this.nodes[node]!.peers.get(above)!;
        link.kbps[link.a === above ? 0 : 1] += stream.bits_per_second / 1e3;
      }
    }
  }

  private route({ stream, order, parent, watchers, distance }: FakeStream): Route {
    const at = new Map(order.map((node, i) => [node, i]));
    const watching = order.filter((node) => watchers.has(node));
    return {
      stream: stream.name,
      id: stream.id,
      origin: stream.origin,
      age_ms: Math.round(400 * this.random()),
      tree: order.map((node) => ({
        node: this.nodes[node]!.id,
        parent: parent.has(node) ? at.get(parent.get(node)!)! : -1,
        viewers: watchers.get(node) ?? 0,
      })),
      viewers: watching.map((node) => this.viewer(stream, node, distance.get(node) ?? 0)),
    };
  }

  private viewer(stream: Stream, node: number, way_ms: number): Viewer {
    const lasting = this.now() - this.begun + 60;
    const p50 = way_ms + 1.5;
    return {
      node: this.nodes[node]!.id,
      who: node % 3 === 0 ? guestAt(node) : '',
      frames_received: Math.round(lasting * (stream.fps ?? 1)),
      frames_lost: node % 41 === 7 ? 3 : 0,
      frames_skipped: node % 23 === 5 ? 12 : 0,
      frames_duplicate: 0,
      gap_ms_max: 60,
      latency_ms: { p50, p99: p50 * (1.4 + 0.3 * this.random()), max: 3 * p50 },
    };
  }

  private direction(link: FakeLink, way: 0 | 1): OverlayLink {
    const [from, to] = way === 0 ? [link.a, link.b] : [link.b, link.a];
    return {
      from: this.nodes[from]!.id,
      to: this.nodes[to]!.id,
      cost: 1,
      rtt_ms: Number(link.rtt_ms.toFixed(3)),
      loss: link.loss,
      could_carry_kbps: way === 0 ? Math.round(link.narrow_kbps) : 0,
      carries_kbps: way === 0 && link.narrow_kbps ? Math.round(Math.min(link.kbps[way], link.narrow_kbps)) : null,
    };
  }

  private linkOf(node: number, peer: number, link: FakeLink): Link {
    const way = link.a === node ? 0 : 1;
    return {
      peer: this.nodes[peer]!.id,
      state: 'CONNECTED',
      relation: 'neighbour',
      bytes_in: Math.round(link.kbps[1 - way]! * 1e4),
      bytes_out: Math.round(link.kbps[way] * 1e4),
      frames_in: 1000,
      frames_out: 1000,
      frames_skipped: link.narrow_kbps ? 4 : 0,
      waiting_bytes: 0,
      rtt_ms: link.rtt_ms,
    };
  }

  // Why.

  private label(node: number): string {
    return `${this.nodes[node]!.id} (${this.nodes[node]!.name})`;
  }

  private wayTo(stream: FakeStream, node: number): number[] {
    const way = [node];
    for (let at = stream.parent.get(node); at !== undefined; at = stream.parent.get(at)) way.unshift(at);
    return way;
  }

  private cost(way: readonly number[]): number {
    return way.slice(1).reduce((sum, node, i) => sum + this.nodes[way[i]!]!.peers.get(node)!.rtt_ms / 2 + 0.2, 0);
  }

  private price(way: readonly number[]): string {
    return `${way.map((node) => this.label(node)).join(', ')}: costs ${this.cost(way).toFixed(1)} ms`;
  }

  private steps(way: readonly number[]): string[] {
    return way.slice(1).map((node, i) => {
      const from = way[i]!;
      const { rtt_ms, loss } = this.nodes[from]!.peers.get(node)!;
      const facts = `round trip ${rtt_ms.toFixed(1)} ms (${(1.03 * rtt_ms).toFixed(1)} ms by the other end), loss ${(100 * loss).toFixed(1)} %`;
      return `  ${this.label(from)} -> ${this.label(node)}: costs ${(rtt_ms / 2 + 0.2).toFixed(1)} ms, ${facts}`;
    });
  }

  private otherWays(stream: FakeStream, way: readonly number[]): number[][] {
    const others = new Map<string, number[]>();
    for (let i = 1; i < way.length; ++i) {
      const { parent } = this.shortest(stream.origin, this.nodes[way[i - 1]!]!.peers.get(way[i]!)!);
      const other = [way[way.length - 1]!];
      for (let at = parent.get(other[0]!); at !== undefined; at = parent.get(at)) other.unshift(at);
      if (other[0] === stream.origin && other.join() !== way.join()) others.set(other.join(), other);
    }
    return [...others.values()].sort((a, b) => this.cost(a) - this.cost(b)).slice(0, 2);
  }
}
