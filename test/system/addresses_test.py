"""Identities and the addresses they are reached by: IPv6, routers, address translation, unlike hello intervals."""

import os
import shutil
import socket
import struct
import subprocess
import time
import unittest

from overlay import Overlay, wait_for_more_frames, what_lacks_for_namespaces

STREAM = "p=pattern:160x120@30"


def ack_of(address: str) -> bytes:
    """PROTOCOL.md: an ACK of a client with this one id."""
    greeting = struct.pack(">BQIQ", 2, 1, 100, 0)
    id_ = bytes(10) + b"\xFF\xFF" + socket.inet_aton(address) + struct.pack(">H", 7000)
    body = greeting + struct.pack(">H", 1) + id_
    return struct.pack(">BBBBI", 2, 1, 0, 0, len(body)) + body


class OwnAddresses(Overlay):
    """An overlay in a network namespace, with an address of its own choice for each node."""

    def __init__(self, links: str, prefix: str, further=()):
        super().__init__(links, isolated=True)
        self.own_prefix, self.further = prefix, list(further)

    def __enter__(self):
        super().__enter__()
        try:
            self.address = {name: f"{self.own_prefix}{i + 1}" for i, name in enumerate(self.names)}
            for address in [*self.address.values(), *self.further]:
                nodad = ["nodad"] if ":" in address else []
                self.inside("ip", "address", "add", address, "dev", "lo", *nodad)
        except BaseException:
            self.end(failed=True)
            raise
        return self

    def inside(self, *command, **options):
        return subprocess.run([*self.prefix, *command], check=True, capture_output=True, text=True, **options)


class Addresses(unittest.TestCase):
    def setUp(self):
        if lacking := what_lacks_for_namespaces():
            self.skipTest(lacking)

    def assert_all_watch(self, *clients):
        wait_for_more_frames(clients, 20)
        for client in clients:
            client.terminate()
            final = client.final()
            self.assertEqual((final["frames_lost"], final["frames_duplicate"]), (0, 0))

    def test_ipv6(self):
        """Bootstrapper, relays, a member and two guests, of which one asks the bootstrapper."""
        with OwnAddresses("boot-r1 r1-r2 r2-c1", "fd00::", further=["fd00::99"]) as net:
            net.bootstrap(STREAM)
            net.nodes("r1 r2")
            member = net.client("c1")
            guest = net.guest("g1", "r2")
            asking = net.start("g2", ["--role", "client", "--bootstrap", net.address["boot"], "--id", "fd00::99", "--dump",
                                      net.folder / "g2.frames", "--stats", net.folder / "g2.stats"])
            for client in (member, guest, asking):
                client.wait_for_frames(1)
            asking.wait_for_log(r"attached to fd00::[23] as a guest")
            self.assert_all_watch(member, guest, asking)

    def test_a_node_whose_id_is_not_the_address_that_faces_the_bootstrapper(self):
        """Without --id it learns its id from the bootstrapper, and connects again from that address."""
        with OwnAddresses("boot-r1", "10.9.0.") as net:
            boot = net.bootstrap(STREAM)
            # To an address of its own host the system connects from that same address, which is not r1's.
            node = net.start("r1", ["--role", "node", "--bootstrap", net.address["boot"]])
            node.wait_for_log(f"this is {net.address['r1']}; connecting to the bootstrapper from that address, "
                              f"not from {net.address['boot']}")
            node.wait_for_log("linked with")
            boot.wait_for_log(f"linked with {net.address['r1']}")
            self.assertEqual(boot.said("refused"), [])
            self.assert_all_watch(net.guest("g1", "r1"))

    def test_a_bootstrapper_behind_an_address_translation(self):
        """It is connected to by the address that was given, the first time and again when it is back."""
        if shutil.which("nft") is None:
            self.skipTest("nft (package nftables) is not installed")
        with OwnAddresses("boot-r1 r1-c1", "10.9.0.", further=["10.9.9.9"]) as net:
            net.inside("nft", "-f", "-", input=f"""
                table ip t {{
                    chain translate {{ type nat hook output priority -100;
                        ip daddr 10.9.9.9 tcp dport 7100 dnat to {net.address['boot']}:7000; }}
                    chain only_translated {{ type filter hook output priority 0;
                        ip daddr {net.address['boot']} tcp dport 7000 ct status & dnat != dnat reject with tcp reset; }}
                }}""")
            boot = net.bootstrap(STREAM)
            arguments = ["--role", "node", "--bootstrap", "10.9.9.9:7100", "--id", net.address["r1"]]
            node = net.start("r1", arguments)
            node.wait_for_log("linked with")
            self.assert_all_watch(net.guest("g1", "r1"))
            boot.kill()
            net.processes.remove(boot)
            node.wait_for_log("no bootstrapper at 10.9.9.9:7100")
            net.bootstrap(STREAM)
            node.wait_for_log("linked with", count=2)


class HostNames(unittest.TestCase):
    """--bootstrap and --node take names. The system's own tables of them are in place of those of this machine."""

    def setUp(self):
        if lacking := what_lacks_for_namespaces("m"):
            self.skipTest(lacking)
        self.net = Overlay("boot-r1 r1-c1")
        self.net.__enter__()
        self.addCleanup(self.net.end, show=True)
        self.hosts = self.net.folder / "hosts"
        self.hosts.touch()
        (self.net.folder / "nsswitch.conf").write_text("hosts: files\n")
        unshare = ["unshare", "-m"] if os.geteuid() == 0 else ["unshare", "-rm"]
        mount = 'for f in hosts nsswitch.conf; do mount --bind "$0/$f" /etc/$f || exit 9; done; exec "$@"'
        self.with_hosts = [*unshare, "sh", "-c", mount, str(self.net.folder)]

    def start(self, name, *arguments):
        prefix, self.net.prefix = self.net.prefix, self.with_hosts
        process = self.net.start(name, [*arguments, "--stats", self.net.folder / f"{name}.stats"])
        self.net.prefix = prefix
        return process

    def node(self, bootstrap):
        return self.start("r1", "--role", "node", "--bootstrap", bootstrap, "--id", self.net.address["r1"])

    def say(self, name, *addresses):
        self.hosts.write_text("".join(f"{address} {name}\n" for address in addresses))

    def test_a_name_that_is_not_known_yet(self):
        net = self.net
        net.bootstrap(STREAM)
        node = self.node("boot.test:7000")
        node.wait_for_log("warning .*cannot resolve 'boot.test': .*; trying again until it is known")
        guest = self.start("g1", "--role", "client", "--node", "r1.test", "--duration", "400ms")
        self.assertIn("no frame has come within 400 ms: cannot resolve 'r1.test': ", guest.wait_for_exit(1))
        self.say("boot.test", net.address["boot"])
        node.wait_for_log("linked with")
        self.assertEqual(len(node.said("cannot resolve")), 1)
        self.say("r1.test", net.address["r1"])
        self.start("g2", "--role", "client", "--node", "r1.test", "--frames", "5").wait_for_exit(0)
        self.start("list", "--role", "client", "--list", "--bootstrap", "r1.test").wait_for_exit(0)

    def test_several_addresses(self):
        """Each is tried, the next one at once, and only when none answers there is a word and a pause."""
        net = self.net
        self.say("boot.test", "::1", net.free_address(), net.address["boot"])
        node = self.node("boot.test")
        node.wait_for_log("warning .*no bootstrapper at")
        net.bootstrap(STREAM)
        node.wait_for_log("linked with")
        self.assertEqual(len(node.said("warning")), 1)
        self.say("r1.test", "::1", net.free_address(), net.address["r1"])
        guest = self.start("g1", "--role", "client", "--node", "r1.test", "--frames", "5")
        guest.wait_for_exit(0)
        self.assertEqual(guest.said("warning"), [])

    def test_an_address_that_changes(self):
        net = self.net
        net.bootstrap(STREAM)
        self.say("boot.test", net.free_address())
        node = self.node("boot.test")
        node.wait_for_log(f"no bootstrapper at {net.free_address()}:7000")
        self.say("boot.test", net.address["boot"])
        node.wait_for_log("linked with")

    def test_localhost_and_ports(self):
        net = self.net
        net.use_ipv6()
        net.bootstrap(STREAM)
        port = net.address["boot"].rpartition(":")[2]
        self.say("localhost", "127.0.0.1", "::1")
        for place in (f"localhost:{port}", f"[::1]:{port}"):
            self.start("g1", "--role", "client", "--node", place, "--frames", "5").wait_for_exit(0)
        self.node(f"localhost:{port}").wait_for_log("linked with")


class Intervals(unittest.TestCase):
    def test_two_ends_with_unlike_hello_intervals(self):
        """Neither takes the other for dead, in several seconds."""
        with Overlay("boot-r1 r1-c1") as net:
            processes = [net.bootstrap(STREAM, flags=["--heartbeat", "500ms"]), net.node("r1", "--heartbeat", "100ms"),
                         net.client("c1", "--heartbeat", "500ms")]
            processes[2].wait_for_frames(1)
            time.sleep(6)
            for process in processes:
                self.assertEqual(process.said("taken for dead|nothing heard|connection lost"), [], process.name)
            self.assert_linked_once(processes)

    def assert_linked_once(self, processes):
        for process, links in zip(processes, (1, 2, 1)):
            self.assertEqual(len(process.said("linked with")), links, process.name)


class Impostors(unittest.TestCase):
    def test_another_address_with_a_nodes_id(self):
        """It gets nothing from the bootstrapper or a node, and the node that has the id is not disturbed."""
        with Overlay("boot-r1 r1-c1") as net:
            boot, relay = net.bootstrap(STREAM), net.node("r1")
            client = net.client("c1")
            client.wait_for_frames(1)
            for process, name in ((boot, "boot"), (relay, "r1")):
                with socket.create_connection(net.socket_address(name), timeout=40,
                                              source_address=(net.free_address(), 0)) as peer:
                    peer.sendall(ack_of(net.address["c1"]))
                    with peer.makefile("rb") as answer:
                        said = answer.read()  # a BYE, and the end
                    self.assertEqual((said[1], said[8]), (14, 11))
                    text = said[11:].decode()
                    self.assertIn(f"{net.address['c1']} is not believed from {net.free_address()}", text)
                    self.assertIn("--id", text)
                process.wait_for_log(f"refused {net.free_address()}:.*{net.address['c1']}")
            wait_for_more_frames([client], 20)
            self.assertEqual(len(client.said("linked with")), 1)


if __name__ == "__main__":
    unittest.main()
