#!/usr/bin/env python3
"""Guests whose access node's link gets slow, in a network whose links are wires: each moves to the other access node,
and shows every frame once.

    guest_moves.py --tries 100      on build/ottd and build/wire, as root; ten guests at a time

Each try is a process of its own, since a guest that has just moved waits for longer before it moves again.
"""

import argparse
import json
import os
import pathlib
import re
import shutil
import sys
import tempfile

import jpeg
from overlay import Process, made_frames, run_of

sys.dont_write_bytecode = True
ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))
import core_file  # noqa: E402
import labs  # noqa: E402
import link_options  # noqa: E402

WIRE = pathlib.Path(os.environ.get("OTTD", str(ROOT / "build" / "ottd"))).with_name("wire")
DEVICES = ("boot", "r1", "r2", "home")
NEAR_MS, FAR_MS, SLOW_MS = 2, 8, 40  # of each direction
# By link: the two ends' addresses. The guests are at home.
LINKS = (("boot", "10.0.1.10", "r1", "10.0.1.1"), ("boot", "10.0.2.10", "r2", "10.0.2.1"),
         ("r1", "10.0.3.1", "home", "10.0.3.20"), ("r2", "10.0.4.1", "home", "10.0.4.20"))
TOPOLOGY = {"10.0.1.10": {"name": "boot", "addresses": ["10.0.2.10"], "neighbors": ["10.0.1.1", "10.0.2.1"]},
            "10.0.1.1": {"name": "r1", "addresses": ["10.0.3.1"], "neighbors": ["10.0.1.10"]},
            "10.0.2.1": {"name": "r2", "addresses": ["10.0.4.1"], "neighbors": ["10.0.1.10"]}}
FRAMES_AFTER = 50  # that each guest shows after its move


def scenario() -> str:
    devices = "".join(f'<device id="{i + 1}" name="{name}" type="x"/>' for i, name in enumerate(DEVICES))
    links, ends = "", dict.fromkeys(DEVICES, 0)
    for one, its, other, others in LINKS:
        at = []
        for number, (name, ip) in enumerate(((one, its), (other, others)), 1):
            at.append(f'<iface{number} id="{ends[name]}" ip4="{ip}" ip4_mask="24"/>')
            ends[name] += 1
        links += f'<link node1="{DEVICES.index(one) + 1}" node2="{DEVICES.index(other) + 1}">{"".join(at)}</link>'
    return f"<scenario><devices>{devices}</devices><links>{links}</links></scenario>"


class Town:
    """The network, its overlay, and the guests of a round."""

    def __init__(self, lab: str):
        self.lab, self.processes = lab, []

    def __enter__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="ottd-test."))
        try:
            self.build()
        except BaseException:
            self.__exit__(*sys.exc_info())
            raise
        return self

    def build(self) -> None:
        file = self.folder / "town.xml"
        file.write_text(scenario())
        labs.up(core_file.read(file), self.lab, wire=WIRE, wires=True)
        frames = made_frames(240, "64x48")
        self.source = [jpeg.picture(frame) for frame in frames]
        clip = self.folder / "clip.mjpeg"
        clip.write_bytes(b"".join(frames))
        topology = self.folder / "topology.json"
        topology.write_text(json.dumps(TOPOLOGY))
        boot = self.start("boot", "boot", "--role", "bootstrap", "--topology", topology, "--id", "10.0.1.10",
                          "--stream", f"film={clip}?fps=25")
        boot.wait_for_log("listening on")
        for name in ("r1", "r2"):
            to = "10.0.1.10" if name == "r1" else "10.0.2.10"
            self.start(name, name, "--role", "node", "--bootstrap", to).wait_for_log("linked with")

    def __exit__(self, kind, value, traceback):
        for process in self.processes:
            if process.popen.poll() is None:
                process.kill()
        if kind is not None:
            print("\n".join(process.describe() for process in self.processes), flush=True)
        if self.lab in labs.labs():
            labs.down(self.lab)
        shutil.rmtree(self.folder, ignore_errors=True)

    def start(self, name: str, device: str, *arguments) -> Process:
        process = Process(name, self.folder, [*arguments, "--stats", self.folder / f"{name}.stats"],
                          prefix=labs.inside(self.lab, device))
        self.processes.append(process)
        return process

    def set_delay(self, relay: str, delay_ms: int) -> None:
        """On the way between a relay and the guests, in each direction."""
        for device, interface in ((relay, "eth1"), ("home", "eth0" if relay == "r1" else "eth1")):
            labs.change_link(self.lab, device, interface, link_options.read_words(["delay", f"{delay_ms}ms"]))

    def round(self, guests: int, number: int = 0) -> list:
        """So many guests attach to r1, whose way gets slow. Returns what each says of its move."""
        self.set_delay("r1", NEAR_MS)
        self.set_delay("r2", FAR_MS)
        running = []
        for i in range(guests):
            name = f"g{number}-{i}"
            running.append(self.start(name, "home", "--role", "client", "--node", "10.0.3.1,10.0.4.1", "--dump",
                                      self.folder / f"{name}.frames"))
        for guest in running:
            guest.wait_for_log("attached to 10.0.1.1")
            guest.wait_for_frames(20)
            guest.wait_for_stats(lambda line: any(link["relation"] == "measured" and link["rtt_ms"] is not None and
                                                  link["state"] == "OFFLINE" for link in line["links"]),
                                 "the other access node is measured")
        self.set_delay("r1", SLOW_MS)
        said = []
        for guest in running:
            said.append(guest.wait_for_log("moved from 10.0.1.1 to 10.0.2.1: .* ms instead of .* ms")[0])
        for guest in running:
            guest.wait_for_frames(guest.frame_count() + FRAMES_AFTER)
        for guest in running:
            guest.terminate()
            self.check(guest)
        return [re.sub(".*moved", "moved", line) for line in said]

    def check(self, guest: Process) -> None:
        """It has every frame of the film once, in order, by its own account and by the pictures."""
        final = guest.final()
        wrong = {name: final[name] for name in ("frames_lost", "frames_duplicate", "frames_skipped") if final[name]}
        assert not wrong, f"{guest.name}: {wrong}"
        run_of(guest.pictures(), self.source)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--tries", type=int, default=100)
    parser.add_argument("--at-once", type=int, default=10, help="guests of one round")
    options = parser.parse_args()
    done = 0
    with Town(f"test-{os.getpid()}-guests") as town:
        while done < options.tries:
            said = town.round(min(options.at_once, options.tries - done), done)
            done += len(said)
            print(f"{done} moved, 0 lost, 0 twice; the last one: {said[-1]}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
