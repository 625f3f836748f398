// The streams that there are, with a small picture of each JPEG one.

import { useEffect, useRef } from 'preact/hooks';
import type { Stream } from '../data/api';
import { contact, streams } from '../data/contact';
import { counted, rate } from '../data/format';
import { showPictures, wanted, wantPictures } from '../data/pictures';
import { selectedStream, selectStream } from '../data/selection';
import { Swatch } from './parts';

const kSigns = { video: '▷', audio: '♪', text: '¶', application: '◇' } as const;

function hasPictures(stream: Stream): boolean {
  return stream.media === 'video' && (stream.encoding === 'JPEG' || stream.encoding === '') && !stream.on_request;
}

/** Pictures come while it is on the screen. */
function SmallPicture({ stream }: { stream: string }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    const at = canvas.current!;
    let hide = () => {};
    const observer = new IntersectionObserver(([entry]) => {
      hide();
      hide = entry?.isIntersecting ? showPictures(stream, at) : () => {};
    });
    observer.observe(at);
    return () => {
      observer.disconnect();
      hide();
    };
  }, [stream]);
  return <canvas ref={canvas} class="picture" width="16" height="9" role="img" aria-label={`Picture of ${stream}`} />;
}

/** Short, in the order of what matters. */
function factsOf(stream: Stream): string[] {
  const facts = [stream.on_request ? 'film on request' : counted(stream.viewers, 'viewer')];
  if (stream.bits_per_second) facts.push(rate(stream.bits_per_second / 1e3));
  if (stream.height) facts.push(`${stream.encoding || stream.media} ${stream.width}×${stream.height}`);
  else facts.push(stream.encoding || stream.media);
  if (stream.fps) facts.push(`${Number(stream.fps.toPrecision(3))} frames/s`);
  return facts;
}

function Card({ stream }: { stream: Stream }) {
  const isChosen = selectedStream.value === stream.name;
  return (
    <li class={`stream ${stream.state}`}>
      {hasPictures(stream) && wanted.value ? (
        <SmallPicture stream={stream.name} />
      ) : (
        <span class="picture sign" aria-hidden="true">
          {kSigns[stream.media]}
        </span>
      )}
      <button
        type="button"
        class="cover"
        aria-pressed={isChosen}
        onClick={() => selectStream(isChosen ? undefined : stream.name)}
      >
        <span class="stream-name">
          <Swatch stream={stream.name} />
          {stream.name}
        </span>
        <span class="stream-facts">
          {stream.state !== 'live' && <strong class="state">{stream.state}</strong>}
          {factsOf(stream).map((fact) => (
            <span key={fact}>{fact}</span>
          ))}
        </span>
      </button>
    </li>
  );
}

export function Streams() {
  const all = streams.value;
  return (
    <section class="streams" aria-labelledby="streams-title">
      <header>
        <h2 id="streams-title">Streams</h2>
        <label class="switch">
          <input
            type="checkbox"
            checked={wanted.value}
            onChange={(event) => wantPictures(event.currentTarget.checked)}
          />
          Pictures
        </label>
      </header>
      {all.length === 0 && contact.value.state !== 'seeking' && (
        <p class="empty">
          No stream is known here. <code>--stream NAME=SOURCE</code> begins one at a bootstrapper or a node.
        </p>
      )}
      <ul class="cards">
        {all.map((stream) => (
          <Card key={stream.name} stream={stream} />
        ))}
      </ul>
    </section>
  );
}
