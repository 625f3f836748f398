// What is known of a node: from the overlay, and what it says of itself when it is asked.

import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { ask, type NodeFigures } from '../data/api';
import { graph, overlay, routes } from '../data/contact';
import { bytes, count, counted, milliseconds, rate, share, span } from '../data/format';
import { carried, guestOf, roundTrip, worstLoss } from '../data/graph';
import { selectedStream } from '../data/selection';
import { Chart } from './chart';
import { Closer, Facts, LinkButton, NodeButton, StreamButton, Table } from './parts';
import { Viewers } from './viewers';

const kAgain_ms = 2000;

interface Said {
  figures: NodeFigures | null;
  trouble: string;
}

/** Its figures, asked of it over the overlay. */
function useFigures(id: string): Said {
  const said = useSignal<Said>({ figures: null, trouble: '' });
  useEffect(() => {
    const stop = new AbortController();
    said.value = { figures: null, trouble: '' };
    const look = async (): Promise<void> => {
      try {
        if (!document.hidden) said.value = { figures: await ask<NodeFigures>('node', { of: id }, stop.signal), trouble: '' };
      } catch (error) {
        if (stop.signal.aborted) return;
        said.value = { ...said.value, trouble: error instanceof Error ? error.message : String(error) };
      }
      if (!stop.signal.aborted) setTimeout(() => void look(), kAgain_ms);
    };
    void look();
    return () => stop.abort();
  }, [id]);
  return said.value;
}

export function NodeDetails({ id }: { id: string }) {
  const index = graph.value.indexOf.get(id);
  if (index === undefined) {
    const access = routes.value.flatMap((route) => guestOf(route, id)?.node ?? [])[0];
    return (
      <section aria-label="Node">
        <Closer what="node" />
        <h2>{id}</h2>
        {access === undefined ? (
          <p class="empty">This node is gone, or was never here.</p>
        ) : (
          <p>
            A guest of <NodeButton id={access} />.
          </p>
        )}
      </section>
    );
  }
  const node = graph.value.nodes[index]!;
  return (
    <section aria-labelledby="node-title">
      <Closer what="node" />
      <h2 id="node-title">
        {node.name}
        {node.name !== id && <small> {id}</small>}
      </h2>
      <Figures id={id} />
      <Chart
        title="Traffic of its links"
        format={rate}
        lines={[
          { label: 'sends', owner: id, figure: 'sent', colour: '--series-1' },
          { label: 'receives', owner: id, figure: 'received', colour: '--series-2' },
        ]}
      />
      <LinksOf index={index} />
      <ViewersAt id={id} />
    </section>
  );
}

function Figures({ id }: { id: string }) {
  const { figures, trouble } = useFigures(id);
  const node = graph.value.nodes[graph.value.indexOf.get(id)!]!;
  const passing = routes.value.filter((route) => route.tree.some((entry) => entry.node === id)).map((one) => one.stream);
  const hits = Object.entries(figures?.limits ?? {}).filter(([, hit]) => hit > 0);
  const skipped = figures?.links.reduce((sum, link) => sum + link.frames_skipped, 0) ?? 0;
  const waiting = figures?.links.reduce((sum, link) => sum + link.waiting_bytes, 0) ?? 0;
  return (
    <>
      <Facts
        of={{
          role: `${figures?.role ?? node.role}${id === overlay.value.self ? ', shows you this page' : ''}`,
          site: node.site === id ? undefined : node.site,
          'begin here': node.streams.length
            ? node.streams.map((stream) => <StreamButton key={stream} name={stream} />)
            : undefined,
          'pass here': passing.length
            ? passing.map((stream) => <StreamButton key={stream} name={stream} />)
            : undefined,
          uptime: figures ? `${span(figures.uptime_s)}, version ${figures.version}` : undefined,
          'loop pause': figures ? `${milliseconds(figures.loop_pause_ms_max)} at most` : undefined,
          'frames skipped': skipped ? count(skipped) : undefined,
          waiting: waiting ? bytes(waiting) : undefined,
          'limits reached': hits.length ? hits.map(([name, hit]) => `${name} (${count(hit)})`).join(', ') : undefined,
        }}
      />
      {trouble && <p class="trouble">It does not say more: {trouble}</p>}
    </>
  );
}

function LinksOf({ index }: { index: number }) {
  const { nodes, links } = graph.value;
  const node = nodes[index]!;
  return (
    <Table
      caption={`${counted(node.links.length, 'link')} of ${node.name}`}
      columns={['To', '#Carries', '#Round trip', '#Loss', '']}
    >
      {node.links.map((i) => {
        const link = links[i]!;
        const peer = nodes[link.a === index ? link.b : link.a]!;
        return (
          <tr key={link.key}>
            <td>
              <NodeButton id={peer.id} />
            </td>
            <td class="number">{rate(carried(link))}</td>
            <td class="number">{milliseconds(roundTrip(link))}</td>
            <td class="number">{share(worstLoss(link))}</td>
            <td>
              <LinkButton linkKey={link.key}>
                link<span class="unseen"> to {peer.name}</span>
              </LinkButton>
            </td>
          </tr>
        );
      })}
    </Table>
  );
}

/** Of the chosen stream, or of all. */
function ViewersAt({ id }: { id: string }) {
  const chosen = selectedStream.value;
  const shown = routes.value.filter((route) => chosen === undefined || route.stream === chosen);
  return (
    <>
      {shown.map((route) => (
        <Viewers key={route.id} route={route} node={id} />
      ))}
    </>
  );
}
