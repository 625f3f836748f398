"""A topology file that changes while the overlay runs, and nodes with several addresses."""

import json
import os
import signal
import subprocess
import unittest

from overlay import Overlay, Process, wait_for_more_frames, wait_until, what_lacks_for_namespaces

STREAM = "p=pattern:160x120@30"


class Changes(unittest.TestCase):
    def rewrite(self, net, links: str) -> None:
        net.links = [tuple(link.split("-")) for link in links.split()]
        net.write_topology()

    def assert_nothing_lost(self, *clients):
        for client in clients:
            client.terminate()
            final = client.final()
            self.assertEqual((final["frames_lost"], final["frames_duplicate"]), (0, 0), client.name)

    def test_a_changed_file_moves_streams_and_loses_nothing(self):
        """The stream of one client moves to another relay. Another client's, whose way stays, is not touched."""
        with Overlay("boot-r1 boot-r2 r1-c1 r2-c1 r1-c2") as net:
            boot = net.bootstrap(STREAM)
            r1, r2 = net.nodes("r1 r2", "--log-level", "debug")
            c1, c2 = net.client("c1"), net.client("c2", "--log-level", "debug")
            for client in (c1, c2):
                client.wait_for_frames(1)
            r1.wait_for_report(rf"stream p: .*to \[.*{net.address['c1']}.*flowing")
            starts = len(c2.said("START p"))

            self.rewrite(net, "boot-r1 boot-r2 r2-c1 r1-c2")
            boot.wait_for_log("topology.json: read again; 2 of the nodes that are here have another place now")
            r2.wait_for_report(rf"stream p: .*to \[{net.address['c1']}\].*flowing")
            r1.wait_for_log("c1.*no neighbours by the topology any more|the topology has changed: 2 neighbours")
            wait_for_more_frames([c1, c2], 30)
            self.assertEqual(len(c2.said("START p")), starts)

            # And back, by SIGHUP, which need not wait until the file has settled.
            self.rewrite(net, "boot-r1 r1-c1 boot-r2 r1-c2")
            boot.send(signal.SIGHUP)
            boot.wait_for_log("read again", count=2)
            r1.wait_for_report(rf"stream p: .*to \[.*{net.address['c1']}.*flowing")
            wait_for_more_frames([c1, c2], 30)
            self.assertEqual(r2.said("warning|error"), [])
            self.assert_nothing_lost(c1, c2)

    def test_a_wrong_file_changes_nothing(self):
        with Overlay("boot-r1 r1-c1") as net:
            boot, r1 = net.bootstrap(STREAM), net.node("r1")
            c1 = net.client("c1")
            c1.wait_for_frames(1)
            for text, why in (("{", "topology.json:1:2: not JSON"), ('{"10.0.0.1": {}}', "it has no node"),
                              ('{"x": {}}', "'x' is not an IPv4 or IPv6 address")):
                (net.folder / "topology.json").write_text(text)
                boot.wait_for_log(rf"{why}.*going on with the topology as it was")
            (net.folder / "topology.json").unlink()
            boot.wait_for_log("topology.json is gone; going on with the topology as it was")
            boot.send(signal.SIGHUP)
            boot.wait_for_log("cannot read .*topology.json: No such file.*going on with the topology as it was")
            wait_for_more_frames([c1], 30)
            self.assertEqual(r1.said("the topology has changed"), [])
            self.rewrite(net, "boot-r1 boot-c1 r1-c1")
            boot.wait_for_log("read again; 1 of the nodes")
            c1.wait_for_log(rf"linked with {net.address['boot']}")
            self.assert_nothing_lost(c1)

    def test_nodes_come_and_go_with_the_file(self):
        """A relay that the file has no more ends when its children have moved, and says why; one that it names
        now can join. A client goes on as a guest."""
        with Overlay("boot-r1 boot-r2 r1-c1 r2-c1 r1-c2 r2-r3") as net:
            self.rewrite(net, "boot-r1 boot-r2 r1-c1 r2-c1 r1-c2 boot-c2")
            net.names.remove("r3")
            boot = net.bootstrap(STREAM)
            r1, r2 = net.nodes("r1 r2")
            c1, c2 = net.client("c1"), net.client("c2")
            for client in (c1, c2):
                client.wait_for_frames(1)
            net.names[:] = ["boot", "r2", "c1", "r3"]
            self.rewrite(net, "boot-r2 r2-c1 r2-r3")
            r1.wait_for_exit(1)
            self.assertTrue(r1.said("error.*the topology has this node no more|error.*not in the topology|"
                                    "error.*no node with the address"), r1.log())
            c2.wait_for_log("attached to .* as a guest")
            net.node("r3").wait_for_log("linked with")
            wait_for_more_frames([c1, c2], 30)
            self.assertEqual(boot.said("error"), [])
            self.assert_nothing_lost(c1)

    def test_addresses_that_a_changed_file_gives_a_node(self):
        """The node listens on them at once, and neighbours that know it by one of them connect there."""
        with Overlay("boot-r1 r1-c1") as net:
            boot, r1 = net.bootstrap(STREAM), net.node("r1")
            nodes = net.topology()
            further = net.free_address(91)
            nodes[net.address["r1"]]["addresses"] = [further]
            nodes[net.address["c1"]]["neighbors"] = [further]
            (net.folder / "topology.json").write_text(json.dumps(nodes))
            boot.wait_for_log("read again")
            r1.wait_for_log(f"listening on {further} port 7000")
            c1 = net.client("c1")
            wait_until(lambda: c1.frame_count() > 30, "frames")
            self.assert_nothing_lost(c1)


class Subnets(unittest.TestCase):
    """Hosts on links of their own, with no route from one link to another."""

    def setUp(self):
        if lacking := what_lacks_for_namespaces():
            self.skipTest(lacking)

    def connect(self, net, subnet: int, one: str, other: str):
        """A link 10.7.SUBNET.0/24 between two hosts, which are 1 and 2 there."""
        pids = [str(self.hosts[name].pid) for name in (one, other)]
        ends = [f"s{subnet}a", f"s{subnet}b"]
        subprocess.run(["nsenter", "-t", pids[0], "-n", "ip", "link", "add", ends[0], "type", "veth", "peer", "name", ends[1],
                        "netns", pids[1]], check=True)
        for i, (pid, end) in enumerate(zip(pids, ends)):
            subprocess.run(["nsenter", "-t", pid, "-n", "ip", "-batch", "-"], check=True, text=True,
                           input=f"address add 10.7.{subnet}.{i + 1}/24 dev {end}\nlink set {end} up\n")

    def host(self, name: str):
        holder = subprocess.Popen(["unshare", "-n", "sh", "-c", "ip link set lo up && echo up && exec cat"],
                                  stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.hosts[name] = holder
        self.addCleanup(lambda: (holder.stdin.close(), holder.stdout.close(), holder.kill(), holder.wait()))
        self.assertEqual(holder.stdout.readline(), b"up\n")

    def start(self, net, name: str, *arguments) -> Process:
        flags = [*arguments, "--stats", net.folder / f"{name}.stats", "--dump", net.folder / f"{name}.frames"]
        if "client" not in arguments:
            flags = flags[:-2]
        process = Process(name, net.folder, flags, prefix=["nsenter", "-t", str(self.hosts[name].pid), "-n"])
        net.processes.append(process)
        return process

    @unittest.skipIf(os.geteuid() != 0, "needs root")
    def test_neighbours_on_subnets_that_do_not_know_each_other(self):
        """A server and a client on two sides of the bootstrapper; a relay and a guest behind it."""
        self.hosts = {}
        with Overlay("x-y") as net:
            for name in ("server", "boot", "relay", "client", "guest"):
                self.host(name)
            self.connect(net, 1, "boot", "server")
            self.connect(net, 2, "boot", "relay")
            self.connect(net, 3, "boot", "client")
            self.connect(net, 4, "relay", "client")
            self.connect(net, 5, "relay", "guest")
            topology = {
                "10.7.1.1": {"name": "boot", "addresses": ["10.7.2.1", "10.7.3.1"],
                             "neighbors": ["10.7.1.2", "10.7.2.2"]},
                "10.7.1.2": {"name": "server", "neighbors": ["10.7.1.1"]},
                "10.7.5.1": {"name": "relay", "addresses": ["10.7.2.2", "10.7.4.1"], "neighbors": ["10.7.2.1", "10.7.4.2"]},
                "10.7.3.2": {"name": "client", "addresses": ["10.7.4.2"], "neighbors": ["10.7.4.1"]},
            }
            path = net.folder / "topology.json"
            path.write_text(json.dumps(topology))
            boot = self.start(net, "boot", "--role", "bootstrap", "--topology", path)
            for address in ("10.7.1.1", "10.7.2.1", "10.7.3.1"):
                boot.wait_for_log(f"listening on {address} port 7000")
            server = self.start(net, "server", "--role", "node", "--bootstrap", "10.7.1.1", "--stream", STREAM)
            relay = self.start(net, "relay", "--role", "node", "--bootstrap", "10.7.2.1")
            relay.wait_for_log("listening on 10.7.5.1 port 7000")
            # A viewer that is there before the stream is known would warn of that.
            net.prefix = ["nsenter", "-t", str(self.hosts["guest"].pid), "-n"]
            wait_until(lambda: "p" in [row["NAME"] for row in net.list_streams("--node", "10.7.5.1")],
                       "the relay knows the stream")
            client = self.start(net, "client", "--role", "client", "--bootstrap", "10.7.3.1", "--stream", "p")
            relay.wait_for_log(r"linked with 10.7.3.2 \(client\)")
            guest = self.start(net, "guest", "--role", "client", "--node", "10.7.5.1", "--stream", "p")
            wait_for_more_frames([client, guest], 30)
            for process in (boot, server, relay, client):
                self.assertEqual(process.said("warning|error"), [], process.name)
            for viewer in (client, guest):
                viewer.terminate()
                self.assertEqual(viewer.final()["frames_lost"], 0)


if __name__ == "__main__":
    unittest.main()
