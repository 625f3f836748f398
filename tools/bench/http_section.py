"""MJPEG over HTTP from one node, against our own protocol and against programs that people use for it.

All of them get one live stream and give it to so many viewers. ottd's guests and its HTTP viewers are fed by the same
publisher; GStreamer, VLC and nginx pull it over HTTP; ustreamer has it from a camera that is made of it (fake_camera).
nginx cannot divide a live stream: it proxies one connection to the source for each viewer, which is what people do.
"""

import os
import pathlib
import re
import time

from harness import OttdRig, Rig, listens, median, spread, table
from peers_section import PEERS, PORT, Nginx, generic, there, version
from console import counted
from lab import Failure, wait_until

VIEWERS = 200
STAMP_BEGIN = b"\xff\xd8\xff\xfe\x00\x16LOAD"  # as tools/load/frames has it


class GuestRig(OttdRig):
    name = "ottd, guests"


class HttpRig(OttdRig):
    name = "ottd, HTTP"
    protocol = "http"

    @staticmethod
    def relay_flags(at):
        return ["--http", f"{at}:{PORT}"]

    def build(self):
        super().build()
        at = self.target
        wait_until(lambda: listens(at, PORT), "ottd listens")
        self.target, self.stream = f"http://{at}:{PORT}/load0.mjpg", []


class NginxFile(Nginx):
    """What nginx does best: the same bytes from a file in the page cache (sendfile, so that nothing is copied into the
    kernel), at the stream's rate. No live stream: its pictures were made before, and each viewer begins at the first."""

    name = "nginx, a file"
    SECONDS = 40

    def build(self):
        super().build()
        self.target += "stream.mjpg"

    def command(self):
        command = super().command()
        parts = []
        for number in range(1, self.SECONDS * self.fps + 1):
            stamp = STAMP_BEGIN + number.to_bytes(8, "big") + time.time_ns().to_bytes(8, "big")
            parts += [b"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n" % self.frame_bytes, stamp,
                      bytes(self.frame_bytes - len(stamp)), b"\r\n"]
        config = pathlib.Path(command[-1])
        stream = config.with_name("stream.mjpg")
        stream.write_bytes(b"".join(parts))
        served = (f"location / {{ root {stream.parent}; default_type 'multipart/x-mixed-replace; boundary=frame'; "
                  f"sendfile on; tcp_nopush on; limit_rate {self.fps * (self.frame_bytes + 70)}; }}")
        config.write_text(re.sub(r"location / {.*?}", lambda _: served, config.read_text(), flags=re.S))
        self.settings = "\n" + config.read_text()
        return command


class Ustreamer(Rig):
    protocol, name, program = "http", "ustreamer", "ustreamer"
    packages = ["ustreamer"]

    def build(self):
        at = f"{self.range}2"
        environment = dict(os.environ, LD_PRELOAD=str(self.lab.fake_camera), FAKE_CAMERA_BYTES=str(self.frame_bytes),
                           FAKE_CAMERA_FPS=str(self.fps))
        self.relays.append(self.start(self.name, [self.program, "--device", "/dev/full", "--format", "MJPEG",
                                                  "--encoder", "HW", "--host", at, "--port", PORT, "--tcp-nodelay"],
                                      environment=environment))
        wait_until(lambda: listens(at, PORT), "ustreamer listens")
        self.relays[0].wait_for_log("Capturing started")
        self.target = f"http://{at}:{PORT}/stream"

    @staticmethod
    def prefix():
        return []


ALL = (*PEERS, NginxFile, Ustreamer)


def run(lab, options, show):
    peers = [peer for peer in ALL if there(peer)]
    rounds, seconds, viewers = (1, 2.0, 20) if options.quick else (3, 5.0, VIEWERS)
    commands, runs = {}, {}
    for i in range(rounds):
        for kind in (GuestRig, HttpRig, *peers):
            try:
                with kind(lab, fps=30) as rig:
                    result = rig.load(viewers, seconds, warm_up=2.0)
                    commands[kind.name] = generic(rig.relays[0].command, rig)
            except Failure as failure:
                show(f"http: {kind.name}: {str(failure)[:300]}")
                continue
            result.pop("series")
            runs.setdefault(kind.name, []).append(result)
            show(f"http: {counted(viewers, 'viewer')}, round {i + 1}: {kind.name} "
                 f"{result['relay']['cpu_s_per_gib']:.3f} s/GiB, "
                 f"latency {result['fast']['latency_ms']['p50']:.1f} ms, {result['frames_lost']} lost")
    guests = [run["relay"]["cpu_s_per_gib"] for run in runs[GuestRig.name]]
    cases = []
    for name, of_one in runs.items():
        of = [run["relay"]["cpu_s_per_gib"] for run in of_one]
        ratios = [cpu / guest for cpu, guest in zip(of, guests)]  # of one round, which saw the same machine
        cases.append({
            "server": name, "viewers": viewers, "cpu_s_per_gib": median(of), "ratio": median(ratios), "ratios": ratios,
            "ratio_spread": spread(ratios),
            "latency_ms_p50": median([run["fast"]["latency_ms"]["p50"] for run in of_one]),
            "latency_ms_p99": median([run["fast"]["latency_ms"]["p99"] for run in of_one]),
            "frames_per_viewer_s": median([run["frames_per_s"] / viewers for run in of_one]),
            "frames_lost": sum(run["frames_lost"] for run in of_one),
            "resident_mib": median([run["relay"]["resident_bytes_max"] / 2**20 for run in of_one]), "runs": of_one})
    return {"cases": cases, "commands": commands, "versions": {peer.name: version(peer) for peer in peers}}


def report(results):
    cases = results["cases"]
    parts = [f"{counted(cases[0]['viewers'], 'viewer')}, 50 KB at 30 frames/s",
             table(["server", "CPU, times a guest's", "s/GiB", "latency, ms: p50 / p99", "frames/s each", "MiB"],
                   [[case["server"], f"{case['ratio']:.2f}", f"{case['cpu_s_per_gib']:.3f}",
                     f"{case['latency_ms_p50']:.1f} / {case['latency_ms_p99']:.1f}",
                     f"{case['frames_per_viewer_s']:.1f}", f"{case['resident_mib']:.0f}"] for case in cases])]
    parts.append("\n".join(f"    {line}" for command in results["commands"].values() for line in command.splitlines()))
    parts.append("\n".join(results["versions"].values()))
    return "\n\n".join(parts)
