"""core-scenarios/*.xml are what CORE 9.2 takes, and topologies/*.json fit them; older files are read and rewritten."""

import ipaddress
import itertools
import json
import math
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest
import xml.etree.ElementTree as ElementTree

sys.dont_write_bytecode = True
ROOT = pathlib.Path(__file__).resolve().parents[2]
NETLAB = ROOT / "tools" / "netlab"
FILES = sorted((ROOT / "core-scenarios").glob("*.xml"))
OLDER = pathlib.Path(__file__).resolve().parent / "core"
ODD = pathlib.Path(__file__).resolve().parent / "core_odd"
sys.path.insert(0, str(ROOT / "tools"))
import core_file  # noqa: E402
import imn_file  # noqa: E402
from lab import Failure  # noqa: E402

LISTS = {"networks": "network", "devices": "device", "links": "link", "services": "service",
         "service_configurations": "service", "templates": "template", "configs": "config",
         "session_options": "configuration"}
PLAIN_SERVICES = {"IPForward": "ipforward.sh", "StaticRoute": "staticroute.sh", "DefaultRoute": "defaultroute.sh"}
NEEDS_NETEM = {"bandwidth", "delay", "jitter", "loss", "dup", "buffer"}
WITH_OPTIONS = {"4-sites", "5-best-source", "6-measured"}


def parsed(path: pathlib.Path) -> ElementTree.Element:
    """With its comments, which CORE minds in some places."""
    builder = ElementTree.TreeBuilder(insert_comments=True)
    return ElementTree.parse(path, ElementTree.XMLParser(target=builder)).getroot()


class Described:
    """A file by CORE's own rules, read apart from the tools that it is to check."""

    def __init__(self, path: pathlib.Path):
        self.root = parsed(path)
        self.nodes = {node.get("id"): node for section in ("networks", "devices") for node in self.root.find(section)}
        self.devices = {node.get("id"): node for node in self.root.find("devices")}
        self.interfaces = {number: [] for number in self.devices}  # (id, name, address), in the order of links
        for link in self.root.find("links"):
            for i in "12":
                if (number := link.get(f"node{i}")) in self.devices:
                    part = link.find(f"iface{i}")
                    self.interfaces[number].append((int(part.get("id")), part.get("name"), ipaddress.ip_interface(
                        f"{part.get('ip4')}/{part.get('ip4_mask')}")))

    def services(self, number: str) -> set:
        return {service.get("name") for service in self.devices[number].findall("services/service")}

    def holder(self) -> dict:
        return {address.ip: number for number, interfaces in self.interfaces.items() for _, _, address in interfaces}


class WhatCoreTakes(unittest.TestCase):
    def assert_valid(self, path: pathlib.Path, with_options: bool = False):
        described = Described(path)
        for element in described.root.iter():
            if element.tag in LISTS:
                self.assertEqual({child.tag for child in element} - {LISTS[element.tag]}, set(),
                                 f"in <{element.tag}> only <{LISTS[element.tag]}> may stand, no comment either")
        listed = [*described.root.find("networks"), *described.root.find("devices")]
        self.assertEqual(len(described.nodes), len(listed), "an id is there twice")
        names = [node.get("name") for node in described.nodes.values()]
        self.assertEqual(len(set(names)), len(names))
        for number, node in described.nodes.items():
            self.assertRegex(number, r"^[1-9]\d*$")
            self.assertRegex(node.get("name"), r"^[A-Za-z0-9_-]+$")
            self.assertGreater(float(node.find("position").get("x")), 0)
            self.assertGreater(float(node.find("position").get("y")), 0)
        places = {node.get("name"): [float(node.find("position").get(axis)) for axis in "xy"]
                  for node in described.nodes.values()}
        for (a, at), (b, there) in itertools.combinations(places.items(), 2):
            self.assertGreater(math.dist(at, there), 35, f"{a} and {b} are drawn over each other")
        for network in described.root.find("networks"):
            self.assertIn(network.get("type"), ("SWITCH", "HUB"))
        self.assert_links_valid(described, with_options)
        self.assert_services_valid(described)

    def assert_links_valid(self, described: Described, with_options: bool):
        for number, interfaces in described.interfaces.items():
            ids = [interface[0] for interface in interfaces]
            self.assertEqual(len(set(ids)), len(ids), f"node {number}")
            self.assertEqual(ids, sorted(ids), f"node {number}: the first interface is not the one of the lowest id")
        addresses = [address.ip for interfaces in described.interfaces.values() for _, _, address in interfaces]
        self.assertEqual(len(set(addresses)), len(addresses))
        for link in described.root.find("links"):
            for i in "12":
                self.assertIn(link.get(f"node{i}"), described.nodes)
                part = link.find(f"iface{i}")
                self.assertRegex(part.get("id"), r"^\d+$")
                self.assertLessEqual(len(part.get("name", "")), 15)
            options = link.find("options")
            for name, value in (options.attrib if options is not None else {}).items():
                self.assertRegex(value, r"^\d+$")
                if name in NEEDS_NETEM and value != "0":
                    self.assertTrue(with_options, f"{name}: a CORE without netem would refuse this file")

    def assert_services_valid(self, described: Described):
        holder = described.holder()
        for number in described.devices:
            services = described.services(number)
            self.assertTrue(services, f"node {number} would get its type's default services")
            self.assertLessEqual(services, PLAIN_SERVICES.keys())
            if "DefaultRoute" in services:
                network = min(described.interfaces[number])[2].network
                router = holder.get(network.network_address + 1)
                self.assertNotIn(router, (None, number), f"node {number}: nobody holds its network's first address")
                self.assertIn("IPForward", described.services(router))
        for service in described.root.find("service_configurations"):
            self.assertIn(service.get("name"), described.services(service.get("node")))
            for template in service.findall("templates/template"):
                self.assertEqual(template.get("name"), PLAIN_SERVICES[service.get("name")])
                for line in template.text.splitlines():
                    self.assertNotRegex(line, r"\$\{|^\s*%|^\s*##|<%", "a trap of Mako's")

    def test_the_scenarios(self):
        self.assertEqual([path.stem for path in FILES], ["1-paths", "2-multicast", "3-failover", "4-sites", "5-best-source",
                                                       "6-measured"])
        for path in FILES:
            with self.subTest(path.name):
                self.assert_valid(path, with_options=path.stem in WITH_OPTIONS)

    def test_the_overlays_fit_the_networks(self):
        """Each overlay address is that of its node, on the node's first interface, and links are listed by both."""
        for path in FILES:
            with self.subTest(path.stem):
                described = Described(path)
                topology = json.loads((ROOT / "topologies" / f"{path.stem}.json").read_text())
                for address, entry in topology.items():
                    number = described.holder()[ipaddress.ip_address(address)]
                    self.assertEqual(entry["name"], described.devices[number].get("name"))
                    self.assertEqual(str(described.interfaces[number][0][2].ip), address)
                    for peer in entry["neighbors"]:
                        self.assertIn(address, topology[peer]["neighbors"])
                clients = [number for number, device in described.devices.items() if device.get("type") == "PC"]
                self.assertGreater(len(clients), 0)

    def test_the_fourth_is_large_and_slow(self):
        described = Described(ROOT / "core-scenarios" / "4-sites.xml")
        self.assertGreaterEqual(len(described.devices), 30)
        self.assertGreaterEqual(len(described.root.findall("links/link/options[@bandwidth]")), 4)

    def test_what_import_writes(self):
        """An .imn file, and XML with older names, become files that any CORE 9.2 takes."""
        with tempfile.TemporaryDirectory(prefix="ottd-test.") as folder:
            for source in sorted(OLDER.iterdir()):
                with self.subTest(source.name):
                    target = pathlib.Path(folder) / f"{source.stem}.xml"
                    command = [NETLAB, "import", source, target]
                    done = subprocess.run(command, capture_output=True, text=True)
                    self.assertEqual(done.returncode, 0, done.stderr)
                    self.assertIn("are now static routes", done.stdout)
                    self.assert_services_valid(Described(target))
                    before = target.read_bytes()
                    done = subprocess.run(command, capture_output=True, text=True)
                    self.assertEqual(done.returncode, 1)
                    self.assertIn(f"{target} is there already", done.stderr)
                    self.assertEqual(target.read_bytes(), before)
            shutil.copy(OLDER / "tcl.imn", pathlib.Path(folder) / "net.imn")
            done = subprocess.run([NETLAB, "import", pathlib.Path(folder) / "net.imn"], capture_output=True, text=True)
            self.assertEqual(done.returncode, 0, done.stderr)
            text = (pathlib.Path(folder) / "net.xml").read_text()
            self.assertRegex(text, r'<iface1 id="1" name="eth1" ip4="10.0.1.1" ip4_mask="24"')
            self.assertRegex(text, r'<options bandwidth="8000000"/>')
            self.assertRegex(text, r'<device id="5" name="n5" type="PC">')
            self.assertIn("ip route add 10.0.0.0/24 via 10.0.1.1", text)


class WhatCoreLacks(unittest.TestCase):
    """What import writes opens in CORE 9.2, whatever radios, daemons and interfaces the file wants."""

    def setUp(self):
        self.folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory(prefix="ottd-test.")))

    def imported(self, source) -> tuple:
        """What has become of a file or text: a Described, the scenario as netlab reads it, and what was said."""
        if not isinstance(source, pathlib.Path):
            (self.folder / "net.xml").write_text(source)
            source = self.folder / "net.xml"
        target = self.folder / "new.xml"
        target.unlink(missing_ok=True)
        done = subprocess.run([NETLAB, "import", source, target], capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        described = Described(target)
        for number in described.devices:
            self.assertNotEqual(described.services(number), set(), "CORE would take the type's default services")
            self.assertLessEqual(described.services(number), PLAIN_SERVICES.keys())
        return described, core_file.read(target), done.stdout + done.stderr.replace(str(source), source.name)

    def types(self, described: Described) -> dict:
        return {node.get("name"): node.get("type") for node in described.root.find("networks")}

    def test_emane(self):
        described, _, said = self.imported(ODD / "4-import-emane.xml")
        self.assertEqual(self.types(described), {"air": "HUB"})
        self.assertIsNone(described.root.find("emane_configurations"))
        self.assertIn("warning: 4-import-emane.xml:2: network 3 (air): type EMANE is written as HUB: a hub without a "
                      "radio model takes its place\n", said)

    def test_ways_out_of_the_host(self):
        for kind in ("RJ45", "TUNNEL", "TAP_BRIDGE"):
            with self.subTest(kind):
                described, _, said = self.imported(SCENARIO.format(**{**RIGHT, "network": kind, "node2": "9"}))
                self.assertEqual(self.types(described), {"sw": "SWITCH"})
                self.assertIn(f"net.xml:2: network 9 (sw): type {kind} is written as SWITCH: a switch that leads "
                              "nowhere takes its place", said)

    RADIO = """<scenario><networks><network id="9" name="air" type="{kind}"/><network id="8" name="sw" type="SWITCH"/>
</networks><devices><device id="1" name="a" type="PC"><position x="10" y="10"/></device>
<device id="2" name="b" type="PC">{position}</device></devices><links>
<link node1="9" node2="1"><iface2 id="0" ip4="10.0.0.1" ip4_mask="24"/><options delay="5" unidirectional="1"/></link>
<link node1="2" node2="{to}"><iface1 id="0" ip4="10.0.0.2" ip4_mask="24"/></link>{more}</links></scenario>"""

    def test_radio(self):
        """It needs no netem and reaches all. What CORE would not link with a radio is a hub's."""
        right = {"kind": "WIRELESS_LAN", "position": '<position x="900" y="900"/>', "to": "9", "more": ""}
        described, _, said = self.imported(self.RADIO.format(**right))
        self.assertEqual(self.types(described)["air"], "WIRELESS_LAN")
        model, = described.root.find("mobility_configurations")
        self.assertEqual((model.get("node"), model.get("model")), ("9", "basic_range"))
        values = {value.get("name"): int(value.get("value")) for value in model}
        self.assertGreater(values.pop("range"), math.dist((10, 10), (900, 900)))
        self.assertEqual(values, {"bandwidth": 0, "delay": 0, "jitter": 0, "error": 0})
        self.assertEqual(len(described.root.findall("links/link")), 2)
        self.assertEqual(described.root.findall("links/link/options"), [])
        self.assertIn("type WIRELESS_LAN is written with a range that reaches all", said)
        for change in ({"kind": "WIRELESS"}, {"position": ""}, {"to": "8", "more": '<link node1="8" node2="9"/>'}):
            with self.subTest(change):
                described, _, said = self.imported(self.RADIO.format(**{**right, **change}))
                self.assertEqual(self.types(described)["air"], "HUB")
                self.assertEqual(len(described.root.find("mobility_configurations")), 0)
                self.assertIn("is written as HUB: a hub without range or loss takes its place", said)

    def test_static_routes_of_a_router_with_a_mask_of_its_own(self):
        described, scenario, said = self.imported(ODD / "11-import-host-mask.xml")
        a, b = (scenario.node_named(name) for name in "ab")
        self.assertEqual((a.services, b.services), (["IPForward", "StaticRoute"], ["IPForward"]))
        script = b.scripts["ipforward.sh"].splitlines()
        self.assertEqual(script[-1], "ip route add 10.10.1.0/24 via 10.10.0.1")
        for setting in ("ipv4/conf/*/forwarding", "ipv6/conf/*/forwarding", "ipv4/conf/*/rp_filter",
                        "ipv4/conf/*/send_redirects"):
            self.assertIn(f"/proc/sys/net/{setting}", b.scripts["ipforward.sh"])
        self.assertIn("the static routes of b stand in ipforward.sh, since CORE 9.2.1's StaticRoute sets none where an "
                      "address has a mask of /32 or /128", said)
        _, scenario, _ = self.imported(ODD / "9-gateway-to-wireless.imn")
        for device in scenario.devices:
            self.assertEqual("StaticRoute" in device.services, device.name in ("n1", "n2", "n3", "n9"), device.name)

    def test_static_routes_of_who_does_not_forward(self):
        """They stand beside DefaultRoute's own route, if the device has that service."""
        for listed, due in (('<service name="DefaultRoute"/>', "ip -4 route add default via 10.0.0.1\n"), ("", "")):
            _, scenario, said = self.imported(f"""<scenario><devices><device id="1" name="a" type="x"><services>{listed}
<service name="StaticRoute"/></services></device><device id="2" name="b" type="host"><services><service name="SSH"/>
</services></device></devices><links><link node1="1" node2="2">
<iface1 id="0" ip4="10.0.0.9" ip4_mask="24" ip6="fd00::9" ip6_mask="128"/>
<iface2 id="0" ip4="10.0.0.1" ip4_mask="24"/></link></links><service_configurations>
<service name="StaticRoute" node="1"><templates><template name="staticroute.sh">#!/bin/sh
ip route add 10.9.0.0/16 via 10.0.0.1
</template></templates></service></service_configurations></scenario>""")
            a, b = scenario.devices
            self.assertEqual((a.services, a.scripts), (["DefaultRoute"], {
                "defaultroute.sh": f"#!/bin/sh\n{due}ip route add 10.9.0.0/16 via 10.0.0.1\n"}))
            self.assertIn("net.xml: the static routes of a stand in defaultroute.sh", said)
            self.assertEqual((b.services, b.scripts),
                             (["DefaultRoute"], {"defaultroute.sh": "#!/bin/sh\n# There is none.\n"}))

    def test_each_direction_of_parallel_links(self):
        """What CORE takes for a change of the first link must not make the second."""
        link = """<link node1="{1}" node2="{2}"><iface1 id="{0}" ip4="10.0.{0}.{1}" ip4_mask="24"/>
<iface2 id="{0}" ip4="10.0.{0}.{2}" ip4_mask="24"/><options {3}/></link>"""
        links = (link.format(0, 1, 2, 'bandwidth="1000" delay="7" unidirectional="1"') +
                 link.format(1, 1, 2, 'bandwidth="2000" delay="5"') +
                 link.format(1, 2, 1, 'bandwidth="3000" unidirectional="1"'))
        _, scenario, _ = self.imported(f"""<scenario><devices><device id="1" name="a" type="PC"/>
<device id="2" name="b" type="PC"/></devices><links>{links}</links></scenario>""")
        self.assertEqual([[(end.node.name, end.options.bandwidth, end.options.delay) for end in link.ends]
                          for link in scenario.links],
                         [[("a", 1000, 7), ("b", 0, 0)], [("a", 2000, 5), ("b", 3000, 0)]])
        written = ElementTree.parse(self.folder / "new.xml").getroot().findall("links/link")
        joined = set()
        for element in written:  # as CORE reads it
            ids = tuple(element.find(f"iface{i}").get("id") for i in "12")
            if element.find("options").get("unidirectional") == "1" and joined:
                self.assertIn(ids, joined)
            joined.add(ids)
        self.assertEqual(len(written), 4)
        self.assertEqual(written[3].find("options").get("delay"), "0")  # or it would keep the first direction's

    def test_addresses_that_xml_has_no_room_for(self):
        file = self.folder / "net.imn"
        file.write_text("node n1 {\n type router\n model host\n network-config {\ninterface eth0\n"
                        " ipv6 address fd00::1/64\n ip address 10.0.0.1/24\n ip address 10.0.1.1/24\n"
                        " mac address 02-00-00-00-00-07\n}\n interface-peer {eth0 n2}\n}\n"
                        "node n2 {\n type lanswitch\n interface-peer {e0 n1}\n}\nlink l1 {\n nodes {n1 n2}\n}\n")
        _, scenario, said = self.imported(file)
        end, = scenario.node_named("n1").ends
        self.assertEqual((end.mac, *map(str, end.addresses)), ("02:00:00:00:00:07", "10.0.0.1/24", "fd00::1/64"))
        self.assertIn("net.imn:1: node n1: eth0: 10.0.1.1/24 is left out, since CORE's XML has room for one IPv4 "
                      "address", said)


SCENARIO = """<scenario>
<networks><network id="9" name="sw" type="{network}"/></networks>
<devices>
<device id="1" name="{name}" type="PC"><position x="{x}" y="1"/>
<services><service name="StaticRoute"/></services></device>
<device id="{id}" name="b" type="PC"/>
</devices>
<links>
<link node1="1" node2="{node2}">
<iface1 id="{iface}" ip4="{ip4}" ip4_mask="{mask}" mac="{mac}" name="{ifname}"/><iface2 id="0"/>
<options bandwidth="{bandwidth}" loss="{loss}"/></link>
</links>
<service_configurations><service name="StaticRoute" node="{configured}"/></service_configurations>
</scenario>
"""
RIGHT = {"network": "SWITCH", "name": "a", "x": "1", "id": "2", "node2": "2", "iface": "0",
         "ip4": "10.0.0.1", "mask": "24", "mac": "", "ifname": "eth0", "bandwidth": "0", "loss": "0", "configured": "1"}


class WhatIsWrong(unittest.TestCase):
    """The file, the line, the element and the attribute are named, and nothing is written."""

    def refused(self, text: str, name: str = "net.xml") -> str:
        with tempfile.TemporaryDirectory(prefix="ottd-test.") as folder:
            path = pathlib.Path(folder) / name
            path.write_text(text)
            with self.assertRaises(Failure) as raised:
                (imn_file if path.suffix == ".imn" else core_file).read(path)
            self.assertTrue(str(raised.exception).startswith(str(path)))
            return str(raised.exception).replace(str(path), name)

    def test_nothing_is_written(self):
        with tempfile.TemporaryDirectory(prefix="ottd-test.") as folder:
            path = pathlib.Path(folder) / "net.xml"
            path.write_text(SCENARIO.format(**{**RIGHT, "mac": "00:11"}))
            done = subprocess.run([NETLAB, "import", path, path.with_name("new.xml")], capture_output=True, text=True)
            said = f'netlab: {path}:9: link 1 (a - b): iface1: mac="00:11" is no Ethernet address\n'
            self.assertEqual((done.returncode, done.stdout, done.stderr), (1, "", said))
            self.assertFalse(path.with_name("new.xml").exists())

    def test_xml(self):
        for change, said in (
                ({"network": "CLOUD"}, r'net.xml:2: network 9 \(sw\): type="CLOUD" is none of SWITCH'),
                ({"name": "a b"}, r'net.xml:4: device 1 \(a b\): name="a b" is not of letters'),
                ({"name": "b"}, r"net.xml:6: device 2 \(b\): the name 'b' is that of node 1"),
                ({"x": "left"}, r'net.xml:4: device 1 \(a\): position: x="left" is not a number'),
                ({"id": "1"}, r"net.xml:6: device 1 \(b\): the id 1 is that of a"),
                ({"id": "0"}, r'net.xml:6: device: id="0" is not 1 or more'),
                ({"id": "2.5"}, r'net.xml:6: device: id="2.5" is not a whole number'),
                ({"node2": "7"}, r'net.xml:9: link 1: node2="7": there is no such node'),
                ({"node2": "1"}, r"net.xml:9: link 1 \(a - a\): it joins a node with itself"),
                ({"node2": ""}, r"net.xml:9: link 1: it has no node2"),
                ({"iface": "x"}, r'net.xml:9: link 1 \(a - b\): iface1: id="x" is not a whole number'),
                ({"iface": ""}, r"net.xml:9: link 1 \(a - b\): iface1: it has no id"),
                ({"ip4": "10.0.0.256"}, r'link 1 \(a - b\): iface1: ip4="10.0.0.256" ip4_mask="24" is no address'),
                ({"mask": "33"}, r'ip4_mask="33" is no address and prefix length'),
                ({"mac": "00:11"}, r'iface1: mac="00:11" is no Ethernet address'),
                ({"ifname": "an-interface-too-long"}, r'iface1: name="an-interface-too-long" is no interface'),
                ({"bandwidth": "2e6"}, r'options: bandwidth="2e6" is not a whole number'),
                ({"bandwidth": "-1"}, r'options: bandwidth="-1" is not 0 or more'),
                ({"loss": "101"}, r'options: loss="101" is not 0 to 100'),
                ({"loss": "nan"}, r'options: loss="nan" is not 0 to 100'),
                ({"configured": "3"}, r'net.xml:13: service StaticRoute: node="3": there is no such device')):
            with self.subTest(change):
                self.assertRegex(self.refused(SCENARIO.format(**{**RIGHT, **change})), said)
        self.assertRegex(self.refused("<scenario><devices>"), r"net.xml:1: this is not XML: ")
        self.assertRegex(self.refused("<html><body/></html>"), r"net.xml: no <devices> and no <networks> in it")
        done = subprocess.run([NETLAB, "import", "/nowhere.xml", "/nowhere/new.xml"], capture_output=True, text=True)
        self.assertEqual((done.returncode, done.stderr), (1, "netlab: /nowhere.xml: No such file or directory\n"))

    def test_imn(self):
        node = "node n1 {\n type router\n model PC\n network-config {\ninterface eth0\n ip address 10.0.0.1/24\n}\n"
        both = node + " interface-peer {eth0 n2}\n}\n" + node.replace("n1", "n2") + " interface-peer {eth0 n1}\n}\n"
        for text, said in (
                ("node n1 {\n", r"net.imn:1: this brace is never closed"),
                ("nodes\n", r"net.imn:1: 'nodes' begins no whole statement"),
                ("", r"net.imn: there is no node in it"),
                ("node server {\n type router\n}\n", r"net.imn:1: node server: its name has no number"),
                ("node n1 {\n type cloud\n}\n", r"net.imn:1: node n1: type 'cloud' is none of router"),
                (both.replace("10.0.0.1", "10.0.0"), r"node n1: interface eth0: '10.0.0/24' is no address"),
                (both + "link l1 {\n nodes {n1 n3}\n}\n", r"net.imn:\d+: link l1: there is no node n3"),
                (both + "link l1 {\n nodes {n1}\n}\n", r"link l1: nodes {n1} are not two nodes"),
                (node + "}\n" + node.replace("n1", "n2") + "}\nlink l1 {\n nodes {n1 n2}\n}\n",
                 r"link l1: n1 has no interface-peer that leads to n2"),
                (both + "link l1 {\n nodes {n1 n2}\n bandwidth much\n}\n",
                 r"link l1: bandwidth {much} is not a number"),
                (both + "link l1 {\n nodes {n1 n2}\n delay {1 2 3}\n}\n",
                 r"link l1: delay {1 2 3} is not a number for each of two directions"),
                (both + "link l1 {\n nodes {n1 n2}\n ber nan\n}\n", r"link l1: ber {nan} is out of range"),
                (both.replace(" ip address", " mac address", 1), r"eth0: '10.0.0.1/24' is no Ethernet address"),
                (both + 'hook 4:up.sh "never closed', r"net.imn:\d+: this quote is never closed"),
                (both + "traffic", r"net.imn:\d+: 'traffic' begins no whole statement")):
            with self.subTest(text):
                self.assertRegex(self.refused(text, "net.imn"), said)


class Imn(unittest.TestCase):
    NODE = "node {} {{\n type router\n model {}\n network-config {{\n}}\n interface-peer {{eth0 {}}}\n{}}}\n"

    def read(self, *statements) -> core_file.Scenario:
        with tempfile.TemporaryDirectory(prefix="ottd-test.") as folder:
            path = pathlib.Path(folder) / "net.imn"
            path.write_text("".join(statements))
            scenario = imn_file.read(path)
            scenario.warnings = [warning.replace(str(path), path.name) for warning in scenario.warnings]
            return scenario

    def two(self, model: str = "PC", more: str = "") -> str:
        return self.NODE.format("n1", model, "n2", more) + self.NODE.format("n2", "PC", "n1", "")

    def test_values_for_each_direction(self):
        for text, due in (("5", (5, 5)), ("{5 7}", (5, 7)), ("{5 {}}", (5, 0)), ("{{} 7}", (0, 7)), ("{}", (0, 0))):
            for key, option in imn_file.OPTIONS.items():
                link, = self.read(self.two(), f"link l1 {{\n nodes {{n1 n2}}\n {key} {text}\n}}\n").links
                self.assertEqual(tuple(getattr(end.options, option) for end in link.ends), due, f"{key} {text}")

    def test_statements_without_effect(self):
        """Each is one warning; quotes and braces in a script are its own."""
        for statement, due in (("comments {}", []), ("comments {a \"lone quote}", []), ("traffic {\n}", []),
                               ("traffic {\nmgen n1 n2 \"\n}", ["traffic"]),
                               ("plot p1 {\n name {\"}\n}", ["plot p1"]),
                               ("script {#!/bin/sh\n\"}", ["script"]),
                               ('hook 4:up.sh "#!/bin/sh\necho \\"up\\" }{"', ["hook 4:up.sh"]),
                               ("hook 5:down.sh {\n# \\{ it's \"\n}", ["hook 5:down.sh"])):
            with self.subTest(statement):
                scenario = self.read(statement + "\n", self.two(), statement + "\n")
                line = statement.count("\n") + 2 + self.two().count("\n")
                self.assertEqual(scenario.warnings, [f"net.imn:{at}: {name}: it is without effect here"
                                                     for at in (1, line) for name in due])

    def test_models(self):
        for model, more, due in (
                ("prouter", "", []),
                ("OVS", "", ["net.imn:1: node n1: model OVS is none of host, PC, mdr, router, prouter: a device like "
                             "any other takes its place, without any service"]),
                ("OVS", " services {IPForward}\n", ["net.imn:1: node n1: model OVS is none of host, PC, mdr, router, "
                                                    "prouter: a device like any other takes its place"])):
            self.assertEqual(self.read(self.two(model, more)).warnings, due)

    def test_custom_configurations(self):
        for name, due in (("basic_range", ["basic_range"]), ("service:StaticRoute", []), ("service", ["service"]),
                          ("service:zebra:/etc/quagga/Quagga.conf", ["zebra:/etc/quagga/Quagga.conf"]),
                          ("{}", ["without an id"]), ("{}\n # a remark\n addroute 10.0.1.0/24", ["without an id"])):
            more = f" custom-config {{\n custom-config-id {name}\n config {{\n }}\n }}\n"
            self.assertEqual(self.read(self.two(more=more)).warnings,
                             [f"net.imn:1: node n1: custom-config {what} is left out" for what in due])


if __name__ == "__main__":
    unittest.main()
