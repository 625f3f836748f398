"""Scenario files of CORE's older editor (.imn): nested Tcl lists. `read` gives what core_file.read gives for XML."""

import ipaddress
import re

import core_file
from core_file import End, Link, Node, Scenario
from lab import Failure

# The words of each statement, its keyword among them; and which of them do something in CORE that is not done here.
STATEMENTS = {"node": 3, "link": 3, "canvas": 3, "annotation": 3, "option": 3, "comments": 2, "hook": 3, "script": 2,
              "traffic": 2, "plot": 3}
WITHOUT_EFFECT = {"hook", "script", "traffic", "plot"}
NETWORKS = {"lanswitch": "SWITCH", "hub": "HUB", "wlan": "WIRELESS_LAN", "rj45": "RJ45", "tunnel": "TUNNEL"}
OPTIONS = {"bandwidth": "bandwidth", "delay": "delay", "jitter": "jitter", "ber": "loss", "duplicate": "dup"}
QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)
MODELS = [*core_file.DEFAULT_SERVICES, "prouter"]


class Word(str):
    """A word of a Tcl list, and the line that it begins in."""

    def __new__(cls, text, line):
        word = super().__new__(cls, text)
        word.line = line
        return word


def split(text, path, line=1, skip_comments=False):
    """The words of a Tcl list. Braces and quotes that a word begins with keep what is in them together; others are
    plain characters."""
    words, at = [], 0
    while at < len(text):
        begin, began_in = at, line
        if text[at].isspace():
            line += text[at] == "\n"
            at += 1
            continue
        if text[at] == "#" and skip_comments and not text[text.rfind("\n", 0, at) + 1:at].strip():
            at = text.find("\n", at) if "\n" in text[at:] else len(text)
            continue
        if text[at] == "{":
            depth = 0
            while at < len(text):
                depth += (text[at] == "{") - (text[at] == "}")
                at += 2 if text[at] == "\\" else 1
                if depth == 0:
                    break
            if depth != 0:
                raise Failure(f"{path}:{began_in}: this brace is never closed")
            word = text[begin + 1:at - 1]
        elif text[at] == '"':
            closed = QUOTED.match(text, at)
            if not closed:
                raise Failure(f"{path}:{began_in}: this quote is never closed")
            at = closed.end()
            word = text[begin + 1:at - 1]
        else:
            while at < len(text) and not text[at].isspace():
                at += 2 if text[at] == "\\" else 1
            word = text[begin:at]
            if word.startswith("}"):
                raise Failure(f"{path}:{began_in}: this brace closes nothing")
        line += text.count("\n", begin, at)
        words.append(Word(word, began_in))
    return words


def pairs(body, path):
    """A body's words two by two: keys and values. Keys may come again."""
    words = split(body, path, body.line, skip_comments=True)
    if len(words) % 2:
        raise Failure(f"{path}:{words[-1].line}: {words[-1]!r} has no value")
    return list(zip(words[::2], words[1::2]))


class Reader:
    def __init__(self, path):
        self.path, self.scenario = str(path), Scenario(str(path))
        self.node, self.peers, self.addresses, self.macs = {}, {}, {}, {}  # by the name that the file has for a node
        self.strange_services = {}

    def read(self):
        try:
            with open(self.path, encoding="utf-8") as file:
                words = split(file.read(), self.path, skip_comments=True)
        except OSError as error:
            raise Failure(f"{self.path}: {error.strerror}") from None
        except UnicodeDecodeError:
            raise Failure(f"{self.path}: this is not text") from None
        links, at = [], 0
        while at < len(words):
            kind = words[at]
            length = STATEMENTS.get(kind)
            if length is None or at + length > len(words):
                raise Failure(f"{self.path}:{kind.line}: {kind!r} begins no whole statement of an .imn file")
            if kind == "node":
                self.read_node(words[at + 1], words[at + 2])
            elif kind == "link":
                links.append((words[at + 1], words[at + 2]))
            elif kind in WITHOUT_EFFECT and words[at + length - 1].strip():
                name = f" {words[at + 1]}" if length == 3 else ""
                self.warn(f"{self.path}:{kind.line}: {kind}{name}: it is without effect here")
            at += length
        if not self.node:
            raise Failure(f"{self.path}: there is no node in it: this is no .imn file")
        for name, body in links:
            self.read_link(name, body)
        for service, names in self.strange_services.items():
            self.warn(f"{self.path}: service {service} ({', '.join(names)}) is left out: it is not known here")
        self.scenario.warn_once_addresses_are_known()
        return self.scenario

    def warn(self, text):
        self.scenario.warnings.append(text)

    def read_node(self, name, body):
        place = f"{self.path}:{name.line}: node {name}"
        values, configuration, scripts = {}, "", []
        for key, value in pairs(body, self.path):
            if key == "interface-peer":
                interface, _, peer = value.partition(" ")
                self.peers.setdefault(str(name), []).append((interface, peer.strip()))
            elif key == "custom-config":
                words = split(value, self.path, value.line, skip_comments=True)
                scripts.append(dict(zip(words[::2], words[1::2])))
            elif key == "network-config":
                configuration = value
            else:
                values[str(key)] = value
        number = re.search(r"(\d+)$", name)
        if not number or int(number[1]) < 1:
            raise Failure(f"{place}: its name has no number from 1 on, which is to be its id")
        type_ = values.get("type", "")
        is_device = type_ == "router"
        if not is_device and type_ not in NETWORKS:
            raise Failure(f"{place}: type {type_!r} is none of router, {', '.join(NETWORKS)}")
        if not core_file.NAME.fullmatch(name):
            raise Failure(f"{place}: its name is not of letters, digits, _ and - alone")
        kind = values.get("model", "router") if is_device else NETWORKS[type_]
        node = Node(int(number[1]), str(name), str(kind), is_device, place)
        if "iconcoords" in values:
            try:
                x, y = map(float, values["iconcoords"].split())
            except ValueError:
                raise Failure(f"{place}: iconcoords {{{values['iconcoords']}}} are not two numbers") from None
            node.position = (x, y) if x and y else None
        if is_device:
            self.read_services(node, values, scripts, place)
        self.addresses[str(name)], self.macs[str(name)] = self.read_interfaces(configuration, place)
        self.scenario.add(node, place)
        self.node[str(name)] = node

    def read_services(self, node, values, scripts, place):
        node.services = values.get("services", "").split() or list(core_file.DEFAULT_SERVICES.get(node.type, ()))
        if node.type not in MODELS:
            without = "" if node.services else ", without any service"
            self.warn(f"{place}: model {node.type} is none of {', '.join(MODELS)}: a device like any other takes its "
                      f"place{without}")
        for service in node.services:
            if service not in core_file.ROUTING_SERVICES | core_file.ROUTING_DAEMONS | core_file.SCRIPT_SERVICES.keys():
                self.strange_services.setdefault(service, []).append(node.name)
        for script in scripts:
            name = script.get("custom-config-id", "")
            kind, service, file = [*name.split(":", 2), "", ""][:3]
            if kind == "service" and service and not file:
                continue  # the list of the service's files
            file = file.rsplit("/", 1)[-1]
            if kind != "service" or core_file.SCRIPT_SERVICES.get(service) != file:
                self.warn(f"{place}: custom-config {name.removeprefix('service:') or 'without an id'} is left out")
            elif service in node.services:
                lines = [line.strip() for line in script.get("config", "").strip().splitlines()]
                node.scripts[file] = "\n".join(lines) + "\n"

    def read_interfaces(self, configuration, place):
        """{interface: [addresses]} and {interface: MAC} of a network-config."""
        found, macs, interface = {}, {}, None
        for line in configuration.splitlines():
            words = line.split()
            if words[:1] == ["interface"] and len(words) == 2:
                interface = words[1]
                found[interface] = []
            elif words[:2] in (["ip", "address"], ["ipv6", "address"]) and interface and len(words) == 3:
                try:
                    found[interface].append(ipaddress.ip_interface(words[2]))
                except ValueError:
                    raise Failure(f"{place}: interface {interface}: {words[2]!r} is no address") from None
            elif words[:2] == ["mac", "address"] and interface and len(words) == 3:
                if not core_file.MAC.fullmatch(words[2]):
                    raise Failure(f"{place}: interface {interface}: {words[2]!r} is no Ethernet address")
                macs[interface] = words[2].replace("-", ":")
            elif words[:1] in (["!"], ["exit"]):
                interface = None
        return found, macs

    def read_link(self, name, body):
        place = f"{self.path}:{name.line}: link {name}"
        values = {str(key): value for key, value in pairs(body, self.path)}
        names = values.get("nodes", "").split()
        if len(names) != 2 or names[0] == names[1]:
            raise Failure(f"{place}: nodes {{{values.get('nodes', '')}}} are not two nodes")
        for node in names:
            if node not in self.node:
                raise Failure(f"{place}: there is no node {node}")
        ends = tuple(self.end(node, peer, place) for node, peer in (names, names[::-1]))
        for key, option in OPTIONS.items():
            # {a b}: each direction has its own, and an empty one has no limit.
            texts = split(values.get(key, "0"), self.path, name.line) or ["0"]
            if len(texts) > 2:
                raise Failure(f"{place}: {key} {{{values[key]}}} is not a number for each of two directions")
            for end, text in zip(ends, texts * 2 if len(texts) == 1 else texts):
                try:
                    value = float(text or 0) if option == "loss" else int(text or 0)
                except ValueError:
                    raise Failure(f"{place}: {key} {{{values[key]}}} is not a number") from None
                if not 0 <= value or (option in ("loss", "dup") and value > 100):
                    raise Failure(f"{place}: {key} {{{values[key]}}} is out of range")
                setattr(end.options, option, value)
        self.scenario.connect(Link(ends, place))

    def end(self, name, peer, place):
        """The interface that leads to the peer, each once where several do."""
        node = self.node[name]
        if not node.is_device:
            return End(node, 0, "")
        interface = next((name_ for name_, to in self.peers.get(name, []) if to == peer), None)
        if interface is None:
            raise Failure(f"{place}: {name} has no interface-peer that leads to {peer}")
        self.peers[name].remove((interface, peer))
        number = re.fullmatch(r"[A-Za-z]+(\d+)", interface)
        if not number or len(interface) > core_file.INTERFACE_NAME_MAX:
            raise Failure(f"{place}: {name}: {interface!r} is no interface's name")
        return End(node, int(number[1]), interface, self.macs[name].get(interface, ""),
                   self.addresses[name].get(interface, []))


def read(path):
    return Reader(path).read()
