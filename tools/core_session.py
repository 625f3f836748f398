"""A session of the CORE that runs on this machine, opened from a file by CORE's own command, core-cli.

CORE keeps a session whose opening has failed, and goes on with one whose core-cli was killed. So what was opened is
closed again in every case: core-cli is left to end, and CORE's list of sessions says what is there.
"""

import contextlib
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading

import core_file
from lab import Failure, wait_until
from namespaces import run

FOLDER = "/opt/core/venv/bin"  # where CORE's installation puts its commands; a root's search path seldom has it
OPEN_PATIENCE_S = 120  # for an opening that is no longer wanted
CLI_PATIENCE_S = 60


def command(name):
    found = shutil.which(name, path=f"{os.environ.get('PATH', os.defpath)}:{FOLDER}")
    if found is None:
        raise Failure(f"{name} is not installed here, neither on the search path nor in {FOLDER}; without --core the "
                      "scenario runs without CORE")
    return found


def start_cli(*arguments):
    """In a process group of its own: a Ctrl-C in our terminal is not for it."""
    return subprocess.Popen([command("core-cli"), *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT, text=True, start_new_session=True)


def kill(child):
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)


def cli(*arguments):
    """What core-cli says. An error of CORE's is in there: the status is 0 then, too."""
    with start_cli(*arguments) as child:
        try:
            return child.communicate(timeout=CLI_PATIENCE_S)[0].strip()
        except BaseException as error:
            kill(child)
            if isinstance(error, subprocess.TimeoutExpired):
                raise Failure(f"core-cli {' '.join(arguments)}: no answer within {CLI_PATIENCE_S} s") from None
            raise


def sessions():
    """{id: (state, number of nodes)} of CORE's sessions."""
    said = cli("query", "sessions")
    if not said.startswith("Session ID"):
        raise Failure(f"core-cli query sessions: {said or 'no answer'}; does core-daemon run?")
    found = re.findall(r"(?m)^(\d+)\s*\|\s*(\w+)\s*\|\s*(\d+)", said)
    return {int(number): (state, int(nodes)) for number, state, nodes in found}


def short(session):
    """A session in the names of its interfaces."""
    return f"{session >> 8 ^ session & 0xff:x}"


def left_bridges(said):
    """Bridges p.N.S that are in the way by what CORE said, or that belong to no session there is."""
    live = set(map(short, sessions()))
    there = re.findall(r"(?m)^\d+: (p\.[0-9a-f]+\.([0-9a-f]+))[:@]", run("ip", "-o", "link", "show", "type", "bridge"))
    return sorted({*re.findall(r"\bp\.[0-9a-f]+\.[0-9a-f]+\b", said), *(name for name, of in there if of not in live)})


@contextlib.contextmanager
def signals_held():
    """A signal that would end this process does so afterwards."""
    came = []
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = [signal.signal(number, lambda *_: came.append(True)) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, before):
            signal.signal(number, handler)
    if came:
        raise KeyboardInterrupt


class CoreSession:
    def __init__(self, file, _):
        self.scenario, self.file = core_file.read(file), file
        self.warnings = []
        self.before = None  # the ids of others' sessions
        self.child, self.id, self.said = None, None, ""
        self.answered = threading.Event()  # core-cli has ended, which `open` waits for

    def open(self):
        """In a thread, where no signal cuts it short."""
        try:
            with start_cli("xml", "-f", str(self.file), "-s") as self.child:
                self.said = self.child.communicate()[0].strip()
            if found := re.search(r"opened xml: True,\s*(\d+)", self.said):
                self.id = int(found[1])
        except (Failure, OSError) as failure:
            self.said = str(failure)
        finally:
            self.answered.set()

    def __enter__(self):
        try:
            before = set(sessions())
            with signals_held():
                self.before = before
                threading.Thread(target=self.open, daemon=True).start()
            self.answered.wait()
            if self.id is None:
                raise Failure(f"core-cli did not open {self.file}: {self.said or 'it said nothing'}")
            self.folder = pathlib.Path(tempfile.gettempdir()) / f"pycore.{self.id}"
            for device in self.scenario.devices:
                wait_until((self.folder / device.name).exists, f"{self.folder / device.name}, the way into that node")
        except Failure as failure:
            raise Failure(f"{failure}{self.close_after(str(failure))}") from None
        except BaseException:
            self.__exit__()
            raise
        return self

    def close_after(self, failure):
        """What else there is to say, once what was opened is closed."""
        try:
            self.__exit__()
            if "File exists" in failure and (bridges := left_bridges(failure)):
                return (f"\nCORE has left {', '.join(bridges)} behind, as it does when a link was taken away in the "
                        "editor. This removes what is in the way: " +
                        "; ".join(f"ip link delete {name}" for name in bridges))
        except Failure as another:
            return f"\n{another}"
        return ""

    def __exit__(self, *_):
        """Closes what was opened, however far that came."""
        if self.before is None:
            return
        with signals_held():
            if not self.answered.is_set():
                print("CORE is still opening the session, which is closed then", file=sys.stderr, flush=True)
                if not self.answered.wait(OPEN_PATIENCE_S):
                    kill(self.child)
                    self.answered.wait()
            # An editor that somebody has just started has a new session as well, which is empty and being defined.
            opened = [self.id] if self.id else [number for number, what in sessions().items()
                                                if number not in self.before and what != ("DEFINITION", 0)]
            for session in opened:
                said = cli("session", "-i", str(session), "delete")
                if "True" not in said:
                    raise Failure(f"core-cli did not close session {session}: {said or 'it said nothing'}; "
                                  f"`core-cli session -i {session} delete` does")
            self.before = None

    def change(self, link, options):
        """What both ends of the link do to what they send is this alone."""
        ends = [word for i, end in enumerate(link.ends, 1)
                for word in (f"-n{i}", str(end.node.id), f"-i{i}", str(end.id))]
        said = cli("link", "-s", str(self.id), "edit", *ends, "-b", str(options.bandwidth), "-de", str(options.delay),
                   "-j", str(options.jitter), "-l", f"{options.loss:g}", "-du", str(options.dup))
        if "True" not in said:
            raise Failure(f"core-cli did not change the link {link.where}: {said or 'it said nothing'}")

    def inside(self, node):
        return [command("vcmd"), "-c", str(self.folder / node), "--"]
