"""Overlays of real ottd processes in a network whose links are wires (tools/wire), so that each way has a delay that
can be changed. Needs root."""

import json
import os
import pathlib
import shutil
import sys
import tempfile

from overlay import Process

sys.dont_write_bytecode = True
ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))
import core_file  # noqa: E402
import labs  # noqa: E402
import link_options  # noqa: E402

WIRE = pathlib.Path(os.environ.get("OTTD", str(ROOT / "build" / "ottd"))).with_name("wire")


class WiredLab:
    """`links` are pairs of ends, ((node, address), (node, address)). Leaving the block removes the network, and prints
    all logs if something has failed."""

    def __init__(self, lab: str, links, topology: dict):
        self.lab, self.links, self.topology = lab, links, topology
        self.nodes = list(dict.fromkeys(node for link in links for node, _ in link))
        self.processes = []
        self.interface = {}  # (node, other node): the node's interface to it

    def __enter__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="ottd-test."))
        try:
            self.build()
        except BaseException:
            self.__exit__(*sys.exc_info())
            raise
        return self

    def build(self) -> None:
        file = self.folder / "net.xml"
        file.write_text(self.scenario())
        labs.up(core_file.read(file), self.lab, wire=WIRE, wires=True)
        (self.folder / "topology.json").write_text(json.dumps(self.topology))

    def __exit__(self, kind, value, traceback):
        for process in self.processes:
            if process.popen.poll() is None:
                process.kill()
        if kind is not None:
            print("\n".join(process.describe() for process in self.processes), flush=True)
        if self.lab in labs.labs():
            labs.down(self.lab)
        shutil.rmtree(self.folder, ignore_errors=True)

    def scenario(self) -> str:
        devices = "".join(f'<device id="{i + 1}" name="{name}" type="x"/>' for i, name in enumerate(self.nodes))
        links, ends = "", dict.fromkeys(self.nodes, 0)
        for link in self.links:
            at = ""
            for number, (node, address) in enumerate(link, 1):
                self.interface[node, link[2 - number][0]] = f"eth{ends[node]}"
                at += f'<iface{number} id="{ends[node]}" ip4="{address}" ip4_mask="24"/>'
                ends[node] += 1
            one, other = (self.nodes.index(node) + 1 for node, _ in link)
            links += f'<link node1="{one}" node2="{other}">{at}</link>'
        return f"<scenario><devices>{devices}</devices><links>{links}</links></scenario>"

    def start(self, name: str, node: str, *arguments) -> Process:
        process = Process(name, self.folder, [*arguments, "--stats", self.folder / f"{name}.stats"],
                          prefix=labs.inside(self.lab, node))
        self.processes.append(process)
        return process

    def bootstrap(self, node: str, *arguments) -> Process:
        process = self.start(node, node, "--role", "bootstrap", "--topology", self.folder / "topology.json", *arguments)
        process.wait_for_log("listening on")
        return process

    def set_delay(self, one: str, other: str, delay_ms: float) -> None:
        """On the link between two nodes, in each direction."""
        for node, peer in ((one, other), (other, one)):
            labs.change_link(self.lab, node, self.interface[node, peer],
                             link_options.read_words(["delay", f"{delay_ms}ms"]))
