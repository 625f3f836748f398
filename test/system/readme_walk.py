#!/usr/bin/env python3
"""A new user's walk through the README and the pages that it leads to: types their commands, section by section, and
looks for what they promise.

The commands are taken out of the pages themselves. One that is there and that the walk neither types nor names among
those which it does not type fails it, and so does a code block that it does not know. It runs in namespaces that it
makes for itself, as root, with the program that $OTTD names or build/ottd.

--long REGEX walks through a fresh clone of this tree instead, where it also types the commands that take minutes or
hours, those in which REGEX is found (`.`: all): `make`, `make demo`, `make test` and so on. What is not committed is
not in the clone.
"""

import argparse
import contextlib
import os
import pathlib
import pty
import re
import signal
import shutil
import subprocess
import sys
import tempfile
import threading

from overlay import OTTD, TIMEOUT_S, _die_with_parent, wait_until
from readme import ROOT, Block, Command, Pages, all_pages

ISOLATED = "OTT_README_WALK"  # in the environment of the walk proper
LONG = re.compile(r"make$|make (demo|test|scenarios|failures|sim|chaos|check|fuzz|lint|bench|deb|page|test-page)\b|"
                  r"tools/(failures|bench/run) |tools/scenario 2$")
NOT_TYPED = [
    (r"\| (ffplay|mpv|vlc) |ffplay ", "players_test types it, and counts frames"),
    (r"(mpv .*|location=)rtsp://|--rtsp 8554|--sdp c(lock|am).sdp", "rtsp_outlet_test and rtp_outlet_test type the like"),
    (r"apt-get install ffmpeg mpv vlc$", "make test has installed what a player needs without a display"),
    (r"ffmpeg -f mjpeg$", "names a format, in which the walk's film.mjpeg is"),
    (r"core-cli |tools/scenario .*--core$|ip link .*(type bridge|p\.N\.S)$",
     "needs CORE, for which core_scenario_test has a stand-in"),
    (r"ottd --role client$", "names a program in a table of limits"),
    (r"readme_walk\.py ", "is this walk"),
    (r"^(watch|seek|speed|say) |/control$", "are commands of a running process, which control_test gives"),
    (r" --say ", "message_test says it"),
    (r"rtsp://", "rtsp_input_test has cameras"),
    (r"=exec:|=v4l2:|sh -c$", "live_source_test has programs and a camera"),
    (r"films=vod:|--stream films/", "film_test has films"),
    (r"sdp:cam\.sdp|-sdp_file cam\.sdp", "parts_input_test and streams_test have such senders"),
    (r"--roll 10m$|cam/audio --dump", "part_files_test records and dumps parts"),
    (r"^(apt install|systemctl|systemd-analyze) |/examples tree ",
     "package_test installs packages, and does what the unit does"),
    (r"^(role|bootstrap|topology|stream|http|log-level|log-format) = ", "are lines of a configuration: config_test"),
    (r"make container$|^podman ", "needs an engine for containers; make lint checks the file"),
    (r"/api/v1/(why|events|pictures|watch|drain|reload)", "api_test asks for it"),
    (r"^node test/page/", "is what make test-page does, kept running"),
    (r"ffmpeg -sdp_file$", "names an option, whose file rtp_outlet_test and rtp_input_test have"),
]
PICTURE = "-f lavfi -i testsrc=size=320x240:rate=25"
CAMERA = "-f v4l2 -i /dev/video0", f"-re {PICTURE}"  # a test picture instead
HTTP_CAMERA = pathlib.Path(__file__).with_name("http_camera.py")
# The devices of core-scenarios/1-paths.xml that have the addresses of the topology's page, and two that have not.
HOST = {"10.0.0.10": "n1", "10.0.0.1": "n2", "10.0.1.2": "n3", "10.0.2.2:7001": "n4"}
VIEWER, OTHER_VIEWER = "n5", "n6"


class Terminal:
    """A shell with a terminal, in which one command runs. What it prints is in `screen`."""

    def __init__(self, walk, text: str, folder: pathlib.Path, prefix=()):
        self.text = text
        self._screen = bytearray()
        self._master, slave = pty.openpty()
        # bash lets a single command take its place, so that popen is its process.
        self.popen = subprocess.Popen([*prefix, "bash", "-c", text], cwd=folder, env=walk.environment, stdin=slave,
                                      stdout=slave, stderr=slave, start_new_session=True, preexec_fn=_die_with_parent)
        os.close(slave)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        with contextlib.suppress(OSError):  # EIO: all who had it open have ended
            while data := os.read(self._master, 1 << 16):
                self._screen += data
        os.close(self._master)

    @property
    def screen(self) -> str:
        return self._screen.decode(errors="replace").replace("\r\n", "\n")

    def wait(self, condition, what: str):
        def condition_or_end():
            ended = self.popen.poll() is not None
            value = condition()
            assert value or not ended, f"$ {self.text}\nhas ended (status {self.popen.returncode}) before: {what}"
            return value
        return wait_until(condition_or_end, f"$ {self.text}\n{what}")

    def wait_for(self, pattern: str) -> re.Match:
        return self.wait(lambda: re.search(pattern, self.screen), f"/{pattern}/ on its screen")

    def wait_for_end(self, timeout_s: float = TIMEOUT_S, status=0) -> str:
        try:
            self.popen.wait(timeout_s)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"$ {self.text}\nhas not ended within {timeout_s} s") from None
        self._reader.join(TIMEOUT_S)
        assert self.popen.returncode == status, f"$ {self.text}\nended with status {self.popen.returncode}"
        return self.screen

    def enter(self) -> None:
        os.write(self._master, b"\n")

    def interrupt(self) -> None:
        """Ctrl-C, and it ends in good order."""
        os.killpg(self.popen.pid, signal.SIGINT)
        self.wait_for_end(status=-signal.SIGINT if self.text.endswith("; wait") else 0)  # which interrupts the shell

    def kill(self) -> None:
        if self.popen.poll() is None:
            os.killpg(self.popen.pid, signal.SIGKILL)
            self.popen.wait()


class Walk:
    def __init__(self, tree: pathlib.Path, home: pathlib.Path, pages: Pages):
        self.tree, self.home, self.pages = tree, home, pages
        self.terminals = []
        # A make that runs the walk means nothing to those that it types.
        self.environment = {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MAKELEVEL")}
        self.environment.update(HOME=str(home), TERM="dumb")
        self.typed, self.looked_at = set(), set()  # commands; blocks by their place

    # Typing.

    def open(self, command, text: str = "", node: str = "", folder: pathlib.Path = None) -> Terminal:
        """Types a command of a page, or `text` that was made of it, here or in a device of the lab."""
        if isinstance(command, Command):
            self.typed.add(command)
            text = text or command.text
        else:
            text = command
        print(f"{node or 'here'} $ {text}", flush=True)
        prefix = [self.tree / "tools" / "netlab", "run", node] if node else []
        terminal = Terminal(self, text, folder or (self.host(node) if node else self.tree), prefix)
        self.terminals.append(terminal)
        return terminal

    def run(self, command, text: str = "", timeout_s: float = TIMEOUT_S, **where) -> str:
        """Until it has ended, with status 0. Returns what is on the screen."""
        return self.open(command, text, **where).wait_for_end(timeout_s)

    def host(self, node: str) -> pathlib.Path:
        """A device's own folder, since each would be a machine of its own."""
        folder = self.home / "hosts" / node
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def close(self, terminals) -> None:
        """Ctrl-C in each, the last one first."""
        for terminal in reversed(terminals):
            terminal.interrupt()

    def block(self, section: str, n: int = 0, page: str = "") -> Block:
        block = self.pages.block(section, n, page)
        self.looked_at.add(block.place)
        return block

    def roles(self) -> list:
        """How a bootstrapper, a node and a client are started."""
        return self.block("Synopsis", page="OTTD.md").commands()

    def spans(self, pattern: str) -> list:
        found = [span for span in self.pages.spans if re.match(pattern, span.text)]
        assert found, f"no page has `{pattern}` any more"
        return found

    @contextlib.contextmanager
    def lab(self, file: str):
        self.run(f"tools/netlab up {file}")
        try:
            yield
        finally:
            self.run("tools/netlab down")

    # The sections.

    def building(self):
        make, export = self.block("An overlay in four commands").commands()
        assert make.text == "make" and export.text.startswith("export PATH="), "how to build it, and where it is"
        self.environment["PATH"] = self.run(export, f'{export.text.split("#")[0]}; echo "$PATH"').strip()
        self.typed.add(export)
        self.block("ottd")
        listed = self.run(self.spans("make help")[0])
        known = set(re.findall(r"make ([a-z-]+)", listed))
        for span in self.pages.spans:
            if target := re.match(r"make ([a-z-]+)", span.text):
                assert target[1] in known, f"{span}: `make help` does not list it"

    def installing(self):
        """Whatever is installed is removed again."""
        root = self.home / "installed"
        build = os.path.relpath(pathlib.Path(OTTD).resolve().parent, ROOT)  # as make's dependency files name it
        def files():
            return sorted(str(path.relative_to(root)) for path in root.rglob("*") if not path.is_dir())
        for span in self.spans("make install"):
            self.run(span, f"{span.text} DESTDIR={root} build={build}", folder=ROOT)
        for name in ("bin/ottd", "bin/ott-load", "lib/libott.a", "include/ott/topology.h"):
            assert f"usr/local/{name}" in files(), f"make install has not installed {name}: {files()}"
        for span in self.spans("make uninstall"):
            self.run(span, f"{span.text} DESTDIR={root} build={build}", folder=ROOT)
        assert not files() and not list(root.rglob("ott*")), f"make uninstall has left {list(root.rglob('*'))}"

    def four_commands(self):
        roles = [self.open(command) for command in self.block("An overlay in four commands", 1).commands()]
        roles[-1].wait(lambda: len(list(self.tree.glob("frames/*.jpg"))) >= 30, "thirty files in frames/")
        roles[-1].wait_for(r"frames.*/s")
        for role in roles[:-1]:
            role.wait_for("listening on")
        self.close(roles)

    def finds_itself(self):
        section = "An overlay that finds itself"
        shutil.rmtree(self.tree / "frames", ignore_errors=True)
        roles = [self.open(command) for command in self.block(section).commands()]
        roles[-1].wait(lambda: len(list(self.tree.glob("frames/*.jpg"))) >= 30, "thirty files in frames/")
        self.close(roles)

    @contextlib.contextmanager
    def readme_overlay(self):
        """The topology of its page, with a bootstrapper and two relays."""
        (self.host("n1") / "t.json").write_text("\n".join(self.block("Nodes and links").lines))
        with self.lab("core-scenarios/1-paths.xml"):
            bootstrap, node, _ = self.roles()
            plain, with_streams, *_ = variants(node.text)
            roles = [self.open(bootstrap, variants(bootstrap.text)[0], node=HOST["10.0.0.10"]),
                     self.open(node, plain, node=HOST["10.0.0.1"]),
                     self.open(node, with_streams.replace("NAME=SOURCE", "own=pattern:"), node=HOST["10.0.1.2"])]
            for role in roles:
                role.wait_for("listening on")
            roles[0].wait_for(r"10\.0\.1\.2.* is online")
            yield roles
            self.close(roles)

    def sources(self):
        """Each row of the table of sources."""
        here = self.host(HOST["10.0.0.10"])
        frames = sorted(self.tree.glob("frames/*.jpg"))[:25]
        jpegs = [path.read_bytes() for path in frames]
        (here / "film.Mjpeg").write_bytes(b"".join(b"%05d" % len(jpeg) + jpeg for jpeg in jpegs))
        (here / "film.mjpeg").write_bytes(b"".join(jpegs))
        self.run("ffmpeg -loglevel error -f mjpeg -framerate 25 -i film.mjpeg -c copy -r 25 film.avi", folder=here)
        (here / "pictures").mkdir()
        for path in frames:
            shutil.copy(path, here / "pictures")
        (here / "t.json").write_text("\n".join(self.block("Nodes and links").lines))
        command = self.roles()[0]
        _, with_streams, *trees = variants(command.text)
        explained = self.pages.explained("Sources")
        sources = [source for source in explained if "frames/s" in explained[source]]
        assert len(sources) >= 5, f"the table of sources: {sources}"
        words = "".join(f" --stream s{i}={source}" for i, source in enumerate(sources))
        live = [(command, command.text.replace(*CAMERA), re.findall(r"--stream (\w+)=", command.text))
                for command in self.block("Sources").commands()]
        runs = [(command, with_streams.replace(" --stream NAME=SOURCE", words), [f"s{i}" for i in range(len(sources))]),
                *((command, text, ["pattern"]) for text in trees), *live]
        self.run(f"ffmpeg -loglevel error {PICTURE} -t 60 film.mp4", folder=here)
        with self.lab("core-scenarios/1-paths.xml"):
            camera = re.search(r"http://([\d.]+)/", "".join(text for _, text, _ in live))[1]
            self.run(f"ip address add {camera}/24 dev eth0", node="n2")
            self.open(f"{HTTP_CAMERA} {camera} {self.tree}/frames/*1.jpg", node="n2").wait_for("serving at")
            for command, text, streams in runs:
                bootstrap = self.open(command, text, node=HOST["10.0.0.10"])
                bootstrap.wait_for("listening on")
                watch = "ottd --role client --bootstrap 10.0.0.10"
                viewers = [self.open(f"{watch} --stream {name} --frames 3", node=VIEWER) for name in streams]
                for viewer in viewers:
                    viewer.wait_for_end()
                listed = self.run(f"{watch} --list", node=VIEWER)
                if (command, text, streams) in live:
                    size = "1280x720" if camera in text else "320x240"
                    assert re.search(rf"{streams[0]} .*{size} .*live", listed), f"{text}: {listed}"
                if len(streams) == len(sources):
                    for name, source in zip(streams, sources):
                        said = re.search(r"(\d+) frames/s|own rate", explained[source])
                        fps = source.partition("@")[2] or said[1] or "25"  # that of film.avi
                        assert re.search(rf"{name} .*\d+x\d+ +{fps} ", listed), f"{source} at {fps} frames/s: {listed}"
                bootstrap.interrupt() if "|" not in text else bootstrap.kill()

    def rtp(self):
        """What other programs send, from a test picture in place of a camera."""
        receiver, *senders = self.block("RTP").commands()
        with self.lab("core-scenarios/1-paths.xml"):
            for sender in senders:
                bootstrap = self.open(receiver, node=HOST["10.0.0.10"])
                bootstrap.wait_for("listening on")
                text = sender.text.replace(*CAMERA).replace("v4l2src", "videotestsrc is-live=true")
                camera = self.open(sender, text, node=OTHER_VIEWER)
                self.run("ottd --role client --bootstrap 10.0.0.10 --stream cam --frames 3", node=VIEWER)
                camera.kill()
                bootstrap.interrupt()

    def several_addresses(self):
        """A neighbour has no route to the address that is a relay's key."""
        (self.host("n1") / "t.json").write_text("\n".join(self.block("Nodes with several addresses").lines))
        bootstrap, node, client = self.roles()
        with self.lab("core-scenarios/1-paths.xml"):
            self.run("ip address add 10.0.1.20/24 dev eth0; ip route add unreachable 10.0.0.1", node="n3")
            roles = [self.open(bootstrap, variants(bootstrap.text)[0], node="n1"),
                     self.open(node, variants(node.text)[0], node="n2")]
            for address in ("10.0.0.1", "10.0.1.1"):
                roles[1].wait_for(rf"listening on {address} ")
            roles.append(self.open(client, client.text.replace("frames/", "far/"), node="n3"))
            roles[2].wait_for(r"[1-9]\d* frames")
            self.close(roles)

    def recording(self):
        """A recording that is interrupted is one that plays, and frames at most so often."""
        record, timelapse = self.block("Recording").commands()
        with self.readme_overlay():
            recorder, camera = self.open(record, node=VIEWER), self.open(timelapse, node=OTHER_VIEWER)
            recorder.wait(lambda: any(path.stat().st_size > 500_000 for path in self.host(VIEWER).glob("cam-*.mkv")),
                          "a recording")
            here = self.host(OTHER_VIEWER)
            camera.wait(lambda: (here / "now.jpg").exists() and (here / "timelapse/00000001.jpg").exists(), "a frame")
            self.close([recorder, camera])
        [film] = self.host(VIEWER).glob("cam-*.mkv")
        assert re.fullmatch(r"cam-\d{8}T\d{6}\.mkv", film.name), film.name
        self.run(f"ffmpeg -loglevel error -i {film} -f null -")

    def client(self):
        """A guest, each option of the list, and what a relay and the bootstrapper tell."""
        command = self.roles()[2]
        value = {"NAME": "own", "DIR": "elsewhere", "N": "5", "PATH": "control.sock", "TEXT": "hello",
                 "TIME": "2s"}
        file = {"--latest": "now.jpg", "--record": "cam.mkv"}
        with self.readme_overlay() as roles:
            viewer = self.open(command, node=VIEWER)
            viewer.wait(lambda: len(list(self.host(VIEWER).glob("frames/*.jpg"))) >= 5, "files in frames/")
            without_dump = command.text.partition(" --dump")[0]
            options = ["--stream NAME", *(term for term in self.pages.terms("OTTD.md", "Watching")
                                          if not re.match("--(to|why) ", term))]  # of which there are whole commands
            running = []
            for i, option in enumerate(options):
                typed = re.sub(r"\b[A-Z]+\b", lambda name: value.get(name[0]) or file[option.split()[0]], option)
                ends = " --duration 3s" if typed == "--top" else " --frames 3"
                ends = "" if re.search(r"--(list|frames|duration)", typed) else ends
                running.append(self.open(command, f"{without_dump} {typed}{ends} > out{i}", node=OTHER_VIEWER))
            for terminal in running:
                terminal.wait_for_end()
            here = self.host(OTHER_VIEWER)
            listed = (here / f"out{options.index('--list')}").read_text()
            assert "pattern" in listed and "own" in listed, listed
            jpegs = (here / f"out{options.index('--dump -')}").read_bytes()
            assert jpegs.startswith(b"\xff\xd8") and jpegs.endswith(b"\xff\xd9"), "--dump - has written no JPEGs"
            assert len(list(here.glob("elsewhere/*.jpg"))) == 3
            for name in file.values():
                self.run(f"ffmpeg -loglevel error -i {name} -f null -", folder=here)
            for span in self.spans("kill -USR1"):
                self.run(span, f"{span.text} {roles[1].popen.pid}")
            roles[1].wait_for(r"routes: \d+ stream")
            viewer.interrupt()

    def in_a_browser(self):
        """Another node of the overlay shows the streams over HTTP."""
        command = self.block("In a browser").commands()[0]
        at = "10.0.2.2"
        with self.readme_overlay():
            node = self.open(command, node=HOST[f"{at}:7001"])
            node.wait_for("linked with")
            get = self.block("In a browser", 1).commands()[0]
            self.run(get, get.text.replace("10.0.0.1:", f"{at}:") + " --retry 10", node=VIEWER)
            picture = (self.host(VIEWER) / "now.jpg").read_bytes()
            assert picture.startswith(b"\xff\xd8") and picture.endswith(b"\xff\xd9"), picture[:200]
            for ask in self.block("For programs").commands():
                if re.search(r"/api/v1/(overlay|routes|node)", ask.text):
                    here = ask.text.replace("10.0.0.1:", f"{at}:").replace(f"of={at}", "of=10.0.0.1")
                    said = self.run(ask, here.replace(" -s ", " -sf "), node=VIEWER)
                    assert said.lstrip().startswith("{"), said[:200]
            node.interrupt()

    def without_core(self):
        block = self.block("Without CORE").commands()
        up, status, link, rate, down = (next(command for command in block if re.search(f"netlab {word}", command.text))
                                        for word in ("up", "status", "link.* down", "link.* rate", "down"))
        assert "is up" in self.run(up)
        roles = [self.open(command) for command in block if "netlab run" in command.text]
        client = roles[-1]
        client.wait_for(r"[1-9]\d* frames")
        assert re.search(r"n2 .*\n.*eth0 .*up", self.run(status)), "status lists the interfaces"
        self.run(link)
        assert re.search(r"eth1 .*down", self.run(status)), "status shows that the link is down"
        self.run(link, link.text.replace(" down", " up"))
        client.wait(lambda: goes_on(client), "frames go on")
        self.run(rate)
        assert re.search(r"eth1 +up .*rate 5mbit", self.run(status)), "status shows the rate"
        self.run(down)
        for role in roles:
            role.kill()
        self.wires()
        for span in self.spans("tools/netlab import"):
            file = self.home / "older.imn"
            shutil.copy(next((ROOT / "test" / "system" / "core").glob("*.imn")), file)
            self.run(span, span.text.replace("FILE.imn", str(file)))
            assert file.with_suffix(".xml").exists()

    def wires(self):
        up, *links, down = self.block("Without CORE", 1).commands()
        self.run(up)
        self.open(f"{HTTP_CAMERA} 10.0.1.1", node="n2").wait_for("serving at")
        def seconds(what):
            return float(self.run(f"curl -s -o zeros -w '%{{{what}}}' http://10.0.1.1/", node="n3"))
        delay, rate = (next(link for link in links if word in link.text) for word in ("delay", "rate"))
        self.run(delay)
        assert seconds("time_connect") >= 0.018, "the answer to a SYN has the delay of one way, less the jitter"
        assert re.search("delay 20ms jitter 2ms loss 0.5% .*rate 10mbit limit 100", self.run(rate)), "others stay"
        assert seconds("time_total") >= 0.8, "a megabyte at 10 Mbit/s"
        self.run(down)

    def in_core(self):
        """What is typed into the terminals of CORE's nodes, in those of netlab's."""
        (self.home / "ottd").symlink_to(self.tree)
        lines = [re.match(r"([n\d, ]+): +(.*)", line).groups() for line in self.block("In CORE").lines]
        with self.lab("core-scenarios/2-multicast.xml"):
            texts = {node: text for nodes, text in lines for node in nodes.split(", ")}
            texts["n7"] += " --stats stats --log-level info"  # beside a live line there are only warnings else
            roles = {node: self.open(text, node=node) for node, text in texts.items()}
            for client in ("n7", "n8"):
                roles[client].wait_for(r"[1-9]\d* frames.*\d+ hops")
            for span in self.spans("ip -s link"):
                assert re.search("RX: .*bytes", self.run(span, node="n2"))
            self.without_neighbours(roles, texts)
            self.close(list(roles.values()))

    def without_neighbours(self, roles, texts):
        """n7, whose only neighbour is n5, goes on without it, in the words of the page on routing."""
        roles["n5"].interrupt()
        client, stats = roles["n7"], self.host("n7") / "stats"
        for words in ("no neighbour is left", "access node", "back as a member"):
            span = self.spans(words)[0]
            said = re.escape(span.text.rstrip("… "))
            if words == "back as a member":
                roles["n5"] = self.open(texts["n5"], node="n5")
            shown = re.compile(f'{said} |"relation": ?"{said}"')
            client.wait(lambda: shown.search(client.screen + stats.read_text()), f"{span}, said or in --stats")
            self.typed.add(span)
        client.wait(lambda: goes_on(client), "frames go on")

    def measured_ways(self):
        """The answer has the form of the one on the page, and the stream goes by n3 in the end."""
        section = "Ways by what is measured"
        up, server, *others, link, why, down = self.block(section).commands()
        assert "is up" in self.run(up)
        roles = [self.open(server)]
        roles[0].wait_for("listening on")
        roles += [self.open(command) for command in others]
        roles[-1].wait_for(r"[1-9]\d* frames")
        before = self.run(why)
        assert re.search(r"to 10.0.4.20 \(n5\) by quality: .*\(n1\), .*\(n2\), .*\(n4\), ", before), before
        forms = [re.sub(r"\d+", r"\\d+", re.escape(line)) for line in self.block(section, 1).lines if "better" not in line]
        for form in forms:
            assert re.search(f"(?m)^{form}$", before), f"no line like {form} in: {before}"
        self.run(link)
        wait_until(lambda: re.search(r"by quality: .*\(n1\), .*\(n3\), .*\(n4\), ", self.run(why)), "it goes by n3")
        self.run(down)
        for role in roles:
            role.kill()

    def load(self):
        watch, publish = self.block("Synopsis", page="OTT-LOAD.md").commands()
        values = {"PID": str(os.getpid()), "BYTES": "100000", "BYTES/S": "100000", "NAME": "load", "FILE": "load.json",
                  "TIME": "30s"}
        options = [term for section in ("Viewers", "The measurement")
                   for term in self.pages.terms("OTT-LOAD.md", section)]
        report = self.block("Description", page="OTT-LOAD.md")
        with self.readme_overlay() as roles:
            publisher = self.open(publish, node=HOST["10.0.2.2:7001"])
            roles[0].wait_for(r"10\.0\.2\.2.*online")
            said = self.run(watch, f"{watch.text} --process {roles[2].popen.pid}", node=OTHER_VIEWER)
            for line in report.lines:
                assert line.split()[0] in said, f"its report has no line like {line!r}: {said}"
            few = re.sub(r"--viewers \d+", "--viewers 10 --warm-up 0.1s --duration 0.5s", watch.text)
            running = []
            for option in options:
                if re.match("--(viewers|to|slow|warm-up|duration|from|protocol) |-h|--(help|version)", option):
                    continue  # those stand in the lines already; load_test has other addresses and servers
                typed = re.sub(r"\b[A-Z][A-Z/]*\b", lambda name: values[name[0]], option)
                if re.match("--(pause|read-rate) ", typed):
                    typed += " --slow 5"
                running.append(self.open(watch, f"{few} {typed}", node=OTHER_VIEWER))
            assert len(running) >= 6, "the lists of flags"
            for terminal in running:
                terminal.wait_for_end()
            publisher.interrupt()
            assert "with viewers (" in publisher.screen

    def others(self):
        lines = self.host("n1") / "lines.txt"
        lines.write_text("10.0.0.10:10.0.0.1\n10.0.0.1:10.0.0.10\n")
        for span in self.pages.spans:
            if span.text.startswith("tools/topology "):
                self.run(span, span.text.replace("FILE...", str(lines)))
        for span in self.spans("ulimit|sysctl|(build/wire|ott-load|ottd) --help"):
            self.run(span)

    def walk(self) -> None:
        for section in (self.building, self.installing, self.four_commands, self.finds_itself, self.several_addresses, self.sources,
                        self.rtp, self.client, self.in_a_browser, self.recording, self.without_core, self.in_core,
                        self.measured_ways, self.load, self.others):
            print(f"# {section.__name__.replace('_', ' ')}", flush=True)
            section()

    def __enter__(self):
        return self

    def __exit__(self, failed, *_):
        """Ends what still runs, and shows the screens of what went wrong."""
        if failed:
            for terminal in self.terminals:
                if terminal.popen.returncode != 0 or terminal is self.terminals[-1]:
                    print(f"--- $ {terminal.text}\n{terminal.screen[-4000:]}", flush=True)
        for terminal in self.terminals:
            terminal.kill()

    def left_out(self) -> list:
        """What of the pages the walk has passed by without a reason."""
        of_shell = [block for block in self.pages.blocks if not re.match(r"\{|measured|n1: |stream cam ", block.lines[0])]
        commands = [command for block in of_shell for command in block.commands()] + self.pages.spans
        unknown = [command for command in commands if command not in self.typed and not LONG.match(command.text)
                   and not any(re.search(pattern, command.text) for pattern, _ in NOT_TYPED)]
        rotten = [f"no command of the pages is like /{pattern}/" for pattern, _ in NOT_TYPED
                  if not any(re.search(pattern, command.text) for command in commands)]
        blocks = [f"{block.place}: {block.lines[0]}" for block in self.pages.blocks
                  if block not in of_shell and block.place not in self.looked_at]
        return [*map(str, unknown), *blocks, *rotten]


def variants(synopsis: str) -> list:
    """Of `ottd A [B]... [C x|y]`: `ottd A`, `ottd A B`, `ottd A C x` and `ottd A C y`."""
    plain = re.sub(r" \[[^]]*\](\.\.\.)?", "", synopsis).rstrip(" …")
    options = []
    for option in re.findall(r"\[([^]]*)\]", synopsis):
        words = option.split()
        options += [" ".join([*words[:-1], value]) for value in words[-1].split("|")]
    return [plain, *(f"{plain} {option}" for option in options)]


def goes_on(client: Terminal) -> bool:
    """Whether the live line's newest number of frames is larger than that of a while ago."""
    before = frames_shown(client)
    wait_until(lambda: frames_shown(client) > before, f"$ {client.text}\nmore frames than {before}")
    return True


def frames_shown(client: Terminal) -> int:
    return int((re.findall(r"(\d+) frames", client.screen) or [0])[-1])


def walk_here() -> int:
    """In the tree that this file is in, with the program at hand."""
    with tempfile.TemporaryDirectory(prefix="ottd-readme.") as home:
        home = pathlib.Path(home)
        tree = home / "tree"  # as a clone is after `make`, and with nothing of ours in it afterwards
        (tree / "build").mkdir(parents=True)
        for path in ROOT.iterdir():
            if path.name not in ("build", ".git", "frames"):
                (tree / path.name).symlink_to(path)
        for name in ("ottd", "ott-load", "wire"):
            (tree / "build" / name).symlink_to(pathlib.Path(OTTD).resolve().parent / name)
        with Walk(tree, home, Pages()) as walk:
            walk.walk()
    if left_out := walk.left_out():
        print("\n".join(["the walk neither types these nor says why not (NOT_TYPED):", *left_out]))
    return 1 if left_out else 0


def walk_in_a_clone(pattern: str) -> int:
    with tempfile.TemporaryDirectory(prefix="ottd-readme.") as home:
        clone = pathlib.Path(home) / "ottd"
        subprocess.run(["git", "clone", "--quiet", ROOT, clone], check=True)
        pages = Pages(all_pages(clone))
        commands = [command for block in pages.blocks for command in block.commands()] + pages.spans
        with Walk(clone, pathlib.Path(home), pages) as walk:
            for text in dict.fromkeys(["make", *(command.text for command in commands)]):
                if LONG.match(text) and (text == "make" or re.search(pattern, text)):
                    terminal = walk.open(text)
                    terminal.enter()  # what `make bench` asks has an answer by default
                    print(terminal.wait_for_end(timeout_s=None).rstrip().rpartition("\n")[2], flush=True)
        # What the pages say is there then.
        for command, made in (("make demo", "build/demo/c1/00000001.jpg"), ("make bench$", "build/bench/summary.md"),
                              ("make scenarios", "build/scenarios/2-multicast/report.html")):
            assert not re.search(pattern, command) or (clone / made).exists(), f"{command} has made no {made}"
        environment = {**os.environ, "OTTD": str(clone / "build" / "ottd")}
        return subprocess.run([clone / "test" / "system" / "readme_walk.py"], env=environment).returncode


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--long", metavar="REGEX")
    options = parser.parse_args()
    if options.long:
        return walk_in_a_clone(options.long)
    if ISOLATED in os.environ:
        return walk_here()
    os.environ[ISOLATED] = "1"
    # Labs have their names in /run, and the README's overlay on one machine has 127.0.0.1.
    script = 'mount -t tmpfs run /run && ip link set lo up && exec "$0" "$@"'
    os.execvp("unshare", ["unshare", "-n", "-m", "sh", "-c", script, sys.executable, __file__])


if __name__ == "__main__":
    sys.exit(main())
