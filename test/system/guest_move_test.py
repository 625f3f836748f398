"""A guest measures the access nodes that it knows, and moves to another one without losing a frame."""

import os
import unittest

from guest_moves import Town
from netlab_test import what_lacks
from overlay import Overlay, link_to, wait_for_more_frames


class SlowWay(unittest.TestCase):
    """tools/wire makes the way to the access node slow; 100 tries: guest_moves.py."""

    def test_guests_move_and_show_each_frame_once(self):
        if lacking := what_lacks():
            self.skipTest(lacking)
        with Town(f"test-{os.getpid()}-guests") as town:
            town.round(2)


class AtOnce(unittest.TestCase):
    def test_an_access_node_that_leaves_or_dies(self):
        """The guest knows the best other one, and loses nothing."""
        for end in ("terminate", "kill"):
            with self.subTest(end), Overlay("boot-r1 boot-r2 boot-r3") as net:
                net.bootstrap("film=pattern:64x48@25")
                relays = {net.address[name]: net.node(name) for name in ("r1", "r2", "r3")}
                for relay in relays.values():
                    relay.wait_for_log("linked with")
                guest = net.start("g", ["--role", "client", "--node", ",".join(relays), "--dump",
                                        net.folder / "g.frames", "--stats", net.folder / "g.stats"])
                guest.wait_for_frames(10)
                def two_are_measured(line):
                    return sum(link["relation"] == "measured" for link in line["links"]) == 2
                line = guest.wait_for_stats(two_are_measured, "two connections are kept")
                own = next(link["peer"] for link in line["links"] if link["relation"] == "access node")
                self.assertEqual(link_to(line, own)["state"], "CONNECTED")
                getattr(relays[own], end)()
                said = guest.wait_for_log(f"moved from {own} to ")[0]
                why = "the former leaves" if end == "terminate" else "the connection to the former is lost"
                self.assertRegex(said, why)
                wait_for_more_frames([guest], 50)
                guest.terminate()
                final = guest.final()
                self.assertEqual((final["frames_lost"], final["frames_duplicate"]), (0, 0))


if __name__ == "__main__":
    unittest.main()
