"""--rtp and --sdp: a stream to ffmpeg and GStreamer, to hosts and to groups; what they get is what was published."""

import socket
import struct
import subprocess
import time
import unittest

from media_programs import GSTREAMER_RTP, Program, ffmpeg, gstreamer, scan
from overlay import Overlay, made_frames, run_of, wait_until, what_lacks_for_namespaces

GROUP = "239.1.2.3"
PICTURES = 20
NTP_TO_UNIX_S = 2_208_988_800


class Receivers(unittest.TestCase):
    def setUp(self):
        if lacks := what_lacks_for_namespaces():
            self.skipTest(lacks)
        self.frames = made_frames(60, "320x192")
        self.published = [scan(frame) for frame in self.frames]
        self.net = Overlay("boot-r1", isolated=True)
        self.net.__enter__()
        self.addCleanup(self.net.end, show=True)
        self.film = self.net.folder / "film.mjpeg"
        self.film.write_bytes(b"".join(self.frames))
        self.sdp = self.net.folder / "film.sdp"

    def send(self, *to: str):
        self.boot = self.net.bootstrap(f"film={self.film}?fps=50")
        self.node = self.net.node("r1", "--rtp", ",".join(to), "--sdp", self.sdp)
        wait_until(self.sdp.exists, "the SDP file")

    def receive(self, name: str, arguments) -> Program:
        receiver = Program(self.net, name, arguments)
        self.addCleanup(receiver.end)
        return receiver

    def assert_all_get_it(self, *receivers: Program):
        for receiver in receivers:
            with self.subTest(receiver.folder.name):
                run_of(receiver.wait_for(PICTURES), self.published)

    def by_sdp(self) -> list:
        return ["-protocol_whitelist", "file,rtp,udp", "-i", str(self.sdp)]

    def test_hosts(self):
        self.send("127.0.0.1:5004", "127.0.0.1:6004")
        self.assert_all_get_it(
            self.receive("ffmpeg", ffmpeg(*self.by_sdp())),
            self.receive("gstreamer", gstreamer("udpsrc", "address=127.0.0.1", "port=6004", f"caps={GSTREAMER_RTP}")))

    def test_a_group(self):
        """Programs that have joined it on one host each get all of it."""
        for command in (["link", "set", "lo", "multicast", "on"], ["route", "add", "224.0.0.0/4", "dev", "lo"]):
            subprocess.run([*self.net.prefix, "ip", *command], check=True)
        self.send(f"{GROUP}:5004?ttl=3")
        self.assertIn(f"c=IN IP4 {GROUP}/3\n", self.sdp.read_text().replace("\r", ""))
        self.assert_all_get_it(
            self.receive("ffmpeg", ffmpeg(*self.by_sdp())),
            self.receive("gstreamer", gstreamer("filesrc", f"location={self.sdp}", "!", "sdpdemux")))

    def test_another_size(self):
        """The stream's origin begins again with another size: the SDP file says it, and what comes is it."""
        self.send("127.0.0.1:5004")
        self.assertIn("a=framesize:26 320-192", self.sdp.read_text())
        self.boot.terminate()
        other = made_frames(60, "640x360")
        self.film.write_bytes(b"".join(other))
        self.net.bootstrap(f"film={self.film}?fps=50")
        wait_until(lambda: "a=framesize:26 640-360" in self.sdp.read_text(), "the new size in the SDP file")
        receiver = self.receive("ffmpeg", ffmpeg(*self.by_sdp()))
        run_of(receiver.wait_for(PICTURES), [scan(frame) for frame in other])


class Reports(unittest.TestCase):
    def setUp(self):
        self.net = Overlay("boot-r1")
        self.net.__enter__()
        self.addCleanup(self.net.end, show=True)

    def bind_pair(self):
        """Sockets at an even port of 127.0.0.1 and the next."""
        while True:
            rtp, rtcp = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
            for each in (rtp, rtcp):
                self.addCleanup(each.close)
                each.settimeout(40)
            rtp.bind(("127.0.0.1", 0))
            port = rtp.getsockname()[1]
            try:
                if port % 2 == 0:
                    rtcp.bind(("127.0.0.1", port + 1))
                    return rtp, rtcp, port
            except OSError:
                pass

    def test_the_sender_reports_and_says_when_it_ends(self):
        rtp, rtcp, port = self.bind_pair()
        self.net.bootstrap("clock=pattern:160x90@25")
        node = self.net.node("r1", "--rtp", f"127.0.0.1:{port}")
        report, sender = rtcp.recvfrom(2_000)
        self.assertEqual(report[1], 200)  # a sender report
        ssrc, seconds, _, timestamp = struct.unpack(">4xIIII", report[:20])
        self.assertLess(abs(seconds - NTP_TO_UNIX_S - time.time()), 60)
        packet = rtp.recv(2_000)
        self.assertEqual(struct.unpack(">I", packet[8:12])[0], ssrc)
        self.assertLess((struct.unpack(">I", packet[4:8])[0] - timestamp + 90_000) % 2 ** 32, 40 * 90_000)

        # A receiver reports that it has lost a quarter: it is counted, and told of.
        block = struct.pack(">IIIIII", ssrc, 64 << 24 | 100, 0, 0, 0, 0)
        rtcp.sendto(struct.pack(">BBHI", 0x81, 201, 7, 1) + block, sender)
        for garbage in (b"", b"\x80", bytes(1_000), report[:30]):
            rtcp.sendto(garbage, sender)
        node.wait_for_stats(lambda line: line["outlets"][0]["viewers"] == 1, "a receiver is counted")
        node.wait_for_log("--rtp: a receiver reports that it has lost 25 % of the packets")

        node.terminate()
        rtcp.settimeout(0)
        reports = []
        try:
            while True:
                reports.append(rtcp.recv(2_000))
        except BlockingIOError:
            pass
        self.assertEqual(reports[-1][-8:], struct.pack(">BBHI", 0x81, 203, 1, ssrc))  # BYE

    def test_wrong_usage(self):
        self.net.bootstrap(wait=False)
        for arguments, sentence in ((["--rtp", "127.0.0.1"], "it needs a port"),
                                    (["--rtp", "127.0.0.1:5004?ttl=300"], "ttl= is a number from 1 to 255"),
                                    (["--sdp", "film.sdp"], "--rtp")):
            with self.subTest(arguments):
                node = self.net.node("r1", *arguments, wait=False)
                self.assertIn(sentence, node.wait_for_exit(2))


if __name__ == "__main__":
    unittest.main()
