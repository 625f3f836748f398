// At which paths of the node a stream can be seen and heard.

/** As /streams.json has it: the forms that a stream has, each with its path. */
export interface ListedStream {
  name: string;
  media: string;
  encoding: string;
  mjpg?: string;
  jpg?: string;
  mp4?: string;
  events?: string;
}

export interface Playing {
  /** A moving picture, shown by the browser itself. */
  mjpg?: string;
  /** What a Player plays; the streams of one name together: one video, one audio, all text. */
  player?: { mp4?: string; video?: string; audio?: string; events?: string };
}

/** The first part of its name: "cam" of "cam/video". */
export function familyOf(name: string): string {
  const slash = name.indexOf('/', 1);
  return slash < 0 ? name : name.slice(0, slash);
}

/** Paths are relative to the page, which may stand behind another server's folder. */
function relative(path: string): string {
  return `.${path}`;
}

/** The path of all streams of the family: "/cam.mp4" of "/cam/video.mp4". A slash at a name's beginning is encoded. */
function familyPath(path: string, suffix: string): string {
  const slash = path.indexOf('/', 1);
  return relative(slash < 0 ? path : path.slice(0, slash) + suffix);
}

/** Nothing where no browser can show it. */
export function playingOf(name: string, listed: readonly ListedStream[]): Playing {
  const stream = listed.find((one) => one.name === name);
  if (stream?.mjpg) return { mjpg: relative(stream.mjpg) };
  const family = listed.filter((one) => familyOf(one.name) === familyOf(name) && (one.mp4 ?? one.events) !== undefined);
  if (!stream || !family.includes(stream)) return {};
  const part = (media: string) => family.find((one) => one.media === media && one.mp4);
  const [video, audio] = [part('video'), part('audio')];
  const text = family.find((one) => one.events);
  const first = video ?? audio;
  return {
    player: {
      ...(first && { mp4: familyPath(first.mp4!, '.mp4') }),
      ...(video && { video: relative(video.mp4!) }),
      ...(audio && { audio: relative(audio.mp4!) }),
      ...(text && { events: familyPath(text.events!, '.events') }),
    },
  };
}
