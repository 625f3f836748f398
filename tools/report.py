"""The page that tools/scenario writes of its figures: one HTML file with its drawings, which needs nothing else."""

import base64

from drawing import SEVERAL_MAPS_SCALE, SHOWN, Map, copy_of, draw_bars, draw_latencies, draw_rates, draw_ways, size, text

PICTURE_BYTES_MAX = 100_000

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
.maps svg { margin: 0 auto; } svg + h3 { margin-top: 20px; } .scroll { margin-top: 10px; }
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
.head { fill: var(--flow); } .ground { fill: var(--card); opacity: .88; }
.name, .lane { font-weight: 600; }
.node { fill: var(--card); stroke: var(--soft); stroke-width: 1.6; } .away { stroke-dasharray: 3 3; opacity: .55; }
.server { stroke: var(--server); stroke-width: 3.4; } .relay { stroke: var(--relay); stroke-width: 2.6; }
.viewer { stroke: var(--viewer); stroke-width: 2.6; }
.grid { stroke: var(--line); stroke-width: 1; } svg .tick { fill: var(--soft); }
.event { stroke: var(--event); stroke-width: 1.4; stroke-dasharray: 4 3; }
svg .event-name { fill: var(--event); font-weight: 700; }
.seen { fill: none; stroke: var(--flow); stroke-width: 1.6; stroke-linejoin: round; }
.other { fill: none; stroke: var(--soft); stroke-width: 1.4; stroke-dasharray: 4 3; }
.way0 { fill: var(--flow); } .way1 { fill: var(--event); } .way2 { fill: var(--viewer); } .way3 { fill: var(--relay); }
.way4 { fill: var(--soft); } .way0, .way1, .way2, .way3, .way4 { opacity: .35; }
.range { fill: var(--flow); opacity: .22; } .peak { fill: var(--flow); }
.gap { fill: var(--event); opacity: .5; } .missing { stroke: var(--bad); stroke-width: 2.4; fill: none; }
.multicast { fill: var(--flow); } .unicast { fill: var(--soft); opacity: .55; }
.key { display: inline-flex; align-items: center; gap: 6px; margin-right: 16px; white-space: nowrap; }
.key i { width: 14px; height: 14px; border: 2.6px solid; border-radius: 50%; display: inline-block; }
.key b { width: 18px; height: 10px; display: inline-block; } b.multicast { background: var(--flow); }
b.unicast { background: var(--soft); }
.pictures { display: grid; grid-template-columns: repeat(auto-fill, minmax(330px, 1fr)); gap: 14px; }
.pair { display: grid; grid-template-columns: 1fr 1fr; gap: 8px; } figure { margin: 0; }
.pictures img { display: block; width: 100%; border-radius: 4px; } figcaption { color: var(--soft); font-size: 13px; }
"""


def map_of(scenario, address, servers, clients):
    """What a drawing of the network needs; it becomes part of report.json."""
    def role(node):
        if node.name in servers:
            return "server"
        return "viewer" if node.name in clients else "relay" if node.name in address else ""
    return {"nodes": [{"name": node.name, "type": node.type, "role": role(node), "device": node.is_device,
                       "at": node.position or (100 * (node.id % 8) + 80, 100 * (node.id // 8) + 80),
                       "address": address.get(node.name, "")} for node in scenario.nodes.values()],
            "links": [{"ends": [[end.node.name, end.name if end.node.is_device else None] for end in link.ends],
                       "bandwidth": link.ends[0].options.bandwidth} for link in scenario.links]}


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
        "frames", "lost", "skipped", "twice", "hops", "latency p50, ms", "p99", "max", "longest gap, ms"))
    lines = []
    for node, seen in run["clients"].items():
        latency = seen["latency_ms"]
        values = [seen["frames_received"], seen["frames_lost"], seen["frames_skipped"], seen["frames_duplicate"],
                  seen["hops"], *(f"{latency[q]:.1f}" for q in ("p50", "p99", "max")), f"{seen['gap_ms_max']:.1f}"]
        cells = "".join(f'<td class="n">{value}</td>' for value in values)
        lines.append(f"<tr><td>{text(node)}</td>{cells}</tr>")
    return f'<div class="scroll"><table><tr><th>viewer</th>{head}</tr>{"".join(lines)}</table></div>'


# The page.

def maps(figures, run):
    scale = SEVERAL_MAPS_SCALE if len(run["phases"]) > 1 else 1
    cards = (f'<div class="card"><h3>{text(phase["name"])}, {phase["seconds"]:.0f} s</h3>'
             f'{Map(figures["map"], phase, run["clients"], scale).draw()}'
             f'<p class="soft">{text(tree_line(phase))}</p></div>' for phase in run["phases"])
    return f'<div class="maps">{"".join(cards)}</div>'


def over_time(run):
    events = "".join(
        f"<li>{text(event['text'])}, {event['at_s']:.1f} s; longest gap beyond the frame interval until the next: "
        + ", ".join(f"{text(node)} {seen['gaps_ms'][i]:.1f} ms" for node, seen in run["clients"].items()) + "</li>"
        for i, event in enumerate(run["events"]))
    return f"""<div class="card"><h3>Frames per second <span class="soft">(bars: no frame for more than two frame
intervals; crosses: frames that were lost or skipped)</span></h3>{draw_rates(run)}
<h3>Latency, ms, beyond that of a viewer at the server <span class="soft">(median and longest of each
{run["bin_s"]:.1f} s; the dot is the longest of all)</span></h3>{draw_latencies(run)}
<h3>What each viewer's way cost{", ms" if run["metric"] != "cost" else ""}, by {run["metric"]} <span class="soft">(dashed:
the best other way; below: the nodes on the way)</span></h3>{draw_ways(run)}
{f"<ol>{events}</ol>" if events else ""}
{viewer_table(run)}<p class="soft">Latency is beyond that of a viewer at the server, gaps are beyond the frame interval,
and both of the time shown.</p></div>"""


def picture(node, moment):
    frame = moment["frames"][node]
    caption = f"{moment['when']}, {moment['at_s']:.1f} s"
    if frame is None:
        return f"<figure>no frame<figcaption>{text(caption)}</figcaption></figure>"
    if len(frame) > PICTURE_BYTES_MAX:
        return f"<figure>{size(len(frame))}, too large for this page<figcaption>{text(caption)}</figcaption></figure>"
    data = base64.b64encode(frame).decode()
    return (f'<figure><img alt="{text(f"{node} {caption}")}" src="data:image/jpeg;base64,{data}">'
            f"<figcaption>{text(caption)}</figcaption></figure>")


def pictures(run):
    """What each viewer showed before each event and after it; without events, at the beginning and at the end."""
    cards = []
    for number, shown in enumerate(run["pictures"], 1):
        title = f"{number}. {shown['text']}: " if shown["text"] else ""
        for node in run["clients"]:
            frames = "".join(picture(node, moment) for moment in shown["moments"])
            cards.append(f'<div class="card"><h3>{text(title + node)}</h3><div class="pair">{frames}</div></div>')
    return f'<div class="pictures">{"".join(cards)}</div>'


def bytes_of(figures, run):
    clients, cards = run["clients"], []
    legend = "".join(f'<span class="key"><b class="{kind}"></b>{words}</span>' for kind, words in (
        ("multicast", "carried"), ("unicast", "by unicast, a copy for each viewer")))
    for i, phase in enumerate(run["phases"]):
        cards.append(f'<details class="card"{" open" if i == 0 else ""}><summary>{text(phase["name"])}</summary>'
                     f'<p>{legend}</p>{draw_bars(figures["map"], phase, clients)}'
                     f"<details><summary>each interface</summary>{interface_table(phase, clients)}</details></details>")
    return "\n".join(cards)


def run_section(figures, run):
    name = text(run["name"] or "The run")
    return f"""<h2>{name}: the tree and what the links carried</h2>{maps(figures, run)}
<h2>{name}: what the viewers saw</h2>{over_time(run)}
<h2>{name}: the picture at each viewer</h2>{pictures(run)}
<h2>{name}: bytes on the links, beside unicast</h2>{bytes_of(figures, run)}"""


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
