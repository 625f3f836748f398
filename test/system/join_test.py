"""Overlays that find themselves: --join and --discover, without a bootstrapper."""

import pathlib
import shutil
import subprocess
import sys
import time
import unittest

from overlay import OTTD, Overlay, parse_list, wait_for_more_frames, wait_until, what_lacks_for_namespaces
from overlay import what_lacks_for_networks

sys.path.append(str(pathlib.Path(__file__).resolve().parents[2] / "tools"))
from namespaces import Network  # noqa: E402

STREAM = "cam=pattern:160x120@25"


class Joined(Overlay):
    """Processes a, b, c, … with an address each."""

    def __init__(self, names: str, **options):
        pairs = names.split()
        super().__init__(" ".join(f"{pairs[0]}-{name}" for name in pairs[1:]), **options)

    def join(self, name: str, at: str, *flags, role="node", with_id=True, **options):
        """`at`: names, "a,b", or nothing for whoever discovers."""
        arguments = ["--role", role, "--stats", self.folder / f"{name}.stats", *flags]
        if at:
            arguments += ["--join", ",".join(self.address.get(each, each) for each in at.split(","))]
        if with_id:
            arguments += ["--id", self.address[name]]
        return self.start(name, arguments, **options)

    def watch(self, name: str, at: str, *flags, **options):
        return self.join(name, at, "--stream", "cam", "--dump", self.folder / f"{name}.frames", *flags, role="client",
                         **options)

    def linked(self, one, other: str):
        return one.wait_for_log(f"linked with {self.address[other]}( |$)")

    def list_at(self, *flags):
        process = self.start("list", ["--role", "client", "--list", *flags])
        process.wait_for_exit(0)
        return parse_list(process.output())


def peers_of(process) -> set:
    last = process.stats()[-1:]
    return {link["peer"] for line in last for link in line["links"] if link["state"] == "CONNECTED"}


class Join(unittest.TestCase):
    def assert_whole(self, final):
        self.assertGreater(final["frames_received"], 0)
        self.assertEqual((final["frames_lost"], final["frames_duplicate"]), (0, 0))

    def test_five_nodes_and_a_viewer(self):
        """A stream at one is listed at each, and watched by its name from anywhere, through the loss of a node."""
        with Joined("a b c d e v") as net:
            nodes = {"a": net.join("a", "a,b", "--stream", STREAM)}
            for name in "bcde":
                nodes[name] = net.join(name, "a,b")
            for name, node in nodes.items():
                node.wait(lambda node=node: len(peers_of(node)) >= 3, f"three neighbours of {name}")
                self.assertLessEqual(len(peers_of(node)), 8)
            self.assertEqual([row["NAME"] for row in net.list_at("--join", net.address["e"])], ["cam"])
            viewer = net.watch("v", "d")
            wait_for_more_frames([viewer], 20)
            nodes["d"].kill()
            wait_for_more_frames([viewer], 20)
            viewer.terminate()
            self.assert_whole(viewer.final())
            for process in net.processes:
                self.assertEqual(process.said("malformed|no place on this link| refused "), [], process.name)

    def test_nobody_there_yet(self):
        """It is said once; somebody who comes later is found, whoever of the two was told of the other."""
        with Joined("a b c") as net:
            a = net.join("a", "b")
            a.wait_for_log(f"no neighbour at {net.address['b']}: Connection refused; going on trying")
            c = net.join("c", "a")
            net.linked(c, "a")
            b = net.join("b", "b")
            net.linked(b, "a")
            self.assertEqual(len(a.said("warning")), 1)

    def test_names_of_overlays(self):
        with Joined("a b c v") as net:
            a = net.join("a", "a", "--overlay", "one", "--stream", STREAM)
            b = net.join("b", "a", "--overlay", "two")
            b.wait_for_log(f"{net.address['a']} is of the overlay 'one', not of 'two': see --overlay")
            a.wait_for_log("refused .*it is of the overlay 'two', and this is 'one'")
            net.linked(net.join("c", "a", "--overlay", "one"), "a")
            viewer = net.watch("v", "c", "--overlay", "one")
            viewer.wait_for_frames(5)
            self.assertEqual(b.said("linked with"), [])
            stranger = net.start("g", ["--role", "client", "--node", net.address["a"], "--duration", "1s"])
            self.assertIn("is of the overlay 'one', not of 'ott'", stranger.wait_for_exit(1))

    def test_one_identity_twice(self):
        with Joined("a b c") as net:
            a = net.join("a", "a")
            net.linked(net.join("b", "a"), "a")
            again = net.join("b", "a")
            self.assertIn("another process has this identity", again.wait_for_exit(1))
            net.linked(net.join("c", "a"), "a")
            self.assertEqual(len(a.said(f"linked with {net.address['b']}$")), 1)

    def test_a_bootstrapper_besides(self):
        """Its topology rules for the nodes that it has; others join at those of them that are told to take them."""
        with Joined("boot a b v") as net:
            net.links = [("boot", "a")]
            net.names = ["boot", "a"]
            net.bootstrap(STREAM)
            net.names = ["boot", "a", "b", "v"]
            a = net.join("a", "a", "--bootstrap", net.address["boot"])
            net.linked(a, "boot")
            b = net.join("b", "a", "--bootstrap", net.address["boot"])
            net.linked(b, "a")
            b.wait_for_log("topology has no place for this process")
            viewer = net.watch("v", "b")
            viewer.wait_for_frames(10)
            viewer.terminate()
            self.assert_whole(viewer.final())


class Usage(unittest.TestCase):
    def test_wrong_usage(self):
        for flags, text in (
                (["--role", "node"], "--role node needs --bootstrap ADDRESS, --join ADDRESS or --discover"),
                (["--role", "node", "--join", ""], "--join"),
                (["--role", "node", "--join", "1.2.3.4,"], "--join"),
                (["--role", "node", "--join", "1.2.3.4", "--degree", "3"], "--degree 3: write MIN-MAX"),
                (["--role", "node", "--join", "1.2.3.4", "--degree", "3-4"], "--degree 3-4: write MIN-MAX"),
                (["--role", "node", "--join", "1.2.3.4", "--degree", "1-8"], "--degree 1-8: write MIN-MAX"),
                (["--role", "node", "--bootstrap", "1.2.3.4", "--degree", "3-8"], "--degree needs --join or --discover"),
                (["--role", "node", "--join", "1.2.3.4", "--overlay", ""], "--overlay: a name is text"),
                (["--role", "client", "--join", "1.2.3.4", "--node", "1.2.3.4"], "one of them says whom to attach to"),
                (["--role", "bootstrap", "--topology", "x", "--discover"], "--discover is not for --role bootstrap")):
            done = subprocess.run([OTTD, *flags], capture_output=True, text=True, timeout=60)
            self.assertEqual(done.returncode, 2, flags)
            self.assertIn(text, done.stderr)


class Isolated(unittest.TestCase):
    def setUp(self):
        if lacking := what_lacks_for_namespaces():
            self.skipTest(lacking)

    def test_discovery_on_loopback(self):
        """Processes of one host find each other, and a client the stream; those of another name do not."""
        with Joined("a b c other v", isolated=True) as net:
            nodes = [net.join("a", "", "--discover", "--stream", STREAM), net.join("b", "", "--discover"),
                     net.join("c", "", "--discover")]
            other = net.join("other", "", "--discover", "--overlay", "other")
            for node in nodes:
                node.wait_for_log("linked with", count=2)
            viewer = net.watch("v", "", "--discover")
            wait_for_more_frames([viewer], 20)
            self.assertEqual([row["NAME"] for row in net.list_at("--discover", "--id", net.free_address())], ["cam"])
            self.assertEqual(other.said("linked with"), [])

    def test_without_any_address(self):
        """Each takes the host's first address, and the first port from 7000 that is free."""
        with Joined("a b c", isolated=True) as net:
            processes = [net.join(name, "", "--discover", with_id=False) for name in "abc"]
            for process in processes:
                process.wait_for_log("linked with", count=2)
            ids = {process.said("this is ")[0].split("this is ")[1].split(",")[0] for process in processes}
            self.assertEqual(ids, {"127.0.0.1", "127.0.0.1:7001", "127.0.0.1:7002"})

    def test_behind_an_address_translation(self):
        """It is known by the address and port that others see, links outward, and watches as any other."""
        if shutil.which("nft") is None:
            self.skipTest("nft (package nftables) is not installed")
        with Joined("a b v", isolated=True) as net:
            net.address = {name: f"10.9.0.{i + 1}" for i, name in enumerate(net.names)}
            inside = dict(check=True, capture_output=True, text=True)
            for address in [*net.address.values(), "10.9.9.9"]:
                subprocess.run([*net.prefix, "ip", "address", "add", address, "dev", "lo"], **inside)
            subprocess.run([*net.prefix, "nft", "-f", "-"], **inside, input=f"""
                table ip t {{
                    chain translate {{ type nat hook postrouting priority 100;
                        ip saddr {net.address['v']} snat to 10.9.9.9; }}
                }}""")
            net.join("a", "a", "--stream", STREAM)
            b = net.join("b", "a")
            net.linked(b, "a")
            # Without --id, from an address of its own.
            viewer = self.watch_from_own_address(net)
            viewer.wait_for_log("sees this process at 10.9.9.9:.*address translation")
            viewer.wait_for_log("this is 10.9.9.9:.*, as others see it")
            b.wait_for_log("linked with 10.9.9.9:")
            wait_for_more_frames([viewer], 20)
            viewer.terminate()
            final = viewer.final()
            self.assertEqual((final["frames_lost"], final["frames_duplicate"]), (0, 0))

    @staticmethod
    def watch_from_own_address(net):
        """The way to the others begins at the address that is translated."""
        for name in "ab":
            subprocess.run([*net.prefix, "ip", "route", "replace", "local", net.address[name], "dev", "lo", "table",
                            "local", "src", net.address["v"]], check=True)
        return net.watch("v", "a", with_id=False)


class Parted(unittest.TestCase):
    def setUp(self):
        if lacking := what_lacks_for_networks():
            self.skipTest(lacking)

    def test_halves_become_one(self):
        """Six nodes in two halves that hear nothing of each other go on each for itself, and find each other again;
        an interface that goes and comes is no harm."""
        names = "a b c d e f".split()
        addresses = {name: f"10.99.0.{i + 1}" for i, name in enumerate(names)}
        with Network(addresses, "unittest") as network, Joined("a b c d e f") as net:
            net.address = addresses
            nodes = {}
            for name in names:
                net.prefix = network.inside(name)
                nodes[name] = net.join(name, "", "--discover", *(["--stream", STREAM] if name == "a" else []))
            for node in nodes.values():
                node.wait(lambda node=node: len(peers_of(node)) >= 3, "three neighbours")
            net.prefix = network.inside("f")
            viewer = net.start("v", ["--role", "client", "--node", addresses["f"], "--stream", "cam", "--dump",
                                     net.folder / "v.frames"])
            wait_for_more_frames([viewer], 10)
            left, right = names[:3], names[3:]
            for here, there in ((left, right), (right, left)):
                for name in here:
                    network.set_rule(name, "part", "ip saddr { %s } drop" % ", ".join(addresses[n] for n in there))
            for name in names:
                others = {addresses[n] for n in (right if name in left else left)}
                nodes[name].wait(lambda name=name, others=others: not peers_of(nodes[name]) & others, "the halves apart")
            time.sleep(5)
            for name in names:
                network.set_rule(name, "part", None)
            wait_for_more_frames([viewer], 20)
            network.set_link("c", "down")
            nodes["c"].wait(lambda: not peers_of(nodes["c"]), "no neighbour while its interface is down")
            network.set_link("c", "up")
            nodes["c"].wait(lambda: len(peers_of(nodes["c"])) >= 2, "neighbours again")
            wait_until(lambda: viewer.popen.poll() is None, "the viewer lives")


if __name__ == "__main__":
    unittest.main()
