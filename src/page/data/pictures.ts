// Small pictures of the streams that are seen on the page, all of them on one connection: browsers allow six for a host,
// and each moving picture of its own would take one.

import { effect, signal } from '@preact/signals';
import { kApi } from './api';
import { contact } from './contact';
import { boundaryOf, MultipartReader, type Part } from './multipart';

const kFps = 1;
const kWidth = 480; // what is shown is half as wide, on screens of two pixels for one
const kSettle_ms = 300;
const kAgain_ms = 2000;
const kStorageKey = 'ottd.pictures';

/** Whether pictures are wanted: to show them makes the streams flow to this node. */
export const wanted = signal(localStorage.getItem(kStorageKey) !== 'off');

const shown = new Map<string, HTMLCanvasElement>(); // by stream
const version = signal(0); // of `shown`
const isHidden = signal(document.hidden);

/** Shows a stream's pictures on the canvas from now on; the answer ends that. */
export function showPictures(stream: string, canvas: HTMLCanvasElement): () => void {
  shown.set(stream, canvas);
  version.value += 1;
  return () => {
    if (shown.get(stream) !== canvas) return;
    shown.delete(stream);
    version.value += 1;
  };
}

export function wantPictures(on: boolean): void {
  wanted.value = on;
  localStorage.setItem(kStorageKey, on ? 'on' : 'off');
}

function nameOf(part: Part): string {
  const name = part.fields.get('x-stream') ?? '';
  try {
    return decodeURIComponent(name);
  } catch {
    return name;
  }
}

async function show(part: Part): Promise<void> {
  const canvas = shown.get(nameOf(part));
  if (!canvas) return;
  const blob = new Blob([part.body as Uint8Array<ArrayBuffer>], { type: 'image/jpeg' });
  const bitmap = await createImageBitmap(blob, { resizeWidth: kWidth, resizeQuality: 'medium' });
  canvas.getContext('bitmaprenderer')?.transferFromImageBitmap(bitmap);
  canvas.dataset['shown'] = 'true';
}

async function read(names: readonly string[], stop: AbortSignal): Promise<void> {
  // Each name is encoded by itself, since it may have a comma.
  const list = names.map((name) => encodeURIComponent(name).replaceAll('%2F', '/')).join(',');
  const query = new URLSearchParams({ streams: list, fps: String(kFps) });
  const response = await fetch(`${kApi}pictures?${query}`, { cache: 'no-store', signal: stop });
  if (!response.ok || !response.body) throw new Error(`the node answers ${response.status}`);
  const boundary = boundaryOf(response.headers.get('Content-Type') ?? '');
  // A picture that is broken is left out; the next one comes soon.
  const reader = new MultipartReader(boundary, (part) => void show(part).catch(() => undefined));
  const chunks = response.body.getReader();
  for (;;) {
    const { done, value } = await chunks.read();
    if (done) return;
    reader.push(value);
  }
}

async function keepReading(names: readonly string[], stop: AbortSignal): Promise<void> {
  await new Promise((done) => setTimeout(done, kSettle_ms));
  while (!stop.aborted) {
    await read(names, stop).catch(() => undefined);
    await new Promise((done) => setTimeout(done, kAgain_ms));
  }
}

/** Reads while pictures are wanted, the page is seen, and the node is there. */
export function keepPictures(): void {
  document.addEventListener('visibilitychange', () => (isHidden.value = document.hidden));
  effect(() => {
    version.value; // a dependency: `shown` is no signal
    const names = [...shown.keys()].sort();
    if (!wanted.value || isHidden.value || contact.value.state !== 'live' || !names.length) return undefined;
    const stop = new AbortController();
    void keepReading(names, stop.signal);
    return () => stop.abort();
  });
}
