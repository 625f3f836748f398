"""Network namespaces, by name, and a network of them in which links can go down and packets be dropped. Needs root.

The names of that network's namespaces tell the process that made them, so what a killed run has left is found and
removed by the next one.
"""

import contextlib
import ctypes
import os
import pathlib
import re
import signal
import subprocess
import threading

from lab import Failure

NAMED = pathlib.Path("/run/netns")
CLONE_NEWNET = 0x40000000


def run(*command, text=None):
    done = subprocess.run(command, input=text, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode != 0:
        raise Failure(f"{' '.join(command)}: {done.stdout.strip()}")
    return done.stdout


class Network:
    """A namespace a node, all on a bridge in one more. Entering makes them, leaving removes them."""

    def __init__(self, address, owner):
        """`address` by node; all in 10.99.0.0/16, which nobody outside sees. `owner`: a word of this process's command
        line, which its namespaces are named after."""
        self.address, self.owner = address, owner
        self.prefix = f"ottd-{owner}-{os.getpid()}-"
        self.rules = {node: {} for node in address}

    def __enter__(self):
        remove_leftovers(self.owner)
        try:
            bridge = self.prefix + "bridge"
            run("ip", "netns", "add", bridge)
            run("ip", "-n", bridge, "link", "add", "br0", "type", "bridge")
            run("ip", "-n", bridge, "link", "set", "br0", "up")
            for i, node in enumerate(self.address):
                here = self.prefix + node
                run("ip", "netns", "add", here)
                run("ip", "-n", bridge, "link", "add", f"v{i}", "type", "veth", "peer", "name", "eth0", "netns", here)
                run("ip", "-n", bridge, "link", "set", f"v{i}", "master", "br0", "up")
                run("ip", "-n", here, "-batch", "-", text=f"address add {self.address[node]}/16 dev eth0\n"
                    "link set lo up\nlink set eth0 up\n")
                run(*self.inside(node), "nft", "-f", "-", text="add table ip faults\n"
                    "add chain ip faults in { type filter hook input priority 0; }\n")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        remove_namespaces(self.prefix)

    def inside(self, node):
        return ["nsenter", f"--net=/run/netns/{self.prefix}{node}"]

    def set_link(self, node, state):
        run("ip", "-n", self.prefix + node, "link", "set", "eth0", state)

    def set_rule(self, node, key, rule):
        """A rule for what comes in at a node; None takes it away."""
        rules = self.rules[node]
        if rule is None:
            rules.pop(key, None)
        else:
            rules[key] = rule
        lines = ["flush chain ip faults in", *(f"add rule ip faults in iifname eth0 {rule}" for rule in rules.values())]
        run(*self.inside(node), "nft", "-f", "-", text="\n".join(lines) + "\n")


def enter(name):
    """This thread goes into a namespace."""
    libc = ctypes.CDLL(None, use_errno=True)
    handle = os.open(NAMED / name, os.O_RDONLY)
    try:
        if libc.setns(handle, CLONE_NEWNET) != 0:
            error = ctypes.get_errno()
            raise OSError(error, os.strerror(error))
    finally:
        os.close(handle)


def inside_of(name, does, *arguments):
    """What it returns when it is called in a namespace: by a thread of its own, since only a thread can go there."""
    results, failures = [], []
    def call():
        try:
            enter(name)
            results.append(does(*arguments))
        except (OSError, Failure) as failure:
            failures.append(failure)
    thread = threading.Thread(target=call)
    thread.start()
    thread.join()
    if failures:
        raise failures[0]
    return results[0]


def namespaces():
    return [line.split()[0] for line in run("ip", "netns", "list").splitlines()]


def remove_namespaces(prefix):
    for name in namespaces():
        if name.startswith(prefix):
            kill_processes(name)
            run("ip", "netns", "delete", name)


def processes_in(name):
    return [pid for pid in map(int, run("ip", "netns", "pids", name).split()) if pid != os.getpid()]


def kill_processes(name):
    """Ends what runs in a namespace that is about to be removed: no other process is in there."""
    with contextlib.suppress(Failure):  # it is gone, or was never there
        for pid in processes_in(name):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def remove_leftovers(owner):
    """Of its runs whose process is there no more."""
    for match in {match for name in namespaces() if (match := re.match(rf"ottd-{owner}-(\d+)-", name))}:
        try:
            alive = owner.encode() in pathlib.Path(f"/proc/{match[1]}/cmdline").read_bytes()
        except OSError:
            alive = False
        if not alive:
            remove_namespaces(match[0])
