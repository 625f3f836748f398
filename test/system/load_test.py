"""ott-load: it watches and publishes as it says, and counts what a broken stream shows."""

import json
import os
import pathlib
import socket
import struct
import subprocess
import tempfile
import threading
import time
import unittest

from overlay import OTTD, PORT, TIMEOUT_S, Overlay, _die_with_parent, claim_range, wait_until
from protocol import (BYE, DATA, FINALACK, GUEST_RELATION, HELLO_MS, NODE, SKIP, SPEERS, START, STREAMS, TRACKER, WATCH,
                      message, node_id, read_message)

OTT_LOAD = pathlib.Path(OTTD).resolve().parent / "ott-load"
STARTED = 16
WHEN_ALL_PLAY = b"play: measuring"


class Load:
    """One ott-load."""

    def __init__(self, *arguments):
        self.json = tempfile.NamedTemporaryFile(suffix=".json")
        self.popen = subprocess.Popen([OTT_LOAD, *map(str, arguments), "--json", self.json.name],
                                      stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                      preexec_fn=_die_with_parent)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.popen.poll() is None:
            self.popen.kill()
        self.popen.communicate()
        self.json.close()

    def wait_until_measuring(self):
        for line in self.popen.stderr:
            if WHEN_ALL_PLAY in line:
                return
        raise AssertionError("ott-load has ended before all viewers played")

    def finish(self, status=0):
        """Its results, and what it printed."""
        out, errors = self.popen.communicate(timeout=TIMEOUT_S)
        text = (out + errors).decode()
        assert self.popen.returncode == status, f"status {self.popen.returncode}, not {status}: {text}"
        results = pathlib.Path(self.json.name).read_text()
        return json.loads(results) if results else None, text

    def terminate(self):
        self.popen.terminate()
        return self.finish()


class AgainstOttd(unittest.TestCase):
    def assert_clean(self, results, viewers):
        self.assertEqual(results["viewers"], viewers)
        for key in ("frames_lost", "frames_repeated", "frames_broken", "viewers_ended", "viewers_never_played"):
            self.assertEqual(results[key], 0, key)
        self.assertGreater(results["fast"]["frames_of_least"], 0)
        latency = results["fast"]["latency_ms"]
        self.assertGreater(latency["p50"], 0)
        self.assertLessEqual(latency["p50"], latency["p99"])
        self.assertLessEqual(latency["p99"], latency["max"])

    def test_viewers_of_a_nodes_stream(self):
        with Overlay("boot-r1") as net:
            net.bootstrap("cam=pattern:320x180@30")
            relay = net.node("r1")
            with Load("--viewers", 30, "--to", net.address["r1"], "--stream", "cam", "--warm-up", "0.2s",
                      "--duration", "1s", "--process", relay.popen.pid) as load:
                results, text = load.finish()
            self.assert_clean(results, 30)
            self.assertAlmostEqual(results["seconds"], 1, delta=0.5)
            self.assertIn("30 viewers", text)
            process = results["processes"][0]
            self.assertEqual(process["pid"], relay.popen.pid)
            self.assertGreater(process["cpu_s"], 0)
            self.assertGreater(process["resident_bytes"], 1 << 20)
            self.assertAlmostEqual(process["cpu_s_per_1000_frames"], process["cpu_s"] / results["frames"] * 1000,
                                   delta=1e-3)

    def test_published_streams_are_watched_by_turns(self):
        with Overlay("boot-pub pub-r1") as net:
            net.bootstrap("unused=pattern:16x16@1")
            net.node("r1")
            with Load("--publish", 3, "--name", "s", "--bootstrap", net.address["boot"], "--id", net.address["pub"],
                      "--frame-bytes", 40_000, "--fps", 50) as source:
                rows = []
                def listed():
                    rows[:] = net.list_streams("--bootstrap", net.address["boot"])
                    return len(rows) == 4
                deadline = time.monotonic() + TIMEOUT_S
                while not listed():
                    self.assertLess(time.monotonic(), deadline, rows)
                self.assertEqual({row["NAME"] for row in rows}, {"unused", "s1", "s2", "s3"})
                with Load("--viewers", 6, "--to", net.address["r1"], "--stream", "s2", "--warm-up", "0.2s",
                          "--duration", "1s") as load:
                    results, _ = load.finish()
                self.assert_clean(results, 6)
                self.assertGreater(results["bytes"], results["frames"] * 40_000 * 0.9)
                published, text = source.terminate()
            self.assertGreaterEqual(published["published"]["frames"], results["fast"]["frames_of_least"])
            self.assertIn("published", text)

    def test_a_stampede(self):
        with Overlay("boot-r1") as net:
            net.bootstrap("cam=pattern:160x90@30")
            net.node("r1")
            with Load("--viewers", 100, "--to", net.address["r1"], "--warm-up", "0.1s", "--duration", "0.5s",
                      "--stampede") as load:
                results, text = load.finish()
            self.assert_clean(results, 100)
            self.assertGreater(results["stampede_ms"]["max"], 0)
            self.assertIn("came again at once", text)

    def test_a_slow_viewer_skips_and_the_others_do_not(self):
        with Overlay("boot-pub pub-r1") as net:
            net.bootstrap("unused=pattern:16x16@1")
            net.node("r1")
            with Load("--publish", 1, "--bootstrap", net.address["boot"], "--id", net.address["pub"], "--frame-bytes",
                      100_000, "--fps", 60):
                # A third of the rate: what the kernel holds for it is read in a second or two, then the skip.
                with Load("--viewers", 4, "--slow", 1, "--read-rate", 2_000_000, "--to", net.address["r1"], "--stream",
                          "load", "--duration", "4s") as load:
                    results, _ = load.finish()
            self.assertEqual((results["fast"]["frames_lost"], results["frames_broken"]), (0, 0))
            self.assertEqual(results["slow"]["frames_lost"], 0, "what it misses was named")
            self.assertGreater(results["slow"]["frames_skipped"], 0)


def accepts(host: str, port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((host, port)) == 0


class PublishedCounts(unittest.TestCase):
    """Frames are published, and time is counted, while somebody watches."""

    FPS, UNWATCHED_S = 50, 1

    def assert_counts_only_while_watched(self, publish, is_there, watch):
        began = time.monotonic()
        with Load("--publish", 1, "--fps", self.FPS, "--frame-bytes", 20_000, *publish) as source:
            wait_until(is_there, "the publisher is there")
            time.sleep(self.UNWATCHED_S)
            with Load("--viewers", 2, *watch, "--warm-up", "0.1s", "--duration", "1.5s") as load:
                watched, _ = load.finish()
            time.sleep(self.UNWATCHED_S)
            results, text = source.terminate()
        published = results["published"]
        self.assertGreaterEqual(published["frames"], watched["fast"]["frames_of_least"])
        self.assertLess(published["seconds"], time.monotonic() - began - 2 * self.UNWATCHED_S)
        rate = published["frames"] / published["seconds"]
        self.assertTrue(0.8 * self.FPS < rate < 1.2 * self.FPS, published)
        self.assertIn(f"s with viewers ({rate:.2f} frames/s)", text)

    def test_of_a_node(self):
        with Overlay("boot-pub") as net:
            net.bootstrap("unused=pattern:16x16@1")
            self.assert_counts_only_while_watched(
                ["--name", "s", "--bootstrap", net.address["boot"], "--id", net.address["pub"]],
                lambda: any(row["NAME"] == "s" for row in net.list_streams("--bootstrap", net.address["boot"])),
                ["--stream", "s", "--to", net.address["pub"]])

    def test_of_a_server(self):
        prefix, token = claim_range()
        self.addCleanup(token.close)
        self.assert_counts_only_while_watched(
            ["--protocol", "http", "--listen", f"{prefix}1:8080"], lambda: accepts(f"{prefix}1", 8080),
            ["--protocol", "http", "--to", f"http://{prefix}1:8080/"])

    def test_nobody_watches(self):
        prefix, token = claim_range()
        self.addCleanup(token.close)
        with Load("--publish", 1, "--protocol", "floor", "--listen", f"{prefix}1:8080", "--duration", "0.3s") as source:
            results, text = source.finish()
        self.assertEqual((results["published"]["frames"], results["published"]["seconds"]), (0, 0))
        self.assertIn("in 0.0 s with viewers (0.00 frames/s)", text)


class OverHttp(unittest.TestCase):
    def test_its_own_server(self):
        prefix, token = claim_range()
        self.addCleanup(token.close)
        with Load("--protocol", "http", "--publish", 1, "--listen", f"{prefix}1:8080", "--frame-bytes", 20_000):
            wait_until(lambda: accepts(f"{prefix}1", 8080), "the server listens")
            with Load("--protocol", "http", "--viewers", 5, "--to", f"http://{prefix}1:8080/", "--warm-up", "0.1s",
                      "--duration", "1s") as load:
                results, _ = load.finish()
        self.assertEqual((results["frames_lost"], results["frames_repeated"]), (0, 0))
        self.assertGreater(results["fast"]["frames_of_least"], 0)

    def test_an_answer_that_is_no_stream(self):
        for answer, word in ((b"HTTP/1.0 404 Not Found\r\n\r\n", "404"), (b"x" * 10_000, "multipart")):
            with self.subTest(word), socket.create_server(("127.0.0.1", 0)) as server:
                def serve():
                    peer, _ = server.accept()
                    with peer:
                        peer.recv(4096)
                        peer.sendall(answer)
                        peer.recv(1)
                thread = threading.Thread(target=serve)
                thread.start()
                with Load("--protocol", "http", "--viewers", 1, "--to",
                          f"http://127.0.0.1:{server.getsockname()[1]}/") as load:
                    _, text = load.finish(1)
                thread.join()
                self.assertIn(word, text)


class FakeNode:
    """An access node that serves one guest, a frame in two records at a time."""

    STREAM, LABEL = 77, 77 << 24 | 1

    def __init__(self, address):
        self.server = socket.create_server((address, PORT))
        self.me = node_id(address, PORT)
        self.sequence = 0

    def accept(self):
        self.peer, remote = self.server.accept()
        you = node_id(*remote)
        self.until(1)
        self.send(SPEERS, struct.pack(">BQIQ", NODE, 1, HELLO_MS, 0) + self.me + you + struct.pack(">I", 0))
        self.until(FINALACK)
        self.send(FINALACK, bytes([GUEST_RELATION]))
        info = struct.pack(">QH3sH1sIII", self.STREAM, 3, b"cam", 1, b"x", 0, 0, 30_000)
        self.send(STREAMS, struct.pack(">I", 1) + info + self.me)
        self.until(WATCH)
        self.send(TRACKER, struct.pack(">BHHI", 0, 1, 0, 1) + you + struct.pack(">IB", 1, 1)
                  + struct.pack(">Q", self.LABEL) + self.me + info + b"\x01")
        started = self.until(START)
        self.send(STARTED, started[:8] + started[16:] + started[8:16])

    def until(self, kind):
        while True:
            got, body = read_message(self.peer)
            if got == kind:
                return body

    def send(self, kind, body):
        self.peer.sendall(message(kind, body))

    def record(self, frame, flags):
        self.sequence += 1
        rtp = struct.pack(">BBHII", 0x80, 26, self.sequence, 0, 0) + bytes(1000)
        body = struct.pack(">QQQ", self.LABEL, frame, time.time_ns()) + rtp
        self.peer.sendall(message(DATA, body, flags=flags))

    def frame(self, number):
        self.record(number, 1)
        self.record(number, 2)

    def close(self):
        self.peer.close()
        self.server.close()


class BrokenStreams(unittest.TestCase):
    def results_of(self, script, status=0):
        """What ott-load counts of what the script sends after a first frame, 10."""
        prefix, token = claim_range()
        self.addCleanup(token.close)
        node = FakeNode(f"{prefix}1")
        try:
            with Load("--viewers", 1, "--to", f"{prefix}1", "--warm-up", 0, "--duration", "1s") as load:
                node.accept()
                node.frame(10)
                load.wait_until_measuring()
                script(node)
                return load.finish(status)
        finally:
            node.close()

    def assert_counts(self, script, **expected):
        results, _ = self.results_of(script)
        names = ("frames", "frames_lost", "frames_skipped", "frames_repeated", "frames_broken")
        self.assertEqual({name: results[name] for name in names}, {name: expected.get(name, 0) for name in names})

    def test_whole(self):
        self.assert_counts(lambda node: [node.frame(i) for i in range(11, 16)], frames=5)

    def test_lost(self):
        self.assert_counts(lambda node: [node.frame(i) for i in (11, 14)], frames=2, frames_lost=2)

    def test_skipped(self):
        def script(node):
            node.record(11, 1)
            node.send(SKIP, struct.pack(">QQQ", node.LABEL, 11, 13))
            node.frame(14)
        self.assert_counts(script, frames=1, frames_skipped=3)

    def test_skipped_and_lost(self):
        def script(node):
            node.send(SKIP, struct.pack(">QQQ", node.LABEL, 12, 13))
            node.frame(14)
        self.assert_counts(script, frames=1, frames_skipped=2, frames_lost=1)

    def test_repeated(self):
        self.assert_counts(lambda node: [node.frame(i) for i in (11, 11, 9, 12)], frames=2, frames_repeated=2)

    def test_a_record_is_missing(self):
        def script(node):
            node.record(11, 1)
            node.sequence += 1
            node.record(11, 2)
            node.frame(12)
        self.assert_counts(script, frames=1, frames_broken=1, frames_lost=1)

    def test_a_frame_without_an_end(self):
        def script(node):
            node.record(11, 1)
            node.frame(12)
        self.assert_counts(script, frames=1, frames_broken=1, frames_lost=1)

    def test_an_end_on_the_way(self):
        results, text = self.results_of(lambda node: node.send(BYE, struct.pack(">BH4s", 1, 4, b"tea!")), status=1)
        self.assertEqual(results["viewers_ended"], 1)
        self.assertIn("tea!", text)

    def test_bytes_that_are_no_message(self):
        _, text = self.results_of(lambda node: node.peer.sendall(b"\xff" * 100), status=1)
        self.assertIn("no message", text)


class Errors(unittest.TestCase):
    def test_nobody_there(self):
        prefix, token = claim_range()
        self.addCleanup(token.close)
        with Load("--viewers", 3, "--to", f"{prefix}1") as load:
            _, text = load.finish(1)
        self.assertIn("3 of 3 viewers have had no frame: Connection refused", text)

    def test_wrong_usage(self):
        for arguments, word in (([], "--viewers or --publish"), (["--viewers", "1"], "--to"),
                                (["--viewers", "20000", "--to", "::1"], "10000"),
                                (["--viewers", "1", "--to", "nowhere"], "nowhere"),
                                (["--viewers", "-3", "--to", "::1"], "--viewers: -3 is less than 0"),
                                (["--viewers", "1", "--to", "::1", "--slow", "-3"], "--slow: -3 is less than 0"),
                                (["--viewers", "1", "--to", "::1", "--slow", "1"], "--read-rate or --pause"),
                                (["--viewers", "1", "--to", "::1", "--duration", "soon"], "--duration soon"),
                                (["--viewers", "1", "--to", "::1", "--protocol", "x"], "ott, http and floor"),
                                (["--viewers", "1", "--to", "::1", "--fsp", "3"], "--fsp"),
                                (["--publish", "1"], "--bootstrap"),
                                (["--publish", "1", "--protocol", "http"], "--listen")):
            with self.subTest(" ".join(arguments)):
                done = subprocess.run([OTT_LOAD, *arguments], capture_output=True, text=True, timeout=TIMEOUT_S)
                self.assertEqual((done.returncode, done.stdout), (2, ""))
                self.assertIn(word, done.stderr)

    def test_a_process_that_is_not_there(self):
        done = subprocess.run([OTT_LOAD, "--viewers", "1", "--to", "::1", "--process", str(os.getpid() + 2**22)],
                              capture_output=True, text=True, timeout=TIMEOUT_S)
        self.assertEqual(done.returncode, 1)
        self.assertIn("there is no process", done.stderr)


if __name__ == "__main__":
    unittest.main()
