"""Audio beside video on a link that cannot take both: a relay behind 2 Mbit/s is sent 3 Mbit/s of video with a sync
point each second, and 50 packets of audio a second."""

import json
import os

from harness import Rig, table
from namespaces import remove_namespaces
from namespaces import run as command

LINK = "rate 2mbit burst 64kb latency 400ms"
NAMESPACE = "ottd-bench-"
NEAR, FAR, SOURCE = "10.98.0.1", "10.98.0.2", "10.98.0.3"
FPS, GOP = 30, 30
FRAME_BYTES = 3_000_000 // 8 // (FPS + 3)  # one in thirty is four times as large


class NarrowRig(Rig):
    """A bootstrapper, a publisher and a relay here, a relay and its viewers behind the narrow link."""

    name = "ottd"

    def build(self):
        self.far = f"{NAMESPACE}{os.getpid()}-far"
        self.here = f"veth{os.getpid() % 100_000}"
        command("ip", "netns", "add", self.far)
        command("ip", "link", "add", self.here, "type", "veth", "peer", "name", "eth0", "netns", self.far)
        for address in (NEAR, SOURCE):
            command("ip", "address", "add", f"{address}/24", "dev", self.here)
        command("ip", "link", "set", self.here, "up")
        command("ip", "-n", self.far, "-batch", "-", text=f"address add {FAR}/24 dev eth0\nlink set lo up\n"
                "link set eth0 up\n")
        command("tc", "qdisc", "add", "dev", self.here, "root", "tbf", *LINK.split())
        nodes = {NEAR: {"neighbors": [SOURCE, FAR]}, SOURCE: {"neighbors": [NEAR]}, FAR: {"neighbors": [NEAR]}}
        topology = self.lab.folder / "narrow.json"
        topology.write_text(json.dumps(nodes))
        boot = self.start("boot", [self.lab.ottd, "--role", "bootstrap", "--topology", topology, "--id", NEAR,
                                   "--stream", "unused=pattern:16x16@1"])
        boot.wait_for_log("listening on")
        self.inside = ["nsenter", f"--net=/run/netns/{self.far}"]
        far = self.start("far", [self.lab.ottd, "--role", "node", "--bootstrap", NEAR, "--id", FAR], self.inside)
        self.start("source", [self.lab.ott_load, "--publish", 1, "--name", "cam", "--bootstrap", NEAR, "--id", SOURCE,
                              "--frame-bytes", FRAME_BYTES, "--fps", FPS, "--gop", GOP, "--audio"])
        boot.wait_for_log("linked with", 2)
        far.wait_for_log("linked with")
        self.relays = [boot]
        self.target = FAR

    def __exit__(self, *_):
        super().__exit__()
        if hasattr(self, "far"):
            remove_namespaces(self.far)


def run(lab, options, show):
    seconds = 15.0 if options.quick else 60.0
    with NarrowRig(lab) as rig:
        loads = {kind: rig.begin_load(1, seconds, ["--stream", stream], rig.inside, watch=False, name=kind)
                 for kind, stream in (("video", "cam"), ("audio", "cam/audio"))}
        results = {kind: load.finish()["fast"] for kind, load in loads.items()}
    for kind, result in results.items():
        show(f"narrow: {kind}: {result['frames']} frames, {result['frames_lost']} lost, {result['frames_skipped']} "
             f"skipped, age {result['latency_ms']['p50']:.1f} ms (p50), {result['latency_ms']['max']:.1f} (max)")
    return {"link": LINK, "seconds": seconds, **results}


def report(results):
    rows = [[kind, results[kind]["frames"], results[kind]["frames_lost"], results[kind]["frames_skipped"],
             results[kind]["latency_ms"]["p50"], results[kind]["latency_ms"]["p99"], results[kind]["latency_ms"]["max"]]
            for kind in ("audio", "video")]
    return table([f"tbf {results['link']}", "frames", "lost", "skipped", "age ms, p50", "p99", "max"], rows)
