"""Sources with video, sound and text: what ffmpeg sends by RTP as a session description says, from a file or by HTTP,
and what our own RTSP server offers."""

import http.server
import subprocess
import threading
import time
import unittest

from overlay import Overlay, wait_until

VIDEO = 5004
AUDIO = 5006
GOP = 25
FORMATS = {"cam/video": "video/H264", "cam/audio": "audio/opus/48000/2"}


def figures_of(line: dict, name: str) -> dict:
    return next((stream for stream in line["streams"] if stream["name"] == name), {})


class PartsInput(unittest.TestCase):
    def setUp(self):
        self.net = Overlay("boot-r1")
        self.net.__enter__()
        self.addCleanup(self.net.end, show=True)
        self.host = self.net.free_address()

    def description(self, more: str = "") -> str:
        return (f"v=0\r\no=- 0 0 IN IP4 {self.host}\r\ns=cam\r\nc=IN IP4 {self.host}\r\nt=0 0\r\n"
                f"m=video {VIDEO} RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=fmtp:96 packetization-mode=1\r\n"
                f"m=audio {AUDIO} RTP/AVP 97\r\na=rtpmap:97 opus/48000/2\r\n{more}")

    def send(self) -> subprocess.Popen:
        video = ["-map", "0:v", "-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency", "-g", str(GOP)]
        audio = ["-map", "1:a", "-c:a", "libopus"]
        sender = subprocess.Popen(
            ["ffmpeg", "-nostdin", "-v", "error", "-re", "-f", "lavfi", "-i", "testsrc2=s=160x96:r=25", "-re", "-f",
             "lavfi", "-i", "sine=r=48000", *video, "-f", "rtp", f"rtp://{self.host}:{VIDEO}?pkt_size=1200", *audio,
             "-f", "rtp", f"rtp://{self.host}:{AUDIO}", "-sdp_file", str(self.net.folder / "theirs.sdp")])

        def end():
            sender.kill()
            sender.wait()
        self.addCleanup(end)
        return sender

    def watch_all(self, boot, name: str = "cam", at: str = "boot") -> None:
        """A viewer of each part; all that was sent arrives."""
        viewers = [self.net.guest(f"{part}-{name}", at, "--stream", f"{name}/{part}", dump=False)
                   for part in ("video", "audio")]
        for viewer in viewers:
            viewer.wait_for_stats(lambda line: line["frames_received"] > 50, "frames")
        for viewer in viewers:
            viewer.terminate()
            final = viewer.final()
            self.assertEqual([final[key] for key in ("frames_lost", "frames_skipped", "frames_duplicate")], [0, 0, 0])
        line = boot.wait_for_stats()
        for part in ("video", "audio"):
            figures = figures_of(line, f"{name}/{part}")
            self.assertEqual([figures[key] for key in ("frames_refused", "frames_incomplete", "packets_refused")],
                             [0, 0, 0], figures)

    def formats(self) -> dict:
        rows = self.net.list_streams("--node", self.net.address["boot"])
        return {row["NAME"]: row["FORMAT"] for row in rows}

    def test_all_that_a_file_describes(self):
        """And what of it cannot be taken is said once."""
        (self.net.folder / "cam.sdp").write_text(self.description("m=audio 5008 RTP/AVP 99\r\n"))
        boot = self.net.bootstrap("cam=sdp:cam.sdp")
        self.send()
        self.assertEqual(self.formats(), FORMATS)
        self.watch_all(boot)
        self.assertEqual(len(boot.said("what is not taken: SDP line 11, audio RTP/AVP: no a=rtpmap says what payload type 99 is")),
                         1)
        self.assertFalse(boot.said("error"))

    def test_by_the_name_of_the_source(self):
        (self.net.folder / "cam.sdp").write_text(self.description())
        self.net.bootstrap("cam=sdp:cam.sdp")
        self.send()
        viewer = self.net.guest("viewer", "boot", "--stream", "cam", dump=False)
        viewer.wait_for_stats(lambda line: line["frames_received"] > 20, "frames")
        self.assertEqual(viewer.wait_for_stats()["stream"], "cam/video")

    def test_a_description_by_http(self):
        """It is asked for when somebody watches, and then the parts take the name's place."""
        body = self.description().encode()

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(200)
                self.send_header("Content-Type", "application/sdp")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass
        server = http.server.ThreadingHTTPServer((self.host, 0), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.addCleanup(server.shutdown)
        boot = self.net.bootstrap(f"cam=http://{self.host}:{server.server_port}/cam.sdp")
        self.assertEqual(self.formats(), {"cam": "-"})
        self.send()
        viewer = self.net.guest("viewer", "boot", "--stream", "cam", dump=False)
        viewer.wait_for_stats(lambda line: line["frames_received"] > 20, "frames")
        self.assertEqual(self.formats(), FORMATS)
        self.watch_all(boot)

    def test_all_that_an_rtsp_server_offers(self):
        """Our own; interleaved, and by UDP. It is asked what it has before anybody watches."""
        (self.net.folder / "cam.sdp").write_text(self.description())
        address = self.net.address["r1"]
        url = f"rtsp://{address}:8554/cam"
        boot = self.net.bootstrap("cam=sdp:cam.sdp", f"tcp={url}", f"udp={url}?transport=udp")
        self.net.node("r1", "--rtsp", f"{address}:8554")
        self.send()

        def known():
            time.sleep(0.2)  # each look is a process
            formats = self.formats()
            return all(formats.get(f"{name}/video") == "video/H264" and
                       formats.get(f"{name}/audio") == "audio/opus/48000/2" for name in ("tcp", "udp"))
        wait_until(known, "what the server has is known")
        for name in ("tcp", "udp"):
            self.watch_all(boot, name)


if __name__ == "__main__":
    unittest.main()
