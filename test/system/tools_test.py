"""What the tools of tools/ have in common as commands."""

import os
import pathlib
import subprocess
import sys
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))
from console import counted  # noqa: E402

BUFFERED = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}


def python_tools():
    for path in sorted((ROOT / "tools").rglob("*")):
        if path.is_file() and os.access(path, os.X_OK) and b"python" in path.read_bytes()[:40]:
            yield path


class Tools(unittest.TestCase):
    def test_a_reader_who_has_had_enough(self):
        tools = list(python_tools())
        self.assertGreaterEqual(len(tools), 9)
        for tool in tools:
            with self.subTest(tool.name):
                reader, writer = os.pipe()
                os.close(reader)
                with open(writer, "w") as gone:
                    done = subprocess.run([tool, "--help"], stdin=subprocess.DEVNULL, stdout=gone,
                                          stderr=subprocess.PIPE, text=True, env=BUFFERED)
                self.assertEqual((done.returncode, done.stderr), (141, ""))

    def test_how_main_ends(self):
        for body, status, said in [("print('x' * 1_000_000)", 141, ""), ("raise KeyboardInterrupt", 130, ""),
                                   ("raise lab.Failure('no luck')", 1, "-c: no luck\n"), ("return 3", 3, "")]:
            with self.subTest(body):
                program = f"import console, lab\ndef main():\n    {body}\nconsole.run(main)"
                reader, writer = os.pipe()
                os.close(reader)
                with open(writer, "w") as out:
                    done = subprocess.run([sys.executable, "-B", "-c", program], cwd=ROOT / "tools", stdout=out,
                                          stderr=subprocess.PIPE, text=True, env=BUFFERED)
                self.assertEqual((done.returncode, done.stderr), (status, said))

    def test_one_of_a_thing(self):
        self.assertEqual([counted(n, "frame") for n in (0, 1, 2)], ["0 frames", "1 frame", "2 frames"])
        self.assertEqual([counted(n, "process", "processes") for n in (1, 2)], ["1 process", "2 processes"])


if __name__ == "__main__":
    unittest.main()
