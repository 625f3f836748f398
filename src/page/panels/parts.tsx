// Small things that several panels show.

import type { ComponentChildren } from 'preact';
import { colourOf } from '../data/colours';
import { graph } from '../data/contact';
import { isDark } from '../data/preferences';
import { selectLink, selectNode, selectStream, selection } from '../data/selection';

export function nameOf(id: string): string {
  const index = graph.value.indexOf.get(id);
  return index === undefined ? id : graph.value.nodes[index]!.name;
}

export function Swatch({ stream }: { stream: string }) {
  return <span class="swatch" style={{ background: colourOf(stream, isDark.value) }} />;
}

export function NodeButton({ id, name }: { id: string; name?: string }) {
  return (
    <button type="button" class="link" title={id} onClick={() => selectNode(id)}>
      {name ?? nameOf(id)}
    </button>
  );
}

export function StreamButton({ name }: { name: string }) {
  return (
    <button type="button" class="link" onClick={() => selectStream(name)}>
      <Swatch stream={name} />
      {name}
    </button>
  );
}

export function LinkButton({ linkKey, children }: { linkKey: string; children: ComponentChildren }) {
  return (
    <button type="button" class="link" onClick={() => selectLink(linkKey)}>
      {children}
    </button>
  );
}

/** Names and values, one pair in a row. What is undefined is left out. */
export function Facts({ of }: { of: Record<string, ComponentChildren | undefined> }) {
  return (
    <dl class="facts">
      {Object.entries(of).map(
        ([name, value]) =>
          value !== undefined && (
            <div key={name}>
              <dt>{name}</dt>
              <dd>{value}</dd>
            </div>
          ),
      )}
    </dl>
  );
}

/** A table that scrolls by itself where it is too wide; by keys, too. */
export function Table({
  caption,
  columns,
  children,
  isCaptionSeen = true,
}: {
  caption: string;
  columns: readonly string[];
  children: ComponentChildren;
  isCaptionSeen?: boolean;
}) {
  return (
    <div class="table" tabIndex={0} role="region" aria-label={caption}>
      <table>
        <caption class={isCaptionSeen ? '' : 'unseen'}>{caption}</caption>
        <thead>
          <tr>
            {columns.map((column) => (
              <th key={column} scope="col" class={column.startsWith('#') ? 'number' : ''}>
                {column.replace(/^#/, '')}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>{children}</tbody>
      </table>
    </div>
  );
}

export function Closer({ what }: { what: 'stream' | 'node' | 'link' }) {
  const close = () => (what === 'stream' ? selectStream(undefined) : selectNode(undefined));
  const name = selection.value[what] ?? '';
  return (
    <button type="button" class="closer" aria-label={`Close ${name}`} onClick={close}>
      ×
    </button>
  );
}
