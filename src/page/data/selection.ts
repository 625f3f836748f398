// What the reader has chosen, kept in the address behind '#', so that it can be sent to somebody and gone back to.

import { computed, effect, signal } from '@preact/signals';

export interface Selection {
  stream?: string;
  node?: string;
  /** A link's key. */
  link?: string;
}

export type View = 'map' | 'tables';

function fromAddress(): { selection: Selection; view: View } {
  const parameters = new URLSearchParams(location.hash.slice(1));
  const selection: Selection = {};
  for (const name of ['stream', 'node', 'link'] as const) {
    const value = parameters.get(name);
    if (value) selection[name] = value;
  }
  return { selection, view: parameters.get('view') === 'tables' ? 'tables' : 'map' };
}

const first = fromAddress();
export const selection = signal<Selection>(first.selection);
export const view = signal<View>(first.view);

export const selectedStream = computed(() => selection.value.stream);
export const selectedNode = computed(() => selection.value.node);
export const selectedLink = computed(() => selection.value.link);

/** The best ways that the chosen stream could take to the chosen node instead, each as the ids of its nodes. */
export const otherWays = signal<readonly string[][]>([]);

/** A stream and a node together ask why it goes there the way it does; a link is looked at alone. */
export function selectStream(stream: string | undefined): void {
  const { node } = selection.value;
  selection.value = { ...(stream !== undefined && { stream }), ...(node !== undefined && { node }) };
}

export function selectNode(node: string | undefined): void {
  const { stream } = selection.value;
  selection.value = { ...(stream !== undefined && { stream }), ...(node !== undefined && { node }) };
}

export function selectLink(link: string | undefined): void {
  const { stream } = selection.value;
  selection.value = { ...(stream !== undefined && { stream }), ...(link !== undefined && { link }) };
}

export function keepInAddress(): void {
  addEventListener('hashchange', () => {
    const now = fromAddress();
    selection.value = now.selection;
    view.value = now.view;
  });
  effect(() => {
    const parameters = new URLSearchParams(selection.value as Record<string, string>);
    if (view.value === 'tables') parameters.set('view', 'tables');
    const hash = parameters.toString();
    if (hash !== location.hash.slice(1)) history.replaceState(null, '', hash ? `#${hash}` : location.pathname);
  });
}
