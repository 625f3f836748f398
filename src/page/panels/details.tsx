// What is known of what is chosen: a stream, a node, both (why this way), a link; of nothing, the overlay as a whole.

import { graph, overlay, routes, routesTrouble, streamOwner, streams } from '../data/contact';
import { colourOf } from '../data/colours';
import { counted, milliseconds, picture, rate, share } from '../data/format';
import { carried, isNarrow, roundTrip, worstLoss, type GraphLink } from '../data/graph';
import { isDark } from '../data/preferences';
import { selectedLink, selectedNode, selectedStream } from '../data/selection';
import { Chart } from './chart';
import { NodeDetails } from './node';
import { Closer, Facts, NodeButton, StreamButton, Swatch } from './parts';
import { Viewers } from './viewers';
import { Watch } from './watch';
import { WhyChooser, WhyThisWay } from './why';

export function Details() {
  const [stream, node, link] = [selectedStream.value, selectedNode.value, selectedLink.value];
  return (
    <div class="details">
      {routesTrouble.value && <p class="trouble">The trees may be old: {routesTrouble.value}</p>}
      {stream !== undefined && node !== undefined && <WhyThisWay stream={stream} node={node} />}
      {link !== undefined && <LinkDetails linkKey={link} />}
      {node !== undefined && <NodeDetails id={node} />}
      {stream !== undefined && <StreamDetails name={stream} />}
      {stream === undefined && node === undefined && link === undefined && <OverlayDetails />}
    </div>
  );
}

function OverlayDetails() {
  const { nodes, links } = graph.value;
  const watching = routes.value.reduce((sum, route) => sum + route.tree.reduce((all, entry) => all + entry.viewers, 0), 0);
  const rtts = links.flatMap((link) => roundTrip(link) ?? []).sort((a, b) => a - b);
  const latencies = routes.value.flatMap((route) => route.viewers.flatMap((viewer) => viewer.latency_ms?.p99 ?? []));
  const sites = [...graph.value.sites.values()].filter((site) => site.length > 1).length;
  return (
    <section aria-labelledby="overlay-title">
      <h2 id="overlay-title">Overlay {overlay.value.name}</h2>
      <Facts
        of={{
          nodes: `${nodes.length}${sites > 1 ? `, ${counted(sites, 'site')}` : ''}`,
          links: links.length,
          streams: streams.value.length,
          viewers: watching,
          'links carry': rate(links.reduce((sum, link) => sum + carried(link), 0)),
          'round trips': rtts.length
            ? `median ${milliseconds(rtts[rtts.length >> 1])}, at most ${milliseconds(rtts[rtts.length - 1])}`
            : undefined,
          'slowest p99': latencies.length ? milliseconds(Math.max(...latencies)) : undefined,
          'not keeping up': links.some(isNarrow) ? counted(links.filter(isNarrow).length, 'link') : undefined,
        }}
      />
      {streams.value.length > 0 && (
        <p class="hint">Choose a stream to see its tree, and a node to see why the stream goes there the way it does.</p>
      )}
    </section>
  );
}

function StreamDetails({ name }: { name: string }) {
  const stream = streams.value.find((one) => one.name === name);
  const route = routes.value.find((one) => one.stream === name);
  const node = selectedNode.value;
  const colour = colourOf(name, isDark.value);
  return (
    <section aria-labelledby="stream-title">
      <Closer what="stream" />
      <h2 id="stream-title">
        <Swatch stream={name} />
        {name}
      </h2>
      {!stream ? (
        <p class="empty">There is no such stream now.</p>
      ) : (
        <>
          <Facts
            of={{
              state: stream.state,
              origin: <NodeButton id={stream.origin} />,
              source: stream.source,
              format: [stream.encoding || stream.media, picture(stream)].filter(Boolean).join(', '),
              metric: stream.metric,
              viewers: stream.viewers,
              'bit rate': rate(stream.bits_per_second / 1e3),
            }}
          />
          {!stream.on_request && <Watch stream={name} />}
          {route && node === undefined && <WhyChooser stream={name} />}
          <Chart
            title="Bit rate"
            format={rate}
            lines={[{ label: 'now', owner: streamOwner(name), figure: 'kbps', colour }]}
          />
          {route?.viewers.some((viewer) => viewer.latency_ms) && (
            <Chart
              title="Latency of the slowest viewer"
              format={milliseconds}
              lines={[
                { label: 'p50', owner: streamOwner(name), figure: 'p50', colour: '--series-1' },
                { label: 'p99', owner: streamOwner(name), figure: 'p99', colour: '--series-2' },
              ]}
            />
          )}
          {route && node === undefined && <Viewers route={route} />}
        </>
      )}
    </section>
  );
}

function streamsOn(link: GraphLink): string[] {
  const ends = [link.a, link.b].map((node) => graph.value.nodes[node]!.id);
  return routes.value
    .filter((route) =>
      route.tree.some((entry) => {
        const parent = route.tree[entry.parent]?.node;
        return parent !== undefined && parent !== entry.node && ends.includes(parent) && ends.includes(entry.node);
      }),
    )
    .map((route) => route.stream);
}

function LinkDetails({ linkKey }: { linkKey: string }) {
  const index = graph.value.linkOf.get(linkKey);
  if (index === undefined) {
    return (
      <section aria-label="Link">
        <Closer what="link" />
        <h2>{linkKey.split('|').join(' – ')}</h2>
        <p class="empty">This link is gone.</p>
      </section>
    );
  }
  const link = graph.value.links[index]!;
  const [a, b] = [graph.value.nodes[link.a]!, graph.value.nodes[link.b]!];
  const carriedStreams = streamsOn(link);
  return (
    <section aria-labelledby="link-title">
      <Closer what="link" />
      <h2 id="link-title">
        <NodeButton id={a.id} /> – <NodeButton id={b.id} />
      </h2>
      <Facts
        of={{
          cost: [...new Set([link.there?.cost, link.back?.cost].filter((cost) => cost !== undefined))].join(' and '),
          [`${a.name} to ${b.name}`]: direction(link.there, link.kbps[0]),
          [`${b.name} to ${a.name}`]: direction(link.back, link.kbps[1]),
          streams: carriedStreams.length
            ? carriedStreams.map((stream) => <StreamButton key={stream} name={stream} />)
            : 'none',
        }}
      />
      <Chart
        title="Carries"
        format={rate}
        lines={[{ label: 'both ways', owner: linkKey, figure: 'kbps', colour: '--series-1' }]}
      />
      {roundTrip(link) !== null && (
        <Chart
          title="Round trip"
          format={milliseconds}
          lines={[{ label: 'now', owner: linkKey, figure: 'rtt', colour: '--series-2' }]}
        />
      )}
      {worstLoss(link) > 0 && (
        <Chart
          title="Loss"
          format={(percent) => share(percent / 100)}
          lines={[{ label: 'now', owner: linkKey, figure: 'loss', colour: '--series-3' }]}
        />
      )}
    </section>
  );
}

function direction(link: GraphLink['there'], kbps: number): string {
  if (!link) return 'not reported';
  const facts = [rate(kbps), `round trip ${milliseconds(link.rtt_ms)}`, `loss ${share(link.loss)}`];
  if (link.could_carry_kbps > 0) facts.push(`does not keep up: could carry ${rate(link.could_carry_kbps)}`);
  return facts.join(', ');
}
