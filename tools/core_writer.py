"""XML that any CORE 9.2 opens, of a scenario in whatever form it was: for `netlab import`.

`fit` puts what CORE has in the place of what it may lack: daemons, radios, interfaces of the host. `write` gives the
text.
"""

import dataclasses
from xml.sax.saxutils import quoteattr

import routes
from core_file import MAKO, NETWORKS, SCRIPT_SERVICES
from lab import Failure

INSTEAD = {"EMANE": "HUB", "WIRELESS": "HUB", "RJ45": "SWITCH", "TUNNEL": "SWITCH", "TAP_BRIDGE": "SWITCH"}
# What CORE puts on a WIRELESS_LAN's interfaces of itself needs netem, and its range leaves out who is far away.
OPEN_AIR = {"range": 100_000, "bandwidth": 0, "delay": 0, "jitter": 0, "error": 0}
SHEBANG = "#!/bin/sh\n"
# As IPForward's own ipforward.sh.
FORWARDING = """for file in /proc/sys/net/ipv4/conf/*/forwarding /proc/sys/net/ipv6/conf/*/forwarding; do
  test ! -e $file || echo 1 >$file
done
for file in /proc/sys/net/ipv4/conf/*/rp_filter /proc/sys/net/ipv4/conf/*/send_redirects; do
  echo 0 >$file
done
"""


def fit(scenario):
    """Changes the scenario to what CORE 9.2 has. Returns sentences that say what has become of what."""
    networks = [node for node in scenario.nodes.values() if not node.is_device]
    said = [sentence for network in networks for sentence in fit_network(scenario, network)]
    computed, moved = routes.computed_routes(scenario), {}
    for device in scenario.devices:
        for end in device.ends:
            said += one_address_of_each_version(device, end)
        if device.name in computed:
            add_to_script(device, "StaticRoute", "".join(map(command, computed[device.name])))
        device.services = [service for service in device.services if service in SCRIPT_SERVICES]
        if "StaticRoute" in device.services and has_host_mask(device):
            moved.setdefault(move_static_routes(device), []).append(device.name)
        if not device.services:  # CORE would take the type's, and open nothing where one of them is not installed
            add_to_script(device, "DefaultRoute", "# There is none.\n")
    return said + [f"{scenario.path}: the static routes of {', '.join(names)} stand in {file}, since CORE 9.2.1's "
                   "StaticRoute sets none where an address has a mask of /32 or /128" for file, names in moved.items()]


def fit_network(scenario, node):
    type_ = INSTEAD.get(node.type, node.type)
    if is_radio(node):
        peers = [link.other(end).node for link in scenario.links for end in link.ends if end.node is node]
        if all(peer.is_device and peer.position for peer in peers):
            yield (f"{node.place}: type WIRELESS_LAN is written with a range that reaches all, and without delay, loss "
                   "and limit")
        else:  # CORE links neither a network with it nor a device that is nowhere
            type_ = "HUB"
    if type_ != node.type:
        yield f"{node.place}: type {node.type} is written as {type_}: {NETWORKS[node.type]}"
        node.type = type_


def one_address_of_each_version(device, end):
    first = {address.version: address for address in reversed(end.addresses)}
    for address in end.addresses:
        if address is not first[address.version]:
            yield (f"{device.place}: {end.name}: {address} is left out, since CORE's XML has room for one "
                   f"IPv{address.version} address")
    end.addresses = sorted(first.values(), key=lambda address: address.version)


def has_host_mask(device):
    return any(routes.is_alone(address) for end in device.ends for address in end.addresses)


def command(route):
    return f"ip{' -6' if route.network.version == 6 else ''} route add {route.words}\n"


def add_to_script(device, service, text):
    """Adds to the end of the script of a service, which the device then lists."""
    file = SCRIPT_SERVICES[service]
    script = device.scripts.get(file) or SHEBANG + own_script(device, service)
    device.scripts[file] = script + ("" if script.endswith("\n") else "\n") + text
    if service not in device.services:
        device.services.append(service)


def own_script(device, service):
    """What a service that the device lists does without a script from the file."""
    if service not in device.services:
        return ""
    if service == "IPForward":
        return FORWARDING
    if service == "DefaultRoute":
        own = {address.ip for end in device.ends for address in end.addresses}
        return "".join(f"ip -{gateway.version} route add default via {gateway}\n"
                       for gateway in routes.default_gateways(device) if gateway not in own)
    return ""


def move_static_routes(device):
    """Puts the script of StaticRoute into another service's, whose file it returns."""
    service = "IPForward" if device.forwards else "DefaultRoute"
    device.services.remove("StaticRoute")
    add_to_script(device, service, device.scripts.pop("staticroute.sh", "").removeprefix(SHEBANG))
    return SCRIPT_SERVICES[service]


def is_radio(node):
    return node.type == "WIRELESS_LAN" and not node.is_device


def write(scenario):
    """XML for CORE 9.2 of a scenario that `fit` has seen."""
    lines = ["<?xml version='1.0' encoding='UTF-8'?>", "<scenario>"]
    for tag, nodes in (("network", [node for node in scenario.nodes.values() if not node.is_device]),
                       ("device", scenario.devices)):
        lines.append(f"  <{tag}s>")
        for node in nodes:
            lines.append(f'    <{tag} id="{node.id}" name="{node.name}" type={quoteattr(node.type)}>')
            if node.position:
                lines.append('      <position x="{:.1f}" y="{:.1f}"/>'.format(*node.position))
            if node.is_device:
                services = [f'        <service name="{service}"/>' for service in node.services]
                lines += ["      <services>", *services, "      </services>"]
            lines.append(f"    </{tag}>")
        lines.append(f"  </{tag}s>")
    lines.append("  <links>")
    joined = set()
    for link in scenario.links:
        pair = frozenset(end.node.id for end in link.ends)
        lines += link_lines(link, pair in joined)
        joined.add(pair)
    lines += ["  </links>", "  <service_configurations>"]
    for node in scenario.devices:
        for service, file in SCRIPT_SERVICES.items():
            if node.scripts.get(file) and service in node.services:
                text = as_template(node.scripts[file], f"{scenario.path}: {file} of {node.name}")
                lines += [f'    <service name="{service}" node="{node.id}">', "      <templates>",
                          f'        <template name="{file}"><![CDATA[{text}]]></template>', "      </templates>",
                          "    </service>"]
    lines += ["  </service_configurations>", "  <mobility_configurations>"]
    for node in filter(is_radio, scenario.nodes.values()):
        lines += [f'    <mobility_configuration node="{node.id}" model="basic_range">',
                  *(f'      <configuration name="{name}" value="{value}"/>' for name, value in OPEN_AIR.items()),
                  "    </mobility_configuration>"]
    lines += ["  </mobility_configurations>", "  <session_options>"]
    if scenario.mtu:
        lines.append(f'    <configuration name="mtu" value="{scenario.mtu}"/>')
    return "\n".join([*lines, "  </session_options>", "</scenario>"]) + "\n"


def as_template(script, place):
    """The text of a script that CORE takes for a template of Mako's, and that must come out as it is."""
    lines = []
    for line in script.splitlines():
        if MAKO.search(line) or line.lstrip().startswith("##"):
            if line.lstrip().startswith("#"):
                continue  # a comment
            raise Failure(f"{place}: {line.strip()!r} would be Mako's in a file for CORE 9.2; write it otherwise")
        lines.append(line)
    return ("\n".join(lines) + "\n").replace("]]>", "]]]]><![CDATA[>")


def link_lines(link, joined):
    """A link whose ends have different options is two elements. Where its nodes are joined already, CORE takes any
    unidirectional one for a change of a link, so that the first must not be one. CORE leaves a radio's options out, and
    takes no second element for it."""
    radio = any(is_radio(end.node) for end in link.ends)
    same = radio or link.ends[0].options == link.ends[1].options
    for ends in [link.ends] if same else [link.ends, link.ends[::-1]]:
        is_change = not same and ends[0] is link.ends[1]
        yield f'    <link node1="{ends[0].node.id}" node2="{ends[1].node.id}">'
        for number, end in enumerate(ends, 1):
            words = [f'id="{end.id}"']
            if end.node.is_device:
                words += [f"name={quoteattr(end.name)}"] + ([f'mac="{end.mac}"'] if end.mac else [])
                words += [f'ip{a.version}="{a.ip}" ip{a.version}_mask="{a.network.prefixlen}"' for a in end.addresses]
            yield f"      <iface{number} {' '.join(words)}/>"
        options = [f'{name}="{value:g}"' if name == "loss" else f'{name}="{value}"'
                   for name, value in dataclasses.asdict(ends[0].options).items()
                   if (value or is_change) and not radio]
        if is_change or not (same or joined):
            options.append('unidirectional="1"')
        if options:
            yield f"      <options {' '.join(options)}/>"
        yield "    </link>"
