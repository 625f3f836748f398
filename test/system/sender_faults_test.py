"""Senders that fall silent, go away, come back with another size, or whose clock jumps: whoever watches stays and goes
on by itself. Each is watched by a guest, by curl over HTTP and by ffmpeg over RTSP."""

import itertools
import os
import signal
import socket
import subprocess
import threading
import time
import unittest

import jpeg
import rtp
from film_senders import SIZE, Senders
from media_programs import MPV, Curl, Program, ffmpeg, gstreamer, pictures_in, seconds
from overlay import TIMEOUT_S, Overlay, made_frames, run_of, wait_until, what_lacks_for_namespaces
from rtsp_servers import ScriptedServer

HTTP_PORT, RTSP_PORT = 8080, 8555


class Viewers:
    """Of one stream: a guest, and programs at the servers of r1."""

    def __init__(self, test, name: str, host: str, *guest_flags):
        self.name, self.net = name, test.net
        self.url = f"rtsp://{host}:{RTSP_PORT}/{name}"
        self.guest = self.net.guest(f"{name}.guest", "r1", "--stream", name, *guest_flags)
        self.curl = Curl(self.net, f"{name}.curl", f"http://{host}:{HTTP_PORT}/{name}.mjpg")
        test.addCleanup(self.curl.end)
        self.programs = [self.curl]
        self.drawn = []  # programs whose pictures are not those that came
        self.add(test, "ffmpeg", ffmpeg("-fpsprobesize", "0", "-rtsp_transport", "tcp", "-i", self.url))

    def add(self, test, kind: str, command) -> None:
        self.programs.append(Program(self.net, f"{self.name}.{kind}", command))
        test.addCleanup(self.programs[-1].end)

    def add_players(self, test) -> None:
        self.add(test, "gstreamer-tcp", gstreamer("rtspsrc", f"location={self.url}", "protocols=tcp", "latency=100"))
        self.add(test, "gstreamer-udp", gstreamer("rtspsrc", f"location={self.url}", "protocols=udp", "latency=100"))
        self.add(test, "mpv", [*MPV, "--rtsp-transport=tcp", self.url])
        self.drawn = self.programs[-1:]

    def counts(self) -> list:
        return [self.guest.frame_count(), *(len(program.files()) for program in self.programs)]

    def have_more(self, before: list, count: int) -> bool:
        for program in (self.guest, *self.programs):
            assert program.popen.poll() is None, f"a viewer of {self.name} has ended"
        return all(now >= then + count for now, then in zip(self.counts(), before))

    def check(self, check_pictures) -> None:
        """All that they have seen."""
        for program in (self.guest, *self.programs):
            if program not in self.drawn:
                check_pictures(program.pictures())
        numbers = [part.frame for part in self.curl.files()]
        assert numbers == sorted(set(numbers)), f"{self.name}: the numbers of frames do not rise: {numbers}"
        self.guest.terminate()
        final = self.guest.final()
        assert (final["frames_lost"], final["frames_duplicate"]) == (0, 0), final


def go_on(all_viewers, count: int = 10) -> None:
    before = [viewers.counts() for viewers in all_viewers]
    def more():
        return all([viewers.have_more(counts, count) for viewers, counts in zip(all_viewers, before)])
    wait_until(more, "all viewers go on")


class RealSenders(unittest.TestCase):
    alone = True

    def test_they_fall_silent_then_go_and_come_back_with_another_size(self):
        if lacks := what_lacks_for_namespaces():
            self.skipTest(lacks)
        net = self.net = Overlay("boot-r1", isolated=True)
        net.__enter__()
        self.addCleanup(net.end, show=True)
        senders = Senders(net)
        senders.__enter__()
        self.addCleanup(senders.__exit__, None, None, None)
        sources = {**senders.sources, "ottd-http": senders.sources["ottd-http"] + "?timeout=1s"}
        self.boot = net.bootstrap(*(f"{name}={source}" for name, source in sources.items()))
        net.node("r1", "--http", str(HTTP_PORT), "--rtsp", str(RTSP_PORT)).wait_for_log("linked with")
        viewers = [Viewers(self, name, "127.0.0.1") for name in sources]
        viewers[0].add_players(self)
        go_on(viewers)

        # Nothing comes, and their connections stay open.
        def stop_or_go(number):
            senders.send(number)
            os.kill(self.run_program(), number)
        stop_or_go(signal.SIGSTOP)
        self.wait_until_all_are_stalled()
        self.boot.wait_for_log("'ottd-http': .*nothing has come for 1 s; trying again")
        stop_or_go(signal.SIGCONT)
        go_on(viewers)

        # They are gone for five seconds.
        first = {name: set(senders.pictures(name)) for name in sources}
        gone = time.monotonic()
        program = self.run_program()
        senders.film.mjpeg.unlink()
        senders.kill()
        os.kill(program, signal.SIGKILL)
        self.wait_until_all_are_stalled()
        senders.make_film("240x160")
        time.sleep(max(0, gone + 5 - time.monotonic()))
        senders.start()
        go_on(viewers)
        for each in viewers:
            with self.subTest(each.name):
                second = set(senders.pictures(each.name))
                def check(pictures):
                    change = next(i for i, picture in enumerate(pictures) if picture not in first[each.name])
                    self.assertLessEqual(set(pictures[change:]), second)
                each.check(check)

    def wait_until_all_are_stalled(self) -> None:
        """Those who watch are told so."""
        self.boot.wait_for_stats(lambda line: {stream["state"] for stream in line["streams"]} == {"stalled"},
                                 "all streams are stalled")

    def run_program(self) -> int:
        """The program that the bootstrapper has started."""
        found = []
        def there():
            done = subprocess.run(["pgrep", "-P", str(self.boot.popen.pid)], capture_output=True, text=True)
            found[:] = map(int, done.stdout.split())
            return len(found) == 1
        wait_until(there, "exec: has started its program")
        return found[0]


class Camera:
    """Sends pictures by RTP, 25 a second, in a thread of its own, until it is closed."""

    def __init__(self, frames, send):
        self.frames = frames
        self.sender = rtp.Sender(send)
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self) -> None:
        for frame in itertools.cycle(self.frames):
            if self.ended.wait(1 / 25):
                return
            self.sender.frame(frame)

    def close(self) -> None:
        self.ended.set()
        self.thread.join()


class Clocks(unittest.TestCase):
    alone = True

    def test_a_clock_that_jumps(self):
        """Of the camera, by RTP and by RTSP. No frame is lost, and neither a player that keeps to the times nor
        recordings, ours and ffmpeg's, have more than the time that has passed."""
        frames = made_frames(60, SIZE)
        source = [jpeg.picture(frame) for frame in frames]
        cameras = []

        def film(talk):
            talk.play()
            def send(packet):
                talk.send(b"$\0" + len(packet).to_bytes(2, "big") + packet)
            cameras.append(Camera(frames, send))
            talk.wait_for_end()

        net = self.net = Overlay("boot-r1")
        net.__enter__()
        self.addCleanup(net.end, show=True)
        server = ScriptedServer(net.free_address(), film)
        self.addCleanup(server.close)
        out = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.addCleanup(out.close)
        host = net.address["r1"]
        net.bootstrap(f"rtp=rtp://{net.free_address()}:5004", f"rtsp={server.url}")
        net.node("r1", "--http", f"{host}:{HTTP_PORT}", "--rtsp", f"{host}:{RTSP_PORT}").wait_for_log("linked with")
        cameras.append(Camera(frames, lambda packet: out.sendto(packet, (net.free_address(), 5004))))
        self.addCleanup(lambda: [camera.close() for camera in cameras])
        begun = time.monotonic()
        viewers = [Viewers(self, name, host, "--record", f"{name}.mkv") for name in ("rtp", "rtsp")]
        for each in viewers:
            # It shows each picture when it is due.
            in_time = gstreamer("rtspsrc", f"location={each.url}", "protocols=tcp", "latency=100")
            each.add(self, "gstreamer", [*in_time, "sync=true"])
            each.add(self, "recorder", [*ffmpeg("-rtsp_transport", "tcp", "-i", each.url), "-c", "copy", "film.mkv"])
        go_on(viewers)
        hour = 3600 * 90_000
        for jump in (hour, -10 * 90_000, 1 << 31):
            for camera in cameras:
                camera.sender.timestamp += jump
            go_on(viewers, 60)  # more than two seconds: a clock that has gone right for so long is believed again
        for each in viewers:
            with self.subTest(each.name):
                each.check(lambda pictures: run_of(pictures, source))
                recorder = each.programs[-1]
                recorder.popen.send_signal(signal.SIGINT)
                recorder.popen.wait(TIMEOUT_S)
                elapsed = time.monotonic() - begun
                recording = net.folder / f"{each.name}.mkv"
                run_of(pictures_in(recording), source)
                for path in (recording, recorder.folder / "film.mkv"):
                    self.assertLess(seconds(path), elapsed + 1)
                    self.assertGreater(seconds(path), elapsed / 2)


if __name__ == "__main__":
    unittest.main()
