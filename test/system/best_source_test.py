"""Two origins of one name, in a network whose links are wires: viewers have the nearer one, and go over to the other
when the way to theirs gets slow, and back, without losing a frame."""

import os
import unittest

from netlab_test import what_lacks
from overlay import wait_for_more_frames
from wired import WiredLab

NEAR_MS, FAR_MS, SLOW_MS = 3, 12, 40
LINKS = ((("boot", "10.0.1.10"), ("s1", "10.0.1.1")), (("boot", "10.0.2.10"), ("s2", "10.0.2.1")),
         (("s1", "10.0.3.1"), ("v1", "10.0.3.20")), (("s1", "10.0.4.1"), ("v2", "10.0.4.30")),
         (("s2", "10.0.5.1"), ("v1", "10.0.5.20")), (("s2", "10.0.6.1"), ("v2", "10.0.6.30")),
         (("boot", "10.0.7.10"), ("v1", "10.0.7.20")), (("boot", "10.0.8.10"), ("v2", "10.0.8.30")))
TOPOLOGY = {
    "10.0.1.10": {"name": "boot", "addresses": ["10.0.2.10", "10.0.7.10", "10.0.8.10"],
                  "neighbors": ["10.0.1.1", "10.0.2.1"]},
    "10.0.1.1": {"name": "s1", "addresses": ["10.0.3.1", "10.0.4.1"],
                 "neighbors": ["10.0.1.10", "10.0.3.20", "10.0.4.30"]},
    "10.0.2.1": {"name": "s2", "addresses": ["10.0.5.1", "10.0.6.1"],
                 "neighbors": ["10.0.2.10", "10.0.5.20", "10.0.6.30"]},
    "10.0.3.20": {"name": "v1", "addresses": ["10.0.5.20", "10.0.7.20"], "neighbors": ["10.0.3.1", "10.0.5.1"]},
    "10.0.6.30": {"name": "v2", "addresses": ["10.0.4.30", "10.0.8.30"], "neighbors": ["10.0.6.1", "10.0.4.1"]}}
OF_S1, OF_S2 = "watching 'cam' from 10.0.1.1", "watching 'cam' from 10.0.2.1"


class BestSource(unittest.TestCase):
    def test_a_way_that_gets_slow_and_quick_again(self):
        if lacking := what_lacks():
            self.skipTest(lacking)
        with WiredLab(f"test-{os.getpid()}-sources", LINKS, TOPOLOGY) as net:
            for source in ("s1", "s2"):
                net.set_delay("boot", source, SLOW_MS)  # so that no way around is as near as the other source
                for viewer in ("v1", "v2"):
                    net.set_delay(source, viewer, NEAR_MS if source[1] == viewer[1] else FAR_MS)
            net.bootstrap("boot", "--id", "10.0.1.10")
            for source, bootstrapper in (("s1", "10.0.1.10"), ("s2", "10.0.2.10")):
                net.start(source, source, "--role", "node", "--bootstrap", bootstrapper, "--stream",
                          "cam=pattern:64x48@25?metric=latency").wait_for_log("linked with")
            viewers = {}
            for viewer, bootstrapper in (("v1", "10.0.7.10"), ("v2", "10.0.8.10")):
                viewers[viewer] = net.start(viewer, viewer, "--role", "client", "--bootstrap", bootstrapper, "--stream",
                                            "cam", "--dump", net.folder / f"{viewer}.frames")
            viewers["v1"].wait_for_log(OF_S1)
            viewers["v2"].wait_for_log(OF_S2)
            # What was found before all was measured may have been the other one.
            wait_for_more_frames(viewers.values(), 250)
            before = {name: len(viewer.said("watching")) for name, viewer in viewers.items()}
            net.set_delay("s1", "v1", SLOW_MS)
            viewers["v1"].wait_for_log(OF_S2, len(viewers["v1"].said(OF_S2)) + 1)
            wait_for_more_frames(viewers.values(), 100)
            net.set_delay("s1", "v1", NEAR_MS)
            viewers["v1"].wait_for_log(OF_S1, len(viewers["v1"].said(OF_S1)) + 1)
            wait_for_more_frames(viewers.values(), 100)
            self.assertEqual(len(viewers["v1"].said("watching")), before["v1"] + 2)
            self.assertEqual(len(viewers["v2"].said("watching")), before["v2"])
            for viewer in viewers.values():
                viewer.terminate()
                final = viewer.final()
                for wrong in ("frames_lost", "frames_duplicate", "frames_skipped"):
                    self.assertEqual(final[wrong], 0, f"{viewer.name}: {wrong}")


if __name__ == "__main__":
    unittest.main()
