"""Peers that break the protocol, on purpose or not. Each costs its own connection and nothing else."""

import contextlib
import random
import re
import socket
import struct
import unittest

import jpeg
from overlay import PORT, TIMEOUT_S, Overlay, link_to, made_frames, run_of, wait_for_more_frames
from protocol import (ACK, BYE, CLIENT, CONTROL_RELATION, DATA, FINALACK, GUEST, GUEST_RELATION, HEARTBEAT, HELLO_MS, LINKS,
                      MESSAGE, NEIGHBOUR_RELATION, NODE, PING, SKIP, SPEERS, START, STREAMS, TRACKER, VERSION, WATCH, ack,
                      final_ack, message, node_id, read_to_end, read_until, route, start, streams_of, watch)

def connect(address, source: str = "") -> socket.socket:
    return socket.create_connection(address, timeout=TIMEOUT_S, source_address=(source, 0) if source else None)


def through_handshake(address, first: bytes, relation: int, source: str = "") -> socket.socket:
    peer = connect(address, source)
    try:
        peer.sendall(first or ack(GUEST, node_id(*peer.getsockname())))
        read_until(peer, SPEERS)
        peer.sendall(final_ack(relation))
        read_until(peer, FINALACK)
    except BaseException:
        peer.close()
        raise
    return peer


def guest(address) -> socket.socket:
    """A peer that has been through the handshake as a guest."""
    return through_handshake(address, b"", GUEST_RELATION)


def times_said(process, pattern: str) -> int:
    """How often it says that it has happened: of many lines of one kind the log has some, and then a count."""
    return sum(int((re.search(r"\((\d+) more like this\)$", line) or [0, 1])[1]) for line in process.said(pattern))


GARBAGE = random.Random(1).randbytes(100_000)
SELF = node_id("127.0.0.1", 0)
SOME_TRACKER = message(TRACKER, bytes(60))
SOME_DATA = message(DATA, struct.pack(">QQQ", 1, 1, 1) + bytes(20), flags=3)

AT_FIRST = {
    "garbage": GARBAGE,
    "another protocol": b"GET / HTTP/1.1\r\nHost: example.org\r\n\r\n",
    "another version": message(ACK, version=1),
    "an unknown type": message(99),
    "type 0": message(0),
    "flags where none belong": message(ACK, flags=1),
    "a gigantic length": message(ACK, length=0xFFFFFFFF),
    "a body over 4 KiB": message(ACK, length=4097) + bytes(4097),
    "FINALACK first": final_ack(NEIGHBOUR_RELATION),
    "SPEERS first": message(SPEERS, bytes(60)),
    "DATA first": SOME_DATA,
    "TRACKER first": SOME_TRACKER,
    "HEARTBEAT first": message(HEARTBEAT, bytes(9)),
    "an empty ACK": message(ACK),
    "an ACK without ids": ack(NODE),
    "an ACK of an unknown kind": ack(9, SELF),
    "an ACK with more ids than it has": message(ACK, struct.pack(">BQIQH", NODE, 1, HELLO_MS, 0, 60) + SELF),
    "an ACK with more ids than may be": ack(NODE, *(65 * [SELF])),
    "an ACK whose hellos come too often": message(ACK, struct.pack(">BQIQH", NODE, 1, 1, 0, 1) + SELF),
    "ACK twice": 2 * ack(GUEST, SELF),
    "DATA instead of FINALACK": ack(GUEST, SELF) + SOME_DATA,
    "a wrong FINALACK": ack(GUEST, SELF) + final_ack(NEIGHBOUR_RELATION),
    "an ACK that is no neighbour": ack(NODE, node_id("192.0.2.1", 7000)),
}

AS_A_GUEST = {
    "garbage": GARBAGE,
    "ACK again": ack(GUEST, SELF),
    "FINALACK again": final_ack(GUEST_RELATION),
    "a body over 4 KiB": message(WATCH, length=4097),
    "DATA over 16 KiB": message(DATA, length=24 + 16385),
    "DATA too short": message(DATA, bytes(24)),
    "a malformed WATCH": message(WATCH, bytes(7)),
    "a malformed START": message(START, bytes(15)),
    "a Tracker from below": SOME_TRACKER,
    "a flood of link states": message(LINKS, bytes(60)),
    "a message for all": message(MESSAGE, bytes(60)),
    "streams of its own": message(STREAMS, bytes(4)),
}

AS_A_NEIGHBOUR = {
    "garbage": GARBAGE,
    "ACK again": ack(CLIENT, SELF),
    "SPEERS": message(SPEERS, bytes(60)),
    "a body over 1 MiB": message(LINKS, length=(1 << 20) + 1),
    "DATA over 16 KiB": message(DATA, length=24 + 16385),
    "DATA too short": message(DATA, bytes(24)),
    "DATA of frame 0": message(DATA, struct.pack(">QQQ", 1, 0, 1) + bytes(20), flags=3),
    "SKIP backwards": message(SKIP, struct.pack(">QQQ", 1, 5, 4)),
    "a malformed Tracker": SOME_TRACKER,
    "a malformed flood": message(LINKS, bytes([1]) + bytes(60)),
    "a flooded PING": message(PING, bytes([1]) + bytes(8) + bytes(34)),
    "a Tracker of more entries than there are": message(PING, bytes(5) + struct.pack(">I", 0xFFFFFFFF) + bytes(34)),
    "a malformed BYE": message(BYE, bytes([0, 0, 9])),
}

AT_THE_BOOTSTRAPPER_AS_NO_NEIGHBOUR = {
    "DATA": SOME_DATA,
    "a Tracker": SOME_TRACKER,
    "link states": message(LINKS, bytes([1]) + bytes(60)),
}

# Half a message, and then nothing more.
UNFINISHED = {
    "silence": b"",
    "one byte": bytes([VERSION]),
    "half a header": message(ACK)[:5],
    "half an ACK": ack(GUEST, SELF)[:-3],
    "half a handshake": ack(GUEST, SELF),
}


class HostilePeers(unittest.TestCase):
    """Of a relay and of a bootstrapper, while both feed viewers."""

    def setUp(self):
        self.pictures = [jpeg.picture(frame) for frame in made_frames(60)]
        self.net = Overlay("boot-r1 r1-c1 r1-c2")
        self.net.__enter__()
        self.addCleanup(self.net.end, show=True)
        (self.net.folder / "clip.mjpeg").write_bytes(b"".join(made_frames(60)))
        self.boot = self.net.bootstrap(f"film={self.net.folder}/clip.mjpeg?fps=30")
        self.r1 = self.net.node("r1")
        self.viewers = [self.net.client("c1"), self.net.guest("g1", "r1"), self.net.guest("g2", "boot")]
        for viewer in self.viewers:
            viewer.wait_for_frames(1)
        self.targets = [(self.boot, self.net.socket_address("boot")), (self.r1, self.net.socket_address("r1"))]

    def assert_all_goes_on(self):
        wait_for_more_frames(self.viewers, 10)
        for process in (self.boot, self.r1):
            process.wait_for_report("stream film")
        for viewer in self.viewers:
            viewer.terminate()
            final = viewer.final()
            self.assertEqual((final["frames_lost"], final["frames_duplicate"], final["frames_skipped"]), (0, 0, 0))
            run_of(viewer.pictures(), self.pictures)
            self.assertEqual(len(viewer.said("linked with|attached to")), 1)

    def assert_it_costs_the_connection(self, cases: dict, opening, targets=None) -> None:
        for process, address in targets or self.targets:
            for name, data in cases.items():
                with self.subTest(f"{process.name}: {name}"), opening(address) as peer:
                    host, port = peer.getsockname()
                    # Told of by its id, if it has one in the topology, or else by where it comes from.
                    line = rf"({host}:{port}|{self.net.address['c2']})\b.*: closing: |refused {host}:{port}\b"
                    told = len(process.said(line))
                    try:
                        peer.sendall(data)
                    except (BrokenPipeError, ConnectionResetError):
                        pass
                    read_to_end(peer)
                    self.assertEqual(len(process.wait_for_log(line, count=told + 1)), told + 1)
        self.assert_all_goes_on()

    def test_what_breaks_the_handshake(self):
        self.assert_it_costs_the_connection(AT_FIRST, connect)

    def test_what_a_guest_may_not_say(self):
        self.assert_it_costs_the_connection(AS_A_GUEST, guest)

    def as_c2(self, relation: int):
        return lambda address: through_handshake(address, ack(CLIENT, node_id(self.net.address["c2"], PORT)), relation,
                                                 self.net.address["c2"])

    def test_what_a_neighbour_may_not_say(self):
        self.assert_it_costs_the_connection(AS_A_NEIGHBOUR, self.as_c2(NEIGHBOUR_RELATION), self.targets[1:])

    def test_what_a_registered_node_may_not_say(self):
        self.assert_it_costs_the_connection(AT_THE_BOOTSTRAPPER_AS_NO_NEIGHBOUR, self.as_c2(CONTROL_RELATION),
                                            self.targets[:1])

    def test_half_a_message_and_silence(self):
        """Ended by the time a handshake may take. And so are 200 peers that say nothing at all."""
        peers = []
        for process, address in self.targets:
            peers += [(process, connect(address), data) for data in UNFINISHED.values()]
        for _, peer, data in peers:
            peer.sendall(data)
        for process, address in self.targets:
            peers += [(process, connect(address), b"") for _ in range(200)]
        viewer = self.net.guest("newcomer", "r1", "--frames", "5")  # finds its place among them
        viewer.wait_for_exit(0)
        for _, peer, _ in peers:
            with peer:
                read_to_end(peer)
        for process, _ in self.targets:
            process.wait(lambda: times_said(process, "no handshake within") >= 200 + len(UNFINISHED),
                         "an account of each of them in its log")
            self.assertLess(len(process.said("no handshake within")), 150)
        self.assert_all_goes_on()

    def test_peers_that_reset(self):
        """A thousand connections that end in a reset, before and after the handshake has begun."""
        for _, address in self.targets:
            for i in range(500):
                peer = connect(address)
                if i % 2:
                    peer.sendall(ack(GUEST, SELF))
                peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                peer.close()
        self.assert_all_goes_on()

    def test_a_guest_that_reads_nothing(self):
        """It asks for the stream and takes nothing for two seconds: it is skipped, and no other viewer."""
        r1 = self.net.socket_address("r1")
        with guest(r1) as peer:
            stream, _ = streams_of(read_until(peer, STREAMS))[0]
            node = node_id(*r1)
            peer.sendall(watch(route(node), stream, node))
            read_until(peer, TRACKER)
            peer.sendall(start(stream))
            read_until(peer, DATA)
            wait_for_more_frames(self.viewers, 60)
            _, first, last = struct.unpack(">QQQ", read_until(peer, SKIP))
            self.assertLess(first, last)
            body = read_until(peer, DATA)
            self.assertEqual(struct.unpack_from(">Q", body, 8)[0], last + 1)
            name = "%s:%d" % peer.getsockname()
            link = link_to(self.r1.wait_for_stats(), name)
            self.assertGreaterEqual(link["frames_skipped"], last - first)  # the one under way may come too
        self.assert_all_goes_on()


class FewDescriptors(unittest.TestCase):
    """Of a relay that may have 80 descriptors: connections in their handshake get a quarter of them, and so do guests."""

    def test_a_crowd_leaves_room_for_neighbours(self):
        with contextlib.ExitStack() as crowd, Overlay("boot-r1 r1-c1 r1-c2") as net:
            net.bootstrap("film=pattern:160x120@30")
            net.prefix = [*net.prefix, "prlimit", "--nofile=80:80"]
            r1 = net.node("r1")
            net.prefix = net.prefix[:-2]
            c1 = net.client("c1")
            c1.wait_for_frames(1)
            guests = 0
            for _ in range(100):
                with contextlib.suppress(OSError, EOFError):
                    crowd.enter_context(guest(net.socket_address("r1")))
                    guests += 1
            self.assertEqual(guests, 20)
            for _ in range(100):
                crowd.enter_context(connect(net.socket_address("r1")))
            limits = r1.wait_for_stats(lambda line: line["limits"]["handshakes_closed"] >= 60)["limits"]
            self.assertEqual(limits["guests_refused"], 80)
            c2 = net.client("c2")
            c2.wait_for_frames(1)
            wait_for_more_frames([c1, c2], 10)
            c1.terminate()
            self.assertEqual(c1.final()["frames_lost"], 0)


if __name__ == "__main__":
    unittest.main()
