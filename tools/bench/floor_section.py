"""ottd against the floor: CPU per delivered byte, send calls, user time."""

from harness import FloorRig, OttdRig, median, sends_per_frame, spread, table
from console import counted

PACED = [1, 10, 100, 1000]
SATURATED_VIEWERS = 64
# Then each relay has been through all of its ring, and no page of it is new.
WARM_UP_S = 4.0
RIGS = (FloorRig, OttdRig)


def rounds_of(lab, viewers, fps, rounds, seconds, quick, show):
    """Alternately, a process of its own each time."""
    runs = {rig.name: [] for rig in RIGS}
    for i in range(rounds):
        for kind in RIGS if i % 2 == 0 else reversed(RIGS):
            with kind(lab, fps=fps) as rig:
                result = rig.load(viewers, seconds, warm_up=1.0 if quick else WARM_UP_S)
            result.pop("series")
            runs[kind.name].append(result)
            show(f"floor: {counted(viewers, 'viewer')}{'' if fps else ', saturated'}, round {i + 1}: {kind.name} "
                 f"{result['relay']['cpu_s_per_gib']:.3f} s/GiB, {result['frames_lost']} lost")
    return runs


def user_share(runs):
    """From all ticks of all runs: a tick is 10 ms, and a run at a low rate has few."""
    user, system = (sum(run["relay"][key] for run in runs) for key in ("user_s", "system_s"))
    return user / (user + system) if user + system else None


def case(lab, name, viewers, fps, rounds, seconds, quick, show):
    runs = rounds_of(lab, viewers, fps, rounds, seconds, quick, show)
    def of(kind, key):
        return median([run["relay"][key] for run in runs[kind]])
    floor, ottd = (of(kind, "cpu_s_per_gib") for kind in ("floor", "ottd"))
    # Pairs of one round saw the same machine.
    ratios = [b["relay"]["cpu_s_per_gib"] / a["relay"]["cpu_s_per_gib"] for a, b in zip(runs["floor"], runs["ottd"])]
    return {
        "case": name, "viewers": viewers, "fps": fps, "ratio": median(ratios), "ratios": ratios,
        "ratio_spread": spread(ratios),
        "floor_cpu_s_per_gib": floor, "ottd_cpu_s_per_gib": ottd,
        "floor_cpu_s_per_1000_frames": of("floor", "cpu_s_per_1000_frames"),
        "ottd_cpu_s_per_1000_frames": of("ottd", "cpu_s_per_1000_frames"),
        "floor_user_share": user_share(runs["floor"]), "ottd_user_share": user_share(runs["ottd"]),
        "floor_gbit_per_s": median([run["bytes_per_s"] * 8e-9 for run in runs["floor"]]),
        "ottd_gbit_per_s": median([run["bytes_per_s"] * 8e-9 for run in runs["ottd"]]),
        "floor_latency_ms_p99": median([run["fast"]["latency_ms"]["p99"] for run in runs["floor"]]),
        "ottd_latency_ms_p99": median([run["fast"]["latency_ms"]["p99"] for run in runs["ottd"]]),
        "ottd_frames_lost": sum(run["frames_lost"] for run in runs["ottd"]),
        "ottd_frames_skipped": sum(run["frames_skipped"] for run in runs["ottd"]),
        "runs": runs,
    }


def run(lab, options, show):
    rounds, seconds = (3, 1.5) if options.quick else (5, 5.0)
    paced = [10, 100] if options.quick else PACED
    # A few viewers cost little in a second, and that little is noisy: they are watched longer.
    cases = [case(lab, counted(n, "viewer"), n, 30, rounds, seconds * (2 if n <= 10 else 1), options.quick, show)
             for n in paced]
    cases.append(case(lab, f"{SATURATED_VIEWERS} viewers, saturated", SATURATED_VIEWERS, 0, rounds, seconds,
                      options.quick, show))
    sends = {}
    for n in [] if options.quick else [1, 10, 100]:
        for kind in RIGS:
            with kind(lab, fps=30) as rig:
                sends[f"{kind.name}/{n}"] = sends_per_frame(rig, n, 10)
    return {"cases": cases, "sends_per_viewer_frame": sends}


def report(results):
    rows = [[case["case"], case["floor_cpu_s_per_gib"], case["ottd_cpu_s_per_gib"], f"{case['ratio']:.2f}",
             case["ottd_cpu_s_per_1000_frames"] * 1000, case["ottd_user_share"],
             case["floor_gbit_per_s"], case["ottd_gbit_per_s"],
             case["floor_latency_ms_p99"], case["ottd_latency_ms_p99"],
             results["sends_per_viewer_frame"].get(f"ottd/{case['viewers']}") if case["fps"] else None]
            for case in results["cases"]]
    return table(["case", "floor, CPU s/GiB", "ottd, CPU s/GiB", "ratio", "ottd, ms per 1,000 frames",
                  "ottd, user share", "floor, Gbit/s", "ottd, Gbit/s", "floor, p99 ms", "ottd, p99 ms",
                  "ottd, sends per viewer-frame"], rows)
