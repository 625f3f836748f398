"""Relays of MJPEG over HTTP that people use instead, each set up as its manual says, beside floor and ottd."""

import os
import pathlib
import re
import shutil
import subprocess
import sys

from harness import FloorRig, OttdRig, Rig, listens, median, table
from console import counted
from lab import Failure, wait_until

VIEWERS = [1, 10, 50, 100, 200]
PORT = 8080
NOBODY = 65534
DEPS = pathlib.Path(__file__).resolve().parent.parent / "deps"


class HttpRig(Rig):
    """Pulls the source and serves viewers."""

    protocol = "http"
    program, packages = "", []

    def build(self):
        self.source, self.at = f"{self.range}1", f"{self.range}2"
        self.start("source", [self.lab.ott_load, "--publish", 1, "--protocol", "http", "--listen",
                              f"{self.source}:{PORT}", *self.source_flags()])
        wait_until(lambda: listens(self.source, PORT), "the source listens")
        self.relays.append(self.start(self.name, self.command(), self.prefix(),
                                      dict(os.environ, HOME=str(self.lab.folder))))
        def serves():
            if self.relays[0].child.poll() is not None:
                raise Failure(f"{self.name} has ended: {self.relays[0].log()[-2000:]}")
            return listens(self.at, PORT)
        wait_until(serves, f"{self.name} listens")
        self.target = f"http://{self.at}:{PORT}/"

    @staticmethod
    def prefix():
        return []


class GStreamer(HttpRig):
    name, program = "GStreamer", "gst-launch-1.0"
    packages = ["gstreamer1.0-tools", "gstreamer1.0-plugins-base", "gstreamer1.0-plugins-good"]

    def command(self):
        return ["gst-launch-1.0", "-q", "souphttpsrc", f"location=http://{self.source}:{PORT}/", "is-live=true",
                "do-timestamp=true", "!", "multipartdemux", "!", "multipartmux", "boundary=frame", "!",
                "tcpserversink", f"host={self.at}", f"port={PORT}"]


class Vlc(HttpRig):
    name, program = "VLC", "cvlc"
    packages = ["vlc-bin", "vlc-plugin-base"]

    def command(self):
        return ["cvlc", "-I", "dummy", "--no-audio", f"http://{self.source}:{PORT}/", "--sout",
                f"#standard{{access=http,mux=mpjpeg,dst={self.at}:{PORT}/}}"]

    @staticmethod
    def prefix():
        """It does not run as root."""
        if os.geteuid() != 0:
            return []
        return ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]


class Nginx(HttpRig):
    name, program = "nginx", "nginx"
    packages = ["nginx-light"]

    def command(self):
        folder = self.lab.folder / f"{self.lab.count}-nginx"
        folder.mkdir()
        user = "user nobody nogroup;" if os.geteuid() == 0 else ""
        temporary = " ".join(f"{kind}_temp_path {folder}/{kind};"
                             for kind in ("client_body", "proxy", "fastcgi", "scgi", "uwsgi"))
        text = (
            f"{user} daemon off; worker_processes 1; pid {folder}/pid; error_log stderr;\n"
            "events { worker_connections 4096; }\n"
            f"http {{ access_log off; {temporary}\n"
            f"  server {{ listen {self.at}:{PORT};\n"
            f"    location / {{ proxy_pass http://{self.source}:{PORT}/; proxy_buffering off; }} }} }}\n")
        (folder / "nginx.conf").write_text(text)
        self.settings = "\n" + text
        return ["nginx", "-e", "stderr", "-p", folder, "-c", folder / "nginx.conf"]


PEERS = (GStreamer, Vlc, Nginx)


def there(peer):
    return shutil.which(peer.program, path=os.environ.get("PATH", "") + ":/usr/sbin") is not None


def offer_to_install(wanted, show):
    missing = [peer for peer in wanted if not there(peer)]
    if not missing:
        return
    packages = [package for peer in missing for package in peer.packages]
    names = ", ".join(peer.name for peer in missing)
    if sys.stdin.isatty():
        if input(f"{names}: not installed. Install {' '.join(packages)}? [y/N] ").strip().lower() == "y":
            # The packages must not start services: only what is measured runs, and only then.
            subprocess.run([DEPS, *packages], env=dict(os.environ, RUNLEVEL="1"), check=False)
    else:
        show(f"peers: {names}: not installed, left out; tools/deps {' '.join(packages)} installs them")


def version(peer):
    flag = "-v" if peer is Nginx else "--version"
    done = subprocess.run([*peer.prefix(), peer.program, flag], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          env=dict(os.environ, HOME="/nonexistent"), text=True)
    return next((line for line in done.stdout.splitlines() if re.search(r"(version|/)\D*\d+\.\d+", line)), "")


def generic(command, rig):
    """The command as one would write it, without this run's own addresses and folder."""
    text = " ".join(map(str, command)) + rig.settings
    return re.sub(r"\d+-nginx", "nginx", text.replace(str(rig.lab.folder), "DIR")).replace(rig.range, "127.x.y.")


def run(lab, options, show):
    peers = [peer for peer in PEERS if there(peer)]
    rounds, seconds, counts = (1, 2.0, [1, 10]) if options.quick else (2, 5.0, VIEWERS)
    commands = {}
    cases = []
    for viewers in counts:
        runs = {}
        for i in range(rounds):
            for kind in (FloorRig, OttdRig, *peers):
                try:
                    with kind(lab, fps=30) as rig:
                        result = rig.load(viewers, seconds, warm_up=1.0)
                        commands[kind.name] = generic(rig.relays[0].command, rig)
                except Failure as failure:
                    show(f"peers: {kind.name}, {counted(viewers, 'viewer')}: {str(failure)[:300]}")
                    continue
                result.pop("series")
                runs.setdefault(kind.name, []).append(result)
                show(f"peers: {counted(viewers, 'viewer')}, round {i + 1}: {kind.name} "
                     f"{result['relay']['cpu_s_per_gib']:.2f} s/GiB, "
                     f"latency {result['fast']['latency_ms']['p50']:.1f} ms, {result['frames_lost']} lost")
        floor = median([run["relay"]["cpu_s_per_gib"] for run in runs["floor"]])
        for name, of_one in runs.items():
            cpu = median([run["relay"]["cpu_s_per_gib"] for run in of_one])
            cases.append({
                "relay": name, "viewers": viewers, "cpu_s_per_gib": cpu, "ratio": cpu / floor,
                "cpu_s_per_1000_frames": median([run["relay"]["cpu_s_per_1000_frames"] for run in of_one]),
                "latency_ms_p50": median([run["fast"]["latency_ms"]["p50"] for run in of_one]),
                "latency_ms_p99": median([run["fast"]["latency_ms"]["p99"] for run in of_one]),
                "frames_lost": sum(run["frames_lost"] for run in of_one),
                "resident_mib": median([run["relay"]["resident_bytes_max"] / 2**20 for run in of_one]), "runs": of_one})
    return {"cases": cases, "commands": commands, "versions": {peer.name: version(peer) for peer in peers}}


def report(results):
    counts = sorted({case["viewers"] for case in results["cases"]})
    by_relay = {}
    for case in results["cases"]:
        by_relay.setdefault(case["relay"], {})[case["viewers"]] = case
    def row(name, cell):
        return [name, *(cell(by_relay[name][n]) if n in by_relay[name] else None for n in counts)]
    parts = []
    for title, cell in (("CPU, times the floor's", lambda case: f"{case['ratio']:.2f}"),
                        ("CPU, s/GiB", lambda case: f"{case['cpu_s_per_gib']:.2f}"),
                        ("latency, ms: p50 / p99",
                         lambda case: f"{case['latency_ms_p50']:.1f} / {case['latency_ms_p99']:.1f}"),
                        ("frames lost", lambda case: case["frames_lost"])):
        parts.append(table([title, *(counted(n, "viewer") for n in counts)], [row(name, cell) for name in by_relay]))
    parts.append("\n".join(f"    {line}" for command in results["commands"].values() for line in command.splitlines()))
    parts.append("\n".join(results["versions"].values()))
    return "\n\n".join(parts)
