"""Each flag and each figure is documented in one place, and nothing that there is not; manual pages and completions are
made of that place, and shells take them."""

import collections
import os
import pathlib
import pty
import re
import select
import signal
import subprocess
import tempfile
import time
import unittest

import yaml

from overlay import OTTD, TIMEOUT_S, Overlay, made_frames
from readme import ROOT, all_pages
from manual import read_manual  # in a folder that readme adds

MANUALS = {"ottd": ROOT / "src" / "app" / "OTTD.md", "ott-load": ROOT / "tools" / "load" / "OTT-LOAD.md"}
# Flags of other programs that the pages speak of.
OF_OTHERS = {"--core", "--full", "--lab", "--long", "--only", "--quick", "--wires"}
SHARE = ROOT / "build" / "share"
STATISTICS = ROOT / "src" / "role" / "STATISTICS.md"
API = ROOT / "src" / "role" / "openapi.yaml"
PROTOCOL = ROOT / "src" / "core" / "PROTOCOL.md"


def program(name: str) -> pathlib.Path:
    return pathlib.Path(OTTD).resolve().with_name(name)


def flags_in_help(name: str) -> dict:
    """Each flag of `NAME --help`, with all that it says of it, the value's name first."""
    said = subprocess.run([program(name), "--help"], check=True, capture_output=True, text=True).stdout
    found, last = {}, None
    for line in said.splitlines():
        if match := re.match(r"  (?:-\w,)?(--[\w-]+)(.*)", line):
            last = match[1]
            found[last] = match[2]
        elif last and line.startswith("   "):
            found[last] += "\n" + line
        else:
            last = None
    return found


class Flags(unittest.TestCase):
    def test_help_and_manual_have_the_same(self):
        for name, page in MANUALS.items():
            with self.subTest(name):
                listed = flags_in_help(name)
                self.assertGreater(len(listed), 15)
                times = collections.Counter(flag for entry in read_manual(page).entries for flag in entry.flags)
                del times["-h"]
                self.assertEqual(sorted(listed), sorted(times), "of --help, and of the manual")
                self.assertEqual([flag for flag, count in times.items() if count > 1], [], "explained twice")

    def test_their_values_are_the_same(self):
        """A flag takes a value in both or in neither; of a choice, --help has each word."""
        for name, page in MANUALS.items():
            listed = flags_in_help(name)
            for entry in read_manual(page).entries:
                for flag in set(entry.flags) - {"-h"}:
                    with self.subTest(f"{name} {flag}"):
                        takes = bool(re.match(r" \S", listed[flag]))
                        self.assertEqual(bool(entry.values(flag)), takes, listed[flag])
                        for value in entry.values(flag):
                            if re.fullmatch(r"[a-z]+(\|[a-z]+)+", value):
                                for word in value.split("|"):
                                    self.assertRegex(listed[flag], rf"\b{word}\b")

    def test_nothing_else_explains_or_names_them(self):
        """Other pages have no entries of flags, and what they name is a flag of something."""
        known = OF_OTHERS.union(*(flags_in_help(name) for name in MANUALS))
        wrong = []
        for page in all_pages():
            text = page.read_text()
            if page not in MANUALS.values() and re.search(r"^:   ", text, re.MULTILINE):
                wrong.append(f"{page.name} has entries")
            named = re.findall(r"`(--[a-z][\w-]*)", text) + re.findall(r"\bott(?:d|-load) [^`|\n]*", text)
            flags = {flag for words in named for flag in re.findall(r"(?<![\w-])--[a-z][\w-]*", words)}
            wrong += [f"{page.name} names {flag}" for flag in sorted(flags - known)]
        self.assertEqual(wrong, [])


def documented_figures() -> list:
    """The paths of STATISTICS.md, like links[].said.rtt_ms: one for each name in a table's first column."""
    found, group = [], ""
    for line in STATISTICS.read_text().splitlines():
        if line.startswith("## "):
            code = re.search(r"`([^`]+)`", line)
            group = code[1] + "." if code else ""
            if not re.match(r"## (`|All roles|Clients|Bootstrappers)", line):
                break  # what comes behind is about other things
        elif line.startswith("| `"):
            found += [group + name for name in re.findall(r"`([^`]+)`", line.split("|")[1])]
    return found


def paths_in(value, path="") -> set:
    """All that has a name in a line of statistics."""
    if isinstance(value, dict):
        return {below for key, each in value.items() for below in paths_in(each, f"{path}.{key}" if path else key)} | (
            {path} if path else set())
    if isinstance(value, list):
        return {path}.union(*(paths_in(each, path + "[]") for each in value)) - {path + "[]"}
    return {path}


class Names(unittest.TestCase):
    def test_the_api_has_those_of_the_statistics(self):
        schemas = yaml.safe_load(API.read_text())["components"]["schemas"]
        viewer = schemas["Route"]["properties"]["viewers"]["items"]["properties"]
        named = [*schemas["Node"]["properties"], *(f"links[].{name}" for name in schemas["Link"]["properties"]),
                 *(set(viewer) - {"node", "who"}), *(f"latency_ms.{name}" for name in viewer["latency_ms"]["properties"])]
        self.assertGreater(len(named), 30)
        self.assertEqual(sorted(set(named) - set(documented_figures())), [])


class Figures(unittest.TestCase):
    def setUp(self):
        self.net = Overlay("boot-r1")
        self.net.__enter__()
        self.addCleanup(self.net.end, show=True)

    def lines(self) -> list:
        """Statistics of each role, with a stream of each kind, and an outlet."""
        net = self.net
        (net.folder / "film.mjpeg").write_bytes(b"".join(made_frames(30, "160x120")))
        host = net.address["boot"]
        boot = net.bootstrap("clock=pattern:160x96@30", f"jpeg=rtp://{host}:5004", f"video=rtp://{host}:5006?encoding=H264",
                             f"film=vod:{net.folder}/film.mjpeg", flags=["--http", f"{host}:8080"])
        node = net.node("r1")
        viewer = net.guest("c1", "r1", "--stream", "clock", "--frames", "30")
        viewer.wait_for_exit()
        node.wait_for_stats(lambda line: any("said" in link for link in line["links"]), "what is measured of a link")
        for role in (boot, node):
            role.terminate()
        return [line for role in (boot, node, viewer) for line in role.stats()]

    def test_statistics_and_their_page_have_the_same(self):
        written = set().union(*(paths_in(line) for line in self.lines()))
        limits = {path for path in written if path.startswith("limits.")}
        documented = documented_figures()
        self.assertEqual([path for path, count in collections.Counter(documented).items() if count > 1], [])
        self.assertEqual(sorted(written - limits - set(documented)), [], "written, and not documented")
        self.assertEqual(sorted(set(documented) - written), [], "documented, and not written")
        counters = re.findall(r"\| (\w+_\w+) \|$", PROTOCOL.read_text(), re.MULTILINE)
        self.assertEqual(sorted({path.removeprefix("limits.") for path in limits}), sorted(set(counters)))


class MadeOfPages(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        subprocess.run(["make", "--silent", "share"], cwd=ROOT, check=True, stdin=subprocess.DEVNULL,
                       env={name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MAKELEVEL")})
        cls.pages = sorted(SHARE.glob("*.[1-9]"))


class ManualPages(MadeOfPages):

    def test_they_are_those_whose_page_says_so(self):
        manuals = [manual for page in all_pages() if (manual := read_manual(page))]
        self.assertEqual([page.name for page in self.pages], sorted(f"{each.name}.{each.section}" for each in manuals))

    def test_they_are_formatted_without_a_complaint(self):
        for page in self.pages:
            with self.subTest(page.name):
                done = subprocess.run(["man", "--warnings", "-E", "UTF-8", "-l", "-Tutf8", "-Z", page], capture_output=True,
                                      text=True, env={**os.environ, "LC_ALL": "C.UTF-8", "MANWIDTH": "100"})
                # A long word in a narrow column, which is shown all the same.
                complaints = [line for line in done.stderr.splitlines() if "adjust line" not in line]
                self.assertEqual((done.returncode, complaints), (0, []))

    def test_their_names_are_found(self):
        for page in self.pages:
            said = subprocess.run(["lexgrog", page], capture_output=True, text=True, check=True).stdout
            self.assertIn(f'"{page.stem} - ', said)

    def test_they_say_the_version(self):
        version = subprocess.run([program("ottd"), "--version"], check=True, capture_output=True, text=True).stdout.strip()
        self.assertRegex(version, r"^ottd \d+\.\d+\.\d+$")
        changelog = (ROOT / "tools" / "package" / "CHANGELOG.md").read_text()
        self.assertEqual(re.search(r"^## ([\d.]+),", changelog, re.MULTILINE)[1], version.split()[1])
        for page in self.pages:
            self.assertIn(f'"{version}"', page.read_text())


def read_until(terminal: int, typed: str, pattern: str) -> re.Match:
    """Types it, and waits for the pattern in what comes."""
    os.write(terminal, typed.encode())
    screen, deadline = "", time.monotonic() + TIMEOUT_S
    while not (match := re.search(pattern, screen)):
        if time.monotonic() > deadline:
            raise AssertionError(f"no {pattern} on the screen: {screen}")
        if select.select([terminal], [], [], 0.1)[0]:
            screen += os.read(terminal, 4096).decode(errors="replace")
    return match


class Completion(MadeOfPages):
    """By the shells themselves."""

    def completed_by_bash(self, words: list) -> list:
        name = words[0]
        script = (f'source {SHARE}/{name}.bash; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); '
                  f'complete -p {name} >/dev/null && _{name.replace("-", "_")} 2>/dev/null; printf "%s\\n" "${{COMPREPLY[@]}}"')
        done = subprocess.run(["bash", "--norc", "-c", script, "bash", *words], check=True, capture_output=True, text=True)
        return done.stdout.split()

    def completed_by_fish(self, line: str) -> list:
        with tempfile.TemporaryDirectory() as home:
            done = subprocess.run(["fish", "--no-config", "-c", f'source {SHARE}/{line.split()[0]}.fish; '
                                   f'complete -C "{line}"'], check=True, capture_output=True, text=True,
                                  env={**os.environ, "HOME": home})
        return [row.split("\t")[0] for row in done.stdout.splitlines()]

    def completed_by_zsh(self, line: str) -> str:
        """What its line has become after a tab. zsh completes at a terminal alone."""
        with tempfile.TemporaryDirectory() as folder:
            for name in MANUALS:
                pathlib.Path(folder, f"_{name}").write_bytes((SHARE / f"{name}.zsh").read_bytes())
            child, terminal = pty.fork()
            if child == 0:
                os.environ.update(HOME=folder, TERM="dumb", PS1="> ")
                os.execvp("zsh", ["zsh", "-f", "-i"])
            try:
                begin = f"fpath=({folder} $fpath); autoload -Uz compinit; compinit -u -D; echo rea''dy\n"
                read_until(terminal, begin, "ready")
                return line + read_until(terminal, f"{line}\t", re.escape(line) + r"(\S+)")[1]
            finally:
                os.kill(child, signal.SIGKILL)
                os.waitpid(child, 0)
                os.close(terminal)

    def test_bash(self):
        for name in MANUALS:
            flags = set(flags_in_help(name))
            self.assertEqual(set(self.completed_by_bash([name, "--"])), flags)
        self.assertEqual(self.completed_by_bash(["ottd", "--role", ""]), ["bootstrap", "node", "client"])
        self.assertEqual(self.completed_by_bash(["ottd", "--role", "=", "b"]), ["bootstrap"])
        self.assertEqual(self.completed_by_bash(["ottd", "--topology", str(ROOT / "topo")]), [str(ROOT / "topologies")])
        self.assertEqual(self.completed_by_bash(["ottd", "--bootstrap", ""]), [])

    def test_fish(self):
        for name in MANUALS:
            self.assertEqual(set(self.completed_by_fish(f"{name} --")), set(flags_in_help(name)))
        self.assertEqual(self.completed_by_fish("ottd --role "), ["bootstrap", "client", "node"])
        self.assertEqual(self.completed_by_fish(f"ottd --topology {ROOT}/topo"), [f"{ROOT}/topologies/"])
        self.assertEqual(self.completed_by_fish("ottd --bootstrap "), [])

    def test_zsh(self):
        for typed, completed in [("ottd --heart", "ottd --heartbeat"), ("ottd --role boot", "ottd --role bootstrap"),
                                 ("ott-load --stam", "ott-load --stampede")]:
            self.assertIn(self.completed_by_zsh(typed), (completed, completed + "="))


if __name__ == "__main__":
    unittest.main()
