#!/usr/bin/env python3
"""Guests whose access node's link gets slow, in a network whose links are wires: each moves to the other access node,
and shows every frame once.

    guest_moves.py --tries 100      on build/ottd and build/wire, as root; ten guests at a time

Each try is a process of its own, since a guest that has just moved waits for longer before it moves again.
"""

import argparse
import os
import re
import sys

import jpeg
from overlay import Process, made_frames, run_of
from wired import WiredLab

NEAR_MS, FAR_MS, SLOW_MS = 2, 8, 40  # of each direction
LINKS = ((("boot", "10.0.1.10"), ("r1", "10.0.1.1")), (("boot", "10.0.2.10"), ("r2", "10.0.2.1")),
         (("r1", "10.0.3.1"), ("home", "10.0.3.20")), (("r2", "10.0.4.1"), ("home", "10.0.4.20")))
TOPOLOGY = {"10.0.1.10": {"name": "boot", "addresses": ["10.0.2.10"], "neighbors": ["10.0.1.1", "10.0.2.1"]},
            "10.0.1.1": {"name": "r1", "addresses": ["10.0.3.1"], "neighbors": ["10.0.1.10"]},
            "10.0.2.1": {"name": "r2", "addresses": ["10.0.4.1"], "neighbors": ["10.0.1.10"]}}
FRAMES_AFTER = 50  # that each guest shows after its move


class Town(WiredLab):
    """Two relays, and the guests of a round at home."""

    def __init__(self, lab: str):
        super().__init__(lab, LINKS, TOPOLOGY)

    def build(self) -> None:
        super().build()
        frames = made_frames(240, "64x48")
        self.source = [jpeg.picture(frame) for frame in frames]
        clip = self.folder / "clip.mjpeg"
        clip.write_bytes(b"".join(frames))
        self.bootstrap("boot", "--id", "10.0.1.10", "--stream", f"film={clip}?fps=25")
        for relay, bootstrapper in (("r1", "10.0.1.10"), ("r2", "10.0.2.10")):
            self.start(relay, relay, "--role", "node", "--bootstrap", bootstrapper).wait_for_log("linked with")

    def round(self, guests: int, number: int = 0) -> list:
        """So many guests attach to r1, whose way gets slow. Returns what each says of its move."""
        self.set_delay("r1", "home", NEAR_MS)
        self.set_delay("r2", "home", FAR_MS)
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
        self.set_delay("r1", "home", SLOW_MS)
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
