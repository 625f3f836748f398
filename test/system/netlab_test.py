"""tools/netlab: networks of CORE's files in namespaces, and nothing left of them afterwards."""

import contextlib
import ipaddress
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import unittest

from overlay import wait_until, what_lacks_for_namespaces

sys.dont_write_bytecode = True
ROOT = pathlib.Path(__file__).resolve().parents[2]
NETLAB = ROOT / "tools" / "netlab"
OLDER = pathlib.Path(__file__).resolve().parent / "core"
ODD = pathlib.Path(__file__).resolve().parent / "core_odd"
sys.path.insert(0, str(ROOT / "tools"))
import core_file  # noqa: E402
import imn_file  # noqa: E402
import labs  # noqa: E402


def what_lacks():
    if os.geteuid() != 0:
        return "namespaces by name need root"
    if shutil.which("nft") is None:
        return "nft (package nftables) is not installed"
    return what_lacks_for_namespaces()


def netlab(*arguments, status=0, **options):
    done = subprocess.run([NETLAB, *map(str, arguments)], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=120, **options)
    assert done.returncode == status, f"netlab {arguments}: status {done.returncode}\n{done.stdout}{done.stderr}"
    assert "Traceback" not in done.stderr, done.stderr
    return done


class NetlabCase(unittest.TestCase):
    """Each test's labs have names of their own, and are gone when it ends."""

    def setUp(self):
        if lacking := what_lacks():
            self.skipTest(lacking)
        self.folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory(prefix="ottd-test.")))
        self.mine = f"test-{os.getpid()}-{self._testMethodName[5:25]}"
        self.addCleanup(self.remove_all)

    def remove_all(self):
        for lab in self.left():
            netlab("down", "--lab", lab)
        self.assertEqual(self.left(), [])

    def left(self):
        """Labs of this test of which anything is there."""
        return [lab for lab in labs.labs() if lab.startswith(self.mine)]

    def up(self, file, suffix="", **options):
        lab = self.mine + suffix
        return lab, netlab("up", "--lab", lab, file, **options)

    def written(self, text: str) -> pathlib.Path:
        path = self.folder / "net.xml"
        path.write_text(text)
        return path

    def inside(self, lab, node, *command, status=0):
        return netlab("run", "--lab", lab, node, *command, status=status).stdout

    def assert_all_reach_all(self, lab, file, expected: int):
        scenario = (imn_file if file.suffix == ".imn" else core_file).read(file)
        addresses = {address.ip: device.name for device in scenario.devices for end in device.ends
                     for address in end.addresses}
        self.assertEqual(len(addresses), expected)
        self.assertEqual(labs.unreachable_pairs(lab, addresses), [])


class Scenarios(NetlabCase):
    def test_all_addresses_are_reachable(self):
        files = sorted((ROOT / "core-scenarios").glob("*.xml"))
        started = [subprocess.Popen([NETLAB, "up", "--lab", f"{self.mine}-{file.stem}", file], text=True,
                                    stdout=subprocess.PIPE, stderr=subprocess.STDOUT) for file in files]
        said = [process.communicate(timeout=120)[0] for process in started]
        for file, process, text in zip(files, started, said):
            with self.subTest(file.name):
                self.assertEqual(process.returncode, 0, text)
                self.assertNotIn("warning", text)
                topology = json.loads((ROOT / "topologies" / f"{file.stem}.json").read_text())
                addresses = {ipaddress.ip_address(address): node["name"] for address, node in topology.items()}
                self.assertEqual(labs.unreachable_pairs(f"{self.mine}-{file.stem}", addresses), [])

    def test_interfaces_are_as_in_the_file(self):
        file = ROOT / "core-scenarios" / "3-failover.xml"
        lab, _ = self.up(file)
        for device in core_file.read(file).devices:
            listed = json.loads(self.inside(lab, device.name, "ip", "-j", "address"))
            made = [(link["ifname"], [a["local"] for a in link["addr_info"] if a["family"] == "inet"])
                    for link in sorted(listed, key=lambda link: link["ifindex"]) if link["ifname"] != "lo"]
            self.assertEqual(made, [(end.name, [str(a.ip) for a in end.addresses]) for end in device.ends])


class Strangers(NetlabCase):
    """Files that this project has not made."""

    def test_older_names_hubs_trunks_and_one_way_limits(self):
        file = OLDER / "old-names.xml"
        lab, done = self.up(file)
        self.assert_all_reach_all(lab, file, 16)
        self.assertEqual(re.findall("warning: (.*)", done.stderr),
                         [f"{file}: service SSH (h4) is not started: it is not known here"])
        limits = {(node, interface): rate for node in ("r1", "r2", "r3") for interface, rate in
                  re.findall(r"tbf \w+: dev (\w+) root .*rate (\w+)", self.inside(lab, node, "tc", "qdisc", "show"))}
        self.assertEqual(limits, {("r1", "eth1"): "54Mbit", ("r2", "eth0"): "54Mbit", ("r2", "eth1"): "10Mbit",
                                  ("r3", "eth0"): "2Mbit"})
        self.assertRegex(self.inside(lab, "r2", "nft", "list", "ruleset"), r'device "eth0"[^}]*mod 100000 < 1500 drop')
        self.assertIn("mtu 1400", self.inside(lab, "h4", "ip", "link", "show", "eth0"))
        self.assertIn("ageing_time 0 ", self.inside(lab, "hub5", "ip", "-d", "link", "show", "br0"))

    def test_imn(self):
        lab, _ = self.up(OLDER / "tcl.imn")
        self.assertIn("10.0.0.0/24 via 10.0.1.1", self.inside(lab, "n2", "ip", "route"))
        netlab("import", OLDER / "tcl.imn", self.folder / "new.xml")
        other, _ = self.up(self.folder / "new.xml", "-new")
        self.assert_all_reach_all(other, self.folder / "new.xml", 10)

    def test_what_cannot_be_honoured_is_named(self):
        """Radio, containers, services, hooks, half an address, Mako, a route that fails, a gateway nobody has."""
        file = self.written("""<scenario><networks><network id="9" name="air" type="WIRELESS_LAN"/></networks><devices>
<device id="1" name="a" type="router" class="docker" image="x"/>
<device id="2" name="b" type="mine"><services><service name="StaticRoute"/><service name="HTTP"/></services></device>
<device id="3" name="c" type="PC"/>
<device id="4" name="d" type="x"><services><service name="StaticRoute"/></services></device>
</devices><links>
<link node1="1" node2="2"><iface1 id="0" ip4="10.0.0.1" ip4_mask="24" ip6="fd00::1"/>
<iface2 id="0" ip4="10.0.0.2" ip4_mask="24"/></link>
<link node1="3" node2="9"><iface1 id="0" ip4="10.5.0.7" ip4_mask="24"/></link>
<link node1="4" node2="9"><iface1 id="0" ip4="10.5.0.8" ip4_mask="24"/></link>
</links><service_configurations>
<service name="StaticRoute" node="2"><templates><template name="staticroute.sh">
ip route add 10.9.0.0/16 via 10.77.0.1</template></templates></service>
<service name="StaticRoute" node="4"><templates><template name="staticroute.sh">## gone
ip route add default via ${gateway}</template></templates></service>
</service_configurations><session_hooks><hook name="h" state="4">touch /x</hook></session_hooks>
<session_options><configuration name="controlnet" value="172.16.0.0/24"/></session_options></scenario>""")
        lab, done = self.up(file)
        for said in (r":1: network 9 \(air\): type WIRELESS_LAN is not to be had here",
                     r":2: device 1 \(a\): class docker", r"service HTTP \(b\) is not started",
                     r":7: link 1 \(a - b\): iface1: ip6 without ip6_mask gives no",
                     r"net.xml: b: service script staticroute.sh: .+: the rest of this script is not run",
                     r":14: staticroute.sh of d: 'ip route add default via \$\{gateway\}' is for Mako",
                     r"session_hooks: it is without effect", r"session option controlnet: it is without effect",
                     r"service DefaultRoute of device 3 \(c\) leads to 10.5.0.1, which is nobody's",
                     r"a does not reach 10.5.0.7 \(c\), 10.5.0.8 \(d\): network is unreachable"):
            self.assertRegex(done.stderr, "warning: .*" + said)
        self.assertEqual(labs.unreachable_pairs(lab, {ipaddress.ip_address("10.5.0.7"): "c",
                                                      ipaddress.ip_address("10.5.0.8"): "d"}), [])

    def stand_in_tc(self, does: str) -> dict:
        """A tc on the search path that answers for netem itself, and is the real one for all else."""
        path = self.folder / "tc"
        path.write_text(f'#!/bin/sh\ncase "$*" in *netem*) echo "$*" >>{self.folder}/said; {does};; esac\n'
                        f'exec {shutil.which("tc")} "$@"\n')
        path.chmod(0o755)
        return dict(os.environ, PATH=f"{self.folder}:{os.environ['PATH']}")

    LINK = """<scenario><devices><device id="1" name="a" type="x"/><device id="2" name="b" type="x"/></devices>
<links><link node1="1" node2="2"><iface1 id="0" ip4="10.0.0.1" ip4_mask="24"/>
<iface2 id="0" ip4="10.0.0.2" ip4_mask="24"/><options {options}/></link></links></scenario>"""

    def test_netem_where_it_is(self):
        options = 'delay="2000" jitter="500" loss="0.5" dup="2" bandwidth="5000000" buffer="50"'
        _, done = self.up(self.written(self.LINK.format(options=options)), env=self.stand_in_tc("exit 0"))
        self.assertEqual(done.stderr, "")
        said = (self.folder / "said").read_text().splitlines()[1:]  # after the trial
        self.assertEqual(said, ["qdisc replace dev eth0 root netem delay 2000us 500us 25% loss 0.5% duplicate 2% "
                                "rate 5000000bit limit 50"] * 2)

    def test_netem_is_told_of_changes(self):
        """A queue without a size of its own has two round trips' worth, as in CORE."""
        environment = self.stand_in_tc("exit 0")
        lab, _ = self.up(self.written(self.LINK.format(options='delay="20000" bandwidth="10000000"')), env=environment)
        netlab("link", "--lab", lab, "a", "eth0", "delay", "30ms", "loss", "1%", env=environment)
        netlab("link", "--lab", lab, "a", "eth0", "rate", "0", env=environment)
        said = (self.folder / "said").read_text().splitlines()
        self.assertEqual(said[1], "qdisc replace dev eth0 root netem delay 20000us rate 10000000bit limit 34")
        self.assertIn("qdisc replace dev eth0 root netem delay 30ms loss 1% rate 10000000bit limit 50", said)
        self.assertEqual(said[-1], "qdisc replace dev eth0 root netem delay 30ms loss 1%")

    def test_a_link_that_loses_everything_one_way(self):
        lab, done = self.up(self.written(self.LINK.format(options='loss="100" unidirectional="1"')),
                            env=self.stand_in_tc("exit 2"))
        self.assertIn("a does not reach 10.0.0.2 (b): no answer", done.stderr)
        self.assertIn("drop", self.inside(lab, "a", "nft", "list", "ruleset"))
        self.assertEqual(self.inside(lab, "b", "nft", "list", "ruleset"), "")


class Oddities(NetlabCase):
    """What files of CORE's users have. Each makes the warnings that are named here, and no other."""

    WARNINGS = {
        "1-comments.imn": [],
        "2-hook.imn": ["32: hook 4:started.sh: it is without effect here"],
        "3-one-direction-empty.imn": [],
        "5-same-mac.xml": [
            "10: link 2 (sw - b): the MAC 02:00:00:00:00:01 of eth0 of b is that of eth0 of a, too (link 1 (sw - a), "
            "line 9), on one piece of Ethernet: they take each other's frames",
            " a does not reach 10.3.0.10 (b): no answer", " b does not reach 10.3.0.20 (a): no answer", ...],
        "6-one-subnet-twice.xml": [
            "9: link 2 (r - b): 10.4.0.1 is an address of both r (eth0, link 1 (a - r), line 8) and r (eth1)",
            "9: link 2 (r - b): 10.4.0.0/24 is the subnet of another, separate link, too (link 1 (a - r), line 8): "
            "there is no way between the two",
            " a does not reach 10.4.0.21 (b): no answer", ...],
        "7-wlan-host-masks.xml": ["2: network 9 (air): type WIRELESS_LAN is not to be had here: a hub without range or "
                                  "loss takes its place"],
        "8-gateway-of-nobody.xml": [" service DefaultRoute of device 1 (a) leads to 10.6.1.1, which is nobody's"],
        "9-gateway-to-wireless.imn": ["181: node n10: type WIRELESS_LAN is not to be had here: a hub without range or "
                                      "loss takes its place", "260: plot p1: it is without effect here"],
        "10-custom-config-without-service.imn": [
            "1: node n1: custom-config emane_rfpipe is left out",
            " service SSH (n1) is left out: it is not known here"],
    }
    REACH_ALL = {"1-comments.imn": 2, "2-hook.imn": 2, "3-one-direction-empty.imn": 2, "7-wlan-host-masks.xml": 8,
                 "9-gateway-to-wireless.imn": 30, "10-custom-config-without-service.imn": 2}

    def test_each_has_its_warnings(self):
        labs_of = {name: f"{self.mine}-{name.partition('-')[0]}" for name in self.WARNINGS}
        started = {name: subprocess.Popen([NETLAB, "up", "--lab", lab, ODD / name], text=True, stdout=subprocess.PIPE,
                                          stderr=subprocess.PIPE) for name, lab in labs_of.items()}
        said = {name: (process.communicate(timeout=120)[1], process.returncode) for name, process in started.items()}
        for name, due in self.WARNINGS.items():
            with self.subTest(name):
                self.assertEqual(said[name][1], 0, said[name][0])
                warnings = [line.removeprefix(f"warning: {ODD / name}:") for line in said[name][0].splitlines()
                            if "netem" not in line]
                if ... in due:  # what follows from it
                    due = due[:-1]
                    warnings = warnings[:len(due)]
                self.assertEqual(warnings, due)
                if name in self.REACH_ALL:
                    self.assert_all_reach_all(labs_of[name], ODD / name, self.REACH_ALL[name])
        self.assertNotIn("tbf", self.inside(labs_of["3-one-direction-empty.imn"], "n2", "tc", "qdisc", "show"))
        self.check_wireless(labs_of["9-gateway-to-wireless.imn"])

    def check_wireless(self, lab):
        """Who hears whom has a route on the link, which is there again when the link was down."""
        for version, near, far in (("-4", "10.0.0.7 dev eth0", "10.0.1.0/24 via 10.0.0.5 dev eth0"),
                                   ("-6", "a::7 dev eth0", "a:1::/64 via a::5 dev eth0")):
            before = self.inside(lab, "n6", "ip", version, "route")
            self.assertIn(near, before)
            self.assertIn(far, before)
        netlab("link", "--lab", lab, "n6", "eth0", "down")
        netlab("link", "--lab", lab, "n6", "eth0", "up")
        self.assertEqual(sorted(self.inside(lab, "n6", "ip", "-6", "route").splitlines()), sorted(before.splitlines()))
        self.assert_all_reach_all(lab, ODD / "9-gateway-to-wireless.imn", 30)

    def test_a_static_route_to_a_gateway_of_nobody(self):
        """Whatever else is not reached, for another reason, is told of beside it."""
        file = self.written("""<scenario><devices><device id="1" name="a" type="x"><services>
<service name="StaticRoute"/></services></device><device id="2" name="r" type="x"><services><service name="IPForward"/>
</services></device><device id="3" name="b" type="PC"/><device id="4" name="c" type="x"/></devices><links>
<link node1="1" node2="2"><iface1 id="0" ip4="10.6.1.20" ip4_mask="24"/><iface2 id="0" ip4="10.6.1.1" ip4_mask="24"/>
</link><link node1="2" node2="3"><iface1 id="1" ip4="10.6.2.1" ip4_mask="24"/>
<iface2 id="0" ip4="10.6.2.20" ip4_mask="24"/></link>
<link node1="2" node2="4"><iface1 id="2" ip4="10.6.3.1" ip4_mask="24"/><iface2 id="0" ip4="10.6.3.20" ip4_mask="24"/>
</link></links><service_configurations><service name="StaticRoute" node="1"><templates>
<template name="staticroute.sh">ip route add default via 10.6.1.254</template></templates></service>
</service_configurations></scenario>""")
        _, done = self.up(file)
        said = [line.removeprefix(f"warning: {file}: ") for line in done.stderr.splitlines()]
        self.assertEqual(said[0], "the route of device 1 (a) to default leads to 10.6.1.254, which is nobody's")
        self.assertEqual(said[1:], ["c does not reach 10.6.1.20 (a), 10.6.1.1 (r), 10.6.2.1 (r), 10.6.2.20 (b): "
                                    "network is unreachable"])


class Life(NetlabCase):
    FILE = ROOT / "core-scenarios" / "1-paths.xml"

    def test_two_labs_of_one_file_side_by_side(self):
        one, _ = self.up(self.FILE, "-one")
        two, _ = self.up(self.FILE, "-two")
        again = netlab("up", "--lab", one, self.FILE, status=1).stderr
        self.assertIn(f"lab {one} is up already (from {self.FILE})", again)
        self.assertIn(f"{one}: up", netlab("status").stdout)
        shown = netlab("status", "--lab", two).stdout
        self.assertRegex(shown, r"n2 \(router\)\n    eth0 +up +10.0.0.1/24\n    eth1 +up +10.0.1.1/24")
        self.assertIn("several labs are up, say which with --lab", netlab("run", "n1", "true", status=1).stderr)
        self.assertIn("has no node n9; it has: n1, n2,", netlab("run", "--lab", one, "n9", "true", status=1).stderr)
        self.assertIn("there is no lab nowhere", netlab("down", "--lab", "nowhere", status=1).stderr)
        self.inside(one, "n1", "sh", "-c", "exit 7", status=7)
        netlab("down", "--lab", one)
        self.assertEqual(self.left(), [two])
        self.assert_all_reach_all(two, self.FILE, 10)

    def test_a_link_goes_down_and_comes_back_with_its_routes(self):
        lab, _ = self.up(self.FILE)
        before = self.inside(lab, "n2", "ip", "route")
        self.assertIn("10.0.3.0/24 via 10.0.1.2 dev eth1", before)
        netlab("link", "--lab", lab, "n2", "eth1", "down")
        addresses = {ipaddress.ip_address("10.0.0.10"): "n1", ipaddress.ip_address("10.0.3.20"): "n5"}
        self.assertNotEqual(labs.unreachable_pairs(lab, addresses), [])
        self.assertRegex(netlab("status", "--lab", lab).stdout, r"eth1 +down +10.0.1.1/24")
        netlab("link", "--lab", lab, "n2", "eth1", "down")  # told twice
        netlab("link", "--lab", lab, "n2", "eth1", "up")
        self.assertEqual(sorted(self.inside(lab, "n2", "ip", "route").splitlines()), sorted(before.splitlines()))
        self.assertEqual(labs.unreachable_pairs(lab, addresses), [])
        self.assertIn("n2 has no interface eth7; it has: eth0, eth1, eth2",
                      netlab("link", "--lab", lab, "n2", "eth7", "down", status=1).stderr)

    def test_down_ends_what_runs_there(self):
        lab, _ = self.up(self.FILE)
        with subprocess.Popen([NETLAB, "run", "--lab", lab, "n1", "sh", "-c", "echo there; exec cat"], text=True,
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
            self.assertEqual(process.stdout.readline(), "there\n")
            netlab("down", "--lab", lab)
            self.assertEqual(process.wait(30), -signal.SIGKILL)
        self.assertEqual(self.left(), [])

    def waiting_file(self):
        """A scenario whose static routes wait for ever, and say that they do."""
        return self.written(f"""<scenario><devices><device id="1" name="a" type="x"><services>
<service name="StaticRoute"/></services></device></devices><service_configurations><service name="StaticRoute" node="1">
<templates><template name="staticroute.sh">mkfifo {self.folder}/fifo
touch {self.folder}/there
cat {self.folder}/fifo</template></templates></service></service_configurations></scenario>""")

    @contextlib.contextmanager
    def half_made(self):
        with subprocess.Popen([NETLAB, "up", "--lab", self.mine, self.waiting_file()], text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            try:
                wait_until((self.folder / "there").exists, "the lab is half made")
                yield process
            finally:
                process.kill()

    def test_making_it_is_interrupted(self):
        with self.half_made() as process:
            self.assertIn("is being made or removed by another", netlab("down", "--lab", self.mine, status=1).stderr)
            self.assertIn(f"{self.mine}: being made or removed", netlab("status").stdout)
            process.send_signal(signal.SIGTERM)
            self.assertEqual(process.wait(30), 130)
        self.assertEqual(self.left(), [])

    def test_making_it_is_killed(self):
        """What is left is shown, in nobody's way, and goes with `down`."""
        for way_out in ("down", "up"):
            with self.subTest(way_out), self.half_made() as process:
                process.kill()
                process.wait()
                self.assertRegex(netlab("status").stdout, f"{self.mine}: not whole.*, (1 process|[2-9] processes)")
                if way_out == "up":
                    self.up(self.FILE)
                    self.assert_all_reach_all(self.mine, self.FILE, 10)
                netlab("down", "--lab", self.mine)
                self.assertEqual(self.left(), [])
            for name in ("there", "fifo"):
                (self.folder / name).unlink()

    def test_a_file_that_cannot_be_made_leaves_nothing(self):
        file = self.written("""<scenario><devices><device id="1" name="a" type="x"/>
<device id="2" name="b" type="x"/></devices><links><link node1="1" node2="2"/>
<link node1="1" node2="2"><iface1 id="1" mac="01:00:5e:00:00:01"/></link></links></scenario>""")
        said = self.up(file, status=1)[1].stderr
        self.assertRegex(said, rf"netlab: {file}:3: link 2 \(a - b\): cannot be made: .*address")
        self.assertEqual(self.left(), [])


if __name__ == "__main__":
    unittest.main()
