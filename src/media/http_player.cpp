#include "media/http_player.h"

namespace ott {

const std::string_view kPlayerScript = R"js("use strict";
// Live: what is played is at most kBehindMax_s behind what has arrived, and nearer where that suffices. It
// catches up by speed. A jump is for the beginning, for a gap, and for a page that has slept.
const kBehind_s = 0.2, kBehindMax_s = 0.3, kAsleep_s = 5, kRateMin = 0.9, kRateMax = 1.25;
const kEnough_s = 0.22, kAgain_ms = 500, kBeginning_ms = 1500, kKept_s = 10, kCheck_ms = 50, kCaptionLines = 2;
const kVideoCodec = /^(avc|hvc|hev|av01|vp0)/;
const sleep = ms => new Promise(done => setTimeout(done, ms));
const once = (target, event) => new Promise(done => target.addEventListener(event, done, {once: true}));

class Player {
  constructor(figure) {
    this.figure = figure;
    this.video = figure.querySelector("video");
    this.note = figure.querySelector(".note");
    this.sound = figure.querySelector("button");
    this.path = figure.dataset.mp4;
    this.sound.addEventListener("click", () => {
      this.video.muted = !this.video.muted;
      this.sound.textContent = this.video.muted ? "sound on" : "sound off";
    });
    this.video.addEventListener("waiting", () => { this.waits = true; });
    this.video.addEventListener("playing", () => { this.waits = false; });
    setInterval(() => this.keepUp(), kCheck_ms);
    if (this.path) this.run();
    if (figure.dataset.events) this.caption(figure.querySelector(".text"), figure.dataset.events);
  }

  say(text) { this.note.textContent = text; }

  async run() {
    for (let pause_ms = 100;;) {
      const begun = performance.now();
      try {
        await this.play();
      } catch (error) {
        this.say(error.message);
      }
      pause_ms = performance.now() - begun > 5000 ? 100 : Math.min(2 * pause_ms, 2000);
      await sleep(pause_ms);
    }
  }

  /// Until the stream ends, or to find out that another path is to be taken.
  async play() {
    const stop = new AbortController();
    const response = await fetch(this.path, {cache: "no-store", signal: stop.signal});
    if (!response.ok) throw new Error((await response.text()).trim());
    const type = response.headers.get("Content-Type");
    if (!this.suits(type)) return stop.abort();
    const source = new MediaSource();
    const url = URL.createObjectURL(source);
    try {
      this.begun = 0;
      this.video.src = url;
      await once(source, "sourceopen");
      const buffer = source.addSourceBuffer(type);
      const reader = response.body.getReader();
      // What the server had already is behind: playing begins at its end.
      for (let backlog = Number(response.headers.get("X-Backlog"));;) {
        const {done, value} = await reader.read();
        if (done) return;
        buffer.appendBuffer(value);
        await once(buffer, "updateend");
        if (this.video.error) throw new Error("this browser cannot play it: " + this.video.error.message);
        backlog -= value.length;
        if (!this.begun && backlog <= 0) this.begin();
        await this.forget(buffer);
      }
    } finally {
      stop.abort();
      URL.revokeObjectURL(url);
    }
  }

  /// Says which codec this browser does not have, and takes the path of the other part.
  suits(type) {
    if (!window.MediaSource) throw new Error("this browser has no Media Source");
    const codecs = (type.match(/codecs="([^"]*)"/) || ["", ""])[1].split(/, */);
    const has = codec => MediaSource.isTypeSupported(`${kVideoCodec.test(codec) ? "video" : "audio"}/mp4; codecs="${codec}"`);
    const lacks = codecs.filter(codec => !has(codec));
    this.sound.hidden = !codecs.some(codec => !kVideoCodec.test(codec) && has(codec));
    if (lacks.length === 0) {
      if (!this.lacks) this.say("");
      return true;
    }
    this.lacks = `this browser does not have ${lacks.join(" and ")}`;
    this.say(this.lacks);
    const other = codecs.find(has);
    if (!other) throw new Error(this.lacks);
    this.path = kVideoCodec.test(other) ? this.figure.dataset.video : this.figure.dataset.audio;
    return false;
  }

  begin() {
    const video = this.video, ranges = video.buffered;
    if (ranges.length === 0) return;
    this.begun = this.sought = performance.now();
    const last = ranges.length - 1;
    video.currentTime = Math.max(ranges.start(last), ranges.end(last) - kBehind_s);
    video.play().catch(() => {});  // interrupted when the stream begins anew
  }

  keepUp() {
    const video = this.video, ranges = video.buffered;
    if (!this.begun || ranges.length === 0) return;
    const last = ranges.length - 1, end = ranges.end(last);
    if (video.seeking) return;
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
    const rate = Math.abs(off) < 0.03 ? 1 : 1 + off * (kRateMax - 1) / (0.8 * (kBehindMax_s - kBehind_s));
    video.playbackRate = Math.min(kRateMax, Math.max(kRateMin, rate));
  }

  async forget(buffer) {
    const ranges = this.video.buffered, until = this.video.currentTime - kKept_s;
    if (ranges.length === 0 || ranges.start(0) > until - kKept_s) return;
    buffer.remove(0, until);
    await once(buffer, "updateend");
  }

  /// T.140: line ends, and a character that takes the last one back.
  caption(place, path) {
    let text = "";
    new EventSource(path).onmessage = event => {
      for (const c of JSON.parse(event.data).text.replace(/\r\n/g, "\n")) {
        if (c === "\b") text = text.slice(0, -1);
        else if (c !== "\ufeff") text += c === "\u2028" || c === "\r" ? "\n" : c;
      }
      text = text.slice(-1000);
      place.textContent = text.trimEnd().split("\n").slice(-kCaptionLines).join("\n");
    };
  }
}

for (const figure of document.querySelectorAll("figure.player")) new Player(figure);

// What a stream is may be known only when it is watched, as its picture does.
const unknown = document.querySelectorAll("figure.unknown").length;
if (unknown > 0) {
  setInterval(async () => {
    const {streams} = await (await fetch("./streams.json", {cache: "no-store"})).json();
    if (streams.filter(stream => stream.encoding === "").length < unknown) location.reload();
  }, 1000);
}
)js";

}  // namespace ott
