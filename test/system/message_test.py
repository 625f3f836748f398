"""MESSAGE: a text reaches all nodes, or those that are meant, each once; a link that two share carries one copy."""

import unittest

from overlay import Overlay, link_to, wait_until

TEXT = "good evening " + "x" * 900


def times(process, text: str) -> int:
    return len(process.said(f"message from .*: {text}"))


class Messages(unittest.TestCase):
    def test_a_flood_reaches_twenty_nodes_once_each(self):
        """On a mesh, where it comes to most nodes by several links."""
        names = [f"r{i}" for i in range(1, 20)]
        ring = [f"{a}-{b}" for a, b in zip(["boot", *names], [*names, "boot"])]
        chords = [f"r{i}-r{i + 5}" for i in range(1, 15)] + ["boot-r7", "boot-r13"]
        with Overlay(" ".join(ring + chords + ["r3-c1"]), patient=True) as net:
            boot = net.bootstrap()
            nodes = net.nodes(" ".join(names))
            for node in nodes:
                node.wait_for_report(r"linked with|neighbour|, rtt ")
            wait_until(lambda: all(len(node.said("linked with")) >= 2 for node in nodes), "the ring")
            net.client("c1", "--say", "to all of you", dump=False).wait_for_exit(0)
            everybody = [boot, *nodes]
            wait_until(lambda: all(times(node, "to all of you") for node in everybody), "it is shown everywhere")
            guest = net.guest("g1", "r9", "--say", "from a guest", dump=False)
            guest.wait_for_exit(0)
            wait_until(lambda: all(times(node, "from a guest") for node in everybody), "the guest's as well")
            for node in everybody:
                self.assertEqual(times(node, "to all of you"), 1, node.name)
                self.assertEqual(times(node, "from a guest"), 1, node.name)

    def test_a_path_to_two_shares_its_links(self):
        """boot-r1-r2 is shared; r3 and r4 hear it, r2 and r5 do not."""
        with Overlay("boot-r1 r1-r2 r2-r3 r2-r4 r2-r5 boot-c1", patient=True) as net:
            boot = net.bootstrap()
            nodes = dict(zip(("r1", "r2", "r3", "r4", "r5"), net.nodes("r1 r2 r3 r4 r5")))
            wait_until(lambda: len(nodes["r2"].said("linked with")) == 4, "the links of r2")
            wait_until(lambda: len(nodes["r1"].said("linked with")) == 2, "the links of r1")
            before = nodes["r1"].wait_for_stats()
            to = ",".join(net.address[name] for name in ("r3", "r4"))
            net.client("c1", "--say", TEXT, "--to", to, dump=False).wait_for_exit(0)
            for name in ("r3", "r4"):
                nodes[name].wait_for_log(r"message from .*: good evening")
            after = nodes["r1"].wait_for_stats()
            sent = [link_to(line, net.address["r2"])["bytes_out"] for line in (before, after)]
            self.assertGreater(sent[1] - sent[0], len(TEXT))
            self.assertLess(sent[1] - sent[0], 2 * len(TEXT), "r1 sends it twice to r2")
            for process, count in ((boot, 0), (nodes["r1"], 0), (nodes["r2"], 0), (nodes["r5"], 0), (nodes["r3"], 1)):
                self.assertEqual(times(process, "good evening"), count, process.name)

    def test_the_sender_is_told_why_not(self):
        with Overlay("boot-r1 r1-c1 r1-r2") as net:
            net.bootstrap()
            r1 = net.node("r1")
            member = net.client("c1", "--say", "hello", "--to", "nobody", dump=False)
            self.assertIn("no node that is known here is called 'nobody'", member.wait_for_exit(1))
            member = net.client("c1", "--say", "hello", "--to", net.address["r2"], dump=False)
            self.assertIn("--say: there is no path to", member.wait_for_exit(1))
            named = net.client("c1", "--say", "hello", "--to", "r1", dump=False)
            named.wait_for_exit(0)
            r1.wait_for_log(r"message from .*\(c1\): hello \(1 hop: .*\(c1\) > here\)")
            for text, why in (("", "no text"), ("a\tb", "byte 2 of the text is the control character 0x09"),
                              ("x" * 1025, "1025 bytes")):
                self.assertIn(why, net.guest("g1", "r1", "--say", text, dump=False).wait_for_exit(2))
            self.assertIn("--to needs --say", net.guest("g1", "r1", "--to", "all", dump=False).wait_for_exit(2))


if __name__ == "__main__":
    unittest.main()
