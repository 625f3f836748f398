// Keeps what is known of the overlay up to date: asks once a second while the page is seen, at once when something has
// happened, and says when the node does not answer any more.

import { batch, computed, signal } from '@preact/signals';
import { ApiError, ask, NoAnswer, type NodeFigures, type Overlay, type OverlayEvent, type Route, type Stream } from './api';
import { eventsTrouble, followEvents, restFromEvents } from './events';
import { graphOf, roundTrip, worstLoss, type Graph } from './graph';
import { History } from './history';

const kPeriod_ms = 1000;
/** A node that has stopped takes connections and is silent: within 5 s its page says that it is lost. */
const kLook_ms = 3000;
/** Answers for other processes are given again for half a second: behind an event it takes a second look. */
const kSecondLook_ms = 550;
const kCoalesce_ms = 30;
/** At most this share of the time is spent on waiting for answers: a node that is busy is asked less often. */
const kBusyShare = 0.5;
const kRetries_ms = [150, 500, 1000, 2000, 3000];
const kSelfEvery_ms = 10_000;

export interface Contact {
  state: 'seeking' | 'live' | 'lost';
  /** When it began, in ms since 1970. */
  since: number;
  why: string;
}

const kNoOverlay: Overlay = { self: '', name: '', nodes: [], links: [] };

export const contact = signal<Contact>({ state: 'seeking', since: Date.now(), why: '' });
export const overlay = signal<Overlay>(kNoOverlay);
export const streams = signal<readonly Stream[]>([]);
export const routes = signal<readonly Route[]>([]);
/** Why the newest trees are not here; empty: they are. */
export const routesTrouble = signal('');
/** The process that answers. */
export const self = signal<NodeFigures | null>(null);
/** Goes up with each round of answers. */
export const round = signal(0);
export const graph = computed<Graph>(() => graphOf(overlay.value, routes.value, streams.value));
export const history = new History();

let timer: ReturnType<typeof setTimeout> | undefined;
let next = Infinity; // when to ask, by performance.now()
let secondLook = 0;
let asking = false;
let failures = 0;
let askedSelf = -Infinity;

function schedule(at: number): void {
  next = Math.min(next, at);
  clearTimeout(timer);
  if (document.hidden || asking) return;
  timer = setTimeout(() => void lookAround(), Math.max(0, next - performance.now()));
}

/** Something has happened. */
export function lookSoon(): void {
  const now = performance.now();
  secondLook = now + kSecondLook_ms;
  schedule(now + kCoalesce_ms);
}

async function lookAround(): Promise<void> {
  asking = true;
  next = Infinity;
  const begun = performance.now();
  const [graphAnswer, streamsAnswer, routesAnswer] = await Promise.allSettled([
    ask<Overlay>('overlay', {}, undefined, kLook_ms).then((answer) => (list(answer.links), list(answer.nodes), answer)),
    ask<{ streams: Stream[] }>('streams', {}, undefined, kLook_ms).then((answer) => list(answer.streams)),
    ask<{ routes: Route[] }>('routes', {}, undefined, kLook_ms).then((answer) => list(answer.routes)),
  ]);
  const ended = performance.now();
  asking = false;
  if (graphAnswer.status === 'rejected') return lose(graphAnswer.reason, ended);
  batch(() => {
    failures = 0;
    overlay.value = graphAnswer.value;
    if (streamsAnswer.status === 'fulfilled') streams.value = streamsAnswer.value;
    if (routesAnswer.status === 'fulfilled') routes.value = routesAnswer.value;
    routesTrouble.value = routesAnswer.status === 'rejected' ? reasonOf(routesAnswer.reason) : '';
    if (contact.value.state !== 'live') find();
    record();
    round.value += 1;
  });
  if (ended - askedSelf > kSelfEvery_ms) void askSelf(ended);
  schedule(Math.max(begun + kPeriod_ms, ended + (ended - begun) * (1 / kBusyShare - 1)));
  if (secondLook > begun) schedule(Math.max(secondLook, ended));
}

/** Another server may have taken the node's place. */
function list<T>(part: T[]): T[] {
  if (!Array.isArray(part)) throw new Error('what answers is no node');
  return part;
}

function reasonOf(error: unknown): string {
  if (error instanceof ApiError) return error.message;
  // What browsers say of a connection that is refused differs, and tells a reader nothing.
  return error instanceof TypeError ? 'nothing answers' : error instanceof Error ? error.message : String(error);
}

function lose(error: unknown, now: number): void {
  failures += 1;
  // One connection that breaks may be chance.
  if ((failures > 1 || error instanceof NoAnswer) && contact.value.state !== 'lost')
    contact.value = { state: 'lost', since: Date.now(), why: reasonOf(error) };
  schedule(now + kRetries_ms[Math.min(failures, kRetries_ms.length) - 1]!);
}

function find(): void {
  contact.value = { state: 'live', since: Date.now(), why: '' };
  askedSelf = -Infinity;
  if (eventsTrouble.value) followEvents(onEvent);
}

async function askSelf(now: number): Promise<void> {
  askedSelf = now;
  self.value = await ask<NodeFigures>('node').catch(() => self.value);
}

function record(): void {
  history.begin(Date.now() / 1000);
  const { nodes, links } = graph.value;
  const sent = new Float64Array(nodes.length);
  const received = new Float64Array(nodes.length);
  for (const link of links) {
    const [there, back] = link.kbps;
    sent[link.a]! += there;
    received[link.b]! += there;
    sent[link.b]! += back;
    received[link.a]! += back;
    history.set(link.key, 'kbps', there + back);
    const rtt = roundTrip(link);
    if (rtt !== null) history.set(link.key, 'rtt', rtt);
    const loss = worstLoss(link);
    if (loss > 0) history.set(link.key, 'loss', 100 * loss);
  }
  for (let i = 0; i < nodes.length; ++i) {
    history.set(nodes[i]!.id, 'sent', sent[i]!);
    history.set(nodes[i]!.id, 'received', received[i]!);
  }
  for (const stream of streams.value) history.set(streamOwner(stream.name), 'kbps', stream.bits_per_second / 1e3);
  for (const route of routes.value) {
    let [p50, p99] = [NaN, NaN];
    for (const { latency_ms } of route.viewers) {
      if (!latency_ms) continue;
      p50 = Math.max(p50 || 0, latency_ms.p50);
      p99 = Math.max(p99 || 0, latency_ms.p99);
    }
    history.set(streamOwner(route.stream), 'p50', p50);
    history.set(streamOwner(route.stream), 'p99', p99);
  }
}

/** In the history: a stream may have the name of a node. */
export function streamOwner(name: string): string {
  return `stream ${name}`;
}

function onEvent(_event: OverlayEvent): void {
  lookSoon();
}

/** Begins, and goes on until the page is closed. */
export function keepContact(): void {
  if (!document.hidden) followEvents(onEvent);
  document.addEventListener('visibilitychange', () => {
    if (document.hidden) {
      clearTimeout(timer);
      restFromEvents();
    } else {
      followEvents(onEvent);
      schedule(performance.now());
    }
  });
  addEventListener('online', () => schedule(performance.now()));
  schedule(performance.now());
}
