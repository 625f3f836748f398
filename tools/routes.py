"""What a network's routing daemons would find out, worked out from its description: shortest paths by subnets."""

import collections
import ipaddress

from core_file import SCRIPT_SERVICES


def segments(scenario):
    """For each interface of a device, which piece of Ethernet it is on: links, joined by switches and hubs."""
    parent = {}
    def find(thing):
        while parent.setdefault(thing, thing) != thing:
            thing = parent[thing]
        return thing
    for link in scenario.links:
        a, b = (end.node.id if not end.node.is_device else id(end) for end in link.ends)
        parent[find(a)] = find(b)
    return {id(end): find(id(end)) for link in scenario.links for end in link.ends if end.node.is_device}


def computed_routes(scenario):
    """{name of a router: [(network, address of the next router)]}, for the devices with a routing service."""
    on = segments(scenario)
    routers = [device for device in scenario.devices if device.is_router]
    members = collections.defaultdict(list)  # (segment, subnet) -> (router, its address)
    for router in routers:
        for end in router.ends:
            for address in end.addresses:
                members[on[id(end)], address.network].append((router, address.ip))
    return {router.name: [route for version in (4, 6) for route in routes_of(router, version, members, on)]
            for router in routers}


def routes_of(router, version, members, on):
    """Breadth first, each link of one cost; of several ways that of the earliest link in the file."""
    own = {address.network for end in router.ends for address in end.addresses}
    found, seen, waiting = {}, {router.name}, collections.deque([(router, None)])
    while waiting:
        at, first_hop = waiting.popleft()
        for end in at.ends:
            for network in (address.network for address in end.addresses if address.version == version):
                if network not in own:
                    found.setdefault(network, first_hop)
                for neighbour, address in members[on[id(end)], network]:
                    if neighbour.name not in seen:
                        seen.add(neighbour.name)
                        waiting.append((neighbour, first_hop or address))
    return sorted(found.items())


def default_gateways(device):
    """What DefaultRoute goes by: the first host address of each network of the interface with the lowest id."""
    end = device.first_end_with_address()
    found = []
    for address in end.addresses if end else ():
        network = address.network
        if network.num_addresses > 1:
            found.append(ipaddress.ip_address(int(network.network_address) + 1))
    return found


def gateway_problems(scenario):
    """Devices whose default route leads to no device."""
    holders = {address.ip for device in scenario.devices for end in device.ends for address in end.addresses}
    for device in scenario.devices:
        if "DefaultRoute" not in device.services or "defaultroute.sh" in device.scripts:
            continue
        own = {address.ip for end in device.ends for address in end.addresses}
        for gateway in default_gateways(device):
            if gateway not in holders or gateway in own:
                who = "its own" if gateway in own else "nobody's"
                yield (f"{scenario.path}: service DefaultRoute of device {device.id} ({device.name}) leads to "
                       f"{gateway}, which is {who}")


def make_static(scenario):
    """Puts the routes that routing services would find into scripts of StaticRoute, and those services away."""
    for name, routes in computed_routes(scenario).items():
        device = scenario.node_named(name)
        text = device.scripts.get("staticroute.sh", "#!/bin/sh\n")
        if not text.endswith("\n"):
            text += "\n"
        device.scripts["staticroute.sh"] = text + "".join(
            f"ip{' -6' if network.version == 6 else ''} route add {network} via {via}\n" for network, via in routes)
        device.services = [service for service in device.services if service in SCRIPT_SERVICES]
        if "StaticRoute" not in device.services:
            device.services.append("StaticRoute")
