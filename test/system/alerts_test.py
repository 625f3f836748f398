"""The alert rules of tools/monitoring: by promtool, and in a real Prometheus while things fail."""

import subprocess
import time
import unittest

import yaml

from overlay import Overlay, made_frames, wait_until
from prometheus import MONITORING, Prometheus

PORT = 8080
RULES = MONITORING / "ottd-alerts.yml"
TESTS = MONITORING / "ottd-alerts-test.yml"


def promtool(*arguments) -> str:
    done = subprocess.run(["promtool", *map(str, arguments)], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def hurried(rules: dict) -> dict:
    """The same rules, whose alerts fire when what they tell of has lasted for some scrapes: one may be late here."""
    for group in rules["groups"]:
        for rule in group["rules"]:
            if "for" in rule:
                rule["for"] = "4s"
    return rules


class Rules(unittest.TestCase):
    def test_promtool(self):
        promtool("check", "rules", RULES)
        promtool("test", "rules", TESTS)
        promtool("check", "config", MONITORING / "prometheus.yml")

    def test_each_rule_is_tested_to_fire_and_to_be_silent(self):
        rules = yaml.safe_load(RULES.read_text())
        names = {rule["alert"] for group in rules["groups"] for rule in group["rules"]}
        checks = [check for test in yaml.safe_load(TESTS.read_text())["tests"] for check in test["alert_rule_test"]]
        self.assertEqual(names, {check["alertname"] for check in checks if check["exp_alerts"]})
        self.assertEqual(names, {check["alertname"] for check in checks if not check["exp_alerts"]})
        for group in rules["groups"]:
            for rule in group["rules"]:
                self.assertIn(rule["labels"]["severity"], ("critical", "warning"))
                self.assertTrue(rule["annotations"]["summary"])


class Failures(unittest.TestCase):
    def test_alerts_fire(self):
        """A source that stalls, a relay that is killed, and a client without an overlay; nothing before."""
        with Overlay("boot-r1 r1-c1") as net:
            server = {name: f"{net.address[name]}:{PORT}" for name in ("boot", "r1", "c1")}
            boot = net.bootstrap("cam=-", flags=("--http", server["boot"]), stdin=subprocess.PIPE)
            r1 = net.node("r1", "--http", server["r1"])
            client = net.client("c1", "--stream", "cam", "--http", server["c1"])
            frames = made_frames()
            shown = 0

            def show() -> None:
                """A frame, of a film that goes on as long as it is called again and again."""
                nonlocal shown
                boot.feed(frames[shown % len(frames)])
                shown += 1
                time.sleep(0.04)

            def showing(condition, what: str):
                return wait_until(lambda: show() or condition(), what)
            showing(lambda: client.frame_count() > 10, "frames reach c1")
            rules = hurried(yaml.safe_load(RULES.read_text()))
            with Prometheus(net.folder, net.free_address(), list(server.values()), rules) as prometheus:
                def fires(alert_name: str, **labels) -> bool:
                    return any(alert["alertname"] == alert_name and labels.items() <= alert.items()
                               for alert in prometheus.alerts())
                showing(lambda: prometheus.query("count(count_over_time(up[10s]) >= 5) == 3"), "all are scraped")
                self.assertEqual([], [alert for alert in prometheus.alerts() if alert["severity"] == "critical"])
                # Nobody shows frames from here on.
                wait_until(lambda: fires("OttdStreamStalled", name="cam", instance=server["boot"]), "the stall is told")
                self.assertFalse(fires("OttdDown"))
                showing(lambda: not fires("OttdStreamStalled"), "the stream has come back")
                r1.kill()
                showing(lambda: fires("OttdDown", instance=server["r1"]), "the death of r1 is told")
                self.assertFalse(fires("OttdDown", instance=server["boot"]))
                boot.kill()  # without it c1 has nobody left
                wait_until(lambda: fires("OttdNotReady", instance=server["c1"]), "c1 has no place any more")
                self.assertFalse(fires("OttdDown", instance=server["c1"]))


if __name__ == "__main__":
    unittest.main()
