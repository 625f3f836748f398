"""What the README and its pages say is so: a walk through all of them, and the summary of the demo."""

import collections
import os
import pathlib
import re
import subprocess
import tempfile
import unittest

from netlab_test import what_lacks
from overlay import OTTD, what_lacks_for_namespaces
from readme import ROOT, Pages, all_pages
from readme_walk import Walk


class README(unittest.TestCase):
    timeout_s = 600

    def test_a_walk_through_it(self):
        if lacking := what_lacks():
            self.skipTest(lacking)
        done = subprocess.run([ROOT / "test" / "system" / "readme_walk.py"], stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.assertEqual(done.returncode, 0, done.stdout)

    def test_the_walk_misses_what_is_new(self):
        new = "Say `ottd --role singer` or:\n\n    ottd --role dancer   # soon\n\nand\n\n    {\n"
        known = Pages()
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "NEW.md"
            path.write_text(new)
            walk = Walk(ROOT, pathlib.Path(folder), Pages([*known.paths, path]))
        walk.typed = {*known.spans, *(command for block in known.blocks for command in block.commands())}
        walk.looked_at = {block.place for block in known.blocks}
        self.assertEqual(walk.left_out(), ["NEW.md:3: ottd --role dancer", "NEW.md:1: ottd --role singer", "NEW.md:7: {"])

    def test_it_leads_to_every_page(self):
        """Each page's links lead to a file and to a heading in it, and the README has one to each page."""
        pages = {path: path.read_text() for path in all_pages()}
        broken, led_to = [], set()
        for path, text in pages.items():
            for target, anchor in re.findall(r"\]\((?!https?:)([^)#\s]*)(#[^)\s]*)?\)", text):
                file = (path.parent / target).resolve() if target else path
                if path.name == "README.md":
                    led_to.add(file)
                if not file.exists() or (anchor and anchor not in anchors(pages.get(file, ""))):
                    broken.append(f"{path.relative_to(ROOT)}: {target}{anchor}")
        self.assertEqual(broken, [])
        beside_another = {"NOTES.md"}  # of measurements: RESULTS.md and ARCHITECTURE.md lead there
        self.assertEqual({path.name for path in pages} - {path.name for path in led_to} - beside_another, {"README.md"})


def anchors(text: str) -> set:
    """Those that GitHub gives a page's headings."""
    return {"#" + re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
            for heading in re.findall(r"^#+ (.*)", text, re.MULTILINE)}


class Architecture(unittest.TestCase):
    def test_it_names_every_file_of_the_layers_that_it_lists(self):
        page = (ROOT / "src" / "ARCHITECTURE.md").read_text()
        files = {path.stem for layer in ("overlay", "role", "media") for path in (ROOT / "src" / layer).iterdir()
                 if path.suffix in (".cpp", ".h")}
        self.assertGreater(len(files), 50)
        self.assertEqual([name for name in sorted(files) if not re.search(rf"\b{name}\b", page)], [])


class Demo(unittest.TestCase):
    def test_the_summarys_figures_are_of_the_same_frames(self):
        if lacking := what_lacks_for_namespaces():
            self.skipTest(lacking)
        alone = ["unshare", "-n" if os.geteuid() == 0 else "-rn", "sh", "-c", 'ip link set lo up && exec "$0" "$@"']
        done = subprocess.run([*alone, ROOT / "tools" / "demo", OTTD, "2"], stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.assertEqual(done.returncode, 0, done.stdout)
        clients = re.findall(r"^(c\d) +(\d+) +\d+ +(\d+) ", done.stdout, re.MULTILINE)
        self.assertEqual([name for name, *_ in clients], ["c1", "c2"], done.stdout)
        came, went = collections.Counter(), collections.Counter()
        for sender, receiver, frames in re.findall(r"^(\w+) -> (\w+) +\d+ +(\d+)$", done.stdout, re.MULTILINE):
            came[receiver] += int(frames)
            went[sender] = max(went[sender], int(frames))
        for client, frames, skipped in clients:
            self.assertGreater(int(frames), 0)
            self.assertEqual(came[client], int(frames), done.stdout)
            files = list((ROOT / "build" / "demo" / client).glob("*.jpg"))
            self.assertGreaterEqual(len(files), int(frames) - int(skipped), done.stdout)
        for relay in ("r1", "r2", "r3"):  # one may have begun with an earlier frame than its children
            self.assertGreaterEqual(came[relay], went[relay], done.stdout)


if __name__ == "__main__":
    unittest.main()
