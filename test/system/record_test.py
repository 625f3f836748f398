"""Recordings: what players find in them, while they are written, when they are finished, and when they were cut off."""

import concurrent.futures
import errno
import os
import pathlib
import shutil
import signal
import statistics
import subprocess
import unittest

import jpeg
from media_programs import packet_times, pictures_in, run, seconds
from overlay import Overlay, made_frames, run_of, wait_for_more_frames, what_lacks_for_namespaces

FORMATS = ("mkv", "avi", "Mjpeg", "mjpeg")
RATE = 50


def pictures_as_far_as_whole(path: pathlib.Path) -> list:
    """The pictures in a file that ends anywhere."""
    data = path.read_bytes()
    if path.suffix != ".Mjpeg":
        data = subprocess.run(["ffmpeg", "-v", "fatal", "-i", path, "-c", "copy", "-f", "mjpeg", "-"], check=True,
                              capture_output=True, timeout=60).stdout
        pictures, at = [], 0
        while at < len(data):
            try:
                _, end = jpeg.parse(data, at)
            except ValueError:
                break
            pictures.append(jpeg.picture(data[at:end]))
            at = end
        return pictures
    pictures, at = [], 0
    while at + 5 <= len(data) and at + 5 + int(data[at:at + 5]) <= len(data):
        end = at + 5 + int(data[at:at + 5])
        pictures.append(jpeg.picture(data[at + 5:end]))
        at = end
    return pictures


def decode(path: pathlib.Path) -> int:
    """How many pictures ffmpeg decodes; it must complain of nothing."""
    text = run("ffmpeg", "-v", "warning", "-i", path, "-fps_mode", "passthrough", "-f", "framemd5", "-")
    return sum(not line.startswith("#") for line in text.splitlines())


def pictures_in_vlc(path: pathlib.Path, folder: pathlib.Path) -> int:
    """How many different ones it shows. It shows them in their time, so one or two at an end may be left out."""
    folder.mkdir()
    command = ["vlc", "-I", "dummy", "--vout", "vdummy", "--aout", "adummy", "--video-filter", "scene",
               "--scene-ratio", "1", "--scene-format", "jpg", "--scene-path", folder, path, "vlc://quit"]
    if os.geteuid() == 0:  # as root, VLC refuses to run
        shutil.chown(folder, "nobody")
        command = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups", *command]
    subprocess.run(command, env={**os.environ, "HOME": str(folder), "XDG_CONFIG_HOME": str(folder)}, check=True,
                   capture_output=True, timeout=60)
    return len({picture.read_bytes() for picture in folder.glob("*.jpg")})


def end(processes) -> None:
    for process in processes:
        process.send(signal.SIGTERM)
    for process in processes:
        process.wait_for_exit(0)


class Records(unittest.TestCase):
    def setUp(self):
        self.frames = made_frames(60)
        self.pictures = [jpeg.picture(frame) for frame in self.frames]
        self.net = Overlay("boot-r1 r1-c1")
        self.net.__enter__()
        self.addCleanup(self.net.end, show=True)
        clip = self.net.folder / "clip.mjpeg"
        clip.write_bytes(b"".join(self.frames))
        self.boot = self.net.bootstrap(f"film={clip}?fps={RATE}")

    def recorder(self, name: str, file: str, *flags, dump=False):
        return self.net.guest(name, "boot", "--record", file, *flags, dump=dump)

    def recorded(self, process, count: int) -> None:
        """Waits until so many frames are in its files."""
        process.wait_for_stats(lambda line: line["outlets"][0]["frames"] >= count, f"{count} frames recorded",
                               fresh=False)

    def test_each_format_has_the_frames_that_came(self):
        recorders = [self.recorder(extension, f"{extension}.{extension}", dump=True) for extension in FORMATS]
        for process in recorders:
            self.recorded(process, 70)
        end(recorders)
        for process in recorders:
            path = self.net.folder / f"{process.name}.{process.name}"
            with self.subTest(path.name):
                pictures = pictures_in(path)
                self.assertEqual(pictures, process.pictures())
                run_of(pictures, self.pictures)
                outlet = process.final()["outlets"][0]
                self.assertEqual((outlet["kind"], outlet["frames"], outlet["frames_skipped"]),
                                 ("record", len(pictures), 0))
                self.assertEqual(outlet["bytes"], path.stat().st_size)
                if path.suffix in (".mkv", ".avi"):
                    self.assertEqual(decode(path), len(pictures))
                    # On a loaded machine the clip pauses, and a recording keeps that. It counts once.
                    times = packet_times(path)
                    steps = [later - earlier for earlier, later in zip(times, times[1:])]
                    self.assertAlmostEqual(statistics.median(steps), 1 / RATE, delta=0.002)
                    self.assertGreater(seconds(path), times[-1])
                    self.assertLess(seconds(path), times[-1] + max(steps[-1], 1 / RATE) + 0.03)
        text = run("mkvinfo", "--all", self.net.folder / "mkv.mkv")
        self.assertIn("Codec ID: V_MJPEG", text)
        self.assertIn("+ Cues", text)
        self.assertNotIn("unknown", text)

    def test_a_node_records_a_stream_and_passes_it_on(self):
        node = self.net.node("r1", "--record", "node-{time}.mkv", "--stream", "film")
        member = self.net.client("c1", "--frames", "60")
        member.wait_for_exit(0)
        self.recorded(node, 60)
        node.terminate()
        self.assertEqual(len(node.said(r"recording to 'node-\d{8}T\d{6}\.mkv'")), 1)
        run_of(pictures_in(next(self.net.folder.glob("node-*.mkv"))), self.pictures)

    def test_a_recording_that_grows_is_playable_and_so_is_one_that_was_cut_off(self):
        recorders = [self.recorder(extension, f"{extension}.{extension}") for extension in FORMATS]
        for process in recorders:
            path = self.net.folder / f"{process.name}.{process.name}"
            self.recorded(process, 60)
            growing = self.net.folder / f"growing.{process.name}"
            shutil.copy(path, growing)  # some of the last frame may be missing
            before = pictures_as_far_as_whole(growing)
            self.assertGreaterEqual(len(before), 60)
            run_of(before, self.pictures)
            recorded = process.stats()[-1]["outlets"][0]["frames"]
            process.kill()
            after = pictures_as_far_as_whole(path)
            self.assertGreaterEqual(len(after), recorded)
            run_of(after, self.pictures)

    def test_vlc_plays_a_finished_recording_and_one_that_was_cut_off(self):
        names = ("ended.mkv", "ended.avi", "cut.mkv", "cut.avi")
        recorders = [self.recorder(name.replace(".", "-"), name) for name in names]
        for process in recorders:
            self.recorded(process, 60)
        end(recorders[:2])
        for process in recorders[2:]:
            process.kill()
        self.net.folder.chmod(0o755)
        paths = [self.net.folder / name for name in names]
        with concurrent.futures.ThreadPoolExecutor() as pool:  # each is played for as long as it is
            counts = list(pool.map(lambda path: pictures_in_vlc(path, path.with_suffix(".vlc" + path.suffix)), paths))
        for path, count in zip(paths, counts):
            self.assertGreaterEqual(count, 55, path)

    def test_files_begin_anew_and_no_frame_is_between_them(self):
        process = self.recorder("r", "part-{time}.mkv", "--roll", "1s")
        self.recorded(process, 130)
        process.terminate()
        paths = sorted(self.net.folder.glob("part-*.mkv"), key=lambda path: process.log().index(path.name))
        self.assertGreaterEqual(len(paths), 3)
        counts = [decode(path) for path in paths[:-1]]
        self.assertEqual(max(counts), RATE, counts)  # on a loaded machine the clip may pause in one or the other
        for path in paths:
            self.assertLessEqual(packet_times(path)[-1], 1, path)
        run_of([picture for path in paths for picture in pictures_in(path)], self.pictures)

    def test_a_frame_at_most_so_often(self):
        """Those that are left out by wish are neither lost nor skipped, and no frame of --frames."""
        process = self.net.guest("seldom", "boot", "--every", "100ms", "--frames", "8")
        process.wait_for_exit(0)
        final = process.final()
        self.assertEqual((process.frame_count(), final["frames_lost"], final["frames_skipped"]), (8, 0, 0))
        self.assertGreaterEqual(final["frames_received"], 8 * 4)
        places = [self.pictures.index(picture) for picture in process.pictures()]
        steps = [(b - a) % len(self.pictures) for a, b in zip(places, places[1:])]
        self.assertGreaterEqual(min(steps), 3, places)
        self.assertIn("--every needs --dump or --latest",
                      self.net.guest("bad", "boot", "--every", "1s", dump=False).wait_for_exit(2))

    def test_the_newest_frame_in_a_file(self):
        """Whoever reads it finds a whole picture, each time."""
        process = self.net.guest("latest", "boot", "--latest", "now.jpg")
        node = self.net.node("r1", "--latest", "node.jpg", "--every", "50ms", "--stream", "film")
        found = {name: [] for name in ("now.jpg", "node.jpg")}

        def looked(name):
            path = self.net.folder / name
            if path.exists() and (picture := jpeg.picture(path.read_bytes())) not in found[name]:
                found[name].append(picture)
            return len(found[name]) >= 12
        process.wait(lambda: looked("now.jpg"), "pictures that are replaced")
        node.wait(lambda: looked("node.jpg"), "pictures that are replaced")
        for pictures in found.values():
            self.assertLessEqual(set(pictures), set(self.pictures))
        process.terminate()
        self.assertEqual(jpeg.picture((self.net.folder / "now.jpg").read_bytes()), process.pictures()[-1])
        self.assertEqual(list(self.net.folder.glob(".*.part")), [])

    def test_what_cannot_be_recorded_is_said_at_the_start(self):
        taken = self.net.folder / "taken.mkv"
        taken.write_bytes(b"precious")
        for file, status, words in (("missing/cam.mkv", 1, "there is no directory 'missing'; make it first"),
                                    ("taken.mkv", 1, r"there is such a file already; remove it, or have \{time\}"),
                                    ("cam.mp4", 2, r"--record cam.mp4: the name's end says the format: .mkv")):
            process = self.recorder("bad", file)
            self.assertRegex(process.wait_for_exit(status), words)
        self.assertEqual(taken.read_bytes(), b"precious")
        process = self.recorder("roll", "cam.mkv", "--roll", "10M")
        self.assertIn("--roll 10M: a new file begins after a time, like 30s, 10m or 1h", process.wait_for_exit(2))

    def test_a_full_disk_ends_the_recording_and_nothing_else(self):
        if lacks := what_lacks_for_namespaces("m"):
            self.skipTest(lacks)
        net, disk = self.net, self.net.folder / "disk"
        disk.mkdir()
        unshare = ["unshare", "-m"] if os.geteuid() == 0 else ["unshare", "-rm"]
        net.prefix = [*unshare, "sh", "-c", 'mount -t tmpfs -o size=300k none "$0" && exec "$@"', str(disk)]
        recorders = [self.recorder(f"full-{kind}", disk / f"cam.{kind}", dump=True) for kind in FORMATS]
        for process, kind in zip(recorders, FORMATS):
            with self.subTest(kind):
                line = process.wait_for_log("the recording ends here")[0]
                self.assertIn(f"cannot write '{disk}/cam.{kind}': {os.strerror(errno.ENOSPC)}", line)
                wait_for_more_frames([process], 20)
                path = pathlib.Path(f"/proc/{process.popen.pid}/root{disk}/cam.{kind}")
                recorded = process.wait_for_stats()["outlets"][0]["frames"]
                shutil.copy(path, net.folder)
                pictures = pictures_in(net.folder / path.name)
                self.assertEqual(pictures, process.pictures()[:recorded])
                self.assertGreater(len(pictures), 5)
                self.assertEqual(len(process.said("error")), 1)


if __name__ == "__main__":
    unittest.main()
