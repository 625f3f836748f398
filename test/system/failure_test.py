"""Relays that die while frames flow: where another way exists, viewers miss nothing and see nothing twice."""

import signal
import unittest

import jpeg
from overlay import Overlay, link_to, made_frames, run_of, wait_for_more_frames


def access_node_of(line):
    """The one that a guest is attached to now, by a line of its statistics; it measures others besides."""
    return [link["peer"] for link in line["links"] if link["relation"] == "access node"][-1]


class Failures(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.frames = made_frames(120)
        cls.pictures = [jpeg.picture(frame) for frame in cls.frames]

    def film(self, net: Overlay) -> str:
        (net.folder / "clip.mjpeg").write_bytes(b"".join(self.frames))
        return f"film={net.folder}/clip.mjpeg?fps=100"

    def assert_nothing_missed(self, client) -> None:
        client.terminate()
        final = client.final()
        self.assertEqual((final["frames_lost"], final["frames_duplicate"], final["frames_skipped"]), (0, 0, 0))
        self.assertEqual(final["frames_received"], client.frame_count())
        run_of(client.pictures(), self.pictures)

    def test_a_killed_relay(self):
        self.lose_a_relay(lambda relay: relay.kill())

    def test_a_relay_that_is_told_to_stop(self):
        self.lose_a_relay(lambda relay: relay.terminate())

    def test_a_relay_that_hangs(self):
        """Its connections stay, and only its silence tells: what it did not pass on meanwhile is made up for."""
        self.lose_a_relay(lambda relay: relay.send(signal.SIGSTOP))

    def lose_a_relay(self, lose):
        """Of two ways of one length, the one through the smaller address is taken; its relay goes."""
        with Overlay("boot-r1 r1-r2 r1-r3 r2-c1 r3-c1 r2-r4 r3-r4") as net:
            net.bootstrap(self.film(net))
            _, r2, r3, _ = net.nodes("r1 r2 r3 r4")
            member = net.client("c1")
            member.wait_for_log("linked with", count=2)
            guest = net.guest("g1", "r4")
            for client in (member, guest):
                client.wait_for_frames(20)
            carried = link_to(r2.wait_for_stats(), net.address["c1"])
            self.assertGreater(carried["frames_out"], 0)
            lose(r2)
            wait_for_more_frames((member, guest), 60)
            self.assertGreater(link_to(r3.wait_for_stats(), net.address["c1"])["frames_out"], 0)
            for client in (member, guest):
                self.assert_nothing_missed(client)

    def test_a_killed_relay_that_comes_back(self):
        """The dearer way takes over, and the cheaper one when its relay is there again."""
        with Overlay("boot-r1 r1-r2 r1-r3 r2-c1 r3-c1", costs={"r1-r3": 5, "r3-c1": 5}) as net:
            boot = net.bootstrap(self.film(net))
            _, r2, r3 = net.nodes("r1 r2 r3")
            client = net.client("c1")
            client.wait_for_frames(20)
            r2.kill()
            net.processes.remove(r2)
            r3.wait_for_report(rf"stream film: .*to \[{net.address['c1']}\].*flowing")
            wait_for_more_frames([client], 20)
            r2 = net.node("r2")
            r2.wait_for_report(rf"stream film: .*to \[{net.address['c1']}\].*flowing")
            wait_for_more_frames([client], 20)
            r3.wait_for_report(r"routes: 0 streams")
            self.assert_nothing_missed(client)
            boot.wait_for_log("linked with")

    def test_a_member_whose_only_neighbour_stops(self):
        self.lose_the_only_neighbour(lambda n5: n5.terminate())

    def test_a_member_whose_only_neighbour_is_killed(self):
        self.lose_the_only_neighbour(lambda n5: n5.kill())

    def test_a_member_whose_only_neighbour_hangs(self):
        self.lose_the_only_neighbour(lambda n5: n5.send(signal.SIGSTOP))

    def test_a_member_whose_only_neighbour_and_bootstrapper_are_killed(self):
        """It knows other nodes; the stream is n6's."""
        self.lose_the_only_neighbour(lambda n5: n5.kill(), without_bootstrapper=True)

    def lose_the_only_neighbour(self, lose, without_bootstrapper=False):
        """Scenario 2, whose n7 has n5 alone: it goes on as a guest, and is a member again with n5's return."""
        with Overlay("n1-n2 n2-n5 n2-n6 n5-n6 n5-n7 n6-n8") as net:
            boot = net.bootstrap(*([] if without_bootstrapper else [self.film(net)]))
            net.nodes("n2 n5")
            net.node("n6", *(["--stream", self.film(net)] if without_bootstrapper else []))
            n5 = next(process for process in net.processes if process.name == "n5")
            n7, n8 = net.client("n7", "--stream", "film"), net.client("n8", "--stream", "film")
            for client in (n7, n8):
                client.wait_for_frames(20)
            if without_bootstrapper:
                boot.kill()
                n7.wait_for_log("no bootstrapper at")
            lose(n5)
            n7.wait_for_log("no neighbour is left: going on as a guest of ")
            wait_for_more_frames((n7, n8), 60)
            links = {link["peer"]: link for link in n7.wait_for_stats()["links"]}
            access = [link for link in links.values() if link["relation"] == "access node"]
            self.assertEqual([link["state"] for link in access], ["CONNECTED"])
            self.assertIn(access[0]["peer"], [net.address[name] for name in ("n2", "n6")])
            self.assertNotEqual(links.get(net.address["n5"], {}).get("state"), "CONNECTED")

            if n5.popen.poll() is None:
                n5.kill()
            net.processes.remove(n5)
            if without_bootstrapper:
                net.processes.remove(boot)
                net.bootstrap()
            net.node("n5")
            n7.wait_for_log("back as a member: linked with .*n5")
            wait_for_more_frames((n7, n8), 60)
            stats = n7.wait_for_stats(lambda line: len(line["links"]) == 2, "its two links")
            self.assertGreater(link_to(stats, net.address["n5"])["frames_in"], 0)
            for client in (n7, n8):
                self.assert_nothing_missed(client)

    def test_guests_live_on_without_their_access_node(self):
        """The bootstrapper gives them another, and they go on where they were."""
        self.lose_an_access_node(lambda access: access.kill())

    def test_guests_live_on_without_an_access_node_that_hangs(self):
        self.lose_an_access_node(lambda access: access.send(signal.SIGSTOP))

    def test_guests_live_on_without_access_node_and_bootstrapper(self):
        """They know of the other access node, and the stream is a node's."""
        self.lose_an_access_node(lambda access: access.kill(), without_bootstrapper=True)

    def lose_an_access_node(self, lose, without_bootstrapper=False):
        # Guests are offered four access nodes, of equally near ones those with the smaller addresses: not p1.
        with Overlay("boot-r1 boot-r2 boot-r3 boot-r4 r1-p1 r2-p1 r3-p1 r4-p1") as net:
            boot = net.bootstrap("unwatched=pattern:160x120@1")
            relays = {net.address[node.name]: node for node in net.nodes("r1 r2 r3 r4")}
            net.node("p1", "--stream", self.film(net))
            guest = net.start("g1", ["--role", "client", "--bootstrap", net.address["boot"], "--stream", "film",
                                     "--dump", net.folder / "g1.frames", "--stats", net.folder / "g1.stats"])
            guest.wait_for_frames(20)
            if without_bootstrapper:
                boot.kill()
                for relay in relays.values():
                    relay.wait_for_log("no bootstrapper at")
            lost = relays.pop(access_node_of(guest.wait_for_stats()))
            lose(lost)
            wait_for_more_frames([guest], 30)
            self.assertIn(access_node_of(guest.wait_for_stats()), relays)
            self.assert_nothing_missed(guest)


if __name__ == "__main__":
    unittest.main()
