"""Many viewers, many connections, all at once, and a large topology."""

import json
import random
import time

from harness import MIB, OttdRig, process_memory, table

GUESTS, CONNECTIONS, NODES = 2000, 10_000, 10_000


def facts(case, result, complaints):
    return {"case": case, "relay_mib": result["relay"]["resident_bytes_max"] / MIB,
            "frames_lost": result["frames_lost"], "frames_skipped": result["frames_skipped"],
            "gbit_per_s": result["bytes_per_s"] * 8e-9, "latency_ms": result["fast"]["latency_ms"],
            "cpu_s_per_gib": result["relay"]["cpu_s_per_gib"], "complaints": complaints}


def guests(lab, seconds, show):
    """Memory per viewer by what more of them add."""
    few = 100
    with OttdRig(lab, fps=10) as rig:
        base = rig.load(few, seconds)
    with OttdRig(lab, fps=10) as rig:
        result = rig.load(GUESTS, seconds)
        complaints = rig.complaints()
    own = (result["relay"]["anonymous_bytes"] - base["relay"]["anonymous_bytes"]) / (GUESTS - few)
    show(f"scale: {GUESTS} guests: {result['relay']['resident_bytes_max'] / MIB:.1f} MiB, {own:.0f} bytes each")
    return {**facts(f"{GUESTS} guests of one relay, 10 frames/s", result, complaints), "own_bytes_per_viewer": own}


def connections(lab, seconds, show):
    with OttdRig(lab, fps=1) as rig:
        result = rig.load(CONNECTIONS, seconds)
        complaints = rig.complaints()
    show(f"scale: {CONNECTIONS} connections: all play after {result['first_frame_ms']['max'] / 1000:.2f} s")
    return {**facts(f"{CONNECTIONS} connections, 1 frame/s", result, complaints),
            "all_play_after_s": result["first_frame_ms"]["max"] / 1000}


def stampede(lab, seconds, show):
    with OttdRig(lab, fps=10) as rig:
        result = rig.load(GUESTS, seconds, ["--stampede"])
        complaints = rig.complaints()
    show(f"scale: {GUESTS} viewers come again at once: all play after {result['stampede_ms']['max'] / 1000:.2f} s")
    return {**facts(f"{GUESTS} viewers come again at once", result, complaints),
            "all_play_after_s": result["stampede_ms"]["max"] / 1000}


def large_topology(lab, show):
    ids = ["127.0.0.1"] + [f"10.{i >> 16}.{i >> 8 & 255}.{i & 255}" for i in range(1, NODES)]
    neighbours = {node: set() for node in ids}
    chance = random.Random(1)
    for i in range(1, NODES):
        for other in {chance.randrange(i) for _ in range(3)}:
            neighbours[ids[i]].add(ids[other])
            neighbours[ids[other]].add(ids[i])
    path = lab.folder / "large.json"
    at = "127.98.0.1"
    path.write_text(json.dumps({at if node == ids[0] else node:
                                {"neighbors": [at if other == ids[0] else other for other in sorted(others)]}
                                for node, others in neighbours.items()}))
    began = time.monotonic()
    boot = lab.start("large", [lab.ottd, "--role", "bootstrap", "--topology", path, "--id", at])
    boot.wait_for_log("listening on")
    loaded = time.monotonic() - began
    resident = process_memory(boot.pid)
    lab.end(boot)
    show(f"scale: a topology of {NODES} nodes: {loaded:.2f} s, {resident / MIB:.0f} MiB")
    return {"case": f"a topology of {NODES} nodes", "loaded_after_s": loaded, "relay_mib": resident / MIB}


def run(lab, options, show):
    seconds = 3 if options.quick else 10
    return {"cases": [guests(lab, seconds, show), connections(lab, seconds, show), stampede(lab, seconds, show),
                      large_topology(lab, show)]}


def report(results):
    rows = [[case["case"], case.get("all_play_after_s", case.get("loaded_after_s")), case["relay_mib"],
             case.get("own_bytes_per_viewer"), case.get("gbit_per_s"), case.get("frames_lost"),
             case.get("frames_skipped"), case["latency_ms"]["p99"] if "latency_ms" in case else None,
             len(case["complaints"]) if "complaints" in case else None] for case in results["cases"]]
    return table(["case", "all play / loaded after, s", "memory, MiB", "own bytes per viewer", "Gbit/s", "lost",
                  "skipped", "p99, ms", "taken for dead"], rows)
