"""Real programs that send one film, each in a way of its own, and the SOURCE by which ottd takes it from them.

The film's JPEGs go through them as they are: none of these encodes anything (ustreamer takes them for a camera's).
"""

import os
import pathlib
import subprocess

import jpeg
from overlay import Overlay, _die_with_parent, made_frames, run_of
from rtsp_servers import GstCamera

FAKE_CAMERA = pathlib.Path(__file__).with_name("fake_camera.c")
FPS = 25
SIZE = "320x176"  # in steps of 16, so that RTP can say it and no receiver rounds it up
CAMERA_PICTURES = 10  # of FAKE_CAMERA


class Film:
    """60 pictures, all different, as the files that each program wants; an AVI file has some minutes of them."""

    def __init__(self, folder: pathlib.Path, size: str = SIZE):
        frames = made_frames(60, size)
        self.pictures = [jpeg.picture(frame) for frame in frames]
        self.mjpeg, self.avi = folder / "film.mjpeg", folder / "film.avi"
        self.mjpeg.write_bytes(b"".join(frames))
        for i, frame in enumerate(frames[:CAMERA_PICTURES]):
            (folder / f"{i:02}.jpg").write_bytes(frame)
        subprocess.run(["ffmpeg", "-v", "error", "-y", "-stream_loop", "79", "-framerate", str(FPS), "-i", self.mjpeg,
                        "-c", "copy", self.avi], check=True)


def ffmpeg_sends(*output: str) -> list:
    return ["ffmpeg", "-v", "error", "-nostdin", "-re", "-stream_loop", "-1", "-framerate", str(FPS), "-f", "mjpeg",
            "-i", "film.mjpeg", "-c", "copy", *output]


FFMPEG_RTP = ffmpeg_sends("-f", "rtp", "rtp://127.0.0.1:5004")
FFMPEG_HTTP = ffmpeg_sends("-f", "mpjpeg", "-listen", "1", "http://127.0.0.1:8082/film")
FFMPEG_PIPE = ffmpeg_sends("-f", "mjpeg", "-")
GSTREAMER_RTP = ["gst-launch-1.0", "-q", "filesrc", "location=film.avi", "!", "avidemux", "!", "rtpjpegpay", "!",
                 "udpsink", "host=127.0.0.1", "port=5006"]
USTREAMER = ["ustreamer", "--device", "/dev/full", "--format", "MJPEG", "--encoder", "HW", "--host", "127.0.0.1",
             "--port", "8081", "--resolution", "320x180"]


class Senders:
    """All of them, in the overlay's network namespace. `sources` has each one's SOURCE by its name."""

    sources = {
        "ffmpeg-rtp": "rtp://127.0.0.1:5004", "gstreamer-rtp": "rtp://127.0.0.1:5006",
        "ffmpeg-exec": "exec:" + " ".join(FFMPEG_PIPE), "ffmpeg-http": "http://127.0.0.1:8082/film",
        "ustreamer": "http://127.0.0.1:8081/stream", "gstreamer-rtsp": "rtsp://127.0.0.1:8001/cam",
        "ottd-rtsp": "rtsp://127.0.0.1:8554/film", "ottd-http": "http://127.0.0.1:8083/film.mjpg"}
    own = {"ffmpeg-pipe": "-", "file": f"film.mjpeg?fps={FPS}", "avi": "film.avi"}  # without a network

    def __init__(self, net: Overlay):
        self.net = net
        self.film = Film(net.folder)
        self.programs = {}
        self.far = Overlay("far-r")
        self.camera = GstCamera(net, self.film.avi, 8001)

    def __enter__(self):
        self.far.__enter__()
        self.far.prefix = self.net.prefix
        self.environment = self.camera_environment()
        self.pipe = subprocess.Popen([*self.net.prefix, *FFMPEG_PIPE], cwd=self.net.folder, stdin=subprocess.DEVNULL,
                                     stdout=subprocess.PIPE, preexec_fn=_die_with_parent)
        self.start()
        return self

    def start(self) -> None:
        """All that send by the network."""
        self.far_boot = self.far.bootstrap(f"film={self.film.mjpeg}?fps={FPS}",
                                           flags=["--http", "127.0.0.1:8083", "--rtsp", "127.0.0.1:8554"])
        if self.camera.popen.poll() is not None:
            self.camera.start()
        for name, command in {"ffmpeg-rtp": FFMPEG_RTP, "gstreamer-rtp": GSTREAMER_RTP, "ffmpeg-http": FFMPEG_HTTP,
                              "ustreamer": USTREAMER}.items():
            with open(self.net.folder / f"{name}.log", "ab") as log:
                self.programs[name] = subprocess.Popen([*self.net.prefix, *command], cwd=self.net.folder,
                                                       stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                                       env=self.environment if name == "ustreamer" else None,
                                                       preexec_fn=_die_with_parent)
        self.camera.wait_until_ready()

    def camera_environment(self) -> dict:
        """With which ustreamer finds a camera."""
        library = self.net.folder / "fake_camera.so"
        subprocess.run(["gcc", "-O1", "-shared", "-fPIC", "-o", library, FAKE_CAMERA, "-ldl"], check=True)
        return {**os.environ, "LD_PRELOAD": str(library), "FAKE_CAMERA": "/dev/full",
                "FAKE_PICTURES": str(self.net.folder)}

    def send(self, number: int) -> None:
        """A signal to all of them."""
        for program in [*self.programs.values(), self.camera.popen, self.far_boot.popen]:
            program.send_signal(number)

    def make_film(self, size: str) -> None:
        """Another one, for those that are started from now on."""
        self.film = Film(self.net.folder, size)

    def kill(self) -> None:
        self.far_boot.kill()
        self.camera.kill()
        for program in self.programs.values():
            program.kill()
            program.wait()

    def pictures(self, name: str) -> list:
        """Those that this one shows, round and round."""
        return self.film.pictures[:CAMERA_PICTURES] if name == "ustreamer" else self.film.pictures

    def check(self, name: str, pictures: list) -> None:
        """These are what this one sends, one after the other."""
        if name == "ustreamer":  # on a loaded machine it leaves some of its camera's out
            assert pictures and set(pictures) <= set(self.pictures(name)), "pictures that ustreamer has not sent"
        else:
            run_of(pictures, self.pictures(name))

    def __exit__(self, kind, value, traceback):
        for name, program in [*self.programs.items(), ("ffmpeg-pipe", self.pipe)]:
            program.kill()
            program.wait()
            log = self.net.folder / f"{name}.log"
            print(f"--- {name} (status {program.returncode})\n{log.read_text()[-1000:] if log.exists() else ''}")
        self.pipe.stdout.close()
        self.camera.end()
        self.far.end(failed=kind is not None)
