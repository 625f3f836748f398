"""Programs that receive a stream and write its pictures into a folder, as they come."""

import subprocess
import time

import jpeg
from overlay import Overlay, _die_with_parent, wait_until

GSTREAMER_RTP = "application/x-rtp,media=video,clock-rate=90000,encoding-name=JPEG,payload=26"


def scan(data: bytes) -> str:
    """Equal for two JPEGs of the same pixels; what follows the JPEG is not looked at."""
    return repr(jpeg.parse(data)[0])


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

    def wait_for(self, count: int) -> list:
        """The first pictures, as scan() gives them."""
        def enough():
            found = self.files()
            ended = self.popen.poll()
            assert len(found) >= count or ended is None, f"{self.folder.name} has ended (status {ended})"
            return len(found) >= count
        wait_until(enough, f"{count} pictures of {self.folder.name}")
        return [scan(path.read_bytes()) for path in self.files()[:count]]

    def end(self) -> None:
        self.popen.kill()
        self.popen.wait()
        print(f"--- {self.folder.name}: first picture after {self.first_s or float('inf'):.2f} s\n"
              f"{self.log.read_text(errors='replace')[-1500:]}")


def ffmpeg(*source: str) -> list:
    return ["ffmpeg", "-nostdin", "-v", "warning", *source, "-c", "copy", "-f", "image2", "%05d.jpg"]


def gstreamer(*source: str) -> list:
    return ["gst-launch-1.0", "-q", *source, "!", "rtpjpegdepay", "!", "multifilesink", "location=%05d.jpg"]
