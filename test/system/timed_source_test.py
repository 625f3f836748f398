"""Sources with sound, text and any video: files, programs and pipes, as players far away get them."""

import os
import re
import socket
import struct
import subprocess
import unittest
import wave

from overlay import Overlay, wait_until

PORT = 8554
BEEP_RATE = 48000


class TimedSources(unittest.TestCase):
    """boot-r1, with players at r1."""

    def setUp(self):
        self.net = Overlay("boot-r1")
        self.net.__enter__()
        self.addCleanup(self.net.end, show=True)
        self.at = self.net.address["r1"]

    def serve(self, *streams: str, **options):
        self.boot = self.net.bootstrap(*streams, **options)
        self.r1 = self.net.node("r1", "--rtsp", f"{self.at}:{PORT}")
        self.r1.wait_for_log("linked with")

    def ffmpeg(self, *arguments) -> bytes:
        """Its output; it must not say a word of anything wrong."""
        done = subprocess.run(["ffmpeg", "-v", "error", "-y", *map(str, arguments)], capture_output=True, timeout=60,
                              cwd=self.net.folder)
        self.assertEqual((done.returncode, done.stderr.decode()), (0, ""), arguments)
        return done.stdout

    def url(self, stream: str) -> list:
        return ["-rtsp_transport", "tcp", "-i", f"rtsp://{self.at}:{PORT}/{stream}"]

    def film(self, name: str, *coding) -> str:
        self.ffmpeg("-f", "lavfi", "-i", "testsrc=s=96x64:r=25", "-f", "lavfi", "-i", "sine", "-t", 2, *coding, name)
        return str(self.net.folder / name)

    def listed(self, *names: str):
        wait_until(lambda: {row["NAME"] for row in self.net.list_streams("--node", self.at)} >= set(names), names)

    def test_a_tone_is_in_step_with_its_picture(self):
        """The white mark comes with the frame at which the beep begins, also behind a relay."""
        self.serve("cam=pattern:160x128@25+tone")
        self.listed("cam/video", "cam/audio")
        self.ffmpeg(*self.url("cam"), "-t", 5, "-c", "copy", "got.mkv")
        shown = subprocess.run(
            ["ffprobe", "-v", "error", "-f", "lavfi", "-i", "movie=got.mkv,crop=8:8:4:116,signalstats", "-show_entries",
             "frame=pts_time:frame_tags=lavfi.signalstats.YAVG", "-of", "csv=p=0"], capture_output=True, text=True,
            check=True, timeout=60, cwd=self.net.folder).stdout
        frames = [[float(field) for field in line.split(",")[:2]] for line in shown.splitlines() if line]
        marked = [time for time, luma in frames if luma > 128]
        self.assertGreaterEqual(len(marked), 4)
        self.assertLess(len(marked), 8, "only one frame of a second has it")
        sound = self.ffmpeg("-i", "got.mkv", "-map", "0:a", "-af", "aresample=async=1:first_pts=0", "-f", "s16le", "-ac",
                            1, "-ar", BEEP_RATE, "-")
        samples = struct.unpack(f"<{len(sound) // 2}h", sound)
        beeps, quiet = [], BEEP_RATE
        for at, sample in enumerate(samples):
            if abs(sample) > 500 and quiet > 1000:
                beeps.append(at / BEEP_RATE)
            quiet = 0 if abs(sample) > 500 else quiet + 1
        # The first one may have begun before the player did.
        whole = [time for time in beeps if time > 0.1 and min(abs(time - mark) for mark in marked) < 0.3]
        self.assertGreaterEqual(len(whole), 3)
        for time in whole:
            self.assertLess(min(abs(time - mark) for mark in marked), 0.005)

    def test_a_wav_file(self):
        """Its samples arrive as they are."""
        path = self.net.folder / "sound.wav"
        samples = struct.pack("<24000h", *(value % 30000 for value in range(24000)))
        with wave.open(str(path), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(8000)
            file.writeframes(samples)
        self.serve(f"sound={path}")
        got = self.ffmpeg(*self.url("sound"), "-t", 1.5, "-f", "s16le", "-c:a", "pcm_s16le", "-")
        self.assertGreater(len(got), 20000)
        self.assertIn(got[:20000], samples + samples)

    def test_files_of_many_kinds(self):
        x264 = ["-c:v", "libx264", "-pix_fmt", "yuv420p", "-g", 25]
        files = {
            "matroska": (self.film("a.mkv", *x264, "-bf", 2, "-c:a", "libopus"), 2),
            "webm": (self.film("a.webm", "-c:v", "libvpx", "-deadline", "realtime", "-c:a", "libopus"), 2),
            "aac": (self.film("aac.mkv", *x264, "-c:a", "aac"), 2),
            "jpeg": (self.film("jpeg.mkv", "-c:v", "mjpeg", "-c:a", "pcm_s16le"), 2),
            "h264": (self.film("a.h264", *x264, "-bf", 0, "-an"), 1),
            "h265": (self.film("a.h265", "-c:v", "libx265", "-x265-params", "bframes=0:log-level=error", "-g", 25,
                               "-an"), 1),
            "vp9": (self.film("a.ivf", "-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", 8, "-g", 25, "-an"),
                    1),
            "mpegts": (self.film("a.ts", *x264, "-c:a", "aac"), 1),
        }
        self.serve(*(f"{name}={path}" for name, (path, _) in files.items()))
        for name, (_, parts) in files.items():
            with self.subTest(name):
                self.listed(*([name] if parts == 1 else [f"{name}/video", f"{name}/audio"]))
                self.ffmpeg(*self.url(name), "-t", 0.6, "-f", "null", "-")
                info = self.boot.stats()[-1]["streams"]
                refused = [stream["frames_refused"] for stream in info if stream["name"].split("/")[0] == name]
                self.assertEqual(set(refused), {0})
        self.assertEqual(self.boot.said("warning"), [])

    def test_a_program_that_writes_matroska(self):
        """It is not known what it has before it is watched; then it has two parts, which go on when it is
        started anew."""
        self.film("a.mkv", "-c:v", "libx264", "-pix_fmt", "yuv420p", "-g", 25, "-c:a", "libopus")
        command = "exec:ffmpeg -v error -re -i a.mkv -c copy -f matroska -cluster_time_limit 1 -"
        self.serve(f"cam={command}")
        self.listed("cam")
        self.ffmpeg(*self.url("cam"), "-t", 5, "-f", "null", "-")
        self.listed("cam/video", "cam/audio")
        self.boot.wait_for_log("its source is there: exec: ffmpeg: matroska, video H264, audio opus")
        self.assertEqual(len(self.boot.said("another format")), 0)

    def receive_text(self, stream: str):
        """What comes by RTP, as it comes."""
        receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.addCleanup(receiver.close)
        receiver.bind((self.net.free_address(), 0))
        receiver.settimeout(20)
        host, port = receiver.getsockname()
        self.net.guest(stream, "r1", "--stream", stream, "--rtp", f"{host}:{port}", dump=False)
        while True:
            packet = receiver.recv(2000)
            if packet[1] & 0x7F < 64 or packet[1] & 0x7F > 95:
                yield packet[12:]

    def test_lines_of_standard_input(self):
        self.serve("words=text:-", stdin=subprocess.PIPE)
        lines = self.receive_text("words")
        self.boot.feed("grüß dich\n".encode())
        self.assertEqual(next(lines).decode(), "grüß dich\r\n")
        self.boot.feed(b"b\xFFd\nlong " + "ä".encode() * 1500 + b"\n")
        self.assertEqual(next(lines).decode(), "b\N{REPLACEMENT CHARACTER}d\r\n")
        long = b""
        while not long.endswith(b"\r\n"):
            part = next(lines)
            self.assertEqual(part.decode().encode(), part, "cut between characters")
            long += part
        self.assertEqual(long.decode(), "long " + "ä" * 1500 + "\r\n")
        self.boot.wait_for_log(r"'words': standard input: frame \d+: byte \d+: line 2 is no UTF-8")

    def test_a_fifo_of_text_and_a_file(self):
        fifo = self.net.folder / "pipe"
        os.mkfifo(fifo)
        (self.net.folder / "verse").write_text("one\ntwo\n")
        self.serve(f"pipe=text:fifo:{fifo}", f"verse=text:{self.net.folder}/verse?fps=20")
        verse = self.receive_text("verse")
        got = {next(verse).decode() for _ in range(4)}
        self.assertEqual(got, {"one\r\n", "two\r\n"})
        pipe = self.receive_text("pipe")
        with open(fifo, "w", encoding="utf-8") as writer:
            writer.write("by pipe\n")
        self.assertEqual(next(pipe).decode(), "by pipe\r\n")

    def test_what_cannot_be_played_is_refused_at_once(self):
        bad = self.net.folder / "bad.wav"
        bad.write_bytes(b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0" + struct.pack("<HHIIHH", 2, 1, 8000, 8000, 1, 4) + b"data")
        process = self.net.bootstrap(f"bad={bad}", wait=False)
        process.wait_for_exit(2)
        self.assertTrue(re.search(r"bad\.wav': byte 12: its coding 0x2 with 4 bits is none of", process.log()))


if __name__ == "__main__":
    unittest.main()
