"""Commands: at --control's socket, by the keys of a terminal, and by POST /control. What they do to the overlay."""

import fcntl
import json
import os
import pty
import signal
import stat
import struct
import subprocess
import termios
import time
import unittest

from controls import Control
from overlay import Overlay, link_to, wait_until

PORT = 8080


class Commands(unittest.TestCase):
    def setUp(self):
        self.net = Overlay("boot-r1 r1-c1")
        self.net.__enter__()
        self.addCleanup(self.net.end, show=True)
        self.boot = self.net.bootstrap("one=pattern:64x48@50", "two=pattern:32x32@50")
        self.r1 = self.net.node("r1")

    def control(self, process, name: str) -> Control:
        control = Control(self.net.folder / name)
        self.addCleanup(control.close)
        return control

    def viewer(self, name: str, *flags) -> Control:
        """A guest of r1 or the member c1, with a socket."""
        path = self.net.folder / f"{name}.sock"
        flags = ["--stream", "one", "--control", path, *flags]
        start = self.net.client if name == "c1" else lambda *a, **k: self.net.guest(name, "r1", *a[1:], **k)
        self.process = start(name, *flags, dump=False)
        control = self.control(self.process, path)
        wait_until(lambda: control.frames() > 0, f"{name} has frames")
        return control

    def flows_at(self, process) -> int:
        return int(process.wait_for_report(r"routes: \d+").split("routes: ")[1].split()[0])

    def test_a_recording_pauses_with_its_viewer_and_holds_its_stream(self):
        path = self.net.folder / "one.mkv"
        control = self.viewer("g1", "--record", path)
        wait_until(lambda: path.exists() and path.stat().st_size > 2000, "the recording begins")
        control.do("pause")
        wait_until(lambda: self.flows_at(self.r1) == 0, "no stream passes r1")
        size = path.stat().st_size
        self.assertIn(f"--record {path} is of 'one'", control.refused("watch two"))
        self.assertIn("--record", control.refused("next"))
        self.assertEqual((control.do("status")["state"], path.stat().st_size), ("paused", size))
        control.do("resume")
        wait_until(lambda: path.stat().st_size > size + 2000, "the recording goes on")
        self.assertEqual(self.flows_at(self.r1), 1)

    def test_to_watch_a_stream_is_to_watch_all_its_parts(self):
        self.boot.terminate()
        self.boot = self.net.bootstrap("both=pattern:64x48@50+tone")
        path = self.net.folder / "g1.sock"
        guest = self.net.guest("g1", "r1", "--stream", "both", "--control", path, dump=False)
        control = self.control(guest, path)
        control.wait_for_frames(20)
        wait_until(lambda: self.flows_at(self.r1) == 2, "both parts pass r1")
        control.do("pause")
        wait_until(lambda: self.flows_at(self.r1) == 0, "no stream passes r1")
        control.do("resume")
        wait_until(lambda: self.flows_at(self.r1) == 2, "both parts pass r1 again")
        control.do("watch both/audio")
        wait_until(lambda: self.flows_at(self.r1) == 1, "audio alone passes r1", timeout_s=30)

    def test_a_pause_takes_the_stream_off_the_links_and_ends_at_once(self):
        for name in ("g1", "c1"):
            with self.subTest(name):
                control = self.viewer(name)
                control.do("pause")
                self.assertEqual(control.do("status")["state"], "paused")
                self.assertIn("paused already", control.refused("pause"))
                began = time.monotonic()
                wait_until(lambda: self.flows_at(self.r1) == 0, "no stream passes r1")
                print(f"{name}: off the links after {1000 * (time.monotonic() - began):.0f} ms")
                frames = control.frames()
                before = self.boot.wait_for_stats()
                after = self.boot.wait_for_stats()
                sent = [link_to(line, self.net.address["r1"])["frames_out"] for line in (before, after)]
                self.assertEqual(sent[0], sent[1], "frames still go to r1")
                self.assertEqual(control.frames(), frames)
                self.assertEqual(self.process.said("no frame of"), [])

                began = time.monotonic()
                control.do("resume")
                wait_until(lambda: control.frames() > frames, "a picture")
                print(f"{name}: a picture after {1000 * (time.monotonic() - began):.1f} ms")
                self.assertIn("not paused", control.refused("resume"))
                control.do("quit")
                self.process.wait_for_exit(0)
                last = self.process.final()
                self.assertEqual((last["frames_lost"], last["frames_duplicate"]), (0, 0))
                control.close()

    def test_other_streams_and_what_cannot_be_done(self):
        control = self.viewer("g1")
        self.assertEqual([s["name"] for s in control.do("streams")["streams"] if s["watched"]], ["one"])
        control.do("next")
        self.assertEqual(control.do("status")["stream"], "two")
        control.wait_for_frames(3)
        control.do("next")
        self.assertEqual(control.do("status")["stream"], "one")
        control.do("previous")
        self.assertEqual(control.do("status")["stream"], "two")
        control.do("watch one")
        wait_until(lambda: [s["name"] for s in control.do("streams")["streams"] if s["watched"]] == ["one"], "one")
        control.wait_for_frames(3)
        self.assertIn("there is no stream 'three' (there are: one, two)", control.refused("watch three"))
        self.assertIn("'one' is live", control.refused("seek +10s"))
        self.assertIn("'one' is live", control.refused("speed 2"))
        self.assertIn("there is no command 'stop'", control.refused("stop"))
        wait_until(lambda: self.flows_at(self.r1) == 1, "the other stream has left r1")

    def test_a_timeshift_goes_on_where_it_was(self):
        """Frames come in order, none is missing, and they are as far behind as the pause was long."""
        control = self.viewer("g1", "--timeshift")
        frames = control.frames()
        control.do("pause")
        frames = control.frames()
        time.sleep(1)
        self.assertEqual(control.frames(), frames)
        control.do("resume")
        control.wait_for_frames(20)
        self.assertGreater(control.do("status")["delay_ms"], 900)
        self.assertEqual({"p50", "p99", "max"}, set(control.do("status")["latency_ms"]))
        control.do("quit")
        self.process.wait_for_exit(0)
        last = self.process.final()
        self.assertEqual((last["frames_lost"], last["frames_skipped"], last["frames_duplicate"]), (0, 0, 0))
        self.assertLess(last["gap_ms_max"], 900, "the pause is no gap")

    def test_a_node_takes_what_a_node_can_do(self):
        path = self.net.folder / "r2.sock"
        self.r1.terminate()
        r1 = self.net.node("r1", "--control", path)
        r1.wait_for_log("linked with")
        control = self.control(r1, path)
        self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o600)
        status = wait_until(lambda: (s := control.do("status"))["streams"] == 2 and s, "its streams")
        self.assertEqual((status["role"], status["neighbours"]), ("node", 1))
        self.assertIn("watches nothing", control.refused("pause"))
        control.do("say good evening to boot")
        self.boot.wait_for_log(r"message from .*\(r1\): good evening \(1 hop: .*\(r1\) > here\)")
        self.assertIn("no node that is known here is called 'c9'", control.refused("say x to c9"))
        r1.terminate()
        self.assertFalse(path.exists())

    def test_a_socket_that_is_taken_is_an_error(self):
        control = self.viewer("g1")
        path = self.net.folder / "g1.sock"
        second = self.net.guest("g2", "r1", "--control", path, dump=False)
        self.assertIn(f"--control {path}: another process listens there", second.wait_for_exit(1))
        self.process.kill()
        control.close()
        third = self.net.guest("g3", "r1", "--stream", "one", "--control", path, dump=False)
        again = self.control(third, path)
        wait_until(lambda: again.frames() > 0, "frames")


class OnTerminal(unittest.TestCase):
    flags, shows = (), ""

    def setUp(self):
        self.net = Overlay("boot-r1")
        self.net.__enter__()
        self.addCleanup(self.net.end, show=True)
        self.net.bootstrap("one=pattern:64x48@50", "two=pattern:32x32@50")
        self.net.node("r1")
        self.master, self.slave = pty.openpty()
        fcntl.ioctl(self.slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 500, 0, 0))
        self.addCleanup(os.close, self.master)
        self.addCleanup(os.close, self.slave)
        self.shown = b""
        self.before = termios.tcgetattr(self.slave)
        # A session of its own, whose terminal this is: script(1) would do the same.
        command = ["setsid", "--ctty", os.environ["OTTD"], "--role", "client", "--node", self.net.address["r1"],
                   *self.flags]
        self.viewer = subprocess.Popen(command, stdin=self.slave, stdout=self.slave, stderr=self.slave)
        self.addCleanup(self.viewer.wait)
        self.addCleanup(self.viewer.kill)
        os.set_blocking(self.master, False)
        self.wait_for(self.shows)

    def read(self) -> str:
        try:
            while data := os.read(self.master, 1 << 16):
                self.shown += data
        except (BlockingIOError, OSError):
            pass
        return self.shown.decode(errors="replace")

    def wait_for(self, text: str) -> None:
        wait_until(lambda: text in self.read(), f"{text!r} on the terminal")

    def press(self, keys: str, text: str) -> None:
        self.read()
        self.shown = b""
        os.write(self.master, keys.encode())
        self.wait_for(text)

    def is_raw(self) -> bool:
        return termios.tcgetattr(self.slave)[3] & (termios.ICANON | termios.ECHO) == 0

    def quit(self) -> None:
        os.write(self.master, b"q")
        self.assertEqual(self.viewer.wait(20), 0)
        self.assertEqual(termios.tcgetattr(self.slave), self.before)


class Top(OnTerminal):
    flags, shows = ["--top"], "2 nodes, 1 link, 2 streams"

    def test_each_view_takes_the_place_of_the_one_before_until_q(self):
        self.assertTrue(self.is_raw())
        self.press("n", "2 streams")  # what means nothing here does nothing
        self.assertTrue(self.read().startswith("\x1b[H"), self.shown)  # and is not seen; the view begins at the top
        self.quit()


class Terminal(OnTerminal):
    flags, shows = ["--stream", "one"], "one: "

    def test_keys_and_the_terminal_afterwards(self):
        self.assertTrue(self.is_raw())
        self.press(" ", "one: paused")
        self.press(" ", "goes on | ")
        self.press("n", "watching 'two'")
        self.press("p", "watching 'one'")
        self.press("\x1b[C", "'one' is live")
        self.press("?", "space pauses and resumes")
        self.quit()

    def test_a_suspended_viewer_gives_the_terminal_back(self):
        self.viewer.send_signal(signal.SIGTSTP)
        wait_until(lambda: not self.is_raw(), "the terminal is as before")
        self.viewer.send_signal(signal.SIGCONT)
        wait_until(self.is_raw, "its keys are read again")
        self.press(" ", "one: paused")
        self.viewer.send_signal(signal.SIGTERM)
        self.assertEqual(self.viewer.wait(20), 0)
        self.assertEqual(termios.tcgetattr(self.slave), self.before)


class Post(unittest.TestCase):
    def test_this_host_commands_and_no_page_of_another(self):
        with Overlay("boot-r1") as net:
            net.bootstrap("one=pattern:64x48@50", "two=pattern:32x32@50")
            net.node("r1")
            at = f"{net.free_address()}:{PORT}"
            viewer = net.guest("g1", "r1", "--stream", "one", "--http", at, dump=False)
            viewer.wait_for_log("watching 'one'")

            def post(body: str, *flags) -> str:
                command = ["curl", "-s", "-i", "--max-time", "20", *flags, "-d", body, f"http://{at}/control"]
                return subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout.decode()
            as_json = ["-H", "Content-Type: application/json"]
            answer = post(json.dumps({"command": "pause"}), *as_json)
            self.assertIn("200 OK", answer)
            self.assertEqual(json.loads(answer.split("\r\n\r\n")[1]), {"ok": True, "text": "paused"})
            self.assertIn("409 Conflict", post(json.dumps({"command": "pause"}), *as_json))
            self.assertIn("415 ", post("command=pause"))
            for field in ("Origin: http://evil.example", "Host: evil.example", "X-Forwarded-For: 192.0.2.1"):
                self.assertIn("403 ", post(json.dumps({"command": "resume"}), *as_json, "-H", field))
            self.assertIn('"state":"paused"', post(json.dumps({"command": "status"}), *as_json))
            self.assertIn("200 OK", post(json.dumps({"command": "quit"}), *as_json))
            viewer.wait_for_exit(0)


if __name__ == "__main__":
    unittest.main()
