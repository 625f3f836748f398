// What /api/v1 answers, as src/role/openapi.yaml describes it. Names of figures are the API's own.

export interface OverlayNode {
  id: string;
  name: string;
  role: 'node' | 'client';
  streams: string[];
}

/** One direction of a link, as the node that sends in this direction has measured it. */
export interface OverlayLink {
  from: string;
  to: string;
  cost: number;
  rtt_ms: number | null;
  loss: number;
  could_carry_kbps: number; // 0 where the link keeps up
  carries_kbps: number | null; // null where the link keeps up
}

export interface Overlay {
  self: string;
  name: string;
  nodes: OverlayNode[];
  links: OverlayLink[];
}

export interface Stream {
  id: string;
  name: string;
  origin: string;
  source: string;
  media: 'video' | 'audio' | 'text' | 'application';
  encoding: string;
  width?: number;
  height?: number;
  fps?: number;
  state: 'live' | 'stalled' | 'ended';
  on_request: boolean;
  metric: 'cost' | 'latency' | 'quality';
  viewers: number;
  bits_per_second: number;
}

export interface TreeEntry {
  node: string;
  parent: number;
  viewers: number;
}

export interface Viewer {
  node: string;
  who: string;
  frames_received: number;
  frames_lost: number;
  frames_skipped: number;
  frames_duplicate?: number;
  gap_ms_max?: number;
  latency_ms: { p50: number; p99: number; max: number } | null;
}

export interface Route {
  stream: string;
  id: string;
  origin: string;
  age_ms: number | null;
  tree: TreeEntry[];
  viewers: Viewer[];
}

export interface Link {
  peer: string;
  state: string;
  relation: string;
  bytes_in: number;
  bytes_out: number;
  frames_in: number;
  frames_out: number;
  frames_skipped: number;
  waiting_bytes: number;
  rtt_ms: number | null;
  loss?: number | null;
  carries_kbps?: number;
}

export interface NodeFigures {
  time: number;
  role: string;
  id: string;
  version: string;
  uptime_s: number;
  loop_pause_ms_max: number;
  limits: Record<string, number>;
  links: Link[];
}

export interface Why {
  stream: string;
  node?: string;
  lines: string[];
}

export type EventKind =
  | 'node-came'
  | 'node-gone'
  | 'link-came'
  | 'link-gone'
  | 'stream-came'
  | 'stream-gone'
  | 'stream-state'
  | 'way'
  | 'moved'
  | 'missed'
  | 'alone'
  | 'back';

export interface OverlayEvent {
  time: number;
  kind: EventKind;
  text: string;
  node?: string;
  peer?: string;
  stream?: string;
  viewers?: number;
  frames_lost?: number;
  took_ms?: number | null;
}

export const kApi = './api/v1/';
const kTimeout_ms = 6000; // `why` of a guest may take nearly as long

export class ApiError extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

/** There is no answer, though something may be there. */
export class NoAnswer extends Error {}

/** Rejects with an ApiError where the answer is no success, with NoAnswer where none comes in time, else with fetch's own errors. */
export async function ask<T>(
  path: string,
  parameters: Record<string, string> = {},
  stop?: AbortSignal,
  limit_ms = kTimeout_ms,
): Promise<T> {
  const query = new URLSearchParams(parameters).toString();
  const timeout = new AbortController();
  const timer = setTimeout(() => timeout.abort(new NoAnswer(`no answer within ${limit_ms / 1000} s`)), limit_ms);
  const abort = () => timeout.abort(stop?.reason);
  stop?.addEventListener('abort', abort);
  try {
    const response = await fetch(kApi + path + (query && `?${query}`), { cache: 'no-store', signal: timeout.signal });
    if (response.ok) return (await response.json()) as T;
    const said = await response.json().catch(() => ({}));
    const error = (said as { error?: unknown }).error;
    throw new ApiError(response.status, typeof error === 'string' ? error : `the node answers ${response.status}`);
  } finally {
    clearTimeout(timer);
    stop?.removeEventListener('abort', abort);
  }
}
