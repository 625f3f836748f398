"""The drawings of tools/report.py, as SVG: the network with what its links carried, figures over time, bars.

Each text is put where it overlaps no other: its box follows from its length, which is estimated for a wide typeface.
"""

import html
import itertools
import math

FONT = {"figure": 11, "name": 11.5, "tick": 10.5, "event-name": 12, "lane": 12, "value": 11}  # by class
CHARACTER_WIDTH = 0.62  # of the font's size
LINE_HEIGHT = 1.15

MAP_MARGIN = 12
MAP_ZOOM_MAX = 1.25
NODE_RADIUS = 15
COPY_WIDTH, FLOW_WIDTH_MAX = 2.2, 13.0
SHOWN = 0.25  # of a copy of the stream: a link that carries less has only hellos on it
ALONG = (0.62, 0.5, 0.74, 0.4, 0.84, 0.3)  # of the way, where a link's figure may be
CROSSED_MAX = 1  # other lines that a figure may cover
SEVERAL_MAPS_SCALE = 0.6  # of the distances, so that names stay readable on a smaller map

CHART_WIDTH, CHART_RIGHT, CHART_TOP, CHART_BOTTOM = 1000, 166, 26, 24
LANE_GAP = 16
STRIP_HEIGHT, WAYS_COLOURS = 15, 5
TICKS_ROOM = 46
BAR_ROW, BAR_HEIGHT, BARS_MAX = 36, 12, 12


def text(value):
    return html.escape(str(value), quote=True)


def size(count):
    return f"{count / 1e6:.1f} MB" if count >= 1e6 else f"{count / 1e3:.0f} kB"


def width_of(string, kind):
    return CHARACTER_WIDTH * FONT[kind] * len(string)


def box_of(x, y, string, kind, anchor):
    """(left, top, right, bottom) of a text whose middle line is at y."""
    width, height = width_of(string, kind), LINE_HEIGHT * FONT[kind]
    left = x - {"start": 0, "middle": width / 2, "end": width}[anchor]
    return left, y - height / 2, left + width, y + height / 2


def overlap(a, b):
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def label(x, y, string, kind, anchor="middle"):
    return (f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" font-size="{FONT[kind]}" text-anchor="{anchor}" '
            f'dominant-baseline="central">{text(string)}</text>')


def crosses(box, line):
    """Whether a line from one point to another passes through the box (Liang and Barsky's clipping)."""
    (x, y), (end_x, end_y) = line
    enter, leave = 0.0, 1.0
    for step, low, high in ((end_x - x, box[0] - x, box[2] - x), (end_y - y, box[1] - y, box[3] - y)):
        if step == 0:
            if low > 0 or high < 0:
                return False
        else:
            first, last = sorted((low / step, high / step))
            enter, leave = max(enter, first), min(leave, last)
    return enter < leave


# The map.

def copy_of(phase, clients):
    """The bytes of one viewer's copy in a phase."""
    received = [traffic["in"] for node in clients for traffic in phase["interfaces"][node].values()]
    return max(received, default=0) or 1


def flow(link, traffic, sender, kind=""):
    """Bytes from this end of the link to the other, as counted by an end that is a device's interface. `kind`: "" for
    what was carried, "unicast_" for what would have been."""
    node, interface = link["ends"][sender]
    if interface is not None:
        return traffic[node][interface][f"{kind}out"]
    node, interface = link["ends"][1 - sender]
    return traffic[node][interface][f"{kind}in"] if interface is not None else 0


class Map:
    def __init__(self, map_, phase, clients, scale):
        self.map, self.phase, self.copy = map_, phase, copy_of(phase, clients)
        self.at = {node["name"]: [round(scale * place, 1) for place in node["at"]] for node in map_["nodes"]}
        self.taken = []  # boxes of nodes, with their names, and of figures
        for name, (x, y) in self.at.items():
            half = max(NODE_RADIUS, width_of(name, "name") / 2)
            self.taken.append((x - half, y - NODE_RADIUS, x + half, y + NODE_RADIUS))
        self.frame = [min(box[side] for box in self.taken) - MAP_MARGIN for side in (0, 1)] + \
            [max(box[side] for box in self.taken) + MAP_MARGIN for side in (2, 3)]
        self.lines = [[self.at[name] for name, _ in link["ends"]] for link in map_["links"]]

    def draw(self):
        left, top, right, bottom = self.frame
        on = {name for edge in self.phase["tree"] for name in (edge["from"], edge["to"])}
        wires, flows, figures = [], [], []
        for link in self.map["links"]:
            ends = [self.at[name] for name, _ in link["ends"]]
            carried = [flow(link, self.phase["interfaces"], sender) for sender in (0, 1)]
            names = " – ".join(name for name, _ in link["ends"])
            line = f", {link['bandwidth'] / 1e6:g} Mbit/s" if link["bandwidth"] else ""
            title = f"{names}{line}: {size(carried[0])} there, {size(carried[1])} back"
            wires.append(f'<line class="wire" x1="{ends[0][0]}" y1="{ends[0][1]}" x2="{ends[1][0]}" y2="{ends[1][1]}">'
                         f"<title>{text(title)}</title></line>")
            for sender in (0, 1):
                if carried[sender] >= SHOWN * self.copy:
                    flows.append(self.draw_flow(ends[sender], ends[1 - sender], carried[sender], title))
                    figures.append((ends[sender], ends[1 - sender], carried[sender]))
        nodes = [draw_node(node, self.at[node["name"]], node["role"] == "" or node["name"] in on)
                 for node in self.map["nodes"]]
        figures.sort(key=lambda figure: -figure[2])  # where there is no room, a small one is left out
        return "\n".join([
            f'<svg viewBox="{left:.0f} {top:.0f} {right - left:.0f} {bottom - top:.0f}" role="img" '
            f'style="max-width: {MAP_ZOOM_MAX * (right - left):.0f}px" aria-label="map, {text(self.phase["name"])}">',
            *wires, *flows, *nodes, *(self.place_figure(*figure) for figure in figures), "</svg>"])

    def width(self, carried):
        return min(FLOW_WIDTH_MAX, COPY_WIDTH * max(1.0, carried / self.copy))

    def draw_flow(self, start, end, carried, title):
        """An arrow as wide as what it carries."""
        length = math.dist(start, end) or 1
        along = [(b - a) / length for a, b in zip(start, end)]
        aside = (-along[1], along[0])
        width = self.width(carried)
        head = width + 5
        a = [start[i] + along[i] * NODE_RADIUS for i in (0, 1)]
        tip = [end[i] - along[i] * (NODE_RADIUS + 2) for i in (0, 1)]
        b = [tip[i] - along[i] * head for i in (0, 1)]
        corners = [tip] + [[b[i] + side * aside[i] * head / 1.7 for i in (0, 1)] for side in (1, -1)]
        points = " ".join(f"{x:.1f},{y:.1f}" for x, y in corners)
        return (f'<line class="flow" x1="{a[0]:.1f}" y1="{a[1]:.1f}" x2="{b[0]:.1f}" y2="{b[1]:.1f}" '
                f'stroke-width="{width:.1f}"><title>{text(title)}</title></line>'
                f'<polygon class="head" points="{points}"/>')

    def place_figure(self, start, end, carried):
        """The figure where it covers nothing, or few lines: beside its arrow, on it or, above nodes that are close to
        each other, further away; or nothing where there is no room."""
        length = math.dist(start, end) or 1
        aside = (-(end[1] - start[1]) / length, (end[0] - start[0]) / length)
        string, best = size(carried), None
        gap = self.width(carried) / 2 + 3 + FONT["figure"] / 2
        reach = gap + (width_of(string, "figure") / 2 - gap / 2) * max(0.0, abs(aside[0]) - 0.3)
        up = -1 if aside[1] > 0 else 1
        far = max(reach, NODE_RADIUS + LINE_HEIGHT * FONT["figure"])
        for beside, share in itertools.product((up * reach, -up * reach, 0, up * far, -up * far), ALONG):
            x, y = (start[i] + share * (end[i] - start[i]) + beside * aside[i] for i in (0, 1))
            box = box_of(x, y, string, "figure", "middle")
            inside = self.frame[0] <= box[0] and self.frame[1] <= box[1] and box[2] <= self.frame[2] and \
                box[3] <= self.frame[3]
            if inside and not any(overlap(box, other) for other in self.taken):
                crossed = sum(crosses(box, line) for line in self.lines
                              if beside or sorted(line) != sorted([start, end]))
                if best is None or crossed < best[0]:
                    best = crossed, x, y, box
        if best is None or best[0] > CROSSED_MAX:
            return ""
        _, x, y, box = best
        self.taken.append(box)
        return (f'<rect class="ground" x="{box[0]:.1f}" y="{box[1]:.1f}" width="{box[2] - box[0]:.1f}" '
                f'height="{box[3] - box[1]:.1f}"/>{label(x, y, string, "figure")}')


def draw_node(node, at, is_there):
    x, y = at
    classes = f"node {node['role']}{'' if is_there else ' away'}"
    title = f"{node['name']}: {node['type']}" + (f", {node['role']} {node['address']}" if node["role"] else "")
    if not node["device"]:
        r = NODE_RADIUS - 3
        shape = f'<rect class="{classes}" x="{x - r}" y="{y - r}" width="{2 * r}" height="{2 * r}" rx="3"/>'
    else:
        shape = f'<circle class="{classes}" cx="{x}" cy="{y}" r="{NODE_RADIUS}"/>'
    return f"<g><title>{text(title)}</title>{shape}{label(x, y, node['name'], 'name')}</g>"


# Figures over time.

def ceiling(value):
    """A round number that is not below."""
    if value <= 0:
        return 1.0
    power = 10 ** math.floor(math.log10(value))
    return next(step * power for step in (1, 1.5, 2, 3, 4, 5, 6, 8, 10) if step * power >= value * 0.9999)


class Lanes:
    """A chart with a lane for each viewer, so that equal lines do not hide each other. All have the same scale."""

    def __init__(self, run, top, strip=0):
        """`strip`: room below each lane, which is not part of its scale."""
        self.run, self.top = run, ceiling(top)
        names = list(run["clients"])
        self.height = 60 if len(names) <= 3 else 36 if len(names) <= 6 else 26
        self.left = max(width_of(name, "lane") for name in names) + TICKS_ROOM
        self.seconds = max(run["seconds"], run["bin_s"])
        step = self.height + strip + LANE_GAP
        self.bottom = CHART_TOP + len(names) * step - LANE_GAP
        self.floor = {name: CHART_TOP + self.height + i * step for i, name in enumerate(names)}
        self.parts = []

    def x(self, second):
        return self.left + (CHART_WIDTH - self.left - CHART_RIGHT) * min(max(second / self.seconds, 0.0), 1.0)

    def y(self, name, value):
        return self.floor[name] - self.height * min(value / self.top, 1.0)

    def middle(self, i):
        """Of a bin."""
        return self.x((i + 0.5) * self.run["bin_s"])

    def add_line(self, name, values):
        for begin, some in unbroken(values):
            points = " ".join(f"{self.middle(begin + i):.1f},{self.y(name, value):.1f}" for i, value in enumerate(some))
            self.parts.append(f'<polyline class="seen" points="{points}"/>')

    def add_range(self, name, lows, highs):
        for begin, some in unbroken(highs):
            there = [f"{self.middle(begin + i):.1f},{self.y(name, value):.1f}" for i, value in enumerate(some)]
            back = [f"{self.middle(begin + i):.1f},{self.y(name, lows[begin + i]):.1f}" for i in
                    reversed(range(len(some)))]
            self.parts.append(f'<polygon class="range" points="{" ".join(there + back)}"/>')

    def add_span(self, name, begin, end, title):
        left, right = self.x(begin), self.x(end)
        self.parts.append(f'<rect class="gap" x="{left:.1f}" y="{self.floor[name] - self.height}" '
                          f'width="{max(right - left, 2):.1f}" height="{self.height}">'
                          f"<title>{text(title)}</title></rect>")

    def add_mark(self, name, second, value, title, kind):
        """A dot, or a cross where frames are missing."""
        x, y = self.x(second), self.y(name, value)
        shape = (f'<circle class="{kind}" cx="{x:.1f}" cy="{y:.1f}" r="3">' if kind == "peak" else
                 f'<path class="{kind}" d="M{x - 4:.1f} {y - 4:.1f} l8 8 m0 -8 l-8 8">')
        self.parts.append(f"{shape}<title>{text(title)}</title></{'circle' if kind == 'peak' else 'path'}>")

    def add_steps(self, name, points, kind):
        """A value that holds until the next one: [(second, value)]."""
        corners = [(second, value) for (_, value), (second, _) in zip(points, points[1:])]
        drawn = [point for pair in itertools.zip_longest(points, corners) for point in pair if point]
        self.parts.append(f'<polyline class="{kind}" points="' + " ".join(
            f"{self.x(second):.1f},{self.y(name, value):.1f}" for second, value in drawn) + '"/>')

    def add_strip(self, name, begin, end, string, title, kind):
        """A stretch of time below the lane; its words, where there is room for them."""
        left, right, top = self.x(begin), self.x(end), self.floor[name] + 3
        self.parts.append(f'<rect class="{kind}" x="{left:.1f}" y="{top}" width="{max(right - left, 1):.1f}" '
                          f'height="{STRIP_HEIGHT}"><title>{text(title)}</title></rect>')
        if width_of(string, "figure") + 4 <= right - left:
            self.parts.append(label((left + right) / 2, top + STRIP_HEIGHT / 2, string, "figure"))

    def add_end(self, name, string):
        self.parts.append(label(CHART_WIDTH - CHART_RIGHT + 8, self.floor[name] - self.height / 2, string, "value",
                                "start"))

    def draw(self, title):
        parts = [f'<svg viewBox="0 0 {CHART_WIDTH} {self.bottom + CHART_BOTTOM}" role="img" '
                 f'aria-label="{text(title)}">']
        right = CHART_WIDTH - CHART_RIGHT
        for name, floor in self.floor.items():
            parts.append(label(2, floor - self.height / 2, name, "lane", "start"))
            for value in (0, self.top):
                y = self.y(name, value)
                parts.append(f'<line class="grid" x1="{self.left:.1f}" x2="{right}" y1="{y:.1f}" y2="{y:.1f}"/>')
                parts.append(label(self.left - 6, y, f"{value:g}", "tick", "end"))
        step = max(1, round(ceiling(self.seconds / 10)))
        for second in range(0, int(self.seconds) + 1, step):
            parts.append(label(self.x(second), self.bottom + CHART_BOTTOM - 8, f"{second} s", "tick"))
        free = self.left
        for i, event in enumerate(self.run["events"], 1):
            at, width = self.x(event["at_s"]), width_of(str(i), "event-name") + 2
            center = max(at, free + width / 2)
            free = center + width / 2
            parts.append(f'<line class="event" x1="{at:.1f}" x2="{at:.1f}" y1="{CHART_TOP - 6}" y2="{self.bottom}">'
                         f'<title>{text(event["text"])}</title></line>' + label(center, 9, str(i), "event-name"))
        return "\n".join([*parts, *self.parts, "</svg>"])


def unbroken(values):
    """Each run of values without a hole, with the place where it begins."""
    begin = None
    for i, value in enumerate([*values, None]):
        if value is not None and begin is None:
            begin = i
        elif value is None and begin is not None:
            yield begin, values[begin:i]
            begin = None


def draw_rates(run):
    """Frames a second, gaps and missing frames."""
    clients = run["clients"]
    lanes = Lanes(run, max(value for seen in clients.values() for value in seen["rate"]))
    for name, seen in clients.items():
        for begin, seconds in seen["gaps"]:
            lanes.add_span(name, begin, begin + seconds, f"no frame for {seconds * 1000:.0f} ms, from {begin:.1f} s on")
        lanes.add_line(name, seen["rate"])
        for at, lost, skipped in seen["missing"]:
            lanes.add_mark(name, at, 0, f"{lost} lost and {skipped} skipped until {at:.1f} s", "missing")
        lanes.add_end(name, f"{seen['frames_lost']} lost" + (f", {seen['frames_skipped']} skipped" *
                                                             bool(seen["frames_skipped"])))
    return lanes.draw("frames per second")


def draw_latencies(run):
    """The median of each bin, and up to its longest; the longest of all is marked, and is the table's."""
    clients = run["clients"]
    lanes = Lanes(run, max((pair[1] for seen in clients.values() for pair in seen["latency"] if pair), default=1))
    for name, seen in clients.items():
        middles, longest = ([pair and pair[i] for pair in seen["latency"]] for i in (0, 1))
        lanes.add_range(name, middles, longest)
        lanes.add_line(name, middles)
        worst = max((value for value in longest if value is not None), default=None)
        if worst is not None:
            at = (longest.index(worst) + 0.5) * run["bin_s"]
            lanes.add_mark(name, at, worst, f"{worst:.1f} ms", "peak")
            lanes.add_end(name, f"max {worst:.1f} ms")
    return lanes.draw("latency")


def stretches(ways):
    """[[the ways of one stretch of time in which they are by the same nodes]]."""
    return [list(group) for _, group in itertools.groupby(ways, key=lambda way: way["by"])]


def draw_ways(run):
    """What each viewer's way cost, and the best other one; below, by which nodes it went."""
    costs = [cost for ways in run["ways"].values() for way in ways for cost in (way["cost"], way["other_cost"])
             if cost is not None]
    lanes = Lanes(run, max(costs, default=1), STRIP_HEIGHT)
    kinds = {}
    for name, ways in run["ways"].items():
        parts = stretches(ways)
        for part, following in itertools.zip_longest(parts, parts[1:]):
            end = following[0]["at_s"] if following else run["seconds"]
            way = " → ".join(part[0]["by"])
            kind = kinds.setdefault((name, way), len([key for key in kinds if key[0] == name]))
            lanes.add_strip(name, part[0]["at_s"], end, way, f"{way}: from {part[0]['at_s']:.1f} s to {end:.1f} s",
                            f"way{kind % WAYS_COLOURS}")
        for begin, some in unbroken([way["other_cost"] for way in ways]):
            at = [way["at_s"] for way in ways[begin:begin + len(some)]]
            lanes.add_steps(name, list(zip(at, some)), "other")
        if ways:
            lanes.add_steps(name, [(way["at_s"], way["cost"]) for way in ways] + [(run["seconds"], ways[-1]["cost"])],
                            "seen")
            lanes.add_end(name, f"costs {ways[-1]['cost']:g}")
    return lanes.draw("ways")


# Bars.

def draw_bars(map_, phase, clients):
    """What the links carried beside what they would have, had each viewer a copy of its own; the most used ones."""
    rows = []
    for link in map_["links"]:
        for sender in (0, 1):
            carried, unicast = (flow(link, phase["interfaces"], sender, kind) for kind in ("", "unicast_"))
            if max(carried, unicast) >= SHOWN * copy_of(phase, clients):
                names = [name for name, _ in link["ends"]]
                rows.append((" → ".join(names if sender == 0 else names[::-1]), carried, unicast))
    rows = sorted(rows, key=lambda row: -max(row[1:]))[:BARS_MAX]
    top = max((max(row[1:]) for row in rows), default=1)
    left = max((width_of(row[0], "lane") for row in rows), default=0) + 14
    room = CHART_WIDTH - left - width_of("1000.0 MB", "value") - 12
    parts = [f'<svg viewBox="0 0 {CHART_WIDTH} {BAR_ROW * len(rows) or 1}" role="img" '
             f'aria-label="bars, {text(phase["name"])}">']
    for i, (name, *values) in enumerate(rows):
        middle = (i + 0.5) * BAR_ROW
        parts.append(label(2, middle, name, "lane", "start"))
        for kind, value, y in zip(("multicast", "unicast"), values, (middle - BAR_HEIGHT - 1, middle + 1)):
            width = room * value / top
            parts.append(f'<rect class="{kind}" x="{left:.1f}" y="{y:.1f}" width="{width:.1f}" height="{BAR_HEIGHT}">'
                         f"<title>{text(f'{name}, {kind}: {value:,} bytes')}</title></rect>" +
                         label(left + width + 6, y + BAR_HEIGHT / 2, size(value), "value", "start"))
    return "\n".join([*parts, "</svg>"])
