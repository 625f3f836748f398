#!/usr/bin/env python3
"""A camera that speaks HTTP: http_camera.py ADDRESS PICTURES... shows these at 25 a second, over and over, as
multipart/x-mixed-replace at http://ADDRESS/video.mjpeg. Any other path is a megabyte of zeros."""

import http.server
import pathlib
import sys
import time

BOUNDARY = "picture"


class Camera(http.server.BaseHTTPRequestHandler):
    pictures = []

    def do_GET(self):
        self.send_response(200)
        if self.path != "/video.mjpeg":
            self.end_headers()
            self.wfile.write(bytes(1_000_000))
            return
        self.send_header("Content-Type", f"multipart/x-mixed-replace; boundary={BOUNDARY}")
        self.end_headers()
        while True:
            for jpeg in self.pictures:
                self.wfile.write(f"--{BOUNDARY}\r\nContent-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n\r\n"
                                 .encode() + jpeg + b"\r\n")
                time.sleep(1 / 25)


if __name__ == "__main__":
    Camera.pictures = [pathlib.Path(path).read_bytes() for path in sys.argv[2:]]
    server = http.server.ThreadingHTTPServer((sys.argv[1], 80), Camera)
    print(f"serving at {sys.argv[1]}", flush=True)
    server.serve_forever()
