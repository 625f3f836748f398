"""Sources that come at their own pace: programs, named pipes, cameras; and who stands in when one is away."""

import os
import pathlib
import re
import subprocess
import unittest

import jpeg
from overlay import Overlay, made_frames, run_of, wait_until

FAKE_CAMERA = pathlib.Path(__file__).with_name("fake_camera.c")


def is_running(pid: int) -> bool:
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


class LiveSources(unittest.TestCase):
    def setUp(self):
        self.frames = made_frames(60)
        self.pictures = [jpeg.picture(frame) for frame in self.frames]
        self.net = Overlay("boot-r1 r1-c1 r1-r2 r1-r3")
        self.net.__enter__()
        self.addCleanup(self.net.end, show=True)
        self.film = self.net.folder / "film.mjpeg"
        self.film.write_bytes(b"".join(self.frames))

    # Programs.

    def player(self, more: str = "") -> str:
        """A command that notes its process id and plays the film over and over, 50 frames a second."""
        script = self.net.folder / "player.py"
        script.write_text("import os, sys, time\n"
                          "open('pids', 'a').write(f'{os.getpid()}\\n')\n"
                          "frames = [open('film.mjpeg', 'rb').read()]\n"
                          "frames = [b'\\xff\\xd8\\xff' + part for part in frames[0].split(b'\\xff\\xd8\\xff')[1:]]\n"
                          f"{more}\n"
                          "while True:\n"
                          "    for frame in frames:\n"
                          "        sys.stdout.buffer.write(frame); sys.stdout.buffer.flush(); time.sleep(0.02)\n")
        return "exec:python3 player.py"

    def pids(self) -> list:
        try:
            return [int(line) for line in (self.net.folder / "pids").read_text().splitlines()]
        except FileNotFoundError:
            return []

    def test_a_program_runs_while_somebody_watches(self):
        net = self.net
        boot = net.bootstrap(f"cam={self.player()}?linger=1s", "other=pattern:32x32@5")
        net.node("r1")
        other = net.guest("g0", "r1", "--stream", "other", "--frames", "10")
        other.wait_for_exit(0)
        self.assertEqual(self.pids(), [], "nobody has watched it")
        guest = net.guest("g1", "r1", "--stream", "cam", "--frames", "100")
        guest.wait_for_exit(0)
        run_of(guest.pictures(), self.pictures)
        [pid] = self.pids()
        wait_until(lambda: not is_running(pid), "the end of the program that nobody watches")
        again = net.guest("g2", "r1", "--stream", "cam", "--frames", "100")
        again.wait_for_exit(0)
        run_of(again.pictures()[1:], self.pictures)  # the first one may be from a second ago
        self.assertEqual(len(self.pids()), 2)
        self.assertEqual(boot.said("warning"), [])

    def test_a_program_that_dies_is_started_anew(self):
        net = self.net
        words = "sys.stderr.write('cannot open rtsp://me:secret@10.0.0.9/live: no route\\n')"
        boot = net.bootstrap(f"cam={self.player(words)}")
        net.node("r1")
        guest = net.guest("g1", "r1")
        guest.wait_for_frames(20)
        [pid] = self.pids()
        os.kill(pid, 9)
        line = boot.wait_for_log("was ended by signal 9")[0]
        self.assertIn("exec: python3 was ended by signal 9: cannot open rtsp://10.0.0.9/live: no route; trying again",
                      line)
        count = guest.frame_count()
        guest.wait_for_frames(count + 60)
        guest.terminate()
        guest.wait_for_exit(0)
        final = guest.final()
        self.assertEqual((final["frames_lost"], final["frames_received"]), (0, guest.frame_count()))
        self.assertEqual(boot.said("secret"), [])
        boot.terminate()
        boot.wait_for_exit(0)
        wait_until(lambda: not any(map(is_running, self.pids())), "the end of the program with that of its node")

    def test_what_a_program_leaves_behind_ends_with_it(self):
        sleep = f"sleep {300_000 + os.getpid()}"  # nobody else's
        command = f"(trap '' TERM; exec {sleep}) & cat film.mjpeg; wait"
        self.net.bootstrap(f"cam=exec:{command}?linger=1s")
        # The film comes all at once, maybe before the guest has heard what it is: the newest frame is all it is sure of.
        self.net.guest("g1", "boot", "--frames", "1").wait_for_exit(0)

        def left():
            return subprocess.run(["pgrep", "-f", f"^{sleep}$"], capture_output=True, text=True).stdout.split()
        wait_until(left, "a process that ignores SIGTERM")
        wait_until(lambda: not left(), "its end")

    def test_the_end_of_a_program(self):
        net = self.net
        boot = net.bootstrap("cam=exec:cat film.mjpeg?eof=end&fps=50")
        guest = net.guest("g1", "boot", "--frames", "60")
        guest.wait_for_exit(0)
        self.assertEqual(guest.pictures(), self.pictures)
        boot.wait_for_log("its source has ended after 60 frames; the stream ends")

    def test_a_program_that_cannot_be(self):
        boot = self.net.bootstrap("cam=exec:no-such-program -x")
        self.net.guest("g1", "boot")
        self.assertIn("ended with status 127", boot.wait_for_log("not found; trying again")[0])

    # Named pipes.

    def test_writers_of_a_named_pipe_come_and_go(self):
        net = self.net
        path = net.folder / "pipe"
        os.mkfifo(path)
        boot = net.bootstrap(f"cam=fifo:{path}")
        net.node("r1")
        guest = net.guest("g1", "r1")
        guest.wait_for_log("watching 'cam'")
        boot.wait_for_log("watches")
        path.write_bytes(self.frames[0])  # from the first frame on nothing is left out
        guest.wait_for_frames(1)
        for count in (1, 2, 3):
            path.write_bytes(b"".join(self.frames))
            guest.wait_for_frames(1 + 60 * count)
        self.assertEqual(guest.pictures(), self.pictures[:1] + self.pictures * 3)
        self.assertEqual(boot.said("ended"), [])

    # Cameras of this host. Where the kernel has none, one is preloaded in its place.

    def camera(self) -> dict:
        library = self.net.folder / "fake_camera.so"
        subprocess.run(["gcc", "-O1", "-shared", "-fPIC", "-o", library, FAKE_CAMERA, "-ldl"], check=True)
        for i in range(10):
            (self.net.folder / f"{i:02}.jpg").write_bytes(self.frames[i])
        # A sanitizer wants to be the first library.
        sanitizer = ":".join(filter(None, [os.environ.get("ASAN_OPTIONS"), "verify_asan_link_order=0"]))
        return {"ASAN_OPTIONS": sanitizer, "LD_PRELOAD": str(library), "FAKE_CAMERA": "/dev/video9", "FAKE_PICTURES": str(self.net.folder),
                "FAKE_UNPLUGGED": str(self.net.folder / "unplugged")}

    def with_camera(self, source: str, **more):
        environment = {**self.camera(), **more}
        self.net.prefix = ["env", *(f"{name}={value}" for name, value in environment.items())]
        boot = self.net.bootstrap(f"cam={source}")
        self.net.prefix = []
        return boot

    def test_a_camera_that_is_unplugged_and_comes_back(self):
        boot = self.with_camera("v4l2:/dev/video9?size=320x180&fps=25")
        self.net.node("r1")
        guest = self.net.guest("g1", "r1")
        boot.wait_for_log("its source is there: 320x180 at 25 frames/s")
        guest.wait_for_frames(40)
        mark = self.net.folder / "unplugged"
        mark.touch()
        boot.wait_for_log("camera /dev/video9: no more pictures: No such device; trying again")
        mark.unlink()
        count = guest.frame_count()
        guest.wait_for_frames(count + 30)
        guest.terminate()
        guest.wait_for_exit(0)
        self.assertTrue(set(guest.pictures()) <= set(self.pictures[:10]))
        self.assertEqual(len(set(guest.pictures())), 10)
        self.assertEqual(guest.final()["frames_lost"], 0)

    def test_a_camera_without_jpegs(self):
        boot = self.with_camera("v4l2:/dev/video9", FAKE_FORMAT="YUYV")
        self.net.guest("g1", "boot")
        self.assertIn("it gives no motion JPEG, but YUYV; write 'NAME=exec:ffmpeg -f v4l2 -i /dev/video9",
                      boot.wait_for_log("motion JPEG")[0])

    def test_a_camera_that_is_not_there(self):
        boot = self.net.bootstrap("cam=v4l2:/dev/video77", "other=v4l2:/dev/null")
        self.net.guest("g1", "boot", "--stream", "cam")
        self.net.guest("g2", "boot", "--stream", "other")
        self.assertIn("(`ls /dev/video*` lists the cameras of this host)",
                      boot.wait_for_log("camera /dev/video77: No such file or directory")[0])
        boot.wait_for_log("camera /dev/null: it is no video device")

    # Others in its place.

    def test_another_origin_stands_in(self):
        net = self.net
        net.bootstrap("unused=pattern:32x32@1")
        net.node("r1")
        first, second = (net.node(name, "--stream", f"cam={self.film}?fps=50") for name in ("r2", "r3"))
        client = net.client("c1", "--stream", "cam", dump=False)
        client.wait_for_stats(lambda line: line["frames_received"] > 20, "frames")
        [line] = client.said("watching 'cam' from")
        watched = first if net.address["r2"] in line else second
        watched.kill()
        count = client.stats()[-1]["frames_received"]
        client.wait_for_stats(lambda line: line["frames_received"] > count + 100, "frames of the other")
        self.assertEqual(len(client.said("watching 'cam' from")), 2)
        client.terminate()
        client.wait_for_exit(0)
        self.assertEqual(client.final()["frames_lost"], 0)

    def test_one_on_standby(self):
        net = self.net
        net.bootstrap("unused=pattern:32x32@1")
        net.node("r1")
        first = net.node("r2", "--stream", "cam=pattern:64x48@25")
        second = net.node("r3", "--stream", "cam=pattern:32x32@25?standby")
        client = net.client("c1", "--stream", "cam", dump=False)
        client.wait_for_stats(lambda line: line["frames_received"] > 20, "frames")
        rows = [row for row in net.list_streams("--node", net.address["r1"]) if row["NAME"] == "cam"]
        self.assertEqual([row["SIZE"] for row in rows], ["64x48"])
        first.kill()
        second.wait_for_log("no other origin has it: it is offered here")
        count = client.stats()[-1]["frames_received"]
        client.wait_for_stats(lambda line: line["frames_received"] > count + 50, "frames of the other")
        net.node("r2", "--stream", "cam=pattern:64x48@25")
        second.wait_for_log("another origin has it: it stands by")
        client.wait_for_log(f"watching 'cam' from .*{re.escape(net.address['r2'])}", 2)

    # Outlets of a node.

    def test_a_node_writes_a_stream_of_another(self):
        net = self.net
        net.bootstrap("unused=pattern:32x32@1", f"film={self.film}?fps=50")
        folder = net.folder / "r1.frames"
        node = net.node("r1", "--stream", "film", "--dump", folder, "--stream", "own=pattern:32x32@5")
        node.wait_for_frames(100)
        node.terminate()
        node.wait_for_exit(0)
        run_of(node.pictures(), self.pictures)
        [outlet] = node.final()["outlets"]
        self.assertEqual((outlet["kind"], outlet["at"], outlet["frames_skipped"]), ("dump", str(folder), 0))
        self.assertEqual(outlet["frames"], node.frame_count())


if __name__ == "__main__":
    unittest.main()
