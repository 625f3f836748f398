"""What the ends of a link do to the frames that they send: delay, jitter, loss, duplication, reordering, a rate.

The kernel's netem does it where it is there, as in CORE. Elsewhere a rate is made by tbf and loss by nftables, and a
link that wants more has a wire: each of its ends is on a veth pair of its own, and between the far ends of these, in
one more namespace of the lab, a process of build/wire (tools/wire) carries the frames. Such a process is told of
changes through its socket, RUN/LAB/wire.NUMBER, and ends with its namespace.

Here, options are words and their values as in tc-netem(8), in a dict: {"delay": "20000us", "loss": "1%"}.
"""

import contextlib
import json
import math
import os
import pathlib
import re
import shutil
import socket
import subprocess
import time

from lab import Failure

PROGRAM = pathlib.Path(__file__).resolve().parents[1] / "build" / "wire"
NAMESPACE = "+wires"  # of a lab's wires; no node has such a name
WORDS = ("delay", "jitter", "loss", "duplicate", "reorder", "rate", "limit")
KERNEL_WORDS = {"rate", "loss"}  # what tbf and nftables do
VALUES = {"delay": (r"\d+(\.\d+)?(us|ms|s)", "a time, such as 20ms"),
          "rate": (r"\d+(\.\d+)?[kmg]?bit", "bits a second, such as 10mbit"),
          "loss": (r"\d+(\.\d+)?%", "a share, such as 0.5%"), "limit": (r"[1-9]\d*", "a number of frames")}
VALUES |= {"jitter": VALUES["delay"], "duplicate": VALUES["loss"], "reorder": VALUES["loss"]}
JITTER_CORRELATION = "25%"  # CORE's; tools/wire has the same
MTU = 1500
BEGIN_PATIENCE_S, ANSWER_PATIENCE_S = 30, 10


# Words.

def words_of(options):
    """The words of a scenario's options, as CORE makes them netem's."""
    words = {}
    if options.delay or options.jitter:
        words["delay"] = f"{options.delay}us"
    if options.jitter:
        words["jitter"] = f"{options.jitter}us"
    if options.loss:
        words["loss"] = f"{options.loss:g}%"
    if options.dup:
        words["duplicate"] = f"{options.dup}%"
    if options.bandwidth:
        words["rate"] = f"{options.bandwidth}bit"
        if options.buffer:
            words["limit"] = str(options.buffer)
    return words


def read_words(texts):
    """Of a command line: delay 20ms loss 1%. 0 takes an option away."""
    words = {}
    for word, value in zip(texts[::2], [*texts[1::2], ""]):
        if word not in WORDS:
            raise Failure(f"{word!r}: there are down, up, {', '.join(WORDS)}")
        form, due = VALUES[word]
        if value != "0" and not re.fullmatch(form, value):
            raise Failure(f"{word} {value!r}: it takes {due}")
        words[word] = value
    return words


def changed(words, by):
    """The words once these are given, too."""
    return {word: value for word, value in (words | by).items() if value != "0"}


def said(words):
    return " ".join(f"{word} {words[word]}" for word in WORDS if word in words)


UNITS = {"us": 1e-6, "ms": 1e-3, "s": 1, "bit": 1, "kbit": 1e3, "mbit": 1e6, "gbit": 1e9}


def measure(text):
    """In seconds or bits a second."""
    number, unit = re.fullmatch(r"([\d.]+)([a-z]+)", text).groups()
    return float(number) * UNITS[unit]


def with_limit(words, mtu):
    """As CORE does, a rate with a delay and without a limit gets room for what is on its way, twice."""
    if "limit" in words or not {"rate", "delay"} <= words.keys() or not measure(words["delay"]):
        return words
    bits = 2 * measure(words["rate"]) * measure(words["delay"])
    return words | {"limit": str(max(2, math.ceil(bits / (8 * (mtu or MTU)))))}


# By the kernel.

def has_netem():
    """Tried out on the loopback of a namespace that is gone at once."""
    tried = subprocess.run(["unshare", "-n", "tc", "qdisc", "add", "dev", "lo", "root", "netem", "delay", "1ms"],
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return tried.returncode == 0


def needs_wire(words):
    """Where there is no netem."""
    return not KERNEL_WORDS.issuperset(words)


def kernel_script(interface, words, mtu, netem, before=()):
    """Lines for a shell in the node, which give the interface these options in place of those before."""
    if netem and words and words.keys() != {"rate"}:
        words = with_limit(words, mtu)
        delay = f"delay {words.get('delay', '0us')}" if {"delay", "jitter", "reorder"} & words.keys() else ""
        jitter = f"{words['jitter']} {JITTER_CORRELATION}" if "jitter" in words else ""
        rest = [f"{word} {words[word]}" for word in WORDS[2:] if word in words]
        return [f"tc qdisc replace dev {interface} root netem {' '.join(filter(None, [delay, jitter, *rest]))}"]
    lines = []
    if "rate" in words:
        lines = [f"tc qdisc replace dev {interface} root tbf rate {words['rate']} burst 64kb latency 400ms"]
    elif before:
        lines = [f"tc qdisc delete dev {interface} root 2>/dev/null || :"]
    if shutil.which("nft") and ("loss" in words or "loss" in before):
        lines += ["nft -f - <<'END'", *loss_rules(interface, words.get("loss")), "END"]
    return lines


def loss_rules(interface, loss):
    """What it sends is lost as it leaves, before anything else."""
    chain = f"netdev loss out_{re.sub(r'[^A-Za-z0-9_]', '_', interface)}"
    rules = ["add table netdev loss",
             f"add chain {chain} {{ type filter hook egress device \"{interface}\" priority 0; }}"]
    if not loss:
        return [*rules, f"delete chain {chain}"]
    share = round(float(loss.rstrip("%")) * 1000)  # of 100000
    which = f"numgen random mod 100000 < {share} " if share < 100000 else ""
    return [*rules, f"flush chain {chain}", f"add rule {chain} {which}drop"]


# By a process.

class Means:
    """By what each link of a scenario is made: `netem` for all, or the links of `wires`."""

    def __init__(self, scenario, program, always):
        """`always`: each link is to be such that all options can be changed."""
        self.scenario, self.program = scenario, pathlib.Path(program or PROGRAM)
        wanting = [link for link in scenario.links if always or any(needs_wire(self.words(end)) for end in link.ends)]
        with_loss = [link for link in scenario.links if any(end.options.loss for end in link.ends)]
        self.netem = bool(wanting or with_loss) and has_netem()
        self.wires, self.without = ([] if self.netem else wanting), []
        if self.wires and not os.access(self.program, os.X_OK):
            self.wires, self.without = [], self.wires
        self.wire_of = {id(end): (number, side) for number, link in enumerate(self.wires)
                        for side, end in zip("ab", link.ends)}

    def words(self, end):
        return words_of(end.options)

    def script(self, end):
        """Lines for a shell in the node; none for a link that has a wire."""
        return [] if id(end) in self.wire_of else kernel_script(
            end.name, self.words(end), self.scenario.mtu, self.netem)

    def warnings(self):
        """Of options that this kernel has no means for."""
        for link in self.without:
            missing = sorted({f"{word} {value}" for end in link.ends for word, value in self.words(end).items()
                              if word not in KERNEL_WORDS})
            if missing:
                yield (f"{link.place}: options: {', '.join(missing)}: without effect, since this kernel has no netem "
                       f"and there is no {self.program}, which `make` builds")
        if not self.netem and not shutil.which("nft"):
            for link in self.scenario.links:
                if any(end.options.loss and id(end) not in self.wire_of for end in link.ends):
                    yield (f"{link.place}: options: loss: without effect, since this kernel has no netem and nft "
                           "(package nftables) is not installed")

    def ends(self):
        """For the lab's state: {node: {interface: {"words", "wire", "side"}}}, of those that have one of them."""
        found = {}
        for end in (end for link in self.scenario.links for end in link.ends):
            known = {"words": self.words(end)}
            if id(end) in self.wire_of:
                known["wire"], known["side"] = self.wire_of[id(end)]
            if known["words"] or "wire" in known:
                found.setdefault(end.node.name, {})[end.name] = known
        return found

    def start(self, namespace, folder):
        """Begins to carry. The interfaces are those that Builder.connect has made, wire NUMBER's being lNUMBERa and
        lNUMBERb."""
        begun = []
        try:
            for number, link in enumerate(self.wires):
                words = [word for side, end in zip("ab", link.ends)
                         for word in (f"--from-{side}", said(with_limit(self.words(end), self.scenario.mtu)))]
                with open(folder / f"wire.{number}.log", "wb") as log:
                    begun.append(subprocess.Popen(
                        ["nsenter", f"--net={namespace}", self.program, f"l{number}a", f"l{number}b", *words,
                         "--control", folder / f"wire.{number}", "--seed", str(number + 1)], stdin=subprocess.DEVNULL,
                        stdout=log, stderr=log, start_new_session=True))
            deadline = time.monotonic() + BEGIN_PATIENCE_S
            for number, (link, process) in enumerate(zip(self.wires, begun)):
                while (ended := process.poll()) is None and not answers(folder, number):
                    if time.monotonic() > deadline:
                        raise Failure(f"{link.place}: its wire has not begun within {BEGIN_PATIENCE_S} s")
                    time.sleep(0.005)
                if ended is not None:
                    raise Failure(f"{link.place}: its wire has ended: {log_of(folder, number)}")
        except BaseException:
            for process in begun:
                process.kill()
                process.wait()
            raise


def log_of(folder, number):
    with contextlib.suppress(OSError):
        return (folder / f"wire.{number}.log").read_text(errors="replace").strip() or "it has said nothing"
    return "its log is gone"


def ask_at(path, request):
    """What the wire there answers."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as client:
        client.settimeout(ANSWER_PATIENCE_S)
        client.connect(str(path))
        client.send(request.encode())
        return client.recv(1 << 16).decode()


def ask(folder, number, request):
    return ask_at(folder / f"wire.{number}", request)


def answers(folder, number):
    try:
        return bool(ask(folder, number, "counters"))
    except OSError:
        return False


def tell(folder, number, side, words, mtu):
    """Gives a running wire these options and no others, for what comes from that side."""
    try:
        answer = ask(folder, number, f"from-{side} {said(with_limit(words, mtu))}")
    except OSError as error:
        raise Failure(f"the link's wire does not answer ({error.strerror or error}): "
                      f"{log_of(folder, number)}") from None
    if answer != "ok":
        raise Failure(answer.removeprefix("error "))


def counters(folder, number):
    """What has crossed a wire, by where it came in: {"a": {...}, "b": {...}}."""
    return json.loads(ask(folder, number, "counters"))
