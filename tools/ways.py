"""What `ottd --role client --why STREAM` prints: by which ways a stream goes to those that watch it, what they cost and
what other ways would."""

import dataclasses
import re

WAY = re.compile(r"stream .* to (.+) by (\w+): (.*): costs ([\d.]+)( ms)?")
OTHER = re.compile(r"  another way: (.*): costs ([\d.]+)(?: ms)?: (.*)")
NAMED = re.compile(r".* \((.*)\)")


@dataclasses.dataclass
class Way:
    metric: str
    nodes: list  # from the origin to the one that watches
    cost: float  # in ms where it is measured
    others: list = dataclasses.field(default_factory=list)  # [(nodes, cost, why not)], the best first


def read(lines, names=()):
    """{who watches: Way}, nodes by their names. Who was asked need not know all: `names` by address are for those."""
    def name_of(text):
        named = NAMED.fullmatch(text)
        return named[1] if named else dict(names).get(text, text)
    found, way = {}, None
    for line in lines:
        if match := WAY.fullmatch(line):
            way = found[name_of(match[1])] = Way(match[2], list(map(name_of, match[3].split(", "))), float(match[4]))
        elif way is not None and (match := OTHER.fullmatch(line)):
            way.others.append((list(map(name_of, match[1].split(", "))), float(match[2]), match[3]))
    return found
