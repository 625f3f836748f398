"""RTSP servers for tests: GStreamer's and VLC's as cameras that show a film, in the overlay's network namespace."""

import os
import pathlib
import shutil
import socket
import subprocess
import textwrap
import threading

import jpeg
from overlay import TIMEOUT_S, _die_with_parent, wait_until

CAMERA = pathlib.Path(__file__).resolve().parent / "rtsp_camera.py"
SYSTEM_PYTHON = "/usr/bin/python3"  # the one that Debian's bindings are for
PICTURES = 60


def make_film(path: pathlib.Path) -> list:
    """A minute of video at 25 frames/s, an AVI file of JPEGs: so many pictures, over and over, which are returned.
    They are ffmpeg's: VLC's server takes no JPEGs with a quantisation table for each kind of component."""
    few = path.with_suffix(".mjpeg")
    ffmpeg = ["ffmpeg", "-v", "error"]
    subprocess.run([*ffmpeg, "-f", "lavfi", "-i", "testsrc2=size=320x176:rate=25", "-frames:v", str(PICTURES), "-c:v",
                    "mjpeg", "-huffman", "default", "-q:v", "4", "-pix_fmt", "yuvj420p", str(few)], check=True)
    subprocess.run([*ffmpeg, "-stream_loop", str(60 * 25 // PICTURES - 1), "-r", "25", "-i", str(few), "-c", "copy",
                    str(path)], check=True)
    return [jpeg.picture(frame) for frame in jpeg.split(few.read_bytes())]


class Camera:
    """A server's process; its log is shown when it ends."""

    def __init__(self, net, film: pathlib.Path, port: int, *flags):
        self.net, self.film, self.port, self.flags = net, film, port, flags
        self.name = f"{type(self).__name__} at port {port}"
        self.folder = net.folder / f"camera-{port}"
        self.folder.mkdir()
        self.start()

    def start(self) -> None:
        with open(self.folder / "log", "wb") as log:
            self.popen = subprocess.Popen([*self.net.prefix, *self.command()], cwd=self.folder,
                                          stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                          env={**os.environ, "HOME": str(self.folder)}, preexec_fn=_die_with_parent)

    def wait_until_ready(self):
        def ready():
            assert self.popen.poll() is None, f"{self.name} has ended: {self.log()}"
            return self.READY in self.log()
        wait_until(ready, f"{self.name} serves")
        return self

    def log(self) -> str:
        return (self.folder / "log").read_text(errors="replace")

    def kill(self) -> None:
        self.popen.kill()
        self.popen.wait(TIMEOUT_S)

    def end(self) -> None:
        self.kill()
        print(f"--- {self.name}\n{textwrap.indent(self.log()[-2000:], '  ')}")


class GstCamera(Camera):
    """See rtsp_camera.py."""

    READY = "ready"

    def command(self):
        return [SYSTEM_PYTHON, str(CAMERA), "127.0.0.1", str(self.port), str(self.film), *self.flags]


class VlcCamera(Camera):
    """/cam, by UDP alone: VLC's server has nothing interleaved."""

    READY = "interface: using the dummy interface module"

    def command(self):
        nobody = []
        if os.geteuid() == 0:  # as root, VLC refuses to run
            nobody = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"]
            shutil.chown(self.folder, "nobody")
            self.net.folder.chmod(0o755)
        return [*nobody, "cvlc", "-I", "dummy", "-v", "--no-audio", *self.flags, str(self.film), "--sout",
                f"#rtp{{sdp=rtsp://127.0.0.1:{self.port}/cam}}", "--sout-keep"]


SDP = "v=0\r\ns=camera\r\nm=video 0 RTP/AVP 26\r\na=control:video\r\n"
JPEG_START = bytes.fromhex("0000000001324016")  # RFC 2435: at byte 0, 4:2:0, tables of Q 50, 512x176


def interleaved(payload: bytes, sequence: int, marker: bool = False) -> bytes:
    packet = (bytes([0x80, 0x80 * marker | 26]) + sequence.to_bytes(2, "big") + bytes(4) + b"ssrc" + payload)
    return b"$\0" + len(packet).to_bytes(2, "big") + packet


class Talk:
    """A server's end of a connection."""

    def __init__(self, connection: socket.socket):
        self.connection = connection
        self.reader = connection.makefile("rb")

    def send(self, data: bytes) -> None:
        self.connection.sendall(data)

    def request(self):
        """The method and the CSeq of the next one."""
        lines = []
        while (line := self.reader.readline()) not in (b"\r\n", b""):
            lines.append(line.decode())
        if not lines:
            raise ConnectionError("the client has gone")
        cseq = next(line for line in lines if line.startswith("CSeq:"))
        return lines[0].split()[0], cseq.strip()

    def answer(self, headers: str = "", body: str = "", status: str = "200 OK") -> str:
        """Answers the next request, and returns its method."""
        method, cseq = self.request()
        self.send(f"RTSP/1.0 {status}\r\n{cseq}\r\n{headers}Content-Length: {len(body)}\r\n\r\n{body}".encode())
        return method

    def play(self) -> None:
        """All that comes before the first packet."""
        self.answer()
        self.answer("Content-Type: application/sdp\r\n", SDP)
        self.answer("Session: 1\r\nTransport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n")
        self.answer()

    def wait_for_end(self) -> None:
        while self.connection.recv(65536):
            pass


class ScriptedServer:
    """What a function makes of each connection; they are counted."""

    def __init__(self, address: str, behaviour):
        self.behaviour = behaviour
        self.connections = 0
        self.listener = socket.create_server((address, 0))
        self.url = f"rtsp://{address}:{self.listener.getsockname()[1]}/{behaviour.__name__}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection) -> None:
        with connection:
            try:
                self.behaviour(Talk(connection))
            except OSError:
                pass

    def close(self) -> None:
        self.listener.close()
