"""--http: streams over HTTP to curl, a browser, and to whoever does not mean well."""

import contextlib
import os
import pathlib
import resource
import socket
import subprocess
import time
import unittest
import urllib.parse

import jpeg
from http_client import Browser, HttpViewer, connect, pixels, read_response, request, split_parts
from overlay import Overlay, made_frames, run_of, wait_until, what_lacks_for_namespaces

PORT = 8080


class Http(unittest.TestCase):
    """boot-r1, with the server at r1."""

    def setUp(self):
        self.net = Overlay("boot-r1")
        self.net.__enter__()
        self.addCleanup(self.net.end, show=True)
        self.at = self.net.address["r1"]
        self.site = f"http://{self.at}:{PORT}"

    def serve(self, *streams, flags=()):
        self.boot = self.net.bootstrap(*streams)
        self.r1 = self.net.node("r1", "--http", f"{self.at}:{PORT}", *flags)
        self.r1.wait_for_log("linked with")
        wait_until(lambda: self.curl("/streams.json").count('"name"') == len(streams), "the streams are known at r1")

    def curl(self, path: str, *flags) -> str:
        done = subprocess.run(["curl", "-s", "--max-time", "30", *flags, self.site + path], stdout=subprocess.PIPE)
        return done.stdout.decode(errors="replace")

    def watch(self, path: str, **how) -> HttpViewer:
        viewer = HttpViewer(self.at, PORT, path, **how)
        self.addCleanup(viewer.close)
        return viewer


class Pictures(Http):
    def serve_film(self, fps: int = 50):
        self.frames = made_frames(60)
        self.pictures = [jpeg.picture(frame) for frame in self.frames]
        (self.net.folder / "film.mjpeg").write_bytes(b"".join(self.frames))
        self.serve(f"film={self.net.folder}/film.mjpeg?fps={fps}")

    def test_curl_gets_what_was_sent(self):
        """Each picture once and in order, with the boundary right after it: the same bytes as a guest's."""
        self.serve_film()
        guest = self.net.guest("g1", "r1")
        file = self.net.folder / "curl.mjpg"
        with open(file, "wb") as out:
            curl = subprocess.Popen(["curl", "-sN", f"{self.site}/film.mjpg"], stdout=out)
        self.addCleanup(curl.kill)
        wait_until(lambda: len(split_parts(file.read_bytes())[0]) >= 120, "120 pictures")
        parts, rest = split_parts(file.read_bytes())
        curl.kill()
        curl.wait()
        run_of([jpeg.picture(part.picture) for part in parts], self.pictures)
        guest.wait_for_frames(150)
        dumped = {path.read_bytes() for path in guest.dump.glob("[0-9]*.jpg")}
        self.assertLessEqual({part.picture for part in parts[30:90]}, dumped)
        numbers = [part.frame for part in parts]
        self.assertEqual(numbers, list(range(numbers[0], numbers[0] + len(numbers))))

    def test_a_picture(self):
        self.serve_film()
        file = self.net.folder / "picture.jpg"
        self.curl("/film.jpg", "-o", str(file))
        self.assertIn(jpeg.picture(file.read_bytes()), self.pictures)
        # The same connection, one answer after the other.
        with connect(self.at, PORT) as client:
            seen = []
            for _ in range(20):
                client.sendall(request("/film.jpg?wait=next"))
                status, fields, content = read_response(client)
                self.assertEqual((status, fields["content-type"]), (200, "image/jpeg"))
                self.assertIn(jpeg.picture(content), self.pictures)
                seen.append(fields["etag"])
            self.assertEqual(len(set(seen)), 20)
            self.assertEqual(seen, sorted(seen, key=lambda tag: int(tag.strip('"').split("-")[1])))
            client.sendall(request("/film.jpg", method="HEAD"))
            status, fields, _ = read_response(client, head_only=True)
            self.assertEqual(status, 200)
            self.assertGreater(int(fields["content-length"]), 1000)
            client.sendall(request("/film.jpg", f"If-None-Match: {fields['etag']}", "Range: bytes=0-99"))
            status, after, content = read_response(client)
            if after["etag"] == fields["etag"]:
                self.assertEqual((status, content), (304, b""))
            else:  # another picture has come; the range is not for a picture that changes
                self.assertEqual(status, 200)
                self.assertIn(jpeg.picture(content), self.pictures)

    def test_fps(self):
        self.serve_film(fps=100)
        slow = self.watch("/film.mjpg?fps=5").wait_for_parts(11)
        self.assertGreater(slow[-1].frame - slow[0].frame, 120)  # of 200
        for part in slow:
            self.assertIn(jpeg.picture(part.picture), self.pictures)

    def test_a_stream_flows_only_while_somebody_asks(self):
        self.serve_film()
        self.r1.wait_for_report(r"routes: 0 streams")
        self.curl("/"), self.curl("/streams"), self.curl("/healthz"), self.curl("/film.mjpg", "-I"), self.curl("/nothing.mjpg")
        self.r1.wait_for_report(r"routes: 0 streams")
        viewer = self.watch("/film.mjpg")
        viewer.wait_for_parts(1)
        report = self.r1.wait_for_report(r"watches 'film'")
        self.assertIn(f"{viewer.client.getsockname()[0]}:{viewer.client.getsockname()[1]} watches 'film'", report)
        outlet = self.r1.wait_for_stats(lambda line: line["outlets"][0]["viewers"] == 1, "a viewer")["outlets"][0]
        self.assertEqual((outlet["kind"], outlet["at"]), ("http", f"{self.at}:{PORT}"))
        viewer.close()
        self.r1.wait_for_log("watches 'film' no more")
        self.r1.wait_for_report(r"routes: 0 streams")

    def test_a_stream_that_is_replaced(self):
        """Viewers stay when its origin begins anew, and say what there is not to be seen until then."""
        self.serve("cam=pattern:320x180@30")
        viewer = self.watch("/cam.mjpg")
        viewer.wait_for_parts(5)
        self.boot.kill()
        self.net.processes.remove(self.boot)
        before = len(viewer.parts)
        self.net.bootstrap("cam=pattern:160x96@30")
        wait_until(lambda: len(viewer.parts) > before + 5 and b"\x00\x60\x00\xa0" in viewer.parts[-1].picture,
                   "pictures of the new size")
        self.assertIsNone(viewer.error)

    def test_no_picture_comes(self):
        """A source that says nothing: the reason, after a while; and the first picture once there is one."""
        self.net.bootstrap("cam=-", stdin=subprocess.PIPE)
        boot = self.net.processes[-1]
        self.net.node("r1", "--http", f"{self.at}:{PORT}")
        wait_until(lambda: '"name"' in self.curl("/streams.json"), "the stream is known at r1")
        viewer = self.watch("/cam.mjpg")
        answer = self.curl("/cam.jpg", "-i")
        self.assertIn("503 Service Unavailable", answer)
        self.assertIn("Retry-After: ", answer)
        self.assertIn("no picture of 'cam' has come: ", answer)
        frame = made_frames(1)[0]
        boot.feed(frame)
        part = viewer.wait_for_parts(1)[0]
        self.assertEqual(jpeg.picture(part.picture), jpeg.picture(frame))


class Requests(Http):
    def test_names(self):
        """Any name that a stream may have is found, and is text on the page."""
        names = ["cam/video", "grün 1", "<b>&\"'?#%", "/x"]
        self.serve(*[f"{name}=pattern:64x64@30" for name in names])
        for name in names:
            path = "/" + urllib.parse.quote(name, safe="") + ".jpg"
            self.assertIn("image/jpeg", self.curl(path, "-i", "-o", "/dev/null", "-D", "-"), name)
        listed = self.curl("/nothing").split()
        for path in ("/cam/video.mjpg", "/gr%C3%BCn%201.mjpg", "/%3Cb%3E%26%22%27%3F%23%25.jpg", "/%2Fx.jpg"):
            self.assertIn(path, listed)
            self.assertIn("200 OK", self.curl(path, "-I"))
        page = self.curl("/streams")
        self.assertIn("&lt;b&gt;&amp;&quot;&#39;?#%", page)
        self.assertNotIn("<b>", page)

    def test_answers(self):
        self.serve("cam=pattern:64x64@30", flags=["--http-cors", "https://example.org"])
        self.assertEqual(self.curl("/healthz"), "ok\n")
        self.assertIn("404 Not Found", missing := self.curl("/cam", "-i"))
        self.assertIn("\n  /cam.mjpg\n  /cam.jpg\n", missing)
        refused = self.curl("/cam.jpg", "-i", "-X", "DELETE")
        self.assertIn("405 Method Not Allowed", refused)
        self.assertIn("\r\nAllow: GET, HEAD, OPTIONS\r\n", refused)
        self.assertIn("413 Content Too Large", self.curl("/", "-i", "-d", "x=y"))
        self.assertIn("501 Not Implemented", self.curl("/", "-i", "-d", "x=y", "-H", "Transfer-Encoding: chunked"))
        head = self.curl("/cam.mjpg", "-I")
        for field in ("multipart/x-mixed-replace; boundary=ottdframe", "Cache-Control: no-store", "Accept-Ranges: none",
                      "X-Accel-Buffering: no", "Access-Control-Allow-Origin: https://example.org"):
            self.assertIn(field + "\r\n", head)
        preflight = self.curl("/cam.jpg", "-i", "-X", "OPTIONS")
        self.assertRegex(preflight, "204 No Content(.|\n)*Access-Control-Allow-Headers: .*If-None-Match")
        for flags, connections in ([], "1 0"), (["--http1.0"], "1 1"):
            used = self.curl("/healthz", *flags, "-o", "/dev/null", "-w", "%{num_connects} ", "-o", "/dev/null",
                             f"{self.site}/cam.jpg")
            self.assertEqual(used.strip(), connections)

    def test_what_is_wrong_on_the_command_line(self):
        for flags, says in ((["--http", "here"], "write PORT"), (["--http", "0"], "write PORT"),
                            (["--http", "8080", "--http-cors", "here"], "an origin is a scheme and a host"),
                            (["--http-cors", "*"], "--http")):
            process = self.net.start("wrong", ["--role", "node", "--bootstrap", self.net.address["boot"], *flags])
            self.assertIn(says, process.wait_for_exit(2))
        self.serve("cam=pattern:64x64@30")
        second = self.net.start("second", ["--role", "node", "--bootstrap", self.net.address["boot"],
                                           "--id", self.net.free_address(), "--http", f"{self.at}:{PORT}"])
        self.assertIn("another program listens there", second.wait_for_exit(1))


class InABrowser(Http):
    alone = True

    def test_the_picture_moves(self):
        self.serve("clock=pattern:320x180@30")
        browser = Browser(self.site + "/streams")
        self.addCleanup(browser.close)
        wait_until(lambda: browser.evaluate("document.images.length > 0 && document.images[0].naturalWidth") == 320,
                   "the page shows the picture")
        first = pixels(browser.screenshot())
        def moved():
            now = pixels(browser.screenshot())
            return sum(a != b for a, b in zip(first[::3], now[::3])) > 200 and now
        self.assertEqual(len(wait_until(moved, "the pixels move")), len(first))
        self.r1.wait_for_report("watches 'clock'")


class SlowViewers(Http):
    """One that has stopped, and one behind a link of half the rate: the others notice nothing."""
    alone = True
    FRAME_BYTES, FPS = 50_000, 30
    QUEUE_S = 0.4  # of the link

    def setUp(self):
        if lacks := what_lacks_for_namespaces():
            self.skipTest(lacks)
        if os.geteuid() != 0:
            self.skipTest("a link of half the rate needs root")
        super().setUp()
        name = f"ottd-http-{os.getpid()}"
        self.far = name
        run = lambda *command: subprocess.run(command, check=True)
        run("ip", "netns", "add", name)
        self.addCleanup(lambda: run("ip", "netns", "del", name))
        run("ip", "link", "add", name[:15], "type", "veth", "peer", "name", "slow0", "netns", name)
        self.addCleanup(lambda: subprocess.run(["ip", "link", "del", name[:15]], stderr=subprocess.DEVNULL))
        # All viewers come to this address. To listen on all would fail while another test has the port at its own.
        self.at = f"10.{200 + os.getpid() % 50}.{os.getpid() // 50 % 250}.1"
        self.site = f"http://{self.at}:{PORT}"
        run("ip", "address", "add", f"{self.at}/24", "dev", name[:15])
        run("ip", "link", "set", name[:15], "up")
        run("ip", "-n", name, "address", "add", f"{self.at[:-1]}2/24", "dev", "slow0")
        run("ip", "-n", name, "link", "set", "slow0", "up")
        rate = self.FRAME_BYTES * self.FPS // 2 * 8 // 1000
        run("tc", "qdisc", "add", "dev", name[:15], "root", "tbf", "rate", f"{rate}kbit", "burst", "64kb",
            "latency", f"{1000 * self.QUEUE_S:.0f}ms")

    def inside(self, function, *arguments):
        """The function's socket is of the namespace in which this thread was when it was made."""
        import ctypes
        libc = ctypes.CDLL(None, use_errno=True)
        with open("/proc/thread-self/ns/net") as home, open(f"/run/netns/{self.far}") as there:
            assert libc.setns(there.fileno(), 0) == 0
            try:
                return function(*arguments)
            finally:
                assert libc.setns(home.fileno(), 0) == 0

    def test_nobody_else_notices(self):
        frames = made_frames(30, "1360x768")
        self.assertGreater(min(map(len, frames)), 40_000)
        (self.net.folder / "film.mjpeg").write_bytes(b"".join(frames))
        self.net.bootstrap(f"film={self.net.folder}/film.mjpeg?fps={self.FPS}")
        self.r1 = self.net.node("r1", "--http", f"{self.at}:{PORT}")
        wait_until(lambda: '"name"' in self.curl("/streams.json"), "the stream is known at r1")
        stopped = self.watch("/film.mjpg", receive_buffer=20_000)
        stopped.wait_for_parts(1)
        stopped.reading.clear()
        slow = HttpViewer(self.at, PORT, "/film.mjpg", inside=self.inside)
        self.addCleanup(slow.close)
        slow.wait_for_parts(10)  # the link's queue is full
        guest = self.net.guest("g1", "r1", dump=False)
        good = self.watch("/film.mjpg")
        parts = good.wait_for_parts(6 * self.FPS)
        guest.wait_for_stats(lambda line: line["frames_received"] > 4 * self.FPS, "the guest's frames")
        numbers = [part.frame for part in parts]
        self.assertEqual(numbers, list(range(numbers[0], numbers[0] + len(numbers))))
        guest.terminate()
        self.assertEqual((guest.final()["frames_lost"], guest.final()["frames_skipped"]), (0, 0))
        # When a picture was whole at the slow viewer, which one was the newest at the good one? No picture is torn.
        self.assertIsNone(slow.error)
        behind = []
        for late in slow.parts[10:]:
            newest = max((part.frame for part in parts if part.came <= late.came), default=None)
            if newest is not None and late.came < parts[-1].came:
                behind.append(newest - late.frame)
        self.assertGreater(len(behind), self.FPS)
        self.assertLess(len(behind), 0.75 * len(parts))
        # What the link's queue holds, and a picture each in the server's socket, on the link and in the viewer's
        # socket: each takes the link as long as the source takes for two.
        most = self.QUEUE_S * self.FPS + 3 * 2
        self.assertLess(sorted(behind)[len(behind) // 2], most, "frames behind, half of them")
        for part in slow.parts:
            jpeg.picture(part.picture)
        # The one that stopped goes on with the newest picture.
        last = good.parts[-1].frame
        stopped.reading.set()
        wait_until(lambda: stopped.error or stopped.parts[-1].frame > last, "it goes on")
        self.assertIsNone(stopped.error)
        gap = max(b.frame - a.frame for a, b in zip(stopped.parts, stopped.parts[1:]))
        self.assertGreater(gap, 3 * self.FPS)


def cpu_s(process) -> float:
    fields = pathlib.Path(f"/proc/{process.popen.pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Crowds(Http):
    """Connections that ask for nothing, and heads that never end."""
    alone = True
    IDLE = 2000

    def cost_of_frames(self, viewer: HttpViewer, count: int) -> float:
        begin = len(viewer.parts)
        before = cpu_s(self.r1)
        viewer.wait_for_parts(begin + count)
        return cpu_s(self.r1) - before

    def test_idle_connections_and_slow_heads_cost_nobody_anything(self):
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 8192), hard))
        self.serve("cam=pattern:320x180@60")
        guest = self.net.guest("g1", "r1", dump=False)
        viewer = self.watch("/cam.mjpg")
        viewer.wait_for_parts(60)
        alone = self.cost_of_frames(viewer, 300)
        with contextlib.ExitStack() as stack:
            idle = [stack.enter_context(connect(self.at, PORT)) for _ in range(self.IDLE)]
            for client in idle:
                client.sendall(request("/healthz"))
            for client in idle:
                self.assertEqual(read_response(client)[0], 200)
            slow = [stack.enter_context(connect(self.at, PORT)) for _ in range(200)]
            for client in slow:
                client.sendall(b"GET / HTTP/1.1\r\nHost: test\r\nX: ")
            begun = time.monotonic()
            beside = self.cost_of_frames(viewer, 300)
            self.assertLess(beside, 2 * alone + 0.3)
            # Each byte comes in time, the whole never does.
            def all_are_told():
                for client in slow:
                    with contextlib.suppress(OSError):
                        client.sendall(b"x")
                told = []
                for client in slow:
                    try:
                        told.append(client.recv(100, socket.MSG_PEEK | socket.MSG_DONTWAIT))
                    except BlockingIOError:
                        return False
                    except OSError:
                        told.append(b"")  # reset after it was told
                return told
            told = wait_until(all_are_told, "slow heads are given up")
            self.assertGreater(time.monotonic() - begun, 5)
            self.assertGreater(sum(text.startswith(b"HTTP/1.1 408 ") for text in told), 100)
            # The idle ones are still there.
            idle[0].sendall(request("/healthz"))
            self.assertEqual(read_response(idle[0])[0], 200)
            self.assertEqual(self.curl("/healthz"), "ok\n")
        numbers = [part.frame for part in viewer.parts]
        self.assertEqual(numbers, list(range(numbers[0], numbers[0] + len(numbers))))
        guest.terminate()
        self.assertEqual(guest.final()["frames_lost"], 0)

    def test_past_the_limit_the_oldest_idle_one_gives_way(self):
        """The limit is a quarter of the descriptors that the process may have."""
        self.net.prefix = ["prlimit", "--nofile=200"]
        self.serve("cam=pattern:64x64@30")
        with contextlib.ExitStack() as stack:
            idle = [stack.enter_context(connect(self.at, PORT)) for _ in range(60)]
            self.assertEqual(idle[0].recv(1), b"")
            idle[-1].sendall(request("/healthz"))
            self.assertEqual(read_response(idle[-1])[0], 200)
        viewers = []
        for _ in range(50):
            viewers.append(self.watch("/cam.mjpg"))
            viewers[-1].wait_for_parts(1)
        answer = self.curl("/healthz", "-i")
        self.assertIn("503 Service Unavailable", answer)
        self.assertIn("this server has 50 connections already", answer)
        viewers.pop().close()
        wait_until(lambda: self.curl("/healthz") == "ok\n", "there is room again")
        for viewer in viewers:
            self.assertIsNone(viewer.error)
            self.assertFalse(viewer.ended)


class Hostile(Http):
    def test_requests_that_are_none(self):
        """Each is refused and costs its own connection; the log has no line for any."""
        self.serve("cam=pattern:64x64@30")
        viewer = self.watch("/cam.mjpg")
        viewer.wait_for_parts(1)
        cases = {
            b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabc": 400,
            b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n": 400,
            b"GET / HTTP/1.1\r\nHost: a\r\nX: a\r\n b\r\n\r\n": 400,
            b"GET / HTTP/1.1\nHost: a\n\n": 400,
            b"GET / HTTP/1.1\r\nHost: a\r\nX: \0\r\n\r\n": 400,
            b"GET / HTTP/1.1\r\nHost: a\r\nBad Name: x\r\n\r\n": 400,
            b"GET /%00.jpg HTTP/1.1\r\nHost: a\r\n\r\n": 400,
            b"GET / HTTP/1.1\r\n\r\n": 400,
            b"\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03\r\n\r\n": 400,
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n": 505,
            b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\n": 431,
            b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X: y\r\n" * 100 + b"\r\n": 431,
            b"PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n" + bytes(100_000): 413,
            b"\0" * 100_000: 400,
        }
        for sent, status in cases.items():
            with self.subTest(sent[:60]), connect(self.at, PORT) as client:
                with contextlib.suppress(OSError):
                    client.sendall(sent)
                answer, fields, _ = read_response(client)
                self.assertEqual((answer, fields["connection"]), (status, "close"))
                with contextlib.suppress(ConnectionResetError):
                    self.assertEqual(client.recv(1), b"")
        log = len(self.r1.log())
        for _ in range(300):
            with connect(self.at, PORT) as client:
                client.sendall(b"NONSENSE\r\n\r\n")
        self.assertEqual(self.curl("/healthz"), "ok\n")
        self.assertLess(len(self.r1.log()) - log, 1000)
        # A line for each viewer that comes or goes, but not for hundreds of them.
        for _ in range(100):
            with connect(self.at, PORT) as client:
                client.sendall(request("/cam.mjpg"))
                client.recv(100)
        self.assertLess(len(self.r1.said("watches 'cam'")), 80)
        begin = len(viewer.parts)
        viewer.wait_for_parts(begin + 10)


if __name__ == "__main__":
    unittest.main()
