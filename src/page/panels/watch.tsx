// A stream, seen and heard here: JPEGs as the browser shows them, anything else by the Player. It begins when it is asked
// for, since it takes the stream to this node at its full rate.

import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { familyOf, playingOf, type ListedStream, type Playing } from '../data/playing';
import { Player } from '../player/player';

async function find(stream: string): Promise<Playing> {
  const answer = await fetch('./streams.json', { cache: 'no-store' });
  const { streams } = (await answer.json()) as { streams: ListedStream[] };
  return playingOf(stream, streams);
}

export function Watch({ stream }: { stream: string }) {
  const playing = useSignal<Playing | null>(null);
  const trouble = useSignal('');
  useEffect(() => {
    playing.value = null;
    trouble.value = '';
  }, [stream]);
  const begin = async () => {
    try {
      const found = await find(stream);
      playing.value = found;
      trouble.value = found.mjpg || found.player ? '' : 'Browsers cannot show this kind of stream.';
    } catch {
      trouble.value = 'The node does not say where this stream is.';
    }
  };
  const { mjpg, player } = playing.value ?? {};
  return (
    <div class="watch">
      {mjpg && <MovingPicture path={mjpg} name={stream} />}
      {player && <Played key={JSON.stringify(player)} name={familyOf(stream)} player={player} />}
      {trouble.value && <p class="trouble">{trouble.value}</p>}
      {mjpg || player ? (
        <button type="button" onClick={() => (playing.value = null)}>
          Stop watching
        </button>
      ) : (
        <button type="button" class="primary" onClick={() => void begin()}>
          Watch it here
        </button>
      )}
    </div>
  );
}

function MovingPicture({ path, name }: { path: string; name: string }) {
  const image = useRef<HTMLImageElement>(null);
  useEffect(() => {
    const at = image.current!;
    return () => at.removeAttribute('src'); // else the browser goes on taking it
  }, [path]);
  return <img ref={image} src={path} alt={`${name}, live`} />;
}

function Played({ player, name }: { player: NonNullable<Playing['player']>; name: string }) {
  const figure = useRef<HTMLElement>(null);
  useEffect(() => {
    const made = new Player(figure.current!);
    return () => made.close();
  }, []);
  const { mp4, video, audio, events } = player;
  return (
    <figure ref={figure} class="player" data-mp4={mp4} data-video={video} data-audio={audio} data-events={events}>
      <video muted playsInline hidden={!video} aria-label={`${name}, live`} />
      {events && <p class="text" aria-live="polite" />}
      <figcaption>
        <button type="button" hidden>
          sound on
        </button>{' '}
        <span class="note" role="status" />
      </figcaption>
    </figure>
  );
}
