"""Films of many codecs: what GStreamer makes of their packets is, byte for byte, what ffmpeg has encoded."""

import hashlib
import subprocess
import unittest

from overlay import Overlay, run_of, wait_until
from media_programs import Program

PORT = 8554
SAMPLES = 20
VIDEO = {
    "H264": (["-c:v", "libx264", "-bf", 2], "rtph264depay ! video/x-h264,stream-format=avc,alignment=au"),
    "H265": (["-c:v", "libx265", "-x265-params", "log-level=none"],
             "rtph265depay ! video/x-h265,stream-format=hvc1,alignment=au"),
    "VP8": (["-c:v", "libvpx", "-deadline", "realtime", "-b:v", "2M"], "rtpvp8depay"),
    "VP9": (["-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", 8], "rtpvp9depay"),
}
AUDIO = {
    "opus": (["-c:a", "libopus", "-ac", 2], "rtpopusdepay"),
    "AAC": (["-c:a", "aac", "-ac", 2, "-ar", 48000], "rtpmp4gdepay"),
    "PCMU": (["-c:a", "pcm_mulaw", "-ac", 1, "-ar", 8000], "rtppcmudepay"),
    "L16": (["-c:a", "pcm_s16be", "-ac", 2, "-ar", 44100], "rtpL16depay"),
}
FILMS = list(zip(VIDEO, AUDIO))


class Codecs(unittest.TestCase):
    """boot-r1, with players at r1."""

    def setUp(self):
        self.net = Overlay("boot-r1")
        self.net.__enter__()
        self.addCleanup(self.net.end, show=True)
        for video, audio in FILMS:
            subprocess.run(
                ["ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc2=s=322x182:r=25:d=2", "-f", "lavfi", "-i",
                 "anoisesrc=seed=1:d=2", "-pix_fmt", "yuv420p", "-g", "25", *map(str, VIDEO[video][0] + AUDIO[audio][0]),
                 f"{video}.mkv"], check=True, timeout=60, cwd=self.net.folder, stderr=subprocess.DEVNULL)

    def encoded(self, film: str, part: str) -> list:
        """The samples of a file, as ffprobe hashes them."""
        said = subprocess.run(
            ["ffprobe", "-v", "error", "-select_streams", part, "-show_packets", "-show_data_hash", "md5", "-show_entries",
             "packet=data_hash", "-of", "default=nw=1:nk=1", f"{film}.mkv"], check=True, capture_output=True, text=True,
            timeout=60, cwd=self.net.folder).stdout
        return [line.split(":")[1].lower() for line in said.split() if line.startswith("MD5:")]

    def receive(self, film: str, media: str, depay: str) -> Program:
        url = f"rtsp://{self.net.address['r1']}:{PORT}/{film}/{media}"
        program = Program(self.net, f"{film}-{media}", [
            "gst-launch-1.0", "-q", "rtspsrc", f"location={url}", "protocols=tcp", "!", *depay.split(), "!",
            "multifilesink", "location=%05d.jpg"])  # Program counts files of this name
        self.addCleanup(program.end)
        return program

    def test_samples_are_as_they_were_encoded(self):
        self.net.bootstrap(*(f"{video}={self.net.folder / video}.mkv" for video, _ in FILMS))
        self.net.node("r1", "--rtsp", f"{self.net.address['r1']}:{PORT}")
        names = {f"{video}/{part}" for video, _ in FILMS for part in ("video", "audio")}
        wait_until(lambda: {row["NAME"] for row in self.net.list_streams("--node", self.net.address["r1"])} >= names,
                   names)
        receivers = {}
        for video, audio in FILMS:
            receivers[video] = self.receive(video, "video", VIDEO[video][1])
            receivers[audio] = self.receive(video, "audio", AUDIO[audio][1])
        for (video, audio) in FILMS:
            for codec, part in ((video, "v"), (audio, "a")):
                with self.subTest(codec):
                    program = receivers[codec]
                    wait_until(lambda program=program: program.has(SAMPLES), f"{SAMPLES} samples of {codec}")
                    samples = [path.read_bytes() for path in program.files()]
                    if codec in ("PCMU", "L16"):  # cut elsewhere than in the file
                        data = subprocess.run(["ffmpeg", "-v", "error", "-i", f"{video}.mkv", "-map", "0:a", "-c", "copy",
                                               "-f", "data", "-"], check=True, capture_output=True, timeout=60,
                                              cwd=self.net.folder).stdout
                        self.assertIn(b"".join(samples), data * 10)
                    else:
                        run_of([hashlib.md5(sample).hexdigest() for sample in samples], self.encoded(video, part))


if __name__ == "__main__":
    unittest.main()
