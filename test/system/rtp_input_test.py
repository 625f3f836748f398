"""Streams that come as RTP: from ffmpeg and GStreamer, over networks that lose and reorder, from senders that begin
anew, jump, fall silent, or are hostile."""

import pathlib
import random
import signal
import socket
import subprocess
import threading
import time
import unittest

import jpeg
import rtp
from overlay import (OTTD, Overlay, made_frames, run_of, wait_for_more_frames, wait_until,
                     what_lacks_for_namespaces)

PORT = 5004
MJPEG = ["-c:v", "mjpeg", "-pix_fmt", "yuvj420p", "-huffman", "default", "-force_duplicated_matrix", "1"]


def stream_of(line: dict) -> dict:
    return line["streams"][0]


def udp(address=None) -> socket.socket:
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    if address:
        made.bind(address)
    return made


class Program:
    """A sender; ended with the test."""

    def __init__(self, test, command, prefix=()):
        self.popen = subprocess.Popen([*prefix, *command], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                      stderr=subprocess.PIPE)
        test.addCleanup(self.end, signal.SIGKILL)

    def end(self, number=signal.SIGINT) -> None:
        self.popen.send_signal(number)
        self.popen.communicate(timeout=20)


class RtpInput(unittest.TestCase):
    isolated = False

    def setUp(self):
        if self.isolated and (lacking := what_lacks_for_namespaces()):
            self.skipTest(lacking)
        self.net = Overlay("boot-r1", isolated=self.isolated)
        self.net.__enter__()
        self.addCleanup(self.net.end, show=True)
        self.to = (self.net.free_address(), PORT)

    def origin(self, options: str = "", address: str = "", source: str = ""):
        """An origin of the stream at this address, and a guest that waits for its frames."""
        net = self.net
        boot = net.bootstrap("cam=" + (source or f"rtp://{address or self.to[0]}:{PORT}{options}"))
        guest = net.guest("g1", "boot")
        guest.wait_for_log("watching 'cam'")
        return boot, guest

    def kept(self, name: str) -> pathlib.Path:
        path = self.net.folder / name
        path.mkdir()
        return path

    def ffmpeg(self, name: str, size: str, to=None) -> tuple:
        """ffmpeg that sends its own encoder's pictures, and the folder in which it keeps them."""
        folder = self.kept(name)
        host, port = to or self.to
        outputs = f"[f=rtp:rtpflags=send_bye:onfail=abort]rtp://{host}:{port}|[f=image2]{folder}/%08d.jpg"
        return Program(self, ["ffmpeg", "-v", "error", "-re", "-f", "lavfi", "-i", f"testsrc=s={size}:r=50",
                              "-map", "0:v", *MJPEG, "-f", "tee", outputs], self.net.prefix), folder

    def gstreamer(self, name: str, caps: str, sink: str = "") -> tuple:
        """The same of GStreamer. `caps`: format, size and rate; `sink`: properties of its udpsink."""
        folder = self.kept(name)
        sink = sink or f"host={self.to[0]} port={PORT}"
        line = (f"videotestsrc is-live=true pattern=ball ! video/x-raw,{caps} ! jpegenc ! tee name=t "
                f"t. ! queue ! multifilesink location={folder}/%08d.jpg "
                f"t. ! queue ! rtpjpegpay ! udpsink {sink}")
        return Program(self, ["gst-launch-1.0", "-q", *line.split()], self.net.prefix), folder

    def check_identical(self, pictures: list, folder: pathlib.Path) -> None:
        """All in a row of what the sender has kept there."""
        files = [path.read_bytes() for path in sorted(folder.glob("*.jpg"))]
        if not files[-1].endswith(b"\xFF\xD9"):  # it was killed while it wrote
            files.pop()
        sent = [jpeg.picture(data) for data in files]
        first = sent.index(pictures[0])
        self.assertEqual(pictures, sent[first:first + len(pictures)])

    def check_guest(self, guest, count: int = 40) -> list:
        guest.wait_for_frames(count)
        return guest.pictures()[:count]


class Senders(RtpInput):
    def test_ffmpeg_that_is_started_anew_with_another_size(self):
        boot, guest = self.origin()
        sender, first = self.ffmpeg("first", "320x240")
        guest.wait_for_frames(30)
        sender.end()
        boot.wait_for_log("the sender says that it ends")
        boot.wait_for_log("no frame comes")
        count = guest.frame_count()
        sender, second = self.ffmpeg("second", "640x360")
        guest.wait_for_frames(count + 30)
        sender.end(signal.SIGKILL)  # and a third one after it, without a word
        sender, third = self.ffmpeg("third", "160x120")
        boot.wait_for_stats(lambda line: stream_of(line)["width"] == 160, "the third one's size")
        wait_for_more_frames([guest], 30)
        sender.end()
        pictures = guest.pictures()
        self.check_identical(pictures[:count], first)
        self.check_identical(pictures[count:count + 30], second)
        self.check_identical(pictures[-30:], third)
        self.assertEqual(guest.wait_for_stats()["frames_lost"], 0)

    def test_gstreamer(self):
        _, guest = self.origin()
        sender, folder = self.gstreamer("sent", "format=Y42B,width=320,height=240,framerate=50/1")
        pictures = self.check_guest(guest)
        sender.end()
        self.check_identical(pictures, folder)

    def test_pictures_of_4k(self):
        """They are larger than RFC 2435 has room to say: a session description says how large."""
        (self.net.folder / "cam.sdp").write_text(
            f"v=0\no=- 0 0 IN IP4 {self.to[0]}\ns=cam\nc=IN IP4 {self.to[0]}\nt=0 0\n"
            f"m=video {PORT} RTP/AVP 26\na=x-dimensions:3840,2160\n")
        boot, guest = self.origin(source="sdp:cam.sdp")
        sender, folder = self.gstreamer("sent", "format=I420,width=3840,height=2160,framerate=10/1")
        pictures = self.check_guest(guest, 5)
        sender.end()
        self.check_identical(pictures, folder)
        self.assertEqual(stream_of(boot.wait_for_stats())["width"], 3840)

    def test_pictures_whose_sides_are_no_multiple_of_8(self):
        """A person says how large."""
        boot, guest = self.origin("?size=2052x33")
        sender, folder = self.gstreamer("sent", "format=I420,width=2052,height=33,framerate=50/1")
        pictures = self.check_guest(guest)
        sender.end()
        self.check_identical(pictures, folder)

    def test_pictures_of_4k_of_which_nobody_says_the_size(self):
        boot, _ = self.origin()
        sender, _ = self.gstreamer("sent", "format=I420,width=3840,height=2160,framerate=5/1")
        boot.wait_for_log("does not say its size")
        sender.end()


class Networks(RtpInput):
    isolated = True

    def setUp(self):
        super().setUp()
        for command in ("ip addr add 10.9.0.1/24 dev lo", "ip addr add 10.9.0.2/24 dev lo",
                        "ip route add 224.0.0.0/4 dev lo src 10.9.0.1",
                        "ip link add v0 type veth peer name v1", "ip link set v0 up", "ip link set v1 up",
                        "ip addr add fd00::1/64 dev v0 nodad"):
            subprocess.run([*self.net.prefix, *command.split()], check=True)

    def test_a_multicast_group(self):
        _, guest = self.origin(address="239.1.2.3")
        sender, folder = self.ffmpeg("sent", "320x240", ("239.1.2.3", PORT))
        pictures = self.check_guest(guest)
        sender.end()
        self.check_identical(pictures, folder)

    def test_a_multicast_group_of_one_source(self):
        boot, guest = self.origin("?source=10.9.0.2", "232.1.2.3")
        sink = f"host=232.1.2.3 port={PORT} auto-multicast=false bind-address="
        caps = "format=I420,width=320,height=240,framerate=50/1"
        other, _ = self.gstreamer("other", caps, sink + "10.9.0.1")
        sender, folder = self.gstreamer("sent", caps, sink + "10.9.0.2")
        pictures = self.check_guest(guest)
        for program in (other, sender):
            program.end()
        self.check_identical(pictures, folder)
        self.assertEqual(boot.said("another sender"), [])

    def test_a_multicast_group_of_ipv6(self):
        _, guest = self.origin("?interface=v0&source=fd00::1", "[ff35::9]")
        sink = f"host=ff35::9 port={PORT} auto-multicast=false multicast-iface=v0 bind-address=fd00::1"
        sender, folder = self.gstreamer("sent", "format=I420,width=320,height=240,framerate=50/1", sink)
        pictures = self.check_guest(guest)
        sender.end()
        self.check_identical(pictures, folder)

    def test_the_group_is_joined_while_somebody_watches(self):
        def joined():
            listed = subprocess.run([*self.net.prefix, "ip", "maddr", "show", "dev", "lo"], capture_output=True,
                                    text=True, check=True)
            return "239.1.2.3" in listed.stdout
        boot = self.net.bootstrap(f"cam=rtp://239.1.2.3:{PORT}?linger=1s")
        self.assertFalse(joined())
        guest = self.net.guest("g1", "boot")
        wait_until(joined, "the group is joined")
        guest.terminate()
        wait_until(lambda: not joined(), "the group is left")
        self.assertEqual(boot.said("warning"), [])


class Odd(RtpInput):
    """Senders of our own."""

    def setUp(self):
        super().setUp()
        self.frames = made_frames(60, "320x240")
        self.source = [jpeg.picture(frame) for frame in self.frames]
        self.sent = 0

    def until_taken(self, sender, guest) -> None:
        """Sends until frames arrive, so that the port is bound."""
        def sends():
            self.next_frame(sender)
            return guest.frame_count() > 2
        wait_until(sends, "first frames")

    def next_frame(self, sender) -> None:
        sender.frame(self.frames[self.sent % len(self.frames)])
        self.sent += 1
        time.sleep(0.01)  # the rate

    def test_a_network_that_loses_repeats_and_reorders(self):
        boot, guest = self.origin()
        arrives, leaves = udp((self.net.free_address(201), 6000)), udp()
        chance = random.Random(11)
        lost, seen = set(), []

        def forward():
            held = []
            while packet := arrives.recv(65536):
                timestamp = rtp.header(packet)[1]
                seen.append(timestamp)
                held.append(packet)
                if chance.random() < 0.01:
                    lost.add(timestamp)
                    held.pop()
                elif chance.random() < 0.05:
                    held.append(packet)
                if chance.random() < 0.8:
                    chance.shuffle(held)
                    for one in held:
                        leaves.sendto(one, self.to)
                    held.clear()
        forwarder = threading.Thread(target=forward)
        forwarder.start()
        try:
            sender, folder = self.ffmpeg("sent", "640x480", arrives.getsockname())
            pictures = self.check_guest(guest, 150)
            sender.end()
        finally:
            leaves.sendto(b"", arrives.getsockname())
            forwarder.join()
            arrives.close()
            leaves.close()
        sent = [jpeg.picture(path.read_bytes()) for path in sorted(folder.glob("*.jpg"))]
        times = list(dict.fromkeys(seen))
        whole = [picture for picture, at in zip(sent, times) if at not in lost]
        first = whole.index(pictures[0])
        self.assertGreater(len(lost), 5)
        self.assertEqual(pictures, whole[first:first + 150])
        figures = stream_of(boot.wait_for_stats())
        for name in ("frames_incomplete", "packets_lost", "packets_duplicate"):
            self.assertGreater(figures[name], 5, name)
        self.assertEqual(figures["frames_incomplete"], figures["frames_refused"])

    def test_a_sender_that_jumps_loses_no_frame(self):
        """Its clock, its sequence numbers, its SSRC."""
        _, guest = self.origin()
        with udp() as out:
            sender = rtp.Sender(lambda packet: out.sendto(packet, self.to))
            self.until_taken(sender, guest)

            def frames(count):
                for _ in range(count):
                    self.next_frame(sender)
            for clock in (0x80000000, 90_000, -90_000, 0x12345678):
                sender.timestamp += clock
                frames(20)
            sender.sequence += 20_000
            frames(20)
            sender.ssrc = 2
            sender.sequence, sender.timestamp = 5, 17
            frames(50)
            last = self.source[(self.sent - 1) % len(self.source)]
            guest.wait(lambda: guest.pictures()[-1] == last, "the last frame")
        run_of(guest.pictures(), self.source)
        final = guest.wait_for_stats()
        self.assertEqual([final[key] for key in ("frames_lost", "frames_skipped", "frames_duplicate")], [0, 0, 0])

    def test_a_sender_that_falls_silent(self):
        boot, guest = self.origin()
        with udp() as out:
            sender = rtp.Sender(lambda packet: out.sendto(packet, self.to))
            for turn in (1, 2):
                before = guest.frame_count()
                wait_until(lambda: self.next_frame(sender) or guest.frame_count() > before + 20, "frames")
                wait_until(lambda: self.net.list_streams("--node", self.net.address["boot"])[0]["STATE"] == "stalled",
                           "the stream is stalled")
        self.assertEqual(len(boot.said("frames come again")), 1)
        guest.terminate()

    def test_hostile_senders(self):
        boot, guest = self.origin()
        chance = random.Random(5)
        with udp() as out, udp() as foe:
            sender = rtp.Sender(lambda packet: out.sendto(packet, self.to))
            self.until_taken(sender, guest)
            lines = len(boot.log().splitlines())
            real = rtp.packets(self.frames[0], 1, 1, 7)[0]

            def junk(i):
                kind = i % 20
                if kind == 0:
                    return chance.randbytes(chance.randrange(1400))
                if kind == 1:
                    return bytes([0x80, 96]) + real[2:]
                if kind == 2:  # ended, says one that nobody knows
                    return bytes([0x81, 203, 0, 1]) + chance.randbytes(4)
                if kind == 3:
                    return real[:20] + chance.randbytes(1000)
                return real[:2] + chance.randbytes(10) + real[12:]  # one of 100,000 SSRCs
            for i in range(125_000):
                foe.sendto(junk(i), self.to)
                if i % 400 == 0:
                    sender.frame(self.frames[self.sent % len(self.frames)])
                    self.sent += 1
            before = guest.frame_count()
            wait_until(lambda: self.next_frame(sender) or guest.frame_count() > before + 100, "frames after it")
        known = set(self.source)
        self.assertTrue(all(picture in known for picture in guest.pictures()))
        self.assertLess(len(boot.log().splitlines()) - lines, 40)
        peak = next(line for line in pathlib.Path(f"/proc/{boot.popen.pid}/status").read_text().splitlines()
                    if line.startswith("VmHWM"))
        if "address" not in OTTD:  # a sanitizer takes what it wants
            self.assertLess(int(peak.split()[1]), 100_000)

    def test_what_is_wrong_is_said(self):
        boot, _ = self.origin()
        with udp() as out:
            sender = rtp.Sender(lambda packet: out.sendto(packet[:1] + bytes([packet[1] & 0x80 | 96]) + packet[2:],
                                                          self.to))
            wait_until(lambda: self.next_frame(sender) or boot.said("packets? of payload type 96 instead of 26"),
                       "the payload type is told")

    def test_an_address_that_is_wrong_is_refused(self):
        boot = self.net.bootstrap("x=rtp://camera:5004", wait=False)
        self.assertIn("'camera' is no IP address", boot.wait_for_exit(1))


if __name__ == "__main__":
    unittest.main()
