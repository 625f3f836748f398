#!/usr/bin/env python3
"""Sound and pictures by real programs where the way is narrow, and where somebody comes late.

    test/system/streams_narrow.py [--seconds 60] [narrow | join ...]

narrow: ffmpeg sends 3 Mbit/s of H.264, with a sync point each second, and Opus. A relay behind a link of 2 Mbit/s gets
them and hands them to ffmpeg. No packet of audio is lost, or late by more than 100 ms; what is left of the video are
whole pictures, decoded without an error, and none stands longer than a second and 300 ms.

join: a viewer is started in the middle of ten seconds of H.264 without a sync point. It has a picture within 300 ms, and
is where the sender is within two seconds.

Both run in network namespaces of their own. Ends with `N passed, N failed`. The short samples that tests run are in
streams_test.py.
"""

import argparse
import concurrent.futures
import pathlib
import re
import subprocess
import sys
import time

from overlay import TIMEOUT_S, Overlay, wait_until
from streams_matrix import FPS, Tap, hashes_of, play

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent.parent / "tools"))
from namespaces import Network, inside_of  # noqa: E402
from namespaces import run as command  # noqa: E402

LINK = "rate 2mbit burst 64kb latency 400ms"
ADDRESS = {"near": "10.99.0.1", "far": "10.99.0.2"}
AUDIO_LATE_S = 0.1
GOP_S = 1
FREEZE_S = GOP_S + 0.3
LONG_GOP_S = 10
FIRST_PICTURE_S, LIVE_S = 0.3, 2.0
AT_LIVE_S = 0.1  # a packet that is no later than this is what the sender has sent just now
SENT, TAKEN, OUT, PLAYED = 5000, 5010, 5020, 5030  # four ports each: of the sender, the origin, the far node, the player


def make_film(path: pathlib.Path, seconds: int, gop_s: int, bits_per_second: int) -> None:
    """Noise, so that the rate is what it is to be."""
    subprocess.run(["ffmpeg", "-v", "error", "-y", "-f", "lavfi", "-i",
                    f"testsrc2=size=640x360:rate={FPS},noise=alls=40:allf=t", "-f", "lavfi", "-i",
                    "sine=frequency=440:sample_rate=48000", "-t", str(seconds), "-c:v", "libx264", "-preset",
                    "ultrafast", "-g", str(gop_s * FPS), "-keyint_min", str(gop_s * FPS), "-sc_threshold", "0",
                    "-b:v", str(bits_per_second), "-maxrate", str(bits_per_second), "-bufsize",
                    str(bits_per_second // 2), "-pix_fmt", "yuv420p", "-c:a", "libopus", path], check=True)


class Place(Overlay):
    """boot - far, each in a namespace of its own."""

    def __init__(self):
        super().__init__("boot-far")

    def __enter__(self):
        super().__enter__()
        self.network = Network(ADDRESS, owner="streams")
        self.network.__enter__()
        self.address = {"boot": ADDRESS["near"], "far": ADDRESS["far"]}
        self.programs, self.taps = [], []
        return self

    def __exit__(self, kind, value, traceback):
        for program in self.programs:
            program.kill()
            program.wait()
        for tap in self.taps:
            tap.close()
        super().__exit__(kind, value, traceback)
        self.network.__exit__()

    def at(self, name: str) -> None:
        """Where the processes are that are started next."""
        self.prefix = self.network.inside(name)

    def tap(self, name: str, port: int, to: int) -> Tap:
        tap = inside_of(f"{self.network.prefix}{name}", Tap, port, to)
        self.taps.append(tap)
        return tap

    def narrow(self) -> None:
        command("ip", "netns", "exec", f"{self.network.prefix}near", "tc", "qdisc", "add", "dev", "eth0", "root", "tbf",
                *LINK.split())

    def send(self, film: pathlib.Path) -> list:
        """The command that sends it. A sender that nobody hears says first what it will send."""
        sdp = self.folder / "sent.sdp"
        sender = [*self.network.inside("near"), "ffmpeg", "-v", "error", "-nostdin", "-re", "-i", film, "-map", "0:v",
                  "-c", "copy", "-f", "rtp", f"rtp://127.0.0.1:{SENT}", "-map", "0:a", "-c", "copy", "-f", "rtp",
                  f"rtp://127.0.0.1:{SENT + 2}", "-sdp_file", sdp]
        probe = play(*sender, folder=self.folder, log="probe.log")
        wait_until(lambda: sdp.exists() and "m=audio" in sdp.read_text(), "the sender's SDP")
        probe.kill()
        probe.wait()
        (self.folder / "cam.sdp").write_text(with_ports(sdp.read_text(), TAKEN))
        return sender


def with_ports(sdp: str, first: int) -> str:
    """Its media, in turn, at the first port, the one after the next, and so on."""
    ports = iter(range(first, first + 100, 2))
    return re.sub(r"^(m=\w+) \d+", lambda found: f"{found[1]} {next(ports)}", sdp, flags=re.MULTILINE)


def in_turn(arrivals: dict) -> list:
    """The instants at which timestamps were seen last, the earliest one first."""
    return sorted(arrivals.values())


def longest(instants: list) -> float:
    return max((later - earlier for earlier, later in zip(instants, instants[1:])), default=float("inf"))


def narrow(seconds: int, timed: bool = True) -> str:
    """`timed`: how long things take is looked at, too."""
    with Place() as place, concurrent.futures.ThreadPoolExecutor() as pool:
        film = place.folder / "film.mkv"
        make_film(film, seconds + 5, GOP_S, 3_000_000)
        pictures = hashes_of("-i", film, seconds=10 * TIMEOUT_S)
        place.narrow()
        sender = place.send(film)
        near = place.tap("near", SENT, TAKEN)
        far = place.tap("far", OUT, PLAYED)
        place.at("near")
        place.bootstrap(f"cam=sdp:{place.folder}/cam.sdp")
        place.at("far")
        out = place.folder / "far.sdp"
        node = place.node("far", "--rtp", f"127.0.0.1:{OUT}", "--sdp", out, "--stream", "cam")
        node.wait_for_log("linked with")
        wait_until(lambda: out.exists() and "m=audio" in out.read_text(), "the SDP of what the far node sends")
        (place.folder / "player.sdp").write_text(with_ports(out.read_text(), PLAYED))
        player = pool.submit(hashes_of, "-protocol_whitelist", "file,rtp,udp", "-buffer_size", 4 << 20, "-i",
                             place.folder / "player.sdp", "-t", seconds, prefix=place.prefix,
                             seconds=seconds + 2 * TIMEOUT_S)
        time.sleep(1)  # a player's start is not to be seen; what it misses, it names
        place.programs.append(play(*sender, folder=place.folder, log="sender.log"))
        shown = player.result()
        sent, came = dict(near.clocks[1].seen), dict(far.clocks[1].seen)
        until = max(came.values()) - 1  # what is under way now is not lost
        lost = [timestamp for timestamp, at in sent.items() if at < until and timestamp not in came]
        late = max(at - sent[timestamp] for timestamp, at in came.items())
        freeze = longest(in_turn(far.clocks[0].seen))
        said = (f"narrow: {len(came)} packets of audio, {len(lost)} lost, at most {late * 1000:.0f} ms late; "
                f"{len(shown)} pictures of {seconds * FPS}, at most {freeze * 1000:.0f} ms apart")
        assert not lost, said
        assert not timed or late <= AUDIO_LATE_S and freeze <= FREEZE_S, said
        places = {picture: i for i, picture in enumerate(pictures)}
        assert all(picture in places for picture in shown), f"{said}; some are none of the film's"
        order = [places[picture] for picture in shown]
        assert order == sorted(set(order)), f"{said}; not in order"
        return said


def join(joins: int, timed: bool = True) -> str:
    with Place() as place:
        film = place.folder / "film.mkv"
        make_film(film, LONG_GOP_S * (joins + 2), LONG_GOP_S, 1_500_000)
        sender = place.send(film)
        near = place.tap("near", SENT, TAKEN)
        far = place.tap("far", OUT, PLAYED)
        place.at("near")
        boot = place.bootstrap(f"cam=sdp:{place.folder}/cam.sdp")
        place.at("far")
        viewer = lambda: place.client("far", "--rtp", f"127.0.0.1:{OUT}", "--stream", "cam", dump=False)
        client = viewer()
        boot.wait_for_log("watches, directly", 2)  # the origin listens from then on
        place.programs.append(play(*sender, folder=place.folder, log="sender.log"))
        wait_until(lambda: far.clocks[0].packets, "the film")
        # Somebody else keeps the film coming.
        place.at("near")
        place.guest("other", "boot", "--stream", "cam")
        place.at("far")
        firsts, lives = [], []
        began = time.monotonic()
        for i in range(joins):
            client.terminate()
            time.sleep(max(0.0, began + (i + 0.5) * LONG_GOP_S - time.monotonic()))  # the middle of a GOP
            before = set(far.clocks[0].seen)
            at = time.monotonic()
            client = viewer()
            first, live = came_back(near, far, before, at)
            firsts.append(first)
            lives.append(live)
        said = (f"join: first picture after {', '.join(f'{1000 * s:.0f}' for s in firsts)} ms, "
                f"live after {', '.join(f'{1000 * s:.0f}' for s in lives)} ms")
        assert not timed or max(firsts) <= FIRST_PICTURE_S and max(lives) <= LIVE_S, said
        return said


def came_back(near: Tap, far: Tap, before: set, at: float):
    """How long it took until a picture was there, and until what came was what was sent just then, in seconds."""
    def news():
        return {timestamp: seen for timestamp, seen in dict(far.clocks[0].seen).items() if timestamp not in before}

    def live():
        came = news()
        sent = dict(near.clocks[0].seen)  # taken later: it has all that came
        return min((seen for timestamp, seen in came.items() if seen - sent[timestamp] <= AT_LIVE_S), default=None)
    there = wait_until(live, "what is sent just now")
    # A picture is whole when the next one begins.
    instants = in_turn(news())
    return instants[0] - at, there - at


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=int, default=60, help="how long the narrow link is looked at")
    parser.add_argument("--joins", type=int, default=5)
    parser.add_argument("what", nargs="*", metavar="narrow | join", default=["narrow", "join"])
    arguments = parser.parse_args()
    runs = {"narrow": lambda: narrow(arguments.seconds), "join": lambda: join(arguments.joins)}
    passed = failed = 0
    for what in arguments.what:
        try:
            print(f"  {runs[what]()}", flush=True)
            passed += 1
        except (AssertionError, subprocess.SubprocessError) as problem:
            print(f"  {what} failed: {problem}", flush=True)
            failed += 1
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
