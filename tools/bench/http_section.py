"""MJPEG over HTTP from one node, against our own protocol and against programs that people use for it.

All of them get one live stream and give it to so many viewers. ottd's guests and its HTTP viewers are fed by the same
publisher; GStreamer, VLC and nginx pull it over HTTP; ustreamer has it from a camera that is made of it (fake_camera).
nginx cannot divide a live stream: it proxies one connection to the source for each viewer, which is what people do.
"""

import os

from harness import OttdRig, Rig, listens, median, spread, table
from peers_section import PEERS, PORT, generic, there, version
from console import counted
from lab import Failure, wait_until

VIEWERS = 200


class GuestRig(OttdRig):
    name = "ottd, guests"


class HttpRig(OttdRig):
    name = "ottd, HTTP"
    protocol = "http"

    @staticmethod
    def relay_flags(at):
        return ["--http", f"{at}:{PORT}"]

    @staticmethod
    def url(at):
        return f"http://{at}:{PORT}/load0.mjpg"

    def build(self):
        super().build()
        at = self.target
        wait_until(lambda: listens(at, PORT), "ottd listens")
        self.target, self.stream = self.url(at), []


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


ALL = (*PEERS, Ustreamer)


def run(lab, options, show):
    peers = [peer for peer in ALL if there(peer)]
    rounds, seconds, viewers = (1, 2.0, 20) if options.quick else (3, 5.0, VIEWERS)
    commands, runs, guests = {}, {}, {}
    for i in range(rounds):
        for kind in (GuestRig, HttpRig, *peers):
            try:
                with kind(lab, fps=30) as rig:
                    result = rig.load(viewers, seconds, warm_up=2.0)
                    commands[kind.name] = generic(rig.relays[0].command, rig)
            except Failure as failure:
                if kind is GuestRig:
                    raise  # all others are measured by them
                show(f"http: {kind.name}: {str(failure)[:300]}")
                continue
            result.pop("series")
            guests.setdefault(i, result["relay"]["cpu_s_per_gib"])  # they are the first of each round
            result["times_guests"] = result["relay"]["cpu_s_per_gib"] / guests[i]
            runs.setdefault(kind.name, []).append(result)
            show(f"http: {counted(viewers, 'viewer')}, round {i + 1}: {kind.name} "
                 f"{result['relay']['cpu_s_per_gib']:.3f} s/GiB, "
                 f"latency {result['fast']['latency_ms']['p50']:.1f} ms, {result['frames_lost']} lost")
    cases = []
    for name, of_one in runs.items():
        ratios = [run["times_guests"] for run in of_one]
        cases.append({
            "server": name, "viewers": viewers,
            "cpu_s_per_gib": median([run["relay"]["cpu_s_per_gib"] for run in of_one]), "ratio": median(ratios), "ratios": ratios,
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
