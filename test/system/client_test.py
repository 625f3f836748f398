"""What a client prints, writes and counts, and when it ends; and what nodes tell of themselves."""

import ctypes
import os
import pty
import re
import signal
import struct
import subprocess
import time
import unittest

import jpeg
from overlay import Overlay, link_to, made_frames, run_of

IN_MODIFY, IN_MOVED_TO, IN_CREATE = 0x2, 0x80, 0x100  # inotify(7)
COMMON_KEYS = {"time", "role", "id", "version", "uptime_s", "links", "limits", "rings", "flows", "loop_pause_ms_max"}
CLIENT_KEYS = {"stream", "frames_received", "frames_lost", "frames_skipped", "frames_duplicate", "bytes_received",
               "latency_ms", "hops", "gap_ms_max"}
STREAM_KEYS = {"name", "frames", "frames_refused", "frames_completed", "frames_left_out", "width", "height", "fps",
               "state"}
LINK_KEYS = {"peer", "state", "relation", "bytes_in", "bytes_out", "frames_in", "frames_out", "frames_skipped",
             "waiting_bytes", "rtt_ms"}
# What is measured of a link to a neighbour.
MEASURED_KEYS = {"rtt_smoothed_ms", "rtt_variation_ms", "rtt_least_ms", "loss", "blocked", "carries_kbps", "keeps_up",
                 "said"}


LIVE_LINE = re.compile(r"film: \d+ frames?, [\d.]+/s, latency [\d.]+ ms, \d+ hops?, \d+ lost, \d+ skipped"
                       r"|film: no frame for .*|waiting for a stream: .*")
LOG_LINE = re.compile(r"\d{4}-\d\d-\d\d [\d:.]+ \S+ +client: .*")


class Reasons(unittest.TestCase):
    """A viewer whose stream stops says why, and what it has missed when the stream goes on."""

    def setUp(self):
        frames = made_frames(60)
        self.net = Overlay("boot-r1 r1-c1")
        self.net.__enter__()
        self.addCleanup(self.net.end, show=True)
        (self.net.folder / "clip.mjpeg").write_bytes(b"".join(frames))
        self.boot = self.net.bootstrap(f"film={self.net.folder}/clip.mjpeg?fps=50")
        self.r1 = self.net.node("r1")
        self.member, self.guest = self.net.client("c1", dump=False), self.net.guest("g1", "r1", dump=False)
        for viewer in (self.member, self.guest):
            viewer.wait_for_stats(lambda line: line["frames_received"] > 10, "10 frames")

    def assert_stopped(self, viewer, reason: str, count: int = 1) -> None:
        viewer.wait_for_log(f"warning .*no frame of 'film' for [0-9.]+ s: {reason}", count)

    def assert_goes_on(self, viewer) -> None:
        """It tells of all that is missing: nothing was before."""
        line = viewer.wait_for_log("warning .*'film' goes on after")[0]
        told = re.search(r"goes on after [0-9.]+ s: (\d+) frames? lost, (\d+) skipped", line)
        viewer.terminate()
        final = viewer.final()
        self.assertEqual((final["frames_lost"], final["frames_skipped"]), tuple(map(int, told.groups())))
        self.assertEqual(len(viewer.said("goes on after")), 1)

    def assert_member_goes_on(self) -> None:
        """It was a guest meanwhile."""
        self.member.wait_for_log("warning .*no neighbour is left: going on as a guest of")
        self.member.wait_for_log("back as a member: linked with")
        self.member.terminate()
        self.assertEqual(self.member.said("no frame of"), [])

    def test_a_relay_that_leaves(self):
        r1 = self.net.address["r1"]
        self.r1.terminate()
        self.net.processes.remove(self.r1)
        self.assert_stopped(self.guest, rf"{r1} left; no access node answers \({r1}: Connection refused\)")
        self.net.node("r1")
        self.assert_goes_on(self.guest)
        self.assert_member_goes_on()

    def test_a_relay_that_hangs(self):
        r1 = self.net.address["r1"]
        self.r1.send(signal.SIGSTOP)
        self.assert_stopped(self.guest, rf"{r1} does not answer")
        self.r1.send(signal.SIGCONT)
        self.assert_goes_on(self.guest)
        self.assert_member_goes_on()

    def test_an_origin_that_leaves(self):
        """Only r1 sees it: its child and its guest hear of it."""
        boot = self.net.address["boot"]
        self.boot.terminate()
        for viewer in (self.member, self.guest):
            self.assert_stopped(viewer, rf"{boot} \(boot\) left; no path to the origin {boot} \(boot\)$")

    def test_an_origin_without_input(self):
        net = self.net
        frames = made_frames(60)
        for process in (self.boot, self.r1, self.member, self.guest):
            process.terminate()
        net.processes.clear()
        boot = net.bootstrap("film=-", stdin=subprocess.PIPE)
        net.node("r1")
        viewers = [net.client("c1", dump=False), net.guest("g1", "r1", dump=False)]
        for viewer in viewers:
            viewer.wait_for_log("watching 'film'")
            self.assert_stopped(viewer, "the origin has no input")
            self.assertEqual(len(viewer.said("no frame of")), 1)
        boot.feed(frames[0] + frames[1])
        for viewer in viewers:
            viewer.wait_for_log(r"warning .*'film' begins after [0-9.]+ s: 0 frames lost, 0 skipped")
        for viewer in viewers:
            self.assert_stopped(viewer, "the origin has no input", count=2)
        boot.feed(frames[2] + frames[3])
        for viewer in viewers:
            self.assert_goes_on(viewer)

    def test_a_terminal(self):
        """The live line says it, and a line of the log never runs into it."""
        terminal, inside = pty.openpty()
        self.addCleanup(os.close, terminal)
        client = self.net.guest("g2", "r1", dump=False, stderr=inside)
        os.close(inside)
        os.set_blocking(terminal, False)
        shown = b""

        def seen(pattern):
            nonlocal shown
            try:
                while block := os.read(terminal, 1 << 16):
                    shown += block
            except (BlockingIOError, OSError):  # EIO: the other end is closed
                pass
            return re.search(pattern, shown.decode())
        client.wait(lambda: seen(r"film: [1-9]\d* frames"), "a live line with frames")
        self.r1.terminate()
        client.wait(lambda: seen(r"film: no frame for [\d.]+ s: \S+ left"), "a live line with a reason")
        self.net.processes.remove(self.r1)
        self.net.node("r1")
        client.wait(lambda: seen(r"goes on after (?s:.*)frames, [1-9][\d.]*/s"), "a live line with frames again")
        client.terminate()
        seen("")
        text = shown.decode()
        self.assertTrue(text.endswith("\r\n"))
        for row in text.removesuffix("\r\n").split("\r\n"):
            for part in filter(None, row.split("\r\x1b[K")):
                plain = re.sub(r"\x1b\[[0-9]*m", "", part)
                self.assertTrue(LIVE_LINE.fullmatch(plain) or LOG_LINE.fullmatch(plain), plain)


class Client(unittest.TestCase):
    def setUp(self):
        self.frames = made_frames(60)
        self.pictures = [jpeg.picture(frame) for frame in self.frames]
        self.net = Overlay("boot-r1 r1-c1")
        self.net.__enter__()
        self.addCleanup(self.net.end, show=True)
        (self.net.folder / "clip.mjpeg").write_bytes(b"".join(self.frames))
        self.film = f"film={self.net.folder}/clip.mjpeg?fps=100"

    def test_list(self):
        net = self.net
        net.bootstrap(self.film, "test=pattern:160x120@7.5")
        net.node("r1")
        rows = net.list_streams("--bootstrap", net.address["boot"])
        keys = ("NAME", "SOURCE", "SIZE", "FPS", "BITRATE", "VIEWERS", "REFUSED", "STATE")
        self.assertEqual([tuple(row[key] for key in keys) for row in rows],
                         [("film", "mjpeg", "320x180", "100", "-", "0", "0", "live"),
                          ("test", "pattern", "160x120", "7.5", "-", "0", "0", "live")])
        viewers = [net.client("c1", dump=False), net.guest("g1", "r1", dump=False)]
        boot_id = net.address["boot"]

        def measured():
            row = net.list_streams("--node", net.address["r1"])[0]
            return row if row["VIEWERS"] == "2" and row["BITRATE"] != "-" else None
        row = viewers[0].wait(measured, "two viewers and a bit rate")
        self.assertEqual(row["ORIGIN"], boot_id)
        due = sum(map(len, self.frames)) / len(self.frames) * 8 * 100 / 1e6
        # Measured from the first to a later second, on a machine that may be busy: the right order.
        self.assertLess(float(row["BITRATE"].removesuffix("Mbit/s")), 2 * due)
        for viewer in viewers:
            viewer.terminate()

    def test_nobody_to_list(self):
        """Within five seconds, or the time given, with what was tried and why that failed."""
        net = self.net
        free = net.free_address()
        began = time.monotonic()
        for flags, said in ((["--node", free], f"within 5 s: no access node answers ({free}: Connection refused)"),
                            (["--bootstrap", free, "--duration", "0.3"],
                             f"within 300 ms: no access node answers ({free}: Connection refused)"),
                            (["--node", "nowhere.invalid"], "within 5 s: cannot resolve 'nowhere.invalid': ")):
            nobody = net.start("nobody", ["--role", "client", "--list", *flags])
            self.assertIn(f"nobody has answered {said}", nobody.wait_for_exit(1))
            self.assertEqual(nobody.output(), "")
        self.assertGreater(time.monotonic() - began, 5)

    def test_frames(self):
        net = self.net
        net.bootstrap(self.film)
        client = net.guest("g1", "boot", "--frames", "7")
        client.wait_for_exit(0)
        self.assertEqual(sorted(os.listdir(client.dump)), [f"{i + 1:08}.jpg" for i in range(7)])
        run_of(client.pictures(), self.pictures)
        self.assertEqual(client.final()["frames_received"], 7)

    def test_memory(self):
        """A ring that may not have what its history takes: the stream goes on, and statistics and report say so."""
        boot = self.net.bootstrap("large=pattern:1920x1080@30", flags=["--memory", "4M"])
        viewer = self.net.guest("g1", "boot", dump=False)
        rings = boot.wait_for_stats(lambda line: line["rings"]["growths_refused"] > 0)["rings"]
        self.assertEqual(rings["bytes_max"], 4 << 20)
        self.assertLessEqual(rings["bytes"], 4 << 20)
        self.assertRegex(boot.wait_for_report("rings:"), r"rings: [1-4] of 4 MiB, [1-9]\d* times no room to grow")
        before = viewer.wait_for_stats()["frames_received"]
        final = viewer.wait_for_stats(lambda line: line["frames_received"] > before + 10)
        self.assertEqual((final["frames_lost"], final["frames_skipped"]), (0, 0))

    def test_duration(self):
        net = self.net
        net.bootstrap(self.film)
        began = time.monotonic()
        clients = [net.guest("g1", "boot", "--duration", "700ms"), net.guest("g2", "boot", "--duration", "1")]
        for client in clients:
            client.wait_for_exit(0)
            self.assertGreater(client.final()["frames_received"], 0)
        self.assertGreaterEqual(time.monotonic() - began, 1)

    def test_duration_without_a_frame(self):
        """Status 1, and the reason."""
        net = self.net
        free, boot = net.free_address(), net.address["boot"]

        def assert_no_frame(reason, *flags):
            client = net.start("lonely", ["--role", "client", *flags, "--duration", "700ms"])
            self.assertRegex(client.wait_for_exit(1), f"no frame has come within 700 ms: {reason}")
        assert_no_frame(rf"no access node answers \({free}: Connection refused\)", "--node", free)
        assert_no_frame(rf"no bootstrapper at {free}:7000 \(Connection refused\)", "--bootstrap", free)
        net.bootstrap("cam=-", stdin=subprocess.PIPE)
        member = ["--bootstrap", boot, "--id", net.address["c1"]]
        assert_no_frame(rf"none of its neighbours \({net.address['r1']} \(r1\)\) answers", *member)
        net.node("r1")
        assert_no_frame(r"there is no stream 'film' \(there are: cam\)", *member, "--stream", "film")
        # Which of the two it is depends on how long the input has been silent.
        assert_no_frame(f"({boot} sends nothing of it|the origin has no input)", "--node", boot)

    def test_a_directory_of_an_earlier_run(self):
        """Nothing of it is overwritten or mixed with new frames, and the message says how to go on."""
        net = self.net
        net.bootstrap(self.film)
        first = net.guest("g1", "boot", "--frames", "3")
        first.wait_for_exit(0)
        kept = first.pictures()
        again = net.guest("g1", "boot", "--frames", "9")
        self.assertIn(f"'{again.dump}' holds frames of an earlier run, such as 0000000", again.wait_for_exit(1))
        self.assertIn(f"remove them (rm {again.dump}/*.jpg), or give --dump another directory", again.log())
        self.assertEqual(first.pictures(), kept)
        for frame in first.dump.glob("*.jpg"):
            frame.unlink()
        net.guest("g1", "boot", "--frames", "2").wait_for_exit(0)
        self.assertEqual(first.frame_count(), 2)

    def test_dump_to_a_terminal(self):
        terminal, inside = pty.openpty()
        self.addCleanup(os.close, terminal)
        client = self.net.guest("g1", "boot", "--dump", "-", dump=False, stdout=inside)
        os.close(inside)
        log = client.wait_for_exit(2)
        self.assertIn("--dump - | ffplay -f mjpeg -", log)
        os.set_blocking(terminal, False)
        with self.assertRaises(OSError):  # nothing came, and the other end is closed
            os.read(terminal, 100)

    def test_dump_to_a_pipe(self):
        net = self.net
        net.bootstrap(self.film)
        client = net.guest("g1", "boot", "--dump", "-", "--frames", "90", dump=False, stdout=subprocess.PIPE)
        received = client.popen.stdout.read()
        client.wait_for_exit(0)
        pictures = [jpeg.picture(frame) for frame in jpeg.split(received)]
        run_of(pictures, self.pictures)
        self.assertEqual(len(pictures), 90)

    def test_a_reader_that_goes_away(self):
        net = self.net
        net.bootstrap(self.film)
        client = net.guest("g1", "boot", "--dump", "-", dump=False, stdout=subprocess.PIPE)
        self.assertEqual(client.popen.stdout.read(4)[:3], b"\xFF\xD8\xFF")
        client.popen.stdout.close()
        log = client.wait_for_exit(0)
        self.assertNotRegex(log, "error|warning")
        self.assertIs(client.final()["final"], True)

    def test_a_slow_reader_gets_whole_frames(self):
        """Nobody reads the pipe while many frames come. What it then holds is whole frames, newer and newer."""
        net = self.net
        net.bootstrap(self.film)
        client = net.guest("g1", "boot", "--dump", "-", dump=False, stdout=subprocess.PIPE)
        client.wait_for_stats(lambda line: line["frames_received"] >= 50, "50 frames", fresh=False)
        os.set_blocking(client.popen.stdout.fileno(), True)
        client.send(signal.SIGTERM)
        received = client.popen.stdout.read()
        client.wait_for_exit(0)
        pictures = [jpeg.picture(frame) for frame in jpeg.split(received)]
        self.assertGreater(len(pictures), 1)
        self.assertLessEqual(set(pictures), set(self.pictures))
        self.assertEqual(client.final()["frames_lost"], 0)

    def assert_all_accounted_for(self, client, received: bytes) -> None:
        """Each frame that was received has come out, whole, or was counted as skipped."""
        came_out, at = 0, 0
        while at < len(received):
            try:
                at = jpeg.parse(received, at)[1]
            except ValueError:
                break  # the one that was given up
            came_out += 1
        final = client.final()
        self.assertGreater(final["frames_skipped"], 0)
        self.assertEqual(final["frames_lost"], 0)
        self.assertEqual(came_out, final["frames_received"] - final["frames_skipped"])
        client.wait_for_log(f"'film': {final['frames_received']} frames received, 0 lost, "
                            f"{final['frames_skipped']} skipped")

    def test_what_a_slow_reader_misses_is_skipped(self):
        net = self.net
        net.bootstrap(self.film)
        client = net.guest("g1", "boot", "--dump", "-", "--duration", "2", dump=False, stdout=subprocess.PIPE)
        received = b""
        while block := os.read(client.popen.stdout.fileno(), 4096):
            received += block
            time.sleep(0.01)
        client.wait_for_exit(0)
        self.assert_all_accounted_for(client, received)

    def test_what_is_given_up_at_the_end_is_skipped(self):
        """The reader sleeps longer than the process waits for it."""
        net = self.net
        net.bootstrap(self.film)
        client = net.guest("g1", "boot", "--dump", "-", "--duration", "1", dump=False, stdout=subprocess.PIPE)
        client.wait_for_exit(0)
        self.assertIn("--dump is too slow: 2 frames left out at the end", client.log())
        self.assert_all_accounted_for(client, client.popen.stdout.read())

    def test_dumped_files_are_complete_when_they_appear(self):
        """The kernel's word for it: under its own name a file is never created or written to, only moved in."""
        net = self.net
        net.bootstrap(self.film)
        folder = net.folder / "g1.frames"
        folder.mkdir()
        libc = ctypes.CDLL(None, use_errno=True)
        watch = libc.inotify_init1(os.O_NONBLOCK)
        events = IN_CREATE | IN_MODIFY | IN_MOVED_TO
        self.assertGreaterEqual(libc.inotify_add_watch(watch, os.fsencode(folder), events), 0)
        net.guest("g1", "boot", "--frames", "30").wait_for_exit(0)
        events = os.read(watch, 1 << 20)
        os.close(watch)
        happened = {}
        while events:
            _, mask, _, length = struct.unpack_from("iIII", events)
            happened.setdefault(events[16:16 + length].rstrip(b"\0").decode(), []).append(mask)
            events = events[16 + length:]
        for i in range(30):
            self.assertEqual(happened[f"{i + 1:08}.jpg"], [IN_MOVED_TO])

    def test_statistics(self):
        net = self.net
        boot, began = net.bootstrap(self.film), time.time()
        processes = [boot, net.node("r1"), net.client("c1"), net.guest("g1", "r1")]
        for process in processes:
            first = process.wait_for_stats(fresh=False)
            second = process.wait_for_stats()
            self.assertNotIn("final", first)
            self.assertGreater(second["time"], first["time"])
        for process in reversed(processes):
            process.terminate()
            self.assertEqual([line.get("final", False) for line in process.stats()].count(True), 1)
            final = process.final()
            is_client = final["role"] == "client"
            self.assertEqual(set(final), COMMON_KEYS | {"final"} | (CLIENT_KEYS if is_client else {"streams"}))
            self.assertTrue(began - 60 < final["time"] < time.time() + 60, final["time"])
            for line in process.stats():
                for link in line["links"]:
                    measured = MEASURED_KEYS if link["relation"] == "neighbour" and link["state"] == "CONNECTED" else set()
                    self.assertEqual(set(link), LINK_KEYS | measured)
        self.assertEqual(processes[1].final()["streams"], [])
        served, = boot.final()["streams"]
        self.assertEqual(set(served), STREAM_KEYS)
        self.assertEqual((served["name"], served["width"], served["height"], served["fps"], served["state"]),
                         ("film", 320, 180, 100, "live"))
        self.assertGreaterEqual(served["frames"], processes[2].final()["frames_received"])
        self.assertEqual((served["frames_refused"], served["frames_completed"], served["frames_left_out"]), (0, 0, 0))
        roles = {process.name: process.final()["role"] for process in processes}
        self.assertEqual(roles, {"boot": "bootstrap", "r1": "node", "c1": "client", "g1": "client"})
        for name in ("boot", "r1", "c1"):
            self.assertEqual({line["id"] for line in processes[list(roles).index(name)].stats()}, {net.address[name]})
        client = processes[2].final()
        self.assertEqual(set(client["latency_ms"]), {"p50", "p99", "max"})
        self.assertLessEqual(client["latency_ms"]["p50"], client["latency_ms"]["max"] * 1.05)
        self.assertEqual((client["frames_lost"], client["frames_duplicate"]), (0, 0))
        self.assertGreater(client["bytes_received"], client["frames_received"] * min(map(len, self.frames)) * 0.9)
        self.assertEqual((client["hops"], client["stream"]), (2, "film"))
        upstream = link_to(client, net.address["r1"])
        self.assertEqual((upstream["state"], upstream["frames_in"]), ("CONNECTED", client["frames_received"]))
        self.assertGreater(upstream["rtt_ms"], 0)
        from_boot = link_to(processes[1].final(), net.address["boot"])
        self.assertEqual(from_boot["state"], "CONNECTED")
        self.assertGreaterEqual(from_boot["frames_in"], client["frames_received"])

    def test_pings_and_routes(self):
        net = self.net
        boot = net.bootstrap(self.film)
        r1 = net.node("r1")
        member, guest = net.client("c1", dump=False), net.guest("g1", "r1", dump=False)
        boot_id, r1_id, c1_id = (net.address[name] for name in ("boot", "r1", "c1"))
        line = r1.wait_for_log(rf"ping \d+ from {boot_id}: came from {boot_id}.*, goes to {c1_id}.*, 1 guest")[0]
        number = re.search(r"ping (\d+)", line)[1]
        for client in (member, guest):
            client.wait_for_log(rf"ping {number} from {boot_id}\b.*: [\d.]+ ms, 2 hops")
        report = r1.wait_for_report(r"stream film: .*flowing")
        self.assertRegex(report, r"routes: 1 stream\b")
        self.assertRegex(report, rf"stream film: cost 1, origin {boot_id}.* to \[.*{c1_id}")
        self.assertEqual(len(re.findall(r": CONNECTED, \d+ in, \d+ out", report)), 3)
        self.assertRegex(boot.wait_for_report("stream film"), rf"cost 0, .*to \[{r1_id}\].*, origin")
        # c1 is no neighbour of the bootstrapper: OFFLINE, by the protocol.
        self.assertIn(f"{boot_id}: registered, ", member.wait_for_report("registered"))
        self.assertEqual(link_to(member.wait_for_stats(), boot_id)["state"], "OFFLINE")

    def test_costs_in_the_routes(self):
        net = self.net
        net.costs = {frozenset(("boot", "r1")): 30, frozenset(("r1", "c1")): 4}
        net.bootstrap(self.film)
        net.node("r1")
        client = net.client("c1", dump=False)
        client.wait_for_log("watching 'film'")
        client.wait_for_report(r"stream film: cost 34, .*flowing")

    def test_signals_end_in_good_order(self):
        net = self.net
        processes = [net.bootstrap(self.film), net.node("r1"), net.client("c1"), net.guest("g1", "r1")]
        processes[2].wait_for_frames(5)
        processes[3].wait_for_frames(5)
        for process, number in zip(reversed(processes), [signal.SIGTERM, signal.SIGINT, signal.SIGINT, signal.SIGTERM]):
            process.terminate(number)
            self.assertIs(process.final()["final"], True)

    def test_an_unknown_stream_and_its_coming(self):
        """A client that wants a stream which is not there says which there are, and waits for it."""
        net = self.net
        boot = net.bootstrap(self.film, "other=pattern:160x120@50")
        client = net.guest("g1", "boot", "--stream", "late", "--frames", "5")
        line = client.wait_for_log("there is no stream 'late'")[0]
        self.assertIn("film, other", line)
        boot.terminate()
        net.processes.remove(boot)
        net.bootstrap(self.film, "late=pattern:160x120@50")
        client.wait_for_exit(0)
        self.assertEqual(client.final()["stream"], "late")
        self.assertEqual(len(client.said("there is no stream")), 1)

    def test_a_bootstrapper_without_streams_shows_the_test_pattern(self):
        net = self.net
        net.bootstrap()
        client = net.guest("g1", "boot", "--frames", "3")
        client.wait_for_exit(0)
        row = net.list_streams("--node", net.address["boot"])[0]
        self.assertEqual((row["NAME"], row["SOURCE"], row["SIZE"]), ("pattern", "pattern", "1280x720"))
        self.assertEqual(len(set(client.pictures())), 3)


if __name__ == "__main__":
    unittest.main()
