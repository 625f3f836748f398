#!/usr/bin/env python3
"""Viewers that pause, resume, seek and change streams at random while relays are killed: nothing may be left behind.

    control_chaos.py [--clients 10] [--commands 200] [--seed 1]

In the beginning and in the end all viewers are paused. Then no relay has a flow, no origin feeds anybody, and all
processes together have as many descriptors as before. In between each viewer is given commands at random, which it
answers, and a relay is killed each second or so and started again. The program is $OTTD or build/ottd.
"""

import argparse
import os
import random
import re
import sys
import threading
import time

from controls import Control
from overlay import Overlay, wait_until

RELAYS = ["r1", "r2", "r3", "r4"]
STREAMS = ["one", "two", "three"]
SETTLE_S = 30


def descriptors(process) -> int:
    return len(os.listdir(f"/proc/{process.popen.pid}/fd"))


def flows(report: str) -> list:
    """Each stream of a report of routes: its name, and to whom it goes."""
    return re.findall(r"  stream ([^:]+): .* to \[([^\]]*)\]", report)


class Chaos:
    def __init__(self, net, clients: int, commands: int, seed: int):
        self.net, self.commands, self.seed = net, commands, seed
        self.boot = net.bootstrap(*(f"{name}=pattern:64x48@50" for name in STREAMS))
        self.relays = dict(zip(RELAYS, net.nodes(" ".join(RELAYS))))
        self.viewers = []
        for i in range(clients):
            name = f"c{i + 1}"
            flags = ["--stream", "one", "--control", net.folder / f"{name}.sock"]
            if i % 5 == 4:
                flags += ["--timeshift"]
            where = ["--bootstrap", net.address["boot"]]
            if i % 2 == 0:  # a member; the others are guests
                where += ["--id", net.address[name]]
            process = net._client(name, [*where, *flags], False, {})
            self.viewers.append((process, Control(net.folder / f"{name}.sock")))
        for _, control in self.viewers:
            wait_until(lambda c=control: c.frames() > 0, "each viewer has frames", SETTLE_S)

    def pause_all(self) -> None:
        for i, (_, control) in enumerate(self.viewers):
            if i % 5 == 4:  # its stream flows on during a pause
                control.ask("resume")
                control.do("watch one")
                continue
            control.ask("pause")

    def is_quiet(self) -> bool:
        """Only what the viewers with --timeshift watch flows, and to them alone."""
        watching = {"one"} if len(self.viewers) >= 5 else set()
        for process in (self.boot, *self.relays.values()):
            for name, to in flows(process.wait_for_report(r"routes: \d+")):
                if name not in watching and (process is not self.boot or to):
                    return False
        return True

    def total(self) -> int:
        processes = [self.boot, *self.relays.values(), *(process for process, _ in self.viewers)]
        return sum(descriptors(process) for process in processes)

    def command(self, index: int) -> None:
        chance = random.Random(self.seed * 1000 + index)
        _, control = self.viewers[index]
        said = [["pause"], ["resume"], ["toggle"], ["next"], ["previous"], ["seek +10s", "seek -10s", "speed 2"],
                [f"watch {name}" for name in STREAMS], ["status"], ["streams"]]
        try:
            for _ in range(self.commands):
                control.ask(chance.choice(chance.choice(said)))
                if chance.random() < 0.5:
                    time.sleep(chance.random() * 0.2)
        except Exception as error:  # told by the main thread
            self.errors.append(f"viewer {index + 1}: {error!r}")

    def run(self) -> dict:
        self.pause_all()
        wait_until(self.is_quiet, "nothing flows in the beginning", SETTLE_S)
        before = self.total()
        self.errors, killed = [], 0
        threads = [threading.Thread(target=self.command, args=(i,)) for i in range(len(self.viewers))]
        for thread in threads:
            thread.start()
        chance = random.Random(self.seed)
        while any(thread.is_alive() for thread in threads):
            time.sleep(0.5 + chance.random())
            name = chance.choice(RELAYS)
            self.relays[name].kill()
            time.sleep(chance.random())
            self.relays[name] = self.net.node(name)
            killed += 1
        for thread in threads:
            thread.join()
        assert not self.errors, self.errors
        for _, control in self.viewers:  # each still plays what it is told to
            control.do("watch one")
            control.wait_for_frames(3)
        self.pause_all()
        wait_until(self.is_quiet, "nothing flows in the end", SETTLE_S)
        wait_until(lambda: self.total() <= before, f"no more than {before} descriptors, and there are {self.total()}",
                   2 * SETTLE_S)
        for process, control in self.viewers:
            control.do("quit")
            process.wait_for_exit(0)
            control.close()
        lost = [process.final()["frames_lost"] for process, _ in self.viewers]
        commands = self.commands * len(self.viewers)
        return {"commands": commands, "killed": killed, "descriptors": before, "lost": sum(lost)}


def links(clients: int) -> str:
    ring = ["boot-r1", "boot-r2", "r1-r3", "r2-r4", "r3-r4", "r1-r2"]
    return " ".join(ring + [f"c{i + 1}-{RELAYS[(i + k) % 4]}" for i in range(0, clients, 2) for k in (0, 1)])


def chaos(clients: int, commands: int, seed: int) -> dict:
    with Overlay(links(clients)) as net:
        return Chaos(net, clients, commands, seed).run()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clients", type=int, default=10)
    parser.add_argument("--commands", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    print(chaos(options.clients, options.commands, options.seed))
    return 0


if __name__ == "__main__":
    sys.exit(main())
