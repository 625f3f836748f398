"""tools/report.py: what its pages show of figures, from figures that are made up."""

import base64
import collections
import importlib.machinery
import importlib.util
import math
import pathlib
import sys
import types
import unittest

from report_page import Page

sys.dont_write_bytecode = True
TOOLS = pathlib.Path(__file__).resolve().parents[2] / "tools"
sys.path.insert(0, str(TOOLS))
import drawing  # noqa: E402
import experiment  # noqa: E402
import lab  # noqa: E402
import report  # noqa: E402
import ways  # noqa: E402

loader = importlib.machinery.SourceFileLoader("scenario", str(TOOLS / "scenario"))
scenario = importlib.util.module_from_spec(importlib.util.spec_from_loader("scenario", loader))
sys.modules["scenario"] = scenario  # dataclasses look there
loader.exec_module(scenario)

COPY = 3_000_000
JPEG = b"\xff\xd8 before \xff\xd9", b"\xff\xd8 after \xff\xd9"


def viewer(**further) -> dict:
    return {"frames_received": 300, "frames_lost": 0, "frames_skipped": 0, "frames_duplicate": 0, "hops": 2,
            "rate": [30.0] * 20, "latency": [[1.0, 2.0]] * 19 + [[1.0, 12.34]],
            "latency_ms": {"p50": 1.0, "p99": 2.0, "max": 12.34}, "gap_before_ms": 1.0, "gaps_ms": [],
            "gap_ms_max": 1.0, "gaps": [], "missing": [], **further}


def way(at_s, by, cost, other=None, other_cost=None) -> dict:
    return {"at_s": at_s, "by": by.split(), "cost": cost, "other": other and other.split(), "other_cost": other_cost}


def figures(viewers=("v1", "v2"), events=(), ways=None, **further) -> dict:
    """A server and its viewers around one switch, which has all their streams."""
    names = ["server", *viewers]
    at = {name: [500 + 400 * math.cos(6.3 * i / len(names)), 500 + 400 * math.sin(6.3 * i / len(names))]
          for i, name in enumerate(names)}
    nodes = [{"name": name, "type": "PC", "role": "viewer" if name != "server" else "server", "device": True,
              "at": at[name], "address": "10.0.0.1"} for name in names]
    nodes.append({"name": "switch", "type": "SWITCH", "role": "", "device": False, "at": [500, 500], "address": ""})
    interfaces = {name: {"eth0": {"in": COPY, "out": COPY, "unicast_in": COPY, "unicast_out": 0}} for name in viewers}
    interfaces["server"] = {"eth0": {"in": 10_000, "out": COPY, "unicast_in": 0, "unicast_out": COPY * len(viewers)}}
    phase = {"name": "at first", "seconds": 10.0, "began_s": 0.0, "paths": {name: ["server", name] for name in viewers},
             "tree": [{"from": "server", "to": name, "frames": 300, "bytes": COPY} for name in viewers],
             "interfaces": interfaces}
    moments = [{"when": when, "at_s": 1.0 + i, "frames": {name: JPEG[i] for name in viewers}}
               for i, when in enumerate(("before", "after"))]
    clients = {name: viewer(gaps_ms=[1.0] * len(events), **further.get(name, {})) for name in viewers}
    run = {"name": "", "tree": "shortest", "metric": "latency", "phases": [phase], "warnings": [], "bin_s": 0.5,
           "seconds": 10.0, "events": [{"at_s": at_s, "text": text} for at_s, text in events], "clients": clients,
           "ways": ways or {name: [way(i, f"server {name}", 12.5) for i in range(1, 10)] for name in viewers},
           "pictures": [{"text": text, "moments": moments} for _, text in events or [(0, "")]]}
    return {"scenario": "test", "title": "A test", "began": "now", "seconds": 10, "source": "pattern:", "results": [],
            "network": "words", "map": {"nodes": nodes, "links": [
                {"ends": [[name, "eth0"], ["switch", None]], "bandwidth": 0} for name in names]}, "runs": [run]}


def page_of(*arguments, **options) -> Page:
    return Page(report.page(figures(*arguments, **options)))


class Drawings(unittest.TestCase):
    def test_words_are_whole_and_apart(self):
        """Up to two dozen viewers, events in one moment and at the edges, long runs, long names, large numbers."""
        crowd = [f"viewer-{i}" for i in range(24)]
        events = [(0.0, "a"), (5.0, "b"), (5.01, "c"), (5.02, "d"), (9.9, "e"), (10.0, "f")]
        for given in (figures(), figures(["v"]), figures(crowd), figures(crowd[:4], events),
                      figures(["a-viewer-with-a-long-name", "b"], events),
                      figures(["v"], v={"frames_lost": 123, "frames_skipped": 4567})):
            page = Page(report.page(given))
            self.assertEqual((page.words_in_the_way(), page.open, page.outside), ([], [], []))
        for seconds in (2.5, 7.3, 59.9, 60.0, 600.0, 86400.0):
            given = figures()
            given["runs"][0].update(seconds=seconds, bin_s=seconds / 20)
            with self.subTest(seconds):
                self.assertEqual(Page(report.page(given)).words_in_the_way(), [])

    def test_figures_on_a_map(self):
        """All are there where there is room, none covers a node."""
        page = page_of()
        map_ = page.drawing("map, at first")
        figures_ = [text for values, text in map_["words"] if values["class"] == "figure"]
        self.assertEqual(collections.Counter(figures_), {"3.0 MB": 5})  # v1 and v2 send as much as they receive

    def test_viewers_that_see_the_same_do_not_hide_each_other(self):
        page = page_of(["v1", "v2", "v3"])
        for label in ("frames per second", "latency"):
            spans = []
            for tag, values in page.drawing(label)["shapes"]:
                if tag == "polyline":
                    ys = [float(point.split(",")[1]) for point in values["points"].split()]
                    spans.append((min(ys), max(ys)))
            self.assertEqual(len(spans), 3)
            for (_, above), (below, _) in zip(spans, spans[1:]):
                self.assertLess(above, below)

    def test_the_maximum_is_one_number(self):
        page = page_of(v1={"latency": [[1.0, 2.0]] * 5 + [[3.0, 77.77]],
                           "latency_ms": {"p50": 1, "p99": 2, "max": 77.77}})
        words = [text for _, text in page.drawing("latency")["words"]]
        self.assertEqual([text for text in words if text.startswith("max")], ["max 77.8 ms", "max 12.3 ms"])
        self.assertIn("77.8", page.text.split("longest gap, ms")[1])
        self.assertIn("12.3", page.text.split("longest gap, ms")[1])

    def test_gaps_and_losses_on_the_time_axis(self):
        page = page_of(v2={"gaps": [[2.5, 1.0], [9.0, 0.1]], "missing": [[4.0, 3, 0], [8.0, 0, 2]], "frames_lost": 3,
                           "frames_skipped": 2})
        rates = page.drawing("frames per second")
        axis = {text: float(values["x"]) for values, text in rates["words"] if text.endswith(" s")}
        second = (axis["10 s"] - axis["0 s"]) / 10
        gaps = [values for tag, values in rates["shapes"] if values.get("class") == "gap"]
        self.assertEqual([round((float(gap["x"]) - axis["0 s"]) / second, 1) for gap in gaps], [2.5, 9.0])
        self.assertAlmostEqual(float(gaps[0]["width"]) / second, 1.0, delta=0.01)
        crosses = [values["d"] for tag, values in rates["shapes"] if values.get("class") == "missing"]
        self.assertEqual([round((float(d[1:].split()[0]) + 4 - axis["0 s"]) / second, 1) for d in crosses], [4.0, 8.0])
        self.assertEqual([text for values, text in rates["words"] if "lost" in text], ["0 lost", "3 lost, 2 skipped"])

    def test_ways_on_the_time_axis(self):
        """v1 goes from r1 to r2 and back within a moment; the other way's cost is known for a while only."""
        ways = {"v1": [way(0.5, "server r1 v1", 10, "server r2 v1", 20),
                       way(4.0, "server r1 v1", 40, "server r2 v1", 20), way(5.0, "server r2 v1", 20), way(9.9, "server r1 v1", 15)], "v2": []}
        page = page_of(ways=ways)
        drawn = page.drawing("ways")
        axis = {text: float(values["x"]) for values, text in drawn["words"] if text.endswith(" s")}
        second = (axis["10 s"] - axis["0 s"]) / 10
        strips = [values for tag, values in drawn["shapes"] if values.get("class", "").startswith("way")]
        self.assertEqual([(values["class"], round((float(values["x"]) - axis["0 s"]) / second, 1),
                           round(float(values["width"]) / second, 1)) for values in strips],
                         [("way0", 0.5, 4.5), ("way1", 5.0, 4.9), ("way0", 9.9, 0.1)])
        self.assertEqual([text for _, text in drawn["words"] if "→" in text],
                         ["server → r1 → v1", "server → r2 → v1"])
        lines = {values["class"]: [tuple(map(float, point.split(","))) for point in values["points"].split()]
                 for tag, values in drawn["shapes"] if tag == "polyline"}
        seen, other = ([round(y, 1) for _, y in lines[kind]] for kind in ("seen", "other"))
        floor = 26 + 60  # of v1's lane, whose scale ends at 40
        self.assertEqual(seen, [floor - 60 * cost / 40 for cost in (10, 10, 40, 40, 20, 20, 15, 15, 15)])
        self.assertEqual(other, [floor - 60 * 20 / 40] * 3)
        self.assertIn("costs 15", [text for _, text in drawn["words"]])
        self.assertEqual(page.words_in_the_way(), [])

    def test_unicast_beside_multicast(self):
        bars = page_of(["v1", "v2", "v3"]).drawing("bars, at first")
        widths = {}
        for tag, values in bars["shapes"]:
            widths.setdefault(values["class"], []).append(float(values["width"]))
        self.assertEqual(len(widths["multicast"]), len(widths["unicast"]))
        self.assertAlmostEqual(widths["unicast"][0] / widths["multicast"][0], 3, delta=0.01)  # the server's line first
        words = [text for _, text in bars["words"]]
        self.assertEqual(words[:3], ["server → switch", "3.0 MB", "9.0 MB"])

    def test_pictures_before_and_after(self):
        page = page_of(["v1", "v2"], [(3.0, "n9 joins"), (6.0, "n6 is stopped")])
        self.assertEqual([alt for alt, _ in page.pictures], ["v1 before, 1.0 s", "v1 after, 2.0 s", "v2 before, 1.0 s",
                                                             "v2 after, 2.0 s"] * 2)
        for i, (_, uri) in enumerate(page.pictures):
            kind, _, data = uri.partition(",")
            self.assertEqual((kind, base64.b64decode(data)), ("data:image/jpeg;base64", JPEG[i % 2]))
        self.assertIn("1. n9 joins: v1", page.text)
        self.assertIn("2. n6 is stopped: v2", page.text)

    def test_pictures_that_are_missing_or_too_large(self):
        given = figures(["v1"])
        moments = given["runs"][0]["pictures"][0]["moments"]
        moments[0]["frames"]["v1"], moments[1]["frames"]["v1"] = None, bytes(report.PICTURE_BYTES_MAX + 1)
        page = Page(report.page(given))
        self.assertEqual(page.pictures, [])
        self.assertIn("no frame", page.text)
        self.assertIn("100 kB, too large for this page", page.text)

    def test_a_clipped_line_and_a_box(self):
        for line, due in ((((0, 5), (20, 5)), True), (((0, 0), (4, 4)), False), (((10, 0), (10, 20)), True),
                          (((0, 20), (3, 5)), False), (((6, 6), (7, 7)), True)):
            self.assertEqual(drawing.crosses((5, 4, 15, 10), line), due, line)


class Why(unittest.TestCase):
    """What --why prints, as tools/ways.py reads it."""

    def test_ways_costs_and_others(self):
        found = ways.read("""\
stream film to 10.0.2.2 (v) by latency: 10.0.0.1 (boot), 10.0.1.2 (b), 10.0.2.2 (v): costs 27.2 ms
  10.0.0.1 (boot) -> 10.0.1.2 (b): costs 21.7 ms, round trip 43.0 ms (43.0 ms by the other end), loss 0.0 %
  another way: 10.0.0.1 (boot), 10.0.0.2 (a), 10.0.2.2 (v): costs 67.1 ms: worse
  10.0.0.1 (boot) -> 10.0.0.2 (a): costs 61.6 ms, round trip 122.9 ms (122.9 ms by the other end), loss 0.0 %
stream film to [::1]:7001 by cost: [::1]:7000, [::1]:7001: costs 1
  there is no other way
stream film: 10.0.4.4 (w) cannot have it: the links on the way carry streams with more viewers, and no more than those
""".splitlines(), {"[::1]:7001": "far"})
        self.assertEqual(found, {
            "v": ways.Way("latency", ["boot", "b", "v"], 27.2, [(["boot", "a", "v"], 67.1, "worse")]),
            "far": ways.Way("cost", ["[::1]:7000", "far"], 1.0)})


class Published(unittest.TestCase):
    """What the original published is shown beside runs of the same length; shares are, beside any."""

    def originals(self, seconds):
        traffic = {"eth0": {"in": 1000, "unicast_in": 2000}, "eth1": {"out": 1000}, "eth2": {"out": 1000}}
        run = {"name": "", "clients": {}, "phases": [{"seconds": seconds, "interfaces": {"n2": traffic},
                                                      "tree": [{"bytes": 100, "frames": 1}]}]}
        return [result["original"] for result in scenario.results_of_multicast([run])]

    def test_lengths(self):
        self.assertEqual(self.originals(60.02), ["5887k in 60 s", "5502k, +7.0%", "5510k, +6.8%", ""])
        for seconds in (2.5, 10.0, 58.0, 600.0):
            self.assertEqual(self.originals(seconds), ["", "+7.0%", "+6.8%", ""])


class Measured(unittest.TestCase):
    """What becomes of a viewer's frames: thirty a second, for ten seconds."""

    def experiment_with(self, arrivals, history=()):
        """Frame i was there at the server after i thirtieths of a second."""
        zero, run = 1000.0, experiment.Experiment.__new__(experiment.Experiment)
        def process(times, lines=()):
            frames = lab.Frames()
            for number, at in times:
                frames.picture.append(number)
                frames.at.append(zero + at)
            final = {"frames_received": len(times), "frames_lost": 0, "frames_skipped": 0, "frames_duplicate": 0}
            return types.SimpleNamespace(frames=frames, stats=final, history=[
                {"time": 5000 + at, "frames_lost": lost, "frames_skipped": skipped} for at, lost, skipped in lines])
        run.server, run.references = "server", {"server": process([(i, i / 30) for i in range(301)])}
        run.clients, run.hops = {"v": process(arrivals, history)}, {"v": 2}
        run.phases = [{"began": zero, "ended": zero + 10, "wall": [5000.0]}]
        run.events = [{"at": zero + 4, "text": "an event"}]
        return run.viewer("v")

    def test_latency_has_one_maximum(self):
        seen = self.experiment_with([(i, i / 30 + (0.0421 if i == 200 else 0.005)) for i in range(300)])
        self.assertAlmostEqual(seen["latency_ms"]["max"], 42.1, delta=0.01)
        self.assertEqual(max(pair[1] for pair in seen["latency"]), seen["latency_ms"]["max"])
        self.assertAlmostEqual(seen["latency_ms"]["p50"], 5.0, delta=0.01)

    def test_a_gap(self):
        """Frames from 5 s to 6 s come together at 6 s."""
        seen = self.experiment_with([(i, 6.0 if 150 < i < 180 else i / 30) for i in range(300)])
        self.assertEqual(seen["gaps"], [[5.0, 1.0]])
        self.assertAlmostEqual(seen["gaps_ms"][0], 1000 - 33.3, delta=0.2)
        self.assertEqual(seen["gap_ms_max"], max(seen["gap_before_ms"], *seen["gaps_ms"]))
        self.assertLess(seen["gap_before_ms"], 1)

    def test_missing_frames(self):
        seen = self.experiment_with([(i, i / 30) for i in range(300)], [(-1, 2, 0), (1, 2, 0), (2, 5, 0), (3, 5, 4)])
        self.assertEqual(seen["missing"], [[-1.0, 2, 0], [2.0, 3, 0], [3.0, 0, 4]])

    def test_bins_cover_all_the_time(self):
        seen = self.experiment_with([(i, i / 30) for i in range(300)])
        self.assertEqual(len(seen["rate"]), 20)
        self.assertAlmostEqual(sum(seen["rate"]) * 0.5, 300, delta=1)


if __name__ == "__main__":
    unittest.main()
