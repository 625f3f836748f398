// Plays what is no JPEG: fragmented MP4 by Media Source, and text as captions. It plays in a figure:
//
//     <figure data-mp4="./cam.mp4" data-video="./cam/video.mp4" data-audio="./cam/audio.mp4" data-events="./cam.events">
//       <video muted playsinline></video> <p class="text"></p> <button hidden>sound on</button> <span class="note"></span>
//     </figure>
//
// data-video and data-audio are the paths of the two alone, for browsers that lack the other's codec.
// Live: what is played is at most kBehindMax_s behind what has arrived, and nearer where that suffices. It catches up by
// speed. A jump is for the beginning, for a gap, and for a page that has slept.

const kBehind_s = 0.2;
const kBehindMax_s = 0.3;
const kAsleep_s = 5;
const kRateMin = 0.9;
const kRateMax = 1.25;
const kEnough_s = 0.22;
const kAgain_ms = 500;
const kBeginning_ms = 1500;
const kKept_s = 10;
const kCheck_ms = 50;
const kPauseMin_ms = 100;
const kPauseMax_ms = 2000;
const kGood_ms = 5000;
const kCaptionLines = 2;
const kCaptionKept = 1000;
const kVideoCodec = /^(avc|hvc|hev|av01|vp0)/;

const sleep = (ms: number) => new Promise((done) => setTimeout(done, ms));
const once = (target: EventTarget, event: string) =>
  new Promise((done) => target.addEventListener(event, done, { once: true }));

function find<T extends Element>(figure: Element, selector: string): T {
  const found = figure.querySelector<T>(selector);
  if (!found) throw new Error(`the figure has no ${selector}`);
  return found;
}

export class Player {
  private readonly video: HTMLVideoElement;
  private readonly note: Element;
  private readonly sound: HTMLButtonElement;
  private readonly closed = new AbortController();
  private readonly timer: ReturnType<typeof setInterval>;
  private path: string | undefined;
  private waits = false;
  private begun = 0; // when it began to play what it is fed, and was sought last
  private sought = 0;
  private lacks = '';

  constructor(private readonly figure: HTMLElement) {
    this.video = find(figure, 'video');
    this.note = find(figure, '.note');
    this.sound = find(figure, 'button');
    this.path = figure.dataset['mp4'];
    const { signal } = this.closed;
    this.sound.addEventListener('click', () => this.toggleSound(), { signal });
    this.video.addEventListener('waiting', () => (this.waits = true), { signal });
    this.video.addEventListener('playing', () => (this.waits = false), { signal });
    this.timer = setInterval(() => this.keepUp(), kCheck_ms);
    if (this.path) void this.run();
    const { events } = figure.dataset;
    if (events) this.caption(find(figure, '.text'), events);
  }

  /** Takes the stream no more. */
  close(): void {
    this.closed.abort();
    clearInterval(this.timer);
    this.video.removeAttribute('src');
    this.video.load();
  }

  private toggleSound(): void {
    this.video.muted = !this.video.muted;
    this.sound.textContent = this.video.muted ? 'sound on' : 'sound off';
  }

  private say(text: string): void {
    this.note.textContent = text;
  }

  private async run(): Promise<void> {
    for (let pause_ms = kPauseMin_ms; !this.closed.signal.aborted; ) {
      const begun = performance.now();
      try {
        await this.play();
      } catch (error) {
        if (this.closed.signal.aborted) return;
        this.say(error instanceof Error ? error.message : String(error));
      }
      pause_ms = performance.now() - begun > kGood_ms ? kPauseMin_ms : Math.min(2 * pause_ms, kPauseMax_ms);
      await sleep(pause_ms);
    }
  }

  /** Until the stream ends, or to find out that another path is to be taken. */
  private async play(): Promise<void> {
    const stop = new AbortController();
    const stopped = () => stop.abort();
    this.closed.signal.addEventListener('abort', stopped);
    try {
      const response = await fetch(this.path!, { cache: 'no-store', signal: stop.signal });
      if (!response.ok || !response.body) throw new Error((await response.text()).trim());
      const type = response.headers.get('Content-Type') ?? '';
      if (this.suits(type)) await this.feed(response, response.body, type);
    } finally {
      stop.abort();
      this.closed.signal.removeEventListener('abort', stopped);
    }
  }

  private async feed(response: Response, body: ReadableStream<Uint8Array<ArrayBuffer>>, type: string): Promise<void> {
    const source = new MediaSource();
    const url = URL.createObjectURL(source);
    try {
      this.begun = 0;
      this.video.src = url;
      await once(source, 'sourceopen');
      const buffer = source.addSourceBuffer(type);
      const reader = body.getReader();
      // What the server had already is behind: playing begins at its end.
      for (let backlog = Number(response.headers.get('X-Backlog')); ; ) {
        const { done, value } = await reader.read();
        if (done) return;
        buffer.appendBuffer(value);
        await once(buffer, 'updateend');
        if (this.video.error) throw new Error(`this browser cannot play it: ${this.video.error.message}`);
        backlog -= value.length;
        if (!this.begun && backlog <= 0) this.begin();
        await this.forget(buffer);
      }
    } finally {
      URL.revokeObjectURL(url);
    }
  }

  /** Says which codec this browser does not have, and takes the path of the other part. */
  private suits(type: string): boolean {
    if (!('MediaSource' in window)) throw new Error('this browser has no Media Source');
    const codecs = (/codecs="([^"]*)"/.exec(type)?.[1] ?? '').split(/, */);
    const isVideo = (codec: string) => kVideoCodec.test(codec);
    const has = (codec: string) =>
      MediaSource.isTypeSupported(`${isVideo(codec) ? 'video' : 'audio'}/mp4; codecs="${codec}"`);
    const lacks = codecs.filter((codec) => !has(codec));
    this.sound.hidden = !codecs.some((codec) => !isVideo(codec) && has(codec));
    if (lacks.length === 0) {
      if (!this.lacks) this.say('');
      return true;
    }
    this.lacks = `this browser does not have ${lacks.join(' and ')}`;
    this.say(this.lacks);
    const other = codecs.find(has);
    if (!other) throw new Error(this.lacks);
    this.path = isVideo(other) ? this.figure.dataset['video'] : this.figure.dataset['audio'];
    if (!this.path) throw new Error(this.lacks);
    return false;
  }

  private begin(): void {
    const { video } = this;
    const ranges = video.buffered;
    if (ranges.length === 0) return;
    this.begun = this.sought = performance.now();
    const last = ranges.length - 1;
    video.currentTime = Math.max(ranges.start(last), ranges.end(last) - kBehind_s);
    video.play().catch(() => undefined); // interrupted when the stream begins anew
  }

  private keepUp(): void {
    const { video } = this;
    const ranges = video.buffered;
    if (!this.begun || ranges.length === 0 || video.seeking) return;
    const last = ranges.length - 1;
    const end = ranges.end(last);
    const at = video.currentTime;
    for (let i = 0; i <= last; ++i) {
      if (at >= ranges.start(i) && at < ranges.end(i) - 0.001) break;
      if (at < ranges.start(i)) {
        video.currentTime = ranges.start(i);
        return;
      }
    }
    const behind = end - at;
    const begins = performance.now() - this.begun < kBeginning_ms;
    if (behind > (begins ? 2 * kBehindMax_s : kAsleep_s)) {
      video.currentTime = end - kBehind_s;
      return;
    }
    // With each time that Chromium has run out of sound it waits for twice as much, up to 3 s, before it goes on.
    // Where it is sought to, even where it is, it forgets that.
    if (this.waits && behind > kEnough_s && performance.now() - this.sought > kAgain_ms) {
      this.sought = performance.now();
      video.currentTime = at;
      return;
    }
    // Up to the highest rate at the most that it may be behind.
    const off = behind - kBehind_s;
    const rate = Math.abs(off) < 0.03 ? 1 : 1 + (off * (kRateMax - 1)) / (0.8 * (kBehindMax_s - kBehind_s));
    video.playbackRate = Math.min(kRateMax, Math.max(kRateMin, rate));
  }

  private async forget(buffer: SourceBuffer): Promise<void> {
    const ranges = this.video.buffered;
    const until = this.video.currentTime - kKept_s;
    if (ranges.length === 0 || ranges.start(0) > until - kKept_s) return;
    buffer.remove(0, until);
    await once(buffer, 'updateend');
  }

  /** T.140: line ends, and a character that takes the last one back. */
  private caption(place: Element, path: string): void {
    let text = '';
    const source = new EventSource(path);
    this.closed.signal.addEventListener('abort', () => source.close());
    source.onmessage = (event: MessageEvent<string>) => {
      for (const c of (JSON.parse(event.data) as { text: string }).text.replace(/\r\n/g, '\n')) {
        if (c === '\b') text = text.slice(0, -1);
        else if (c !== '\ufeff') text += c === '\u2028' || c === '\r' ? '\n' : c;
      }
      text = text.slice(-kCaptionKept);
      place.textContent = text.trimEnd().split('\n').slice(-kCaptionLines).join('\n');
    };
  }
}
