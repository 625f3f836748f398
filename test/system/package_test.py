"""The Debian packages on a bare Debian 12: built, checked, installed, used, purged; and the library for other programs.

What the packages hold is what is built already (tools/package/deb --objects); `make deb` builds it anew, with Debian's
flags. The bare Debian is made by mmdebstrap from the archives that this host has its own packages from.
"""

import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

from overlay import OTTD
from readme import ROOT, read_manual

PACKAGE = ROOT / "tools" / "package"
BUILD = pathlib.Path(OTTD).resolve().parent
# Make of the test means nothing to that of the package.
ENVIRONMENT = {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS")}
CONTROL = (PACKAGE / "debian" / "control").read_text()


def run(command, **options) -> str:
    """Returns what it says; it has to end well."""
    done = subprocess.run([str(word) for word in command], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, errors="replace", env=ENVIRONMENT, **options)
    if done.returncode != 0:
        raise AssertionError(f"{command} has ended with {done.returncode}:\n{done.stdout[-6000:]}")
    return done.stdout


def make_variable(name: str) -> list:
    """A variable of the Makefile, as words."""
    return run(["make", "--silent", "--no-print-directory", f"--eval=print: ; @echo $({name})", "print"], cwd=ROOT).split()


class Sources(unittest.TestCase):
    """What the packages are made of says in each place the same."""

    def test_what_they_build_with_is_what_the_makefile_installs(self):
        field = re.search(r"^Build-Depends: (.*?)^\S", CONTROL, re.MULTILINE | re.DOTALL)[1]
        needed = {re.sub(r"\s*\(.*\)", "", word).strip() for word in field.split(",")} - {"debhelper-compat"}
        essential = {"g++", "make"}  # to build any package
        self.assertEqual(needed, set(make_variable("packages") + make_variable("install_packages")) - essential)

    def test_the_unit_is_hardened(self):
        """systemd's own rating, without a systemd that runs: at most 2, of 10 for a process that may do all."""
        said = run(["systemd-analyze", "security", "--offline=true", "--threshold=20", "--no-pager",
                    PACKAGE / "debian" / "ottd@.service"])
        score = re.search(r"Overall exposure level for \S+: ([\d.]+) ", said)[1]
        self.assertLess(float(score), 2)
        self.assertIn(f"unit {score} of 10", (PACKAGE / "PACKAGES.md").read_text())

    def test_units_are_right(self):
        with tempfile.TemporaryDirectory() as folder:
            for suffix in ("service", "socket"):
                shutil.copy(PACKAGE / "debian" / f"ottd@.{suffix}", f"{folder}/ottd@test.{suffix}")
            unit = pathlib.Path(folder, "ottd@test.service")
            unit.write_text(re.sub("/usr/bin/ottd", OTTD, unit.read_text()))
            self.assertEqual(run(["systemd-analyze", "verify", "--man=no", "--recursive-errors=no", unit,
                                  f"{folder}/ottd@test.socket"]).strip(), "")

    def test_the_example_configuration_has_flags_that_there_are(self):
        manual = read_manual(ROOT / "src" / "app" / "OTTD.md")
        flags = {flag for entry in manual.entries for flag in entry.flags}
        text = (PACKAGE / "debian" / "example.toml").read_text()
        named = re.findall(r"^# ([a-z-]+) = ", text, re.MULTILINE)
        self.assertGreater(len(named), 8)
        self.assertEqual({f"--{name}" for name in named} - flags, set())


# What dpkg, apt and the user database keep for themselves.
OF_THE_SYSTEM = re.compile(r"(var/(lib/(dpkg|apt|systemd)|cache|log)|tmp|proc|dev|sys|run)/|etc/(passwd|group|g?shadow|sub[ug]id)-?$|"
                           r"etc/\.pwd\.lock$|root/")


class Packages(unittest.TestCase):
    timeout_s = 600

    @classmethod
    def setUpClass(cls):
        if os.geteuid() != 0:
            raise unittest.SkipTest("a bare Debian needs root")
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="ottd-package."))
        cls.addClassCleanup(shutil.rmtree, cls.folder, ignore_errors=True)
        run([PACKAGE / "deb", "--objects", BUILD, "--to", cls.folder / "deb"])
        cls.debs = {path.name.partition("_")[0]: path for path in (cls.folder / "deb").glob("*.deb")
                    if "-dbgsym" not in path.name}
        cls.root = cls.folder / "root"
        cls.make_bare_debian()
        for deb in cls.debs.values():
            shutil.copy(deb, cls.root / "tmp")
        for test in (PACKAGE / "debian" / "tests").iterdir():
            shutil.copy(test, cls.root / "tmp")

    @classmethod
    def make_bare_debian(cls):
        """A Debian 12 with apt and nothing else, which reaches the archives as this host does."""
        settings = cls.folder / "apt.conf"
        settings.write_text("".join(line for line in run(["apt-config", "dump"]).splitlines(keepends=True)
                                    if line.startswith("Acquire::")))
        apt = pathlib.Path("/etc/apt")
        sources = [path for path in [apt / "sources.list", *sorted((apt / "sources.list.d").glob("*.sources"))]
                   if path.exists()]
        run(["mmdebstrap", "--variant=minbase", "--skip=cleanup/apt", f"--aptopt={settings}", "bookworm", cls.root,
             *sources])
        shutil.copy("/etc/resolv.conf", cls.root / "etc" / "resolv.conf")

    def inside(self, command: str, network: bool = False) -> str:
        """In the bare Debian, as root, with processes of its own, which end with the command, and a loopback of its own
        unless the network is wanted."""
        alone = [] if network else ["--net"]
        start = "ip link set lo up && exec chroot \"$0\" sh -ec \"$1\""
        return run(["unshare", "--mount", "--pid", "--fork", "--kill-child", f"--mount-proc={self.root}/proc", *alone,
                    "sh", "-c", start, self.root, f"export DEBIAN_FRONTEND=noninteractive; cd /tmp; {command}"])

    def install(self, what: str) -> str:
        return self.inside(f"apt-get install -y --no-install-recommends {what}", network=True)

    def files(self) -> set:
        found = (str(path.relative_to(self.root)) for path in self.root.rglob("*"))
        return {name for name in found if not OF_THE_SYSTEM.match(name)}

    def names(self) -> str:
        return "".join((self.root / "etc" / name).read_text() for name in ("passwd", "group", "shadow", "gshadow"))

    def test_one_is_installed_used_and_purged(self):
        depends = run(["dpkg-deb", "--field", self.debs["ottd"], "Depends"]).strip()
        self.inside(f"apt-get satisfy -y --no-install-recommends '{depends}' curl", network=True)
        before = self.files()
        self.install("./ottd_*.deb")
        self.assertIn("etc/ottd/example.toml", self.files())
        self.assertRegex(self.names(), r"ottd:x:\d+:\d+:[^:]*:/var/lib/ottd:/usr/sbin/nologin")
        version = self.inside("dpkg-query -W -f '${Version}' ottd")
        self.assertEqual(self.inside("ottd --version"), f"ottd {version}\n")
        self.assertIn("ok", self.inside("sh ./stream"))
        (self.root / "var" / "lib" / "ottd" / "cam").mkdir(parents=True)  # as systemd does for a unit
        (self.root / "etc" / "ottd" / "cam.toml").write_text('role = "node"\n')
        self.inside("apt-get purge -y ottd")
        self.assertEqual(sorted(self.files() ^ before), [])
        self.assertNotIn("ottd", self.names())
        self.assertNotIn("ottd", self.inside("dpkg-query -W -f '${Package}\\n'"))

    def test_the_example_is_built_against_the_library(self):
        self.install("./libott-dev_*.deb g++ make pkg-config")
        self.assertIn("3 links", self.inside("sh ./example"))

    def test_tools(self):
        self.install("./ott-tools_*.deb")
        self.assertIn("--viewers", self.inside("ott-load --help"))


if __name__ == "__main__":
    unittest.main()
