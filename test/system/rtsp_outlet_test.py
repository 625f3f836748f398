"""--rtsp: what players open by address gets them what was published, and who means no good bothers nobody."""

import contextlib
import pathlib
import resource
import socket
import threading
import unittest

from media_programs import MPV, Program, ffmpeg, gstreamer, scan
from overlay import Overlay, made_frames, run_of, wait_until
from rtsp_client import TCP, Player

PORT = 8554
PICTURES = 20


class Rtsp(unittest.TestCase):
    """boot-r1, with the server at r1."""

    def setUp(self):
        self.frames = made_frames(60, "320x192")
        self.published = [scan(frame) for frame in self.frames]
        self.net = Overlay("boot-r1")
        self.net.__enter__()
        self.addCleanup(self.net.end, show=True)
        self.at = self.net.address["r1"]
        (self.net.folder / "film.mjpeg").write_bytes(b"".join(self.frames))
        self.film = f"film={self.net.folder}/film.mjpeg?fps=50"
        self.boot = self.net.bootstrap(self.film, "clock=pattern:160x96@25")
        self.r1 = self.net.node("r1", "--rtsp", f"{self.at}:{PORT}")
        self.r1.wait_for_log("linked with")

    def url(self, stream: str = "film") -> str:
        return f"rtsp://{self.at}:{PORT}/{stream}"

    def run_program(self, name: str, arguments) -> Program:
        program = Program(self.net, name, arguments)
        self.addCleanup(program.end)
        return program

    def player(self, stream: str = "film") -> Player:
        player = Player(self.at, PORT, stream)
        self.addCleanup(player.close)
        return player

    def figures(self) -> dict:
        return self.r1.wait_for_stats()["outlets"][0]


class Players(Rtsp):
    def test_players(self):
        """Each gets every picture from its first on, as it was published; all share one reading of the stream."""
        programs = [self.run_program(f"ffmpeg-{by}", ffmpeg("-rtsp_transport", by, "-i", self.url()))
                    for by in ("tcp", "udp")]
        programs += [self.run_program(f"gstreamer-{by}",
                                      gstreamer("rtspsrc", f"location={self.url()}", f"protocols={by}", "latency=100"))
                     for by in ("tcp", "udp")]
        for program in programs:
            with self.subTest(program.folder.name):
                run_of(program.wait_for(PICTURES), self.published)
        self.assertEqual(self.r1.wait_for_stats()["links"][0]["frames_skipped"], 0)

    def test_mpv(self):
        """It decodes and draws, so its pictures are counted and not compared."""
        for by in ("tcp", "udp"):
            program = self.run_program(f"mpv-{by}", [*MPV, f"--rtsp-transport={by}", self.url()])
            wait_until(lambda: len(program.files()) >= PICTURES, f"pictures of mpv over {by}")

    def test_the_default_stream_and_a_stream_that_there_is_not(self):
        player = self.player("")
        status, _, body = player.request("DESCRIBE")
        self.assertEqual(status, 200)
        self.assertIn("\r\ns=film\r\n", body)
        self.assertIn("\r\na=framesize:26 320-192\r\n", body)
        status, _, body = self.player("music").request("DESCRIBE")
        self.assertEqual((status, body), (404, "there is no stream 'music' here (there are: film, clock)\n"))

    def test_an_origin_that_comes_back(self):
        """Its players stay, and their pictures go on; another size comes through, too."""
        programs = [self.run_program("ffmpeg", ffmpeg("-rtsp_transport", "tcp", "-i", self.url()))]
        player = self.player()
        player.play()
        player.frames(5)
        programs[0].wait_for(5)
        self.boot.kill()
        other = made_frames(60, "640x360")
        (self.net.folder / "film.mjpeg").write_bytes(b"".join(other))
        self.net.bootstrap(self.film)
        scans = {scan(frame): frame for frame in other}
        def other_size():
            return any(scan(path.read_bytes()) in scans for path in programs[0].files()[-3:])
        wait_until(other_size, "pictures of the other size at ffmpeg")
        player.frames(20)

    def test_an_end_is_told(self):
        player = self.player()
        player.play()
        player.frames(1)
        self.r1.terminate()
        channel, packet = player.rest()[-1]
        self.assertEqual((channel, packet[-7]), (1, 203))  # a BYE packet of RTCP, which ends with the SSRC


class Hostile(Rtsp):
    """While others misbehave, a viewer misses no frame."""

    @contextlib.contextmanager
    def a_viewer_that_notices_nothing(self):
        program = self.run_program("viewer", ffmpeg("-rtsp_transport", "tcp", "-i", self.url()))
        program.wait_for(5)
        yield
        count = len(program.files()) + 30
        run_of(program.wait_for(count), self.published)

    def memory_kib(self) -> int:
        status = pathlib.Path(f"/proc/{self.r1.popen.pid}/status").read_text()
        return int(status.split("VmRSS:")[1].split()[0])

    def test_who_does_not_speak_rtsp(self):
        with self.a_viewer_that_notices_nothing():
            for data in (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"\x00" * 10_000,
                         b"OPTIONS * RTSP/1.0\r\n" + b"A" * 20_000,
                         b"OPTIONS * RTSP/1.0\r\nCSeq: 1\r\nContent-Length: 99999999\r\n\r\n"):
                player = self.player()
                with contextlib.suppress(ConnectionError):
                    player.send(data)
                self.assertTrue(player.is_closed())

    def test_endless_headers(self):
        with self.a_viewer_that_notices_nothing():
            player = self.player()
            player.send(b"OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n")
            with self.assertRaises(ConnectionError):
                for _ in range(100_000):
                    player.send(b"X-Header: and on\r\n")

    def test_half_requests(self):
        """They are given up after a while."""
        with self.a_viewer_that_notices_nothing():
            players = [self.player() for _ in range(50)]
            for player in players:
                player.send(b"DESCRIBE " + self.url().encode() + b" RTSP/1.0\r\nCSeq: ")
            for player in players:
                self.assertTrue(player.is_closed())

    def test_a_thousand_connections(self):
        """More than there may be: those that say nothing give way to one that does, and to no viewer's harm."""
        _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
        with self.a_viewer_that_notices_nothing():
            idle = [self.player() for _ in range(1_100)]
            before = self.memory_kib()
            late = self.player()
            late.play()
            late.frames(10)
            for player in idle:
                with contextlib.suppress(OSError):
                    player.send(b"$\x00\x00\x01")
            late.frames(10)
            self.assertLess(self.memory_kib() - before, 128 << 10)

    def test_floods_of_requests(self):
        with self.a_viewer_that_notices_nothing():
            player = self.player()
            for transport in (TCP, "RTP/AVP;unicast;client_port=5000-5001"):
                for _ in range(500):
                    status, _, _ = player.set_up(transport)
                    self.assertEqual(status, 200)
            player.session = ""
            flood = self.player()
            def ask():
                for _ in range(500):
                    flood.ask("DESCRIBE")
            thread = threading.Thread(target=ask, daemon=True)
            thread.start()
            for _ in range(500):
                self.assertEqual(flood.response()[0], 200)
            thread.join()

    def test_a_player_that_stops_reading(self):
        """It is sent whole frames and the newest ones when it goes on."""
        with self.a_viewer_that_notices_nothing():
            slow = self.player("clock")
            slow.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
            slow.play()
            self.r1.wait_for_stats(lambda line: line["outlets"][0]["frames_skipped"] > 20, "skipped frames")
            self.assertEqual(len(set(slow.frames(10))), 10)

    def test_what_is_not_given(self):
        with self.a_viewer_that_notices_nothing():
            player = self.player()
            self.assertEqual(player.request("PLAY")[0], 454)
            player.session = "0123456789ABCDEF"
            self.assertEqual(player.request("PLAY")[0], 454)
            player.session = ""
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as victim:
                victim.bind((self.net.free_address(), 0))
                host, port = victim.getsockname()
                status = player.set_up(f"RTP/AVP;unicast;destination={host};client_port={port}-{port + 1}")[0]
                self.assertEqual(status, 461)
            self.assertEqual(player.request("RECORD")[0], 405)
            self.assertEqual(player.request("DESCRIBE", "Require: wishes")[0], 551)


if __name__ == "__main__":
    unittest.main()
