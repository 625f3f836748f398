"""Scenario files of the CORE network emulator: what they say of devices, networks, links and services.

`read` takes the XML of CORE 7 to 9.2. What is wrong with a file is a Failure that names the line, the element and
the attribute; what is right but only a CORE with its daemons, radios and containers can do is named in
`Scenario.warnings`.
"""

import collections
import dataclasses
import ipaddress
import re
import xml.etree.ElementTree as ElementTree
import xml.parsers.expat

from lab import Failure

NAME = re.compile(r"[A-Za-z0-9_-]+")
MAC = re.compile(r"[0-9a-fA-F]{2}([:-][0-9a-fA-F]{2}){5}")
INTERFACE_NAME_MAX = 15
MAKO = re.compile(r"\$\{|^\s*%|<%")  # what a template engine would not leave alone
DEFAULT_SERVICES = {"host": ["DefaultRoute", "SSH"], "PC": ["DefaultRoute"], "mdr": ["zebra", "OSPFv3MDR", "IPForward"],
                    "router": ["zebra", "OSPFv2", "OSPFv3", "IPForward"]}
# Each becomes a bridge; what it then lacks.
NETWORKS = {"SWITCH": "", "HUB": "", "WIRELESS_LAN": "a hub without range or loss takes its place",
            "WIRELESS": "a hub without range or loss takes its place",
            "EMANE": "a hub without a radio model takes its place",
            "RJ45": "a switch that leads nowhere takes its place",
            "TUNNEL": "a switch that leads nowhere takes its place",
            "TAP_BRIDGE": "a switch that leads nowhere takes its place"}
HUBS = {"HUB", "WIRELESS_LAN", "WIRELESS", "EMANE"}
WITHOUT_EFFECT = {"session_hooks": "hook", "mobility_configurations": "mobility_configuration",
                  "emane_configurations": "emane_configuration", "servers": "server"}
ROUTING_SERVICES = {"OSPFv2", "OSPFv3", "OSPFv3MDR", "FRROSPFv2", "FRROSPFv3", "RIP", "RIPNG", "FRRRIP", "FRRRIPNG"}
ROUTING_DAEMONS = {"zebra", "FRRzebra"}
SCRIPT_SERVICES = {"IPForward": "ipforward.sh", "DefaultRoute": "defaultroute.sh", "StaticRoute": "staticroute.sh"}


@dataclasses.dataclass
class Options:
    """What is done to the packets that an end of a link sends; 0 is nothing."""
    bandwidth: int = 0  # bit/s
    delay: int = 0  # microseconds
    jitter: int = 0  # microseconds
    loss: float = 0.0  # percent
    dup: int = 0  # percent
    buffer: int = 0  # packets


@dataclasses.dataclass
class End:
    """One end of a link: an interface of a device, or a port of a network."""
    node: "Node"
    id: int
    name: str
    mac: str = ""
    addresses: list = dataclasses.field(default_factory=list)  # ipaddress.IPv4Interface, IPv6Interface
    options: Options = dataclasses.field(default_factory=Options)


@dataclasses.dataclass
class Link:
    ends: tuple
    place: str
    unidirectional: bool = False  # and its other direction has not been met yet

    def other(self, end):
        return self.ends[1] if end is self.ends[0] else self.ends[0]

    @property
    def where(self):
        """Its place for the warning of another line: "link 2 (a - b), line 12"."""
        _, line, name = self.place.rsplit(":", 2)
        return f"{name.strip()}, line {line}"


@dataclasses.dataclass
class Node:
    id: int
    name: str
    type: str
    is_device: bool
    place: str
    position: tuple = None
    services: list = dataclasses.field(default_factory=list)
    scripts: dict = dataclasses.field(default_factory=dict)  # file's name -> text, of SCRIPT_SERVICES
    ends: list = dataclasses.field(default_factory=list)  # in the order of the links

    @property
    def is_router(self):
        """It exchanges routes with its like."""
        return self.is_device and not ROUTING_SERVICES.isdisjoint(self.services)

    @property
    def forwards(self):
        return "IPForward" in self.services

    def first_end_with_address(self):
        return min((end for end in self.ends if end.addresses), key=lambda end: end.id, default=None)


@dataclasses.dataclass
class Scenario:
    path: str
    nodes: dict = dataclasses.field(default_factory=dict)  # by id
    links: list = dataclasses.field(default_factory=list)
    mtu: int = 0
    warnings: list = dataclasses.field(default_factory=list)

    @property
    def devices(self):
        return [node for node in self.nodes.values() if node.is_device]

    def node_named(self, name):
        return next((node for node in self.nodes.values() if node.name == name), None)

    def add(self, node, place):
        if node.id in self.nodes:
            raise Failure(f"{place}: the id {node.id} is that of {self.nodes[node.id].name}, too")
        if self.node_named(node.name):
            raise Failure(f"{place}: the name {node.name!r} is that of node {self.node_named(node.name).id}, too")
        self.nodes[node.id] = node

    def connect(self, link):
        for end in link.ends:
            if not end.node.is_device:
                end.id, end.name = len(end.node.ends), f"port{len(end.node.ends)}"
            for other in end.node.ends:
                if other.id == end.id:
                    raise Failure(f"{link.place}: {end.node.name} has an interface with the id {end.id} already")
                if other.name == end.name:
                    raise Failure(f"{link.place}: {end.node.name} has an interface {end.name} already")
            end.node.ends.append(end)
        self.links.append(link)

    def segments(self):
        """{id of an End: which piece of Ethernet it is on}: links, joined by switches and hubs."""
        parent = {}
        def find(thing):
            while parent.setdefault(thing, thing) != thing:
                thing = parent[thing]
            return thing
        for link in self.links:
            a, b = (end.node.id if not end.node.is_device else id(end) for end in link.ends)
            parent[find(a)] = find(b)
        return {id(end): find(id(end)) for link in self.links for end in link.ends if end.node.is_device}

    def warn_once_addresses_are_known(self):
        """Of addresses that two have, subnets in two places, and routers that do not forward."""
        self.warnings += [*self.same_addresses(), *self.same_macs(), *self.split_subnets()]
        for device in self.devices:
            if device.is_router and not device.forwards:
                self.warnings.append(f"{self.path}: device {device.id} ({device.name}) runs a routing service "
                                     "without IPForward: it forwards nothing")

    def interfaces(self):
        """(End, Link) of each interface of a device."""
        return [(end, link) for link in self.links for end in link.ends if end.node.is_device]

    def same_addresses(self):
        holder = {}
        for end, link in self.interfaces():
            for address in end.addresses:
                other, at = holder.setdefault(address.ip, (end, link))
                if other is not end:
                    yield f"{link.place}: {address.ip} is an address of both {other.node.name} ({other.name}, " \
                          f"{at.where}) and {end.node.name} ({end.name})"

    def same_macs(self):
        on, holder = self.segments(), {}
        for end, link in self.interfaces():
            other, at = holder.setdefault((on[id(end)], end.mac.lower()), (end, link))
            if end.mac and other is not end:
                yield f"{link.place}: the MAC {end.mac} of {end.name} of {end.node.name} is that of {other.name} of " \
                      f"{other.node.name}, too ({at.where}), on one piece of Ethernet: they take each other's frames"

    def split_subnets(self):
        on, places = self.segments(), collections.defaultdict(dict)  # subnet -> {segment: the first link there}
        for end, link in self.interfaces():
            for network in (address.network for address in end.addresses):
                if network.num_addresses > 1 and not network.is_link_local:
                    places[network].setdefault(on[id(end)], link)
        for network, links in places.items():
            first, *others = links.values()
            for link in others:
                yield f"{link.place}: {network} is the subnet of another, separate link, too ({first.where}): there " \
                      "is no way between the two"


def replaced_networks(scenario):
    """Sentences, one for each network that is not to be had without CORE."""
    return [f"{node.place}: type {node.type} is not to be had here: {NETWORKS[node.type]}"
            for node in scenario.nodes.values() if not node.is_device and NETWORKS[node.type]]


# Reading.

def read(path):
    reader = Reader(str(path))
    return reader.read()


class Reader:
    def __init__(self, path):
        self.path, self.line = path, {}
        self.scenario = Scenario(path)
        self.strange_services = {}  # name -> names of devices

    def read(self):
        root = self.parse()
        # Of several children with one name the first counts, and their order does not.
        self.sections = {child.tag: child for child in reversed(root)}
        for element in self.section("networks"):
            self.read_network(element)
        for element in self.section("devices"):
            self.read_device(element)
        if not self.scenario.nodes:
            raise Failure(f"{self.path}: no <devices> and no <networks> in it: this is no scenario of CORE")
        for number, element in enumerate(self.section("links"), 1):
            self.read_link(element, number)
        for name in ("service_configurations", "configservice_configurations"):
            for element in self.section(name):
                self.read_service_configuration(element)
        self.read_rest()
        for service, names in self.strange_services.items():
            self.warn(f"{self.path}: service {service} ({', '.join(names)}) is not started: it is not known here")
        self.scenario.warn_once_addresses_are_known()
        return self.scenario

    def parse(self):
        """The root element; notes the line of each."""
        builder, parser = ElementTree.TreeBuilder(), xml.parsers.expat.ParserCreate()
        def start(tag, attributes):
            self.line[builder.start(tag, attributes)] = parser.CurrentLineNumber
        parser.StartElementHandler, parser.EndElementHandler = start, builder.end
        parser.CharacterDataHandler = builder.data
        try:
            with open(self.path, "rb") as file:
                parser.ParseFile(file)
        except OSError as error:
            raise Failure(f"{self.path}: {error.strerror}") from None
        except (xml.parsers.expat.ExpatError, ValueError, LookupError) as error:
            raise Failure(f"{self.path}:{parser.CurrentLineNumber}: this is not XML: {error}") from None
        return builder.close()

    def section(self, name):
        return list(self.sections.get(name, ()))

    def warn(self, text):
        self.scenario.warnings.append(text)

    def place(self, element, name=""):
        return f"{self.path}:{self.line[element]}: " + (name or element.tag)

    # Attributes.

    def text(self, element, *names):
        """The first of these attributes that is there and not empty, or ''."""
        return next((value for name in names if (value := element.get(name, "").strip())), "")

    def number(self, element, place, *names, low=0, high=None, kind=int):
        text = self.text(element, *names)
        if not text:
            return 0
        try:
            value = kind(text) if kind is not int or re.fullmatch(r"[+-]?\d+", text) else int_of_zero(text)
        except ValueError:
            what = "a whole number" if kind is int else "a number"
            raise Failure(f"{place}: {names[0]}=\"{text}\" is not {what}") from None
        if not low <= value or (high is not None and not value <= high):
            raise Failure(f"{place}: {names[0]}=\"{text}\" is not " +
                          (f"{low} to {high}" if high is not None else f"{low} or more"))
        return value

    # Nodes.

    def read_node(self, element, is_device):
        place = self.place(element)
        if not element.get("id"):
            raise Failure(f"{place}: it has no id")
        number = self.number(element, place, "id", low=1)
        name = self.text(element, "name") or f"n{number}"
        place = self.place(element, f"{element.tag} {number} ({name})")
        if not NAME.fullmatch(name):
            raise Failure(f"{place}: name=\"{name}\" is not of letters, digits, _ and - alone")
        node = Node(number, name, self.text(element, "type", "model"), is_device, place)
        position = element.find("position")
        if position is not None:
            x, y = (self.number(position, f"{place}: position", axis, kind=float, low=float("-inf"))
                    for axis in ("x", "y"))
            node.position = (x, y) if x and y else None
        self.scenario.add(node, place)
        return node, place

    def read_network(self, element):
        if element.tag != "network":
            raise Failure(f"{self.place(element)}: only <network> stands in <networks>")
        node, place = self.read_node(element, is_device=False)
        if node.type not in NETWORKS:
            raise Failure(f"{place}: type=\"{node.type}\" is none of {', '.join(NETWORKS)}")

    def read_device(self, element):
        if element.tag != "device":
            raise Failure(f"{self.place(element)}: only <device> stands in <devices>")
        node, place = self.read_node(element, is_device=True)
        if container := self.text(element, "class"):
            self.warn(f"{place}: class {container}: a plain namespace takes the container's place")
        named = [self.text(service, "name") for section in ("services", "configservices")
                 for service in element.findall(f"{section}/service")]
        node.services = list(dict.fromkeys(name for name in named if name)) or list(DEFAULT_SERVICES.get(node.type, ()))
        for service in node.services:
            if service not in ROUTING_SERVICES | ROUTING_DAEMONS | SCRIPT_SERVICES.keys():
                self.strange_services.setdefault(service, []).append(node.name)

    # Links.

    def read_link(self, element, number):
        if element.tag != "link":
            raise Failure(f"{self.place(element)}: only <link> stands in <links>")
        place = self.place(element, f"link {number}")
        nodes = []
        for names in (("node1", "node_one"), ("node2", "node_two")):
            text = self.text(element, *names)
            if not text:
                raise Failure(f"{place}: it has no {names[0]}")
            node = self.scenario.nodes.get(self.number(element, place, *names))
            if node is None:
                raise Failure(f"{place}: {names[0]}=\"{text}\": there is no such node")
            nodes.append(node)
        place += f" ({nodes[0].name} - {nodes[1].name})"
        if nodes[0] is nodes[1]:
            raise Failure(f"{place}: it joins a node with itself")
        parts = [next((part for name in names if (part := element.find(name)) is not None), None)
                 for names in (("iface1", "interface_one"), ("iface2", "interface_two"))]
        options, unidirectional = self.read_options(element, place)
        if unidirectional and (end := self.end_of_earlier_link(nodes, parts, place)):
            end.options = options
            return
        ends = tuple(self.read_end(node, part, f"{place}: iface{i}")
                     for i, (node, part) in enumerate(zip(nodes, parts), 1))
        ends[0].options = options
        ends[1].options = Options() if unidirectional else dataclasses.replace(options)
        self.scenario.connect(Link(ends, place, unidirectional))

    def end_of_earlier_link(self, nodes, parts, place):
        """The end that a unidirectional link is about, if it is no link of its own: of an earlier one with these
        interfaces, or that lacks this direction, where the interfaces are not named."""
        for link in self.scenario.links:
            for ends, lacks_it in ((link.ends[::-1], link.unidirectional), (link.ends, False)):
                named = [(end, part) for end, part in zip(ends, parts) if end.node.is_device]
                if [end.node for end in ends] == nodes and (named or lacks_it) and all(
                        lacks_it if part is None else self.number(part, place, "id") == end.id
                        for end, part in named):
                    link.unidirectional = False
                    return ends[0]
        return None

    def read_end(self, node, part, place):
        end = End(node, next(i for i in range(len(node.ends) + 1) if all(other.id != i for other in node.ends)), "")
        end.name = f"eth{end.id}"
        if part is None or not node.is_device:  # a network's end has nothing that counts
            return end
        if not part.get("id", "").strip():
            raise Failure(f"{place}: it has no id")
        end.id = self.number(part, place, "id")
        end.name = self.text(part, "name") or f"eth{end.id}"
        if len(end.name) > INTERFACE_NAME_MAX or not re.fullmatch(r"[^\s/:]+", end.name) or end.name in (".", ".."):
            raise Failure(f"{place}: name=\"{end.name}\" is no interface's name (1 to {INTERFACE_NAME_MAX} characters)")
        end.mac = self.text(part, "mac")
        if end.mac and not MAC.fullmatch(end.mac):
            raise Failure(f"{place}: mac=\"{end.mac}\" is no Ethernet address")
        end.mac = end.mac.replace("-", ":")
        for family, kind in (("ip4", ipaddress.IPv4Interface), ("ip6", ipaddress.IPv6Interface)):
            address, mask = (self.text(part, name) for name in (family, f"{family}_mask"))
            if bool(address) != bool(mask):
                there, missing = (family, f"{family}_mask") if address else (f"{family}_mask", family)
                self.warn(f"{place}: {there} without {missing} gives no address")
            elif address:
                try:
                    end.addresses.append(kind(f"{address}/{mask}"))
                except ValueError:
                    raise Failure(f"{place}: {family}=\"{address}\" {family}_mask=\"{mask}\" is no address and "
                                  "prefix length") from None
        return end

    def read_options(self, element, place):
        part = element.find("options")
        if part is None:
            return Options(), False
        place = f"{place}: options"
        options = Options(bandwidth=self.number(part, place, "bandwidth"), delay=self.number(part, place, "delay"),
                          jitter=self.number(part, place, "jitter"), dup=self.number(part, place, "dup", high=100),
                          loss=self.number(part, place, "loss", "per", kind=float, high=100),
                          buffer=self.number(part, place, "buffer"))
        return options, self.number(part, place, "unidirectional", high=1) == 1

    # Services.

    def read_service_configuration(self, element):
        service, place = element.get("name", ""), self.place(element)
        if element.tag != "service":
            return
        node = self.scenario.nodes.get(self.number(element, place, "node"))
        place = self.place(element, f"service {service}")
        if node is None or not node.is_device:
            raise Failure(f"{place}: node=\"{element.get('node', '')}\": there is no such device")
        place += f" of {node.name}"
        files = [(file, True) for file in element.findall("templates/template")]
        files += [(file, False) for file in element.findall("files/file")]
        if service not in SCRIPT_SERVICES:
            if files:
                self.warn(f"{place}: what it configures is left out")
            return
        if service not in node.services:
            self.warn(f"{place}: the device does not list this service: left out")
            return
        for file, is_template in files:
            name = file.get("name", "").rsplit("/", 1)[-1]
            if name != SCRIPT_SERVICES[service]:
                self.warn(f"{place}: {file.tag} {name}: this service runs {SCRIPT_SERVICES[service]} alone: left out")
                continue
            text = file.text or ""
            node.scripts[name] = self.render(text, self.place(file, f"{name} of {node.name}")) if is_template else text

    def render(self, text, place):
        """What Mako makes of a template, where that needs no Mako."""
        lines = [line for line in text.splitlines() if not line.lstrip().startswith("##")]
        for line in lines:
            if MAKO.search(line):
                self.warn(f"{place}: {line.strip()!r} is for Mako, which CORE has and netlab has not: the script is "
                          "not run")
                return ""
        return "\n".join(lines) + "\n"

    def read_rest(self):
        for name, child in WITHOUT_EFFECT.items():
            if any(element.tag == child for element in self.section(name)):
                self.warn(f"{self.place(self.sections[name])}: it is without effect here")
        for element in self.section("session_options"):
            name, place = element.get("name", ""), self.place(element, f"session option {element.get('name', '')}")
            if name == "mtu":
                self.scenario.mtu = self.number(element, place, "value")
            elif name.startswith(("controlnet", "ovs")) and element.get("value", "") not in ("", "0", "False"):
                self.warn(f"{place}: it is without effect here")


def int_of_zero(text):
    """Some old files write 0.0 for a whole number that is not given."""
    if float(text) == 0:
        return 0
    raise ValueError(text)
