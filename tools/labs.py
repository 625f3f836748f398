"""The network of a CORE scenario, made of namespaces, bridges and veth pairs: a lab. Several live side by side.

The namespaces of a lab are called ottd.LAB.NODE. A folder RUN/LAB says what it was made from; its lock is held while
the lab is being made or removed. So what is left of a tool that was killed is known for what it is: a lab that is not
whole, or one whose owner is there no more.
"""

import concurrent.futures
import contextlib
import errno
import fcntl
import json
import os
import pathlib
import re
import selectors
import shutil
import socket
import subprocess
import tempfile
import threading
import time

import core_file
import link_options
import offloads
import routes
from lab import Failure
from namespaces import enter, inside_of, kill_processes, namespaces, processes_in, remove_namespaces, run

RUN = pathlib.Path("/run/ottd-netlab")
NAMESPACES = pathlib.Path("/run/netns")
PREFIX = "ottd."
NAME = re.compile(r"[A-Za-z0-9_-]+")
AT_ONCE = 4
SCRIPT_PATIENCE_S = 30
PROBE_S, PROBE_MORE_S, PROBE_AGAIN_S = 3.0, 30.0, 0.25
NO_ROUTE = os.strerror(errno.ENETUNREACH).lower()

# Before its interfaces come: what they inherit.
EVERY_DEVICE = {"ipv6/conf/default/accept_dad": 0, "ipv6/conf/all/keep_addr_on_down": 1,
                "ipv6/conf/default/keep_addr_on_down": 1}
FORWARDING = {"ipv4/ip_forward": 1, "ipv6/conf/all/forwarding": 1, "ipv6/conf/default/forwarding": 1,
              **{f"ipv4/conf/{which}/{what}": 0 for which in ("all", "default")
                 for what in ("rp_filter", "send_redirects")}}
EVERY_NETWORK = {"ipv6/conf/all/disable_ipv6": 1, "ipv6/conf/default/disable_ipv6": 1}


def namespace(lab, node):
    return f"{PREFIX}{lab}.{node}"


def inside(lab, node):
    """The words before a command that is to run in this node."""
    return ["ip", "netns", "exec", namespace(lab, node)]


def name_for(path):
    """A lab's name from its file's."""
    return re.sub(r"[^A-Za-z0-9_-]+", "-", pathlib.Path(path).stem).strip("-") or "lab"


# What there is.

def labs():
    """The names of all labs, and of what is left of any."""
    found = {name.split(".")[1] for name in namespaces() if name.startswith(PREFIX) and name.count(".") == 2}
    with contextlib.suppress(FileNotFoundError):
        found |= {folder.name for folder in RUN.iterdir() if folder.is_dir()}
    return sorted(found)


def state(lab):
    try:
        return json.loads((RUN / lab / "state.json").read_text())
    except (FileNotFoundError, json.JSONDecodeError):
        return {}


def condition(lab):
    said = state(lab)
    if not said.get("whole"):
        return "being made or removed" if is_locked(lab) else "not whole: who made it has died"
    return "left by a run that has died" if owner_has_died(said) else "up"


def start_time(pid):
    """When a process began, in the kernel's ticks: with its id, that is which process it is."""
    try:
        return int(pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19])
    except OSError:
        return None


def owner_has_died(said):
    owner = said.get("owner")
    return owner is not None and start_time(owner[0]) != owner[1]


def is_locked(lab):
    try:
        with locked(lab, make=False):
            return False
    except (Failure, FileNotFoundError):
        return (RUN / lab).exists()


@contextlib.contextmanager
def locked(lab, make=True):
    """Holds the lock of a lab, whose folder is there meanwhile."""
    folder = RUN / lab
    while True:
        if make:
            folder.mkdir(parents=True, exist_ok=True)
        try:
            lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        except FileNotFoundError:
            if make:
                continue
            raise
        try:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise Failure(f"lab {lab} is being made or removed by another process") from None
            with contextlib.suppress(FileNotFoundError):
                if os.stat(folder).st_ino == os.fstat(lock).st_ino:
                    yield folder
                    return
        finally:
            os.close(lock)


# Making and removing.

def up(scenario, lab, owner=None, wire=None, wires=False):
    """Makes it, whole or not at all. Returns warnings. With an owner, a process's id, it is a leftover once that
    process has ended. `wire` is the program; with `wires` all options of all links can be changed later."""
    if not NAME.fullmatch(lab):
        raise Failure(f"{lab!r}: a lab's name is of letters, digits, _ and -")
    remove_leftovers()
    with locked(lab) as folder:
        if state(lab).get("whole"):
            raise Failure(f"lab {lab} is up already (from {state(lab)['file']}); name another with --lab, or take it "
                          "down first")
        remove(lab, folder, keep_folder=True)
        try:
            means = link_options.Means(scenario, wire, wires)
            said = {"file": os.path.abspath(scenario.path), "whole": False,
                    "owner": owner and [owner, start_time(owner)],
                    "nodes": {node.name: node.type for node in scenario.nodes.values()},
                    "mtu": scenario.mtu, "wires": len(means.wires), "ends": means.ends()}
            write_state(folder, said)
            warnings = Builder(scenario, lab, means, folder).build()
            write_state(folder, dict(said, whole=True))
            return warnings
        except BaseException:
            remove(lab, folder)
            raise


def write_state(folder, said):
    (folder / "state.new").write_text(json.dumps(said) + "\n")
    (folder / "state.new").rename(folder / "state.json")


def down(lab):
    if lab not in labs():
        raise Failure(f"there is no lab {lab}; there are: {', '.join(labs()) or 'none'}")
    with locked(lab) as folder:
        remove(lab, folder)


def remove(lab, folder, keep_folder=False):
    remove_namespaces(namespace(lab, ""))
    for path in folder.iterdir():
        path.unlink()
    if not keep_folder:
        folder.rmdir()
        with contextlib.suppress(OSError):
            RUN.rmdir()


def remove_leftovers():
    """Labs whose owner has died. Those that are not whole and have none stay to be looked at."""
    for lab in labs():
        if owner_has_died(state(lab)):
            with contextlib.suppress(Failure):
                down(lab)


class Builder:
    """The steps, each for all nodes before the next."""

    def __init__(self, scenario, lab, means, folder):
        self.scenario, self.lab = scenario, lab
        self.means, self.folder = means, folder
        self.warnings = [*core_file.replaced_networks(scenario), *scenario.warnings]
        self.computed = routes.computed_routes(scenario)

    def namespace(self, node):
        return namespace(self.lab, node.name)

    def each(self, step, nodes):
        with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
            try:
                list(pool.map(step, nodes))
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                for node in self.scenario.nodes.values():  # nothing waits for them
                    kill_processes(self.namespace(node))
                raise

    def build(self):
        if shutil.which("ip") is None or shutil.which("tc") is None:
            raise Failure("ip and tc are not installed (package iproute2)")
        nodes = list(self.scenario.nodes.values())
        names = [self.namespace(node) for node in nodes]
        if self.means.wires:
            names.append(namespace(self.lab, link_options.NAMESPACE))
        run("ip", "-batch", "-", text="".join(f"netns add {name}\n" for name in names))
        self.each(self.prepare, nodes)
        self.connect()
        self.warnings += self.means.warnings()
        self.each(self.set_up, nodes)
        if self.means.wires:
            self.start_wires()
        self.each(self.route, self.scenario.devices)
        self.warnings += unreachable(self.scenario, self.lab)
        return self.warnings

    def shell(self, node, script, what):
        """Runs it in the node. What it leaves running there stays."""
        with tempfile.NamedTemporaryFile("w", suffix=".sh") as file, tempfile.TemporaryFile("w+") as output:
            file.write(script)
            file.flush()
            child = subprocess.Popen(["nsenter", f"--net={NAMESPACES / self.namespace(node)}", "sh", "-e", file.name],
                                     stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT)
            try:
                status = child.wait(SCRIPT_PATIENCE_S)
                output.seek(0)
                said = output.read().replace(f"{file.name}: ", "").strip()
            except subprocess.TimeoutExpired:
                child.kill()
                status, said = child.wait(), f"it has not ended after {SCRIPT_PATIENCE_S} s"
        if status != 0:
            raise Failure(f"{self.scenario.path}: {node.name}: {what}: {said or f'status {status}'}")

    def prepare(self, node):
        if node.is_device:
            settings = dict(EVERY_DEVICE)
            if node.forwards and "ipforward.sh" not in node.scripts:
                settings |= FORWARDING
            lines = ["ip link set lo up"]
        else:
            settings = EVERY_NETWORK
            lines = [f"ip link add name br0 type bridge stp_state 0 mcast_snooping 0"
                     f"{' ageing_time 0' if node.type in core_file.HUBS else ''}", "ip link set br0 up"]
        self.shell(node, "\n".join([*lines, *set_all(settings)]) + "\n", "setting up the namespace")

    def connect(self):
        """All links in the file's order, from a namespace where no interface is in the way."""
        lines, places = [], []
        wires = namespace(self.lab, link_options.NAMESPACE)
        mtu = f" mtu {self.scenario.mtu}" if self.scenario.mtu else ""
        for link in self.scenario.links:
            ends = [f"name {end.name} netns {self.namespace(end.node)}{mtu}" + (f" address {end.mac}" if end.mac else "")
                    for end in link.ends]
            pairs = [ends]
            if wired := [self.means.wire_of[id(end)] for end in link.ends if id(end) in self.means.wire_of]:
                pairs = [(end, f"name l{number}{side} netns {wires}{mtu}") for end, (number, side) in zip(ends, wired)]
            lines += [f"link add {one} type veth peer {other}\n" for one, other in pairs]
            places += [link.place] * len(pairs)
        done = subprocess.run(["unshare", "-n", "ip", "-batch", "-"], input="".join(lines), text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        if done.returncode != 0:
            at = re.search(r"Command failed -:(\d+)", done.stdout)
            place = places[int(at[1]) - 1] if at else self.scenario.path
            raise Failure(f"{place}: cannot be made: {done.stdout.splitlines()[0].removeprefix('RTNETLINK answers: ')}")

    def set_up(self, node):
        """Addresses, and what its interfaces do to what they send; then up."""
        batch, lines = [], []
        for end in node.ends:
            batch += [f"address add {address} dev {end.name}{' nodad' if address.version == 6 else ''}"
                      for address in end.addresses]
            if not node.is_device:
                batch.append(f"link set {end.name} master br0")
            lines += self.means.script(end)
        batch += [f"link set {end.name} up" for end in node.ends]
        inside_of(self.namespace(node), offloads.turn_off, [end.name for end in node.ends])
        self.shell(node, "\n".join(["ip -batch - <<'END'", *batch, "END", *lines]) + "\n", "setting up its interfaces")

    def start_wires(self):
        name = namespace(self.lab, link_options.NAMESPACE)
        ends = [f"l{number}{side}" for number in range(len(self.means.wires)) for side in "ab"]
        run("nsenter", f"--net={NAMESPACES / name}", "sh", "-e", "-c", "\n".join(set_all(EVERY_NETWORK)))
        run("ip", "-n", name, "-batch", "-", text="".join(f"link set {end} up\n" for end in ends))
        inside_of(name, offloads.turn_off, ends)
        self.means.start(NAMESPACES / name, self.folder)

    def route(self, device):
        """Routes as its services find them, all links being up. A script that fails is reported, as in CORE."""
        for file in ("ipforward.sh", "defaultroute.sh"):
            if file in device.scripts:
                self.run_script(device, file)
        if "DefaultRoute" in device.services and "defaultroute.sh" not in device.scripts:
            own = {address.ip for end in device.ends for address in end.addresses}
            for gateway in routes.default_gateways(device):
                if gateway not in own:
                    self.shell(device, f"ip -{gateway.version} route add default via {gateway}\n", "DefaultRoute")
        if computed := self.computed.get(device.name):
            self.shell(device, "ip -batch - <<'END'\n" + "".join(
                f"route add {route.words} metric 20\n" for route in computed) + "END\n", "computed routes")
        if "staticroute.sh" in device.scripts:
            self.run_script(device, "staticroute.sh")

    def run_script(self, device, file):
        try:
            self.shell(device, device.scripts[file], f"service script {file}")
        except Failure as failure:
            self.warnings.append(f"{failure}: the rest of this script is not run")


def set_all(settings):
    """Lines for a shell that set those of them that this kernel has."""
    return [f"test ! -e /proc/sys/net/{key} || echo {value} >/proc/sys/net/{key}" for key, value in settings.items()]


# Links that go down and come back.

def set_link(lab, node, interface, to):
    """A link that goes down takes its routes with it: they are kept, to be there again when it comes back."""
    here = namespace(lab, node)
    kept = RUN / lab / f"routes.{node}.{interface.replace('/', '_')}"
    if to == "down":
        found = [f"-{version} route replace {re.sub(r' (linkdown|dead)', '', line).strip()} dev {interface}\n"
                 for version in (4, 6)
                 for line in run("ip", "-n", here, f"-{version}", "route", "show", "dev", interface).splitlines()
                 if "proto kernel" not in line]
        run("ip", "-n", here, "link", "set", interface, "down")
        if found or not kept.exists():  # told twice, there is nothing to keep
            kept.write_text("".join(found))
    else:
        run("ip", "-n", here, "link", "set", interface, "up")
        with contextlib.suppress(FileNotFoundError):
            for line in sorted(kept.read_text().splitlines(), key=lambda line: " via " in line):  # gateways first
                run("ip", "-n", here, *line.split())
            kept.unlink()


def change_link(lab, node, interface, words):
    """Changes what is done to what the interface sends: these options, and the others stay."""
    with locked(lab) as folder:
        known = state(lab)
        end = known.setdefault("ends", {}).setdefault(node, {}).setdefault(interface, {"words": {}})
        new = link_options.changed(end["words"], words)
        if "wire" in end:
            link_options.tell(folder, end["wire"], end["side"], new, known["mtu"])
        else:
            netem = link_options.needs_wire(new) and link_options.has_netem()
            if link_options.needs_wire(new) and not netem:
                raise Failure(f"{node} {interface}: this kernel has no netem, and the link has no wire that could do "
                              f"'{link_options.said(new)}'; `netlab up --wires` gives one to each link")
            script = link_options.kernel_script(interface, new, known["mtu"], netem, before=end["words"])
            run(*inside(lab, node), "sh", "-e", "-c", "\n".join(script))
        end["words"] = new
        write_state(folder, known)
        return new


# Do all devices reach each other?

def unreachable(scenario, lab):
    """Sentences: one for each route to a gateway that nobody has, and one for each device that does not reach all
    addresses of the others for another reason."""
    addresses = {address.ip: device.name for device in scenario.devices for end in device.ends
                 for address in end.addresses}
    failed = unreachable_pairs(lab, addresses)
    scripted = {device.name for device in scenario.devices if device.scripts} & {
        addresses[address] for source, target, _ in failed for address in (source, target)}
    lost = routes.LostGateways(scenario, {name: "".join(run("ip", "-n", namespace(lab, name), f"-{version}", "route")
                                                        for version in (4, 6)) for name in scripted})
    missing = {}
    for source, target, why in failed:
        if not lost.explain(addresses[source], source, addresses[target], target, why == NO_ROUTE):
            missing.setdefault((addresses[source], why), []).append(f"{target} ({addresses[target]})")
    return lost.sentences + [f"{scenario.path}: {name} does not reach {shortened(targets)}: {why}"
                             for (name, why), targets in missing.items()]


def shortened(words, most=6):
    words = list(dict.fromkeys(words))
    return ", ".join(words[:most]) + (f" and {len(words) - most} more" if len(words) > most else "")


def unreachable_pairs(lab, addresses):
    """Sends a datagram from each of {address: node} to each other, until all have come or nothing more will.
    Returns (from, to, why) for those that have not."""
    sockets = sockets_inside(lab, addresses)
    try:
        left = {(a, b): "no answer" for a in sockets for b in sockets if a != b and a.version == b.version}
        number = {address: i for i, address in enumerate(sockets)}
        by_number = list(sockets)
        deadline, again_at = time.monotonic() + PROBE_S + slowness_s(lab), 0.0
        with selectors.DefaultSelector() as selector:
            for address, probe in sockets.items():
                selector.register(probe, selectors.EVENT_READ, address)
            while left and (now := time.monotonic()) < deadline:
                if now >= again_at:
                    again_at = now + PROBE_AGAIN_S
                    for a, b in left:
                        try:
                            sockets[a].sendto(number[a].to_bytes(4, "big"), sockets[b].getsockname()[:2])
                        except OSError as error:
                            left[a, b] = error.strerror.lower()
                for key, _ in selector.select(max(0.0, again_at - now)):
                    with contextlib.suppress(OSError):  # an error that a datagram brought about, or nothing more
                        while True:
                            source = by_number[int.from_bytes(key.fileobj.recv(16), "big")]
                            left.pop((source, key.data), None)
        return [(a, b, why) for (a, b), why in left.items()]
    finally:
        for probe in sockets.values():
            probe.close()


def slowness_s(lab):
    """How long a packet and what it needs (a request for an address) may take over all links of a lab."""
    delays = [end["words"][word] for ends in state(lab).get("ends", {}).values() for end in ends.values()
              for word in ("delay", "jitter") if word in end["words"]]
    return min(PROBE_MORE_S, 2 * sum(map(link_options.measure, delays)))


def sockets_inside(lab, addresses):
    """A UDP socket on each address in its node. Only a thread can go into a namespace, so one of its own does."""
    sockets, failures = {}, []
    def open_all():
        try:
            for address, node in addresses.items():
                enter(namespace(lab, node))
                family = socket.AF_INET if address.version == 4 else socket.AF_INET6
                probe = socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
                sockets[address] = probe
                probe.bind((str(address), 0))
        except OSError as error:
            failures.append(Failure(f"{lab}: {node}: no socket on {address}: {error.strerror}"))
    thread = threading.Thread(target=open_all)
    thread.start()
    thread.join()
    if failures:
        for probe in sockets.values():
            probe.close()
        raise failures[0]
    return sockets


# What a lab looks like.

def interfaces(lab, node):
    """[(name, is up, [addresses])]."""
    listed = json.loads(run("ip", "-n", namespace(lab, node), "-j", "address", "show"))
    return [(link["ifname"], {"UP", "LOWER_UP"} <= set(link["flags"]),
             [f"{a['local']}/{a['prefixlen']}" for a in link["addr_info"] if a["scope"] != "link"])
            for link in listed if link["ifname"] not in ("lo", "br0")]


def process_count(lab):
    """Of those that were started in its nodes."""
    count = 0
    for name in namespaces():
        if name.startswith(namespace(lab, "")) and not name.endswith("." + link_options.NAMESPACE):
            with contextlib.suppress(Failure):  # it has gone meanwhile
                count += len(processes_in(name))
    return count


def options_said(lab, node, interface):
    """What is done to what it sends, in words, or nothing."""
    end = state(lab).get("ends", {}).get(node, {}).get(interface)
    if end is None:
        return ""
    text = link_options.said(end["words"])
    if "wire" in end and not link_options.answers(RUN / lab, end["wire"]):
        return f"{text} (its wire has ended)".strip()
    return text
