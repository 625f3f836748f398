"""What a relay's CPU costs per packet where many streams of small packets share its links, against one stream of
as many packets."""

from harness import OttdRig, median, spread, table

PACKET_BYTES = 1_200
PACKETS_PER_S = 900
STREAMS = 50


class SharedLinkRig(OttdRig):
    """Two relays in a row; all streams of one publisher share both links of the first, which is the one measured."""

    def __init__(self, lab, streams):
        self.streams = streams
        super().__init__(lab, fps=PACKETS_PER_S / streams, frame_bytes=PACKET_BYTES, chain=2)

    def publisher_flags(self, i):
        return ["--publish", self.streams, "--name", "load"]

    def build(self):
        super().build()
        # Viewers that name no stream are spread over all, the bootstrapper's included.
        self.stream = ["--stream", "load"] if self.streams == 1 else []

    def relay_pids(self):
        return super().relay_pids()[:1]


def run(lab, options, show):
    rounds, seconds = (1, 3.0) if options.quick else (5, 8.0)
    runs = {}
    for i in range(rounds):
        for streams in (1, STREAMS) if i % 2 == 0 else (STREAMS, 1):
            with SharedLinkRig(lab, streams) as rig:
                results = rig.load(1 if streams == 1 else streams + 1, seconds)
            packets = results["frames"]
            runs.setdefault(str(streams), []).append(
                {"us_per_packet": 1e6 * results["relay"]["cpu_s"] / packets, "packets_per_s": results["frames_per_s"]})
            show(f"streams: {streams}, round {i + 1}: {runs[str(streams)][-1]['us_per_packet']:.2f} us per packet, "
                 f"{results['frames_per_s']:.0f} packets/s")
    middle = {case: median([run["us_per_packet"] for run in of_one]) for case, of_one in runs.items()}
    return {"us_per_packet": middle, "ratio": middle[str(STREAMS)] / middle["1"], "runs": runs,
            "spread": {case: spread([run["us_per_packet"] for run in of_one]) for case, of_one in runs.items()}}


def report(results):
    rows = [[f"{streams} of {PACKET_BYTES}-byte packets", results["us_per_packet"][streams],
             results["spread"][streams], results["ratio"] if streams != "1" else None]
            for streams in ("1", str(STREAMS))]
    return table(["streams on one link", "us of CPU per packet", "spread", "ratio"], rows)
