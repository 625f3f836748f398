"""The page that tools/scenario writes of its figures: one HTML file with its drawings, which needs nothing else."""

import html
import math

MAP_MARGIN = 46
NODE_RADIUS = 15
COPY_WIDTH, FLOW_WIDTH_MAX = 2.2, 13.0
SHOWN = 0.25  # of a copy of the stream: a link that carries less has only hellos on it
LABEL_AT = 0.62  # of the way, so that both directions of a link have their place
LABEL_ROOM = 68  # a shorter link has no place for a figure beside it
SEVERAL_MAPS_SCALE = 0.66  # of the distances, so that names stay readable on a smaller map
CHART = {"width": 1000, "height": 190, "left": 46, "right": 10, "top": 20, "bottom": 26}

STYLE = """
:root { color-scheme: light dark; --ink: #1c2330; --soft: #657083; --line: #d5dae3; --ground: #f6f7f9; --card: #fff;
  --flow: #0b6bcb; --server: #0b6bcb; --viewer: #14804a; --relay: #8a4fd0; --event: #b4400e; --bad: #c0182c; }
@media (prefers-color-scheme: dark) { :root { --ink: #e4e8ef; --soft: #97a2b4; --line: #3a4352; --ground: #12161d;
  --card: #1a202a; --flow: #5aa9f5; --server: #5aa9f5; --viewer: #4cc38a; --relay: #b893f2; --event: #f08b55;
  --bad: #ff7a86; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--ink); font: 15px/1.5 system-ui, sans-serif; }
main { max-width: 1120px; margin: 0 auto; padding: 28px 20px 60px; }
h1 { font-size: 26px; margin: 0; } h2 { font-size: 19px; margin: 36px 0 10px; } h3 { font-size: 15px; margin: 0 0 6px; }
p { margin: 4px 0; } .soft { color: var(--soft); }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 14px 16px; }
.maps { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(480px, 100%), 1fr)); gap: 14px; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { padding: 4px 10px; text-align: left; border-bottom: 1px solid var(--line); vertical-align: top; }
th { color: var(--soft); font-weight: 600; } .n { text-align: right; white-space: nowrap; }
tr:last-child td { border-bottom: 0; } .no { color: var(--bad); font-weight: 700; } .ok { color: var(--viewer); }
details { margin-top: 10px; } summary { cursor: pointer; color: var(--soft); }
ol { margin: 6px 0 0; padding-left: 22px; }
svg { display: block; width: 100%; height: auto; font-family: inherit; } svg text { fill: var(--ink); }
.wire { stroke: var(--line); stroke-width: 2; } .flow { stroke: var(--flow); fill: none; opacity: .85; }
.head { fill: var(--flow); } .figure { font-size: 11px; paint-order: stroke; stroke: var(--card); stroke-width: 4px;
  stroke-linejoin: round; }
.name { font-size: 11.5px; text-anchor: middle; dominant-baseline: central; font-weight: 600; }
.node { fill: var(--card); stroke: var(--soft); stroke-width: 1.6; } .away { stroke-dasharray: 3 3; opacity: .55; }
.server { stroke: var(--server); stroke-width: 3.4; } .relay { stroke: var(--relay); stroke-width: 2.6; }
.viewer { stroke: var(--viewer); stroke-width: 2.6; }
.grid { stroke: var(--line); stroke-width: 1; } .tick { font-size: 11px; } svg .tick { fill: var(--soft); }
.event { stroke: var(--event); stroke-width: 1.4; stroke-dasharray: 4 3; } svg .event-name { fill: var(--event);
  font-size: 12px; font-weight: 700; text-anchor: middle; }
.seen { fill: none; stroke-width: 1.8; stroke-linejoin: round; } .worst { fill: none; stroke-width: 1; opacity: .4; }
.key { display: inline-flex; align-items: center; gap: 6px; margin-right: 16px; white-space: nowrap; }
.key i { width: 14px; height: 14px; border: 2.6px solid; border-radius: 50%; display: inline-block; }
.key b { width: 18px; height: 0; border-top: 3px solid; display: inline-block; }
"""


def map_of(scenario, address, server, clients):
    """What a drawing of the network needs; it becomes part of report.json."""
    def role(node):
        if node.name == server:
            return "server"
        return "viewer" if node.name in clients else "relay" if node.name in address else ""
    return {"nodes": [{"name": node.name, "type": node.type, "role": role(node), "device": node.is_device,
                       "at": node.position or (100 * (node.id % 8) + 80, 100 * (node.id // 8) + 80),
                       "address": address.get(node.name, "")} for node in scenario.nodes.values()],
            "links": [{"ends": [[end.node.name, end.name if end.node.is_device else None] for end in link.ends],
                       "bandwidth": link.ends[0].options.bandwidth} for link in scenario.links]}


def text(value):
    return html.escape(str(value), quote=True)


def size(count):
    return f"{count / 1e6:.1f} MB" if count >= 1e6 else f"{count / 1e3:.0f} kB"


# The map.

def copy_of(phase, clients):
    """The bytes of one viewer's copy in a phase."""
    received = [traffic["in"] for node in clients for traffic in phase["interfaces"][node].values()]
    return max(received, default=0) or 1


def flow(link, traffic, sender):
    """Bytes from this end of the link to the other, as counted by an end that is a device's interface."""
    node, interface = link["ends"][sender]
    if interface is not None:
        return traffic[node][interface]["out"]
    node, interface = link["ends"][1 - sender]
    return traffic[node][interface]["in"] if interface is not None else 0


def draw_map(map_, phase, clients, scale):
    at = {node["name"]: [round(scale * place, 1) for place in node["at"]] for node in map_["nodes"]}
    low = [min(place[axis] for place in at.values()) - MAP_MARGIN for axis in (0, 1)]
    extent = [max(place[axis] for place in at.values()) + MAP_MARGIN - low[axis] for axis in (0, 1)]
    on = {name for edge in phase["tree"] for name in (edge["from"], edge["to"])}
    parts = [f'<svg viewBox="{low[0]:.0f} {low[1]:.0f} {extent[0]:.0f} {extent[1]:.0f}" role="img" '
             f'aria-label="map, {text(phase["name"])}">']
    flows, figures = [], []
    copy = copy_of(phase, clients)
    for link in map_["links"]:
        ends = [at[name] for name, _ in link["ends"]]
        carried = [flow(link, phase["interfaces"], sender) for sender in (0, 1)]
        names = " – ".join(name for name, _ in link["ends"])
        line = f", {link['bandwidth'] / 1e6:g} Mbit/s" if link["bandwidth"] else ""
        title = f"{names}{line}: {size(carried[0])} there, {size(carried[1])} back"
        parts.append(f'<line class="wire" x1="{ends[0][0]}" y1="{ends[0][1]}" x2="{ends[1][0]}" y2="{ends[1][1]}">'
                     f"<title>{text(title)}</title></line>")
        for sender in (0, 1):
            if carried[sender] >= SHOWN * copy:
                drawn, figure = draw_flow(ends[sender], ends[1 - sender], carried[sender], copy, title)
                flows.append(drawn)
                figures.append(figure)
    parts += flows
    for node in map_["nodes"]:
        parts.append(draw_node(node, at[node["name"]], node["role"] == "" or node["name"] in on))
    return "\n".join([*parts, *figures, "</svg>"])


def draw_flow(start, end, carried, copy, title):
    """An arrow as wide as what it carries, and the figure beside it."""
    length = math.dist(start, end) or 1
    along = [(b - a) / length for a, b in zip(start, end)]
    aside = (-along[1], along[0])
    width = min(FLOW_WIDTH_MAX, COPY_WIDTH * max(1.0, carried / copy))
    head = width + 5
    a = [start[i] + along[i] * NODE_RADIUS for i in (0, 1)]
    tip = [end[i] - along[i] * (NODE_RADIUS + 2) for i in (0, 1)]
    b = [tip[i] - along[i] * head for i in (0, 1)]
    corners = [tip] + [[b[i] + side * aside[i] * head / 1.7 for i in (0, 1)] for side in (1, -1)]
    points = " ".join(f"{x:.1f},{y:.1f}" for x, y in corners)
    drawn = (f'<line class="flow" x1="{a[0]:.1f}" y1="{a[1]:.1f}" x2="{b[0]:.1f}" y2="{b[1]:.1f}" '
             f'stroke-width="{width:.1f}"><title>{text(title)}</title></line>'
             f'<polygon class="head" points="{points}"/>')
    if length < LABEL_ROOM:
        return drawn, ""
    up = -1 if aside[1] > 0 else 1  # the figure is above the arrow, or to its right
    place = [start[i] + LABEL_AT * (end[i] - start[i]) + up * aside[i] * (width / 2 + 9) for i in (0, 1)]
    anchor = "middle" if abs(along[1]) < 0.35 else "start" if up * aside[0] > 0 else "end"
    return drawn, (f'<text class="figure" x="{place[0]:.1f}" y="{place[1]:.1f}" text-anchor="{anchor}" '
                   f'dominant-baseline="central">{size(carried)}</text>')


def draw_node(node, at, is_there):
    x, y = at
    classes = f"node {node['role']}{'' if is_there else ' away'}"
    title = f"{node['name']}: {node['type']}" + (f", {node['role']} {node['address']}" if node["role"] else "")
    if not node["device"]:
        r = NODE_RADIUS - 3
        shape = f'<rect class="{classes}" x="{x - r}" y="{y - r}" width="{2 * r}" height="{2 * r}" rx="3"/>'
    else:
        shape = f'<circle class="{classes}" cx="{x}" cy="{y}" r="{NODE_RADIUS}"/>'
    return f'<g><title>{text(title)}</title>{shape}<text class="name" x="{x}" y="{y}">{text(node["name"])}</text></g>'


def tree_line(phase):
    """The tree as a nested list of words."""
    children = {}
    for edge in phase["tree"]:
        children.setdefault(edge["from"], []).append(edge["to"])
    roots = set(children) - {edge["to"] for edge in phase["tree"]}
    def said(node, above=()):
        below = [said(child, (*above, node)) for child in children.get(node, []) if child not in above]
        if not below:
            return node
        return f"{node} → {below[0]}" if len(below) == 1 else f"{node} → ({', '.join(below)})"
    return "; ".join(said(root) for root in sorted(roots)) or "no tree"


# Charts over time.

def hue(i, count):
    return f"hsl({round(210 + 360 * i / max(count, 1)) % 360} 62% 52%)"


def ceiling(value):
    """A round number that is not below."""
    if value <= 0:
        return 1.0
    power = 10 ** math.floor(math.log10(value))
    return next(step * power for step in (1, 1.5, 2, 3, 4, 5, 6, 8, 10) if step * power >= value * 0.9999)


def draw_chart(run, series, name, faint=None):
    """`series` and `faint`: by viewer, a value a bin or None."""
    c = CHART
    bins = max(len(values) for values in series.values())
    seconds = max(bins * run["bin_s"], run["bin_s"])
    top = ceiling(max((value for source in (series, faint or {}) for values in source.values() for value in values
                       if value is not None), default=1))
    inner = (c["width"] - c["left"] - c["right"], c["height"] - c["top"] - c["bottom"])
    x = lambda s: c["left"] + inner[0] * s / seconds  # noqa: E731
    y = lambda v: c["top"] + inner[1] * (1 - v / top)  # noqa: E731
    parts = [f'<svg viewBox="0 0 {c["width"]} {c["height"]}" role="img" aria-label="{text(name)}">']
    for i in range(3):
        value = top * i / 2
        parts.append(f'<line class="grid" x1="{c["left"]}" x2="{c["width"] - c["right"]}" y1="{y(value):.1f}" '
                     f'y2="{y(value):.1f}"/><text class="tick" text-anchor="end" x="{c["left"] - 6}" '
                     f'y="{y(value) + 4:.1f}">{value:g}</text>')
    step = max(1, round(ceiling(seconds / 10)))
    for second in range(0, int(seconds) + 1, step):
        parts.append(f'<text class="tick" text-anchor="middle" x="{x(second):.1f}" y="{c["height"] - 8}">{second} s'
                     "</text>")
    for source, kind in ((faint, "worst"), (series, "seen")):
        for i, values in enumerate((source or {}).values()):
            for points in unbroken(values, run["bin_s"], x, y):
                parts.append(f'<polyline class="{kind}" stroke="{hue(i, len(series))}" points="{points}"/>')
    for i, event in enumerate(run["events"], 1):
        at = x(min(event["at_s"], seconds))
        parts.append(f'<line class="event" x1="{at:.1f}" x2="{at:.1f}" y1="{c["top"]}" '
                     f'y2="{c["height"] - c["bottom"]}"><title>{text(event["text"])}</title></line>'
                     f'<text class="event-name" x="{at:.1f}" y="{c["top"] - 6}">{i}</text>')
    return "\n".join([*parts, "</svg>"])


def unbroken(values, bin_s, x, y):
    """The points of each run of values without a hole."""
    points = []
    for i, value in enumerate([*values, None]):
        if value is not None:
            points.append(f"{x((i + 0.5) * bin_s):.1f},{y(value):.1f}")
        elif points:
            yield " ".join(points)
            points = []


# Tables.

def results_table(figures):
    originals = any(result["original"] for result in figures["results"])
    head = ("<tr><th></th><th>what</th><th>measured</th>" +
            ("<th>originally published</th>" if originals else "") + "</tr>")
    lines = []
    for result in figures["results"]:
        mark = {None: "", True: '<span class="ok">✓</span>', False: '<span class="no">✗</span>'}[result["holds"]]
        lines.append(f"<tr><td>{mark}</td><td>{text(result['what'])}</td><td>{text(result['value'])}</td>" +
                     (f"<td>{text(result['original'])}</td>" if originals else "") + "</tr>")
    return f'<div class="card scroll"><table>{head}{"".join(lines)}</table></div>'


def interface_table(phase, clients):
    """Interfaces that carry the stream, or would by unicast."""
    least = SHOWN * copy_of(phase, clients)
    lines = []
    for node, interfaces in phase["interfaces"].items():
        for name, t in interfaces.items():
            if max(t.values()) < least:
                continue
            own, unicast = t["in"] + t["out"], t["unicast_in"] + t["unicast_out"]
            share = f"{own / unicast:.0%}" if unicast else "–"
            cells = "".join(f'<td class="n">{t[key]:,}</td>' for key in ("in", "unicast_in", "out", "unicast_out"))
            lines.append(f'<tr><td>{text(node)}</td><td>{text(name)}</td>{cells}<td class="n">{share}</td></tr>')
    head = ('<tr><th>node</th><th>interface</th><th class="n">bytes in</th><th class="n">by unicast</th>'
            '<th class="n">bytes out</th><th class="n">by unicast</th><th class="n">of unicast</th></tr>')
    return f'<div class="scroll"><table>{head}{"".join(lines)}</table></div>'


def viewer_table(run):
    head = "".join(f'<th class="n">{name}</th>' for name in (
        "frames", "lost", "skipped", "twice", "hops", "latency p50 ms", "p99", "max", "longest gap ms"))
    lines = []
    for i, (node, seen) in enumerate(run["clients"].items()):
        latency = seen["latency_ms"]
        values = [seen["frames_received"], seen["frames_lost"], seen["frames_skipped"], seen["frames_duplicate"],
                  seen["hops"], *(f"{latency[q]:.1f}" for q in ("p50", "p99", "max")), f"{seen['gap_ms_max']:.1f}"]
        lines.append(f'<tr><td><span class="key" style="color:{hue(i, len(run["clients"]))}"><b></b>'
                     f'</span>{text(node)}</td>' + "".join(f'<td class="n">{value}</td>' for value in values) + "</tr>")
    return f'<div class="scroll"><table><tr><th>viewer</th>{head}</tr>{"".join(lines)}</table></div>'


# The page.

def run_section(figures, run):
    name = run["name"] or "The run"
    parts = [f"<h2>{text(name)}: the tree and what the links carried</h2>", '<div class="maps">']
    scale = SEVERAL_MAPS_SCALE if len(run["phases"]) > 1 else 1
    for phase in run["phases"]:
        parts.append(f'<div class="card"><h3>{text(phase["name"])}, {phase["seconds"]:.0f} s</h3>'
                     f'{draw_map(figures["map"], phase, run["clients"], scale)}'
                     f'<p class="soft">{text(tree_line(phase))}</p></div>')
    parts.append("</div>")
    parts.append(f'<h2>{text(name)}: what the viewers saw</h2><div class="card">')
    clients = run["clients"]
    parts.append("<h3>Frames per second</h3>")
    parts.append(draw_chart(run, {node: seen["rate"] for node, seen in clients.items()}, "frames per second"))
    parts.append('<h3>Latency, ms, beyond that of a viewer at the server <span class="soft">(median; faint: longest of '
                 f'each {run["bin_s"]:g} s)</span></h3>')
    middle, longest = ({node: [pair and pair[i] for pair in seen["latency"]] for node, seen in clients.items()}
                       for i in (0, 1))
    parts.append(draw_chart(run, middle, "latency", longest))
    if run["events"]:
        parts.append("<ol>" + "".join(
            f"<li>{text(event['text'])}, {event['at_s']:.1f} s; longest gap beyond the frame interval until the next: "
            + ", ".join(f"{text(node)} {seen['gaps_ms'][i]:.1f} ms" for node, seen in clients.items()) + "</li>"
            for i, event in enumerate(run["events"])) + "</ol>")
    parts.append(viewer_table(run) + "</div>")
    parts.append(f"<h2>{text(name)}: bytes at each interface, against unicast</h2>")
    for i, phase in enumerate(run["phases"]):
        parts.append(f'<details class="card"{" open" if i == 0 else ""}><summary>{text(phase["name"])}</summary>'
                     f"{interface_table(phase, clients)}</details>")
    return "\n".join(parts)


def page(figures):
    legend = "".join(f'<span class="key" style="color:var(--{role})"><i></i>{word}</span>'
                     for role, word in (("server", "server"), ("relay", "relay"), ("viewer", "viewer"),
                                        ("soft", "not in the overlay")))
    warnings = "".join(f"<li>{text(warning)}</li>" for warning in figures["runs"][0]["warnings"])
    return f"""<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{text(figures["title"])} · ottd</title><style>{STYLE}</style></head><body><main>
<h1>{text(figures["title"])}</h1>
<p class="soft">scenario {text(figures["scenario"])} · source {text(figures["source"])} ·
{text(figures["began"])} · in a network of {text(figures["network"])} · each measurement {figures["seconds"]:g} s</p>
{f"<ul>{warnings}</ul>" if warnings else ""}
<h2>Results</h2>
{results_table(figures)}
<p class="soft" style="margin-top:16px">In the maps an arrow is as wide as what the kernel counted on that link; the
thin ones are a copy of the stream. Dashed nodes were not in the tree. Point at anything for its figures.</p>
<p>{legend}</p>
{"".join(run_section(figures, run) for run in figures["runs"])}
</main></body></html>
"""
