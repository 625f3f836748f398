"""What the README and the pages beside the sources tell people to type, taken out of the pages themselves."""

import dataclasses
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tools"), str(ROOT / "tools" / "package")]
from manual import read_manual  # noqa: E402

NOT_FOR_TYPING = {"ARCHITECTURE.md", "CHANGELOG.md", "NOTES.md", "PROTOCOL.md"}  # layers, history, figures, bytes
COMMENT = re.compile(r"\s+# .*")
SPAN = re.compile(r"`([^`]+)`")
COMMAND_SPAN = re.compile(r"[a-z~./][\w~./-]* .")  # a program and something behind it


def all_pages(root: pathlib.Path = ROOT) -> list:
    """The README first, then those beside what they describe."""
    found = [path for folder in ("src", "tools", "test", "core-scenarios") for path in (root / folder).rglob("*.md")]
    return [root / "README.md", *sorted(path for path in found if "node_modules" not in path.parts)]


@dataclasses.dataclass(frozen=True)
class Command:
    page: str  # the file's name
    section: str
    line: int  # of the page, from 1
    text: str  # without its comment; continued lines are joined

    def __str__(self):
        return f"{self.page}:{self.line}: {self.text}"


@dataclasses.dataclass
class Block:
    """Lines that are indented by four."""
    page: str
    section: str
    line: int
    lines: list

    @property
    def place(self) -> str:
        return f"{self.page}:{self.line}"

    def commands(self) -> list:
        """One a line; a line that ends in a pipe goes on in the next."""
        found, pending = [], ""
        for number, line in enumerate(self.lines, self.line):
            pending = f"{pending} {COMMENT.sub('', line).strip()}".strip()
            if not pending.endswith("|"):
                found.append(Command(self.page, self.section, number, pending))
                pending = ""
        return found


class Pages:
    """What people may type of these pages: blocks, code spans, tables, and the lists of flags of manuals."""

    def __init__(self, paths=None):
        self.paths = [path for path in paths or all_pages() if path.name not in NOT_FOR_TYPING]
        self.blocks, self.spans = [], []
        self.manuals = {path.name: manual for path in self.paths if (manual := read_manual(path))}
        self._tables = {}
        for path in self.paths:
            self._read(path)

    def _read(self, path):
        page, section, prose = path.name, "", {}  # prose: the lines of a section by number: a span may go over two
        fenced = False  # such a block shows what depends on files of one's own: each line is as a span
        before = ""
        for number, line in enumerate([*path.read_text().splitlines(), "# end"], 1):
            if line.startswith("```"):
                fenced = not fenced
            elif fenced:
                if COMMAND_SPAN.match(line):
                    self.spans.append(Command(page, section, number, line))
            elif line.startswith("#"):
                self._find_spans(page, section, prose)
                section, prose = line.lstrip("# "), {}
            elif line.startswith("    ") and (number - 1 not in prose or not before):  # else a paragraph goes on
                last = self.blocks[-1] if self.blocks else None
                if last and (last.page, last.section) == (page, section) and last.line + len(last.lines) == number:
                    last.lines.append(line[4:])
                else:
                    self.blocks.append(Block(page, section, number, [line[4:]]))
            else:
                prose[number] = line
                if line.startswith("|"):
                    self._tables.setdefault(section, []).append(line)
            before = line

    def _find_spans(self, page, section, prose):
        text = "\n".join(prose.values())
        for span in SPAN.finditer(text):
            code = " ".join(span[1].split())
            line = list(prose)[text.count("\n", 0, span.start())] if prose else 0
            if COMMAND_SPAN.match(code):
                self.spans.append(Command(page, section, line, code))

    def block(self, section: str, n: int = 0, page: str = "") -> Block:
        """The section's n-th block."""
        return [block for block in self.blocks if block.section == section and page in ("", block.page)][n]

    def terms(self, page: str, section: str) -> list:
        """All terms of a manual's list of flags."""
        return [term for entry in self.manuals[page].entries if entry.section == section for term in entry.terms]

    def explained(self, section: str) -> dict:
        """The code spans in the first column of a section's tables, each with what the second column says of it."""
        rows = [re.split(r" *\| *", line) for line in self._tables.get(section, [])]
        return {span: row[2] for row in rows for span in SPAN.findall(row[1])}
