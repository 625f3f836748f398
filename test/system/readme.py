"""What the README tells people to type, taken out of the README itself."""

import dataclasses
import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parents[2]
COMMENT = re.compile(r"\s+# .*")
SPAN = re.compile(r"`([^`]+)`")
COMMAND_SPAN = re.compile(r"[a-z~./][\w~./-]* .")  # a program and something behind it


@dataclasses.dataclass(frozen=True)
class Command:
    section: str
    line: int  # of the README, from 1
    text: str  # without its comment; continued lines are joined

    def __str__(self):
        return f"README.md:{self.line}: {self.text}"


@dataclasses.dataclass
class Block:
    """Lines that are indented by four."""
    section: str
    line: int
    lines: list

    def commands(self) -> list:
        """One a line; a line that ends in a pipe goes on in the next."""
        found, pending = [], ""
        for number, line in enumerate(self.lines, self.line):
            pending = f"{pending} {COMMENT.sub('', line).strip()}".strip()
            if not pending.endswith("|"):
                found.append(Command(self.section, number, pending))
                pending = ""
        return found

    def options(self) -> list:
        """The left column of a list of options; several are separated by a comma or a semicolon."""
        left = [re.split(r"\s{2,}", line)[0] for line in self.lines if not line.startswith(" ")]
        right = [re.findall(r"; (--[^:]*):", line) for line in self.lines]
        return [option for cell in [*left, *sum(right, [])] for option in cell.split(", ")]


class Readme:
    def __init__(self, path: pathlib.Path = ROOT / "README.md"):
        self.blocks, self.spans, self.tables = [], [], {}
        section, prose = "", {}  # prose: the lines of a section by number, since a span may go over two
        fenced = False  # such a block shows what depends on files of one's own: each line is as a span
        for number, line in enumerate([*path.read_text().splitlines(), "# end"], 1):
            if line.startswith("```"):
                fenced = not fenced
            elif fenced:
                if COMMAND_SPAN.match(line):
                    self.spans.append(Command(section, number, line))
            elif line.startswith("#"):
                self._find_spans(section, prose)
                section, prose = line.lstrip("# "), {}
            elif line.startswith("    "):
                last = self.blocks[-1] if self.blocks else None
                if last and last.section == section and last.line + len(last.lines) == number:
                    last.lines.append(line[4:])
                else:
                    self.blocks.append(Block(section, number, [line[4:]]))
            else:
                prose[number] = line
                if line.startswith("|"):
                    self.tables.setdefault(section, []).append(line)

    def _find_spans(self, section, prose):
        text = "\n".join(prose.values())
        for span in SPAN.finditer(text):
            code = " ".join(span[1].split())
            line = list(prose)[text.count("\n", 0, span.start())] if prose else 0
            if COMMAND_SPAN.match(code):
                self.spans.append(Command(section, line, code))

    def block(self, section: str, n: int = 0) -> Block:
        """The section's n-th block."""
        return [block for block in self.blocks if block.section == section][n]

    def explained(self, section: str) -> dict:
        """The code spans in the first column of a section's tables, each with what the second column says of it."""
        rows = [re.split(r" *\| *", line) for line in self.tables.get(section, [])]
        return {span: row[2] for row in rows for span in SPAN.findall(row[1])}
