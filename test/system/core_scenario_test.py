"""tools/scenario in short, in namespaces and through the commands of CORE, and what its reports show."""

import base64
import contextlib
import io
import json
import os
import pathlib
import re
import shlex
import signal
import subprocess
import sys
import tempfile
import threading
import unittest
import unittest.mock

import jpeg
from netlab_test import what_lacks
from overlay import OTTD, wait_until
from report_page import Page

sys.dont_write_bytecode = True
ROOT = pathlib.Path(__file__).resolve().parents[2]
SCENARIO, NETLAB = ROOT / "tools" / "scenario", ROOT / "tools" / "netlab"
sys.path.insert(0, str(ROOT / "tools"))
import core_session  # noqa: E402
import labs  # noqa: E402

SECONDS = "2.5"


class Run:
    """A scenario that is running, its report in a folder of its own."""

    def __init__(self, *arguments, environment=None, prefix=(), **options):
        self.folder = tempfile.TemporaryDirectory(prefix="ottd-test.")
        self.path = pathlib.Path(self.folder.name)
        self.output = self.path / "output"
        with open(self.output, "wb") as output:
            self.popen = subprocess.Popen([*prefix, SCENARIO, *arguments, "--ottd", OTTD, "--out", self.path],
                                          stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, **options,
                                          env=dict(os.environ, TMPDIR=str(self.path),
                                                   **{"OTT_TEST_CLIP": "", **(environment or {})}))

    def said(self) -> str:
        return self.output.read_text(errors="replace")

    def figures(self, stem: str):
        """Waits for its end, in order. Returns what is in report.json and the page."""
        status = self.popen.wait(150)
        assert status == 0, f"status {status}:\n{self.said()}"
        return json.loads((self.path / stem / "report.json").read_text()), \
            Page((self.path / stem / "report.html").read_text())

    def labs(self) -> list:
        return [lab for lab in labs.labs() if lab.endswith(f"-{self.popen.pid}")]

    def end(self):
        if self.popen.poll() is None:
            self.popen.send_signal(signal.SIGTERM)
            self.popen.wait(60)
        self.folder.cleanup()


class ScenarioCase(unittest.TestCase):
    def setUp(self):
        if lacking := what_lacks():
            self.skipTest(lacking)

    def run_of(self, *arguments, **options) -> Run:
        run = Run(*arguments, **options)
        self.addCleanup(run.end)
        return run

    def assert_page(self, page: Page, figures: dict):
        """It stands alone, is well formed and readable, and has a map and bars for each phase, three charts for each
        run, pictures from each viewer, and all results."""
        self.assertEqual((page.outside, page.open, page.words_in_the_way()), ([], [], []))
        phases = [phase["name"] for run in figures["runs"] for phase in run["phases"]]
        self.assertEqual(sorted(drawing["label"] for drawing in page.drawings),
                         sorted([f"{kind}, {name}" for name in phases for kind in ("map", "bars")] +
                                ["frames per second", "latency", "ways"] * len(figures["runs"])))
        whens = ["before", "after"] if figures["runs"][0]["events"] else ["at the beginning", "at the end"]
        self.assertEqual([re.sub(r", [\d.]+ s", "", alt) for alt, _ in page.pictures],
                         [f"{node} {when}" for run in figures["runs"] for _ in run["events"] or [None]
                          for node in run["clients"] for when in whens])
        for (_, before), (_, after) in zip(page.pictures[::2], page.pictures[1::2]):
            for uri in (before, after):
                jpeg.parse(base64.b64decode(uri.removeprefix("data:image/jpeg;base64,")))
            self.assertNotEqual(before, after)
        maxima = [text for drawing in page.drawings for _, text in drawing["words"] if text.startswith("max ")]
        self.assertEqual(maxima, [f"max {seen['latency_ms']['max']:.1f} ms" for run in figures["runs"]
                                  for seen in run["clients"].values()])
        for result in figures["results"]:
            self.assertIn(result["what"], page.text)
            self.assertIn(result["value"], page.text)
            self.assertIn(result["original"], page.text)

    def assert_unharmed(self, figures: dict, clients: str):
        for run in figures["runs"]:
            self.assertEqual(" ".join(run["clients"]), clients)
            for node, seen in run["clients"].items():
                self.assertEqual((seen["frames_lost"], seen["frames_duplicate"]), (0, 0), node)
                self.assertGreater(sum(seen["rate"]), 0)
                self.assertTrue(any(seen["latency"]))


class Short(ScenarioCase):
    """Side by side: none of them has much to do."""
    timeout_s = 300

    def test_measured(self):
        """A way that saturates is left by quality, and by hops it is not. How soon is no matter here."""
        run = self.run_of("6-measured", "--seconds", SECONDS)
        figures, page = run.figures("6-measured")
        self.assert_page(page, figures)
        self.assert_unharmed(figures, "n5 n6")
        ways = {one["metric"]: one["ways"]["n5"] for one in figures["runs"]}
        self.assertEqual({way["by"][1] for way in ways["cost"]}, {"n2"})
        self.assertEqual([ways["quality"][i]["by"][1] for i in (0, -1)], ["n2", "n3"])
        for one in figures["runs"]:
            self.assertEqual([event["text"] for event in one["events"]],
                             ["n1's link to n2 carries 1.8 Mbit/s", "n1's link to n2 carries all again"])
        self.assertEqual(run.labs(), [])

    def test_best_source(self):
        """One viewer goes from one server to the other and back, and nobody else does."""
        run = self.run_of("5-best-source", "--seconds", SECONDS)
        figures, page = run.figures("5-best-source")
        self.assert_page(page, figures)
        self.assert_unharmed(figures, "n5 n6 n7")
        servers = {viewer: [way["by"][0] for way in ways] for viewer, ways in figures["runs"][0]["ways"].items()}
        events = [event["at_s"] for event in figures["runs"][0]["events"]]
        before = [[way["by"][0] for way in figures["runs"][0]["ways"]["n5"] if way["at_s"] < at] for at in events]
        self.assertEqual([before[0][-1], before[1][-1], servers["n5"][-1]], ["n1", "n4", "n1"])
        self.assertEqual({*servers["n6"], *servers["n7"]}, {"n4"})

    def test_the_first_four(self):
        clip = {"2-multicast": {"OTT_TEST_CLIP": os.environ.get("OTT_TEST_CLIP", "")}}
        runs = {stem: self.run_of(stem, "--seconds", SECONDS, environment=clip.get(stem)) for stem in
                ("1-paths", "2-multicast", "3-failover", "4-sites")}
        for stem, check, clients in (
                ("1-paths", self.check_paths, "n5 n6"), ("2-multicast", self.check_multicast, "n7 n8"),
                ("3-failover", self.check_failover, "n8"),
                ("4-sites", self.check_sites, "n15 n16 n17 n18 n23 n24 n25 n26 n31 n32 n33 n34")):
            with self.subTest(stem):
                figures, page = runs[stem].figures(stem)
                self.assert_page(page, figures)
                self.assert_unharmed(figures, clients)
                check(figures)
                self.assertEqual(runs[stem].labs(), [])
                for result in figures["results"]:
                    self.assertIn(result["what"], runs[stem].said())

    def check_paths(self, figures: dict):
        self.assertEqual(figures["runs"][0]["phases"][0]["paths"], {"n5": ["n1", "n2", "n3", "n5"],
                                                                    "n6": ["n1", "n2", "n4", "n6"]})

    def check_multicast(self, figures: dict):
        phase = figures["runs"][0]["phases"][0]
        at = phase["interfaces"]["n2"]
        frame = phase["tree"][0]["bytes"] / phase["tree"][0]["frames"]  # one may be in and not yet out
        for branch in ("eth1", "eth2"):
            self.assertLess(abs(at["eth0"]["in"] - at[branch]["out"]), 0.01 * at[branch]["out"] + frame)
        self.assertGreater(at["eth0"]["unicast_in"], 1.8 * at["eth0"]["in"])
        self.assertEqual([result["original"] for result in figures["results"]][:3], ["", "+7.0%", "+6.8%"])

    def check_failover(self, figures: dict):
        for run in figures["runs"]:
            how = f"is stopped by {run['name']}"
            self.assertEqual([event["text"] for event in run["events"]],
                             ["n9 joins", f"n6 {how}", "n6 joins", f"n9 {how}"])
            over = [[node for node in phase["paths"]["n8"] if node in ("n6", "n9")] for phase in run["phases"]]
            self.assertEqual((over[0], over[2], over[3]), (["n6"], ["n9"], ["n6"]))
            self.assertEqual(len(run["clients"]["n8"]["gaps_ms"]), 4)
            for phase in run["phases"]:  # the kernel's counters say the same as the processes
                carried = {node: sum(t["out"] for t in phase["interfaces"][node].values()) for node in ("n6", "n9")}
                on, off = ("n6", "n9") if "n6" in phase["paths"]["n8"] else ("n9", "n6")
                self.assertGreater(carried[on], 10 * carried[off], phase["name"])

    def check_sites(self, figures: dict):
        sent = {run["tree"]: run["phases"][0]["interfaces"] for run in figures["runs"]}
        for node, interface in (("n2", "eth1"), ("n3", "eth2"), ("n3", "eth3"), ("n3", "eth4")):
            shared, shortest = (sent[tree][node][interface]["out"] for tree in ("shared", "shortest"))
            self.assertLess(shared, 0.5 * shortest)


class InCore(ScenarioCase):
    """CORE itself is not to be had here: stand-ins of its two commands run in netlab what they are told to, and note
    how they are called. They keep sessions as core-daemon does: a file for each, with what the list shows of it."""

    CORE_CLI = """#!/bin/sh
echo "core-cli $*" >>{folder}/log
cd {folder}/sessions
case "$1 $2" in
"query sessions")
  echo "Session ID | Session State | Nodes"
  for id in *; do printf '%-10s | %s\\n' $id "$(cat $id)"; done;;
"xml -f")
  echo "DEFINITION    | 0" >4  # somebody's new editor
  echo "CONFIGURATION | 2" >7
{opening}
  echo "RUNTIME       | 6" >7
  echo "opened xml: True,7";;
"link -s")  # 7 edit -n1 1 -i1 0 -n2 2 -i2 0 -b BANDWIDTH -de DELAY
  for end in "n$6 eth$8" "n${{10}} eth${{12}}"; do
    {netlab} link --lab {lab} $end delay ${{16}}us >/dev/null || exit 1
  done
  echo "edit link: True";;
"session -i")
  rm $3
  if test -e $TMPDIR/pycore.7; then {netlab} down --lab {lab}; fi
  echo "delete session($3): True";;
esac
"""
    WHOLE = """  {netlab} up --lab {lab} "$3" >/dev/null || exit 1
  mkdir $TMPDIR/pycore.7
  for node in n1 n2 n3 n4 n5 n6 n7; do touch $TMPDIR/pycore.7/$node; done"""
    IN_THE_WAY = """  echo "grpc error: Exception calling application: command(['ip', 'link', 'add', 'name', \
'p.9.7', 'type', 'bridge']), status(2):"
  echo "stdout: "
  echo "stderr: RTNETLINK answers: File exists"
  exit 0"""
    SLOW = """  touch {folder}/opening
  cat {folder}/fifo"""
    VCMD = """#!/bin/sh
echo "vcmd $*" | head -n 1 >>{folder}/log
test "$1 $3" = "-c --" || exit 9
node=$(basename "$2")
shift 3
exec ip netns exec ottd.{lab}.$node "$@"
"""

    def setUp(self):
        super().setUp()
        self.lab = f"test-{os.getpid()}-core"
        self.folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory(prefix="ottd-test.")))
        self.sessions = self.folder / "sessions"
        self.sessions.mkdir()
        (self.sessions / "3").write_text("RUNTIME       | 4\n")  # somebody else's

    def stand_in(self, opening: str) -> dict:
        """Makes the two commands; returns an environment in which they are found."""
        names = {"folder": self.folder, "netlab": shlex.quote(str(NETLAB)), "lab": self.lab}
        for name, text in (("core-cli", self.CORE_CLI), ("vcmd", self.VCMD)):
            (self.folder / name).write_text(text.format(opening=opening.format(**names), **names))
            (self.folder / name).chmod(0o755)
        return {"PATH": f"{self.folder}:{os.environ['PATH']}"}

    def said(self) -> list:
        return (self.folder / "log").read_text().splitlines()

    def assert_closed(self):
        """Our session, and nobody else's."""
        self.assertEqual(self.said().count("core-cli session -i 7 delete"), 1)
        self.assertEqual(sorted(path.name for path in self.sessions.iterdir()), ["3", "4"])

    def test_scenario_1(self):
        run = self.run_of("paths", "--core", "--seconds", SECONDS, environment=self.stand_in(self.WHOLE))
        figures, _ = run.figures("1-paths")
        self.assertEqual(figures["network"], "CORE")
        self.assert_unharmed(figures, "n5 n6")
        said = self.said()
        self.assertEqual(said[:2], ["core-cli query sessions", f"core-cli xml -f {ROOT}/core-scenarios/1-paths.xml -s"])
        self.assertEqual(said[-1], "core-cli session -i 7 delete")
        self.assertEqual({re.sub(r"(vcmd -c \S+/pycore\.7/n\d --) .*", r"\1", line) for line in said[2:-1]},
                         {f"vcmd -c {run.path}/pycore.7/n{i} --" for i in range(1, 7)})
        started = [line for line in said if "--role" in line]
        self.assertIn("n1", {re.search(r"/(n\d) -- ", line)[1] for line in started if "--why" in line})
        roles = [re.search(r"/(n\d) -- .*--role (\w+)", line).groups() for line in started if "--why" not in line]
        self.assertEqual(roles[0], ("n1", "bootstrap"))
        self.assertEqual(set(roles[1:5]), {("n1", "client"), ("n2", "node"), ("n3", "node"), ("n4", "node")})
        self.assertEqual(set(roles[5:]), {("n5", "client"), ("n6", "client")})
        self.assert_closed()
        self.assertNotIn(self.lab, labs.labs())

    def test_links_that_change(self):
        """By CORE's own command, for both directions; what it does is netlab's here."""
        run = self.run_of("5", "--core", "--seconds", SECONDS, environment=self.stand_in(self.WHOLE))
        run.popen.wait(150)
        self.assertEqual([line for line in self.said() if line.startswith("core-cli link")],
                         [f"core-cli link -s 7 edit -n1 1 -i1 0 -n2 2 -i2 0 -b 0 -de {delay} -j 0 -l 0 -du 0"
                          for delay in (60000, 5000)], run.said())
        self.assert_closed()

    def test_a_left_bridge_is_in_the_way(self):
        """core-cli is not on the search path; the bridge of a session that is there is not named."""
        self.stand_in(self.IN_THE_WAY)
        script = f"""mount -t tmpfs none /opt && mkdir -p /opt/core/venv/bin
ln -s {self.folder}/core-cli {self.folder}/vcmd /opt/core/venv/bin
for name in p.9.7 p.1f.5 p.2.3; do ip link add $name type bridge; done
exec "$@"
"""
        run = self.run_of("1", "--core", prefix=["unshare", "-m", "-n", "sh", "-ec", script, "sh"])
        self.assertEqual(run.popen.wait(60), 1)
        self.assertRegex(run.said(), f"scenario: core-cli did not open {ROOT}/core-scenarios/1-paths.xml: grpc error: "
                         r"Exception calling application: (.*\n)*stderr: RTNETLINK answers: File exists\n"
                         r"CORE has left p.1f.5, p.9.7 behind, .*: ip link delete p.1f.5; ip link delete p.9.7\n$")
        self.assert_closed()

    def test_opening_is_interrupted(self):
        """It ends as it does, and then the session is closed. A Ctrl-C reaches all in the terminal."""
        os.mkfifo(self.folder / "fifo")
        environment = self.stand_in(self.SLOW)
        for number in (signal.SIGINT, signal.SIGTERM):
            with self.subTest(number.name):
                run = self.run_of("1", "--core", environment=environment, process_group=0)
                wait_until((self.folder / "opening").exists, "CORE is opening")
                os.killpg(run.popen.pid, number)
                wait_until(lambda: "CORE is still opening the session" in run.said(), "it waits for that")
                os.killpg(run.popen.pid, number)  # by somebody without patience
                (self.folder / "fifo").write_text("")
                self.assertEqual(run.popen.wait(60), 130, run.said())
                self.assert_closed()
                (self.folder / "opening").unlink()
                (self.folder / "log").unlink()

    def test_opening_is_interrupted_and_never_ends(self):
        os.mkfifo(self.folder / "fifo")
        def interrupt():
            wait_until((self.folder / "opening").exists, "CORE is opening")
            os.kill(os.getpid(), signal.SIGINT)
        self.enterContext(unittest.mock.patch.dict(os.environ, self.stand_in(self.SLOW)))
        self.enterContext(unittest.mock.patch.object(core_session, "OPEN_PATIENCE_S", 0.1))
        self.enterContext(contextlib.redirect_stderr(io.StringIO()))
        other = threading.Thread(target=interrupt)
        other.start()
        session = core_session.CoreSession(ROOT / "core-scenarios" / "1-paths.xml", "")
        with self.assertRaises(KeyboardInterrupt), session:
            self.fail("it is open")
        other.join()
        self.assert_closed()

    def test_a_session_that_is_open_is_interrupted(self):
        """While the way into its nodes is not there yet."""
        run = self.run_of("1", "--core", environment=self.stand_in(""))
        session = self.sessions / "7"
        wait_until(lambda: session.exists() and "RUNTIME" in session.read_text(), "it is open")
        run.popen.send_signal(signal.SIGHUP)
        self.assertEqual(run.popen.wait(60), 130, run.said())
        self.assert_closed()

    def test_a_daemon_that_is_away(self):
        self.stand_in("")
        (self.folder / "core-cli").write_text("#!/bin/sh\necho 'grpc error: failed to connect to all addresses'\n")
        run = self.run_of("1", "--core", environment={"PATH": f"{self.folder}:{os.environ['PATH']}"})
        self.assertEqual(run.popen.wait(60), 1)
        self.assertIn("scenario: core-cli query sessions: grpc error: failed to connect to all addresses; does "
                      "core-daemon run?", run.said())

    def test_without_core(self):
        run = self.run_of("1", "--core", environment={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"},
                          prefix=["unshare", "-m", "sh", "-ec", 'mount -t tmpfs none /opt; exec "$@"', "sh"])
        self.assertEqual(run.popen.wait(60), 1)
        self.assertIn("core-cli is not installed here", run.said())


class Wrong(ScenarioCase):
    def test_usage(self):
        for arguments, said in ((["7"], "no scenario '7'; there are: 1-paths, 2-multicast, 3-failover, 4-sites, "
                                 "5-best-source, 6-measured"),
                                (["1", "--seconds", "1"], "'1' is not 2.5 or more"),
                                (["1", "--ottd", "/nowhere"], "there is no program /nowhere")):
            done = subprocess.run([SCENARIO, *arguments], capture_output=True, text=True)
            self.assertEqual(done.returncode, 2)
            self.assertIn(said, done.stderr)

    def test_a_source_that_is_not_there(self):
        run = self.run_of("1", "--stream", "/nowhere.mjpeg")
        self.assertEqual(run.popen.wait(60), 1)
        self.assertRegex(run.said(), "scenario: n1 ended by itself .*\n(.*\n)*.*nowhere.mjpeg")
        self.assertEqual(run.labs(), [])

    def test_nothing_is_left_of_one_that_is_interrupted_or_killed(self):
        for number in (signal.SIGTERM, signal.SIGKILL):
            with self.subTest(number.name):
                run = self.run_of("1")
                wait_until(lambda: "at first" in run.said() or run.popen.poll() is not None, "it measures")
                self.assertIsNone(run.popen.poll(), run.said())
                lab, = run.labs()
                run.popen.send_signal(number)
                run.popen.wait(60)
                if number == signal.SIGKILL:  # what it could not remove goes with the next lab that is made
                    wait_until(lambda: labs.process_count(lab) == 0, "its processes have ended")
                    self.assertEqual(labs.condition(lab), "left by a run that has died")
                    other = f"test-{os.getpid()}-next"
                    subprocess.run([NETLAB, "up", "--lab", other, ROOT / "core-scenarios" / "1-paths.xml"], check=True,
                                   stdout=subprocess.DEVNULL)
                    subprocess.run([NETLAB, "down", "--lab", other], check=True)
                self.assertEqual(run.labs(), [])


if __name__ == "__main__":
    unittest.main()
