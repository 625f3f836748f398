"""tools/wire between two nodes: what it does to frames, how netlab uses it, and that netlab's links carry frames."""

import contextlib
import hashlib
import ipaddress
import json
import os
import pathlib
import shutil
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
import unittest

from netlab_test import NetlabCase, netlab
from overlay import OTTD, wait_until

sys.dont_write_bytecode = True
ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))
import labs  # noqa: E402
import link_options  # noqa: E402
import namespaces  # noqa: E402
import offloads  # noqa: E402

WIRE = pathlib.Path(OTTD).with_name("wire")
FOUR, SIX = {"a": "10.0.0.1", "b": "10.0.0.2"}, {"a": "fd00::1", "b": "fd00::2"}
LINK = """<scenario><devices><device id="1" name="a" type="x"/><device id="2" name="b" type="x"/></devices><links>
<link node1="1" node2="2"><iface1 id="0" ip4="10.0.0.1" ip4_mask="24" ip6="fd00::1" ip6_mask="64"/>
<iface2 id="0" ip4="10.0.0.2" ip4_mask="24" ip6="fd00::2" ip6_mask="64"/>{}</link>{}</links></scenario>"""
OTHER_WAY = """<link node1="2" node2="1"><iface1 id="0"/><iface2 id="0"/>{}</link>"""
FULL = 1472  # bytes of a datagram in a frame of 1,514
HEAD = struct.Struct("!Iq")
SO_TIMESTAMPNS, SO_RCVBUFFORCE = 35, 33
TAG, AUXDATA, AUXDATA_FORM = 5, 8, "IIIHHHH"


class WireCase(NetlabCase):
    def raise_lab(self, options="", way_back=None, *arguments, suffix=""):
        """Nodes a and b with a link, on a kernel that says that it has no netem."""
        file = self.folder / f"net{suffix}.xml"
        file.write_text(LINK.format(options, OTHER_WAY.format(way_back) if way_back is not None else ""))
        lab = self.mine + suffix
        self.said = netlab("up", "--lab", lab, "--wire", WIRE, *arguments, file, env=self.without_netem())
        self.assertEqual(self.said.stderr, "")
        return lab

    def without_netem(self):
        path = self.folder / "tc"
        path.write_text('#!/bin/sh\ncase "$*" in *netem*) exit 2;; esac\nexec '
                        f'{shutil.which("tc")} "$@"\n')
        path.chmod(0o755)
        return dict(os.environ, PATH=f"{self.folder}:{os.environ['PATH']}")

    def change(self, lab, node, words, status=0):
        return netlab("link", "--lab", lab, node, "eth0", *words.split(), status=status, env=self.without_netem())

    def sockets(self, lab, addresses):
        found = labs.sockets_inside(lab, {ipaddress.ip_address(address): node for node, address in addresses.items()})
        by_node = {node: found[ipaddress.ip_address(address)] for node, address in addresses.items()}
        for each in by_node.values():
            self.addCleanup(each.close)
            each.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 1 << 25)
            each.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        return by_node

    def counters(self, lab, node="a"):
        return link_options.counters(labs.RUN / lab, 0)[node]

    def settled(self, lab, node="a"):
        """The counters once nothing is on its way there any more."""
        def quiet():
            found = self.counters(lab, node)
            return found["waiting"] == 0 and found
        return wait_until(quiet, "nothing is on its way")

    def cross(self, lab, sockets, count, one="a", other="b", interval_s=0.0):
        """Sends datagrams and returns those that came as (number, its delay in ms by the kernel's stamp, that stamp in
        s), in the order in which they came. Never more are on their way than the link takes at once."""
        before = self.counters(lab, one)["frames_in"]
        for number in range(count):
            due = time.monotonic() + interval_s
            head = HEAD.pack(number, time.clock_gettime_ns(time.CLOCK_REALTIME))
            sockets[one].sendto(head + bytes(FULL - HEAD.size), sockets[other].getsockname()[:2])
            if number % 200 == 199:
                wait_until(lambda: self.counters(lab, one)["waiting"] < 500, "some have left")
            while time.monotonic() < due:
                pass
        wait_until(lambda: self.counters(lab, one)["frames_in"] >= before + count, "all have come to the wire")
        self.settled(lab, one)
        came = []
        sockets[other].setblocking(False)
        with contextlib.suppress(BlockingIOError):
            while True:
                data, control, _, _ = sockets[other].recvmsg(FULL, 64)
                if len(data) == FULL:
                    number, sent_ns = HEAD.unpack(data[:HEAD.size])
                    seconds, ns = struct.unpack("qq", control[0][2])
                    came.append((number, (seconds * 10**9 + ns - sent_ns) / 1e6, seconds + ns / 1e9))
        return came

    def warm(self, sockets):
        """The nodes know each other's Ethernet addresses, whatever their link loses."""
        for one, other in (("a", "b"), ("b", "a")):
            sockets[other].settimeout(0.2)
            def came():
                sockets[one].sendto(b"?", sockets[other].getsockname()[:2])
                with contextlib.suppress(TimeoutError):
                    return sockets[other].recv(16)
            wait_until(came, f"something of {one} has come to {other}")

    def transfer(self, lab, addresses, size=1_500_000):
        """Bytes by TCP from a to b; whether they are the same."""
        data = os.urandom(size)
        family = socket.AF_INET6 if ":" in addresses["a"] else socket.AF_INET
        def made(address=None):
            tcp = socket.socket(family, socket.SOCK_STREAM)
            if address:
                tcp.bind((address, 0))
                tcp.listen()
            return tcp
        server = namespaces.inside_of(labs.namespace(lab, "b"), made, addresses["b"])
        client = namespaces.inside_of(labs.namespace(lab, "a"), made)
        digest = hashlib.sha256()
        with server, client:
            client.settimeout(60)
            client.connect(server.getsockname()[:2])
            def send():
                client.sendall(data)
                client.shutdown(socket.SHUT_WR)
            sender = threading.Thread(target=send)
            sender.start()
            with server.accept()[0] as come:
                come.settimeout(60)
                while part := come.recv(1 << 16):
                    digest.update(part)
            sender.join()
        self.assertEqual(digest.digest(), hashlib.sha256(data).digest())


def middle(values):
    return sorted(values)[len(values) // 2]


class Frames(WireCase):
    """What happens to frames, as two nodes see it."""

    def test_delay_is_of_each_direction_alone(self):
        lab = self.raise_lab('<options delay="30000" unidirectional="1"/>',
                             '<options delay="8000" unidirectional="1"/>')
        self.assertIn("1 link, 1 of them carried by wire, since this kernel has no netem", self.said.stdout)
        for addresses in (FOUR, SIX):
            sockets = self.sockets(lab, addresses)
            self.warm(sockets)
            for one, other, due in (("a", "b", 30), ("b", "a", 8)):
                with self.subTest(addresses[one]):
                    delays = [ms for _, ms, _ in self.cross(lab, sockets, 150, one, other, interval_s=0.001)]
                    self.assertEqual(len(delays), 150)
                    self.assertGreaterEqual(min(delays), due)
                    self.assertLess(middle(delays), due + 8)

    def test_a_round_trip_has_both_delays_also_over_a_switch(self):
        """Two links to a switch, each of 10 ms each way."""
        file = self.folder / "switch.xml"
        file.write_text("""<scenario><networks><network id="9" name="sw" type="SWITCH"/></networks><devices>
<device id="1" name="a" type="x"/><device id="2" name="b" type="x"/></devices><links>
<link node1="1" node2="9"><iface1 id="0" ip4="10.0.0.1" ip4_mask="24"/><options delay="10000"/></link>
<link node1="2" node2="9"><iface1 id="0" ip4="10.0.0.2" ip4_mask="24"/>
<options delay="10000" unidirectional="1"/></link>
</links></scenario>""")
        netlab("up", "--lab", self.mine, "--wire", WIRE, file, env=self.without_netem())
        sockets = self.sockets(self.mine, FOUR)
        self.warm(sockets)
        trips = []
        for _ in range(20):
            began = time.monotonic()
            for one, other in (("a", "b"), ("b", "a")):
                sockets[other].settimeout(30)
                sockets[one].sendto(b"?", sockets[other].getsockname())
                sockets[other].recv(16)
            trips.append((time.monotonic() - began) * 1000)
        # a to the switch 10, to b nothing; b to the switch 10, to a 10.
        self.assertGreaterEqual(min(trips), 30)
        self.assertLess(min(trips), 45)

    def test_shares_are_lost_twice_there_and_out_of_order(self):
        """Of 4,000 frames, 10 % are 400 ± 5 * 19."""
        lab = self.raise_lab('<options loss="10" delay="1" unidirectional="1"/>')
        sockets = self.sockets(lab, FOUR)
        self.warm(sockets)
        back = [number for number, _, _ in self.cross(lab, sockets, 1000, "b", "a")]
        self.assertEqual(back, list(range(1000)))
        came = self.cross(lab, sockets, 4000)
        self.assertEqual(len({number for number, _, _ in came}), len(came))
        self.assertAlmostEqual(4000 - len(came), 400, delta=95)

        self.change(lab, "a", "loss 0 duplicate 10%")
        numbers = [number for number, _, _ in self.cross(lab, sockets, 4000)]
        self.assertEqual(set(numbers), set(range(4000)))
        self.assertAlmostEqual(len(numbers) - 4000, 400, delta=95)

        self.change(lab, "a", "duplicate 0 delay 20ms reorder 10%")
        came = self.cross(lab, sockets, 1000)
        numbers = [number for number, _, _ in came]
        self.assertEqual(sorted(numbers), list(range(1000)))
        self.assertNotEqual(numbers, sorted(numbers))
        at_once = self.counters(lab)["reordered"]
        self.assertAlmostEqual(at_once, 100, delta=50)
        self.assertLessEqual(sum(ms < 20 for _, ms, _ in came), at_once)

    def test_jitter_is_within_its_range_and_lets_frames_overtake(self):
        lab = self.raise_lab('<options delay="20000" jitter="15000" unidirectional="1"/>')
        sockets = self.sockets(lab, FOUR)
        self.warm(sockets)
        came = self.cross(lab, sockets, 1000, interval_s=0.0005)
        delays = sorted(ms for _, ms, _ in came)
        self.assertEqual(len(came), 1000)
        self.assertGreaterEqual(delays[0], 5)
        self.assertLess(delays[100], 20)  # without jitter none could
        self.assertNotEqual([number for number, _, _ in came], list(range(1000)))

    def test_a_rate_is_kept_and_its_queue_bounded(self):
        """200 frames of 1,514 bytes at 20 Mbit/s, and none of them faster."""
        lab = self.raise_lab('<options bandwidth="20000000" buffer="500" unidirectional="1"/>')
        sockets = self.sockets(lab, FOUR)
        self.warm(sockets)
        due, took = 199 * 1514 * 8 / 20e6, []
        for _ in range(3):
            at = [at for _, _, at in self.cross(lab, sockets, 200)]
            self.assertEqual(len(at), 200)
            took.append(at[-1] - at[0])
        self.assertGreater(min(took), 0.97 * due)  # the first may be late
        self.assertLess(min(took), 1.3 * due)
        self.change(lab, "a", "rate 200kbit limit 20")
        for _ in range(100):
            sockets["a"].sendto(bytes(FULL), sockets["b"].getsockname())
        wait_until(lambda: self.counters(lab)["overflowed"] >= 50, "what is beyond the limit has been dropped")
        self.assertLessEqual(self.counters(lab)["waiting"], 20)

    def test_tcp_comes_through_a_bad_link_whole(self):
        lab = self.raise_lab('<options delay="2000" jitter="1000" loss="2" dup="2"/>')
        for addresses in (FOUR, SIX):
            with self.subTest(addresses["a"]):
                self.transfer(lab, addresses, 400_000)
        crossed = self.settled(lab)
        self.assertGreater(crossed["lost"], 0)
        self.assertGreater(crossed["duplicated"], 0)
        self.assertEqual((crossed["too_large"], crossed["refused"]), (0, 0))

    def test_checksums_left_to_the_hardware_come_through(self):
        lab = self.raise_lab('<options delay="500"/>')
        for node in "ab":
            namespaces.inside_of(labs.namespace(lab, node), offloads.switch, "eth0", "tx", True)
        for addresses in (FOUR, SIX):
            with self.subTest(addresses["a"]):
                self.transfer(lab, addresses)
        self.assertEqual(self.counters(lab)["too_large"], 0)

    def test_a_vlan_tag_comes_through(self):
        lab = self.raise_lab('<options delay="500"/>')
        def raw():
            made = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
            made.bind(("eth0", 3))
            made.setsockopt(263, AUXDATA, 1)  # SOL_PACKET
            made.settimeout(30)
            return made
        one, other = (namespaces.inside_of(labs.namespace(lab, node), raw) for node in "ab")
        with one, other:
            frame = b"\xff" * 6 + one.getsockname()[4] + struct.pack("!HHH", 0x8100, TAG, 0x88b5) + b"tagged" * 20
            one.send(frame)
            def tag():
                data, control, _, _ = other.recvmsg(2048, 64)
                return data[14:] == frame[18:] and struct.unpack(AUXDATA_FORM, control[0][2])[5]
            self.assertEqual(wait_until(tag, "the frame has come"), TAG)


class Links(WireCase):
    """Wires in netlab."""

    def wire_pids(self, lab):
        return namespaces.processes_in(labs.namespace(lab, link_options.NAMESPACE))

    def test_all_options_of_all_links_can_be_changed_and_nothing_is_left(self):
        lab = self.raise_lab("", None, "--wires")
        pids = self.wire_pids(lab)
        self.assertEqual(len(pids), 1)
        self.assertIn(f"{lab}: up, 0 processes", netlab("status", "--lab", lab).stdout)
        said = self.change(lab, "b", "delay 5ms loss 0.5%").stdout
        self.assertEqual(said, "b eth0: delay 5ms loss 0.5%\n")
        self.change(lab, "b", "rate 10mbit loss 0")
        self.assertRegex(netlab("status", "--lab", lab).stdout, r"a \(x\)\n +eth0 +up +10.0.0.1/24 fd00::1/64\n"
                         r".*\n +eth0 +up .*fd00::2/64 delay 5ms rate 10mbit\n")
        self.assertIn("'dely': there are down, up, delay,", self.change(lab, "a", "dely 5ms", status=1).stderr)
        self.assertIn("loss '5': it takes a share", self.change(lab, "a", "loss 5", status=1).stderr)
        self.assertIn("delay '900s': it takes a time up to 600s", self.change(lab, "a", "delay 900s", status=1).stderr)
        netlab("link", "--lab", lab, "a", "eth0", "down")
        self.assertIn("eth0            down", netlab("status", "--lab", lab).stdout)
        netlab("link", "--lab", lab, "a", "eth0", "up")
        addresses = {ipaddress.ip_address(address): node for node, address in FOUR.items()}
        self.assertEqual(labs.unreachable_pairs(lab, addresses), [])
        self.assertEqual(self.wire_pids(lab), pids)
        netlab("down", "--lab", lab)
        self.assertEqual([pid for pid in pids if pathlib.Path(f"/proc/{pid}/cmdline").exists() and
                          pathlib.Path(f"/proc/{pid}/cmdline").read_bytes()], [])
        self.assertEqual(self.left(), [])

    def test_a_plain_link_takes_what_the_kernel_can_and_says_what_it_cannot(self):
        lab = self.raise_lab()
        self.change(lab, "a", "rate 10mbit loss 100%")
        self.assertIn("rate 10Mbit", self.inside(lab, "a", "tc", "qdisc", "show", "dev", "eth0"))
        addresses = {ipaddress.ip_address(address): node for node, address in FOUR.items()}
        self.assertNotEqual(labs.unreachable_pairs(lab, addresses), [])
        self.change(lab, "a", "rate 0 loss 0")
        self.assertNotIn("tbf", self.inside(lab, "a", "tc", "qdisc", "show", "dev", "eth0"))
        self.assertEqual(labs.unreachable_pairs(lab, addresses), [])
        self.assertIn("this kernel has no netem, and the link has no wire that could do 'delay 5ms'; `netlab up "
                      "--wires` gives one to each link", self.change(lab, "a", "delay 5ms", status=1).stderr)

    def test_a_wire_that_has_ended_is_told_of(self):
        lab = self.raise_lab('<options delay="1000"/>')
        [pid] = self.wire_pids(lab)
        os.kill(pid, signal.SIGTERM)
        wait_until(lambda: not self.wire_pids(lab), "it has ended")
        self.assertIn("delay 1000us (its wire has ended)", netlab("status", "--lab", lab).stdout)
        self.assertRegex(self.change(lab, "a", "delay 2ms", status=1).stderr,
                         r'the link\'s wire does not answer .*"frames_in": ')

    def test_without_the_program_a_warning_says_what_builds_it(self):
        file = self.written(LINK.format('<options delay="2000" bandwidth="5000000"/>', ""))
        done = netlab("up", "--lab", self.mine, "--wire", self.folder / "wire", file, env=self.without_netem())
        self.assertRegex(done.stderr, rf"{file}:2: link 1 \(a - b\): options: delay 2000us: without effect, "
                         r"since this kernel has no netem and there is no .*/wire, which `make` builds")
        self.assertIn("rate 5Mbit", self.inside(self.mine, "a", "tc", "qdisc", "show", "dev", "eth0"))

    def test_a_wire_that_cannot_begin_leaves_no_lab(self):
        (self.folder / "wire").write_text("#!/bin/sh\necho it is broken\nexit 1\n")
        (self.folder / "wire").chmod(0o755)
        file = self.written(LINK.format('<options delay="2000"/>', ""))
        done = netlab("up", "--lab", self.mine, "--wire", self.folder / "wire", file, status=1,
                      env=self.without_netem())
        self.assertIn("link 1 (a - b): its wire has ended: it is broken", done.stderr)
        self.assertEqual(self.left(), [])

    def test_frames_on_links_are_no_larger_than_the_mtu(self):
        """By what a packet socket sees at the receiver, and by the interface's own counters."""
        file = self.written(LINK.format("", ""))
        lab, _ = self.up(file)
        before = self.crossed(lab)
        self.transfer(lab, FOUR)
        packets, count = (after - b for after, b in zip(self.crossed(lab), before))
        self.assertGreater(count, 1_500_000)
        self.assertLessEqual(count / packets, 1514)
        self.assertGreaterEqual(packets, 1_500_000 / 1460)

    def crossed(self, lab):
        [link] = json.loads(self.inside(lab, "a", "ip", "-j", "-s", "link", "show", "dev", "eth0"))
        return link["stats64"]["tx"]["packets"], link["stats64"]["tx"]["bytes"]


# Before a script for a shell in a network namespace with the interfaces a and b.
WITH_INTERFACES = ["unshare", "-n", "sh", "-ec", """for name in a b; do
ip link add name $name type veth peer name p$name; ip link set dev $name up; done; eval "$0" """]


class CommandLine(WireCase):
    def wire(self, *arguments, status, prefix=()):
        done = subprocess.run([*prefix, WIRE, *arguments], capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        return done.stdout if status == 0 else done.stderr

    def test_usage(self):
        self.assertIn("delay 20ms      jitter 2ms", self.wire("--help", status=0))
        self.assertIn("B is required", self.wire("a", status=2))
        self.assertIn("A and B are two", self.wire("a", "a", status=2))
        self.assertIn("wire: --from-b: loss '7': it takes a share", self.wire("a", "b", "--from-b", "loss 7", status=2))
        self.assertIn("wire: nowhere: there is no such interface here", self.wire("nowhere", "b", status=1))

    def test_counters_at_its_end_and_a_socket_that_is_taken(self):
        inside = [*WITH_INTERFACES, 'exec "$@"']
        where = str(self.folder / "control")
        def answers():
            with contextlib.suppress(OSError):
                return link_options.ask_at(where, "counters")
        command = [*inside, WIRE, "a", "b", "--control", where]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            try:
                wait_until(answers, "it answers")
                self.assertRegex(link_options.ask_at(where, "nonsense"), "^error there are: from-a WORDS")
                self.assertEqual(link_options.ask_at(where, "from-b delay 3ms"), "ok")
                self.assertRegex(link_options.ask_at(where, "from-b delay"), "^error delay ''")
                self.assertIn("another process answers there",
                              self.wire("a", "b", "--control", where, status=1, prefix=inside))
            finally:
                process.send_signal(signal.SIGTERM)
            said = process.communicate(timeout=60)[0]
            self.assertEqual(process.returncode, 0)
            self.assertEqual(json.loads(said)["a"]["frames_in"], 0)
            self.assertEqual(len(said.splitlines()), 1)

    def test_an_interface_that_goes_away_ends_it(self):
        inside = [*WITH_INTERFACES, '"$@" & pid=$!; ip link set dev a down; ip link set dev a up; '
                  "until test -S $5; do sleep 0.01; done; ip link delete dev b; wait $pid"]
        said = self.wire("a", "b", "--control", str(self.folder / "control"), status=1, prefix=inside)
        self.assertRegex(said, "wire: b: cannot read from it: ")


if __name__ == "__main__":
    unittest.main()
