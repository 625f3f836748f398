"""Real ottd processes under observation, for tools/failures and tools/chaos.

A viewer writes its frames to a pipe (`--dump -`), and a thread here notes when each arrived and which it was:
pictures of the test pattern are all different, since each shows its frame's number and a running clock. What
was lost, came twice or out of order is found by comparing with a reference, a viewer at the origin itself, and
so does not rely on what ottd says of itself. The pipe holds seconds of frames: a tool that is late to read
delays nobody.
"""

import bisect
import ctypes
import fcntl
import itertools
import json
import math
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time

PIPE_BYTES = 1 << 20
READ_BYTES = 1 << 16
PATIENCE_S = 30  # for one event, on a machine that others use too
END_PATIENCE_S = 10
POLL_S = 0.005
LOG_LINES_SHOWN = 40
START_OF_JPEG, END_OF_JPEG = b"\xff\xd8", b"\xff\xd9"


class Failure(Exception):
    """Something that should have happened did not."""


def wait_until(condition, what, patience_s=PATIENCE_S, poll_s=POLL_S):
    """Returns what the condition returned, once that is true."""
    deadline = time.monotonic() + patience_s
    while True:
        late = time.monotonic() > deadline
        value = condition()
        if value:
            return value
        if late:
            raise Failure(f"not within {patience_s} s: {what}")
        time.sleep(poll_s)


def end_on_signals():
    """SIGTERM and SIGHUP end the tool as Ctrl-C does: through its `finally` blocks."""
    def interrupt(*_):
        raise KeyboardInterrupt
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, interrupt)


def die_with_parent():
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG: so a killed tool leaves no process


def claim_range():
    """A range "127.b.c." that no other run has, and the token to keep: an abstract socket with its name."""
    for number in itertools.count(os.getpid() * 7):
        b, c = divmod(number % (240 * 254), 254)
        prefix = f"127.{b + 10}.{c + 1}."
        token = socket.socket(socket.AF_UNIX)
        try:
            token.bind("\0ottd-test/" + prefix)
            return prefix, token
        except OSError:
            token.close()


class Frames:
    """What a viewer has shown and when: `at[i]` (monotonic, s) and `picture[i]`."""

    def __init__(self):
        self.at, self.picture = [], []
        self.newest = None  # the JPEG itself
        self.broken = 0  # frames that were no JPEG

    def read_from(self, pipe):
        """Returns at the pipe's end; leaves out what is cut off there."""
        pending = b""
        while data := os.read(pipe.fileno(), READ_BYTES):
            now = time.monotonic()
            pending += data
            begin = 0
            while (end := pending.find(END_OF_JPEG, begin)) >= 0:
                end += len(END_OF_JPEG)
                self.broken += pending[begin:begin + 2] != START_OF_JPEG
                self.newest = pending[begin:end]
                self.picture.append(hash(self.newest))
                self.at.append(now)
                begin = end
            pending = pending[begin:]

    def longest_gap_s(self, since, until):
        """The longest time between two frames of which any part is between these times; a frame that has
        not come yet counts until then."""
        at = self.at[:]
        first = max(0, bisect.bisect_right(at, since) - 1)
        seen = [t for t in itertools.islice(at, first, None) if t <= until]
        after = at[first + len(seen):first + len(seen) + 1]
        seen += after or [until]
        return max((b - a for a, b in itertools.pairwise(seen)), default=until - since)

    def count_between(self, since, until):
        return bisect.bisect_left(self.at, until) - bisect.bisect_left(self.at, since)


class Comparison:
    """A viewer's frames held against the reference's. Each of `holes` is (number of frames missing, time of
    the frame before, time of the frame after)."""

    def __init__(self, reference, viewer, epochs=()):
        """`epochs`: indices into the reference at which another stream began; nothing is lost between two."""
        place = {picture: i for i, picture in enumerate(reference.picture)}
        self.received = len(viewer.at)
        self._ages = []  # of each missing frame, when the next one came
        self.holes, self.twice, self.disordered, self.unknown = [], 0, 0, 0
        seen, last, last_at, strangers = set(), None, 0.0, 0
        for picture, at in zip(viewer.picture, viewer.at):
            if picture in seen:
                self.twice += 1
                continue
            seen.add(picture)
            i = place.get(picture)
            if i is None:
                strangers += 1
                continue
            if last is not None and bisect.bisect_right(epochs, last) == bisect.bisect_right(epochs, i):
                self.unknown += strangers  # between two streams the reference itself may miss some
                if i < last:
                    self.disordered += 1
                elif i > last + 1:
                    self.holes.append((i - last - 1, last_at, at))
                    self._ages += [at - reference.at[missing] for missing in range(last + 1, i)]
            last, last_at, strangers = i, at, 0

    @property
    def lost(self):
        return sum(count for count, _, _ in self.holes)

    def lost_younger_than(self, seconds):
        """How many of the missing frames the reference had got less than that before the viewer went on. A
        viewer that was catching up lacks more than the time in which nothing came."""
        return sum(age < seconds for age in self._ages)


class Tail:
    """The lines of a file that grows, each once."""

    def __init__(self, path):
        self.path, self.offset = path, 0

    def new_lines(self):
        try:
            with open(self.path, "rb") as file:
                file.seek(self.offset)
                data = file.read()
        except FileNotFoundError:
            return []
        whole = data[:data.rfind(b"\n") + 1]
        self.offset += len(whole)
        return whole.decode(errors="replace").splitlines()


class Ottd:
    """One process. It is to run until it is killed or ended from here."""

    def __init__(self, program, folder, name, arguments, prefix=(), watch=False):
        self.name, self.ended_by_us = name, False
        self.log_path, self.stats_path = folder / f"{name}.log", folder / f"{name}.stats"
        self.frames = Frames() if watch else None
        self.log_lines, self.stats = [], {}
        self._log_tail, self._stats_tail = Tail(self.log_path), Tail(self.stats_path)
        command = [*prefix, program, *map(str, arguments), "--stats", self.stats_path]
        if watch:
            command += ["--dump", "-"]
        with open(self.log_path, "wb") as log:
            self.child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=log, start_new_session=True,
                                          stdout=subprocess.PIPE if watch else subprocess.DEVNULL,
                                          preexec_fn=die_with_parent)
        self.started_at = time.monotonic()
        if watch:
            fcntl.fcntl(self.child.stdout, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
            self._reader = threading.Thread(target=self.frames.read_from, args=(self.child.stdout,), daemon=True)
            self._reader.start()

    @property
    def pid(self):
        return self.child.pid

    def lines(self):
        """Its log so far."""
        self.log_lines += self._log_tail.new_lines()
        return self.log_lines

    def said(self, pattern):
        return [line for line in self.lines() if re.search(pattern, line)]

    def new_stats(self):
        """The lines of statistics since the last call. The newest of all is `stats`."""
        lines = [json.loads(line) for line in self._stats_tail.new_lines()]
        if lines:
            self.stats = lines[-1]
        return lines

    def linked_with(self):
        """The peers that its newest statistics call connected."""
        self.new_stats()
        return {link["peer"] for link in self.stats.get("links", []) if link["state"] == "CONNECTED"}

    def wait(self, condition, what, patience_s=PATIENCE_S):
        def condition_or_end():
            ended = self.child.poll() is not None
            value = condition()
            if not value and ended:
                raise Failure(f"{self.name} has ended (status {self.child.returncode}) before: {what}")
            return value
        return wait_until(condition_or_end, f"{self.name}: {what}", patience_s)

    def wait_for_log(self, pattern, count=1):
        return self.wait(lambda: len(found := self.said(pattern)) >= count and found,
                         f"{count} x /{pattern}/ in its log")

    def wait_for_frames(self, count, patience_s=PATIENCE_S):
        """Waits until this many more frames have come."""
        due = len(self.frames.at) + count
        self.wait(lambda: len(self.frames.at) >= due, f"{count} more frames", patience_s)

    def report(self):
        """Its routes and links, as it logs them on SIGUSR1."""
        before = len(self.lines())
        self.send(signal.SIGUSR1)
        def whole():
            lines = self.lines()[before:]
            begin = next((i for i, line in enumerate(lines) if re.search(r": links: \d", line)), None)
            if begin is None:
                return None
            links = int(re.search(r"links: (\d+)", lines[begin])[1])
            return lines if len(lines) > begin + links else None
        return self.wait(whole, "a report")

    def send(self, number):
        self.child.send_signal(number)

    def kill(self):
        self.ended_by_us = True
        self.child.kill()
        self.join()

    def terminate(self, patience_s=END_PATIENCE_S):
        """Ends it in good order; returns how long that took in seconds."""
        self.ended_by_us = True
        began = time.monotonic()
        self.send(signal.SIGTERM)
        try:
            self.child.wait(patience_s)
        except subprocess.TimeoutExpired:
            raise Failure(f"{self.name} does not end within {patience_s} s of SIGTERM") from None
        self.join()
        if self.child.returncode != 0:
            raise Failure(f"{self.name} ended with {self.child.returncode} on SIGTERM")
        return time.monotonic() - began

    def join(self):
        """It has ended or is about to: wait for that, and for the last of its frames."""
        self.child.wait()
        if self.frames is not None:
            self._reader.join()
            self.child.stdout.close()

    def complaint(self):
        """What is wrong with it, if anything is."""
        if found := self.said(r"Sanitizer|runtime error:|ottd: bug:|terminate called"):
            return f"{self.name}: {found[0]}"
        if self.child.poll() is not None and not self.ended_by_us:
            return f"{self.name} ended by itself (status {self.child.returncode})"
        return None

    def log_tail(self):
        lines = [line for line in self.lines() if not re.search(r": ping \d", line)]
        return "\n".join(f"    {line}" for line in lines[-LOG_LINES_SHOWN:])


class Lab:
    """A temporary folder with the processes that run in it; leaving it ends them."""

    def __init__(self, program, flags=(), keep=False):
        """`flags` are for each ottd. With `keep` the folder stays."""
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="ottd-lab."))
        self.program = self.folder / "ottd"  # a rebuild meanwhile is nothing to us
        shutil.copy2(program, self.program)
        self.flags, self.keep = flags, keep
        self.processes = []
        self._starts = {}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for process in self.processes:
            if process.child.poll() is None:
                process.kill()
        if not self.keep:
            shutil.rmtree(self.folder, ignore_errors=True)

    def start(self, name, arguments, prefix=(), watch=False):
        """Starts it; one that was there before under this name has a log of its own."""
        number = self._starts[name] = self._starts.get(name, 0) + 1
        unique = name if number == 1 else f"{name}.{number}"
        process = Ottd(self.program, self.folder, unique, [*arguments, *self.flags], prefix, watch)
        self.processes.append(process)
        return process

    def write_topology(self, address, links):
        """`address` by name; `links` are pairs of names. Returns the file's path."""
        nodes = {address[name]: {"name": name, "neighbors": []} for link in links for name in link}
        for a, b in links:
            nodes[address[a]]["neighbors"].append(address[b])
            nodes[address[b]]["neighbors"].append(address[a])
        path = self.folder / "topology.json"
        path.write_text(json.dumps(nodes, indent=2))
        return path

    def complaints(self):
        return [complaint for process in self.processes if (complaint := process.complaint())]


def quantile(values, q):
    """The smallest value that at least this share of them does not exceed."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(q * len(ordered)) - 1)]
