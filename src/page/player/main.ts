// /player.js: plays each figure of the page of streams that has something to play.

import { Player } from './player';

const kLook_ms = 1000;

for (const figure of document.querySelectorAll<HTMLElement>('figure.player')) new Player(figure);

// What a stream is may be known only when it is watched, as its picture does.
const unknown = document.querySelectorAll('figure.unknown').length;
if (unknown > 0) {
  setInterval(async () => {
    const answer = await fetch('./streams.json', { cache: 'no-store' });
    const { streams } = (await answer.json()) as { streams: { encoding: string }[] };
    if (streams.filter((stream) => stream.encoding === '').length < unknown) location.reload();
  }, kLook_ms);
}
