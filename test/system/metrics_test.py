"""/metrics of --http: the figures of --stats by one rule, as promtool and Prometheus take them."""

import http.client
import json
import pathlib
import re
import time
import unittest

from manual_test import STATISTICS, documented_figures
from overlay import Overlay, made_frames, wait_until
from prometheus import MONITORING, Prometheus, lint, samples

PORT = 8080
TREE = pathlib.Path(__file__).resolve().parents[2]
# What only a scrape has.
OWN = {"ottd_info", "ottd_build_info", "ottd_ready", "ottd_loop_pause_seconds", "ottd_round_trip_seconds",
       "ottd_latency_seconds", "process_cpu_seconds_total", "process_start_time_seconds",
       "process_resident_memory_bytes", "process_virtual_memory_bytes", "process_open_fds", "process_max_fds"}
HISTOGRAM = re.compile(r"(.+)_(?:bucket|sum|count)")


def base_units(key: str):
    """A key as it is in a metric's name, and what its value is multiplied by."""
    units = {"ms": ("seconds", 1e-3), "s": ("seconds", 1), "kbps": ("bytes_per_second", 125)}
    words = [units.get(word, (word, 1)) for word in key.split("_")]
    scale = next((factor for _, factor in words if factor != 1), 1)
    return "_".join(word for word, _ in words), scale


def figures(line: dict) -> dict:
    """{(name without _total, labels): value} of a line of statistics, by the rule."""
    found = {}

    def take(name: str, labels: dict, value) -> None:
        key = name, tuple(sorted(labels.items()))
        found[key] = found.get(key, 0) + value

    def walk(prefix: str, labels: dict, members: dict, factor: float = 1) -> None:
        for key, value in members.items():
            word, scale = base_units(key)
            name = f"{prefix}_{word}"
            scale *= factor
            if isinstance(value, (bool, int, float)):
                take(name, labels, value * scale)
            elif isinstance(value, dict) and key == "limits":
                for limit, count in value.items():
                    take("ottd_limits_reached", {"limit": limit}, count)
            elif isinstance(value, dict):
                walk(name, labels, value, scale)
            elif isinstance(value, list):
                for item in value:
                    walk_item(name, key[:-1], item)
                if key != "links":
                    take(name, {}, len(value))
            elif isinstance(value, str) and key == "state":
                take(name, {**labels, "state": value}, 1)

    def walk_item(list_name: str, singular: str, item: dict) -> None:
        labels = {key: value for key, value in item.items() if isinstance(value, str) and key != "state"}
        if "relation" in labels:
            take(list_name, {"relation": labels["relation"]}, 1)
        if labels.get("relation") in ("guest", "control", "measured"):  # summed, and so without what has no sum
            labels.pop("peer")
            counted = ("bytes_in", "bytes_out", "frames_in", "frames_out", "frames_skipped", "waiting_bytes")
            item = {key: item[key] for key in counted}
        walk(f"ottd_{singular}", labels, item)

    walk("ottd", {}, {key: value for key, value in line.items() if key not in ("time", "final")})
    return found


class Scraped(unittest.TestCase):
    """boot-r1-c1 and a guest of r1, with a server at each but the guest."""

    def setUp(self):
        self.net = Overlay("boot-r1 r1-c1")
        self.net.__enter__()
        self.addCleanup(self.net.end, show=True)
        film = self.net.folder / "film.mjpeg"
        film.write_bytes(b"".join(made_frames()))
        self.server = {name: ("--http", f"{self.net.address[name]}:{PORT}") for name in ("boot", "r1", "c1")}
        self.boot = self.net.bootstrap("cam=pattern:64x48@25", f"film=vod:{film}?fps=25",
                                       f"rtp=rtp://{self.net.free_address()}:5004", flags=self.server["boot"])
        self.r1 = self.net.node("r1", *self.server["r1"])
        self.client = self.net.client("c1", "--stream", "cam", *self.server["c1"])
        self.client.wait_for_frames(10)

    def ask(self, name: str, target: str, method: str = "GET"):
        """(status, content, fields) of one request."""
        connection = http.client.HTTPConnection(self.net.address[name], PORT, timeout=30)
        try:
            connection.request(method, target)
            answer = connection.getresponse()
            return answer.status, answer.read().decode(), answer.headers
        finally:
            connection.close()

    def get(self, name: str, target: str) -> str:
        status, text, _ = self.ask(name, target)
        self.assertEqual(200, status, target)
        return text

    def scrape(self, name: str) -> dict:
        return samples(self.get(name, "/metrics"))

    def statistics(self, name: str) -> dict:
        return json.loads(self.get(name, "/api/v1/node"))


class Metrics(Scraped):
    def test_promtool_finds_nothing_wrong(self):
        for name in ("boot", "r1", "c1"):
            _, text, fields = self.ask(name, "/metrics")
            self.assertEqual("text/plain; version=0.0.4; charset=utf-8", fields["Content-Type"])
            self.assertEqual("", lint(text), name)
            # All is described, and each family stands together, once.
            described = re.findall(r"# HELP (\S+) \S", text)
            self.assertEqual(described, re.findall(r"# TYPE (\S+) (?:counter|gauge|histogram)\n", text))
            self.assertEqual(len(set(described)), len(described))

    def test_each_figure_has_its_metric_and_each_metric_its_figure(self):
        guest = self.net.guest("guest", "r1")
        guest.wait_for_frames(10)
        for name in ("boot", "r1", "c1"):
            self.compare(name)

    def compare(self, name: str) -> None:
        """Each value lies between that of the statistics before and after, sooner or later."""
        unseen = None

        def all_seen() -> bool:
            nonlocal unseen
            before = figures(self.statistics(name))
            metrics = self.scrape(name)
            after = figures(self.statistics(name))
            of_figures = {}
            for (metric, labels), value in metrics.items():
                own = HISTOGRAM.fullmatch(metric)
                if metric in OWN or (own and own[1] in OWN):
                    continue
                of_figures[metric.removesuffix("_total"), labels] = value
            if set(before) != set(after):
                return False
            self.assertEqual(set(before), set(of_figures), name)
            seen = {key for key, value in of_figures.items()
                    if min(before[key], after[key]) - 1e-6 <= value <= max(before[key], after[key]) + 1e-6}
            unseen = set(of_figures) - seen if unseen is None else unseen - seen
            return not unseen
        try:
            wait_until(all_seen, f"all values of {name} are those of its statistics")
        except AssertionError as error:
            raise AssertionError(f"{error}: {unseen}") from None

    def test_what_only_a_scrape_has(self):
        began = time.time()
        for name in ("boot", "r1", "c1"):
            metrics = self.scrape(name)
            line = self.statistics(name)
            texts = {key: value for key, value in line.items() if isinstance(value, str)}
            self.assertEqual(1, metrics["ottd_info", tuple(sorted(texts.items()))])
            build = next(dict(labels) for metric, labels in metrics if metric == "ottd_build_info")
            self.assertEqual(line["version"], build["version"])
            self.assertEqual(1, metrics["ottd_ready", ()])
            self.assertLess(0, metrics["process_cpu_seconds_total", ()])
            self.assertLess(1e6, metrics["process_resident_memory_bytes", ()])
            self.assertLess(metrics["process_resident_memory_bytes", ()], metrics["process_virtual_memory_bytes", ()])
            self.assertLess(5, metrics["process_open_fds", ()])
            self.assertLess(metrics["process_open_fds", ()], metrics["process_max_fds", ()])
            self.assertLess(began - 600, metrics["process_start_time_seconds", ()])
            self.assertLess(metrics["process_start_time_seconds", ()], time.time() + 2)
            for histogram in ("ottd_loop_pause_seconds", "ottd_round_trip_seconds", "ottd_latency_seconds"):
                if name == "c1" or histogram != "ottd_latency_seconds":
                    self.check_histogram(metrics, histogram)
                else:
                    self.assertNotIn((f"{histogram}_count", ()), metrics)

    def check_histogram(self, metrics: dict, name: str) -> None:
        buckets = [(float(dict(labels)["le"]), value) for (metric, labels), value in metrics.items()
                   if metric == f"{name}_bucket"]
        self.assertEqual(sorted(buckets), buckets)
        counts = [count for _, count in buckets]
        self.assertEqual(sorted(counts), counts)
        self.assertEqual(float("inf"), buckets[-1][0])
        count = metrics[f"{name}_count", ()]
        self.assertEqual(count, counts[-1])
        self.assertLess(0, count)
        # The sum is between what the buckets' lower and upper bounds make it.
        pieces = [(low, high, more - less) for (low, less), (high, more) in zip([(0, 0), *buckets], buckets)]
        self.assertLessEqual(sum(low * count for low, _, count in pieces) * 0.96, metrics[f"{name}_sum", ()])
        self.assertGreaterEqual(sum(high * count for _, high, count in pieces if count), metrics[f"{name}_sum", ()])

    def test_one_that_has_lost_its_place_is_not_ready(self):
        for process in (self.r1, self.boot):
            process.kill()
        wait_until(lambda: self.scrape("c1")["ottd_ready", ()] == 0, "c1 is not ready")

    def test_what_was_counted_on_guests_stays_when_they_go(self):
        """A sum that fell would be taken for a counter that began anew, and all of it for news."""
        def of_guests(name: str) -> float:
            return self.scrape("r1").get((name, (("relation", "guest"),)), 0)

        def counts() -> list:
            return [of_guests(f"ottd_link_{each}_total") for each in ("bytes_in", "bytes_out", "frames_out")]
        lowest = [0, 0, 0]
        for number in range(2):
            guests = [self.net.guest(f"guest{number}{i}", "r1") for i in range(2)]
            for guest in guests:
                guest.wait_for_frames(10)
            self.assertEqual(2, of_guests("ottd_links"))
            before = counts()
            self.assertLess(lowest[2] + 15, before[2])
            for guest in guests:
                guest.terminate()
                lowest, earlier = counts(), before
                self.assertEqual([], [pair for pair in zip(earlier, lowest) if pair[1] < pair[0]])
                before = lowest
            wait_until(lambda: of_guests("ottd_links") == 0, "r1 has no guests")
            self.assertEqual([], [pair for pair in zip(lowest, counts()) if pair[1] < pair[0]])
            lowest = counts()

    def test_many_who_ask_at_once_are_all_answered(self):
        connections = [http.client.HTTPConnection(self.net.address["r1"], PORT, timeout=30) for _ in range(50)]
        for connection in connections:
            self.addCleanup(connection.close)
            connection.request("GET", "/metrics")
        for connection in connections:
            answer = connection.getresponse()
            self.assertEqual(200, answer.status)
            self.assertIn(("ottd_ready", ()), samples(answer.read().decode()))
        self.assertEqual(405, self.ask("r1", "/metrics", "POST")[0])


class Documented(unittest.TestCase):
    def test_what_only_a_scrape_has(self):
        text = STATISTICS.read_text()
        for name in OWN:
            self.assertIn(f"`{name}`", text)

    def test_each_figure_of_the_page_has_a_metric(self):
        """Also those which the processes of these tests do not have."""
        texts = {"time", "final", "role", "id", "version", "stream", "links[].peer", "links[].relation", "streams[].name",
                 "flows[].stream", "flows[].origin", "outlets[].kind", "outlets[].at"}
        groups = {"rings", "latency_ms", "links[].said"}
        table = re.findall(r'Figure\{"([^"]+)"', (TREE / "src/role/metrics.cpp").read_text())
        self.assertEqual(sorted(set(documented_figures()) - texts - groups), sorted([*table, "limits"]))


class InPrometheus(Scraped):
    def test_three_processes_are_scraped(self):
        targets = {name: f"{self.net.address[name]}:{PORT}" for name in ("boot", "r1", "c1")}
        with Prometheus(self.net.folder, self.net.free_address(), list(targets.values())) as prometheus:
            def value(expression: str, count: int = 1):
                """The values by instance, once there are so many."""
                found = wait_until(lambda: (r := prometheus.query(expression)) and len(r) == count and r,
                                   f"{count} x {expression}")
                return {labels["instance"]: value for labels, value in found}
            wait_until(lambda: set(dict.values(value("up", 3))) == {1}, "all are up")
            self.assertEqual({target: 1 for target in targets.values()}, value("ottd_ready", 3))
            self.assertEqual({labels["role"] for labels, _ in prometheus.query("ottd_info")},
                             {"bootstrap", "node", "client"})
            # Frames come at their rate, by all ways to count them.
            for expression in ('rate(ottd_frames_received_total[10s])',
                               'rate(ottd_stream_frames_total{name="cam"}[10s])',
                               f'rate(ottd_link_frames_in_total{{instance="{targets["r1"]}", '
                               f'peer="{self.net.address["boot"]}"}}[10s])',
                               'histogram_quantile(0.5, rate(ottd_latency_seconds_bucket[10s]))'):
                wait_until(lambda: next(iter(value(expression).values())) > 0, f"{expression} is above 0")
            self.assertEqual([], prometheus.query("scrape_samples_scraped == 0"))
            self.assert_dashboard_works(prometheus)

    def assert_dashboard_works(self, prometheus) -> None:
        """All that the dashboard and the rules ask for is there, and is asked as PromQL has it."""
        there = set(prometheus.ask("label/__name__/values"))
        text = (MONITORING / "ottd-alerts.yml").read_text()
        dashboard = json.loads((MONITORING / "ottd-dashboard.json").read_text())
        expressions = [target["expr"] for panel in panels(dashboard) for target in panel.get("targets", [])]
        self.assertGreater(len(expressions), 20)
        for expression in expressions:
            for variable, example in (("$__rate_interval", "10s"), ("$job", "ottd"), ("$instance", ".+")):
                expression = expression.replace(variable, example)
            self.assertNotIn("$", expression)
            prometheus.query(expression)
            text += expression
        used = set(re.findall(r"\b(?:ottd|process)_[a-z0-9_]+\b", text))
        self.assertGreater(len(used), 30)
        # What a source of another kind has, or a link that does not keep up, is none of this overlay's.
        self.assertEqual(set(), used - there)


def panels(dashboard: dict) -> list:
    return [inner for panel in dashboard["panels"] for inner in [panel, *panel.get("panels", [])]]


class Dashboard(unittest.TestCase):
    def test_it_is_one_that_grafana_takes(self):
        dashboard = json.loads((MONITORING / "ottd-dashboard.json").read_text())
        self.assertGreaterEqual(dashboard["schemaVersion"], 36)
        self.assertIsNone(dashboard["id"])
        names = {variable["name"] for variable in dashboard["templating"]["list"]}
        self.assertEqual({"datasource", "job", "instance"}, names)
        ids = [panel["id"] for panel in panels(dashboard)]
        self.assertEqual(len(set(ids)), len(ids))
        taken = set()
        for panel in panels(dashboard):
            place = panel["gridPos"]
            self.assertLessEqual(place["x"] + place["w"], 24, panel["title"])
            cells = {(x, y) for x in range(place["x"], place["x"] + place["w"])
                     for y in range(place["y"], place["y"] + place["h"])}
            self.assertEqual(set(), cells & taken, panel["title"])
            taken |= cells
            if panel["type"] == "row":
                continue
            self.assertTrue(panel["title"] and panel["description"])
            self.assertEqual({"type": "prometheus", "uid": "${datasource}"}, panel["datasource"])
            self.assertEqual(len({target["refId"] for target in panel["targets"]}), len(panel["targets"]))


if __name__ == "__main__":
    unittest.main()
