"""What the sections of tools/bench/run share: relays to be measured, the load that measures them, and results.

A rig is a source, a relay (or a chain of them) and nothing else, on loopback addresses of its own. Whatever the
relay is, the source and the viewers are ott-load, which takes the relay's CPU time over exactly the time that it
counts frames in.
"""

import ctypes
import json
import os
import pathlib
import platform
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from lab import Failure, claim_range, die_with_parent, wait_until  # noqa: E402

GIB = 1 << 30
MIB = 1 << 20
FRAME_BYTES, FPS = 50_000, 30
END_PATIENCE_S = 10
LOAD_PATIENCE_S = 120


class Process:
    """One program, with its output in a file."""

    def __init__(self, folder, name, command, prefix=(), environment=None):
        self.name, self.command = name, [str(word) for word in command]
        self.log_path = folder / f"{name}.log"
        with open(self.log_path, "wb") as log:
            self.child = subprocess.Popen([*prefix, *self.command], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                          env=environment, start_new_session=True, preexec_fn=die_with_parent)

    @property
    def pid(self):
        return self.child.pid

    def log(self):
        return self.log_path.read_text(errors="replace")

    def wait_for_log(self, pattern, count=1):
        def said():
            found = len(re.findall(pattern, self.log())) >= count
            if not found and self.child.poll() is not None:
                raise Failure(f"{self.name} has ended (status {self.child.returncode}): {self.log()[-2000:]}")
            return found
        return wait_until(said, f"{self.name}: {count} x /{pattern}/ in its log")

    def end(self):
        if self.child.poll() is None:
            self.child.send_signal(signal.SIGTERM)
            try:
                self.child.wait(END_PATIENCE_S)
            except subprocess.TimeoutExpired:
                self.child.kill()
        self.child.wait()


def descendants(pid):
    """The process and all of its descendants: a relay may have workers."""
    found = [pid]
    for task in pathlib.Path(f"/proc/{pid}/task").glob("*/children"):
        for child in task.read_text().split():
            found += descendants(int(child))
    return found


class Lab:
    """A temporary folder with copies of the programs, and the processes that run; leaving it ends them."""

    def __init__(self, programs):
        """`programs`: ottd, ott-load, floor and others by name."""
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="ottd-bench."))
        self.folder.chmod(0o755)  # a relay may run as somebody else
        for name, path in programs.items():
            shutil.copy2(path, self.folder / name)
            setattr(self, name.replace("-", "_"), self.folder / name)
        self.processes = []
        self.count = 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for process in reversed(self.processes):
            process.end()
        shutil.rmtree(self.folder, ignore_errors=True)

    def start(self, name, command, prefix=(), environment=None):
        self.count += 1
        process = Process(self.folder, f"{self.count}-{name}", command, prefix, environment)
        self.processes.append(process)
        return process

    def end(self, process):
        process.end()
        self.processes.remove(process)


class Rig:
    """A source and relays; viewers connect to `target`. `relays` are the processes to be measured."""

    protocol = "ott"
    name = ""
    settings = ""  # a configuration file's, where there is one
    # The kernel finds the size of each socket's buffer by itself, with luck. In a small one a frame travels as two
    # segments, which costs the relay a third more: without this, that luck is what would be measured.
    viewer_flags = ["--receive-buffer", 200_000]

    def __init__(self, lab, fps=FPS, frame_bytes=FRAME_BYTES, chain=1):
        self.lab, self.fps, self.frame_bytes, self.chain = lab, fps, frame_bytes, chain
        self.range, self.token = claim_range()
        self.mine, self.relays = [], []
        self.stream = []

    def __enter__(self):
        try:
            self.build()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for process in reversed(self.mine):
            self.lab.end(process)
        self.token.close()

    def start(self, name, command, prefix=(), environment=None):
        self.mine.append(self.lab.start(name, command, prefix, environment))
        return self.mine[-1]

    def source_flags(self):
        return ["--frame-bytes", self.frame_bytes, "--fps", self.fps]

    def relay_pids(self):
        return [pid for relay in self.relays for pid in descendants(relay.pid)]

    def begin_load(self, viewers, seconds, flags=(), prefix=(), warm_up=2.0, watch=True, name="load"):
        return Load(self, viewers, seconds, flags, prefix, warm_up, watch, name)

    def load(self, viewers, seconds, flags=(), prefix=(), **how):
        """The results of ott-load with so many viewers."""
        return self.begin_load(viewers, seconds, flags, prefix, **how).finish()

    def complaints(self):
        """What the relays' logs say that should not have happened."""
        return [line for relay in self.relays for line in relay.log().splitlines()
                if re.search(r"taken for dead|bug:|it reads nothing", line)]


class Load:
    """ott-load under way."""

    def __init__(self, rig, viewers, seconds, flags, prefix, warm_up, watch, name):
        self.rig, self.seconds = rig, seconds
        command = [rig.lab.ott_load, "--protocol", rig.protocol, "--viewers", viewers, "--to", rig.target,
                   "--duration", seconds, "--warm-up", warm_up, *rig.viewer_flags, *flags]
        if "--stream" not in flags:
            command += rig.stream
        if "127." in str(rig.target):
            command += ["--from", ".".join(rig.range.split(".")[:2])]
        for pid in rig.relay_pids() if watch else []:
            command += ["--process", pid]
        self.json_path = rig.lab.folder / f"{rig.lab.count}.json"
        self.process = rig.lab.start(name, [*command, "--json", self.json_path], prefix)

    def wait_until_measuring(self):
        self.process.wait_for_log("viewers play: measuring")

    def finish(self):
        try:
            self.process.child.wait(self.seconds + LOAD_PATIENCE_S)
        except subprocess.TimeoutExpired:
            raise Failure(f"{self.process.name} does not end: {self.process.log()[-2000:]}") from None
        self.rig.lab.end(self.process)
        if self.process.child.returncode != 0:
            relays = "".join(relay.log()[-1000:] for relay in self.rig.relays)
            raise Failure(f"{' '.join(self.process.command)}: {self.process.log()[-2000:]}\nrelay: {relays}")
        results = json.loads(self.json_path.read_text())
        results["relay"] = relay_use(results)
        return results


def process_memory(pid):
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"VmRSS:\s*(\d+)", status)[1]) * 1024


def relay_use(results):
    """The relay's processes added up."""
    total = {key: sum(process[key] for process in results["processes"])
             for key in ("cpu_s", "user_s", "system_s", "resident_bytes_before", "resident_bytes",
                         "resident_bytes_max", "anonymous_bytes")}
    if results["bytes"]:
        total["cpu_s_per_gib"] = total["cpu_s"] / (results["bytes"] / GIB)
        total["cpu_s_per_1000_frames"] = total["cpu_s"] / (results["frames"] / 1000)
    ticks = total["user_s"] + total["system_s"]
    total["user_share"] = total["user_s"] / ticks if ticks else None
    return total


class FloorRig(Rig):
    protocol, name = "floor", "floor"

    def build(self):
        source = f"{self.range}1"
        self.start("source", [self.lab.ott_load, "--publish", 1, "--protocol", "floor", "--listen", source,
                              *self.source_flags()])
        wait_until(lambda: listens(source), "the source listens")
        for i in range(self.chain):
            at = f"{self.range}{i + 2}"
            self.relays.append(self.start("floor", [self.lab.floor, at, f"{self.range}{i + 1}"]))
            wait_until(lambda: listens(at), "the floor listens")
            self.target = at


class OttdRig(Rig):
    """A bootstrapper, a publisher and a chain of relays, each a neighbour of the one before. `publishers` more
    than one are all neighbours of the first relay, with a stream each."""

    name = "ottd"

    def __init__(self, lab, publishers=((FPS, FRAME_BYTES),), chain=1, **how):
        if "fps" in how:
            publishers = ((how.pop("fps"), how.pop("frame_bytes", FRAME_BYTES)),)
        super().__init__(lab, chain=chain, **how)
        self.publishers = publishers

    @staticmethod
    def relay_flags(at):
        return []

    def publisher_flags(self, i):
        return ["--publish", 1, "--name", f"load{i}"]

    def build(self):
        boot = f"{self.range}1"
        relays = [f"{self.range}{i + 2}" for i in range(self.chain)]
        sources = [f"{self.range}{100 + i}" for i in range(len(self.publishers))]
        links = [(boot, sources[0])] + [(source, relays[0]) for source in sources] + list(zip(relays, relays[1:]))
        nodes = {}
        for a, b in links:
            nodes.setdefault(a, {"neighbors": []})["neighbors"].append(b)
            nodes.setdefault(b, {"neighbors": []})["neighbors"].append(a)
        topology = self.lab.folder / f"{self.range}json"
        topology.write_text(json.dumps(nodes))
        boot_process = self.start("boot", [self.lab.ottd, "--role", "bootstrap", "--topology", topology, "--id", boot,
                                           "--stream", "unused=pattern:16x16@1"])
        boot_process.wait_for_log("listening on")
        for at in relays:
            self.relays.append(self.start("ottd", [self.lab.ottd, "--role", "node", "--bootstrap", boot, "--id", at,
                                                   *self.relay_flags(at)]))
        for i, (source, (fps, frame_bytes)) in enumerate(zip(sources, self.publishers)):
            self.start("source", [self.lab.ott_load, *self.publisher_flags(i), "--bootstrap", boot,
                                  "--id", source, "--frame-bytes", frame_bytes, "--fps", fps])
        for relay, count in zip(self.relays, [len(sources)] + [1] * (self.chain - 1)):
            relay.wait_for_log("linked with", count)
        self.target = relays[-1]
        self.stream = ["--stream", "load0"]


def listens(address, port=7000):
    """True once a process listens there, as the kernel says. No connection is made."""
    octets = [int(octet) for octet in address.split(".")]
    local = "%02X%02X%02X%02X:%04X" % (*reversed(octets), port)
    lines = pathlib.Path("/proc/net/tcp").read_text().splitlines()[1:]
    return any(line.split()[1] == local and line.split()[3] == "0A" for line in lines)


def sends_per_frame(rig, viewers, seconds):
    """System calls that send, per viewer and frame, counted by the kernel's tracepoints (perf), or None."""
    if not shutil.which("perf"):
        return None
    load = rig.begin_load(viewers, seconds + 2, watch=False)
    load.wait_until_measuring()
    events = [f"syscalls:sys_enter_{call}" for call in ("sendto", "sendmsg", "write", "writev", "sendfile64")]
    done = subprocess.run(["perf", "stat", "-x", ",", "-e", ",".join(events), "-p",
                           ",".join(map(str, rig.relay_pids())), "--", "sleep", str(seconds)],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    results = load.finish()
    counts = [int(line.split(",")[0]) for line in done.stdout.splitlines() if re.match(r"\d+,", line)]
    if done.returncode != 0 or not counts:
        return None
    return sum(counts) / (results["frames_per_s"] * seconds)


# The machine, and the results.

def enter_own_loopback():
    """Moves this process to a network namespace of its own, if it may; says what network is measured on.

    A congestion control that paces (bbr) sets a timer for most segments, which in a virtual machine costs more than
    all that a relay does: a saturated one took twice the CPU, and the ratio to the floor was one of timers. Reno does
    not, and every kernel has it."""
    control = pathlib.Path("/proc/sys/net/ipv4/tcp_congestion_control")
    CLONE_NEWNET = 0x40000000
    if os.geteuid() != 0 or ctypes.CDLL(None).unshare(CLONE_NEWNET) != 0:
        return f"loopback, {control.read_text().strip()}"
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    control.write_text("reno")
    return f"own loopback, {control.read_text().strip()}"


def machine(programs):
    cpu = re.search(r"model name\s*: (.*)", pathlib.Path("/proc/cpuinfo").read_text())
    memory = re.search(r"MemTotal:\s*(\d+)", pathlib.Path("/proc/meminfo").read_text())
    compiler = subprocess.run(["g++", "-dumpfullversion"], stdout=subprocess.PIPE, text=True)
    return {
        "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "processor": cpu[1] if cpu else platform.machine(), "processors": os.cpu_count(),
        "memory_mib": int(memory[1]) // 1024, "kernel": platform.release(),
        "load_average": os.getloadavg(), "compiler": f"g++ {compiler.stdout.strip()}",
        "ottd": subprocess.run([programs["ottd"], "--version"], stdout=subprocess.PIPE, text=True).stdout.strip(),
    }


def median(values):
    values = [value for value in values if value is not None]
    return statistics.median(values) if values else None


def spread(values):
    """Half the range, as a share of the median: how far to believe it."""
    values = [value for value in values if value is not None]
    middle = median(values)
    return (max(values) - min(values)) / 2 / middle if values and middle else None


def table(header, rows):
    """Lines of a Markdown table."""
    def cell(value):
        if value is None:
            return "-"
        return f"{value:.3g}" if isinstance(value, float) and abs(value) < 100 else (
            f"{value:.0f}" if isinstance(value, float) else str(value))
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(cell(value) for value in line) + " |" for line in lines)


class Background:
    """Calls a function each interval, in a thread of its own; `samples` are what it returned."""

    def __init__(self, sample, interval_s):
        self.samples = []
        self._over = threading.Event()
        def work():
            while not self._over.wait(interval_s):
                self.samples.append(sample())
        self._thread = threading.Thread(target=work, daemon=True)
        self._thread.start()

    def stop(self):
        self._over.set()
        self._thread.join()
        return self.samples
