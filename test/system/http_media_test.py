"""--http for what is no JPEG: fragmented MP4 for players, the page in a browser, text as events."""

import json
import re
import subprocess
import unittest

from http_client import Browser, connect, pixels, request
from overlay import Overlay, wait_until

PORT = 8080
GOP = 30
SOUND_AND_VIDEO = ("exec:ffmpeg -nostdin -v error -re -f lavfi -i testsrc2=size=320x180:rate=30 -f lavfi "
                   "-i sine=frequency=440:sample_rate=48000 -c:v libx264 -preset ultrafast -tune zerolatency "
                   f"-pix_fmt yuv420p -g {GOP} -c:a libopus -frame_duration 20 -f matroska -cluster_time_limit 0 "
                   "-flush_packets 1 -")
# What the page's video has been doing, each 20 ms.
WATCH = """
window.seen = [];
document.addEventListener('DOMContentLoaded', () => {
  const video = document.querySelector('video');
  setInterval(() => {
    const ranges = video.buffered;
    if (video.readyState > 1) seen.push({
      now: performance.now(), at: video.currentTime, end: ranges.end(ranges.length - 1),
      frames: video.getVideoPlaybackQuality().totalVideoFrames, sound: video.webkitAudioDecodedByteCount});
  }, 20);
});
"""


class HttpMedia(unittest.TestCase):
    """Two ways from the origin to r3, with the server there."""
    alone = True

    def setUp(self):
        self.net = Overlay("boot-r1 boot-r2 r1-r3 r2-r3")
        self.net.__enter__()
        self.addCleanup(self.net.end, show=True)
        self.at = self.net.address["r3"]
        self.site = f"http://{self.at}:{PORT}"

    def serve(self, *streams):
        self.boot = self.net.bootstrap(*streams)
        self.relays = {self.net.address[name]: self.net.node(name) for name in ("r1", "r2")}
        self.r3 = self.net.node("r3", "--http", f"{self.at}:{PORT}")
        self.r3.wait_for_log("linked with", 2)

    def curl(self, path: str, *flags) -> bytes:
        return subprocess.run(["curl", "-s", "--max-time", "30", *flags, self.site + path],
                              stdout=subprocess.PIPE).stdout

    def take(self, path: str, file: str, byte_count: int) -> str:
        """So many bytes of a stream, and the fields of its head."""
        with connect(self.at, PORT) as client:
            client.sendall(request(path))
            data = b""
            while len(data) < byte_count:
                more = client.recv(1 << 16)
                self.assertTrue(more, f"the stream ended after {data[-300:]!r}")
                data += more
        head, content = data.split(b"\r\n\r\n", 1)
        # Whole fragments.
        (self.net.folder / file).write_bytes(content[:content.rfind(b"moof") - 4])
        return head.decode()

    def test_players_take_the_mp4(self):
        self.serve(f"cam={SOUND_AND_VIDEO}")
        wait_until(lambda: b'"/cam' in self.curl("/streams.json"), "the stream is known at r3")
        head = self.take("/cam.mp4", "both.mp4", 600_000)
        self.assertRegex(head, r'^HTTP/1.1 200 OK\r\n(.|\n)*Content-Type: video/mp4; codecs="avc1\.[0-9a-f]{6}, opus"')
        probed = subprocess.run(
            ["ffprobe", "-v", "warning", "-show_entries", "stream=codec_name,start_time,width", "-of", "json",
             self.net.folder / "both.mp4"], capture_output=True, text=True, timeout=60)
        self.assertEqual(probed.stderr, "")
        video, audio = json.loads(probed.stdout)["streams"]
        self.assertEqual((video["codec_name"], audio["codec_name"], video["width"]), ("h264", "opus", 320))
        decoded = subprocess.run(["ffmpeg", "-nostdin", "-v", "warning", "-i", self.net.folder / "both.mp4", "-f",
                                  "null", "-"], capture_output=True, text=True, timeout=60)
        self.assertEqual(decoded.stderr, "")
        self.assertIn('audio/mp4; codecs="opus"', self.take("/cam/audio.mp4", "audio.mp4", 20_000))
        self.assertIn(b"cam/video is video H264", self.curl("/cam.mjpg"))

    def test_a_browser_plays_it_through_a_killed_relay(self):
        self.serve(f"cam={SOUND_AND_VIDEO}")
        wait_until(lambda: b'"name"' in self.curl("/streams.json"), "the stream is known at r3")
        browser = Browser("about:blank")
        self.addCleanup(browser.close)
        browser.ask("Page.enable")
        browser.ask("Page.addScriptToEvaluateOnNewDocument", source=WATCH)
        browser.ask("Page.navigate", url=self.site + "/streams")
        seen = lambda: json.loads(browser.evaluate("JSON.stringify(window.seen || [])"))
        plays = lambda since: (samples := seen()) and samples[-1]["at"] > since and samples
        first = wait_until(lambda: plays(0.1), "the video plays")[0]
        print(f"first picture {first['now']:.0f} ms after the page was asked for")
        wait_until(lambda: plays(first["at"] + 3), "three seconds are played")
        before = pixels(browser.screenshot())
        report = self.boot.wait_for_report(r"stream cam/video: .* to \[[\d.:]+\]")
        parent = next(relay for relay in self.relays if re.search(rf"stream cam/video: .* to \[{relay}\b", report))
        self.relays[parent].kill()
        self.net.processes.remove(self.relays[parent])
        at = seen()[-1]["at"]
        samples = wait_until(lambda: plays(at + 3), "three seconds more are played")
        after = pixels(browser.screenshot())
        self.assertGreater(sum(a != b for a, b in zip(before[::3], after[::3])), 200)
        self.assertGreater(samples[-1]["frames"], 90)
        self.assertGreater(samples[-1]["sound"], 10_000)
        stands = [later["now"] - earlier["now"] for earlier, later in moves(samples)]
        behind = sorted(sample["end"] - sample["at"] for sample in samples)
        print(f"it stood still for {max(stands):.0f} ms at most; behind: median {behind[len(behind) // 2]:.3f} s, "
              f"95 % {behind[len(behind) * 95 // 100]:.3f} s")
        self.assertLess(behind[len(behind) // 2], 0.4)
        self.assertLess(max(stands), 3000)


def moves(samples: list) -> list:
    """Neighbours among the samples at which the time had moved."""
    moved = [samples[0]]
    for sample in samples:
        if sample["at"] != moved[-1]["at"]:
            moved.append(sample)
    return list(zip(moved, moved[1:]))


if __name__ == "__main__":
    unittest.main()
