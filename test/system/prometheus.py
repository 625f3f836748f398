"""A real Prometheus that scrapes real processes, and its text format, for the tests beside this file."""

import json
import pathlib
import re
import subprocess
import urllib.parse
import urllib.request

import yaml

from overlay import _die_with_parent, wait_until

MONITORING = pathlib.Path(__file__).resolve().parents[2] / "tools" / "monitoring"
PORT = 9090


def samples(text: str) -> dict:
    """{(name, ((label, value), ...)): value} of a page in the text format, the labels sorted. Fails where a series
    comes twice."""
    found = {}
    for line in text.splitlines():
        if line.startswith("#"):
            continue
        name, labels, value = re.fullmatch(r"([a-zA-Z0-9_:]+)(?:\{(.*)\})? (\S+)", line).groups()
        pairs = re.findall(r'([a-zA-Z0-9_]+)="((?:[^"\\]|\\.)*)"', labels or "")
        unescaped = {"\\n": "\n", '\\"': '"', "\\\\": "\\"}
        key = name, tuple(sorted((k, re.sub(r"\\.", lambda m: unescaped[m[0]], v)) for k, v in pairs))
        assert key not in found, f"{line}: the series is there already"
        found[key] = float(value)
    return found


def lint(text: str) -> str:
    """What promtool has to say of a page; nothing where it is well."""
    done = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True, timeout=60)
    return done.stdout + done.stderr if done.returncode or done.stderr.strip() else ""


class Prometheus:
    """Scrapes, and evaluates rules, each second. To be used in a `with` block."""

    def __init__(self, folder: pathlib.Path, address: str, targets: list, rules=None):
        self.folder = folder / "prometheus"
        self.folder.mkdir()
        self.address = f"{address}:{PORT}"
        config = {"global": {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"},
                  "scrape_configs": [{"job_name": "ottd", "static_configs": [{"targets": targets}]}]}
        if rules is not None:
            (self.folder / "rules.yml").write_text(yaml.safe_dump(rules))
            config["rule_files"] = ["rules.yml"]
        (self.folder / "prometheus.yml").write_text(yaml.safe_dump(config))

    def __enter__(self):
        with open(self.folder / "log", "wb") as log:
            self.popen = subprocess.Popen(
                ["prometheus", "--config.file=prometheus.yml", "--storage.tsdb.path=data", "--log.level=warn",
                 f"--web.listen-address={self.address}"], cwd=self.folder, stdin=subprocess.DEVNULL, stdout=log,
                stderr=subprocess.STDOUT, preexec_fn=_die_with_parent)
        try:
            wait_until(self._is_ready, "Prometheus is ready")
        except BaseException:
            self.__exit__(True)
            raise
        return self

    def __exit__(self, failed, *_):
        self.popen.kill()
        self.popen.wait()
        if failed:
            print((self.folder / "log").read_text(errors="replace"))

    def _is_ready(self) -> bool:
        assert self.popen.poll() is None, "Prometheus has ended"
        try:
            with urllib.request.urlopen(f"http://{self.address}/-/ready", timeout=5) as answer:
                return answer.status == 200
        except OSError:
            return False

    def ask(self, path: str, **parameters):
        """The `data` of an answer of its API."""
        url = f"http://{self.address}/api/v1/{path}?{urllib.parse.urlencode(parameters)}"
        try:
            with urllib.request.urlopen(url, timeout=30) as answer:
                text = answer.read()
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{url}: {error}: {error.read().decode()}") from None
        return json.loads(text)["data"]

    def query(self, expression: str) -> list:
        """[(labels, value)] now."""
        found = self.ask("query", query=expression)["result"]
        return [(series["metric"], float(series["value"][1])) for series in found]

    def alerts(self, state: str = "firing") -> list:
        """The labels of the alerts in this state now."""
        return [alert["labels"] for alert in self.ask("alerts")["alerts"] if alert["state"] == state]
