#!/usr/bin/env python3
"""Trees by what links do (--metric latency, quality), in networks whose links change.

    test/system/measured_ways.py [--minutes 10] [near | raised | wander | lossy | apart | viewers ...]

near: eleven nodes, links of 5 to 80 ms. Latency's trees are within 5 % of the best by true delays.
raised: a way whose delay goes from 10 to 60 ms is left within 5 s; nothing is lost or comes twice, and
no gap is a frame interval longer than usual.
wander: the delays of these eleven nodes change each second, by 10 % at most. No tree is another for it.
lossy: a way that loses 3 % is left within 10 s, by quality.
apart: two ways, each too narrow for two streams, have one each within 20 s; three moves at most, and nothing is skipped
after a minute.
viewers: the same with four streams, of which the ways carry three: those with most viewers are carried, and
--why and the report say so.

All run in network namespaces of their own, as root. Ends with `N passed, N failed`. measured_ways_test.py runs short
ones, and does not look at how long things take.
"""

import argparse
import random
import signal
import subprocess
import sys
import time

from measured_lab import Net, shortest, way_to

from lab import Comparison, Failure, wait_until  # noqa: E402

FPS = 25
FILM = f"pattern:320x240@{FPS}"  # about 3.6 Mbit/s
SMALL = f"pattern:208x160@{FPS}"  # about 2.1 Mbit/s
ONE, TWO = 3_200_000, 5_300_000  # bit/s of ways that carry one and two of these, and half of one more
NEAR_ENOUGH = 1.05
LEFT_S, LOSSY_LEFT_S, APART_S = 5, 10, 20
MOVES_MOST, SETTLED_S = 3, 60
SLOWLY_S = 60  # for what is not timed
WANDER = 0.1


def check(holds, text):
    if not holds:
        raise AssertionError(text)


def plane(seed):
    """{link: delay in ms} of a server, six relays and four viewers, each linked with three others or so."""
    chance = random.Random(seed)
    names = ["boot", *(f"r{i}" for i in range(1, 7)), *(f"v{i}" for i in range(1, 5))]
    links = {}
    for i, name in enumerate(names[1:], 1):
        for peer in chance.sample(names[:min(i, 7)], min(2 if name[0] == "r" else 3, i)):
            links[f"{peer}-{name}"] = chance.randint(5, 80)
    return links


class Plane(Net):
    def __init__(self, seed, name):
        self.delays = {tuple(link.split("-")): ms for link, ms in plane(seed).items()}
        super().__init__({"-".join(link): {"delay": ms} for link, ms in self.delays.items()}, name)

    def begin(self):
        self.boot(f"cam={SMALL}", flags=["--metric", "latency"])
        self.relays(" ".join(name for name in self.names if name[0] == "r"))
        self.viewers = {name: self.viewer(name, "cam") for name in self.names if name[0] == "v"}
        for viewer in self.viewers.values():
            viewer.wait_for_frames(2 * FPS)

    def delay_to(self, node, tree):
        way = way_to(node, tree)
        return sum(self.delays.get((a, b)) or self.delays[b, a] for a, b in zip(way, way[1:]))


def near(seed=1, timed=True):
    with Plane(seed, "ways-near") as net:
        net.begin()
        best = {name: cost for name, (cost, _) in shortest(net.delays, "boot").items() if name in net.viewers}
        deadline = time.monotonic() + (LOSSY_LEFT_S if timed else SLOWLY_S)
        while True:
            tree = net.trees("cam")[-1][1]
            has = {name: net.delay_to(name, tree) for name in net.viewers}
            ratio = sum(has.values()) / sum(best.values())
            said = (f"near ({seed}): ways of {', '.join(f'{has[name]} ms (best {best[name]})' for name in has)}; "
                    f"together {ratio:.3f} times the best, after {len(net.trees('cam'))} trees")
            if ratio <= NEAR_ENOUGH:
                return said
            check(time.monotonic() < deadline, said)
            time.sleep(0.5)


def diamond(a, b):
    """Two ways from the server to v, of these delays."""
    return {"boot-a": {"delay": a}, "boot-b": {"delay": b}, "a-v": {"delay": 5}, "b-v": {"delay": 5}}


def watched(net, metric, film=FILM):
    """A viewer, and one at the server to compare with."""
    net.boot(f"cam={film}", flags=["--metric", metric])
    net.relays("a b")
    reference, v = net.guest("boot", "cam"), net.viewer("v", "cam")
    v.wait_for_frames(5 * FPS)
    check(net.trees("cam")[-1][1]["v"] == "a", "the stream does not begin by a")
    return reference, v


def left(net, since, within_s):
    """When v had another way."""
    def moved():
        return next((when for when, tree in net.trees("cam") if when > since and tree["v"] == "b"), None)
    return wait_until(moved, "v has the stream by b", within_s)


def unharmed(reference, viewer, said):
    """Nothing lost and nothing twice, by the pictures and by what the viewer says."""
    viewer.terminate()
    viewer.new_stats()
    reference.terminate()
    seen, final = Comparison(reference.frames, viewer.frames), viewer.stats
    counts = (seen.lost, seen.twice, seen.disordered, final["frames_lost"], final["frames_duplicate"],
              final["frames_skipped"])
    said += f"; {seen.received} frames, {counts[0]} lost, {counts[1]} twice, {counts[5]} skipped"
    check(not any(counts), f"{said} {counts}")
    return said


def raised(timed=True):
    # BBR, where a host has that, keeps at most twice as much under way as it measured for the shortest round trip of
    # ten seconds. Over a way that has become six times as long that is a third of the rate it measured, which is hardly
    # more than this film on a quiet host. What is lost by that is no matter of ways.
    with Net(diamond(10, 20), "ways-raised", congestion="cubic") as net:
        reference, v = watched(net, "latency")
        at = time.monotonic()
        usual = v.frames.longest_gap_s(at - 4, at)
        net.change("boot-a", delay="60ms")
        moved = left(net, at, LEFT_S + 10 if timed else SLOWLY_S)
        v.wait_for_frames(3 * FPS)
        # The raise itself delays what comes next; that is over when the move is.
        gap = v.frames.longest_gap_s(moved - 0.5, moved + 2)
        said = (f"raised: left after {moved - at:.1f} s; longest gap {gap * 1000:.0f} ms around that, "
                f"{usual * 1000:.0f} ms before")
        check(not timed or moved - at <= LEFT_S and gap <= usual + 1 / FPS, said)
        return unharmed(reference, v, said)


def wander(seconds=600, seed=2, timed=True):
    with Plane(seed, "ways-wander") as net:
        net.begin()
        time.sleep(10)  # what was measured as links began has been corrected
        before, chance, until = len(net.trees("cam")), random.Random(seed), time.monotonic() + seconds
        while (now := time.monotonic()) < until:
            for (a, b), ms in net.delays.items():
                net.change(f"{a}-{b}", delay=f"{ms * chance.uniform(1 - WANDER, 1 + WANDER):.2f}ms")
            time.sleep(max(0.0, now + 1 - time.monotonic()))
        trees = len(net.trees("cam")) - before
        lost = sum(viewer.stats["frames_lost"] for viewer in net.viewers.values() if viewer.new_stats() is not None)
        said = f"wander: {trees} new trees in {seconds} s, {before} before, {lost} frames lost"
        check(trees == 0 and lost == 0, said)
        return said


def lossy(timed=True):
    with Net(diamond(10, 15), "ways-lossy") as net:
        reference, v = watched(net, "quality")
        at = time.monotonic()
        net.change("boot-a", loss="3%")
        moved = left(net, at, LOSSY_LEFT_S + 20 if timed else 2 * SLOWLY_S)
        v.wait_for_frames(2 * FPS)
        said = f"lossy: left after {moved - at:.1f} s"
        check(not timed or moved - at <= LOSSY_LEFT_S, said)
        return unharmed(reference, v, said)


class Narrow(Net):
    """Streams s1, s2, ... with so many viewers at v, by ways of these rates."""

    def __init__(self, name, rates, viewers):
        links = {f"boot-{way}": {"rate": rate} for way, rate in rates.items()}
        links |= {f"{way}-v": {"delay": 5} for way in rates}
        super().__init__(links, name)
        self.ways, self.counts = list(rates), {f"s{i}": count for i, count in enumerate(viewers, 1)}

    def begin(self):
        self.boot(*(f"{stream}={SMALL}" for stream in self.counts), flags=["--metric", "quality"])
        self.relays(" ".join([*self.ways, "v"]))
        self.began = time.monotonic()
        self.guests = {stream: [self.guest("v", stream) for _ in range(count)] for stream, count in self.counts.items()}

    def parents(self):
        """{stream: the node that v has it from, or None}."""
        found = {stream: self.trees(stream) for stream in self.counts}
        return {stream: trees[-1][1].get("v") if trees else None for stream, trees in found.items()}

    def skipped(self):
        """Frames left out on links, of all processes so far."""
        total = 0
        for role in self.roles.processes:
            role.new_stats()
            total += sum(link["frames_skipped"] for link in role.stats.get("links", ()))
        return total

    def all_moves(self):
        return sorted((round(when - self.began, 1), f"{stream}: {what}") for stream in self.counts
                      for when, what in self.moves(stream))

    def watch(self, seconds, due, what):
        """Until the streams have the ways that are due, and then for so long."""
        wait_until(lambda: due(self.parents()), what, SLOWLY_S)
        apart = time.monotonic() - self.began
        while time.monotonic() < self.began + SETTLED_S and seconds > SETTLED_S:
            time.sleep(0.2)
        at_first, at = self.skipped(), time.monotonic()
        time.sleep(max(0.0, self.began + seconds - time.monotonic()))
        later = self.skipped() - at_first
        after = [move for move in self.all_moves() if move[0] > at - self.began]
        return apart, at_first, later, after

    def judge(self, name, seconds, due, timed):
        apart, first, later, after = self.watch(seconds, due, f"{name}: streams have ways of their own")
        last = max((when for when, _ in self.all_moves()), default=0.0)
        said = (f"{name}: as due after {apart:.1f} s, last move after {last:.1f} s; moves: {self.all_moves()}; "
                f"{first} frames skipped until then, {later} after; {self.parents()}")
        check(due(self.parents()), said)
        check(len(self.all_moves()) <= MOVES_MOST, said)
        check(not timed or last <= APART_S and later == 0 and not after, said)
        return said


def apart(seconds=600, timed=True):
    """Each way carries half as much again as a stream has."""
    with Narrow("ways-apart", {"a": ONE, "b": ONE}, [1, 1]) as net:
        net.begin()
        return net.judge("apart", seconds, lambda has: sorted(map(str, has.values())) == ["a", "b"], timed)


def viewers(seconds=600, timed=True):
    with Narrow("ways-viewers", {"a": ONE, "b": TWO}, [1, 2, 3, 4]) as net:
        net.begin()
        said = net.judge("viewers", seconds, lambda has: has["s1"] is None and
                         sorted(map(str, has.values())) == ["None", "a", "b", "b"], timed)
        why = net.why("s1,v")
        check(any("cannot have it" in line for line in why), f"{said}; --why: {why}")
        report = "\n".join(net.origin.report())
        check("stream s1: " in report and "cannot have it" in report, f"{said}; the report: {report}")
        return f"{said}; --why: {why}"


CASES = {"near": near, "raised": raised, "wander": wander, "lossy": lossy, "apart": apart, "viewers": viewers}


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--minutes", type=float, default=10, help="how long wander, apart and viewers are looked at")
    parser.add_argument("--times", type=int, default=1, help="how often near, raised and lossy are done")
    parser.add_argument("what", nargs="*", metavar=" | ".join(CASES), default=list(CASES))
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    passed = failed = 0
    for what in arguments.what:
        long = what in ("wander", "apart", "viewers")
        for i in range(1 if long else arguments.times):
            given = {"seconds": round(60 * arguments.minutes)} if long else {"seed": i + 1} if what == "near" else {}
            try:
                print(f"  {CASES[what](**given)}", flush=True)
                passed += 1
            except (AssertionError, Failure, subprocess.SubprocessError) as problem:
                print(f"  {what} failed: {problem}", flush=True)
                failed += 1
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
