"""Cameras that speak HTTP as the world does: one server, whose paths are each a camera with a way of its own.

    with OddCamera("127.0.0.9", pictures) as camera:
        ... f"http://127.0.0.9:{camera.port}/no-length" ...

A camera is a function of this file's table that yields the bytes of its answer. Streams go through the pictures,
from where the last connection of the same path ended.
"""

import base64
import collections
import hashlib
import itertools
import re
import socket
import socketserver
import ssl
import threading
import time

FRAME_S = 1 / 50
USER, PASSWORD = "camuser", "s3cret:p@ss"
MULTIPART = "multipart/x-mixed-replace; boundary=frame"


def head(content_type=MULTIPART, status="200 OK", *more: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", *([f"Content-Type: {content_type}"] if content_type else []), *more,
             "Connection: close", "", ""]
    return "\r\n".join(lines).encode()


def whole(body: bytes, content_type="image/jpeg", status="200 OK", *more: str) -> bytes:
    return head(content_type, status, f"Content-Length: {len(body)}", *more) + body


def part(jpeg: bytes, *headers: str, boundary="--frame", end="\r\n") -> bytes:
    return end.join([boundary, *headers, "", ""]).encode() + jpeg + end.encode()


def length(jpeg: bytes, off: int = 0, name: str = "Content-Length") -> str:
    return f"{name}: {max(0, len(jpeg) + off)}"


JPEG = "Content-Type: image/jpeg"

# How a picture is sent, and the Content-Type of the answer. Each is a way that real cameras have.
STREAMS = {
    "plain": (lambda p: part(p, JPEG, length(p)), MULTIPART),
    "boundary-twice": (lambda p: b"--frame\r\n" + part(p, JPEG, length(p)), MULTIPART),
    "empty-part": (lambda p: b"--frame\r\n\r\n" + part(p, JPEG, length(p)), MULTIPART),
    "no-length": (lambda p: part(p, JPEG), MULTIPART),
    "no-type": (lambda p: part(p, length(p)), MULTIPART),
    "no-head": (lambda p: part(p), MULTIPART),
    "boundary-after": (lambda p: f"{JPEG}\r\n{length(p)}\r\n\r\n".encode() + p + b"\r\n--frame\r\n", MULTIPART),
    "boundary-after-no-head": (lambda p: p + b"\r\n--frame\r\n", MULTIPART),
    "hyphens": (lambda p: part(p, JPEG, length(p)), "multipart/x-mixed-replace;boundary=--frame"),
    "more-hyphens": (lambda p: part(p, JPEG, boundary="----frame"), "multipart/x-mixed-replace;boundary=--frame"),
    "no-hyphens": (lambda p: part(p, JPEG, boundary="frame"), MULTIPART),
    "space": (lambda p: part(p, JPEG), "multipart/x-mixed-replace; boundary =frame"),
    "quotes": (lambda p: part(p, JPEG), 'multipart/x-mixed-replace; boundary="frame"'),
    "another-boundary": (lambda p: part(p, JPEG, boundary="--video boundary--"), MULTIPART),
    "no-boundary": (lambda p: part(p, JPEG), "multipart/x-mixed-replace"),
    "lower-case": (lambda p: part(p, "content-type: image/jpg", length(p, name="Content-length")), MULTIPART),
    "too-short": (lambda p: part(p, JPEG, length(p, -100)), MULTIPART),
    "too-long": (lambda p: part(p, JPEG, length(p, 100)), MULTIPART),
    "far-too-long": (lambda p: part(p, JPEG, length(p, 1 << 40)), MULTIPART),
    "zero": (lambda p: part(p, JPEG, "Content-Length: 0"), MULTIPART),
    "line-feeds": (lambda p: part(p, JPEG, length(p), end="\n"), MULTIPART),
    "no-eoi": (lambda p: part(p[:-2], JPEG), MULTIPART),
    "no-eoi-length": (lambda p: part(p[:-2], JPEG, length(p, -2)), MULTIPART),
    "other-headers": (lambda p: part(p, "X-Timestamp: 1.5", length(p), "X-Y: " + "z" * 4000, JPEG), MULTIPART),
    "text-parts": (lambda p: part(b"temperature 20", "Content-Type: text/plain") + part(p, JPEG), MULTIPART),
    "concatenated": (lambda p: p, "image/jpeg"),
    "concatenated-video": (lambda p: p, "video/x-motion-jpeg"),
    "no-content-type": (lambda p: part(p, JPEG), ""),
    "wrong-content-type": (lambda p: part(p, JPEG), "text/html"),
}


class Request:
    def __init__(self, text: str, peer):
        lines = text.split("\r\n")
        self.method, target, _ = lines[0].split(" ", 2)
        self.path, _, self.query = target.partition("?")
        self.headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
        self.peer = peer


class Handler(socketserver.BaseRequestHandler):
    def handle(self):
        data = b""
        self.request.settimeout(20)
        try:
            while b"\r\n\r\n" not in data:
                more = self.request.recv(65536)
                if not more:
                    return
                data += more
            request = Request(data.decode("latin-1").partition("\r\n\r\n")[0], self.client_address)
            camera = self.server.camera
            camera.requests.append(request)
            for piece in camera.answer(request):
                self.request.sendall(piece)
        except OSError:
            pass


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False

    def handle_error(self, request, client_address):
        pass  # a client that is gone, or has no TLS


class OddCamera:
    def __init__(self, address: str, pictures, tls=None, elsewhere: str = ""):
        """`tls`: the file of a certificate and its key. `elsewhere`: a URL that /redirect-elsewhere leads to."""
        self.address, self.pictures, self.tls, self.elsewhere = address, pictures, tls, elsewhere
        self.port = 0
        self.requests = []
        self._places = collections.Counter()  # of the next picture, by path
        self._nonces = itertools.count(1)

    def __enter__(self):
        self.open()
        return self

    def __exit__(self, *_):
        self.close()

    def open(self) -> None:
        self._server = Server((self.address, self.port), Handler, bind_and_activate=False)
        self._server.camera = self
        self._open = []
        if self.tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(self.tls)
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        accept = self._server.get_request
        self._server.get_request = lambda: self._opened(accept())
        self._server.server_bind()
        self._server.server_activate()
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def _opened(self, accepted):
        self._open.append(accepted[0])
        return accepted

    def close(self) -> None:
        """As if it were switched off: connections break, and nobody listens."""
        self._server.shutdown()
        self._server.server_close()
        for connection in self._open:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def url(self, path: str, scheme: str = "http", user: str = "") -> str:
        return f"{scheme}://{user}{self.address}:{self.port}/{path}"

    def seen(self, path: str) -> list:
        return [request for request in self.requests if request.path == f"/{path}"]

    def answer(self, request: Request):
        name = request.path.strip("/")
        if name in STREAMS:
            send, content_type = STREAMS[name]
            return itertools.chain([head(content_type)], self.stream(name, send))
        method = getattr(self, "answer_" + name.replace("-", "_"), None)
        return method(request) if method else [whole(b"no such camera", "text/plain", "404 Not Found")]

    def next_picture(self, name: str) -> bytes:
        place = self._places[name]
        self._places[name] += 1
        return self.pictures[place % len(self.pictures)]

    def stream(self, name: str, send=STREAMS["plain"][0], count=None):
        for _ in range(count) if count else itertools.count():
            yield send(self.next_picture(name))
            time.sleep(FRAME_S)

    # Streams that break.

    def answer_falls_silent(self, request):
        yield head()
        yield from self.stream("falls-silent", count=20)
        time.sleep(20)

    def answer_closes(self, request):
        yield head()
        yield from self.stream("closes", count=20)

    def answer_closes_in_a_picture(self, request):
        yield head()
        yield from self.stream("closes-in-a-picture", count=10)
        jpeg = self.pictures[0]
        yield part(jpeg, JPEG, length(jpeg))[:len(jpeg) // 2]

    def answer_slow(self, request):
        yield head()
        for piece in self.stream("slow"):
            for at in range(0, len(piece), 500):
                yield piece[at:at + 500]
                time.sleep(0.002)

    def answer_changes_size(self, request):
        yield head()
        yield from self.stream("changes-size", count=20)
        for jpeg in itertools.cycle(self.other_pictures):
            yield STREAMS["plain"][0](jpeg)
            time.sleep(FRAME_S)

    # Single pictures.

    def answer_picture(self, request):
        yield whole(self.next_picture("picture"))

    def answer_picture_with_etag(self, request):
        if request.headers.get("if-none-match") == '"one"':
            yield head("", "304 Not Modified", 'ETag: "one"')
        else:
            yield whole(self.pictures[0], "image/jpeg", "200 OK", 'ETag: "one"')

    # Answers without end.

    def answer_endless_head(self, request):
        yield b"HTTP/1.1 200 OK\r\n"
        while True:
            yield b"X-More: header\r\n" * 64

    def answer_endless_part_head(self, request):
        yield head() + b"--frame\r\n"
        while True:
            yield b"X-More: header\r\n" * 64

    def answer_huge_part(self, request):
        jpeg = self.pictures[0]
        yield head() + part(jpeg, JPEG, "Content-Length: 99999999")[:-len(jpeg) // 2]
        while True:
            yield b"\x55" * 65536

    # Answers that are no stream.

    def answer_page(self, request):
        yield whole(b"<html><form>user, password</form></html>", "text/html")

    def answer_film(self, request):
        yield whole(b"\0\0\0\x20ftypisom\0\0\2\0", "video/mp4")

    def answer_redirect_loop(self, request):
        yield head("", "302 Found", "Location: /redirect-loop", "Content-Length: 0")

    def answer_redirect(self, request):
        yield head("", "302 Found", "Location: /plain", "Content-Length: 0")

    def answer_redirect_to_file(self, request):
        yield head("", "302 Found", "Location: file:///etc/passwd", "Content-Length: 0")

    def answer_redirect_elsewhere(self, request):
        yield from self.answer_basic(request, [head("", "302 Found", f"Location: {self.elsewhere}",
                                                    "Content-Length: 0")])

    # Those that ask who it is.

    def refuse(self, challenge: str):
        return [whole(b"who are you?", "text/plain", "401 Unauthorized", f"WWW-Authenticate: {challenge}")]

    def answer_basic(self, request, answer=None):
        given = request.headers.get("authorization", "").partition("Basic ")[2]
        if base64.b64decode(given).decode() != f"{USER}:{PASSWORD}":
            return self.refuse('Basic realm="camera"')
        return answer or itertools.chain([head()], self.stream("basic"))

    def answer_digest(self, request, algorithm="MD5"):
        hashed = {"MD5": hashlib.md5, "SHA-256": hashlib.sha256}[algorithm]

        def h(text):
            return hashed(text.encode()).hexdigest()
        name, challenged = request.path[1:], request.headers.get("authorization", "").startswith("Digest ")
        given = dict((key, value.strip('"')) for key, value in
                     re.findall(r'(\w+)=("[^"]*"|[^,\s]+)', request.headers.get("authorization", "")))
        a1, a2 = h(f"{USER}:camera:{PASSWORD}"), h(f"GET:{given.get('uri')}")
        due = h(":".join([a1, *(given.get(key, "") for key in ("nonce", "nc", "cnonce", "qop")), a2]))
        if not challenged or given.get("response") != due:
            return self.refuse(f'Digest realm="camera", qop="auth", algorithm={algorithm}, '
                               f'nonce="n{next(self._nonces)}"')
        return itertools.chain([head()], self.stream(name))

    def answer_digest_sha(self, request):
        return self.answer_digest(request, "SHA-256")
