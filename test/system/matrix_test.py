"""Every way in to every way out, with a real program at each end: what arrives are the pictures that were sent.

No program on the way encodes anything (ustreamer passes on the JPEGs of its camera), so the JPEGs are compared by
their tables and entropy-coded data: where these are equal, so is each pixel. Two kinds of receiver draw what they get,
mpv and the browser: of these it is seen that the picture moves.
"""

import json
import time
import unittest

from film_senders import SIZE, Senders
from http_client import Browser
from media_programs import GSTREAMER_RTP, MPV, Curl, Program, ffmpeg, gstreamer, pictures_in
from overlay import Overlay, wait_until, what_lacks_for_namespaces

PICTURES = 10  # of each at each
AT_ONCE = ["-fpsprobesize", "0"]  # it would look at 20 pictures before it gives one
HTTP_PORT, RTSP_PORT = 8080, 8555

PAGE_SCRIPT = """<canvas id=canvas width=32 height=18></canvas><script>
const seen = {}, began = performance.now();
function loaded(image) {
  seen[image.id] ??= {first_s: (performance.now() - began) / 1000, pictures: new Set()};
}
function look() {
  const to = canvas.getContext("2d", {willReadFrequently: true});
  for (const image of document.images) {
    if (!image.naturalWidth) continue;
    loaded(image);
    to.drawImage(image, 0, 0, 32, 18);
    seen[image.id].size = `${image.naturalWidth}x${image.naturalHeight}`;
    seen[image.id].pictures.add(to.getImageData(0, 0, 32, 18).data.join());
    seen[image.id].count = seen[image.id].pictures.size;
  }
  return JSON.stringify(seen);
}
</script>"""


class Row:
    """One input, and all that receives it."""

    def __init__(self, test, name: str, rtp_port: int):
        self.test, self.name, self.net = test, name, test.net
        self.times, self.programs = {}, {}
        began = time.monotonic()
        self.guest = self.net.guest(f"{name}.guest", "r1", "--stream", name, "--record", f"{name}.mkv", "--rtp",
                                    f"127.0.0.1:{rtp_port},127.0.0.1:{rtp_port + 4}", "--sdp", f"{name}.sdp")
        self.guest.wait_for_frames(1)
        self.times["dump"] = time.monotonic() - began  # nobody had asked for this stream before
        self.avi = self.net.guest(f"{name}.avi-guest", "r1", "--stream", name, "--record", f"{name}.avi", dump=False)
        rtsp, sdp = f"rtsp://127.0.0.1:{RTSP_PORT}/{name}", self.net.folder / f"{name}.sdp"
        self.add("curl", Curl, f"http://127.0.0.1:{HTTP_PORT}/{name}.mjpg")
        self.add("rtsp-ffmpeg", Program, ffmpeg(*AT_ONCE, "-rtsp_transport", "tcp", "-i", rtsp))
        self.add("rtsp-gstreamer", Program,
                 gstreamer("rtspsrc", f"location={rtsp}", "protocols=udp", "latency=100"))
        self.add("rtsp-mpv", Program, [*MPV, "--rtsp-transport=tcp", rtsp])
        wait_until(sdp.exists, "the SDP file")
        self.add("rtp-ffmpeg", Program, ffmpeg(*AT_ONCE, "-protocol_whitelist", "file,rtp,udp", "-i", str(sdp)))
        self.add("rtp-gstreamer", Program, gstreamer("udpsrc", "address=127.0.0.1", f"port={rtp_port + 4}",
                                                     f"caps={GSTREAMER_RTP}"))

    def add(self, kind: str, make, what) -> None:
        self.programs[kind] = make(self.net, f"{self.name}.{kind}", what)
        self.test.addCleanup(self.programs[kind].end)

    def has_all(self) -> bool:
        return all([program.has(PICTURES) for program in self.programs.values()])

    def check(self) -> None:
        for kind, program in self.programs.items():
            self.times[kind] = program.first_s
            with self.test.subTest(f"{self.name} to {kind}"):
                if kind == "rtsp-mpv":
                    drawn = {path.read_bytes() for path in program.files()}
                    self.test.assertGreater(len(drawn), PICTURES // 2)
                else:
                    self.test.senders.check(self.name, program.pictures(PICTURES))
            program.popen.kill()

    def end(self) -> None:
        """And looks at the files."""
        self.guest.wait_for_frames(PICTURES)
        self.avi.wait_for_stats(lambda line: line["outlets"][0]["frames"] >= PICTURES, "recorded frames", fresh=False)
        for process in (self.guest, self.avi):
            process.terminate()
        with self.test.subTest(f"{self.name} to a dump"):
            self.test.senders.check(self.name, self.guest.pictures())
        for kind in ("mkv", "avi"):
            with self.test.subTest(f"{self.name} to {kind}"):
                recorded = pictures_in(self.net.folder / f"{self.name}.{kind}")
                self.test.assertGreaterEqual(len(recorded), PICTURES)
                self.test.senders.check(self.name, recorded)


class Matrix(unittest.TestCase):
    alone = True

    def setUp(self):
        if lacks := what_lacks_for_namespaces():
            self.skipTest(lacks)
        self.net = Overlay("boot-r1", isolated=True)
        self.net.__enter__()
        self.addCleanup(self.net.end, show=True)
        self.senders = Senders(self.net)
        self.senders.__enter__()
        self.addCleanup(self.senders.__exit__, None, None, None)
        self.sources = {**self.senders.sources, **self.senders.own}
        self.boot = self.net.bootstrap(*(f"{name}={source}" for name, source in self.sources.items()),
                                       stdin=self.senders.pipe.stdout)
        self.r1 = self.net.node("r1", "--http", str(HTTP_PORT), "--http-cors", "*", "--rtsp", str(RTSP_PORT))
        self.r1.wait_for_log("linked with")
        self.times = {}

    def test_programs(self):
        """Two inputs at a time, each to all kinds of outlets at once."""
        names = list(self.sources)
        for i in range(0, len(names), 2):
            rows = [Row(self, name, 6000 + 20 * (i + k)) for k, name in enumerate(names[i:i + 2])]
            wait_until(lambda: all([row.has_all() for row in rows]), f"pictures of {names[i:i + 2]}")
            for row in rows:
                row.check()
            for row in rows:
                row.end()
                self.times[row.name] = row.times
        self.show_times()

    def test_a_browser(self):
        """One page with a picture of each stream: all of them move."""
        page = self.net.folder / "page.html"
        # A browser opens six connections to a host, and has ten requests of low priority under way.
        page.write_text("<html><body>" + "".join(
            f'<img crossorigin=anonymous fetchpriority=high id="{name}" onload="loaded(this)" '
            f'src="http://127.0.0.{1 + i // 4}:{HTTP_PORT}/{name}.mjpg">'
            for i, name in enumerate(self.sources)) + PAGE_SCRIPT)
        browser = Browser(page.as_uri(), self.net.prefix)
        self.addCleanup(browser.close)
        def still():
            """What does not move yet, and what has been seen of it."""
            seen.update(json.loads(browser.evaluate("look()") or "{}"))
            return {name: seen.get(name) for name in self.sources if seen.get(name, {}).get("count", 0) < 4}
        seen = {}
        try:
            wait_until(lambda: not still(), "each picture moves")
        except AssertionError as error:
            self.fail(f"{error}; of the others: {still()}")
        for name, seen in seen.items():
            self.assertEqual(seen["size"], SIZE, name)
            print(f"{name:16} first picture {seen['first_s']:.2f} s after it was asked for")

    def show_times(self) -> None:
        kinds = list(next(iter(self.times.values())))
        print("\nseconds from the start of a program to its first picture")
        print(f"{'':16}", *(f"{kind:>14}" for kind in kinds))
        for name, times in self.times.items():
            print(f"{name:16}", *(f"{times[kind]:14.2f}" for kind in kinds))


if __name__ == "__main__":
    unittest.main()
