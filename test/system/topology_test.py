"""tools/topology: the shapes in which other projects keep their overlays, and what it says of what it cannot use."""

import contextlib
import importlib.machinery
import importlib.util
import json
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

from overlay import OTTD, Overlay

sys.dont_write_bytecode = True
ROOT = pathlib.Path(__file__).resolve().parents[2]
TOOL = ROOT / "tools" / "topology"
loader = importlib.machinery.SourceFileLoader("topology", str(TOOL))
tool = importlib.util.module_from_spec(importlib.util.spec_from_loader("topology", loader))
loader.exec_module(tool)

# What comes of a relay between two hosts, in each shape in which that can be said in full.
PLAIN = {"10.0.0.10": {"neighbors": ["10.0.0.1"]}, "10.0.0.1": {"neighbors": ["10.0.0.10", "10.0.1.2"]},
         "10.0.1.2": {"neighbors": ["10.0.0.1"]}}
NAMED = {"10.0.0.10": {"name": "n1", "neighbors": ["10.0.0.1"]},
         "10.0.0.1": {"name": "n2", "neighbors": ["10.0.0.10", "10.0.1.2"]},
         "10.0.1.2": {"name": "n3", "neighbors": ["10.0.0.1"]}}
WITH_PORTS = {"127.0.0.1:5001": {"name": "n1", "neighbors": ["127.0.0.1:5002"]},
              "127.0.0.1:5002": {"name": "n2", "neighbors": ["127.0.0.1:5001"]}}
# A router is dialled at the address that faces the neighbour.
ROUTED = {"10.0.0.10": {"name": "n1", "neighbors": ["10.0.0.1"]},
          "10.0.0.1": {"name": "n2", "addresses": ["10.0.1.1"], "neighbors": ["10.0.0.10", "10.0.1.20"]},
          "10.0.1.20": {"name": "n3", "neighbors": ["10.0.1.1"]}}
WITH_COSTS = {"10.0.0.10": {"neighbors": ["10.0.0.1"]},
              "10.0.0.1": {"neighbors": ["10.0.0.10", {"id": "10.0.1.2", "cost": 3}]},
              "10.0.1.2": {"neighbors": [{"id": "10.0.0.1", "cost": 3}]}}


def without_names(topology: dict) -> dict:
    return {key: {name: value for name, value in node.items() if name != "name"} for key, node in topology.items()}


SHAPES = {
    "our own": (NAMED, json.dumps(NAMED)),
    "nodes in a list": (NAMED, """{"nodes": [
        {"name": "n1", "ip": "10.0.0.10", "connections": ["10.0.0.1"]},
        {"name": "n2", "ip": ["10.0.0.1"], "connections": ["10.0.0.10", "n3"]},
        {"name": "n3", "ip": "10.0.1.2/24", "connections": "10.0.0.1"}]}"""),
    "nodes by name, neighbours with addresses": (ROUTED, """{"nodes": {
        "n1": {"addresses": ["10.0.0.10"], "neighbours": {"n2": "10.0.0.1"}},
        "n2": {"addresses": ["10.0.0.1", "10.0.1.1"], "neighbours": {"n1": "10.0.0.10", "n3": "10.0.1.20"}},
        "n3": {"addresses": ["10.0.1.20"], "neighbours": {"n2": "10.0.1.1"}}}}"""),
    "a list of vizinhos with names and addresses": (ROUTED, """[
        {"node": "n1", "vizinhos": ["n2:10.0.0.1"]},
        {"node": "n2", "vizinhos": ["n1:10.0.0.10", "n3:10.0.1.20"]},
        {"node": "n3", "vizinhos": ["n2:10.0.1.1"]}]"""),
    "nodes that are called by their addresses": (without_names(ROUTED), """[
        {"nó": ["10.0.0.10"], "vizinhos": ["10.0.0.1"]},
        {"nó": ["10.0.0.1", "10.0.1.1"], "vizinhos": ["10.0.0.10", "10.0.1.20"]},
        {"nó": ["10.0.1.20"], "vizinhos": ["10.0.1.1"]}]"""),
    "ports apart": (WITH_PORTS, """[
        {"id": "n1", "address": "127.0.0.1", "port": "5001",
         "neighbours": [{"id": "n2", "address": "127.0.0.1", "port": "5002"}]},
        {"id": "n2", "address": "127.0.0.1", "port": 5002, "neighbours": [{"id": "n1"}]}]"""),
    "numbers as names": ({key: {"name": node["name"][1:], "neighbors": node["neighbors"]} for key, node in
                          WITH_PORTS.items()}, """[
        {"node": "1", "neighbors": [2], "ip": "127.0.0.1", "port": "5001"},
        {"node": "2", "neighbors": [1], "ip": "127.0.0.1", "port": "5002"}]"""),
    "names as keys, with names and neighbours": (ROUTED, """{
        "n1": {"names": ["10.0.0.10"], "neighbours": ["10.0.0.1"]},
        "n2": {"names": ["10.0.0.1", "10.0.1.1"], "neighbours": ["10.0.0.10", "10.0.1.20"]},
        "n3": {"names": ["10.0.1.20"], "neighbours": ["10.0.1.1"]}}"""),
    "addresses as keys of lists": (PLAIN, """{
        "10.0.0.10": ["10.0.0.1"], "10.0.0.1": ["10.0.0.10", "10.0.1.2"], "10.0.1.2": [{"host": "10.0.0.1"}]}"""),
    "interfaces by name": (ROUTED, """{
        "n1": {"interfaces": {"eth0": "10.0.0.10/24"}, "vecinos": ["n2"]},
        "n2": {"interfaces": {"eth0": {"ip": "10.0.0.1"}, "eth1": {"ip": "10.0.1.1"}}, "vecinos": ["n1", "n3"]},
        "n3": {"interfaces": {"eth0": "10.0.1.20"}, "vecinos": ["10.0.1.1"]}}"""),
    "addresses and neighbours side by side": (NAMED, """{
        "addresses": {"n1": "10.0.0.10", "n2": "10.0.0.1", "n3": "10.0.1.2"},
        "neighbors": {"n1": ["n2"], "n2": ["n1", "n3"], "n3": ["n2"]}}"""),
    "sections": (NAMED, """{
        "servers": {"n1": {"address": "10.0.0.10", "peers": ["n2"]}},
        "overlay": {"n2": {"address": "10.0.0.1", "peers": ["n1", "n3"]},
                    "n3": {"address": "10.0.1.2", "peers": ["n2"]}}}"""),
    "a section of addresses": (PLAIN, """{
        "servers": ["10.0.0.10"],
        "overlay": {"10.0.0.10": ["10.0.0.1"], "10.0.0.1": ["10.0.0.10", "10.0.1.2"], "10.0.1.2": ["10.0.0.1"]}}"""),
    "nodes and links": ({**WITH_COSTS, "10.0.0.10": {"neighbors": ["10.0.0.1"]}}, """{
        "nodes": ["10.0.0.10", "10.0.0.1", "10.0.1.2"],
        "links": [{"source": "10.0.0.10", "target": "10.0.0.1"},
                  {"source": "10.0.0.1", "target": "10.0.1.2", "weight": 3}]}"""),
    "edges": (WITH_COSTS, """[["10.0.0.10", "10.0.0.1"], ["10.0.0.1", "10.0.1.2", 3]]"""),
    "neighbours with costs": (WITH_COSTS, """{"10.0.0.10": {"neighbors": ["10.0.0.1"]},
        "10.0.0.1": {"neighbors": {"10.0.0.10": {}, "10.0.1.2": 3}},
        "10.0.1.2": {"neighbors": [{"id": "10.0.0.1", "custo": "3"}]}}"""),
    "lines A:B,C": (PLAIN, "10.0.0.10:10.0.0.1\n10.0.0.1:10.0.0.10,10.0.1.2\n10.0.1.2:10.0.0.1\n"),
    "lines with spaces, their number before them": (PLAIN, "3\n/10.0.0.10 10.0.0.1\n/10.0.0.1 10.0.0.10 10.0.1.2\n"
                                                           "/10.0.1.2 10.0.0.1"),
    "edges as lines": (WITH_COSTS, "# the server\n10.0.0.10 -> 10.0.0.1\n10.0.0.1 10.0.1.2 3\n"),
    "edges as a table": (WITH_COSTS, "source,target,cost\n10.0.0.10,10.0.0.1,\n10.0.0.1,10.0.1.2,3\n"),
    "lines with ports": ({"127.0.0.1:5001": {"neighbors": ["127.0.0.1:5002"]},
                          "127.0.0.1:5002": {"neighbors": ["127.0.0.1:5001"]}},
                         "127.0.0.1:5001: 127.0.0.1:5002\n127.0.0.1:5002: 127.0.0.1:5001\n"),
    "lines of IPv6": ({"2001:db8::1": {"neighbors": ["[2001:db8::2]:7001"]},
                       "[2001:db8::2]:7001": {"neighbors": ["2001:db8::1"]}},
                      "2001:db8::1: [2001:db8::2]:7001\n[2001:db8::2]:7001 2001:db8:0::1\n"),
    "names by address": (ROUTED, """{
        "names": {"10.0.0.10": "n1", "10.0.0.1": "n2", "10.0.1.1": "n2", "10.0.1.20": "n3"},
        "nodes": {"n1": ["10.0.0.1"], "n2": ["10.0.0.10", "10.0.1.20"], "n3": ["10.0.1.1"]}}"""),
    "several addresses as a key": (without_names(ROUTED), """{"Nodes": {
        "10.0.0.10": {"Neighbours": ["10.0.0.1"]},
        "10.0.0.1|10.0.1.1": {"IP": "10.0.0.1", "Neighbours": ["10.0.0.10", "10.0.1.20"]},
        "10.0.1.20": {"Neighbours": ["10.0.1.1"]}}}"""),
    "numbered addresses": (ROUTED, """[
        {"nome": "n1", "ip1": "10.0.0.10", "vizinhos": [{"ip": "10.0.0.1"}]},
        {"nome": "n2", "ip1": "10.0.0.1", "ip2": "10.0.1.1", "vizinhos": [{"nome": "n1"}, {"ip": "10.0.1.20"}]},
        {"nome": "n3", "ip1": "10.0.1.20", "vizinhos": [{"ip": "10.0.1.1"}]}]"""),
    "edges of names, with their addresses": (NAMED, "3\n2\nn1 10.0.0.10\nn2 10.0.0.1\nn3 10.0.1.2\nn1 n2\nn2 n3\n"),
    "lines with keys": (PLAIN, "ip- 10.0.0.10\nneighbour- 10.0.0.1\n------\nip- 10.0.0.1\nneighbour- 10.0.0.10\n"
                               "neighbour- 10.0.1.2\n------\nip- 10.0.1.2\nneighbour- 10.0.0.1\n"),
    "sections with keys": (NAMED, "; an overlay\n[n1]\naddress = 10.0.0.10\npeers = n2\n\n[n2]\naddress = 10.0.0.1\n"
                                  "peers = n1, n3\n\n[n3]\naddress = 10.0.1.2\npeers = n2\n"),
    "names and links in two files": (NAMED, {
        "names": '{"type": "names", "config": {"n1": "10.0.0.10", "n2": "10.0.0.1", "n3": "10.0.1.2"}}',
        "topo": '{"type": "topo", "config": {"n1": ["n2"], "n2": ["n1", "n3"], "n3": ["n2"]}}'}),
    "a file for each node": (ROUTED, {
        "n1.json": '{"id": "n1", "ip": "10.0.0.10", "neighbors": ["10.0.0.1"]}',
        "n2.json": '{"ip": ["10.0.0.1", "10.0.1.1"], "neighbors": ["10.0.0.10", "10.0.1.20"]}',
        "n3": "10.0.1.20\n\n10.0.1.1\n"}),
}


class Converted(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory(prefix="ottd-test.")))

    def convert(self, content) -> tuple:
        """What comes of a file's text, or of several files by name, and what is said of it."""
        files = content if isinstance(content, dict) else {"overlay": content}
        with contextlib.chdir(self.folder):
            for name, text in files.items():
                pathlib.Path(name).write_text(text)
            return tool.convert([pathlib.Path(name) for name in sorted(files)])

    def assert_loads(self, topology: dict):
        """ottd reads it: it complains only of an identity that is not in it."""
        path = self.folder / "t.json"
        path.write_text(json.dumps(topology))
        done = subprocess.run([OTTD, "--role", "bootstrap", "--topology", path, "--id", "127.0.0.99"],
                              capture_output=True, text=True, timeout=60)
        self.assertIn(f"--id 127.0.0.99: {path} has no such node", done.stderr)
        self.assertNotIn("warning", done.stderr)

    def test_shapes(self):
        for shape, (due, content) in SHAPES.items():
            with self.subTest(shape):
                found, said = self.convert(content)
                self.assertEqual(found, due)
                self.assertEqual(list(found), list(due))  # in the file's order
                self.assertEqual([line for line in said if '"type" is without effect' not in line], [])
                self.assertEqual(self.convert(tool.written(found)), (due, []))
                self.assert_loads(found)

    def test_an_overlay_runs_on_it(self):
        with Overlay("boot-r1 r1-c1") as net:
            a = net.address
            lines = f"{a['boot']}:{a['r1']}\n{a['r1']}:{a['boot']},{a['c1']}\n{a['c1']}:{a['r1']}\n"
            path = net.folder / "converted.json"
            (self.folder / "lines").write_text(lines)
            with open(path, "wb") as output:
                subprocess.run([TOOL, "convert", self.folder / "lines"], stdout=output, check=True)
            net.write_topology = lambda: path
            net.bootstrap("p=pattern:160x120@30")
            net.node("r1")
            client = net.client("c1", "--frames", "10")
            client.wait_for_exit(0)
            self.assertEqual(client.final()["hops"], 2)

    def test_owners_of_addresses(self):
        """Names and the addresses that face them are all there is: who has which follows where there is no choice."""
        found, said = self.convert("""{"n1": ["10.0.0.1:4242"], "n2": ["10.0.0.10:4242", "10.0.1.20:4242"],
                                           "n3": ["10.0.1.1:4242"]}""")
        self.assertEqual(found, {
            "10.0.0.10:4242": {"name": "n1", "neighbors": ["10.0.0.1:4242"]},
            "10.0.0.1:4242": {"name": "n2", "addresses": ["10.0.1.1:4242"],
                              "neighbors": ["10.0.0.10:4242", "10.0.1.20:4242"]},
            "10.0.1.20:4242": {"name": "n3", "neighbors": ["10.0.1.1:4242"]}})
        self.assertEqual(len(said), 4)
        self.assertIn("overlay: at /n2/0: 10.0.0.10:4242 is taken for n1's, by what is listed in 10.0.0.0/24", said)

    def test_another_address_of_a_router(self):
        found, said = self.convert("""{"10.8.0.10": {"name": "s", "neighbors": ["10.8.0.1"]},
            "10.8.0.1": {"name": "r", "neighbors": ["10.8.0.10", "10.8.1.20"]},
            "10.8.1.20": {"name": "c", "neighbors": ["10.8.1.1"]}}""")
        self.assertEqual(found["10.8.0.1"]["addresses"], ["10.8.1.1"])
        self.assertEqual(found["10.8.1.20"]["neighbors"], ["10.8.1.1"])
        self.assertEqual(said, ["overlay: at /10.8.1.20/neighbors/0: 10.8.1.1 is taken for r's, by what is listed in "
                                "10.8.1.0/24"])

    def test_no_owner_where_there_is_a_choice(self):
        """Two hosts on one switch list their router; which of them has which of its neighbours' addresses?"""
        found, said = self.convert("""{"r": ["10.0.0.20", "10.0.0.21"], "a": ["10.0.0.1"], "b": ["10.0.0.1"]}""")
        self.assertEqual(found, {"10.0.0.1": {"name": "r", "neighbors": ["10.0.0.20", "10.0.0.21"]},
                                 "10.0.0.20": {"neighbors": ["10.0.0.1"]}, "10.0.0.21": {"neighbors": ["10.0.0.1"]}})
        self.assertIn("overlay: at /a: a is left out: nothing says what its address is", said)
        self.assertIn("overlay: at /b: b is left out: nothing says what its address is", said)

    def test_a_scenario_says_whose_addresses_are(self):
        scenario = (ROOT / "core-scenarios" / "2-multicast.xml").read_text()
        topology = json.loads((ROOT / "topologies" / "2-multicast.json").read_text())
        names = {address: node["name"] for address, node in topology.items()}
        by_name = {node["name"]: [names[peer] for peer in node["neighbors"]] for node in topology.values()}
        found, said = self.convert({"net.xml": scenario, "overlay.json": json.dumps(by_name)})
        self.assertEqual(said, [])
        self.assertEqual({node["name"] for node in found.values()}, set(by_name))
        for address, node in topology.items():
            key, other = next((key, other) for key, other in found.items() if other["name"] == node["name"])
            self.assertIn(address, [key, *other.get("addresses", [])])

    def test_a_neighbour_without_an_entry(self):
        found, said = self.convert('{"nodes": [{"ip": ["10.8.0.1", "10.8.1.1"], "connections": ["10.8.0.10"]}]}')
        self.assertEqual(found, {"10.8.0.1": {"addresses": ["10.8.1.1"], "neighbors": ["10.8.0.10"]},
                                 "10.8.0.10": {"neighbors": ["10.8.0.1"]}})
        self.assertEqual(said, ["overlay: at /nodes/0/connections/0: 10.8.0.10 has no entry: taken for a node of its "
                                "own (or is it another address of one that is there?)"])

    def test_what_cannot_be_used_is_named(self):
        for content, *due in (
                ('{"10.0.0.1": ["n9", "10.0.0.1", "10.0.0.2"], "10.0.0.2": ["10.0.0.1"]}',
                 "overlay: at /10.0.0.1/0: 10.0.0.1's neighbour n9 is left out: there is no such node",
                 "overlay: at /10.0.0.1/1: 10.0.0.1's neighbour 10.0.0.1 is left out: that is itself"),
                ('[{"ip": "10.0.0.1", "pp": 1, "links": []}, {"ip": "10.0.0.2", "pp": 0, "links": []}]',
                 'overlay: at /0/pp: "pp", 2 times, is without effect here'),
                ('[{"ip": ["10.0.0.1", "eth0"]}]', 'overlay: at /0/ip: "eth0" is not an address'),
                ('[{"ip": "10.0.0.1"}, {"ip": "224.0.0.1", "name": "m"}]',
                 "overlay: at /1: no node can listen on 224.0.0.1",
                 "overlay: at /1: m is left out: nothing says what its address is"),
                ('[{"name": "a", "ip": "10.0.0.1"}, {"name": "b", "ip": ["10.0.0.2", "10.0.0.1"]}]',
                 "overlay: at /1: 10.0.0.1 is a's already, and not b's, too"),
                ('{"10.0.0.1": ["10.0.0.2"], "10.0.0.1": [], "10.0.0.2": []}',
                 'overlay: the key "10.0.0.1" is there twice; the last one is taken'),
                ('[["10.0.0.1", "10.0.0.2", 1.5]]',
                 "overlay: at /0: 1.5 is no cost, which is an integer from 1 to 1000000"),
                ("10.0.0.1: n7 10.0.0.2\n\n10.0.0.2: 10.0.0.1\n",
                 "overlay:1: 10.0.0.1's neighbour n7 is left out: there is no such node")):
            with self.subTest(content):
                found, said = self.convert(content)
                self.assertEqual(said, list(due))
                self.assert_loads(found)

    def test_nothing_usable(self):
        no_address = "is left out: nothing says what its address is"
        for content, *due in (("1 2\n2 1 3\n3 2\n", f"overlay:1: 1 {no_address}", f"overlay:2: 2 {no_address}"),
                              ("A:B,C\nB:A\nC:A\n", f"overlay:1: A {no_address}"),
                              ('{"id": "n1", "neighbors": ["10.0.0.1"]}', f"overlay: at the top: n1 {no_address}"),
                              ("{}",), ("",), ("[1, 2",  "overlay:1:6: not JSON"), ('{"a": null}', "overlay: at /a"),
                              ("[" * 100_000, "overlay"), ({"x.imn": "node"}, "x.imn")):
            with self.subTest(str(content)[:40]):
                found, said = self.convert(content)
                self.assertEqual(found, {})
                for words in due:
                    self.assertIn(words, "\n".join(said))

    def test_files_that_cannot_be_read(self):
        (self.folder / "binary").write_bytes(b"\xff\xfe\x00")
        for name, said in (("none.json", "No such file or directory"), (".", "Is a directory"), ("binary", "not text")):
            done = subprocess.run([TOOL, "convert", name], cwd=self.folder, capture_output=True, text=True)
            self.assertEqual((done.returncode, done.stdout), (1, ""))
            self.assertIn(f"topology: {name}: {said}", done.stderr)
            self.assertIn("nothing here is a node with an address; `topology --help`", done.stderr)

    def test_usage(self):
        for arguments in ([], ["convert"], ["transform", "x"]):
            done = subprocess.run([TOOL, *arguments], capture_output=True, text=True)
            self.assertEqual((done.returncode, done.stdout), (2, ""))
            self.assertIn("usage: topology", done.stderr)

    def test_each_shape_of_the_help_is_known(self):
        said = subprocess.run([TOOL, "--help"], capture_output=True, text=True, check=True).stdout
        examples = [re.split("  +", line.strip())[0] for line in said.splitlines() if re.match(r"  [\[{10n]", line)]
        self.assertGreater(len(examples), 12)
        for example in examples:
            if "..." not in example:
                with self.subTest(example):
                    self.assertTrue(self.convert(example.replace("\\n", "\n"))[0])


if __name__ == "__main__":
    unittest.main()
