"""Files of all parts of a source: --record to Matroska, --dump to WAV, text and byte streams, as ffmpeg reads them."""

import json
import subprocess
import unittest
import wave

from overlay import Overlay

FILM_S = 2
X264 = ("-c:v", "libx264", "-pix_fmt", "yuv420p", "-g", 25)
LINES = ("One line of text,", "and äöü another.")


def codecs(path) -> list:
    told = subprocess.run(["ffprobe", "-v", "error", "-show_entries", "stream=codec_name", "-of", "json", path],
                          check=True, capture_output=True, timeout=60).stdout
    return [stream["codec_name"] for stream in json.loads(told)["streams"]]


class PartFiles(unittest.TestCase):
    def setUp(self):
        self.net = Overlay("boot-r1 r1-c1")
        self.net.__enter__()
        self.addCleanup(self.net.end, show=True)
        self.folder = self.net.folder

    def ffmpeg(self, *arguments) -> bytes:
        """Its output; it must not say a word of anything wrong."""
        done = subprocess.run(["ffmpeg", "-v", "warning", "-y", *map(str, arguments)], capture_output=True, timeout=60,
                              cwd=self.folder)
        said = [line for line in done.stderr.decode().splitlines() if "Guessed Channel Layout" not in line]
        self.assertEqual((done.returncode, said), (0, []), arguments)
        return done.stdout

    def decode(self, path, selection="0") -> int:
        """How many frames or packets of sound there are in the file, all of which must be decoded."""
        text = self.ffmpeg("-xerror", "-i", path, "-map", selection, "-fps_mode", "passthrough", "-f", "framemd5", "-")
        return sum(not line.startswith("#") for line in text.decode().splitlines())

    def times(self, path, selection: str) -> list:
        told = subprocess.run(["ffprobe", "-v", "error", "-select_streams", selection, "-show_entries",
                               "packet=pts_time", "-of", "csv=p=0", path], check=True, capture_output=True, text=True,
                              timeout=60).stdout
        return [float(line.strip(",")) for line in told.split()]

    def film(self, name: str, *coding, text=False) -> str:
        inputs = ["-f", "lavfi", "-i", "testsrc=s=96x64:r=25", "-f", "lavfi", "-i", "sine"]
        if text:
            (self.folder / "text.srt").write_text("".join(
                f"{i + 1}\n00:00:0{i},200 --> 00:00:0{i},900\n{line}\n\n" for i, line in enumerate(LINES)))
            inputs += ["-i", "text.srt", "-map", "0:v", "-map", "1:a", "-map", "2:s", "-c:s", "srt"]
        self.ffmpeg(*inputs, "-t", FILM_S, *coding, "-v", "error", name)
        return str(self.folder / name)

    def recorder(self, stream: str, *flags):
        return self.net.guest(stream, "r1", "--stream", stream, "--record", f"{stream}.mkv", *flags,
                              dump=False)

    def test_matroska_holds_all_parts_of_any_coding(self):
        films = {
            "h264": (self.film("a.mkv", *X264, "-bf", 2, "-c:a", "libopus", text=True), ["h264", "opus", "subrip"]),
            "h265": (self.film("b.mkv", "-c:v", "libx265", "-x265-params", "bframes=0:log-level=error", "-g", 25,
                               "-c:a", "aac"), ["hevc", "aac"]),
            "vp8": (self.film("c.webm", "-c:v", "libvpx", "-deadline", "realtime", "-g", 25, "-c:a", "libopus"),
                    ["vp8", "opus"]),
            "vp9": (self.film("d.webm", "-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", 8, "-g", 25,
                              "-c:a", "libopus"), ["vp9", "opus"]),
            "av1": (self.film("e.mkv", "-c:v", "libaom-av1", "-cpu-used", 8, "-usage", "realtime", "-g", 25,
                              "-c:a", "pcm_mulaw", "-ar", 8000), ["av1", "pcm_mulaw"]),
            "jpeg": (self.film("f.mkv", "-c:v", "mjpeg", "-c:a", "pcm_s16le"), ["mjpeg", "pcm_s16be"]),
        }
        self.net.bootstrap(*(f"{name}={path}" for name, (path, _) in films.items()))
        self.net.node("r1")
        recorders = {name: self.recorder(name) for name in films}
        for process in recorders.values():
            process.wait_for_stats(lambda line: line["outlets"][0]["frames"] >= 400, "recorded frames", fresh=False)
            process.terminate()
        for name, (_, expected) in films.items():
            with self.subTest(name):
                path = self.folder / f"{name}.mkv"
                self.assertEqual(recorders[name].said("warning|error"), [])
                self.assertEqual(list(self.folder.glob(f"{name}-*.mkv")), [])
                self.assertEqual(codecs(path), expected)
                pictures, sound = self.times(path, "v"), self.times(path, "a")
                self.assertEqual(self.decode(path, "0:v"), len(pictures))
                self.assertGreater(self.decode(path, "0:a"), 0)
                self.assertGreaterEqual(len(pictures), 60)
                shown = sorted(pictures)
                for before, after in zip(shown, shown[1:]):  # where a film begins anew it may take a bit longer
                    self.assertLess(after - before, 0.3)
                self.assertLess(abs(pictures[-1] - sound[-1]), 0.3)
        text = self.ffmpeg("-i", self.folder / "h264.mkv", "-map", "0:s", "-f", "srt", "-").decode()
        for line in LINES:
            self.assertIn(line, text)

    def test_a_next_file_begins_where_decoding_can_begin(self):
        self.net.bootstrap(f"film={self.film('a.mkv', *X264, '-bf', 0, '-c:a', 'libopus')}")
        self.net.node("r1")
        process = self.recorder("film", "--roll", "1s")
        process.wait_for_stats(lambda line: line["outlets"][0]["frames"] >= 400, "recorded frames", fresh=False)
        process.terminate()
        paths = [self.folder / "film.mkv", self.folder / "film-2.mkv", self.folder / "film-3.mkv"]
        for path in paths:
            self.assertEqual(codecs(path), ["h264", "opus"])
            self.decode(path)
        counts = [len(self.times(path, "v")) for path in paths]
        self.assertEqual(counts[1], 25)
        sound = [len(self.times(path, "a")) for path in paths]
        self.assertIn(sound[1], range(49, 53))  # what comes late is in the file before

    def test_avi_holds_pictures_only_and_says_so(self):
        self.net.bootstrap("tone=pattern:96x64@25+tone")
        self.net.node("r1")
        processes = [self.net.guest(kind, "r1", "--stream", "tone", "--record", f"tone.{kind}", dump=False)
                     for kind in ("avi", "mkv")]
        processes[0].wait_for_log("--record tone.avi: 'tone/audio' .* this format holds JPEG only; .mkv holds all")
        for process in processes:
            process.wait_for_stats(lambda line: line["outlets"][0]["frames"] >= 60, "frames", fresh=False)
            process.terminate()
        self.assertEqual(codecs(self.folder / "tone.avi"), ["mjpeg"])
        self.assertEqual(codecs(self.folder / "tone.mkv"), ["mjpeg", "pcm_s16be"])
        self.decode(self.folder / "tone.mkv")

    def test_the_parts_in_plain_files(self):
        film = self.film("a.mkv", *X264, "-bf", 0, "-c:a", "pcm_s16le", "-ar", 8000, text=True)
        other = self.film("b.mkv", "-c:v", "libx265", "-x265-params", "bframes=0:log-level=error", "-g", 25, "-c:a",
                          "libopus")
        self.net.bootstrap(f"film={film}", f"other={other}")
        node = self.net.node("r1", "--dump", "of-r1", "--stream", "film")
        film, other = self.net.guest("film", "r1", "--stream", "film"), self.net.guest("other", "r1", "--stream", "other")
        other.wait_for_log(r"'other/audio' \(audio opus.*\) is not written: there is no plain file of it")
        for process in (film, other, node):
            process.wait_for_stats(lambda line: line["outlets"][0]["frames"] >= 150, "written frames", fresh=False)
            process.terminate()
        for name, process in (("film", film), ("of-r1", node)):
            folder = self.folder / ("film.frames" if name == "film" else name)
            self.assertEqual({path.name for path in folder.iterdir()}, {"audio.wav", "text.txt", "video.h264"})
            self.assertGreaterEqual(self.decode(folder / "video.h264"), 25)
            with wave.open(str(folder / "audio.wav")) as file:
                self.assertEqual((file.getframerate(), file.getnchannels(), file.getsampwidth()), (8000, 1, 2))
                self.assertEqual(44 + 2 * file.getnframes(), (folder / "audio.wav").stat().st_size)
                self.assertGreater(file.getnframes(), 8000)
            self.assertLessEqual(set((folder / "text.txt").read_text().splitlines()), set(LINES))
            self.assertIn("\n", (folder / "text.txt").read_text())
        self.assertGreaterEqual(self.decode(self.folder / "other.frames" / "video.h265"), 25)
        self.assertEqual(len(list((self.folder / "other.frames").iterdir())), 1)
        again = self.net.start("again", ["--role", "client", "--node", self.net.address["r1"], "--dump", "of-r1"])
        self.assertRegex(again.wait_for_exit(1), "'of-r1' holds [a-z0-9.]+ of an earlier run: remove it")

    def test_a_byte_stream_on_standard_output(self):
        self.net.bootstrap(f"film={self.film('a.mkv', *X264, '-bf', 0, '-c:a', 'libopus')}")
        self.net.node("r1")
        with open(self.folder / "out.h264", "wb") as out:
            process = self.net.guest("c", "r1", "--stream", "film", "--dump", "-", "--frames", "60", dump=False,
                                     stdout=out)
            process.wait_for_exit(0)
        self.assertEqual(self.decode(self.folder / "out.h264"), 60)
        reader = subprocess.Popen(["timeout", "20", "head", "-c", "20000"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        process = self.net.guest("d", "r1", "--stream", "film/audio", "--dump", "-", dump=False, stdout=reader.stdin)
        self.assertIn("'film/audio' is audio opus 48000 Hz, 2 channels, of which there is no plain stream of bytes",
                      process.wait_for_exit(1))
        process = self.net.guest("e", "r1", "--stream", "film", "--dump", "-", dump=False, stdout=reader.stdin)
        reader.stdin.close()
        self.assertEqual(len(reader.stdout.read()), 20000)
        process.wait_for_exit(0)
        reader.stdout.close()
        reader.wait(20)


if __name__ == "__main__":
    unittest.main()
