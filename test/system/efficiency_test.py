"""Each overlay link carries each frame once, whoever and however many are behind it."""

import contextlib
import subprocess
import time
import unittest

import jpeg
from overlay import Overlay, link_to, made_frames

FRAMES = 60


class Fanout:
    """boot-r1-r2 and so many viewers at r2, half of them guests; the test feeds the frames."""

    def __init__(self, stack: contextlib.ExitStack, viewers: int):
        members = [f"c{i}" for i in range((viewers + 1) // 2)]
        links = " ".join(["boot-r1 r1-r2"] + [f"r2-{name}" for name in members])
        self.net = stack.enter_context(Overlay(links, patient=True))
        self.boot = self.net.bootstrap("cam=-", stdin=subprocess.PIPE)
        self.r1, self.r2 = self.net.nodes("r1 r2")
        self.clients = [self.net.client(name, dump=False) for name in members]
        self.clients += [self.net.guest(f"g{i}", "r2", dump=False) for i in range(viewers - len(members))]

    def wait_for_frames(self, count: int) -> None:
        for client in self.clients:
            client.wait_for_stats(lambda line: line["frames_received"] == count, f"{count} frames", fresh=False)


class BytesPerFrame(unittest.TestCase):
    def test_a_shared_link_costs_the_same_for_1_2_and_10_viewers(self):
        frame = made_frames(1, "1360x768")[0]
        self.assertGreater(len(frame), 45_000)
        per_frame = {}
        with contextlib.ExitStack() as stack:
            fanouts = [Fanout(stack, viewers) for viewers in (1, 2, 10)]
            for fanout in fanouts:
                fanout.boot.feed(frame)
            for fanout in fanouts:
                fanout.wait_for_frames(1)
            for _ in range(2, FRAMES + 1):
                for fanout in fanouts:
                    fanout.boot.feed(frame)
                time.sleep(0.02)  # a pace that viewers can follow
            for fanout in fanouts:
                fanout.wait_for_frames(FRAMES)
            for fanout in fanouts:  # nothing flows any more
                viewers = len(fanout.clients)
                boot, r1, r2 = (process.wait_for_stats() for process in (fanout.boot, fanout.r1, fanout.r2))
                first = link_to(boot, fanout.net.address["r1"])
                shared = link_to(r1, fanout.net.address["r2"])
                self.assertEqual((first["frames_out"], shared["frames_out"]), (FRAMES, FRAMES))
                self.assertEqual(sum(link["frames_out"] for link in r2["links"]), FRAMES * viewers)
                per_frame[viewers] = (first["bytes_out"] / FRAMES, shared["bytes_out"] / FRAMES)
                everything = sum(link["bytes_out"] for line in (boot, r1, r2) for link in line["links"])
                overhead = everything / (FRAMES * (2 + viewers) * len(frame)) - 1
                self.assertLess(abs(overhead), 0.02, f"{viewers} viewers: all bytes, control included")
                for client in fanout.clients:
                    client.terminate()
                    final = client.final()
                    self.assertEqual((final["frames_received"], final["frames_lost"], final["frames_duplicate"]),
                                     (FRAMES, 0, 0))
        for viewers in (2, 10):
            for link in (0, 1):
                self.assertLess(abs(per_frame[viewers][link] / per_frame[1][link] - 1), 0.01, per_frame)


class SeveralStreams(unittest.TestCase):
    def test_streams_share_a_link_and_stay_apart(self):
        """Three streams over one link, one of them to two clients; nobody watches the fourth."""
        pictures = {}
        with Overlay("boot-r1 r1-a1 r1-a2 r1-b1") as net:
            streams = []
            for name, size in {"a": "320x180", "b": "176x144", "c": "160x120"}.items():
                frames = made_frames(30, size)
                pictures[name] = {jpeg.picture(frame) for frame in frames}
                (net.folder / f"{name}.mjpeg").write_bytes(b"".join(frames))
                streams.append(f"{name}={net.folder}/{name}.mjpeg?fps=100")
            boot = net.bootstrap(*streams, "unwatched=pattern:320x180@100")
            r1 = net.node("r1")
            clients = {"a": [net.client("a1", "--stream", "a", "--frames", "150"), net.client("a2", "--frames", "150")],
                       "b": [net.client("b1", "--stream", "b", "--frames", "150")],
                       "c": [net.guest("c1", "r1", "--stream", "c", "--frames", "150")]}
            for stream, watching in clients.items():
                for client in watching:
                    client.wait_for_exit(0)
                    self.assertLessEqual(set(client.pictures()), pictures[stream])
                    final = client.final()
                    self.assertEqual((final["stream"], final["frames_lost"], final["frames_duplicate"]), (stream, 0, 0))
            r1.wait_for_report(r"routes: 0 streams")  # nobody watches any more
            report = boot.wait_for_report(r"routes: 4 streams")
            self.assertRegex(report, r"stream unwatched: .* to \[\], tree 1,")  # it never had another tree


if __name__ == "__main__":
    unittest.main()
