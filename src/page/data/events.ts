// What happens, as server-sent events. The browser resumes them by itself behind the last one that it has; where it
// gives up (the node has answered that there are too many readers), they are asked for again.

import { signal } from '@preact/signals';
import { kApi, type EventKind, type OverlayEvent } from './api';

const kKept = 500;
const kAgain_ms = 3000;

export const kSigns: Record<EventKind, string> = {
  'node-came': '+',
  'node-gone': '×',
  'link-came': '+',
  'link-gone': '×',
  'stream-came': '▸',
  'stream-gone': '■',
  'stream-state': '‖',
  way: '⤳',
  moved: '⇥',
  missed: '…',
  alone: '○',
  back: '●',
};

export function toneOf({ kind, frames_lost }: OverlayEvent): 'bad' | 'good' | 'other' {
  if (kind === 'moved') return frames_lost ? 'bad' : 'good';
  if (kind.endsWith('-gone') || kind === 'missed' || kind === 'alone') return 'bad';
  return kind.endsWith('-came') || kind === 'back' ? 'good' : 'other';
}

export interface SeenEvent extends OverlayEvent {
  key: string;
}

/** The newest first. */
export const events = signal<readonly SeenEvent[]>([]);
/** Empty while events come. */
export const eventsTrouble = signal('');

let source: EventSource | undefined;
let again: ReturnType<typeof setTimeout> | undefined;

function take(id: string, data: string): SeenEvent | undefined {
  let event: OverlayEvent;
  try {
    event = JSON.parse(data) as OverlayEvent;
  } catch {
    return undefined;
  }
  // The same number is another event in another run of the node.
  const seen = { ...event, key: `${id}/${event.time}/${event.text}` };
  if (events.value.some((known) => known.key === seen.key)) return undefined;
  events.value = [seen, ...events.value].slice(0, kKept);
  return seen;
}

/** For as long as nobody sees the page: its connection is one of six that all pages of a browser share. */
export function restFromEvents(): void {
  clearTimeout(again);
  source?.close();
}

/** `onEvent`: of each that is new here. What happened since the last time comes first. */
export function followEvents(onEvent: (event: SeenEvent) => void): void {
  restFromEvents();
  source = new EventSource(`${kApi}events`);
  source.onopen = () => (eventsTrouble.value = '');
  source.onmessage = (message: MessageEvent<string>) => {
    const event = take(message.lastEventId, message.data);
    if (event) onEvent(event);
  };
  source.onerror = () => {
    if (source?.readyState !== EventSource.CLOSED) return;
    eventsTrouble.value = 'The node gives no events now. They are asked for again.';
    again = setTimeout(() => followEvents(onEvent), kAgain_ms);
  };
}
