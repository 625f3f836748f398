"""CHANGELOG.md, the one place that has the version: `## VERSION, YEAR-MONTH-DAY` and a list, the newest first."""

import dataclasses
import pathlib
import re

from lab import Failure

PAGE = pathlib.Path(__file__).resolve().with_name("CHANGELOG.md")
HEADING = re.compile(r"## (?P<version>\d+\.\d+\.\d+), (?P<date>\d{4}-\d\d-\d\d)")


@dataclasses.dataclass(frozen=True)
class Release:
    version: str
    date: str  # 2026-11-27
    items: tuple  # Markdown, each in one line


def releases(page: pathlib.Path = PAGE) -> list:
    found, items = [], []
    for number, line in enumerate(page.read_text().splitlines(), 1):
        if line.startswith("## "):
            if not (match := HEADING.fullmatch(line)):
                raise Failure(f"{page.name}:{number}: write `## VERSION, YEAR-MONTH-DAY`")
            items = []
            found.append((match["version"], match["date"], items))
        elif line.startswith("* "):
            items.append(line[2:])
        elif line.startswith("  ") and items:
            items[-1] += " " + line.strip()
    if not found:
        raise Failure(f"{page.name}: there is no version in it")
    return [Release(version, date, tuple(items)) for version, date, items in found]


def newest() -> Release:
    return releases()[0]
