"""Overlays as people run them: the classic one, deep ones and wide ones, viewers that come and go."""

import json
import pathlib
import signal
import subprocess
import time
import unittest

import jpeg
from overlay import Overlay, link_to, made_frames, run_of, wait_for_more_frames, wait_until, what_lacks_for_namespaces

TOPOLOGIES = pathlib.Path(__file__).resolve().parents[2] / "topologies"


def clip(net: Overlay, frames, fps: int = 100) -> str:
    (net.folder / "clip.mjpeg").write_bytes(b"".join(frames))
    return f"film={net.folder}/clip.mjpeg?fps={fps}"


class Scenario(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.frames = made_frames(120)
        cls.pictures = [jpeg.picture(frame) for frame in cls.frames]

    def assert_unharmed(self, client, skipped: int = 0):
        """Its pictures are a run of the source's, and its last statistics agree."""
        run_of(client.pictures(), self.pictures)
        final = client.final()
        self.assertEqual((final["frames_lost"], final["frames_duplicate"], final["frames_skipped"]), (0, 0, skipped))
        self.assertEqual(final["frames_received"], client.frame_count())

    def test_classic_topology(self):
        """The file that comes with the program, its addresses mapped to loopback ones."""
        classic = json.loads((TOPOLOGIES / "classic.json").read_text())
        links = {tuple(sorted((a, b))) for a, node in classic.items() for b in node["neighbors"]}
        names = {"10.0.0.10": "boot", "10.0.0.1": "r1", "10.0.1.2": "r2", "10.0.2.2": "r3", "10.0.3.20": "c1",
                 "10.0.4.20": "c2"}
        with Overlay(" ".join(["boot-r1"] + sorted(f"{names[a]}-{names[b]}" for a, b in links))) as net:
            text = (TOPOLOGIES / "classic.json").read_text()
            for address in sorted(names, key=len, reverse=True):
                text = text.replace(f'"{address}"', f'"{net.address[names[address]]}"')
            net.write_topology = lambda: (net.folder / "classic.json").write_text(text) and net.folder / "classic.json"
            boot = net.bootstrap(clip(net, self.frames))
            _, r2, r3 = net.nodes("r1 r2 r3")
            clients = [net.client("c1", "--frames", "150"), net.client("c2", "--frames", "150")]
            for client in clients:
                client.wait_for_frames(1)
            self.assertRegex(boot.wait_for_report(r"to \[127"), rf"to \[{net.address['r1']}\]")
            self.assertRegex(r2.wait_for_report(r"to \[127"), rf"cost 2.*to \[{net.address['c1']}\]")
            self.assertRegex(r3.wait_for_report(r"to \[127"), rf"cost 2.*to \[{net.address['c2']}\]")
            for client in clients:
                client.wait_for_exit(0)
                self.assert_unharmed(client)
                self.assertEqual(client.final()["hops"], 3)

    def test_a_tree_of_depth_5(self):
        """A branch of a branch at each level, and viewers at every depth."""
        with Overlay("boot-r1 r1-r2 r2-r3 r3-r4 r1-s1 r2-s2 r3-s3 r4-c5 r4-d5 s1-c3 s2-c4 s3-d4 r1-c2") as net:
            net.bootstrap(clip(net, self.frames))
            net.nodes("r1 r2 r3 r4 s1 s2 s3")
            hops = {"c5": 5, "d5": 5, "c4": 4, "d4": 5, "c3": 3, "c2": 2}
            clients = [net.client(name, "--frames", "100") for name in hops]
            for client in clients:
                client.wait_for_exit(0)
                self.assert_unharmed(client)
                self.assertEqual(client.final()["hops"], hops[client.name])

    def test_twenty_viewers(self):
        """Ten members at two relays and ten guests at three, with the stream once on each link."""
        members = [f"m{i}" for i in range(10)]
        links = [f"{'r2' if i % 2 else 'r3'}-{name}" for i, name in enumerate(members)]
        with Overlay(" ".join(["boot-r1 r1-r2 r1-r3"] + links), patient=True) as net:
            boot = net.bootstrap("cam=-", stdin=subprocess.PIPE)
            nodes = net.nodes("r1 r2 r3")
            clients = [net.client(name, "--frames", str(len(self.frames))) for name in members]
            clients += [net.guest(f"g{i}", f"r{1 + i % 3}", "--frames", str(len(self.frames))) for i in range(10)]
            boot.feed(self.frames[0])
            for client in clients:
                client.wait_for_frames(1)
            for i, frame in enumerate(self.frames[1:], start=2):
                boot.feed(frame)
                if i % 10 == 0:  # no faster than the slowest, or it would be a slow viewer and skip
                    for client in clients:
                        wait_until(lambda: client.frame_count() >= i, f"{i} frames at {client.name}")
            for client in clients:
                client.wait_for_exit(0)
                self.assertEqual(client.pictures(), self.pictures)
                self.assertEqual(client.final()["frames_lost"], 0)
            for process, peer in ((boot, "r1"), (nodes[0], "r2"), (nodes[0], "r3")):
                stats = process.wait_for_stats()
                self.assertEqual(link_to(stats, net.address[peer])["frames_out"], len(self.frames))

    def test_a_late_viewer_sees_a_picture_at_once(self):
        """The source stands still after its tenth frame: who comes then sees that one, and no other."""
        with Overlay("boot-r1 r1-c1 r1-r2 r2-c2") as net:
            boot = net.bootstrap("cam=-", stdin=subprocess.PIPE)
            net.nodes("r1 r2")
            early = net.client("c1")
            early.wait_for_log("watching 'cam'")
            for frame in self.frames[:10]:
                boot.feed(frame)
            early.wait(lambda: early.frame_count() and early.pictures()[-1] == self.pictures[9], "the tenth frame")
            late = [net.guest("guest-there", "r1"), net.guest("guest-beyond", "r2"), net.client("c2")]
            for client in late:
                client.wait_for_frames(1)
                self.assertEqual(client.pictures(), [self.pictures[9]])
            boot.feed(self.frames[10])
            for client in late:
                client.wait_for_frames(2)
                client.terminate()
                self.assertEqual(client.pictures(), self.pictures[9:11])
                self.assert_unharmed(client)

    def test_copies_stop_when_viewers_leave(self):
        """Two viewers at one relay, one at another; when all have left, nothing crosses a link any more."""
        with Overlay("boot-r1 r1-c1 r1-r2 r2-c2", patient=True) as net:
            boot = net.bootstrap("cam=-", stdin=subprocess.PIPE)
            r1, r2 = net.nodes("r1 r2")
            c1, c2, guest = net.client("c1"), net.client("c2"), net.guest("guest", "r1")
            for client in (c1, c2, guest):
                client.wait_for_log("watching 'cam'")
            boot.wait_for_report(r"to \[127")
            boot.feed(self.frames[0])
            for client in (c1, c2, guest):
                client.wait_for_frames(1)

            guest.terminate()
            r1.wait(lambda: len(r1.stats()[-1]["links"]) == 3 if r1.stats() else False, "the guest's link is gone")
            boot.feed(self.frames[1])
            c2.wait_for_frames(2)

            c2.terminate(signal.SIGINT)
            r1.wait_for_report(rf"to \[{net.address['c1']}\]")
            for frame in self.frames[2:12]:
                boot.feed(frame)
            c1.wait_for_frames(12)
            self.assertEqual(link_to(r1.wait_for_stats(), net.address["r2"])["frames_out"], 2)
            self.assertEqual(link_to(r2.wait_for_stats(), net.address["r1"])["frames_in"], 2)

            c1.terminate()
            boot.wait_for_report(r"to \[\]")
            before = link_to(boot.wait_for_stats(), net.address["r1"])
            self.assertEqual(before["frames_out"], 12)
            for frame in self.frames[12:]:
                boot.feed(frame)
            boot.popen.stdin.close()
            boot.wait_for_log("standard input has ended after 120 frames")
            after = link_to(boot.wait_for_stats(), net.address["r1"])
            self.assertEqual(after["frames_out"], 12)
            self.assertLess(after["bytes_out"] - before["bytes_out"], 10_000)  # heartbeats and link states only
            for client, count in ((c1, 12), (c2, 2), (guest, 1)):
                self.assertEqual(client.pictures(), self.pictures[:count])
                self.assert_unharmed(client)

    def test_any_order_of_starting(self):
        """Relays and clients are there before the bootstrapper: each says so once, and all find together."""
        with Overlay("boot-r1 r1-r2 r2-c1") as net:
            early = [net.node("r1", wait=False), net.node("r2", wait=False), net.client("c1", "--frames", "50")]
            early.append(net.start("g1", ["--role", "client", "--bootstrap", net.address["boot"], "--frames", "50",
                                          "--dump", net.folder / "g1.frames", "--stats", net.folder / "g1.stats"]))
            early.append(net.guest("g2", "r2", "--frames", "50"))
            for process in early[:4]:
                self.assertIn(net.address["boot"], process.wait_for_log("no bootstrapper at")[0])
            early[4].wait_for_log("no access node answers")
            time.sleep(0.8)  # not to hope by: so that the next tries fail, too, and are not told of
            net.bootstrap(clip(net, self.frames))
            for client in early[2:]:
                client.wait_for_exit(0)
                self.assert_unharmed(client)
            for process in early:
                self.assertEqual(len(process.said("no bootstrapper at|no access node answers")), 1)

    def test_a_stopped_viewer_harms_nobody(self):
        """A member and a guest stand still for three seconds while two others watch; then they go on: the
        guest where the stream is now, the member, whose link was taken for dead, where it was, if the relay's
        history goes back so far."""
        with Overlay("boot-r1 r1-c1 r1-c2") as net:
            net.bootstrap(clip(net, self.frames, fps=30))
            net.node("r1", "--history", "30s")
            stopped = [net.client("c1"), net.guest("g1", "r1")]
            others = [net.client("c2"), net.guest("g2", "r1")]
            for client in stopped + others:
                client.wait_for_frames(5)
            for client in stopped:
                client.send(signal.SIGSTOP)
            before = {client.name: client.frame_count() for client in stopped}
            began = time.monotonic()
            wait_for_more_frames(others, 60)
            others[0].wait(lambda: time.monotonic() - began >= 3, "three seconds")
            for client in stopped:
                self.assertLessEqual(client.frame_count(), before[client.name] + 1)
                client.send(signal.SIGCONT)
            wait_for_more_frames(stopped, 30)
            for client in stopped + others:
                client.terminate()
            for client in others:
                self.assert_unharmed(client)
                self.assertLess(client.final()["gap_ms_max"], 2000)
            self.assertEqual(stopped[0].final()["frames_skipped"], 0)
            self.assertGreater(stopped[1].final()["frames_skipped"], 0)
            for client in stopped:
                final = client.final()
                self.assertGreater(final["gap_ms_max"], 2000)
                self.assertEqual((final["frames_lost"], final["frames_duplicate"]), (0, 0))
                places = [self.pictures.index(picture) for picture in client.pictures()]
                steps = [(b - a) % len(self.pictures) for a, b in zip(places, places[1:])]
                left_out = sum(step - 1 for step in steps)  # but for whole rounds of the clip
                self.assertEqual((final["frames_skipped"] - left_out) % len(self.pictures), 0, places)

    def test_members_and_guests(self):
        """A member is itself in the topology; a guest hangs on its access node, and is its viewer there."""
        with Overlay("boot-r1 r1-c1") as net:
            boot = net.bootstrap(clip(net, self.frames, fps=30))
            r1 = net.node("r1")
            member, guest = net.client("c1"), net.guest("g1", "r1")
            asked = net.start("g2", ["--role", "client", "--bootstrap", net.address["boot"], "--dump",
                                     net.folder / "g2.frames", "--stats", net.folder / "g2.stats"])
            for client in (member, guest, asked):
                client.wait_for_frames(1)
            r1.wait_for_log("guest .* attached", count=2)
            asked.wait_for_log("not in the topology: a guest")
            stats = member.wait_for_stats()
            self.assertEqual(stats["id"], net.address["c1"])
            self.assertEqual({link["peer"] for link in stats["links"]}, {net.address["boot"], net.address["r1"]})
            self.assertEqual({link["peer"]: link["state"] for link in stats["links"]}[net.address["r1"]], "CONNECTED")
            self.assertEqual({link["peer"]: link["state"] for link in stats["links"]}[net.address["boot"]], "OFFLINE")
            for client in (guest, asked):
                self.assertEqual([link["peer"] for link in client.wait_for_stats()["links"]], [net.address["r1"]])
            self.assertEqual(len(boot.wait_for_stats()["links"]), 2)  # r1, and the member for control
            boot.wait(lambda: net.list_streams("--node", net.address["r1"])[0]["VIEWERS"] == "3", "three viewers")

    def test_a_node_publishes(self):
        """Streams of the bootstrapper and of a node at once, each to viewers at the other end."""
        with Overlay("boot-r1 r1-r2 boot-c1 r2-c2") as net:
            net.bootstrap("test=pattern:160x120@30")
            net.node("r1")
            publisher = net.node("r2", "--stream", clip(net, self.frames))
            clients = [net.client("c1", "--stream", "film", "--frames", "100"),
                       net.guest("g1", "boot", "--stream", "film", "--frames", "100")]
            other = net.client("c2", "--stream", "test", "--frames", "20")
            for client in clients:
                client.wait_for_exit(0)
                self.assert_unharmed(client)
                self.assertEqual(client.final()["hops"], 3)
            other.wait_for_exit(0)
            self.assertEqual(other.final()["frames_lost"], 0)
            publisher.wait_for_log("stream 'film': mjpeg 320x180 at 100 frames/s")
            rows = {row["NAME"]: row for row in net.list_streams("--node", net.address["r1"])}
            self.assertEqual({name: row["ORIGIN"] for name, row in rows.items()},
                             {"test": net.address["boot"], "film": net.address["r2"]})

    def test_a_client_finds_the_node_on_its_own_host(self):
        """Without --bootstrap and --node. In a network namespace, where the host's own address is free."""
        lacks = what_lacks_for_namespaces()
        if lacks:
            self.skipTest(lacks)
        with Overlay("boot-r1", isolated=True) as net:
            net.address["r1"] = "127.0.0.1"
            net.bootstrap(clip(net, self.frames))
            net.node("r1")
            client = net.start("own", ["--role", "client", "--frames", "20", "--dump", net.folder / "own.frames"])
            client.wait_for_exit(0)
            run_of(client.pictures(), self.pictures)
            self.assertEqual(client.frame_count(), 20)

    def test_ipv6_with_a_port_each(self):
        with Overlay("boot-r1 r1-r2 r2-c1") as net:
            net.use_ipv6()
            boot = net.bootstrap(clip(net, self.frames))
            net.nodes("r1 r2")
            clients = [net.client("c1", "--frames", "100"), net.guest("g1", "r1", "--frames", "100")]
            for client in clients:
                client.wait_for_exit(0)
                self.assert_unharmed(client)
            self.assertEqual(clients[0].final()["id"], net.address["c1"])
            self.assertEqual(boot.wait_for_stats(fresh=False)["id"], net.address["boot"])


if __name__ == "__main__":
    unittest.main()
