"""What is shown is the source: each picture, in order, once, over two levels of relays."""

import os
import shutil
import subprocess
import unittest

import jpeg
from overlay import Overlay, made_frames, run_of

TREE = "boot-r1 r1-r2 r1-r3 r2-c1 r3-c2"


def watch_two_loops(test, source: str, pictures: list, list_kind: str) -> None:
    """Three clients, one a guest and late, watch the source go round twice."""
    count = 2 * len(pictures)
    with Overlay(TREE) as net:
        net.bootstrap(f"film={source}?fps=100")
        net.nodes("r1 r2 r3")
        c1 = net.client("c1", "--frames", str(count))
        c2 = net.client("c2", "--frames", str(count))
        c1.wait_for_frames(10)
        guest = net.guest("guest", "r3", "--frames", str(count))
        for client in (c1, c2, guest):
            client.wait_for_exit(0)
            test.assertEqual(client.frame_count(), count)
            run_of(client.pictures(), pictures)
            final = client.final()
            test.assertEqual(final["frames_received"], count)
            test.assertEqual([final[key] for key in ("frames_lost", "frames_duplicate", "frames_skipped")], [0, 0, 0])
            test.assertEqual(final["stream"], "film")
            test.assertEqual(final["hops"], 3)
        listed = net.list_streams("--node", net.address["r1"])
        test.assertEqual([row["SOURCE"] for row in listed], [list_kind])


class RealClip(unittest.TestCase):
    def test_every_picture_arrives_in_order_and_once(self):
        path = os.environ.get("OTT_TEST_CLIP")
        if not path:
            self.skipTest("OTT_TEST_CLIP names no clip")
        with open(path, "rb") as clip:
            frames = jpeg.split_classic(clip.read())
        watch_two_loops(self, path, [jpeg.picture(frame) for frame in frames], "clip")


class SourceKinds(unittest.TestCase):
    """The same JPEGs as each kind of source."""

    @classmethod
    def setUpClass(cls):
        cls.frames = made_frames(60)
        cls.pictures = [jpeg.picture(frame) for frame in cls.frames]

    def setUp(self):
        self.net = Overlay()  # for its folder only
        self.net.__enter__()
        self.addCleanup(self.net.end)
        self.folder = self.net.folder

    def test_clip_with_lengths(self):
        path = self.folder / "made.Mjpeg"
        path.write_bytes(jpeg.join_classic(self.frames))
        watch_two_loops(self, path, self.pictures, "clip")

    def test_concatenated_jpegs(self):
        path = self.folder / "made.mjpeg"
        path.write_bytes(b"".join(self.frames))
        watch_two_loops(self, path, self.pictures, "mjpeg")

    def test_directory_of_jpegs(self):
        path = self.folder / "made"
        path.mkdir()
        for i, frame in enumerate(self.frames):
            (path / f"{i:04}.jpg").write_bytes(frame)
        (path / "note.txt").write_text("not a picture")
        watch_two_loops(self, path, self.pictures, "directory")

    def test_standard_input(self):
        with Overlay(TREE) as net:
            boot = net.bootstrap("cam=-", stdin=subprocess.PIPE)
            net.nodes("r1 r2 r3")
            clients = [net.client("c1"), net.client("c2"), net.guest("guest", "r3")]
            for client in clients:
                client.wait_for_log("watching 'cam'")
            # Cut where nothing ends, as a pipe may.
            data = b"".join(self.frames)
            for at in range(0, len(data), 7777):
                boot.feed(data[at:at + 7777])
                clients[0].wait(lambda: clients[0].frame_count() > 0 or at < 70000, "frames")
            boot.popen.stdin.close()
            boot.wait_for_log("standard input has ended after 60 frames")
            last = self.pictures[-1]
            for client in clients:
                client.wait(lambda c=client: c.frame_count() and c.pictures()[-1] == last, "the last picture")
                client.terminate()
                first = run_of(client.pictures(), self.pictures)
                self.assertEqual(first + client.frame_count(), len(self.pictures))  # not round again
                self.assertEqual(client.final()["frames_lost"], 0)

    if shutil.which("ffmpeg"):
        def test_decoded_pixels(self):
            """The other tests compare tables and coded data; this one what a decoder makes of them."""
            path = self.folder / "made.mjpeg"
            path.write_bytes(b"".join(self.frames))
            with Overlay() as net:
                net.bootstrap(f"film={path}?fps=100")
                guest = net.guest("guest", "boot", "--frames", "20", "--dump", "-", dump=False)
                guest.wait_for_exit(0)
                received = guest.out_path.read_bytes()
            first = run_of([jpeg.picture(frame) for frame in jpeg.split(received)], self.pictures)
            expected = (self.frames + self.frames)[first:first + 20]
            pixels = decode(received)
            self.assertEqual(len(pixels), 20 * 320 * 180 * 3 // 2)
            self.assertTrue(pixels == decode(b"".join(expected)), "the decoded pixels differ")


def decode(mjpeg: bytes) -> bytes:
    command = ["ffmpeg", "-v", "error", "-f", "mjpeg", "-i", "-", "-f", "rawvideo", "-"]
    return subprocess.run(command, input=mjpeg, stdout=subprocess.PIPE, check=True, timeout=60).stdout


if __name__ == "__main__":
    unittest.main()
