"""Runs an overlay in the network of a CORE scenario and measures it, for tools/scenario.

The network is a lab of tools/netlab or a session of CORE; all that differs is how it is opened and which words come
before a command that is to run in a node. What crossed a link is what the kernel counted at its interfaces, the tree is
what the processes say that they have sent whom, and what viewers saw is when frames came out of them.
"""

import bisect
import concurrent.futures
import contextlib
import ipaddress
import itertools
import json
import os
import signal
import subprocess
import threading
import time

import core_file
import labs
import link_options
import ways
from lab import Failure, Lab, Ottd, quantile, wait_until
from namespaces import run

STREAM = "film"
AT_ONCE = 4
SETTLED_FRAMES = 30  # so many frames after an event, its effects are over
BIN_S = 0.5
LATENCY_MAX_S = 5.0  # beyond it, a picture that looks the same is another one
CARRIES = 0.5  # of the stream's frames: less is what was on its way when a link was given up
POLL_S = 0.05
MEASURED_S = 12.0  # so long after a link has changed, what is measured of it has had its effect
WHY_S = 1.0  # how often servers are asked for the ways that their streams take
WHY_PATIENCE_S = 10


class NetlabSession:
    """A lab of our own, which is removed again whatever happens."""

    def __init__(self, file, name):
        self.scenario = core_file.read(file)
        self.lab = f"{name}-{os.getpid()}"

    def __enter__(self):
        warnings = labs.up(self.scenario, self.lab, owner=os.getpid())
        self.warnings = warnings
        return self

    def __exit__(self, *_):
        if self.lab in labs.labs():
            labs.down(self.lab)

    def inside(self, node):
        return labs.inside(self.lab, node)

    def change(self, link, options):
        """What both ends of the link do to what they send is this alone."""
        words = dict.fromkeys(link_options.WORDS, "0") | link_options.words_of(options)
        for end in link.ends:
            labs.change_link(self.lab, end.node.name, end.name, words)


class Role(Ottd):
    """One ottd in a node. Signals reach it through the node, where it may have another process id than here."""

    def __init__(self, program, folder, name, arguments, inside, watch):
        self.inside, self.pid_path, self.history = inside, folder / f"{name}.pid", []
        prefix = [*inside, "sh", "-c", 'echo $$ >"$0" && exec "$@"', str(self.pid_path)]
        super().__init__(program, folder, name, arguments, prefix, watch)

    def new_stats(self):
        lines = super().new_stats()
        self.history += lines
        return lines

    def send(self, number):
        pid = wait_until(lambda: self.pid_path.exists() and self.pid_path.read_text().strip(), f"{self.name} has begun")
        subprocess.run([*self.inside, "sh", "-c", 'kill -"$0" "$1"', str(int(number)), pid], stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL, check=False)

    def kill(self):
        self.ended_by_us = True
        if self.pid_path.exists():
            self.send(signal.SIGKILL)
        else:
            self.child.kill()
        self.join()


class Roles(Lab):
    def start_in(self, node, inside, arguments, watch=False):
        """One that was there before in this node has a log of its own."""
        number = self._starts[node] = self._starts.get(node, 0) + 1
        name = node if number == 1 else f"{node}.{number}"
        role = Role(self.program, self.folder, name, [*arguments, *self.flags], inside, watch)
        self.processes.append(role)
        return role


class Experiment:
    """One run: the session, its processes by node, and what was measured. What takes time is begun by one method and
    waited for by another, so that several runs can go on side by side."""

    def __init__(self, name, session, roles, topology, source, tree, show, metric="cost"):
        self.name, self.session, self.roles, self.topology = name, session, roles, topology
        self.source, self.tree_policy, self.metric, self.say = source, tree, metric, show
        nodes = json.loads(topology.read_text())
        self.name_of = {address: node["name"] for address, node in nodes.items()}
        self.address = {name: address for address, name in self.name_of.items()}
        self.neighbours = {node["name"]: [self.name_of[peer] for peer in node["neighbors"]] for node in nodes.values()}
        self.server = next(iter(self.address))
        self.holder = {str(address.ip): (device.name, end.name) for device in session.scenario.devices
                       for end in device.ends for address in end.addresses}
        self.running, self.ran = {}, {}  # by node: the process that is there, and all that were
        self.clients, self.references = {}, {}  # viewers, and those at each server that they are compared with
        self.ways, self.asking, self.asker = [], threading.Event(), None  # [(when, {viewer: its Ways})]
        self.phases, self.events = [], []
        self.pictures = []  # before and after each event
        self.unlinked, self.targets = [], []

    def show(self, text):
        self.say(f"{self.name}: {text}" if self.name else text)

    # Starting.

    def start(self, node, arguments, watch=False):
        role = self.roles.start_in(node, self.session.inside(node), arguments, watch)
        self.running[node] = role
        self.ran.setdefault(node, []).append(role)
        if watch:
            self.clients[node] = role
        self.unlinked.append(node)
        return role

    def start_server(self):
        boot = self.start(self.server, ["--role", "bootstrap", "--topology", self.topology.resolve(), "--tree",
                                        self.tree_policy, *self.serving()])
        boot.wait_for_log("listening on")
        self.start_reference(self.server)
        self.unlinked = []

    def serving(self):
        return ["--metric", self.metric, "--stream", f"{STREAM}={self.source}"]

    def start_reference(self, server):
        self.references[server] = self.roles.start_in(
            "reference", self.session.inside(server), watch=True,
            arguments=["--role", "client", "--node", self.address[server]])

    @property
    def reference(self):
        return self.references[self.server]

    def start_other_server(self, node):
        """A node that has a stream of the same name."""
        role = self.start(node, ["--role", "node", "--bootstrap", self.address[self.server], *self.serving()])
        role.wait_for_log("registered with")
        self.start_reference(node)

    def start_relay(self, node):
        self.start(node, ["--role", "node", "--bootstrap", self.address[self.server]])

    def start_client(self, node):
        self.start(node, ["--role", "client", "--bootstrap", self.address[self.server]], watch=True)

    def wait_for_links(self):
        """Waits until all processes are linked with the neighbours that run, and viewers have a picture."""
        for node in self.unlinked:
            due = {self.address[peer] for peer in self.neighbours[node] if peer in self.running}
            role = self.running[node]
            role.wait(lambda: self.check() or due <= role.linked_with(), f"links with {', '.join(sorted(due))}")
            if node in self.clients:
                role.wait(lambda: role.frames.at, "a frame")
        self.unlinked = []

    # Events.

    def join(self, node):
        self.event(f"{node} joins")
        self.start_relay(node)

    def stop(self, node, number):
        role = self.running.pop(node)
        role.new_stats()
        self.event(f"{node} is stopped by {number.name}")
        if number == signal.SIGKILL:
            role.kill()
        else:
            role.terminate()
        role.new_stats()

    def change(self, a, b, text, **options):
        """The link of these two is another one: options as in a scenario's file."""
        link = next(link for link in self.session.scenario.links if {end.node.name for end in link.ends} == {a, b})
        self.event(text)
        self.session.change(link, core_file.Options(**options))

    def wait_until_measured(self):
        wait_until(lambda: self.check() or time.monotonic() >= self.events[-1]["at"] + MEASURED_S, "links are measured",
                   2 * MEASURED_S)

    def event(self, text):
        self.events.append({"at": time.monotonic(), "text": text})
        self.pictures.append({"text": text, "moments": [self.picture("before")]})
        self.show(text)

    def settle(self):
        """Until an event's effects are over: links are there, and each viewer has had a second's frames since."""
        self.wait_for_links()
        for client in self.clients.values():
            target = SETTLED_FRAMES + bisect.bisect_left(client.frames.at, self.events[-1]["at"])
            client.wait(lambda: len(client.frames.at) >= target, f"frames after {self.events[-1]['text']}")
        self.pictures[-1]["moments"].append(self.picture("after"))

    def picture(self, when):
        """The newest frame that each viewer has dumped."""
        return {"when": when, "at": time.monotonic(),
                "frames": {node: client.frames.newest for node, client in self.clients.items()}}

    # Measuring.

    def counters(self):
        """{node: {interface: (bytes in, bytes out)}} of the devices."""
        def of(device):
            listed = json.loads(run(*self.session.inside(device.name), "ip", "-s", "-j", "link", "show"))
            return device.name, {link["ifname"]: (link["stats64"]["rx"]["bytes"], link["stats64"]["tx"]["bytes"])
                                 for link in listed if link["ifname"] != "lo"}
        with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
            return dict(pool.map(of, self.session.scenario.devices))

    def ask_why(self):
        """By a thread of its own: the ways of each server's stream, each second until told to stop."""
        while not self.asking.wait(WHY_S):
            found = {}
            for server in self.references:
                with contextlib.suppress(subprocess.TimeoutExpired, OSError):
                    command = ["--role", "client", "--node", self.address[server], "--why", STREAM]
                    done = subprocess.run([*self.session.inside(server), self.roles.program, *command], text=True,
                                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                                          timeout=WHY_PATIENCE_S)
                    for viewer, way in ways.read(done.stdout.splitlines(), self.name_of).items():
                        found.setdefault(viewer, []).append(way)
            self.ways.append((time.monotonic(), found))

    def begin_phase(self, name):
        if not self.phases:
            self.first_picture = self.picture("at the beginning")
            self.asker = threading.Thread(target=self.ask_why, daemon=True)
            self.asker.start()
        self.phases.append({"name": name, "running": list(self.running), "began": time.monotonic(),
                            "wall": [time.time()], "counters": [self.counters()]})

    def end_phase(self):
        phase = self.phases[-1]
        phase["counters"].append(self.counters())
        phase["wall"].append(time.time())
        phase["ended"] = time.monotonic()
        self.last_picture = self.picture("at the end")
        self.look()
        self.hops = {node: client.stats["hops"] for node, client in self.clients.items()}  # before others leave

    def check(self):
        """Raises, if a process has ended by itself."""
        if complaint := next(filter(None, (role.complaint() for role in self.roles.processes)), None):
            raise Failure(complaint)

    def look(self):
        for role in self.roles.processes:
            role.new_stats()

    def finish(self):
        """Ends the viewers, then all others."""
        self.asking.set()
        self.asker.join()
        others = [role for node, role in self.running.items() if node not in self.clients]
        for role in [*self.clients.values(), *self.references.values(), *reversed(others)]:
            role.terminate()
        self.look()
        self.check()

    # What was measured.

    def tree(self, phase):
        """[(parent, child, frames, bytes)]: what the processes say that they have sent, from second to second."""
        sent = {}
        for node in phase["running"]:
            lines = [line for role in self.ran[node] for line in role.history
                     if phase["wall"][0] <= line["time"] <= phase["wall"][1]]
            if len(lines) < 2:
                raise Failure(f"{node} has written no statistics in {phase['name']}")
            first, last = ({link["peer"]: link for link in line["links"]} for line in (lines[0], lines[-1]))
            due = self.rate() * (lines[-1]["time"] - lines[0]["time"])
            for peer, link in last.items():
                was = first.get(peer, {"frames_out": 0, "bytes_out": 0})
                frames, volume = (link[what] - was[what] for what in ("frames_out", "bytes_out"))
                if peer in self.name_of and frames >= CARRIES * due:
                    sent[node, self.name_of[peer]] = (frames, volume)
        return sent

    def rate(self):
        """Frames a second, by what the viewer at the server saw."""
        at = self.reference.frames.at
        return (len(at) - 1) / (at[-1] - at[0])

    def paths(self, tree):
        """{viewer: the nodes from a server to it}, where the tree leads to it."""
        parent = {child: node for node, child in tree}
        found = {}
        for client in self.clients:
            path = [client]
            while path[-1] in parent and parent[path[-1]] not in path:
                path.append(parent[path[-1]])
            found[client] = path[::-1] if path[-1] in self.references else []
        return found

    def routes(self):
        """{viewer: [((node, interface) out, (node, interface) in), ...]}: the way of a packet from the server to it."""
        known = {}
        def ways(client):
            at, target, steps = self.server, self.address[client], []
            while at != client:
                if (at, target) not in known:
                    known[at, target] = json.loads(run(*self.session.inside(at), "ip", "-j", "route", "get", target))[0]
                hop = known[at, target]
                to = self.holder[str(ipaddress.ip_address(hop.get("gateway", target)))]
                steps.append(((at, hop["dev"]), to))
                at = to[0]
                if len(steps) > len(self.holder):
                    raise Failure(f"the route from {self.server} to {client} goes in circles at {at}")
            return steps
        return {client: ways(client) for client in self.clients}

    def traffic(self, phase, ways):
        """{node: {interface: bytes in and out, and what they would have been by unicast}}."""
        before, after = phase["counters"]
        rows = {node: {name: {"in": after[node][name][0] - bytes_in, "out": after[node][name][1] - bytes_out,
                              "unicast_in": 0, "unicast_out": 0} for name, (bytes_in, bytes_out) in interfaces.items()}
                for node, interfaces in before.items()}
        for steps in ways.values():
            last = steps[-1][1]
            copy = rows[last[0]][last[1]]["in"]  # what one viewer's copy is
            for (node, interface), (next_node, next_interface) in steps:
                rows[node][interface]["unicast_out"] += copy
                rows[next_node][next_interface]["unicast_in"] += copy
        return rows

    def viewer(self, node):
        """What one viewer saw, times counted from the first phase."""
        role, since, until = self.clients[node], self.phases[0]["began"], self.phases[-1]["ended"]
        final, frames, bin_s = role.stats, role.frames, self.bin_s()
        edges = [since + i * bin_s for i in range(round((until - since) / bin_s))] + [until]
        rate = [round(frames.count_between(a, b) / bin_s, 1) for a, b in itertools.pairwise(edges)]
        behind = [(at, round(value, 2)) for at, value in self.latencies(frames) if since <= at < until]
        latency = []
        for a, b in itertools.pairwise(edges):
            seen = [value for at, value in behind if a <= at < b]
            latency.append([quantile(seen, 0.5), max(seen)] if seen else None)
        quiet_until = self.events[0]["at"] if self.events else until
        interval = 1 / self.rate()
        gap = lambda a, b: round(max(0.0, frames.longest_gap_s(a, b) - interval) * 1000, 1)  # noqa: E731
        ends = [event["at"] for event in self.events[1:]] + [until]
        gaps = [gap(event["at"], end) for event, end in zip(self.events, ends)]
        quiet = [(a, b) for a, b in itertools.pairwise(frames.at) if b - a > 2 * interval and since <= b and a < until]
        return {"frames_received": final["frames_received"], "frames_lost": final["frames_lost"],
                "frames_skipped": final["frames_skipped"], "frames_duplicate": final["frames_duplicate"],
                "hops": self.hops[node], "rate": rate, "latency": latency,
                "latency_ms": {name: quantile([value for _, value in behind], q) if behind else 0.0
                               for name, q in (("p50", 0.5), ("p99", 0.99), ("max", 1))},
                "gap_before_ms": gap(since, quiet_until), "gaps_ms": gaps,
                "gap_ms_max": max(gap(since, quiet_until), *gaps, 0.0),
                "gaps": [[round(a - since, 3), round(b - a, 3)] for a, b in quiet], "missing": self.missing(role)}

    def bin_s(self):
        """Bins of the same length make up the time from the first phase to the end of the last."""
        seconds = self.phases[-1]["ended"] - self.phases[0]["began"]
        return seconds / max(1, round(seconds / BIN_S))

    def missing(self, role):
        """[(when, frames lost, frames skipped)]: since the line of statistics before, times counted as in viewer()."""
        found, before, zero = [], (0, 0), self.phases[0]["wall"][0]
        for line in role.history:
            now = (line["frames_lost"], line["frames_skipped"])
            if now != before:
                found.append([round(line["time"] - zero, 2), *(b - a for a, b in zip(before, now))])
            before = now
        return found

    def latencies(self, frames):
        """[(when, ms)]: how long after the viewer at its server a frame was here. Pictures may come again."""
        seen = {}
        for reference in self.references.values():
            for picture, at in zip(reference.frames.picture, reference.frames.at):
                seen.setdefault(picture, []).append(at)
        found = []
        for picture, at in zip(frames.picture, frames.at):
            times = seen.get(picture, ())
            i = bisect.bisect_right(times, at) - 1
            if i >= 0 and at - times[i] < LATENCY_MAX_S:
                found.append((at, (at - times[i]) * 1000))
            elif times:
                found.append((at, 0.0))  # it was here first, by what a reader of pipes can tell
        return found

    def ways_of(self, viewer):
        """[{when, by which nodes, what that costs, the best other way or none}], times counted from the first phase."""
        found, zero, source = [], self.phases[0]["began"], None
        for at, ways_of_all in self.ways:
            if viewer not in ways_of_all or at < zero or at >= self.phases[-1]["ended"]:
                continue
            # While it goes from one server to another, both have it: it is the new one's.
            way = next((way for way in ways_of_all[viewer] if way.nodes[0] != source), ways_of_all[viewer][0])
            source = way.nodes[0]
            other = way.others[0] if way.others else (None, None, None)
            found.append({"at_s": round(at - zero, 2), "by": way.nodes, "cost": way.cost, "other": other[0],
                          "other_cost": other[1]})
        return found

    def report(self, unicast):
        zero = self.phases[0]["began"]
        shown_pictures = self.pictures or [{"text": "", "moments": [self.first_picture, self.last_picture]}]
        phases = []
        for phase in self.phases:
            tree = self.tree(phase)
            phases.append({"name": phase["name"], "seconds": round(phase["ended"] - phase["began"], 2),
                           "began_s": round(phase["began"] - zero, 2), "paths": self.paths(tree),
                           "tree": [{"from": a, "to": b, "frames": frames, "bytes": volume}
                                    for (a, b), (frames, volume) in sorted(tree.items())],
                           "interfaces": self.traffic(phase, unicast)})
        return {"name": self.name, "tree": self.tree_policy, "metric": self.metric, "phases": phases,
                "warnings": self.session.warnings,
                "events": [{"at_s": round(event["at"] - zero, 2), "text": event["text"]} for event in self.events],
                "clients": {node: self.viewer(node) for node in self.clients}, "bin_s": self.bin_s(),
                "ways": {node: self.ways_of(node) for node in self.clients},
                "seconds": round(self.phases[-1]["ended"] - zero, 2), "pictures": [
                    {"text": shown["text"], "moments": [{**moment, "at_s": round(max(0.0, moment["at"] - zero), 2)}
                                                        for moment in shown["moments"]]} for shown in shown_pictures]}


def measure(experiments, name, seconds):
    """A phase of all of them, in which nothing happens to them."""
    for experiment in experiments:
        experiment.begin_phase(name)
    experiments[0].say(f"{name}: {seconds:g} s")
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        for experiment in experiments:
            experiment.check()
        time.sleep(min(POLL_S, left))
    for experiment in experiments:
        experiment.end_phase()


@contextlib.contextmanager
def logs_on_failure(roles):
    """Adds the last log lines of the processes to the error."""
    try:
        yield
    except Failure as failure:
        tails = "\n".join(f"  {role.name}:\n{role.log_tail()}" for role in roles.processes)
        raise Failure(f"{failure}\n{tails}") from None
