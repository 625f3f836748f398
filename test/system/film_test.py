"""Films on request: each viewer has its own position; and the clips of a folder."""

import time
import unittest

import jpeg
from overlay import Overlay, made_frames, run_of

FPS = 25
FRAMES = 150


class Films(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.frames = made_frames(FRAMES, "160x120")

    def setUp(self):
        self.net = Overlay("boot-r1 r1-c1")
        self.net.__enter__()
        self.addCleanup(self.net.end, show=True)
        folder = self.net.folder / "films"
        folder.mkdir()
        (folder / "one.mjpeg").write_bytes(b"".join(self.frames))
        (folder / "two.mjpeg").write_bytes(b"".join(self.frames[:60]))
        (folder / "notes.txt").write_text("no clip")
        self.folder = folder

    def pictures(self, viewer) -> list:
        return [jpeg.picture(frame) for frame in jpeg.split(viewer.out_path.read_bytes())]

    def test_two_viewers_of_one_film(self):
        """At different places, by a member and a guest; each has every frame from its place to the end."""
        net = self.net
        boot = net.bootstrap(f"films=vod:{self.folder}/?fps={FPS}")
        boot.wait_for_log("films/one': 150 frames, 6.0 s")
        net.node("r1")
        row = {row["NAME"]: row for row in net.list_streams("--node", net.address["r1"])}
        self.assertEqual(sorted(row), ["films/one", "films/two"])
        self.assertEqual((row["films/one"]["SOURCE"], row["films/one"]["DURATION"]), ("vod", "0:06"))
        began = time.monotonic()
        member = net.client("c1", "--stream", "films/one", "--dump", "-", dump=False)
        guest = net.guest("g1", "r1", "--stream", "films/one", "--start", "4s", "--dump", "-", dump=False)
        guest.wait_for_exit(0)
        member.wait_for_exit(0)
        self.assertGreater(time.monotonic() - began, FRAMES / FPS - 1)
        source = [jpeg.picture(frame) for frame in self.frames]
        for viewer, first in ((member, 0), (guest, 4 * FPS)):
            pictures = self.pictures(viewer)
            self.assertEqual((len(pictures), run_of(pictures, source)), (FRAMES - first, first))
            viewer.wait_for_log("'films/one': the film has ended")
            self.assertEqual(viewer.final()["frames_lost"], 0)

    def test_a_film_goes_on_by_another_relay(self):
        """A relay is killed: no frame is missing."""
        net = self.net
        net.end()
        self.net = net = Overlay("boot-r1 boot-r2 r1-c1 r2-c1")
        net.__enter__()
        self.addCleanup(net.end, show=True)
        (net.folder / "one.mjpeg").write_bytes(b"".join(self.frames))
        net.bootstrap(f"film=vod:{net.folder}/one.mjpeg?fps={FPS}")
        r1, _ = net.node("r1"), net.node("r2")
        viewer = net.client("c1", "--dump", "-", dump=False)
        viewer.wait_for_stats(lambda line: line["frames_received"] > 30, "30 frames")
        r1.kill()
        net.processes.remove(r1)
        viewer.wait_for_exit(0)
        source = [jpeg.picture(frame) for frame in self.frames]
        self.assertEqual((len(self.pictures(viewer)), run_of(self.pictures(viewer), source)), (FRAMES, 0))

    def test_a_folder_of_live_clips(self):
        net = self.net
        boot = net.bootstrap(f"films={self.folder}/")
        boot.wait_for_log("1 file in .* is no clip: .*notes.txt")
        rows = net.list_streams("--bootstrap", net.address["boot"])
        self.assertEqual([(row["NAME"], row["SOURCE"]) for row in rows],
                         [("films/one", "mjpeg"), ("films/two", "mjpeg")])
        net.node("r1")
        viewer = net.guest("g1", "r1", "--stream", "films/two", "--frames", "70", "--start", "1s", "--dump", "-",
                           dump=False)
        viewer.wait_for_exit(0)
        viewer.wait_for_log("warning .*--start: 'films/two' is live")
        run_of(self.pictures(viewer), [jpeg.picture(frame) for frame in self.frames[:60]])

    def test_what_is_no_film(self):
        net = self.net
        for source, why in ((f"vod:{self.folder}/nothing.mjpeg", "nothing.mjpeg"),
                            (f"vod:{self.folder}/notes.txt", "notes.txt"),
                            (f"vod:{self.folder}/one.mjpeg?speed=2", "unknown option")):
            process = net.bootstrap(f"film={source}", wait=False)
            self.assertIn(why, process.wait_for_exit(2))
            net.processes.remove(process)


if __name__ == "__main__":
    unittest.main()
