"""Overlays of real ottd processes on loopback addresses of their own, for the tests beside this file.

    with Overlay("boot-r1 r1-c1") as net:
        boot = net.bootstrap("film=clip.mjpeg")
        net.node("r1")
        c1 = net.client("c1", "--frames", "100")
        c1.wait_for_exit()

The names are nodes of a topology; each gets an address in a range that no other run has. Everything runs in
a temporary folder. Leaving the block ends all processes, fails the test if one of them did not end with the
status that was due or has said something a sanitizer says, and on failure prints all logs.
"""

import ctypes
import itertools
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time

import jpeg

OTTD = os.environ.get("OTTD", str(pathlib.Path(__file__).resolve().parents[2] / "build" / "ottd"))
TIMEOUT_S = 40  # for one event; a loaded machine and a sanitizer build are slow
LOG_LINES_SHOWN = 60
PORT = 7000


def wait_until(condition, what: str, timeout_s: float = TIMEOUT_S):
    """Returns what the condition returned, once that is true."""
    deadline = time.monotonic() + timeout_s
    while True:
        late = time.monotonic() > deadline  # before the look, so that the last look is after the deadline
        value = condition()
        if value:
            return value
        if late:
            raise AssertionError(f"not within {timeout_s} s: {what}")
        time.sleep(0.01)


# Claims: an abstract socket has its name alone in this network namespace, and loses it with its process.

def claim(name: str):
    """A token to be kept, or None if somebody else has it."""
    holder = socket.socket(socket.AF_UNIX)
    try:
        holder.bind("\0ottd-test/" + name)
    except OSError:
        holder.close()
        return None
    return holder


_ranges = itertools.count(os.getpid() * 7)


def claim_range():
    """A range "127.b.c." and its token."""
    while True:
        b, c = divmod(next(_ranges) % (240 * 254), 254)
        prefix = f"127.{b + 10}.{c + 1}."
        token = claim(prefix)
        if token:
            return prefix, token


def claim_ports(count: int):
    """Ports of ::1 below the ephemeral ones, and their tokens."""
    found = []
    for port in itertools.cycle(range(20000 + os.getpid() % 10000, 32000)):
        with socket.socket(socket.AF_INET6) as probe:
            try:
                probe.bind(("::1", port))
            except OSError:
                continue
        token = claim(f"port/{port}")
        if token:
            found.append((port, token))
        if len(found) == count:
            return [p for p, _ in found], [t for _, t in found]


def _die_with_parent():
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


class Process:
    """One ottd: its log, its statistics and its frames."""

    def __init__(self, name: str, folder: pathlib.Path, arguments, stdin=None, stdout=None, stderr=None, prefix=(),
                 pass_fds=()):
        self.name = name
        self.folder = folder
        self.dump = folder / f"{name}.frames"
        self.stats_path = folder / f"{name}.stats"
        self.log_path = folder / f"{name}.log"
        self.out_path = folder / f"{name}.out"
        self.command = [*prefix, OTTD, *(str(a) for a in arguments)]
        self.accounted = False  # its end was looked at, or was ours
        with open(self.log_path, "wb") as log, open(self.out_path, "wb") as out:
            self.popen = subprocess.Popen(self.command, stdin=stdin or subprocess.DEVNULL, stdout=stdout or out,
                                          stderr=stderr or log, cwd=folder, preexec_fn=_die_with_parent,
                                          pass_fds=pass_fds)

    # What it says and writes.

    def log(self) -> str:
        return self.log_path.read_text(errors="replace")

    def output(self) -> str:
        return self.out_path.read_text(errors="replace")

    def said(self, pattern: str) -> list:
        """The lines of the log in which the pattern is found."""
        return [line for line in self.log().splitlines() if re.search(pattern, line)]

    def stats(self) -> list:
        try:
            text = self.stats_path.read_text()
        except FileNotFoundError:
            return []
        return [json.loads(line) for line in text[:text.rfind("\n") + 1].splitlines()]

    def final(self) -> dict:
        """Its last statistics. It has ended."""
        last = self.stats()[-1]
        assert last.get("final") is True, f"{self.name}: the last line of its statistics is not final: {last}"
        return last

    def frame_count(self) -> int:
        try:
            return sum(name.endswith(".jpg") and name[0] != "." for name in os.listdir(self.dump))
        except FileNotFoundError:
            return 0

    def pictures(self) -> list:
        """What it has dumped, in the order of its arrival, as jpeg.picture gives it."""
        return [jpeg.picture((self.dump / f"{i + 1:08}.jpg").read_bytes()) for i in range(self.frame_count())]

    # Waiting for it.

    def wait(self, condition, what: str, timeout_s: float = TIMEOUT_S):
        """Until the condition is true; fails at once if the process is gone without it."""
        def condition_or_end():
            ended = self.popen.poll() is not None
            value = condition()
            if not value and ended:
                raise AssertionError(f"{self.name} has ended (status {self.popen.returncode}) before: {what}")
            return value
        return wait_until(condition_or_end, f"{self.name}: {what}", timeout_s)

    def wait_for_log(self, pattern: str, count: int = 1) -> list:
        return self.wait(lambda: (lines := self.said(pattern)) and len(lines) >= count and lines,
                         f"{count} x /{pattern}/ in its log")

    def wait_for_frames(self, count: int) -> None:
        self.wait(lambda: self.frame_count() >= count, f"{count} frames in its dump")

    def wait_for_stats(self, condition=lambda line: True, what: str = "a line of statistics", fresh=True) -> dict:
        """A line that the condition holds for; a fresh one is of a time after this call."""
        seen = len(self.stats()) if fresh else 0
        return self.wait(lambda: next((line for line in self.stats()[seen:] if condition(line)), None), what)

    def wait_for_exit(self, status: int = 0, timeout_s: float = TIMEOUT_S) -> str:
        """Waits for its end and checks the status. Returns its log."""
        try:
            self.popen.wait(timeout_s)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self.name} has not ended within {timeout_s} s") from None
        self.accounted = True
        assert self.popen.returncode == status, f"{self.name} ended with {self.popen.returncode}, not {status}"
        return self.log()

    def wait_for_report(self, pattern: str) -> str:
        """Asks for its routes (SIGUSR1) until the pattern is found in a report, which it returns."""
        def whole(text):
            """With a line for each of the links that it counts in the end."""
            links = re.search(r"links: (\d+)\n(.*)", text, re.DOTALL)
            return links and links[2].count(", rtt ") >= int(links[1]) and text

        def asked():
            before = len(self.log())
            self.send(signal.SIGUSR1)
            report = self.wait(lambda: whole(self.log()[before:]), "a report")
            return report if re.search(pattern, report) else None
        return self.wait(asked, f"/{pattern}/ in the report of its routes")

    # Doing things to it.

    def send(self, number: int) -> None:
        self.popen.send_signal(number)

    def terminate(self, number: int = signal.SIGTERM) -> None:
        """Ends it in good order."""
        self.send(number)
        self.wait_for_exit(0)

    def kill(self) -> None:
        self.popen.kill()
        self.popen.wait()
        self.accounted = True

    def feed(self, data: bytes) -> None:
        self.popen.stdin.write(data)
        self.popen.stdin.flush()

    def complaint(self):
        """What is wrong with how it ended, for one that has; None if nothing is."""
        text = self.log()
        if re.search(r"Sanitizer|runtime error:|ottd: bug:|terminate called", text):
            return f"{self.name}: its log tells of a bug"
        if not self.accounted and self.popen.returncode != 0:
            return f"{self.name} ended with status {self.popen.returncode}"
        return None

    def describe(self) -> str:
        lines = [line for line in self.log().splitlines() if not re.search(r": ping \d", line)]
        left_out = len(lines) - 2 * LOG_LINES_SHOWN
        if left_out > 0:
            lines[LOG_LINES_SHOWN:-LOG_LINES_SHOWN] = [f"... {left_out} lines ..."]
        last = self.stats()[-1:]
        return "\n".join([f"--- {self.name} (status {self.popen.returncode}): {' '.join(self.command[-12:])}", *lines,
                          *map(json.dumps, last)])


class Overlay:
    def __init__(self, links: str = "boot-r1", isolated: bool = False, costs=None, patient: bool = False):
        """`links` like "boot-r1 r1-r2"; the first name is the bootstrapper's. `costs` like {"r1-r2": 5}.
        Isolated: in a network namespace of its own, where 127.0.0.1 is free. Patient: no link is taken for
        dead because a loaded machine lets a process wait, so what is counted on links is all there was."""
        self.names = list(dict.fromkeys(name for link in links.split() for name in link.split("-")))
        self.links = [tuple(link.split("-")) for link in links.split()]
        self.costs = {frozenset(link.split("-")): cost for link, cost in (costs or {}).items()}
        self.processes = []
        self.prefix = []
        self.everywhere = ["--heartbeat", "5s"] if patient else []
        self._isolated = isolated
        self._tokens = []
        self._holder = None

    def __enter__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="ottd-test."))
        try:
            range_prefix, token = claim_range()
            self._tokens.append(token)
            self.address = {name: f"{range_prefix}{i + 1}" for i, name in enumerate(self.names)}
            self.range = range_prefix
            if self._isolated:
                self._isolate()
        except BaseException:
            self._remove()
            raise
        return self

    def _isolate(self):
        program = ["unshare", "-n"] if os.geteuid() == 0 else ["unshare", "-rn"]
        self._holder = subprocess.Popen([*program, "sh", "-c", "ip link set lo up && echo up && exec cat"],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        if self._holder.stdout.readline() != b"up\n":
            raise AssertionError("no network namespace; see what_lacks_for_namespaces")
        user = [] if os.geteuid() == 0 else ["-U", "--preserve-credentials"]
        self.prefix = ["nsenter", "-t", str(self._holder.pid), "-n", *user]

    def __exit__(self, kind, value, traceback):
        self.end(failed=kind is not None)

    def end(self, failed: bool = False, show: bool = False) -> None:
        """Ends all processes. To be called as a cleanup, with show=True, where a block is no choice: a cleanup
        does not know whether the test has failed, and test/run shows what a test prints only if it has."""
        complaints = []
        try:
            for process in self.processes:
                if process.popen.poll() is None:
                    process.send(signal.SIGCONT)
                    process.send(signal.SIGTERM)
            for process in self.processes:
                try:
                    process.popen.wait(5 if failed else TIMEOUT_S)
                except subprocess.TimeoutExpired:
                    complaints.append(f"{process.name} does not end on SIGTERM")
            complaints += filter(None, (process.complaint() for process in self.processes))
        finally:
            for process in self.processes:
                process.popen.kill()
                process.popen.wait()
            if failed or show or complaints:
                print("\n".join(process.describe() for process in self.processes), flush=True)
            self._remove()
        if complaints and not failed:
            raise AssertionError("; ".join(complaints))

    def _remove(self):
        if self._holder:
            self._holder.stdin.close()
            self._holder.stdout.close()
            self._holder.kill()
            self._holder.wait()
        for process in self.processes:
            for stream in (process.popen.stdin, process.popen.stdout):
                try:
                    if stream:
                        stream.close()
                except BrokenPipeError:
                    pass
        for token in self._tokens:
            token.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    # The topology.

    def use_ipv6(self) -> None:
        """All nodes on ::1, on a port each."""
        ports, tokens = claim_ports(len(self.names))
        self._tokens += tokens
        self.address = {name: f"[::1]:{port}" for name, port in zip(self.names, ports)}

    def topology(self) -> dict:
        nodes = {self.address[name]: {"name": name, "neighbors": []} for name in self.names}
        for a, b in self.links:
            cost = self.costs.get(frozenset((a, b)))
            for one, other in ((a, b), (b, a)):
                entry = self.address[other] if cost is None else {"id": self.address[other], "cost": cost}
                nodes[self.address[one]]["neighbors"].append(entry)
        return nodes

    def write_topology(self) -> pathlib.Path:
        path = self.folder / "topology.json"
        path.write_text(json.dumps(self.topology(), indent=2))
        return path

    def socket_address(self, name: str):
        return (self.address[name], PORT)

    def free_address(self, n: int = 200) -> str:
        """An address of this overlay's range that is not in its topology."""
        return f"{self.range}{n}"

    # Its processes.

    def start(self, name: str, arguments, prefix=(), **options) -> Process:
        """`prefix`: words of the command before the program's, such as env A=B."""
        process = Process(name, self.folder, [*arguments, *self.everywhere], prefix=[*self.prefix, *prefix], **options)
        self.processes.append(process)
        return process

    def bootstrap(self, *streams: str, flags=(), wait=True, **options) -> Process:
        name = self.names[0]
        arguments = ["--role", "bootstrap", "--topology", self.write_topology(), "--id", self.address[name],
                     "--stats", self.folder / f"{name}.stats", *flags]
        for stream in streams:
            arguments += ["--stream", stream]
        process = self.start(name, arguments, **options)
        if wait:
            process.wait_for_log("listening on")
        return process

    def node(self, name: str, *flags, wait=True) -> Process:
        arguments = ["--role", "node", "--bootstrap", self.address[self.names[0]], "--id", self.address[name],
                     "--stats", self.folder / f"{name}.stats", *flags]
        process = self.start(name, arguments)
        if wait:
            process.wait_for_log("listening on")
        return process

    def nodes(self, names: str, *flags) -> list:
        started = [self.node(name, *flags, wait=False) for name in names.split()]
        for process in started:
            process.wait_for_log("listening on")
        return started

    def client(self, name: str, *flags, dump=True, **options) -> Process:
        """A member."""
        where = ["--bootstrap", self.address[self.names[0]], "--id", self.address[name]]
        return self._client(name, [*where, *flags], dump, options)

    def guest(self, name: str, node: str, *flags, dump=True, **options) -> Process:
        """A guest of this node."""
        return self._client(name, ["--node", self.address[node], *flags], dump, options)

    def _client(self, name, flags, dump, options) -> Process:
        arguments = ["--role", "client", *flags]
        if "--stats" not in flags:
            arguments += ["--stats", self.folder / f"{name}.stats"]
        if dump:
            arguments += ["--dump", self.folder / f"{name}.frames"]
        return self.start(name, arguments, **options)

    def list_streams(self, *flags) -> list:
        """The rows of `--list`, as dictionaries."""
        process = self.start("list", ["--role", "client", "--list", *flags])
        process.wait_for_exit(0)
        return parse_list(process.output())


def parse_list(text: str) -> list:
    header, *lines = text.splitlines()
    columns = header.split()
    rows = []
    for line in lines:
        words = line.replace(" Mbit/s", "Mbit/s").split()
        assert len(words) == len(columns), f"{line!r} under {header!r}"
        rows.append(dict(zip(columns, words)))
    return rows


def wait_for_more_frames(clients, count: int) -> None:
    """Until each has so many more than now."""
    targets = [(client, client.frame_count() + count) for client in clients]
    for client, target in targets:
        client.wait_for_frames(target)


def link_to(stats: dict, address: str):
    """The link to this peer in a line of statistics, or None."""
    return next((link for link in stats["links"] if link["peer"] == address), None)


def run_of(pictures: list, source: list) -> int:
    """Where in the source the pictures begin; they must follow it from there, round and round."""
    assert pictures, "no pictures"
    assert len(set(source)) == len(source), "the source's pictures are not all different"
    place = {picture: i for i, picture in enumerate(source)}
    places = [place.get(picture) for picture in pictures]
    assert None not in places, f"frame {places.index(None) + 1} of {len(places)} is no picture of the source"
    for i, at in enumerate(places):
        due = (places[0] + i) % len(source)
        around = places[max(0, i - 3):i + 3]
        assert at == due, f"frame {i + 1} of {len(places)} is the source's picture {at}, not {due}: {around}"
    return places[0]


def what_lacks_for_namespaces(kind: str = "n"):
    """None if this process can make a namespace of this kind (n: network, m: mounts), or else a sentence."""
    program = ["unshare", f"-{kind}"] if os.geteuid() == 0 else ["unshare", f"-r{kind}"]
    try:
        subprocess.run([*program, "true"], check=True, capture_output=True, timeout=10)
    except (OSError, subprocess.SubprocessError) as error:
        return f"no namespace can be made here ({error})"
    return None


def what_lacks_for_networks():
    """None if this process can make a network of named namespaces (tools/namespaces.py), or else a sentence."""
    if os.geteuid() != 0:
        return "namespaces by name need root"
    if shutil.which("nft") is None:
        return "nft (package nftables) is not installed"
    return what_lacks_for_namespaces()


_made = {}


def made_frames(count: int = 60, size: str = "320x180") -> list:
    """JPEGs that are all different, made by ottd's own test pattern."""
    if (count, size) not in _made:
        with Overlay("boot-r1") as net:
            net.bootstrap(f"p=pattern:{size}@120")
            guest = net.guest("maker", "boot", "--frames", str(count), "--dump", "-", dump=False)
            guest.wait_for_exit(0)
            _made[count, size] = jpeg.split(guest.out_path.read_bytes())
        assert len(_made[count, size]) == count
    return _made[count, size]
