// Everything that the page shows, as tables: for screen readers, for searching, for copying.

import { useSignal } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import { graph, routes, streams } from '../data/contact';
import { events } from '../data/events';
import { counted, milliseconds, picture, rate, share, timeOfDay } from '../data/format';
import { viewersAt } from '../data/graph';
import { NodeButton, StreamButton, Table } from './parts';
import { ViewerCells } from './viewers';

const kRowsAtFirst = 200;

interface Rows {
  caption: string;
  columns: readonly string[];
  rows: readonly { key: string; text: string; cells: () => ComponentChildren }[];
  sought: string;
}

/** Those whose text has what is sought. */
function FilteredTable({ caption, columns, rows, sought }: Rows) {
  const isLong = useSignal(false);
  const found = rows.filter((row) => row.text.toLowerCase().includes(sought));
  const shown = isLong.value ? found : found.slice(0, kRowsAtFirst);
  return (
    <section>
      <Table caption={`${caption} (${found.length})`} columns={columns}>
        {shown.map((row) => (
          <tr key={row.key}>{row.cells()}</tr>
        ))}
        {found.length === 0 && (
          <tr>
            <td colSpan={columns.length}>none</td>
          </tr>
        )}
      </Table>
      {found.length > shown.length && (
        <button type="button" onClick={() => (isLong.value = true)}>
          Show all {counted(found.length, 'row')}
        </button>
      )}
    </section>
  );
}

function nodeRows(): Rows['rows'] {
  const viewers = viewersAt(routes.value);
  return graph.value.nodes.map((node) => ({
    key: node.id,
    text: `${node.name} ${node.id} ${node.role} ${node.streams.join(' ')}`,
    cells: () => (
      <>
        <th scope="row">
          <NodeButton id={node.id} />
        </th>
        <td>{node.id}</td>
        <td>{node.role}</td>
        <td>{node.site === node.id ? '' : node.site}</td>
        <td class="number">{node.links.length}</td>
        <td class="number">{viewers.get(node.id) ?? 0}</td>
        <td>{node.streams.join(', ')}</td>
      </>
    ),
  }));
}

function linkRows(): Rows['rows'] {
  const { nodes, links } = graph.value;
  const name = (id: string) => nodes[graph.value.indexOf.get(id)!]!.name;
  return links
    .flatMap((link) => [
      { link: link.there, kbps: link.kbps[0] },
      { link: link.back, kbps: link.kbps[1] },
    ])
    .flatMap(({ link, kbps }) => (link ? { ...link, kbps } : []))
    .map((link) => ({
      key: `${link.from}>${link.to}`,
      text: `${name(link.from)} ${link.from} ${name(link.to)} ${link.to}`,
      cells: () => (
        <>
          <td>
            <NodeButton id={link.from} />
          </td>
          <td>
            <NodeButton id={link.to} />
          </td>
          <td class="number">{link.cost}</td>
          <td class="number">{milliseconds(link.rtt_ms)}</td>
          <td class="number">{share(link.loss)}</td>
          <td class="number">{rate(link.kbps)}</td>
          <td class="number">{link.could_carry_kbps ? rate(link.could_carry_kbps) : ''}</td>
        </>
      ),
    }));
}

function streamRows(): Rows['rows'] {
  return streams.value.map((stream) => ({
    key: stream.id,
    text: `${stream.name} ${stream.origin} ${stream.encoding} ${stream.state}`,
    cells: () => (
      <>
        <th scope="row">
          <StreamButton name={stream.name} />
        </th>
        <td>
          <NodeButton id={stream.origin} />
        </td>
        <td>{stream.encoding || stream.media}</td>
        <td>{picture(stream)}</td>
        <td>{stream.state}</td>
        <td>{stream.metric}</td>
        <td class="number">{rate(stream.bits_per_second / 1e3)}</td>
        <td class="number">{stream.viewers}</td>
      </>
    ),
  }));
}

function viewerRows(): Rows['rows'] {
  return routes.value.flatMap((route) =>
    route.viewers.map((viewer) => ({
      key: `${route.id} ${viewer.node} ${viewer.who}`,
      text: `${route.stream} ${viewer.node} ${viewer.who}`,
      cells: () => (
        <>
          <td>
            <StreamButton name={route.stream} />
          </td>
          <ViewerCells viewer={viewer} />
        </>
      ),
    })),
  );
}

/** Each tree's edges: the map shows them as lines. */
function treeRows(): Rows['rows'] {
  return routes.value.flatMap((route) =>
    route.tree.map((entry) => ({
      key: `${route.id} ${entry.node}`,
      text: `${route.stream} ${entry.node}`,
      cells: () => (
        <>
          <td>
            <StreamButton name={route.stream} />
          </td>
          <td>
            <NodeButton id={entry.node} />
          </td>
          <td>{route.tree[entry.parent] ? <NodeButton id={route.tree[entry.parent]!.node} /> : 'origin'}</td>
          <td class="number">{entry.viewers}</td>
        </>
      ),
    })),
  );
}

function eventRows(): Rows['rows'] {
  return events.value.map((event) => ({
    key: event.key,
    text: `${event.kind} ${event.text}`,
    cells: () => (
      <>
        <td>{timeOfDay(event.time)}</td>
        <td>{event.kind}</td>
        <td>{event.text}</td>
        <td class="number">{typeof event.took_ms === 'number' ? milliseconds(event.took_ms) : ''}</td>
      </>
    ),
  }));
}

export function Tables() {
  const sought = useSignal('');
  const all = { sought: sought.value.trim().toLowerCase() };
  return (
    <div class="tables">
      <input
        type="search"
        placeholder="Only rows with …"
        aria-label="Show only rows that have this text"
        value={sought.value}
        onInput={(event) => (sought.value = event.currentTarget.value)}
      />
      <FilteredTable
        caption="Streams"
        columns={['Name', 'Origin', 'Encoding', 'Size and rate', 'State', 'Metric', '#Bit rate', '#Viewers']}
        rows={streamRows()}
        {...all}
      />
      <FilteredTable
        caption="Nodes"
        columns={['Name', 'Id', 'Role', 'Site', '#Links', '#Viewers', 'Streams']}
        rows={nodeRows()}
        {...all}
      />
      <FilteredTable
        caption="Links"
        columns={['From', 'To', '#Cost', '#Round trip', '#Loss', '#Carries', '#Could carry']}
        rows={linkRows()}
        {...all}
      />
      <FilteredTable
        caption="Viewers"
        columns={['Stream', 'Viewer', '#p50', '#p99', '#Received', '#Lost', '#Skipped']}
        rows={viewerRows()}
        {...all}
      />
      <FilteredTable caption="Trees" columns={['Stream', 'Node', 'From', '#Viewers']} rows={treeRows()} {...all} />
      <FilteredTable caption="Events" columns={['Time', 'Kind', 'What', '#Took']} rows={eventRows()} {...all} />
    </div>
  );
}
