"""tools/chaos, tools/chaos-join and tools/failures, in short: while relays and links fail, nothing is lost, nothing comes
twice."""

import json
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import unittest

from overlay import OTTD, wait_until, what_lacks_for_networks

TOOLS = pathlib.Path(__file__).resolve().parents[2] / "tools"
SEED = 7
CHAOS_MINUTES = 0.5  # and about ten seconds to begin and to end
NAMESPACE = "ottd-chaos-"


def namespaces_of(pid: int) -> list:
    listing = subprocess.run(["ip", "netns", "list"], check=True, stdout=subprocess.PIPE, text=True).stdout
    return [line for line in listing.splitlines() if line.startswith(f"{NAMESPACE}{pid}-")]


def commands_below(folder: pathlib.Path) -> list:
    """The command lines of the processes whose program or files are in this folder."""
    found = []
    for process in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if str(folder) in command:
            found.append(command)
    return found


class Tool:
    """One run of a tool, with its temporary files in a folder of its own and its figures read from there."""

    def __init__(self, name: str, *arguments):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="ottd-test."))
        self.json, self.output = self.folder / "figures.json", self.folder / "output"
        with open(self.output, "wb") as output:
            self.popen = subprocess.Popen([TOOLS / name, OTTD, *map(str, arguments), "--json", self.json],
                                          env=dict(os.environ, TMPDIR=str(self.folder)), stdin=subprocess.DEVNULL,
                                          stdout=output, stderr=subprocess.STDOUT)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.popen.poll() is None:
            self.popen.send_signal(signal.SIGTERM)
            self.popen.wait()
        shutil.rmtree(self.folder)

    def said(self) -> str:
        return self.output.read_text(errors="replace")

    def figures(self) -> dict:
        """Waits for its end, which must be a success."""
        status = self.popen.wait()
        assert status == 0, f"status {status}:\n{self.said()}"
        return json.loads(self.json.read_text())

    def leftovers(self) -> list:
        left = [str(path) for path in self.folder.glob("ottd-lab.*")]
        return left + commands_below(self.folder) + namespaces_of(self.popen.pid)


class Chaos(unittest.TestCase):
    timeout_s = 300

    def setUp(self):
        if lacking := what_lacks_for_networks():
            self.skipTest(lacking)

    def test_viewers_miss_nothing_while_everything_around_them_fails(self):
        with Tool("chaos", "--minutes", CHAOS_MINUTES, "--seed", SEED, "--verbose") as chaos:
            figures = chaos.figures()
            self.assertEqual(figures["violations"], [])
            self.assertGreater(sum(figures["faults"].values()), 10)
            for viewer, seen in figures["viewers"].items():
                self.assertGreater(seen["received"], 0, viewer)
                self.assertEqual(seen["twice"], 0, viewer)
            self.assertEqual(chaos.leftovers(), [])

    def test_twenty_that_find_each_other_miss_nothing(self):
        done = subprocess.run([TOOLS / "chaos-join", OTTD, "--minutes", "0.3", "--seed", str(SEED)],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertRegex(done.stdout, r"[1-9]\d+ faults, 0 violations, 20 processes")

    def test_it_notices_what_is_lost(self):
        """Without history a relay's death costs frames: this must be found."""
        with tempfile.TemporaryDirectory(prefix="ottd-test.") as folder:
            forgetful = pathlib.Path(folder) / "ottd"
            forgetful.write_text(f'#!/bin/sh\nexec "{pathlib.Path(OTTD).resolve()}" "$@" --history 1ms\n')
            forgetful.chmod(0o755)
            done = subprocess.run([TOOLS / "failures", forgetful, "--cases=b", "--stops=1", "--json=/dev/null"],
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
            self.assertEqual(done.returncode, 1, done.stdout)
            self.assertRegex(done.stdout, r"FAILED: .*member: \d+ frames lost")

    def test_nothing_is_left_of_a_run_that_is_interrupted_or_killed(self):
        for number in (signal.SIGINT, signal.SIGKILL):
            with self.subTest(number.name), Tool("chaos", "--minutes", 5, "--seed", SEED, "--verbose") as chaos:
                wait_until(lambda: "full rate" in chaos.said() or chaos.popen.poll() is not None, "chaos has begun")
                self.assertIsNone(chaos.popen.poll(), chaos.said())
                chaos.popen.send_signal(number)
                chaos.popen.wait()
                if number == signal.SIGKILL:  # the next run removes what this one could not
                    wait_until(lambda: commands_below(chaos.folder) == [], "its processes have ended")
                    self.assertNotEqual(namespaces_of(chaos.popen.pid), [])
                    with Tool("chaos", "--minutes", 5, "--seed", SEED, "--verbose") as other:
                        wait_until(lambda: "start" in other.said(), "the other run has begun")
                        self.assertEqual(namespaces_of(chaos.popen.pid), [])
                else:
                    self.assertEqual(chaos.leftovers(), [])


class Failures(unittest.TestCase):
    alone = True
    timeout_s = 300

    def test_viewers_miss_nothing_when_the_relay_on_their_way_fails(self):
        with Tool("failures", "--cases", "abd", "--kills", 5, "--stops", 3, "--leaves", 3, "--verbose") as failures:
            results = failures.figures()["results"]
            self.assertEqual([result["case"] for result in results], ["", "a", "b", "b", "d"])
            for result in results:
                self.assertEqual(set(result["viewers"]), {"member", "guest"})
                for viewer, seen in result["viewers"].items():
                    self.assertEqual((seen["lost"], seen["twice"]), (0, 0), f"{result['name']}: {viewer}")
                    self.assertGreater(seen["received"], 100)
            self.assertEqual(failures.leftovers(), [])


if __name__ == "__main__":
    unittest.main()
