"""Overlays in namespaces of their own whose links have the delays, losses and rates that a test gives them, for
measured_ways.py. Needs root.

    with Net({"boot-a": {"delay": 10}, "a-v": {"rate": "3mbit"}}, "a name") as net:
        net.boot("cam=pattern:320x240@25", flags=["--metric", "latency"])
        net.relays("a")
        v = net.viewer("v")
        net.change("boot-a", delay="60ms")

A link of the overlay is a link of the network, and each node reaches its neighbours by that alone.
"""

import collections
import datetime
import heapq
import json
import os
import pathlib
import re
import subprocess
import sys
import time

from overlay import OTTD

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "tools"))
import core_file  # noqa: E402
import labs  # noqa: E402
from experiment import Roles  # noqa: E402
from lab import PATIENCE_S, Failure  # noqa: E402

WIRE = pathlib.Path(OTTD).with_name("wire")


def shortest(links, start):
    """{node: (cost, the nodes from the start to it)}; `links`: {(a, b): cost}, both ways."""
    near = collections.defaultdict(dict)
    for (a, b), cost in links.items():
        near[a][b] = near[b][a] = cost
    found, heap = {}, [(0, [start])]
    while heap:
        cost, way = heapq.heappop(heap)
        if way[-1] not in found:
            found[way[-1]] = cost, way
            for node, more in near[way[-1]].items():
                heapq.heappush(heap, (cost + more, [*way, node]))
    return found


class Net:
    def __init__(self, links, name, congestion=""):
        """`links`: {"a-b": options}; options: delay in ms, loss in percent, rate in bits a second and
        limit of its queue in frames, in either direction. The first node of all is the bootstrapper.
        `congestion`: the congestion control of neighbours' connections, where it is not to be the host's."""
        self.links = {tuple(link.split("-")): options for link, options in links.items()}
        self.names = list(dict.fromkeys(node for link in self.links for node in link))
        self.lab, self.congestion = f"{name}-{os.getpid()}", congestion
        self.interface, self.at = {}, collections.defaultdict(dict)  # (node, peer): its name; node: {peer: address}
        for i, (a, b) in enumerate(self.links):
            for node, peer, number in ((a, b, 1), (b, a, 2)):
                self.interface[node, peer] = f"eth{len(self.at[node])}"
                self.at[node][peer] = f"10.0.{i}.{number}"
        self.address = {name: next(iter(self.at[name].values())) for name in self.names}
        self.name_of = {address: name for name, address in self.address.items()}

    def __enter__(self):
        self.roles = Roles(OTTD)
        try:
            path = self.roles.folder / "net.xml"
            path.write_text(self.scenario())
            if warnings := labs.up(core_file.read(path), self.lab, owner=os.getpid(), wire=WIRE):
                raise Failure("; ".join(warnings))
        except BaseException:
            self.__exit__(None)
            raise
        return self

    def __exit__(self, kind, *_):
        if kind is not None:
            for role in self.roles.processes:
                print(f"--- {role.name}\n{role.log_tail()}", flush=True)
        self.roles.__exit__()
        if self.lab in labs.labs():
            labs.down(self.lab)

    # The network.

    def scenario(self):
        number = {name: i for i, name in enumerate(self.names, 1)}
        devices = [f'<device id="{i}" name="{name}" type="router"><services><service name="IPForward"/>'
                   '<service name="StaticRoute"/></services></device>' for name, i in number.items()]
        links = []
        for (a, b), options in self.links.items():
            ends = [f'<iface{i} id="{self.interface[node, peer][3:]}" ip4="{self.at[node][peer]}" ip4_mask="24"/>'
                    for i, (node, peer) in enumerate(((a, b), (b, a)), 1)]
            said = {"delay": round(1000 * options.get("delay", 0)), "loss": options.get("loss", 0),
                    "bandwidth": options.get("rate", 0), "buffer": options.get("limit", 0)}
            words = "".join(f' {word}="{value}"' for word, value in said.items() if value)
            links.append(f'<link node1="{number[a]}" node2="{number[b]}">{"".join(ends)}<options{words}/></link>')
        scripts = [f'<service name="StaticRoute" node="{i}"><templates><template name="staticroute.sh">'
                   f"<![CDATA[{self.routes(name)}]]></template></templates></service>" for name, i in number.items()]
        return (f'<scenario><devices>{"".join(devices)}</devices><links>{"".join(links)}</links>'
                f'<service_configurations>{"".join(scripts)}</service_configurations></scenario>')

    def routes(self, node):
        """To all addresses of all others, over as few links as possible."""
        lines, own = [], {address.rsplit(".", 1)[0] for address in self.at[node].values()}
        for peer, address in self.at[node].items() if self.congestion else ():
            lines.append(f"ip route change {address.rsplit('.', 1)[0]}.0/24 dev {self.interface[node, peer]} "
                         f"src {address} proto kernel scope link congctl {self.congestion}\n")
        for other, (_, way) in shortest(dict.fromkeys(self.links, 1), node).items():
            for address in self.at[other].values() if other != node else ():
                if address.rsplit(".", 1)[0] not in own:
                    lines.append(f"ip route add {address}/32 via {self.at[way[1]][node]} src {self.address[node]}\n")
        return "".join(lines)

    def change(self, link, **words):
        """What is done to what either end of the link sends, in tools/netlab's words."""
        a, b = link.split("-")
        for node, peer in ((a, b), (b, a)):
            labs.change_link(self.lab, node, self.interface[node, peer], words)

    # The overlay.

    def topology(self):
        nodes = {self.address[name]: {"name": name, "neighbors": []} for name in self.names}
        for a, b in self.links:
            nodes[self.address[a]]["neighbors"].append(self.address[b])
            nodes[self.address[b]]["neighbors"].append(self.address[a])
        path = self.roles.folder / "topology.json"
        path.write_text(json.dumps(nodes))
        return path

    def start(self, node, arguments, watch=False):
        return self.roles.start_in(node, labs.inside(self.lab, node), arguments, watch)

    def boot(self, *streams, flags=()):
        arguments = ["--role", "bootstrap", "--topology", self.topology(), "--log-level", "debug", *flags]
        for stream in streams:
            arguments += ["--stream", stream]
        self.origin = self.start(self.names[0], arguments)
        self.origin.wait_for_log("listening on")
        return self.origin

    def bootstrap(self):
        return ["--bootstrap", self.address[self.names[0]]]

    def relays(self, names):
        """Starts them, and waits until all are linked with their neighbours and links have been measured."""
        started = {name: self.start(name, ["--role", "node", *self.bootstrap()]) for name in names.split()}
        there = {*started, self.names[0]}
        for name, role in started.items():
            due = {self.address[peer] for peer in self.at[name] if peer in there}
            role.wait(lambda: due <= role.linked_with(), f"links with {due}")
        return started

    def viewer(self, name, stream="", flags=()):
        """A member."""
        chosen = ["--stream", stream] if stream else []
        return self.start(name, ["--role", "client", *self.bootstrap(), *chosen, *flags], watch=True)

    def guest(self, node, stream=""):
        """Of a node, in its place."""
        chosen = ["--stream", stream] if stream else []
        return self.start(node, ["--role", "client", "--node", self.address[node], *chosen], watch=True)

    def why(self, question):
        """The lines that --why prints."""
        done = subprocess.run([*labs.inside(self.lab, self.names[0]), self.roles.program, "--role", "client", "--node",
                               self.address[self.names[0]], "--why", question], stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, timeout=PATIENCE_S)
        return done.stdout.splitlines()

    # What the origin has said. Times are those of time.monotonic().

    def trees(self, stream):
        """[(when, {child: parent})]: each tree that it has made."""
        found = []
        for when, tree in self.said(rf"stream {stream}: tree \d+: (.*)"):
            nested = json.loads(re.sub(r"[^\[\], ]+", r'"\g<0>"', tree))
            found.append((when, {self.name_of[child]: self.name_of[node] for node, child in edges(nested)}))
        return found

    def moves(self, stream):
        """[(when, what)]: each time that a viewer was given another way, or was left out no more."""
        return self.said(rf"stream {stream}: (.*(?:has it another way|there is room).*)")

    def said(self, pattern):
        found = []
        for line in self.origin.said(pattern):
            clock = datetime.datetime.strptime(line[:23], "%Y-%m-%d %H:%M:%S.%f").timestamp()
            found.append((clock - time.time() + time.monotonic(), re.search(pattern, line)[1]))
        return found


def edges(path):
    """(parent, child) of a path as the program writes it: nodes in turn, lists where it parts."""
    for i, here in enumerate(path[1:], 1):
        for branch in (here if isinstance(here, list) else [here]):
            below = branch if isinstance(branch, list) else [branch]
            yield path[i - 1], below[0]
            if isinstance(branch, list):
                yield from edges(branch)


def way_to(node, tree):
    """The nodes from the origin to it."""
    way = [node]
    while way[-1] in tree:
        way.append(tree[way[-1]])
    return way[::-1]
