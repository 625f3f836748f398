// Why a stream goes to a node the way it does: the way, its links with their facts and costs, and the best others.

import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { ask, type Why } from '../data/api';
import { graph, routes } from '../data/contact';
import { wayTo } from '../data/graph';
import { otherWays, selectNode } from '../data/selection';
import { readWhy, type WhyNode, type WhyWay } from '../data/why';
import { nameOf, NodeButton, Swatch } from './parts';

const kAgain_ms = 5000;

interface Answer {
  lines: readonly string[];
  trouble: string;
}

/** Nothing where there is no way. Asked anew when it changes, and each kAgain_ms, since what speaks for and against it changes too. */
function useWhy(stream: string, node: string, way: string): Answer | null {
  const answer = useSignal<Answer | null>(null);
  useEffect(() => {
    answer.value = null;
  }, [stream, node]);
  useEffect(() => {
    if (!way) return undefined;
    const stop = new AbortController();
    const look = async () => {
      if (document.hidden) return;
      try {
        const { lines } = await ask<Why>('why', { stream, node }, stop.signal);
        if (!stop.signal.aborted) answer.value = { lines, trouble: '' };
      } catch (error) {
        if (stop.signal.aborted) return;
        answer.value = { lines: [], trouble: error instanceof Error ? error.message : String(error) };
      }
    };
    void look();
    const timer = setInterval(() => void look(), kAgain_ms);
    return () => {
      clearInterval(timer);
      stop.abort();
    };
  }, [stream, node, way]);
  return answer.value;
}

function Names({ nodes }: { nodes: readonly WhyNode[] }) {
  return (
    <span class="way">
      {nodes.map((node, i) => (
        <span key={node.id}>
          {i > 0 && ' → '}
          <NodeButton id={node.id} name={node.name} />
        </span>
      ))}
    </span>
  );
}

function Way({ way }: { way: WhyWay }) {
  return (
    <li class={way.isOther ? 'other' : 'taken'}>
      <p>
        <strong>{way.isOther ? 'Another way: ' : ''}</strong>
        <Names nodes={way.nodes} /> {way.verdict}
      </p>
      {way.steps.length > 0 && (
        <ul>
          {way.steps.map(({ from, to, facts }) => (
            <li key={`${from.id}>${to.id}`}>
              <span class="step-ends" title={`${from.id} → ${to.id}`}>
                {from.name} → {to.name}
              </span>{' '}
              {facts}
            </li>
          ))}
        </ul>
      )}
      {way.notes.map((note) => (
        <p key={note}>{note}</p>
      ))}
    </li>
  );
}

export function WhyThisWay({ stream, node }: { stream: string; node: string }) {
  const route = routes.value.find((one) => one.stream === stream);
  const way = (route ? wayTo(route, node) : []).join(); // a guest's is that to its access node
  const answer = useWhy(stream, node, way);
  const ways = readWhy(answer?.lines ?? []);
  useEffect(() => {
    otherWays.value = ways.filter((one) => one.isOther).map((one) => one.nodes.map(({ id }) => id));
  }, [answer]);
  useEffect(() => () => void (otherWays.value = []), []);
  return (
    <section class="why" aria-labelledby="why-title">
      <h2 id="why-title">
        Why this way: <Swatch stream={stream} />
        {stream} to {nameOf(node)}
      </h2>
      {!way && (
        <p class="empty">
          {graph.value.indexOf.has(node) ? `${stream} does not go by ${nameOf(node)}.` : `${nameOf(node)} is gone.`}
        </p>
      )}
      {way && !answer && <p class="empty">Asking …</p>}
      {way && answer?.trouble && <p class="trouble">{answer.trouble}</p>}
      {way && (
        <ol class="ways">
          {ways.map((one, i) => (
            <Way key={i} way={one} />
          ))}
        </ol>
      )}
    </section>
  );
}

/** Beside a stream: which node to ask about. */
export function WhyChooser({ stream }: { stream: string }) {
  const route = routes.value.find((one) => one.stream === stream);
  const nodes = (route?.tree ?? []).filter((entry) => entry.parent >= 0);
  const guests = (route?.viewers ?? []).filter((viewer) => viewer.who !== '');
  if (nodes.length + guests.length === 0) return <p class="empty">Nobody takes this stream now: it crosses no link.</p>;
  return (
    <label class="chooser">
      Why this way to
      <select value="" onChange={(event) => selectNode(event.currentTarget.value)}>
        <option value="">choose a node …</option>
        {nodes.map((entry) => (
          <option key={entry.node} value={entry.node}>
            {nameOf(entry.node)}
            {entry.viewers > 0 ? ` (${entry.viewers} watching)` : ''}
          </option>
        ))}
        {guests.map(({ who, node }) => (
          <option key={who} value={who}>
            {who} (a guest of {nameOf(node)})
          </option>
        ))}
      </select>
    </label>
  );
}
