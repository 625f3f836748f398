"""What a test needs of HTTP beside curl and a browser: a viewer that checks each byte, and a browser that is asked."""

import json
import os
import pathlib
import shutil
import socket
import subprocess
import tempfile
import threading
import time

from overlay import _die_with_parent, wait_until

BOUNDARY = b"\r\n--ottdframe\r\n"


def connect(address: str, port: int, receive_buffer: int = 0) -> socket.socket:
    client = socket.socket()
    if receive_buffer:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    client.settimeout(30)
    client.connect((address, port))
    return client


def request(path: str, *fields: str, method: str = "GET", version: str = "1.1") -> bytes:
    return "\r\n".join([f"{method} {path} HTTP/{version}", "Host: test", *fields, "", ""]).encode()


def read_response(client: socket.socket, head_only: bool = False):
    """(status, fields in lower case, content)"""
    data = b""
    while b"\r\n\r\n" not in data:
        more = client.recv(1 << 16)
        assert more, f"the connection ended after {data!r}"
        data += more
    head, content = data.split(b"\r\n\r\n", 1)
    status, *lines = head.decode().split("\r\n")
    fields = dict((name.lower(), value) for name, value in (line.split(": ", 1) for line in lines))
    due = 0 if head_only else int(fields.get("content-length", 0))
    while len(content) < due:
        more = client.recv(1 << 16)
        assert more, "the connection ended within the content"
        content += more
    return int(status.split()[1]), fields, content[:due]


class Part:
    def __init__(self, head: bytes, picture: bytes):
        fields = dict(line.split(": ", 1) for line in head.decode().split("\r\n"))
        self.frame = int(fields["X-Frame"])
        self.source_time = float(fields["X-Timestamp"])
        self.came = time.time()
        self.picture = picture


def split_parts(data: bytes):
    """The whole parts at the beginning of a stream's content, and what is left."""
    parts = []
    if data.startswith(BOUNDARY[2:]):
        data = data[len(BOUNDARY) - 2:]
    while (end := data.find(b"\r\n\r\n")) >= 0:
        length = int(data[:end].split(b"Content-Length: ")[1].split(b"\r\n")[0])
        rest = data[end + 4 + length:]
        if len(rest) < len(BOUNDARY):
            break
        assert rest.startswith(BOUNDARY), f"after a picture of {length} bytes comes {rest[:40]!r}"
        parts.append(Part(data[:end], data[end + 4:end + 4 + length]))
        data = rest[len(BOUNDARY):]
    return parts, data


class HttpViewer:
    """Watches a stream in a thread of its own; `parts` are what it has got. `pause` before it reads at all."""

    def __init__(self, address: str, port: int, path: str, inside=None, receive_buffer: int = 0):
        self.parts, self.error = [], None
        self.client = inside(connect, address, port, receive_buffer) if inside else connect(address, port,
                                                                                            receive_buffer)
        self.client.sendall(request(path))
        self.reading = threading.Event()
        self.reading.set()
        self.ended = False
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        data, in_content = b"", False
        try:
            while True:
                self.reading.wait()
                more = self.client.recv(1 << 16)
                if not more:
                    break
                data += more
                if not in_content and b"\r\n\r\n" in data:
                    head, data = data.split(b"\r\n\r\n", 1)
                    assert head.startswith(b"HTTP/1.1 200 "), head
                    in_content = True
                if in_content:
                    parts, data = split_parts(data)
                    self.parts += parts
        except OSError:
            pass
        except Exception as error:  # shown where it is waited for
            self.error = error
        self.ended = True

    def wait_for_parts(self, count: int) -> list:
        def enough():
            assert self.error is None, self.error
            assert not self.ended or len(self.parts) >= count, f"it ended after {len(self.parts)} pictures"
            return len(self.parts) >= count
        wait_until(enough, f"{count} pictures over HTTP")
        return self.parts[:count]

    def close(self):
        self.client.close()


class Browser:
    """Headless Chromium with one page, by the DevTools protocol over its pipe."""

    FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking",
             "--disable-component-update", "--disable-sync", "--no-first-run", "--window-size=640,480"]

    def __init__(self, url: str, prefix=()):
        self.profile = pathlib.Path(tempfile.mkdtemp(prefix="ottd-test-browser."))
        to_browser, self.to = os.pipe()
        self.out, from_browser = os.pipe()
        # It reads descriptor 3 and writes 4.
        script = f'exec "$@" 3<&{to_browser} 4>&{from_browser}'
        command = ["chromium", *self.FLAGS, f"--user-data-dir={self.profile}", "--remote-debugging-pipe", "about:blank"]
        self.log = open(self.profile / "log", "wb")
        self.popen = subprocess.Popen([*prefix, "bash", "-c", script, "bash", *command], stdin=subprocess.DEVNULL,
                                      stdout=self.log, stderr=self.log, pass_fds=[to_browser, from_browser],
                                      start_new_session=True, preexec_fn=_die_with_parent,
                                      env=dict(os.environ, HOME=str(self.profile)))
        os.close(to_browser)
        os.close(from_browser)
        self.number, self.data = 0, b""
        target = next(target for target in self.ask("Target.getTargets")["targetInfos"] if target["type"] == "page")
        self.session = self.ask("Target.attachToTarget", targetId=target["targetId"], flatten=True)["sessionId"]
        self.ask("Page.navigate", url=url)

    def ask(self, method: str, **parameters):
        self.number += 1
        message = {"id": self.number, "method": method, "params": parameters}
        if getattr(self, "session", None):
            message["sessionId"] = self.session
        os.write(self.to, json.dumps(message).encode() + b"\0")
        while True:
            while b"\0" not in self.data:
                more = os.read(self.out, 1 << 20)
                assert more, "the browser has ended: " + (self.profile / "log").read_text(errors="replace")[-2000:]
                self.data += more
            answer, self.data = self.data.split(b"\0", 1)
            answer = json.loads(answer)
            if answer.get("id") == self.number:
                assert "error" not in answer, answer
                return answer["result"]

    def evaluate(self, expression: str):
        return self.ask("Runtime.evaluate", expression=expression, returnByValue=True)["result"].get("value")

    def screenshot(self) -> bytes:
        """A PNG."""
        import base64
        return base64.b64decode(self.ask("Page.captureScreenshot", format="png")["data"])

    def close(self):
        import signal
        os.killpg(self.popen.pid, signal.SIGKILL)
        self.popen.wait()
        for descriptor in (self.to, self.out):
            os.close(descriptor)
        self.log.close()
        shutil.rmtree(self.profile, ignore_errors=True)


def pixels(png: bytes) -> bytes:
    """As ffmpeg decodes them, 24 bits each."""
    done = subprocess.run(["ffmpeg", "-v", "error", "-f", "png_pipe", "-i", "-", "-f", "rawvideo", "-pix_fmt", "rgb24",
                           "-"], input=png, stdout=subprocess.PIPE, check=True)
    return done.stdout
