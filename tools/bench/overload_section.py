"""Half as much again as the machine can forward: what happens meanwhile, and when it is over."""

import math
import time

from harness import MIB, OttdRig, table

CALM_VIEWERS, STORM_VIEWERS = 10, 200
CALM_FPS = 30
FRAME_BYTES = 50_000


def run(lab, options, show):
    seconds = 4 if options.quick else 15
    with OttdRig(lab, fps=0) as rig:
        free = rig.load(STORM_VIEWERS, 3 if options.quick else 6)
    fps = round(1.5 * free["frames_per_s"] / STORM_VIEWERS)
    show(f"overload: {free['bytes_per_s'] * 8e-9:.1f} Gbit/s can be forwarded; {fps} frames/s to {STORM_VIEWERS} "
         f"viewers is half as much again")
    with OttdRig(lab, publishers=((CALM_FPS, FRAME_BYTES), (fps, FRAME_BYTES))) as rig:
        quiet = rig.load(CALM_VIEWERS, seconds, watch=False)["fast"]["latency_ms"]["p99"]
        calm = rig.begin_load(CALM_VIEWERS, 3 * seconds + 5, watch=False, name="calm")
        calm.wait_until_measuring()
        began = time.monotonic()
        storm = rig.load(STORM_VIEWERS, seconds, ["--stream", "load1"], warm_up=1.0, name="storm")
        over = time.monotonic() - began
        calm_result = calm.finish()
        complaints = rig.complaints()
    series = [second["fast"] for second in calm_result["series"]]
    group = storm["fast"]
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
        "false_failures": complaints, "normal_again_after_s": normal_again(series, over, quiet),
        "calm_p99_ms": {"before": quiet, "worst": max(second["age_ms_p99"] for second in series),
                        "after": max((second["age_ms_p99"] for second in series[math.ceil(over):]), default=None)},
        "calm_series": series,
    }


def normal_again(series, over, quiet_ms):
    """The time from the end of the overload to the first second from which on all frames are there again and none
    is much older than before. The earliest that can be seen is the first whole second after it."""
    def normal(second):
        return (second["frames"] >= 0.95 * CALM_FPS * CALM_VIEWERS
                and second["age_ms_p99"] <= max(3 * quiet_ms, quiet_ms + 20))
    first = len(series)
    while first > math.ceil(over) and normal(series[first - 1]):
        first -= 1
    return first - over


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
        ["normal again after", f"{results['normal_again_after_s']:.1f} s"],
    ]
    return table(["overload", ""], rows)
