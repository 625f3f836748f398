"""What streams are made of: odd pictures, odd bytes around them, and what comes through a pipe, at which rate."""

import shlex
import shutil
import subprocess
import threading
import time
import unittest

import jpeg
from overlay import Overlay, made_frames, run_of

EXIF = b"\xFF\xE1\x00\x22Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0"  # turned by 90 degrees
COMMENT = b"\xFF\xFE\x00\x0Dby a camera"
PART = b"\r\n--myboundary\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n"


def without_eoi(frame: bytes) -> bytes:
    assert frame.endswith(b"\xFF\xD9")
    return frame[:-2]


def stream_of(line: dict, name: str) -> dict:
    return next(stream for stream in line["streams"] if stream["name"] == name)


def pump(process, data: bytes) -> threading.Thread:
    """Writes into the process's standard input as fast as that is read, and closes it."""
    def write():
        process.feed(data)
        process.popen.stdin.close()
    thread = threading.Thread(target=write, daemon=True)
    thread.start()
    return thread


class Sources(unittest.TestCase):
    def setUp(self):
        self.frames = made_frames(60)
        self.pictures = [jpeg.picture(frame) for frame in self.frames]
        self.net = Overlay("boot-r1 r1-c1")
        self.net.__enter__()
        self.addCleanup(self.net.end, show=True)

    def write(self, name: str, data: bytes):
        path = self.net.folder / name
        path.write_bytes(data)
        return path

    def watch(self, source: str, count: int, flags=()):
        """A member and a guest that saw so many frames of this source, each as it should be. The origin."""
        net = self.net
        boot = net.bootstrap(f"film={source}", flags=flags)
        net.node("r1")
        clients = [net.client("c1", "--frames", str(count)), net.guest("g1", "r1", "--frames", str(count))]
        for client in clients:
            client.wait_for_exit(0)
            run_of(client.pictures(), self.pictures)
            final = client.final()
            self.assertEqual([final[key] for key in ("frames_lost", "frames_skipped", "frames_duplicate")], [0, 0, 0])
        return boot

    def keeps_pace(self, source: str):
        """The origin of a source and of a test pattern at the same rate, when both were watched for some hundred
        frames. However slow the machine is, they have about as many."""
        net = self.net
        boot = net.bootstrap(f"film={source}?fps=50", "even=pattern:32x32@50")
        viewers = [net.guest(name, "boot", "--stream", name, dump=False) for name in ("film", "even")]
        for viewer in viewers:
            viewer.wait_for_stats(lambda line: line["frames_received"] > 0, "a frame", fresh=False)
        first = boot.wait_for_stats()
        def frames_since(line, name):
            return stream_of(line, name)["frames"] - stream_of(first, name)["frames"]
        last = boot.wait_for_stats(lambda line: frames_since(line, "even") >= 150, "150 frames of the test pattern")
        self.assertAlmostEqual(frames_since(last, "film"), frames_since(last, "even"), delta=30)
        return boot

    def test_pictures_without_an_end(self):
        """As cameras and cut-off files have them: each is completed, and each is there."""
        path = self.write("cut.mjpeg", b"".join(map(without_eoi, self.frames)))
        boot = self.watch(f"{path}?fps=100", 130)
        stream = stream_of(boot.wait_for_stats(), "film")
        self.assertEqual(stream["frames_completed"], stream["frames"])
        self.assertEqual(stream["frames_refused"], 0)
        self.assertEqual(len(boot.said("frames end without EOI: they are completed")), 1)
        self.assertEqual(boot.said("warning"), [])

    def test_bytes_between_frames_cost_no_time(self):
        path = self.write("junk.mjpeg", b"".join(frame + b"\x01junk" for frame in self.frames))
        boot = self.keeps_pace(path)
        self.assertGreater(stream_of(boot.wait_for_stats(), "film")["frames_refused"], 100)
        self.assertEqual(len(boot.said("no JPEG begins here")), 1)
        row = self.net.list_streams("--node", self.net.address["boot"])[0]
        self.assertGreater(int(row["REFUSED"]), 100)
        boot.wait_for_log(r"'film': \d+ more frames like this")

    def test_line_ends_between_the_records_of_a_classic_clip(self):
        path = self.write("lines.Mjpeg", b"".join(jpeg.join_classic([frame]) + b"\r\n" for frame in self.frames))
        boot = self.watch(f"{path}?fps=100", 130)
        self.assertEqual(stream_of(boot.wait_for_stats(), "film")["frames_refused"], 0)

    def test_what_a_picture_says_beside_its_pixels(self):
        path = self.write("exif.mjpeg", b"".join(frame[:2] + EXIF + COMMENT + frame[2:] for frame in self.frames))
        self.watch(f"{path}?fps=100", 20)
        for number in (1, 20):
            received = (self.net.folder / "c1.frames" / f"{number:08}.jpg").read_bytes()
            self.assertIn(EXIF + COMMENT, received[:400])

    def ffmpeg(self, *arguments, data: bytes = b""):
        subprocess.run(["ffmpeg", "-v", "error", "-y", *map(str, arguments)], input=data, check=True, timeout=60,
                       cwd=self.net.folder)

    def test_an_avi_file_plays_at_its_own_rate(self):
        """With sound beside it, as ffmpeg writes it, and cut off as a recorder leaves it that was killed."""
        self.ffmpeg("-f", "mjpeg", "-framerate", 40, "-i", "-", "-f", "lavfi", "-i", "sine", "-shortest",
                    "-c:v", "copy", "-r", 40, "-c:a", "pcm_s16le", "film.avi", data=b"".join(self.frames))
        whole = (self.net.folder / "film.avi").read_bytes()
        path = self.write("cut", whole[:whole.rindex(b"00dc", 0, whole.index(b"idx1")) - 2000])
        boot = self.net.bootstrap(f"film={self.net.folder}/film.avi", f"cut={path}?fps=100&eof=end")
        for name, count in (("film", 70), ("cut", 50)):
            guest = self.net.guest(name, "boot", "--stream", name, "--frames", str(count))
            guest.wait_for_exit(0)
            run_of(guest.pictures(), self.pictures)
            self.assertEqual(guest.final()["frames_lost"], 0)
        boot.wait_for_log(r"stream 'film': avi 320x180 at 40 frames/s")
        self.assertEqual(stream_of(boot.wait_for_stats(), "film")["frames_refused"], 0)

    def test_a_recording_is_a_source(self):
        """What was recorded, and then cut off, is played picture by picture; and so is what `curl` has saved."""
        boot = self.net.bootstrap(f"film={self.write('clip.mjpeg', b''.join(self.frames))}?fps=50")
        recorder = self.net.guest("recorder", "boot", "--record", "killed.avi", dump=False)
        recorder.wait_for_stats(lambda line: line["outlets"][0]["frames"] >= 70, "70 frames recorded", fresh=False)
        recorder.kill()
        boot.terminate()
        saved = self.write("saved", b"".join(PART % len(frame) + frame for frame in self.frames))
        boot = self.net.bootstrap(f"avi={self.net.folder}/killed.avi?eof=end", f"parts={saved}?fps=100")
        for name, count in (("avi", 65), ("parts", 130)):
            guest = self.net.guest(name, "boot", "--stream", name, "--frames", str(count))
            guest.wait_for_exit(0)
            run_of(guest.pictures(), self.pictures)
        self.assertEqual(boot.said("warning|error"), [])

    def test_what_only_ffmpeg_plays_is_played_by_the_line_of_the_error_and_matroska_by_itself(self):
        jpegs = ["-f", "mjpeg", "-framerate", 50, "-i", "-"]
        self.ffmpeg(*jpegs, "-c:v", "mpeg4", "film.mp4", data=b"".join(self.frames))
        self.ffmpeg(*jpegs, "-c:v", "copy", "my film.mkv", data=b"".join(self.frames))
        boot = self.net.bootstrap("film=film.mp4", wait=False)
        line = boot.wait_for_log("'film.mp4' is MP4; ffmpeg plays it: ")[0]
        boot.wait_for_exit(2)
        source = shlex.split(line.partition("ffmpeg plays it: ")[2])[1]
        for played in (source.replace("NAME=", "film="), "film=my film.mkv"):
            with self.subTest(played):
                boot = self.net.bootstrap(played)
                guest = self.net.guest("viewer", "boot", "--frames", "30")
                guest.wait_for_exit(0)
                if "mkv" in played:
                    run_of(guest.pictures(), self.pictures)  # JPEGs stay what they are
                shutil.rmtree(guest.dump)
                boot.terminate()

    def test_a_camera_that_speaks_multipart(self):
        """What `curl -N http://camera/` writes is a stream, without a word."""
        net = self.net
        boot = net.bootstrap("cam=-", stdin=subprocess.PIPE)
        guest = net.guest("g1", "boot")
        guest.wait_for_log("watching 'cam'")
        for i, frame in enumerate(self.frames):
            boot.feed(PART % len(frame) + (frame if i % 2 else without_eoi(frame)))
            guest.wait(lambda: guest.frame_count() >= i, "the frame before")  # its end may be the next one's start
        boot.feed(b"\r\n--myboundary--\r\n")
        boot.popen.stdin.close()
        guest.wait_for_frames(60)
        self.assertEqual(guest.pictures(), self.pictures)
        boot.wait_for_log("standard input has ended after 60 frames; the stream stays")
        self.assertEqual(boot.said("warning"), [])
        self.assertEqual(stream_of(boot.wait_for_stats(), "cam")["frames_refused"], 0)

    def test_a_pipe_that_is_read_at_a_rate(self):
        """Its writer waits: no frame is lost, and they come as fast as those of a test pattern."""
        net = self.net
        boot = net.bootstrap("cam=-?fps=50", "even=pattern:32x32@50", stdin=subprocess.PIPE)
        guest, even = net.guest("g1", "boot", "--stream", "cam"), net.guest("g2", "boot", "--stream", "even", dump=False)
        guest.wait_for_log("watching 'cam'")
        even.wait_for_stats(lambda line: line["frames_received"] > 0, "a frame", fresh=False)
        before = stream_of(boot.wait_for_stats(), "even")["frames"]
        writer = pump(boot, b"".join(self.frames * 3))
        guest.wait_for_frames(180)
        writer.join(40)
        after = stream_of(boot.wait_for_stats(), "even")["frames"]
        self.assertGreater(after - before, 150)
        run_of(guest.pictures(), self.pictures)
        self.assertEqual((guest.frame_count(), guest.wait_for_stats()["frames_lost"]), (180, 0))

    def test_a_live_stream_is_what_it_is_found_to_be(self):
        """And what becomes of it: nothing is known, then size and rate are, then it stalls, goes on, and ends."""
        net = self.net
        boot = net.bootstrap("cam=-?eof=end", "test=pattern:32x32", stdin=subprocess.PIPE)
        net.node("r1")
        stop = threading.Event()

        def row_when(condition, what):
            """The stream's line of --list, an empty one if it is not listed, when the condition holds."""
            def found():
                time.sleep(0.1)  # each look is a process
                rows = [row for row in net.list_streams("--node", net.address["r1"]) if row["NAME"] == "cam"]
                row = rows[0] if rows else {"STATE": "none", "FPS": "-"}
                return row if condition(row) else None
            return boot.wait(found, what)
        first = row_when(lambda row: row["STATE"] != "none", "the stream")
        self.assertEqual((first["SIZE"], first["FPS"]), ("-", "-"))
        self.assertIn(first["STATE"], ("live", "stalled"))

        def play():
            while not stop.wait(0.04):
                boot.feed(self.frames[0])
        player = threading.Thread(target=play, daemon=True)
        player.start()
        self.addCleanup(stop.set)
        known = row_when(lambda row: row["FPS"] != "-" and row["STATE"] == "live", "its rate")
        self.assertEqual(known["SIZE"], "320x180")
        self.assertTrue(5 < float(known["FPS"]) < 26, known)  # on a machine that may be busy
        stop.set()
        player.join()
        row_when(lambda row: row["STATE"] == "stalled", "that it has stalled")
        boot.feed(self.frames[0])
        row_when(lambda row: row["STATE"] == "live", "that it goes on")
        boot.popen.stdin.close()
        row_when(lambda row: row["STATE"] == "ended", "that it has ended")
        row_when(lambda row: row["STATE"] == "none", "that it is listed no more")


if __name__ == "__main__":
    unittest.main()
