"""What a network's routing daemons would find out, worked out from its description: shortest paths by subnets.

An address with a mask of its own alone (/32, /128), as CORE gives wireless nodes, is a subnet of one. OSPFv3's
extension for such networks (MDR, RFC 5614) makes neighbours of all that hear each other, and finds a host route on the
link to each. So do we: whoever is on one piece of Ethernet hears the others there.
"""

import collections
import dataclasses
import ipaddress
import re


@dataclasses.dataclass(frozen=True)
class Route:
    network: object  # ipaddress.IPv4Network, IPv6Network
    via: object = None  # the next router's address; without it the network is on the link itself
    device: str = ""  # the interface of a network on the link

    @property
    def words(self):
        """As ip takes them."""
        return f"{self.network} via {self.via}" if self.via else f"{self.network} dev {self.device}"


def computed_routes(scenario):
    """{name of a router: [Route]}, for the devices with a routing service. Those on the link come first, since other
    routes lead over them."""
    on = scenario.segments()
    routers = [device for device in scenario.devices if device.is_router]
    members = collections.defaultdict(list)  # (segment, version) -> (router, its address there)
    for router in routers:
        for end in router.ends:
            for address in end.addresses:
                members[on[id(end)], address.version].append((router, address))
    return {router.name: [route for version in (4, 6) for route in routes_of(router, version, members, on)]
            for router in routers}


def routes_of(router, version, members, on):
    """Breadth first, each link of one cost; of several ways that of the earliest link in the file."""
    own = {address.network for end in router.ends for address in end.addresses}
    found, seen, waiting = {}, {router.name}, collections.deque([(router, None)])
    while waiting:
        at, first_hop = waiting.popleft()
        for end in at.ends:
            for address in (address for address in end.addresses if address.version == version):
                if address.network not in own:
                    found.setdefault(address.network, Route(address.network, via=first_hop))
                for neighbour, its in members[on[id(end)], version]:
                    if neighbour.name not in seen and are_neighbours(address, its):
                        seen.add(neighbour.name)
                        waiting.append((neighbour, first_hop or its.ip))
                        if at is router and its.ip in address.network:
                            own.add(its.network)  # it is on the link by our own mask
                        elif at is router:
                            found.setdefault(its.network, Route(its.network, device=end.name))
    return sorted(found.values(), key=lambda route: (route.via is not None, route.network))


def is_alone(address):
    return address.network.num_addresses == 1


def are_neighbours(a, b):
    """Routers with these addresses on one link hear each other: of one subnet, or by the masks of wireless nodes."""
    return (a.network == b.network or (is_alone(a) and (is_alone(b) or a.ip in b.network)) or
            (is_alone(b) and b.ip in a.network))


def default_gateways(device):
    """What DefaultRoute goes by: the first host address of each network of the interface with the lowest id."""
    end = device.first_end_with_address()
    found = []
    for address in end.addresses if end else ():
        network = address.network
        if network.num_addresses > 1:
            found.append(ipaddress.ip_address(int(network.network_address) + 1))
    return found


class LostGateways:
    """The routes that lead to an address that nobody has."""

    def __init__(self, scenario, shown):
        """`shown`: {name of a device: what ip shows of its routes}, of those whose scripts are to be looked at, too."""
        self.device = {device.name: device for device in scenario.devices}
        self.on = scenario.segments()
        self.sentences = []
        self.without_way = set()  # (name of a device, version): its default route is one of them
        holders = {address.ip for device in scenario.devices for end in device.ends for address in end.addresses}
        for device in scenario.devices:
            name = f"device {device.id} ({device.name})"
            if "DefaultRoute" in device.services and "defaultroute.sh" not in device.scripts:
                own = {address.ip for end in device.ends for address in end.addresses}
                for gateway in default_gateways(device):
                    if gateway in own:
                        self.sentences.append(f"{scenario.path}: service DefaultRoute of {name} leads to {gateway}, "
                                              "which is its own")
                    elif gateway not in holders:
                        self.add(device, "default", gateway, f"{scenario.path}: service DefaultRoute of {name}")
            elif found := re.findall(r"(?m)^(\S+) via (\S+)", shown.get(device.name, "")):
                for network, gateway in dict.fromkeys(found):
                    if (gateway := ipaddress.ip_address(gateway)) not in holders:
                        self.add(device, network, gateway, f"{scenario.path}: the route of {name} to {network}")

    def add(self, device, network, gateway, what):
        self.sentences.append(f"{what} leads to {gateway}, which is nobody's")
        if network == "default":
            self.without_way.add((device.name, gateway.version))

    def explain(self, source, source_address, target, target_address, has_no_route):
        """Whether this is why one device does not reach another: what goes there would take such a route, or is for a
        subnet whose gateway is nobody. Who has no route to begin with has that for a reason, unless it could have been
        that gateway."""
        def needs(name, address):
            return (name, address.version) in self.without_way and not any(
                address in own.network for end in self.device[name].ends for own in end.addresses)
        def segments(name):
            return {self.on[id(end)] for end in self.device[name].ends}
        return needs(source, target_address) or (needs(target, source_address) and (
            not has_no_route or not segments(source).isdisjoint(segments(target))))
