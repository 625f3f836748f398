// Who watches a stream, and how they are served.

import type { Route, Viewer } from '../data/api';
import { count, milliseconds } from '../data/format';
import { NodeButton, Table } from './parts';

const kColumns = ['Viewer', '#p50', '#p99', '#Received', '#Lost', '#Skipped'];

export function ViewerCells({ viewer }: { viewer: Viewer }) {
  return (
    <>
      <td>
        <NodeButton id={viewer.node} />
        {viewer.who && (
          <small>
            {' '}
            <NodeButton id={viewer.who} />
          </small>
        )}
      </td>
      <td class="number">{milliseconds(viewer.latency_ms?.p50)}</td>
      <td class="number">{milliseconds(viewer.latency_ms?.p99)}</td>
      <td class="number">{count(viewer.frames_received)}</td>
      <td class={`number ${viewer.frames_lost ? 'bad' : ''}`}>{count(viewer.frames_lost)}</td>
      <td class={`number ${viewer.frames_skipped ? 'warn' : ''}`}>{count(viewer.frames_skipped)}</td>
    </>
  );
}

/** Of one node's, where one is named. */
export function Viewers({ route, node }: { route: Route; node?: string }) {
  const viewers = route.viewers.filter((viewer) => node === undefined || viewer.node === node);
  const all = route.tree.reduce(
    (sum, entry) => sum + (node === undefined || entry.node === node ? entry.viewers : 0),
    0,
  );
  if (all === 0 && viewers.length === 0) return null;
  if (viewers.length === 0) return <p class="empty">{count(all)} watch; none says how it is served.</p>;
  return (
    <Table caption={`Viewers of ${route.stream}`} columns={kColumns}>
      {viewers.map((viewer) => (
        <tr key={`${viewer.node} ${viewer.who}`}>
          <ViewerCells viewer={viewer} />
        </tr>
      ))}
      {all > viewers.length && (
        <tr>
          <td colSpan={kColumns.length}>
            and {count(all - viewers.length)} that {all - viewers.length === 1 ? 'is' : 'are'} not listed
          </td>
        </tr>
      )}
    </Table>
  );
}
