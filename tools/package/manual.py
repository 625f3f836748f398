"""The pages that are manuals: Markdown whose heading is `# NAME(SECTION) - SUMMARY`.

A flag has one entry, in a list of definitions: a line of terms in code quotes, and what they mean in a paragraph behind
a colon:

    `--dump DIR`, `--dump -`
    :   write frames to DIR/00000001.jpg, …
"""

import dataclasses
import functools
import pathlib
import re

from lab import Failure

HEADING = re.compile(r"# (?P<name>[\w-]+)\((?P<section>\d)\) - (?P<summary>.+)")
TERM = re.compile(r"`([^`]+)`")
LINK = re.compile(r"\[([^]]*)\]\(([^)]*)\)")


@dataclasses.dataclass(frozen=True)
class Entry:
    section: str  # the heading above
    line: int  # of the page, from 1
    terms: tuple  # "--dump DIR", "--dump -"
    text: str  # Markdown, in one line

    @functools.cached_property
    def flags(self) -> list:
        """Each once: -h, --help."""
        return list(dict.fromkeys(term.split()[0] for term in self.terms))

    def values(self, flag: str) -> list:
        """What its terms have behind a flag: DIR, -; none where it takes no value."""
        return [term.partition(" ")[2] for term in self.terms if term.split()[0] == flag and " " in term]


@dataclasses.dataclass(frozen=True)
class Manual:
    path: pathlib.Path
    name: str
    section: int
    summary: str
    lines: tuple  # all but the heading

    @functools.cached_property
    def entries(self) -> list:
        found, heading, text, fenced = [], "", None, False
        for number, line in enumerate([*self.lines, ""], 2):
            fenced ^= line.startswith("```")
            if fenced:
                continue
            if line.startswith("#"):
                heading = line.lstrip("# ")
            if line.startswith(":   "):
                found.append([heading, number - 1, tuple(TERM.findall(self.lines[number - 3])), line[4:]])
                text = found[-1]
            elif text is not None and line.startswith("    "):
                text[3] += " " + line.strip()
            else:
                text = None
        return [Entry(*each) for each in found]


def read_manual(path: pathlib.Path):
    """None for a page that is no manual."""
    heading, *lines = path.read_text().splitlines()
    if not (match := HEADING.fullmatch(heading)):
        return None
    return Manual(path, match["name"], int(match["section"]), match["summary"], tuple(lines))


def need_manual(path: pathlib.Path) -> Manual:
    manual = read_manual(path)
    if manual is None:
        raise Failure(f"{path}: its first line is no `# NAME(SECTION) - SUMMARY`")
    return manual


def plain(text: str) -> str:
    """Without Markdown's marks."""
    return re.sub(r"[`*]", "", LINK.sub(r"\1", text))
