"""Reads descriptions of overlays as public projects write them, for tools/topology: JSON of many shapes. Lines of text
are read by tools/text_shapes.py.

A file becomes entries: a node's names and addresses, and how its neighbours are mentioned there, by name, by address or
by both. What the entries mean together is decided by tools/topology.
"""

import dataclasses
import ipaddress
import json
import re
import unicodedata

DEFAULT_PORT = 7000
COST_MAX = 1_000_000

# Keys in several languages, without accents, capitals, hyphens and underscores.
NEIGHBOURS = set("neighbors neighbours neighbor neighbour neighs nbrs adjacent adjacents adjacency adjacencies peers "
                 "links edges connections conections connectedto connected vizinhos vizinho vizinhanca ligacoes "
                 "conexoes arestas adjacentes pares vecinos vecino conexiones enlaces aristas voisins voisin liens "
                 "connexions".split())
NAMES = set("name id node nodeid hostname label nome no nombre nodo nom noeud identifier".split())
ADDRESSES = set("address addresses addr addrs ip ips ipv4 ipv6 ipaddress ipaddresses names interface interfaces "
                "ifaces possibleinterfaces host hosts endereco enderecos direccion direcciones adresse "
                "adresses".split())
PORTS = {"port", "porta", "puerto"}
COSTS = set("cost weight metric custo peso metrica coste costo cout poids".split())
SECTIONS = set("nodes nos nodos noeuds vertices overlay overlays topology topologia topologie network rede red config "
               "servers servidores serveurs clients clientes relays routers roteadores onodes devices streamers "
               "pops".split())
EDGE_BEGINS = set("source src from begin node1 origem origen de".split())
EDGE_ENDS = set("target dst destination dest to end node2 destino para".split())


class Unusable(Exception):
    """Nothing can be made of a file; the text says which and why."""


@dataclasses.dataclass
class Mention:
    """A node as a file names it: by name, address or both. A neighbour may have the cost of the link."""
    name: str = ""
    address: str = ""
    cost: int = None
    place: str = ""

    def __str__(self):
        return self.address or self.name


@dataclasses.dataclass
class Entry:
    names: list
    addresses: list
    neighbours: list
    place: str


def plain(key):
    """A key without accents, capitals, hyphens and underscores, and an address's without its number."""
    letters = unicodedata.normalize("NFD", str(key).lower())
    word = "".join(letter for letter in letters if letter.isalnum())
    bare = word.rstrip("0123456789")  # ip1, ip2
    return bare if bare in ADDRESSES else word


def address_of(text, port=None):
    """The address as a topology file writes it ("10.0.0.1", "[2001:db8::1]:7001"), or None where there is none. A
    prefix length and the slash before Java's addresses are left out."""
    found = re.fullmatch(r"/?(?:\[([^\]]*)\]|([^\[\]\s]*?))(?:/\d{1,3})?(?::(\d{1,5}))?", text.strip())
    if not found:
        return None
    host, port = found[1] or found[2], found[3] or port
    if text.count(":") > 1 and not found[1]:  # IPv6 without brackets has no port
        host, port = text.strip().removeprefix("/").split("/")[0], None
    try:
        ip = ipaddress.ip_address("127.0.0.1" if host == "localhost" else host)
        port = int(port or DEFAULT_PORT)
    except (ValueError, TypeError):
        return None
    if getattr(ip, "scope_id", None) or not 0 < port < 65536:
        return None
    return written(ip, port)


def written(ip, port):
    if port == DEFAULT_PORT:
        return str(ip)
    return f"{ip}:{port}" if ip.version == 4 else f"[{ip}]:{port}"


def ip_and_port(address):
    """Of an address as address_of() returns it."""
    try:
        return ipaddress.ip_address(address), DEFAULT_PORT
    except ValueError:
        host, _, port = address.rpartition(":")
        return ipaddress.ip_address(host.strip("[]")), int(port)


def ip_of(address):
    return ip_and_port(address)[0]


def words(text):
    return [word.strip("\"'") for word in re.split(r"[\s,;]+", text) if word.strip("\"'")]


class Reader:
    """Collects the entries of one file, and complaints about what it could not use, each with its place."""

    def __init__(self, file, stem):
        self.file, self.stem = file, stem
        self.line = None  # of text
        self.entries, self.complaints, self.unused = [], [], {}

    def complain(self, place, text):
        self.complaints.append(f"{place}: {text}")

    def at(self, pointer):
        return f"{self.file}:{self.line}" if self.line else f"{self.file}: at {pointer or 'the top'}"

    def ignore(self, key, pointer):
        """Keys of other programs occur in each node: they are named once."""
        self.unused.setdefault(str(key), [self.at(pointer), 0])[1] += 1

    def name_unused(self):
        for key, (place, count) in self.unused.items():
            times = f", {count} times," if count > 1 else ""
            self.complain(place, f'"{key}"{times} is without effect here')

    # JSON.

    def read_json(self, text):
        try:
            value = json.loads(text, object_pairs_hook=self.without_doubles)
        except json.JSONDecodeError as error:
            raise Unusable(f"{self.file}:{error.lineno}:{error.colno}: not JSON: {error.msg}") from None
        except RecursionError:
            raise Unusable(f"{self.file}: nested too deep") from None
        if isinstance(value, dict) and self.is_node(value):
            self.add_node(value, "", [] if NAMES & set(map(plain, value)) else [self.stem])  # a file for each node
        else:
            self.read_nodes(value, "")

    def without_doubles(self, pairs):
        found = {}
        for key, value in pairs:
            if key in found:
                self.complain(self.file, f'the key "{key}" is there twice; the last one is taken')
            found[key] = value
        return found

    def read_nodes(self, value, pointer):
        """A list of nodes, or an object with nodes, sections of nodes, or both."""
        if isinstance(value, list):
            for i, item in enumerate(value):
                self.read_item(item, f"{pointer}/{i}")
        elif isinstance(value, dict):
            self.read_object(value, pointer)
        else:
            self.complain(self.at(pointer), f"no nodes, but {json.dumps(value)}")

    def read_item(self, item, pointer):
        if isinstance(item, dict):
            keys = set(map(plain, item))
            if keys & EDGE_BEGINS and keys & EDGE_ENDS:
                self.add_edge_object(item, pointer)
            elif keys & (NEIGHBOURS | NAMES | ADDRESSES):
                self.add_node(item, pointer, [])
            else:
                self.read_object(item, pointer)
        elif isinstance(item, list) and len(item) in (2, 3):
            cost = item[2] if len(item) == 3 else None
            self.add_edge([self.mention(end, pointer) for end in item[:2]], cost, pointer)
        elif mention := self.mention(item, pointer):
            self.add(mention, [], pointer)

    def is_node(self, value):
        """A node itself, in contrast to an object of nodes."""
        for key, inner in value.items():
            if plain(key) in NEIGHBOURS and not self.is_map(inner):
                return not any(plain(other) in SECTIONS and isinstance(value[other], (list, dict)) for other in value)
        return False

    @staticmethod
    def is_map(value):
        """Neighbours of all nodes, by node."""
        return isinstance(value, dict) and bool(value) and all(
            isinstance(inner, list) or
            isinstance(inner, dict) and not set(map(plain, inner)) & (NAMES | ADDRESSES | COSTS)
            for inner in value.values())

    def is_section(self, key, value):
        if plain(key) in SECTIONS:
            return isinstance(value, (list, dict))
        bodies = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
        return plain(key) not in NEIGHBOURS and bool(bodies) and all(
            isinstance(body, dict) and self.is_node(body) for body in bodies)

    def read_object(self, value, pointer):
        keys = {plain(key): key for key in value}
        sections = [key for key, inner in value.items() if self.is_section(key, inner)]
        maps = [key for key, inner in value.items() if plain(key) in NEIGHBOURS | ADDRESSES and isinstance(inner, dict)]
        if not sections and not maps:
            self.read_map(value, pointer)
            return
        for key, inner in value.items():
            place = f"{pointer}/{key}"
            if key in sections or plain(key) in NEIGHBOURS and isinstance(inner, (dict, list)):
                self.read_nodes(inner, place)
            elif key in maps:
                for name, addresses in inner.items():
                    if address_of(name) and isinstance(addresses, (str, int)):  # the names of addresses
                        name, addresses = str(addresses), name
                    self.entries.append(Entry([name], self.addresses(addresses, f"{place}/{name}"), [],
                                              self.at(f"{place}/{name}")))
            elif isinstance(inner, dict) and self.is_node(inner) or isinstance(inner, list) and not keys.keys() & NAMES:
                self.read_map({key: inner}, pointer)
            else:
                self.ignore(key, place)

    def read_map(self, value, pointer):
        """Nodes by name or address: each is its list of neighbours, or an object. Where all are single addresses, these
        are the nodes' own."""
        own = value and all(isinstance(inner, str) and address_of(inner) and not address_of(key)
                            for key, inner in value.items())
        for key, inner in value.items():
            place = f"{pointer}/{key}"
            names = [str(key)]
            if own:
                self.entries.append(Entry(names, self.addresses(inner, place), [], self.at(place)))
            elif isinstance(inner, dict) and (not inner or set(map(plain, inner)) & (NEIGHBOURS | ADDRESSES)):
                self.add_node(inner, place, names)
            elif isinstance(inner, (dict, list, str)):
                entry = Entry([], [], self.neighbours(inner, place), self.at(place))
                self.name(entry, key)
                self.entries.append(entry)
            else:
                self.ignore(key, place)

    def add_node(self, body, pointer, names):
        """A node's object. `names`: by which the file calls it outside of this object."""
        entry = Entry([], [], [], self.at(pointer))
        port = next((body[key] for key in body if plain(key) in PORTS), None)
        for name in names:
            self.name(entry, name, port)
        for key, value in body.items():
            place, kind = f"{pointer}/{key}", plain(key)
            if kind in NEIGHBOURS:
                entry.neighbours += self.neighbours(value, place)
            elif kind in NAMES:
                for name in value if isinstance(value, list) else [value]:
                    self.name(entry, name, port)
            elif kind in ADDRESSES:
                entry.addresses += self.addresses(value, place, port, entry.names if kind == "names" else None)
            elif kind not in PORTS:
                self.ignore(key, place)
        if entry.names or entry.addresses:
            self.entries.append(entry)
        else:
            self.complain(entry.place, "a node without a name and without an address")

    def name(self, entry, name, port=None):
        """A node's name may be its address, or several with something between them."""
        found = [address_of(part, port) for part in re.split(r"[|,;\s]+", str(name))]
        if all(found):
            entry.addresses += found
        elif str(name):
            entry.names.append(str(name))

    def addresses(self, value, pointer, port=None, names=None):
        """Addresses: one, several, or by interface. Words that are none go to `names`, if they may be there."""
        found = []
        if isinstance(value, dict):
            value = list(value.values())
        for item in value if isinstance(value, list) else words(value) if isinstance(value, str) else [value]:
            if isinstance(item, (dict, list)):
                kept = item if isinstance(item, list) else {key: inner for key, inner in item.items()
                                                            if plain(key) in ADDRESSES}
                found += self.addresses(kept, pointer, port, names)
            elif address := address_of(str(item), port):
                found.append(address)
            elif names is not None:
                names.append(str(item))
            else:
                self.complain(self.at(pointer), f"{json.dumps(item)} is not an address")
        return found

    def neighbours(self, value, pointer):
        """Mentions: of a list, of words in a string, or of an object whose keys are names or addresses."""
        if isinstance(value, dict):
            found = [self.mention_by_key(key, inner, f"{pointer}/{key}") for key, inner in value.items()]
        else:
            items = words(value) if isinstance(value, str) else value if isinstance(value, list) else \
                [value] if value is not None else []
            found = [self.mention(item, f"{pointer}/{i}") for i, item in enumerate(items)]
        return [mention for mention in found if mention]

    def mention_by_key(self, key, value, pointer):
        mention = self.mention(key, pointer)
        if mention is None:
            return None
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            mention.cost = self.cost(value, pointer)
        elif value not in (None, True, "", {}, []):
            inner = self.mention(value[0] if isinstance(value, list) else value, pointer)
            if inner:
                mention.address, mention.cost = mention.address or inner.address, inner.cost
                mention.name = mention.name or inner.name
        return mention

    def mention(self, value, pointer):
        """One node: a name, a number, an address, "name:address", [name, address], or an object of these."""
        mention = Mention(place=self.at(pointer))
        if isinstance(value, dict):
            port = next((value[key] for key in value if plain(key) in PORTS), None)
            for key, inner in value.items():
                kind = plain(key)
                if kind in NAMES and not isinstance(inner, (dict, list)):
                    address = address_of(str(inner), port)
                    mention.address, mention.name = address or mention.address, mention.name if address else str(inner)
                elif kind in ADDRESSES:
                    mention.address = next(iter(self.addresses(inner, f"{pointer}/{key}", port)), mention.address)
                elif kind in COSTS:
                    mention.cost = self.cost(inner, f"{pointer}/{key}")
                elif len(value) == 1:
                    return self.mention_by_key(key, inner, f"{pointer}/{key}")
                elif kind not in PORTS:
                    self.ignore(key, f"{pointer}/{key}")
        elif isinstance(value, list) and len(value) == 2 and all(isinstance(part, str) for part in value):
            mention.name, mention.address = value[0], address_of(value[1]) or ""
        elif isinstance(value, str) and value.strip():
            name, mark, address = re.fullmatch(r"(.*?)(?:([:=@])(.*))?", value.strip(), re.S).groups("")
            if found := address_of(value):
                mention.address = found
            elif mark and name and address_of(address):
                mention.name, mention.address = name.strip(), address_of(address)
            else:
                mention.name = value.strip()
        elif isinstance(value, int) and not isinstance(value, bool):
            mention.name = str(value)
        if not mention.name and not mention.address:
            self.complain(mention.place, f"{json.dumps(value)} names no node")
            return None
        return mention

    def cost(self, value, pointer):
        if isinstance(value, str) and value.isdigit():
            value = int(value)
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= COST_MAX:
            return value
        self.complain(self.at(pointer), f"{json.dumps(value)} is no cost, which is an integer from 1 to {COST_MAX}")
        return None

    def add(self, mention, neighbours, pointer):
        """A node of which a mention is all there is, beside its neighbours."""
        if mention:
            names, addresses = ([word] if word else [] for word in (mention.name, mention.address))
            self.entries.append(Entry(names, addresses, neighbours, self.at(pointer)))

    def add_edge_object(self, edge, pointer):
        ends, cost = [], None
        for key, value in edge.items():
            kind, place = plain(key), f"{pointer}/{key}"
            if kind in EDGE_BEGINS | EDGE_ENDS:
                ends.append(self.mention(value, place))
            elif kind in COSTS:
                cost = value
            else:
                self.ignore(key, place)
        self.add_edge(ends, cost, pointer)

    def add_edge(self, ends, cost, pointer):
        if len(ends) != 2 or not all(ends):
            self.complain(self.at(pointer), "an edge has two ends")
            return
        cost = self.cost(cost, pointer) if cost is not None else None
        for end, other in (ends, ends[::-1]):
            self.add(end, [dataclasses.replace(other, cost=cost)], pointer)
