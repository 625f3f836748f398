#!/usr/bin/env python3
"""Sound and pictures of any format through two relays to two viewers: what comes out is what went in, in step.

    test/system/streams_matrix.py [--kills 20] [FORMAT ...]

A film of each FORMAT (all without one) is sent by a real program, to an origin that takes it by SDP or by RTSP, and
taken from a viewer's node by RTP and by RTSP. Checked of each viewer:

* every picture that ffmpeg decodes is one of the film's, one after the other, without an error;
* audio and video are as far apart as at the sender, within 5 ms, by the sender reports (RFC 3550, section 6.4.1)
  that go in and that come out.

With --kills so many relays die (SIGKILL) at random times meanwhile, one of two ways each time. Ends with
`N passed, N failed`. The short sample of it that tests run is streams_test.py.
"""

import argparse
import pathlib
import random
import re
import socket
import struct
import subprocess
import sys
import threading
import time

from overlay import TIMEOUT_S, Overlay, _die_with_parent, wait_until

STEP_S = 0.005  # how far apart audio and video may have come
FPS = 25
GOP = 25
RTSP_PORT = 8554
NTP_UNIT = 2.0 ** -32

VIDEO = {
    "H264": ["-c:v", "libx264", "-preset", "ultrafast", "-bf", "2"],
    "H265": ["-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=none"],
    "VP8": ["-c:v", "libvpx", "-deadline", "realtime", "-cpu-used", "8"],
    "VP9": ["-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-strict", "experimental"],
    "MJPEG": ["-c:v", "mjpeg", "-huffman", "default", "-pix_fmt", "yuvj420p"],
}
AUDIO = {
    "opus": ["-c:a", "libopus"],
    "AAC": ["-c:a", "aac"],
    "PCMU": ["-c:a", "pcm_mulaw", "-ar", "8000", "-ac", "1"],
    "L16": ["-c:a", "pcm_s16be", "-ar", "44100", "-ac", "2"],
}
RATES = {"opus": 48_000, "AAC": 48_000, "PCMU": 8_000, "L16": 44_100}  # of RTP timestamps
FORMATS = ["H264+opus", "H265+AAC", "VP8+PCMU", "VP9+L16", "MJPEG+opus"]


def make_film(path: pathlib.Path, form: str, seconds: int) -> None:
    """A film whose pictures are all different, with a tone."""
    video, audio = form.split("+")
    subprocess.run(["ffmpeg", "-v", "error", "-y", "-f", "lavfi", "-i", f"testsrc2=size=320x176:rate={FPS}",
                    "-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000", "-t", str(seconds), *VIDEO[video],
                    "-g", str(GOP), "-pix_fmt", "yuvj420p" if video == "MJPEG" else "yuv420p", *AUDIO[audio], path],
                   check=True)


def hashes_of(*arguments, prefix=(), seconds: float = TIMEOUT_S) -> list:
    """Of each decoded picture. An error that ffmpeg names is one."""
    command = [*prefix, "ffmpeg", "-v", "error", "-nostdin", *map(str, arguments), "-map", "0:v", "-fps_mode",
               "passthrough", "-pix_fmt", "yuv420p", "-f", "framemd5", "-"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=seconds)
    assert done.returncode == 0 and not done.stderr, f"{' '.join(command)}: {done.stderr}"
    return re.findall(r"^0,.*, *([0-9a-f]{32})$", done.stdout, re.MULTILINE)


def run_of_film(pictures: list, film: list) -> None:
    """Asserts that the pictures are those of the film, one after the other from some place in it on."""
    assert pictures, "no picture came"
    assert len(set(film)) == len(film), "pictures of the film are equal"
    assert pictures[0] in film, "the first picture is none of the film's"
    first = film.index(pictures[0])
    for i, picture in enumerate(pictures):
        assert first + i < len(film) and picture == film[first + i], \
            f"picture {i + 1} of {len(pictures)} is not the one that follows (the film's {first + i})"


class Clock:
    """The instants of an RTP flow's timestamps, by the newest sender report."""

    def __init__(self):
        self.ntp = self.timestamp = None
        self.packets = 0
        self.seen = {}  # some timestamps

    def take(self, packet: bytes) -> None:
        self.packets += 1
        self.seen[struct.unpack("!I", packet[4:8])[0]] = time.monotonic()

    def take_report(self, packet: bytes) -> None:
        if len(packet) >= 20 and packet[1] == 200:
            seconds, fraction, timestamp = struct.unpack("!III", packet[8:20])
            self.ntp, self.timestamp = seconds + fraction * NTP_UNIT, timestamp

    def instant(self, timestamp: int, rate: int) -> float:
        ticks = (timestamp - self.timestamp + 2 ** 31) % 2 ** 32 - 2 ** 31
        return self.ntp + ticks / rate


class Tap:
    """Sockets at two pairs of ports that hand on to another two, where given, and note what passes."""

    def __init__(self, port: int, to=None):
        self.clocks = [Clock(), Clock()]
        self.sockets = []
        self.ends = False
        for offset in range(4):
            one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
            one.settimeout(0.2)
            one.bind(("127.0.0.1", port + offset))
            self.sockets.append(one)
        self.threads = [threading.Thread(target=self.run, args=(i, to and ("127.0.0.1", to + i))) for i in range(4)]
        for thread in self.threads:
            thread.start()

    def run(self, index: int, to) -> None:
        while not self.ends:
            try:
                packet = self.sockets[index].recv(65536)
            except socket.timeout:
                continue
            clock = self.clocks[index // 2]
            (clock.take_report if index % 2 else clock.take)(packet)
            if to:
                self.sockets[index].sendto(packet, to)

    def reports(self) -> bool:
        return all(clock.ntp is not None and clock.packets > 20 for clock in self.clocks)

    def close(self) -> None:
        self.ends = True
        for thread in self.threads:
            thread.join()
        for one in self.sockets:
            one.close()


def out_of_step(source: Tap, far: Tap, rates) -> float:
    """By how much audio and video are further apart than they were, in seconds. Timestamps go as they came."""
    moved = []
    for here, there, rate in zip(source.clocks, far.clocks, rates):
        common = set(here.seen) & set(there.seen)
        assert common, "no timestamp of the source came through"
        timestamp = max(common, key=here.seen.get)
        moved.append(there.instant(timestamp, rate) - here.instant(timestamp, rate))
    return abs(moved[0] - moved[1])


def free_ports(count: int) -> int:
    """The first, even one of so many free ports of 127.0.0.1."""
    for first in range(random.randrange(12000, 30000, 2), 32000, 2 * count):
        sockets = []
        try:
            for port in range(first, first + count):
                sockets.append(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
                sockets[-1].bind(("127.0.0.1", port))
            return first
        except OSError:
            pass
        finally:
            for one in sockets:
                one.close()
    raise AssertionError("no free ports")


def play(*arguments, folder: pathlib.Path, log: str) -> subprocess.Popen:
    with open(folder / log, "wb") as errors:
        return subprocess.Popen(list(map(str, arguments)), cwd=folder, stdin=subprocess.DEVNULL,
                                stdout=subprocess.DEVNULL, stderr=errors, preexec_fn=_die_with_parent)


class Show:
    """The film through boot - r1 | r2 - v1, v2 to the viewers, who take it by RTP and by RTSP."""

    def __init__(self, form: str, seconds: int, sender: str = "ffmpeg"):
        self.form, self.seconds, self.sender = form, seconds, sender
        self.net = Overlay("boot-r1 boot-r2 r1-v1 r2-v1 r1-v2 r2-v2")

    def __enter__(self):
        self.net.__enter__()
        self.ports = free_ports(12)  # the tap's, the origin's, the far end's
        self.film = self.net.folder / "film.mkv"
        make_film(self.film, self.form, self.seconds)
        self.pictures = hashes_of("-i", self.film)
        self.programs, self.taps = [], []
        return self

    def __exit__(self, kind, value, traceback):
        for program in self.programs:
            program.kill()
            program.wait()
        for tap in self.taps:
            tap.close()
        self.net.__exit__(kind, value, traceback)

    def begin(self) -> None:
        """All processes, and the film from its beginning on."""
        folder, first = self.net.folder, self.ports
        sdp = folder / "sent.sdp"
        send = ["ffmpeg", "-v", "error", "-nostdin", "-re", "-i", self.film, "-map", "0:v", "-c", "copy", "-strict",
                "experimental", "-f", "rtp", f"rtp://127.0.0.1:{first}", "-map", "0:a", "-c", "copy", "-f", "rtp", f"rtp://127.0.0.1:{first + 2}",
                "-sdp_file", sdp]
        # A sender that nobody hears says what it will send.
        probe = play(*send, folder=folder, log="probe.log")
        self.programs.append(probe)
        wait_until(lambda: sdp.exists() and "m=audio" in sdp.read_text(), "the sender's SDP")
        probe.kill()
        probe.wait()
        text = sdp.read_text()
        for offset in (0, 2):
            text = text.replace(f" {first + offset} RTP", f" {first + 4 + offset} RTP")
        self.rates = (90_000, RATES[self.form.split("+")[1]])
        (folder / "cam.sdp").write_text(text)
        self.near, self.far = Tap(first, first + 4), Tap(first + 8)
        self.taps += [self.near, self.far]
        self.net.bootstrap(f"cam=sdp:{folder}/cam.sdp")
        self.relays = {name: self.net.node(name) for name in ("r1", "r2")}
        v1 = self.net.node("v1", "--rtp", f"127.0.0.1:{first + 8}", "--sdp", folder / "far.sdp", "--stream", "cam")
        v2 = self.net.node("v2", "--rtsp", f"{self.net.address['v2']}:{RTSP_PORT}")
        for viewer in (v1, v2):
            viewer.wait_for_log("linked with", 2)
        self.programs.append(play(*send, folder=folder, log="sender.log"))

    def watch(self, seconds: float) -> list:
        """What ffmpeg decodes that plays by RTSP for so long."""
        url = f"rtsp://{self.net.address['v2']}:{RTSP_PORT}/cam"
        return hashes_of("-rtsp_transport", "tcp", "-i", url, "-t", seconds, seconds=seconds + TIMEOUT_S)

    def kill_a_relay(self) -> None:
        name = random.choice(list(self.relays))
        self.relays[name].kill()
        time.sleep(1.5)
        self.relays[name] = self.net.node(name)


def run(form: str, seconds: int, kills: int) -> None:
    with Show(form, seconds + 15) as show:
        show.begin()
        wait_until(show.far.reports, "audio, video and their reports at the far end")
        ends = threading.Event()

        def killer():
            for _ in range(kills):
                if ends.wait(random.uniform(2, 4)):
                    return
                show.kill_a_relay()

        thread = threading.Thread(target=killer)
        thread.start()
        try:
            pictures = show.watch(seconds)
        finally:
            ends.set()
            thread.join()
        run_of_film(pictures, show.pictures)
        step = out_of_step(show.near, show.far, show.rates)
        assert step <= STEP_S, f"audio and video are {step * 1000:.1f} ms further apart than they were"
        print(f"  {form}: {len(pictures)} pictures, {kills} kills, {step * 1000:.2f} ms out of step", flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--kills", type=int, default=0, help="relays that die meanwhile")
    parser.add_argument("formats", nargs="*", metavar="FORMAT", help=f"of {', '.join(FORMATS)}")
    arguments = parser.parse_args()
    passed = failed = 0
    for form in arguments.formats or FORMATS:
        try:
            run(form, max(8, 6 * arguments.kills), arguments.kills)
            passed += 1
        except (AssertionError, subprocess.SubprocessError) as problem:
            print(f"  {form} failed: {problem}", flush=True)
            failed += 1
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
