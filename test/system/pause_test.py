"""Nothing blocks the loop: while pictures are converted that take long, and while files and pipes that take or
give nothing hold up whoever uses them, a process goes on listening, and says what its longest pause was."""

import os
import signal
import subprocess
import time
import unittest

import jpeg
from overlay import Overlay, made_frames, wait_for_more_frames, wait_until

HANG_S = 2
# What is held up is so many times longer than the loop's longest pause. A machine with other work to do takes the
# processor away from the loop, too.
MARGIN = 4


def full_pipe():
    """Two ends of a pipe that takes nothing more until it is read."""
    read_end, write_end = os.pipe()
    os.set_blocking(write_end, False)
    fill(write_end)
    os.set_blocking(write_end, True)
    return read_end, write_end


def fill(fd: int) -> None:
    try:
        while True:
            os.write(fd, b"." * 4096)
    except BlockingIOError:
        pass


def drain(fd: int) -> bytes:
    os.set_blocking(fd, False)
    data = b""
    try:
        while block := os.read(fd, 1 << 16):
            data += block
    except BlockingIOError:
        pass
    return data


class Pauses(unittest.TestCase):
    def setUp(self):
        self.net = Overlay("boot-r1 r1-c1")
        self.net.__enter__()
        self.addCleanup(self.net.end, show=True)

    def assert_short_pauses(self, process, work_s: float) -> None:
        line = process.wait_for_stats()
        self.assertGreater(line["loop_pause_ms_max"], 0)
        self.assertLess(line["loop_pause_ms_max"] * MARGIN, work_s * 1000, line)

    def assert_undisturbed(self, *processes) -> None:
        """Nobody was taken for dead: each neighbour has come once."""
        for process in processes:
            self.assertEqual(len(process.said("linked with")), 1 if process.name != "r1" else 2)

    def test_pictures_that_take_long_to_convert(self):
        """24 megapixels, progressive, five a second: more than can be done. They come at the rate that can."""
        net = self.net
        folder = net.folder / "large"
        folder.mkdir()
        for i in range(2):
            (folder / f"{i}.jpg").write_bytes(jpeg.progressive(6000, 4000, scans=40 + i))
        boot = net.bootstrap(f"large={folder}?fps=240")
        r1, client = net.node("r1"), net.client("c1")
        client.wait_for_frames(2)
        began, before = time.monotonic(), client.frame_count()
        wait_for_more_frames([client], 4)
        work_s = (time.monotonic() - began) / (client.frame_count() - before)
        self.assert_short_pauses(boot, work_s)
        self.assert_undisturbed(boot, r1, client)
        self.assertEqual(client.wait_for_stats()["frames_lost"], 0)

    def test_live_pictures_that_take_long_to_convert(self):
        """A camera cannot be told to wait: the oldest of its frames are left out, and there is one warning."""
        net = self.net
        boot = net.bootstrap("cam=-", stdin=subprocess.PIPE)
        r1, client = net.node("r1"), net.client("c1")
        client.wait_for_log("watching 'cam'")
        picture = jpeg.progressive(6000, 4000, scans=40)
        began = time.monotonic()
        fed = 0
        while not boot.said("frames come faster than they can be converted") or client.frame_count() < 3:
            boot.feed(picture)
            fed += 1
            time.sleep(0.02)
            self.assertLess(time.monotonic() - began, 60, "no warning")
        work_s = (time.monotonic() - began) / client.frame_count()
        self.assert_short_pauses(boot, work_s)
        self.assert_undisturbed(boot, r1, client)
        self.assertLess(client.frame_count(), fed)
        self.assertLessEqual(len(boot.said("faster than they can be converted")), 1 + fed / 50 / 10 + 6)

    def test_a_file_that_is_not_read_in_time(self):
        net = self.net
        folder = net.folder / "pictures"
        folder.mkdir()
        frame = made_frames(1)[0]
        (folder / "0.jpg").write_bytes(frame)
        os.mkfifo(folder / "1.jpg")  # whoever opens it waits for somebody who writes
        boot = net.bootstrap(f"stuck={folder}?fps=100", "test=pattern:160x120@60")
        r1 = net.node("r1")
        client, other = net.client("c1", "--stream", "stuck"), net.guest("g1", "r1", "--stream", "test")
        client.wait_for_frames(1)
        time.sleep(HANG_S)
        wait_for_more_frames([other], 10)
        self.assertEqual(client.frame_count(), 1)
        self.assert_short_pauses(boot, HANG_S)
        self.assert_undisturbed(boot, r1, client)
        with open(folder / "1.jpg", "wb") as late:
            late.write(frame)
        client.wait_for_frames(2)

    def test_a_log_that_takes_nothing(self):
        """The pipe of a service manager that hangs. Later it gets what was said last, and how much is missing."""
        net = self.net
        net.bootstrap("test=pattern:160x120@60")
        read_end, write_end = full_pipe()
        self.addCleanup(os.close, read_end)
        r1 = net.start("r1", ["--role", "node", "--bootstrap", net.address["boot"], "--id", net.address["r1"],
                              "--stats", net.folder / "r1.stats", "--log-level", "debug"], stderr=write_end)
        os.close(write_end)
        client = net.client("c1")
        client.wait_for_frames(10)
        began = time.monotonic()
        for _ in range(300):  # a report of some lines each
            r1.send(signal.SIGUSR1)
            time.sleep(0.01)
        wait_for_more_frames([client], 10)
        self.assert_short_pauses(r1, time.monotonic() - began)
        self.assertEqual(client.wait_for_stats()["frames_lost"], 0)
        said = b""

        def last_word():
            nonlocal said
            said += drain(read_end)
            return b"leaves" in said or r1.popen.poll() is not None
        r1.send(signal.SIGTERM)
        wait_until(last_word, "the end of the log")
        r1.wait_for_exit(0)
        said += drain(read_end)
        self.assertIn(b"listening on", said)

    def test_a_log_that_never_takes_anything(self):
        """The process ends all the same, soon."""
        net = self.net
        net.bootstrap("test=pattern:160x120@60")
        read_end, write_end = full_pipe()
        self.addCleanup(os.close, read_end)
        client = net.guest("g1", "boot", stderr=write_end)
        os.close(write_end)
        client.wait_for_frames(10)
        client.terminate()
        self.assertIs(client.final()["final"], True)

    def test_statistics_that_go_nowhere(self):
        net = self.net
        boot = net.bootstrap("test=pattern:160x120@60")
        path = net.folder / "fifo"
        os.mkfifo(path)
        reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        writer = os.open(path, os.O_WRONLY | os.O_NONBLOCK)
        self.addCleanup(os.close, reader)
        fill(writer)
        os.close(writer)
        r1 = net.start("r1", ["--role", "node", "--bootstrap", net.address["boot"], "--id", net.address["r1"],
                              "--stats", path])
        client = net.client("c1")
        client.wait_for_frames(1)
        time.sleep(HANG_S)
        wait_for_more_frames([client], 10)
        self.assert_undisturbed(boot, r1, client)
        os.set_blocking(reader, True)
        text = b""
        while b'"loop_pause_ms_max"' not in text:
            text += os.read(reader, 1 << 16)
        line = text.lstrip(b".").decode()
        pause = float(line.split('"loop_pause_ms_max":')[1].split(",")[0])
        self.assertLess(pause * MARGIN, HANG_S * 1000)

    def test_a_disk_that_hangs_under_a_member_that_relays(self):
        """c1 writes frames to a disk that takes none, and passes the stream on to a guest of its own."""
        net = self.net
        boot = net.bootstrap("test=pattern:160x120@120")
        r1 = net.node("r1")
        folder = net.folder / "c1.frames"
        folder.mkdir()
        hung = folder / ".00000003.jpg.part"
        os.mkfifo(hung)  # whoever opens it waits for somebody who reads
        client = net.client("c1")
        client.wait_for_frames(2)
        guest = net.guest("g1", "c1")
        client.wait_for_stats(lambda line: line["frames_skipped"] > 50, "frames that are left out")
        wait_for_more_frames([guest], 10)
        self.assert_short_pauses(client, HANG_S)
        self.assert_undisturbed(boot, r1, client)
        self.assertEqual(len(client.said("faster than they can be written")), 1)
        self.assertEqual(client.frame_count(), 2)
        last = guest.wait_for_stats()
        self.assertEqual((last["frames_lost"], last["frames_skipped"]), (0, 0))
        read_end = os.open(hung, os.O_RDONLY | os.O_NONBLOCK)
        self.addCleanup(os.close, read_end)
        client.wait_for_frames(200)
        counts = client.wait_for_stats()
        self.assertEqual(counts["frames_lost"], 0)
        for number in range(4, 200):
            jpeg.picture((folder / f"{number:08}.jpg").read_bytes())

    def test_the_end_on_a_disk_that_hangs(self):
        net = self.net
        net.bootstrap("test=pattern:160x120@60")
        folder = net.folder / "g1.frames"
        folder.mkdir()
        os.mkfifo(folder / ".00000002.jpg.part")
        client = net.guest("g1", "boot")
        client.wait_for_stats(lambda line: line["frames_received"] > 20, "20 frames")
        client.terminate()
        final = client.final()
        self.assertIs(final["final"], True)
        # The first one is written; the second hangs.
        self.assertEqual(final["frames_skipped"], final["frames_received"] - 1)
        left_out = final["frames_received"] - 1
        self.assertIn(f"--dump is too slow: {left_out} frames left out at the end", client.log())

    def test_frames_are_counted_when_they_are_written(self):
        net = self.net
        net.bootstrap("test=pattern:160x120@60")
        folder = net.folder / "g1.frames"
        folder.mkdir()
        hung = folder / ".00000005.jpg.part"
        os.mkfifo(hung)
        client = net.guest("g1", "boot", "--frames", "5")
        client.wait_for_stats(lambda line: line["frames_received"] == 5, "5 frames")
        self.assertIsNone(client.popen.poll())
        read_end = os.open(hung, os.O_RDONLY | os.O_NONBLOCK)
        self.addCleanup(os.close, read_end)
        client.wait_for_exit(0)
        self.assertEqual(client.frame_count(), 5)


class ClosedDescriptors(unittest.TestCase):
    def test_none_of_the_standard_three(self):
        """What is logged must not go into a connection, which would then have got the descriptor."""
        with Overlay("boot-r1 r1-c1") as net:
            boot = net.bootstrap("test=pattern:160x120@60")
            close_all = ["sh", "-c", 'exec 0<&- 1>&- 2>&-; exec "$@"', "sh"]
            net.prefix, prefix = [*net.prefix, *close_all], net.prefix
            r1 = net.start("r1", ["--role", "node", "--bootstrap", net.address["boot"], "--id", net.address["r1"],
                                  "--stats", net.folder / "r1.stats", "--log-level", "debug"])
            net.prefix = prefix
            client = net.client("c1")
            client.wait_for_frames(5)
            for _ in range(20):
                r1.send(signal.SIGUSR1)
                wait_for_more_frames([client], 1)
            for fd in (0, 1, 2):
                self.assertEqual(os.readlink(f"/proc/{r1.popen.pid}/fd/{fd}"), "/dev/null")
            self.assertEqual(r1.log(), "")
            self.assertEqual(len(boot.said("linked with")), 1)
            self.assertEqual(client.wait_for_stats()["frames_lost"], 0)


if __name__ == "__main__":
    unittest.main()
