"""The pages' lines for players: each shows every frame when it comes, whatever the stream's rate.

The lines are run as they stand. What makes the players headless is in their environment and configuration: SDL's
dummy display writes each picture that is put out to a file, and so does VLC's scene filter. What counts are pictures
that differ, against those that a viewer which writes files has got in the meantime.
"""

import os
import pathlib
import re
import shutil
import signal
import stat
import subprocess
import unittest

from overlay import OTTD, TIMEOUT_S, Overlay, _die_with_parent, wait_until
from readme import Pages

SECTION = "Looking at the frames"
BOOTSTRAP = "10.0.0.10"  # in the page's lines
SDL = {"SDL_VIDEODRIVER": "dummy", "SDL_AUDIODRIVER": "dummy", "SDL_VIDEO_DUMMY_SAVE_FRAMES": "1"}
MPV_CONFIG = "vo=sdl\nsdl-sw=yes\nsdl-vsync=no\nao=null\n"
VLC_CONFIG = ("intf=dummy\nvout=vdummy\naout=adummy\n"
              "video-filter=scene\nscene-ratio=1\nscene-format=jpg\nscene-path=%s\n")
# As root, VLC refuses to run.
VLC_AS_NOBODY = "#!/bin/sh\nexec setpriv --reuid=nobody --regid=nogroup --clear-groups %s \"$@\"\n"


class Player:
    """A line of a page, run by a shell in a folder of its own."""

    def __init__(self, line: str, folder: pathlib.Path):
        self.line, self.folder = line, folder
        programs = folder / "bin"
        for path in (programs, folder / "vlc"):
            path.mkdir(parents=True)
        (programs / "ottd").symlink_to(OTTD)
        (folder / "mpv.conf").write_text(MPV_CONFIG)
        (folder / "vlc" / "vlcrc").write_text(VLC_CONFIG % folder)
        if os.geteuid() == 0 and (vlc := shutil.which("vlc")):
            (programs / "vlc").write_text(VLC_AS_NOBODY % vlc)
            (programs / "vlc").chmod(0o755)
            for path in (folder, folder / "vlc", folder / "vlc" / "vlcrc"):
                shutil.chown(path, "nobody")
        environment = {**os.environ, **SDL, "MPV_HOME": str(folder), "HOME": str(folder),
                       "XDG_CONFIG_HOME": str(folder), "PATH": f"{programs}:{os.environ['PATH']}"}
        self.log = folder / "log"
        with open(self.log, "wb") as log:
            self.popen = subprocess.Popen(["sh", "-c", line], cwd=folder, env=environment, stdin=subprocess.DEVNULL,
                                          stdout=log, stderr=log, start_new_session=True, preexec_fn=_die_with_parent)

    def shown(self) -> int:
        """How many different pictures it has shown; the newest may still be in the making."""
        pictures = [*self.folder.glob("SDL_window*.bmp"), *self.folder.glob("scene*.jpg")]
        return len({path.read_bytes() for path in sorted(pictures)[:-1]})

    def wait_for_pictures(self, count: int) -> None:
        def enough():
            assert self.popen.poll() is None, f"{self.line}\nhas ended (status {self.popen.returncode})"
            return self.shown() >= count
        wait_until(enough, f"{self.line}\n{count} pictures")

    def end(self) -> None:
        if self.popen.poll() is None:
            os.killpg(self.popen.pid, signal.SIGKILL)
        self.popen.wait(TIMEOUT_S)
        print(f"--- {self.line}\n{self.log.read_text(errors='replace')[-2000:]}")


class Players(unittest.TestCase):
    alone = True

    def setUp(self):
        self.net = Overlay("boot-r1")
        self.net.__enter__()
        self.addCleanup(self.net.end, show=True)
        # VLC's user writes its pictures there.
        self.net.folder.chmod(self.net.folder.stat().st_mode | stat.S_IXOTH)
        self.lines = [command.text for command in Pages().block(SECTION).commands()]

    def start(self, line: str, n: int) -> Player:
        player = Player(line.replace(BOOTSTRAP, self.net.address["boot"]), self.net.folder / f"player{n}")
        self.addCleanup(player.end)
        return player

    def assert_keeps_up(self, fps: int):
        self.net.bootstrap(f"clock=pattern:160x90@{fps}")
        viewer = self.net.guest("viewer", "boot")
        viewer.wait_for_frames(1)
        players = [self.start(line, i) for i, line in enumerate(self.lines) if BOOTSTRAP in line]
        self.assertGreaterEqual(len(players), 3)
        for player in players:
            player.wait_for_pictures(3)
        begin, shown = viewer.frame_count(), [player.shown() for player in players]
        viewer.wait_for_frames(begin + 4 * fps)
        for player, before in zip(players, shown):
            with self.subTest(player.line):
                due, new = viewer.frame_count() - begin, player.shown() - before
                self.assertTrue(0.75 * due < new < 1.25 * due, f"{new} pictures while {due} frames came")

    def test_a_fast_stream(self):
        """A player that assumes 25 frames/s would show four tenths of it."""
        self.assert_keeps_up(60)

    def test_a_slow_stream(self):
        """A player that reads ahead would show one for a while, then many."""
        self.assert_keeps_up(5)

    def test_a_directory(self):
        line = next(line for line in self.lines if BOOTSTRAP not in line)
        self.net.bootstrap("clock=pattern:160x90@60")
        viewer = self.net.guest("viewer", "boot", "--frames", "60")
        viewer.wait_for_exit()
        folder = self.net.folder / "player0"
        self.assertIn(" frames/%08d.jpg", line)
        shutil.copytree(viewer.dump, folder / "frames")
        self.start(line, 0).wait_for_pictures(45)  # a late one is left out


class PlayersOfAnAddress(unittest.TestCase):
    alone = True

    def setUp(self):
        self.net = Overlay("boot-r1")
        self.net.__enter__()
        self.addCleanup(self.net.end, show=True)
        self.net.folder.chmod(self.net.folder.stat().st_mode | stat.S_IXOTH)  # for VLC's user
        self.http, self.rtsp = (f"{self.net.address['boot']}:{port}" for port in (8080, 8554))
        self.net.bootstrap("clock=pattern:160x96@30", flags=["--http", self.http, "--rtsp", self.rtsp])

    def play(self, lines) -> None:
        for n, line in enumerate(lines):
            player = Player(line, self.net.folder / f"player{n}")
            self.addCleanup(player.end)
            player.wait_for_pictures(10)

    def test_rtsp(self):
        """ffplay and mpv as the page calls them; GStreamer's line needs a display."""
        lines = [command.text for command in Pages().block("In players, by address: RTSP and RTP").commands()]
        lines = [line for line in lines if re.match("(ffplay|mpv) ", line)]
        self.assertEqual(len(lines), 2)
        self.play(line.replace("10.0.0.1:8554", self.rtsp) for line in lines)

    def test_http(self):
        """They find out by themselves what it is."""
        self.play(f"{player} http://{self.http}/clock.mjpg" for player in ("ffplay", "mpv", "vlc"))


if __name__ == "__main__":
    unittest.main()
