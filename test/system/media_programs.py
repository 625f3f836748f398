"""Programs that receive a stream and write its pictures into a folder, as they come; what is in a recording."""

import pathlib
import subprocess
import time

import jpeg
from http_client import split_parts
from overlay import Overlay, _die_with_parent, wait_until

GSTREAMER_RTP = "application/x-rtp,media=video,clock-rate=90000,encoding-name=JPEG,payload=26"
# It decodes and draws: its pictures are not those that came.
MPV = ["mpv", "--no-config", "--really-quiet", "--profile=low-latency", "--vo=image", "--vo-image-format=jpg",
       "--ao=null"]


def scan(data: bytes) -> str:
    """Equal for two JPEGs of the same pixels; what follows the JPEG is not looked at."""
    return jpeg.picture(data, more_may_follow=True)


class Program:
    def __init__(self, net: Overlay, name: str, arguments):
        self.folder = net.folder / name
        self.folder.mkdir()
        self.log = net.folder / f"{name}.log"
        self.began = time.monotonic()
        self.first_s = None
        with open(self.log, "wb") as log:
            self.popen = subprocess.Popen([*net.prefix, *arguments], cwd=self.folder, stdin=subprocess.DEVNULL,
                                          stdout=log, stderr=log, preexec_fn=_die_with_parent)

    def files(self) -> list:
        found = sorted(self.folder.glob("*.jpg"))
        if found and self.first_s is None:
            self.first_s = time.monotonic() - self.began
        return found[:-1]  # the newest may still be in the making

    def has(self, count: int) -> bool:
        found = self.files()
        ended = self.popen.poll()
        assert len(found) >= count or ended is None, f"{self.folder.name} has ended (status {ended})"
        return len(found) >= count

    def pictures(self, count=None) -> list:
        """The first ones, or all, as scan() gives them."""
        return [scan(path.read_bytes()) for path in self.files()[:count]]

    def wait_for(self, count: int) -> list:
        wait_until(lambda: self.has(count), f"{count} pictures of {self.folder.name}")
        return self.pictures(count)

    def end(self) -> None:
        self.popen.kill()
        self.popen.wait()
        print(f"--- {self.folder.name}: first picture after {self.first_s or float('inf'):.2f} s\n"
              f"{self.log.read_text(errors='replace')[-1500:]}")


class Curl(Program):
    """curl at a .mjpg of ottd's; its files() are the parts that it has written."""

    def __init__(self, net: Overlay, name: str, url: str):
        super().__init__(net, name, ["curl", "-sN", "-o", "stream", url])
        self.parts, self.rest, self.read_bytes = [], b"", 0

    def files(self) -> list:
        if (path := self.folder / "stream").exists():
            with open(path, "rb") as stream:
                stream.seek(self.read_bytes)
                new = stream.read()
            self.read_bytes += len(new)
            parts, self.rest = split_parts(self.rest + new)
            self.parts += parts
        if self.parts and self.first_s is None:
            self.first_s = time.monotonic() - self.began
        return self.parts

    def pictures(self, count=None) -> list:
        return [jpeg.picture(part.picture) for part in self.files()[:count]]


def ffmpeg(*source: str) -> list:
    return ["ffmpeg", "-nostdin", "-v", "warning", *source, "-c", "copy", "-f", "image2", "%05d.jpg"]


def gstreamer(*source: str) -> list:
    return ["gst-launch-1.0", "-q", *source, "!", "rtpjpegdepay", "!", "multifilesink", "location=%05d.jpg"]


def pictures_in(path: pathlib.Path) -> list:
    """As ffmpeg finds them in a container: each packet as it was recorded."""
    if path.suffix == ".Mjpeg":
        return [jpeg.picture(frame) for frame in jpeg.split_classic(path.read_bytes())]
    data = subprocess.run(["ffmpeg", "-v", "error", "-i", path, "-c", "copy", "-f", "mjpeg", "-"], check=True,
                          capture_output=True, timeout=60).stdout
    return [jpeg.picture(frame) for frame in jpeg.split(data)]


def run(*command) -> str:
    """Its output; it must say nothing else."""
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and not done.stderr, f"{command}: {done.returncode} {done.stderr}"
    return done.stdout


def packet_times(path: pathlib.Path) -> list:
    """When each is shown, in seconds."""
    command = ["ffprobe", "-v", "warning", "-show_entries", "packet=pts_time", "-of", "csv=p=0", path]
    return [float(line.strip(",")) for line in run(*command).split()]


def seconds(path: pathlib.Path) -> float:
    return float(run("ffprobe", "-v", "warning", "-show_entries", "format=duration", "-of", "csv=p=0", path))
