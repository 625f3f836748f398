"""Latency that each relay adds: chains of relays, ottd against the floor."""

from harness import FloorRig, OttdRig, median, table
from console import counted

CHAINS = [1, 2, 4, 8]


def run(lab, options, show):
    rounds, seconds, chains = (1, 2.0, [1, 4]) if options.quick else (3, 6.0, CHAINS)
    runs = {}
    for i in range(rounds):
        for chain in chains:
            for kind in (FloorRig, OttdRig) if i % 2 == 0 else (OttdRig, FloorRig):
                with kind(lab, fps=30, chain=chain) as rig:
                    latency = rig.load(1, seconds, warm_up=1.0)["fast"]["latency_ms"]
                runs.setdefault(f"{kind.name}/{chain}", []).append(latency)
                show(f"hops: {counted(chain, 'relay')}, round {i + 1}: {kind.name} {latency['p50']:.3f} ms (p50), "
                     f"{latency['p99']:.3f} (p99)")
    middle = {case: {q: median([run[q] for run in of_one]) for q in ("p50", "p99")} for case, of_one in runs.items()}
    longest = chains[-1]
    added = {kind: {q: (middle[f"{kind}/{longest}"][q] - middle[f"{kind}/1"][q]) / (longest - 1)
                    for q in ("p50", "p99")} for kind in ("floor", "ottd")}
    return {"chains": chains, "latency_ms": middle, "added_per_hop_ms": added,
            "ratio": {q: added["ottd"][q] / added["floor"][q] for q in ("p50", "p99")}, "runs": runs}


def report(results):
    rows = []
    for q in ("p50", "p99"):
        for kind in ("floor", "ottd"):
            rows.append([f"{kind}, {q}", *(f"{results['latency_ms'][f'{kind}/{n}'][q]:.3f}" for n in results["chains"]),
                         f"{results['added_per_hop_ms'][kind][q]:.3f}",
                         f"{results['ratio'][q]:.2f}" if kind == "ottd" else ""])
    return table(["latency, ms", *(counted(n, "relay") for n in results["chains"]), "added per relay",
                  "ratio"], rows)
