"""Viewers that take half of the stream's rate, by reading slowly or behind a slow link, and one that stops."""

import json
import os
import pathlib
import re
import time

from harness import MIB, Background, FPS, FRAME_BYTES, OttdRig, median, table
from http_section import HttpRig
from namespaces import namespaces, remove_namespaces
from namespaces import run as command

FAST_VIEWERS = 10
HALF_RATE = FPS * FRAME_BYTES // 2
LINK = f"rate {HALF_RATE * 8 // 1000}kbit burst 64kb latency 400ms"
NAMESPACE = "ottd-bench-"
RELAY_END, VIEWER_END = "10.98.0.1", "10.98.0.2"


def ages(result, group):
    """Of all frames of the whole window, and the worst second of it."""
    latency = result[group]["latency_ms"]
    seconds = [second[group] for second in result["series"] if second[group]["frames"]]
    return {"age_ms_p50": latency["p50"], "age_ms_p99": latency["p99"], "age_ms_max": latency["max"],
            "age_ms_p50_of_worst_second": max((second["age_ms_p50"] for second in seconds), default=None),
            "age_ms_p50_of_last_second": seconds[-1]["age_ms_p50"] if seconds else None,
            "frames": result[group]["frames"], "skipped": result[group]["frames_skipped"],
            "lost": result[group]["frames_lost"], "broken": result[group]["frames_broken"]}


def memory(result):
    """Without the first seconds, in which the ring is touched for the first time."""
    resident = [sum(second["resident_bytes"]) / MIB for second in result["series"]]
    settled = resident[min(12, len(resident) // 2):]
    return {"relay_mib": median(resident), "relay_mib_growth": settled[-1] - settled[0]}


def others_p99(rig, cycles, seconds, slow, fast_prefix=()):
    """What a slow viewer does to the fast ones: their p99 of a second, while it is there and while a fast one is
    there in its place, by turns, since the machine's own noise comes and goes. `slow` are the arguments of its load."""
    others = rig.begin_load(FAST_VIEWERS, 2 * cycles * (seconds + 3), prefix=fast_prefix, watch=False, name="others")
    others.wait_until_measuring()
    began = time.monotonic()
    spans = []
    for kind, how in [("beside", slow), ("alone", {"prefix": fast_prefix})] * cycles:
        load = rig.begin_load(1, seconds, warm_up=1.0, watch=False, name=kind, **how)
        load.wait_until_measuring()
        begin = time.monotonic() - began
        load.finish()
        spans.append((kind, begin, time.monotonic() - began))
    others.process.end()  # it has seen enough, and says what
    series = others.finish()["series"]
    p99 = {kind: median([second["fast"]["age_ms_p99"] for second in series for span, begin, end in spans
                         if span == kind and begin <= second["at_s"] - 1 and second["at_s"] <= end])
           for kind in ("alone", "beside")}
    return {"fast_p99_ms_alone": p99["alone"], "fast_p99_ms_beside": p99["beside"]}


def reads_slowly(lab, kind, seconds, cycles, show):
    how = {"flags": ["--slow", 1, "--read-rate", HALF_RATE]}
    with kind(lab) as rig:
        slow = rig.load(FAST_VIEWERS + 1, seconds, **how)
        p99 = others_p99(rig, cycles, 10, how)
    show(f"slow: {kind.name}, reading at half the rate: age {slow['slow']['latency_ms']['p50']:.0f} ms (p50); the others' p99 "
         f"{p99['fast_p99_ms_alone']:.2f} ms without it, {p99['fast_p99_ms_beside']:.2f} with it")
    return {"case": f"{kind.name}, reads at half the rate", **ages(slow, "slow"), **memory(slow), **p99,
            "series": [second["slow"] for second in slow["series"]]}


class PlainRig(OttdRig):
    """Its viewers' buffers are as the kernel makes them: what they hold counts here."""

    name = "guest"
    viewer_flags = []


class PlainHttp(HttpRig):
    """What HTTP has no word for, a frame that was skipped, is counted as lost."""

    name = "HTTP viewer"
    viewer_flags = []


class SlowLink:
    """A namespace at the end of a link of half the stream's rate; the relay's end is in one of its own, too. Their
    names tell the process that made them, so what a killed run has left is removed by the next one."""

    def __init__(self):
        self.prefix = f"{NAMESPACE}{os.getpid()}-"
        self.near, self.far = f"{self.prefix}relay", f"{self.prefix}viewer"

    def __enter__(self):
        for name in namespaces():
            if (left := re.match(rf"{NAMESPACE}(\d+)-", name)) and not pathlib.Path(f"/proc/{left[1]}").exists():
                remove_namespaces(left[0])
        try:
            for name in (self.near, self.far):
                command("ip", "netns", "add", name)
                command("ip", "-n", name, "link", "set", "lo", "up")
            command("ip", "-n", self.near, "link", "add", "slow0", "type", "veth", "peer", "name", "slow0", "netns",
                    self.far)
            for name, address in ((self.near, RELAY_END), (self.far, VIEWER_END)):
                command("ip", "-n", name, "address", "add", f"{address}/24", "dev", "slow0")
                command("ip", "-n", name, "link", "set", "slow0", "up")
            command(*self.inside(self.near), "tc", "qdisc", "add", "dev", "slow0", "root", "tbf", *LINK.split())
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        remove_namespaces(self.prefix)

    @staticmethod
    def inside(name):
        return ["nsenter", f"--net=/run/netns/{name}"]

    def queue_ms(self):
        """How long what waits in the link's own queue will take."""
        text = command(*self.inside(self.near), "tc", "-s", "qdisc", "show", "dev", "slow0")
        found = re.search(r"backlog (\d+)([KM]?)b", text)
        return int(found[1]) * {"": 1, "K": 1024, "M": 1 << 20}[found[2]] / HALF_RATE * 1000 if found else 0


class BehindLink(PlainRig):
    """All in the near namespace; viewers of the far one connect to the link's address."""

    http = False

    def __init__(self, lab, link):
        super().__init__(lab)
        self.link = link

    def start(self, name, command, prefix=(), environment=None):
        return super().start(name, command, [*self.link.inside(self.link.near), *prefix], environment)

    def build(self):
        boot, source = f"{self.range}1", f"{self.range}100"
        topology = self.lab.folder / f"{self.range}link.json"
        topology.write_text(json.dumps({boot: {"neighbors": [source]}, source: {"neighbors": [boot, RELAY_END]},
                                        RELAY_END: {"neighbors": [source]}}))
        ottd = self.lab.ottd
        self.start("boot", [ottd, "--role", "bootstrap", "--topology", topology, "--id", boot,
                            "--stream", "unused=pattern:16x16@1"]).wait_for_log("listening on")
        self.relays.append(self.start("ottd", [ottd, "--role", "node", "--bootstrap", boot, "--id", RELAY_END,
                                               *(HttpRig.relay_flags(RELAY_END) if self.http else [])]))
        self.start("source", [self.lab.ott_load, "--publish", 1, "--name", "load0", "--bootstrap", boot,
                              "--id", source])
        self.relays[0].wait_for_log("linked with")
        self.target, self.stream = RELAY_END, ["--stream", "load0"]


class HttpBehindLink(BehindLink):
    protocol, name, http = "http", PlainHttp.name, True

    def build(self):
        super().build()
        self.target, self.stream = HttpRig.url(RELAY_END), []


def behind_slow_link(lab, kind, seconds, cycles, show):
    with SlowLink() as link, kind(lab, link) as rig:
        near, far = link.inside(link.near), link.inside(link.far)
        # The relay's processes are seen from outside of it.
        slow_load = rig.begin_load(1, seconds, prefix=far, name="far")
        slow_load.wait_until_measuring()
        queue = Background(link.queue_ms, 0.2)
        slow = slow_load.finish()
        waited = queue.stop()
        p99 = others_p99(rig, cycles, 10, {"prefix": far}, near)
    for second in slow["series"]:
        second["slow"] = second["fast"]
    show(f"slow: {kind.name}, behind a link of half the rate: age {slow['fast']['latency_ms']['p50']:.0f} ms (p50), of which "
         f"{median(waited):.0f} ms in the link's own queue")
    return {"case": f"{kind.name}, behind a link of half the rate (tbf {LINK})", **ages(dict(slow, slow=slow["fast"]), "slow"),
            **memory(slow), "link_queue_ms_p50": median(waited), "link_queue_ms_max": max(waited), **p99,
            "series": [second["slow"] for second in slow["series"]]}


def stops(lab, pause, show):
    with PlainRig(lab) as rig:
        result = rig.load(FAST_VIEWERS + 1, pause + 5, ["--slow", 1, "--pause", pause])
    show(f"slow: a viewer that stopped for {pause} s reads {result['old_bytes_after_pause'] / 1e6:.2f} MB until a "
         "fresh frame")
    return {"pause_s": pause, "old_bytes": result["old_bytes_after_pause"],
            "fresh_after_ms": result["fresh_after_pause_ms"], "lost": result["slow"]["frames_lost"],
            "broken": result["slow"]["frames_broken"], "skipped": result["slow"]["frames_skipped"], **memory(result)}


def run(lab, options, show):
    seconds, pause, cycles = (6, 5, 1) if options.quick else (40, 30, 4)
    cases = [reads_slowly(lab, kind, seconds, cycles, show) for kind in (PlainRig, PlainHttp)]
    if os.geteuid() == 0:
        cases += [behind_slow_link(lab, kind, seconds, cycles, show) for kind in (BehindLink, HttpBehindLink)]
    else:
        show("slow: a slow link needs root: left out")
    return {"cases": cases, "stopped": stops(lab, pause, show)}


def report(results):
    rows = [[case["case"], f"{case['age_ms_p50']:.0f} / {case['age_ms_p99']:.0f}",
             case["age_ms_p50_of_worst_second"], case.get("link_queue_ms_p50"), case["skipped"], case["lost"],
             case["broken"], f"{case['fast_p99_ms_alone']:.2f} / {case['fast_p99_ms_beside']:.2f}",
             case["relay_mib"], case["relay_mib_growth"]] for case in results["cases"]]
    stopped = results["stopped"]
    return "\n\n".join([
        table(["viewer", "frame age, ms: p50 / p99", "p50 of the worst second", "of it in the link's queue", "skipped",
               "lost", "broken", "others' p99, ms: without / with it", "relay, MiB", "growth"], rows),
        f"A viewer that stopped for {stopped['pause_s']} s: {stopped['old_bytes'] / 1e6:.2f} MB to read until a fresh "
        f"frame, {stopped['fresh_after_ms']:.0f} ms; {stopped['lost']} lost, {stopped['broken']} broken."])
