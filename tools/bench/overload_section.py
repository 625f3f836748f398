"""Half as much again as the machine can forward: what happens meanwhile, and when it is over."""

from harness import MIB, OttdRig, table

CALM_VIEWERS, STORM_VIEWERS = 10, 200
CALM_FPS = 30
FRAME_BYTES = 50_000


def run(lab, options, show):
    seconds = 4 if options.quick else 15
    with OttdRig(lab, fps=0) as rig:
        free = rig.load(STORM_VIEWERS, 3 if options.quick else 6)
    fps = round(1.5 * free["frames_per_s"] / STORM_VIEWERS)
    show(f"overload: {free['bytes_per_s'] * 8e-9:.1f} Gbit/s can be forwarded; {fps} frames/s to {STORM_VIEWERS} viewers "
         f"is half as much again")
    with OttdRig(lab, publishers=((CALM_FPS, FRAME_BYTES), (fps, FRAME_BYTES))) as rig:
        calm = rig.begin_load(CALM_VIEWERS, 3 * seconds, name="calm")
        calm.wait_until_measuring()
        storm = rig.load(STORM_VIEWERS, seconds, ["--stream", "load1"], warm_up=1.0, name="storm")
        calm_result = calm.finish()
        complaints = rig.complaints()
    before = calm_result["series"][0]["fast"]
    after = calm_result["series"][-seconds // 2:]
    group = storm["fast"]
    settled = settle_time(calm_result["series"], before["age_ms_p99"])
    return {
        "forwarded_gbit_per_s": free["bytes_per_s"] * 8e-9, "offered_fps": fps, "viewers": STORM_VIEWERS,
        "storm_gbit_per_s": storm["bytes_per_s"] * 8e-9,
        "storm_age_ms": {q: group["latency_ms"][q] for q in ("p50", "p99", "max")},
        "frames_lost": storm["frames_lost"] + calm_result["frames_lost"],
        "frames_broken": storm["frames_broken"] + calm_result["frames_broken"],
        "frames_skipped": storm["frames_skipped"],
        "skips_of_least": group["skips_of_least"], "skips_of_most": group["skips_of_most"],
        "frames_of_least": group["frames_of_least"], "frames_of_most": group["frames_of_most"],
        "relay_mib_max": storm["relay"]["resident_bytes_max"] / MIB,
        "relay_mib_before": storm["relay"]["resident_bytes_before"] / MIB,
        "false_failures": complaints, "settled_after_s": settled,
        "calm_p99_ms": {"before": before["age_ms_p99"],
                        "worst": max(second["fast"]["age_ms_p99"] for second in calm_result["series"]),
                        "after": max(second["fast"]["age_ms_p99"] for second in after)},
        "calm_series": [second["fast"] for second in calm_result["series"]],
    }


def settle_time(series, before_ms):
    """Seconds from the last one in which frames of the calm stream were missing or old to one as before the storm."""
    late = [i for i, second in enumerate(series)
            if second["fast"]["frames"] < 0.9 * CALM_FPS * CALM_VIEWERS or second["fast"]["age_ms_p99"] > 5 * before_ms + 20]
    storm = [i for i, second in enumerate(series) if second["fast"]["age_ms_p50"] > 3 * before_ms + 5]
    return max(0, (late[-1] if late else 0) - (storm[-1] if storm else 0))


def report(results):
    calm = results["calm_p99_ms"]
    rows = [
        ["can be forwarded", f"{results['forwarded_gbit_per_s']:.1f} Gbit/s"],
        ["offered: 150 %", f"{results['offered_fps']} frames/s to {results['viewers']} viewers"],
        ["forwarded meanwhile", f"{results['storm_gbit_per_s']:.1f} Gbit/s"],
        ["frame age p50 / p99", f"{results['storm_age_ms']['p50']:.0f} / {results['storm_age_ms']['p99']:.0f} ms"],
        ["lost, broken", f"{results['frames_lost']}, {results['frames_broken']}"],
        ["frames of a viewer: least / most", f"{results['frames_of_least']} / {results['frames_of_most']}"],
        ["skips of a viewer: least / most", f"{results['skips_of_least']} / {results['skips_of_most']}"],
        ["relay's memory: before / most", f"{results['relay_mib_before']:.1f} / {results['relay_mib_max']:.1f} MiB"],
        ["links taken for dead", len(results["false_failures"])],
        ["another stream's p99: before / worst / after",
         f"{calm['before']:.2f} / {calm['worst']:.1f} / {calm['after']:.2f} ms"],
        ["normal again after", f"{results['settled_after_s']} s"],
    ]
    return table(["overload", ""], rows)
