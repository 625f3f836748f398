#!/usr/bin/env python3
"""Sound and pictures of any format through two relays to two viewers: what comes out is what went in, in step.

    test/system/streams_matrix.py [--kills 20] [--from PROGRAM] [--to PROGRAM] [FORMAT ...]

A film of each FORMAT (all without one) is sent by ffmpeg or GStreamer by RTP, or shown by GStreamer's RTSP server, and
taken from the viewers' nodes by RTP and by RTSP, by ffmpeg or GStreamer. Checked of each viewer:

* every picture that ffmpeg decodes is one of the film's, one after the other, without an error;
* audio and video are as far apart as at the sender, within 5 ms, by the sender reports (RFC 3550, section 6.4.1)
  that go in by RTP and that come out.

With --kills so many relays die (SIGKILL) at random times meanwhile, one of two ways each time. Ends with
`N passed, N failed`. The short sample of it that tests run is streams_test.py.
"""

import argparse
import concurrent.futures
import pathlib
import random
import re
import shlex
import signal
import socket
import struct
import subprocess
import sys
import threading
import time

from overlay import TIMEOUT_S, Overlay, _die_with_parent, wait_until
from rtsp_servers import CAMERA, SYSTEM_PYTHON

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
PAYLOADERS = {"H264": "rtph264pay config-interval=-1", "H265": "rtph265pay config-interval=-1", "VP8": "rtpvp8pay",
              "VP9": "rtpvp9pay", "MJPEG": "rtpjpegpay", "opus": "rtpopuspay", "AAC": "rtpmp4gpay",
              "PCMU": "rtppcmupay", "L16": "rtpL16pay"}
DEPAYLOADERS = {"H264": "rtph264depay ! h264parse", "H265": "rtph265depay ! h265parse", "VP8": "rtpvp8depay", "VP9": "rtpvp9depay"}
PAYLOAD_TYPES = {"MJPEG": 26, "PCMU": 0, "L16": 10}  # those that are not dynamic (RFC 3551, section 6)
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


def recorded_by_gstreamer(source: str, form: str, path: pathlib.Path, seconds: float) -> list:
    """What ffmpeg decodes of a recording of its video."""
    player = subprocess.Popen(["gst-launch-1.0", "-q", "-e", *shlex.split(source), "!",
                               *DEPAYLOADERS[form.split("+")[0]].split(), "!", "queue", "!", "matroskamux", "!", "filesink",
                               f"location={path}"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              preexec_fn=_die_with_parent)
    time.sleep(seconds)
    player.send_signal(signal.SIGINT)
    said, _ = player.communicate(timeout=TIMEOUT_S)
    assert player.returncode == 0, f"gst-launch-1.0 has failed: {said}"
    return hashes_of("-i", path)


def caps_of(sdp: str, media: str) -> str:
    """GStreamer's name of a media of it."""
    part = re.search(rf"^m={media} .*?(?=^m=|\Z)", sdp, re.MULTILINE | re.DOTALL)[0]
    kind, encoding, rate = re.search(r"^a=rtpmap:(\d+) (\w+)/(\d+)", part, re.MULTILINE).groups()
    caps = f"application/x-rtp,media={media},payload={kind},clock-rate={rate},encoding-name={encoding}"
    for parameters in re.findall(r"^a=fmtp:\d+ (.*)$", part, re.MULTILINE):
        for name, _, value in (word.strip().partition("=") for word in parameters.split(";") if "=" in word):
            caps += f',{name}=(string)"{value}"'
    return caps


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


def moved_by(here: Clock, there: Clock, rate: int, near: float) -> float:
    """How much later the instant of one packet is there than here, in seconds. Timestamps go as they came, but for
    those of JPEG: there it is the one that is nearest to `near`."""
    common = set(here.seen) & set(there.seen)
    if common:
        timestamp = max(common, key=here.seen.get)
        return there.instant(timestamp, rate) - here.instant(timestamp, rate)
    newest = there.instant(max(there.seen, key=there.seen.get), rate)
    return min((newest - here.instant(timestamp, rate) for timestamp in here.seen), key=lambda move: abs(move - near))


def out_of_step(source: Tap, far: Tap, rates) -> float:
    """By how much audio and video are further apart than they were, in seconds."""
    audio = moved_by(source.clocks[1], far.clocks[1], rates[1], 0)
    return abs(moved_by(source.clocks[0], far.clocks[0], rates[0], audio) - audio)


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

    def __init__(self, form: str, seconds: int, sender: str, player: str):
        self.form, self.seconds, self.sender, self.player = form, seconds, sender, player
        self.net = Overlay("boot-r1 boot-r2 r1-v1 r2-v1 r1-v2 r2-v2")

    def __enter__(self):
        self.net.__enter__()
        self.ports = free_ports(16)  # four each: the sender's, the origin's, v1's, a player's
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
        """All processes but the sender."""
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
        source = f"sdp:{folder}/cam.sdp"
        if self.sender == "gstreamer":
            send = self.gstreamer_sends()
        elif self.sender == "rtsp":
            self.programs.append(play(*self.gstreamer_shows(), folder=folder, log="sender.log"))
            source = f"rtsp://127.0.0.1:{first}/film"
        self.near, self.far = Tap(first, first + 4), Tap(first + 8, first + 12)
        self.taps += [self.near, self.far]
        self.net.bootstrap(f"cam={source}")
        self.relays = {name: self.net.node(name) for name in ("r1", "r2")}
        v1 = self.net.node("v1", "--rtp", f"127.0.0.1:{first + 8}", "--sdp", folder / "far.sdp", "--stream", "cam")
        v2 = self.net.node("v2", "--rtsp", f"{self.net.address['v2']}:{RTSP_PORT}")
        for viewer in (v1, v2):
            viewer.wait_for_log("linked with", 2)
        if self.has_sdp():
            self.describe_far_end()
        self.send = send

    def has_sdp(self) -> bool:
        """Whether v1 can say what it sends before the film begins: of MJPEG the size is to be known first, and what an
        RTSP server has is known when it plays."""
        return not self.form.startswith("MJPEG") and self.sender != "rtsp"

    def payloaders(self) -> list:
        dynamic = iter((96, 97))
        return [f"{PAYLOADERS[part]} pt={PAYLOAD_TYPES.get(part, next(dynamic))}" for part in self.form.split("+")]

    def gstreamer_sends(self) -> list:
        """As ffmpeg does: what its SDP says of the film holds for any sender."""
        words = f"filesrc location={self.film} ! matroskademux name=d rtpbin name=r"
        for i, payloader in enumerate(self.payloaders()):
            port = self.ports + 2 * i
            words += (f" d.{'video' if i == 0 else 'audio'}_0 ! queue ! {payloader} ! r.send_rtp_sink_{i} "
                      f"r.send_rtp_src_{i} ! udpsink host=127.0.0.1 port={port} "
                      f"r.send_rtcp_src_{i} ! udpsink host=127.0.0.1 port={port + 1} sync=false async=false")
        return ["gst-launch-1.0", "-q", *words.split()]

    def gstreamer_shows(self) -> list:
        words = f"filesrc location={self.film} ! matroskademux name=d"
        for i, payloader in enumerate(self.payloaders()):
            words += f" d.{'video' if i == 0 else 'audio'}_0 ! queue ! {payloader} name=pay{i}"
        return [SYSTEM_PYTHON, CAMERA, "127.0.0.1", self.ports, self.film, "--film", f"( {words} )"]

    def describe_far_end(self) -> None:
        """An SDP of the player's ports, from what v1 has written of its own."""
        far, first = self.net.folder / "far.sdp", self.ports
        wait_until(lambda: far.exists() and "m=audio" in far.read_text(), "the SDP of what v1 sends")
        text = far.read_text()
        for offset in (8, 10):
            text = text.replace(f" {first + offset} RTP", f" {first + offset + 4} RTP")
        (self.net.folder / "player.sdp").write_text(text)

    def start_film(self) -> None:
        if self.sender != "rtsp":
            self.programs.append(play(*self.send, folder=self.net.folder, log="sender.log"))

    def by_rtp(self, seconds: float) -> list:
        """What a player gets that is there before the film begins."""
        if self.player == "gstreamer":
            caps = caps_of((self.net.folder / "player.sdp").read_text(), "video")
            return recorded_by_gstreamer(f"udpsrc port={self.ports + 12} buffer-size=4194304 caps='{caps}' ! "
                                         "rtpjitterbuffer", self.form, self.net.folder / "rtp.mkv", seconds)
        return hashes_of("-protocol_whitelist", "file,rtp,udp", "-buffer_size", 4 << 20, "-i",
                         self.net.folder / "player.sdp", "-t", seconds, seconds=seconds + TIMEOUT_S)

    def by_rtsp(self, seconds: float) -> list:
        """What a player gets that comes in the middle of it."""
        url = f"rtsp://{self.net.address['v2']}:{RTSP_PORT}/cam"
        if self.player == "gstreamer":
            return recorded_by_gstreamer(f"rtspsrc location={url} protocols=tcp name=s s. ! application/x-rtp,media=audio "
                                         "! fakesink s. ! application/x-rtp,media=video", self.form,
                                         self.net.folder / "rtsp.mkv", seconds)
        return hashes_of("-rtsp_transport", "udp" if self.player == "ffmpeg-udp" else "tcp", "-i", url, "-t", seconds, seconds=seconds + TIMEOUT_S)

    def kill_a_relay(self) -> None:
        name = random.choice(list(self.relays))
        self.relays[name].kill()
        time.sleep(1.5)
        self.relays[name] = self.net.node(name)


def run(form: str, seconds: int, kills: int, sender: str = "ffmpeg", player: str = "ffmpeg") -> None:
    with Show(form, seconds + 15, sender, player) as show, concurrent.futures.ThreadPoolExecutor() as pool:
        show.begin()
        players = {}
        if show.has_sdp():
            players["RTP"] = pool.submit(show.by_rtp, seconds)
            time.sleep(1)  # a player's start is not to be seen; what it misses, it names
        show.start_film()
        wait_until(show.far.reports, "audio, video and their reports at the far end")
        players["RTSP"] = pool.submit(show.by_rtsp, seconds)
        for _ in range(kills):
            time.sleep(random.uniform(1, 3))
            show.kill_a_relay()
        counts = []
        for way, taken in players.items():
            pictures = taken.result()
            run_of_film(pictures, show.pictures)
            counts.append(f"{len(pictures)} pictures by {way}")
        if sender != "rtsp":  # of which no packet is seen on its way in
            step = out_of_step(show.near, show.far, show.rates)
            assert step <= STEP_S, f"audio and video are {step * 1000:.1f} ms further apart than they were"
            counts.append(f"{step * 1000:.2f} ms out of step")
        print(f"  {form} from {sender} to {player}: {', '.join(counts)}, {kills} kills", flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--kills", type=int, default=0, help="relays that die meanwhile")
    parser.add_argument("--from", dest="sender", choices=["ffmpeg", "gstreamer", "rtsp"], default="ffmpeg")
    parser.add_argument("--to", dest="player", choices=["ffmpeg", "ffmpeg-udp", "gstreamer"], default="ffmpeg")
    parser.add_argument("formats", nargs="*", metavar="FORMAT", help=f"of {', '.join(FORMATS)}")
    arguments = parser.parse_args()
    passed = failed = 0
    for form in arguments.formats or FORMATS:
        try:
            run(form, max(8, 6 * arguments.kills), arguments.kills, arguments.sender, arguments.player)
            passed += 1
        except (AssertionError, subprocess.SubprocessError) as problem:
            print(f"  {form} failed: {problem}", flush=True)
            failed += 1
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
