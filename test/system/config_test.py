"""Configuration files: of real processes, at their start and while they run."""

import http.client
import json
import os
import re
import signal
import socket
import subprocess
import unittest

from api_test import Reader
from http_client import HttpViewer, connect, read_response, request
from overlay import OTTD, Overlay, wait_for_more_frames, wait_until

HTTP_PORT = 8080


def toml(text: str) -> str:
    return json.dumps(text)  # TOML's basic strings have JSON's escapes


class ConfigFile:
    """A file of --config, written as a whole."""

    def __init__(self, net, **values):
        self.path = net.folder / "ottd.toml"
        self.values = values
        self.write()

    def write(self, **values) -> None:
        """None: the key is left out."""
        self.values.update(values)
        lines = []
        for key, value in self.values.items():
            key = key.replace("_", "-")
            if isinstance(value, list):
                lines += [f"{key} = [", *(f"  {toml(each)}," for each in value), "]"]
            elif value is not None:
                lines.append(f"{key} = {toml(str(value))}")
        self.path.write_text("\n".join(lines) + "\n")

    def line(self, text: str) -> int:
        return next(i for i, line in enumerate(self.path.read_text().splitlines(), 1) if text in line)


def reload(process) -> str:
    """Has it read its file again. Returns what it says of it."""
    said = r"is read again: |; going on as before"
    before = len(process.said(said))
    process.send(signal.SIGHUP)
    return process.wait_for_log(said, count=before + 1)[before]


def get(address: str, path: str = "/streams.json", port: int = HTTP_PORT, *fields):
    with connect(address, port) as client:
        client.sendall(request(path, "Connection: close", *fields))
        return read_response(client)


def can_connect(address: str, port: int = HTTP_PORT) -> bool:
    with socket.socket() as client:
        return client.connect_ex((address, port)) == 0


class Start(unittest.TestCase):
    def run_ottd(self, *arguments, **environment):
        return subprocess.run([OTTD, *map(str, arguments)], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=60, env=dict(os.environ, **environment))

    def test_three_lines_make_a_bootstrapper(self):
        with Overlay() as net:
            config = ConfigFile(net, role="bootstrap", topology=net.write_topology(), id=net.address["boot"])
            net.start("boot", ["--config", config.path]).wait_for_log("listening on")
            self.assertEqual([row["NAME"] for row in net.list_streams("--node", net.address["boot"])], ["pattern"])

    def test_what_is_printed_makes_the_same_process(self):
        with Overlay() as net:
            flags = ["--role", "bootstrap", "--topology", net.write_topology(), "--id", net.address["boot"], "--stream",
                     "one=pattern:160x120@30", "--stream", "two=exec:printf '\"%s\"\\n' '# no comment'", "--http",
                     f"{net.address['boot']}:{HTTP_PORT}"]
            printed = self.run_ottd(*flags, "--print-config")
            self.assertEqual((printed.returncode, printed.stderr), (0, ""))
            config = net.folder / "printed.toml"
            config.write_text(printed.stdout)
            self.assertEqual(self.run_ottd("--config", config, "--print-config").stdout, printed.stdout)
            net.start("boot", ["--config", config]).wait_for_log("listening on")
            names = [stream["name"] for stream in json.loads(get(net.address["boot"])[2])["streams"]]
            self.assertEqual(names, ["one", "two"])

    def test_what_is_wrong_is_named_and_nothing_starts(self):
        with Overlay() as net:
            config = ConfigFile(net, role="bootstrap", topology=net.write_topology(), hertbeat="1s")
            for result in (self.run_ottd("--config", config.path), self.run_ottd(OTTD_CONFIG=str(config.path)),
                           self.run_ottd("--config", config.path, "--print-config")):
                self.assertEqual((result.returncode, result.stdout), (2, ""))
                self.assertEqual(result.stderr, f"ottd: {config.path}:3: there is no key 'hertbeat'; the nearest is "
                                                "'heartbeat'\n")
            result = self.run_ottd("--role", "node", OTTD_BOOTSTRAP="10.0.0.300")
            self.assertEqual(result.returncode, 2)
            self.assertIn("ottd: OTTD_BOOTSTRAP ", result.stderr)

    def test_what_turns_up_when_it_is_opened_is_named_in_the_same_way(self):
        """By file, line and key; the variable; or the flag. --print-config refuses what is a matter of form alone."""
        with Overlay() as net, socket.socket() as taken:
            address = net.address["boot"]
            taken.bind((address, 8081))
            taken.listen()
            short, broken = net.folder / "short", net.folder / "broken.json"
            short.write_text("secret\n")
            broken.write_text("{")
            good = dict(role="bootstrap", topology=net.write_topology(), id=address)
            server = dict(http=f"{address}:{HTTP_PORT}")
            for wrong, key, why, is_form in (
                    (dict(topology="/nowhere"), "topology", "topology: cannot read /nowhere", True),
                    (dict(topology=broken), "topology", f"topology: {broken}:1:", True),
                    (dict(id="127.99.99.99"), "id", "id 127.99.99.99: ", True),
                    (dict(http="99999"), "http", "http 99999: ", True),
                    (dict(rtp="nowhere"), "rtp", "rtp nowhere: ", True),
                    (dict(server, http_token="/nowhere"), "http-token", "http-token /nowhere: No such file", True),
                    (dict(server, http_token=short), "http-token", f"http-token {short}: a token is one word", True),
                    (dict(server, http_cors="x"), "http-cors", "http-cors x: an origin is", True),
                    (dict(stream=["a=pattern:", "b=/nowhere"]), "b=/nowhere", "stream 'b': there is no", True),
                    (dict(http=f"{address}:8081"), "http", "http: cannot listen on", False),
                    (dict(rtsp=f"{address}:8081"), "rtsp", "rtsp: cannot listen on", False),
                    (dict(stats="/nowhere/s"), "stats", "stats: ", False),
                    (dict(control=short), "control", f"control {short}: a file that is no socket", False)):
                with self.subTest(str(wrong)):
                    config = ConfigFile(net, **{**good, **wrong})
                    named = f"{config.path}:{config.line(key)}: {why}"
                    started = self.run_ottd("--config", config.path)
                    self.assertEqual(2 if is_form else 1, started.returncode)
                    self.assertIn(named, started.stderr)
                    printed = self.run_ottd("--config", config.path, "--print-config")
                    if is_form:
                        self.assertEqual((2, ""), (printed.returncode, printed.stdout))
                        self.assertTrue(printed.stderr.startswith(f"ottd: {named}"), printed.stderr)
                    else:
                        self.assertEqual((0, ""), (printed.returncode, printed.stderr))
            flags = ["--role", "bootstrap", "--topology", good["topology"], "--id", address]
            self.assertIn("bootstrap: --stats: cannot write /nowhere/s", self.run_ottd(*flags, "--stats", "/nowhere/s").stderr)
            self.assertIn("bootstrap: OTTD_STATS: cannot write /nowhere/s", self.run_ottd(*flags, OTTD_STATS="/nowhere/s").stderr)
            self.assertIn(": OTTD_STREAM: stream 'b': ", self.run_ottd(*flags, OTTD_STREAM="b=/nowhere").stderr)

    def test_variables_that_mean_nothing_are_warned_of(self):
        result = self.run_ottd("--role", "client", "--node", "127.0.0.1:9", "--list", "--duration", "100ms",
                               OTTD_HTPP="8080", OTTD_LOG_LEVEL="warning")
        self.assertIn("warning client: there is no variable OTTD_HTPP; the nearest is OTTD_HTTP\n", result.stderr)
        self.assertNotIn("OTTD_LOG_LEVEL", result.stderr)

    def test_json_lines(self):
        with Overlay() as net:
            boot = net.bootstrap(flags=["--log-format", "json", "--log-level", "debug"])
            net.guest("g1", "boot", "--frames", "10", "--log-format", "json").wait_for_exit(0)
            boot.terminate()
            for process in net.processes:
                lines = [json.loads(line) for line in process.log().splitlines()]
                self.assertGreater(len(lines), 1)
                for line in lines:
                    self.assertEqual(list(line), ["time", "level", "role", "message"])
                    self.assertRegex(line["time"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")
                    self.assertIn(line["level"], ("debug", "info", "warning", "error"))
            self.assertEqual({line["role"] for line in lines}, {"client"})


class Reload(unittest.TestCase):
    def start_boot(self, net, **values):
        config = ConfigFile(net, role="bootstrap", topology=net.write_topology(), id=net.address["boot"],
                            stats=net.folder / "boot.stats", **values)
        boot = net.start("boot", ["--config", config.path])
        boot.wait_for_log("listening on")
        return boot, config

    def names(self, net, name="boot") -> list:
        return [row["NAME"] for row in net.list_streams("--node", net.address[name])]

    def assert_nothing_lost(self, client):
        client.terminate()
        final = client.final()
        self.assertEqual((final["frames_lost"], final["frames_duplicate"]), (0, 0))

    def test_streams_come_and_go_and_no_viewer_of_another_loses_a_frame(self):
        with Overlay("boot-r1 r1-c1", patient=True) as net:
            (net.folder / "clips").mkdir()
            boot, config = self.start_boot(net, stream=["stays=pattern:160x120@60", "goes=pattern:160x120@30"])
            net.node("r1")
            c1 = net.client("c1", "--stream", "stays")
            going = net.guest("g1", "boot", "--stream", "goes")
            c1.wait_for_frames(10)
            going.wait_for_frames(10)
            for i in range(5):
                config.write(stream=["stays=pattern:160x120@60", f"comes{i}=pattern:160x120@30"])
                gone = "goes" if i == 0 else f"comes{i - 1}"
                self.assertIn(f"stream '{gone}' removed, stream 'comes{i}' added", reload(boot))
                self.assertEqual(self.names(net), ["stays", f"comes{i}"])
                wait_for_more_frames([c1], 30)
            self.assertIn("nothing is different", reload(boot))
            self.assert_nothing_lost(c1)
            going.wait_for_log("no frame of 'goes'")
            # It comes back, and its viewer has waited for it.
            config.write(stream=["stays=pattern:160x120@60", "goes=pattern:160x120@30"])
            reload(boot)
            wait_for_more_frames([going], 30)

    def test_a_stream_that_is_different_begins_anew_for_its_viewers(self):
        with Overlay("boot-r1 r1-c1") as net:
            boot, config = self.start_boot(net, stream=["p=pattern:160x120@30"],
                                           http=f"{net.address['boot']}:{HTTP_PORT}")
            net.node("r1", "--http", f"{net.address['r1']}:{HTTP_PORT}")
            c1 = net.client("c1")
            c1.wait_for_frames(10)
            readers = [Reader(self, net.address[name], "") for name in ("boot", "r1")]
            config.write(stream=["p=pattern:320x240@30"])
            self.assertIn("stream 'p' begins anew", reload(boot))
            for reader in readers:
                told = wait_until(lambda: [e["text"] for e in reader.events() if e.get("stream") == "p"], "it is told")
                self.assertEqual(["p begins anew"], told)
            c1.wait(lambda: any(b"\x00\xF0\x01\x40" in (c1.dump / f"{i + 1:08}.jpg").read_bytes()[:1000]
                                for i in range(c1.frame_count())), "pictures of 320x240")
            self.assertEqual(self.names(net), ["p"])

    def test_what_is_wrong_changes_nothing(self):
        with Overlay("boot-r1 r1-c1", patient=True) as net:
            address = net.address["boot"]
            good = dict(stream=["p=pattern:160x120@60"], http=f"{address}:{HTTP_PORT}", log_level="info")
            boot, config = self.start_boot(net, **good)
            net.node("r1")
            c1 = net.client("c1")
            c1.wait_for_frames(10)
            with socket.socket() as taken:
                taken.bind((address, 8081))
                taken.listen()
                for wrong, key, why in (
                        (dict(history="2m"), "history", "history: 60s is the longest"),
                        (dict(hertbeat="1s"), "hertbeat", "there is no key 'hertbeat'; the nearest is 'heartbeat'"),
                        (dict(log_level="loud"), "log-level", "log-level loud: there are debug"),
                        (dict(stream=["new=pattern:", "p=pattern:160x120@60", "q=/nowhere"]), "q=/nowhere",
                         "stream 'q': there is no '/nowhere'"),
                        (dict(stream=["new=pattern:", "q=pattern:?metric=x"]), "q=pattern", "stream 'q': ?metric=x"),
                        (dict(stream=["new=pattern:"], http=f"{address}:8081"), "http =",
                         "http: cannot listen on"),
                        (dict(stream=["new=pattern:"], rtp="nowhere"), "rtp", "rtp nowhere: ")):
                    with self.subTest(str(wrong)):
                        config.write(**{**good, **wrong})
                        line = reload(boot)
                        self.assertIn(" error ", line)
                        self.assertIn(f"{config.path}:{config.line(key)}: {why}", line)
                        config.write(**{name: None for name in wrong})
            config.write(**good, topology="/nowhere")
            self.assertIn(f"{config.path}:{config.line('topology')}: topology: cannot read /nowhere", reload(boot))
            config.path.write_text("role = [\n")
            self.assertIn(f"{config.path}:", reload(boot))
            config.path.unlink()
            self.assertIn(f"cannot read {config.path}: No such file", reload(boot))
            self.assertEqual(self.names(net), ["p"])
            self.assertEqual(get(address)[0], 200)
            wait_for_more_frames([c1], 30)
            self.assert_nothing_lost(c1)

    def test_outlets_come_go_and_change(self):
        """Of a relay: its HTTP server by the side of others. A server that changes stays open to newcomers."""
        with Overlay("boot-r1 r1-r2") as net:
            net.bootstrap("p=pattern:160x120@30")
            address = net.address["r1"]
            config = ConfigFile(net, role="node", bootstrap=net.address["boot"], id=address, http=f"{address}:{HTTP_PORT}",
                                record=net.folder / "one.mkv")
            r1 = net.start("r1", ["--config", config.path])
            r1.wait_for_log("http: the streams are shown")
            wait_until(lambda: b'"p"' in get(address)[2], "a list that has the stream")
            viewer = HttpViewer(address, HTTP_PORT, "/p.mjpg")
            viewer.wait_for_parts(10)
            self.assertNotIn("access-control-allow-origin", get(address)[1])
            r1.wait(lambda: (net.folder / "one.mkv").exists(), "a recording")

            config.write(http_cors="https://example.org", record=net.folder / "two.mkv", rtsp=f"{address}:8554")
            line = reload(r1)
            for words in (f"http {address}:{HTTP_PORT} begins anew", f"record {net.folder}/two.mkv begins anew",
                          f"rtsp {address}:8554 added"):
                self.assertIn(words, line)
            self.assertEqual(get(address, "/streams.json", HTTP_PORT, "Origin: https://example.org")[1]
                             ["access-control-allow-origin"], "https://example.org")
            wait_until(lambda: viewer.ended, "the end of a viewer of the former server")
            viewer.close()
            self.assertTrue(can_connect(address, 8554))
            r1.wait(lambda: (net.folder / "two.mkv").exists(), "another recording")

            config.write(http=None, http_cors=None, record=None, rtsp=None)
            line = reload(r1)
            for words in ("http removed", "record removed", "rtsp removed"):
                self.assertIn(words, line)
            wait_until(lambda: not can_connect(address) and not can_connect(address, 8554), "closed ports")
            for name in ("one.mkv", "two.mkv"):
                probed = subprocess.run(["ffprobe", "-v", "error", "-count_packets", "-show_entries",
                                         "stream=nb_read_packets", "-of", "csv=p=0", str(net.folder / name)],
                                        capture_output=True, text=True)
                self.assertEqual(probed.stderr, "")
                self.assertGreater(int(probed.stdout), 0)
            config.write(http=f"{address}:{HTTP_PORT}")
            self.assertIn(f"http {address}:{HTTP_PORT} added", reload(r1))
            self.assertEqual(get(address)[0], 200)

    def test_nobody_who_connects_is_refused_while_a_server_changes(self):
        """A connection that is open then may end without an answer."""
        def status(address):
            try:
                return get(address)[0]
            except (ConnectionResetError, AssertionError):
                return None
        with Overlay() as net:
            address = net.address["boot"]
            boot, config = self.start_boot(net, stream=["p=pattern:160x120@30"], http=f"{address}:{HTTP_PORT}")
            for i in range(20):
                config.write(http_cors=f"https://example{i}.org")
                boot.send(signal.SIGHUP)
                statuses = [status(address) for _ in range(10)]
                self.assertLessEqual(set(statuses), {200, 503, None})  # 503: of the one that ends
                self.assertIn(200, statuses)
                boot.wait_for_log("begins anew", count=i + 1)
                self.assertEqual(get(address)[0], 200)

    def test_who_asks_a_server_to_read_again_is_answered_by_it_though_it_begins_anew(self):
        with Overlay() as net:
            address, token = net.address["boot"], net.folder / "token"
            first, second = "0123456789abcdef", "fedcba9876543210"
            token.write_text(first)
            boot, config = self.start_boot(net, stream=["p=pattern:160x120@30"], http=f"{address}:{HTTP_PORT}",
                                           http_token=token)

            def ask(token):
                connection = http.client.HTTPConnection(address, HTTP_PORT, timeout=30)
                self.addCleanup(connection.close)
                connection.request("POST", "/api/v1/reload", "", {"Authorization": f"Bearer {token}"})
                answer = connection.getresponse()
                return answer.status, answer.read().decode()

            config.write(http_cors="*")
            status, text = ask(first)
            self.assertEqual((200, True), (status, "begins anew" in text), text)
            token.write_text(second)  # what stands in the file counts, not its name alone
            self.assertIn("begins anew", reload(boot))
            self.assertEqual(403, ask(first)[0])
            self.assertEqual(200, ask(second)[0])

    def test_what_takes_a_restart_is_named_and_left(self):
        with Overlay() as net:
            boot, config = self.start_boot(net, stream=["p=pattern:160x120@30"])
            config.write(heartbeat="50ms", overlay="other", log_level="debug")
            for _ in range(2):
                line = reload(boot)
                self.assertIn("these take effect after a restart: heartbeat, overlay", line)
            self.assertEqual(len(boot.said("warning .*: these take effect after a restart: heartbeat, overlay")), 2)
            net.node("r1").wait_for_log("linked with")  # by the overlay's former name
            config.write(heartbeat=None, overlay=None)
            self.assertIn("nothing is different", reload(boot))
            config.write(role="node", bootstrap="127.0.0.1", topology=None)
            self.assertIn("this process is a bootstrap: another role takes a restart", reload(boot))

    def test_level_and_format_of_the_log(self):
        with Overlay() as net:
            boot, config = self.start_boot(net, stream=["p=pattern:160x120@30"])
            self.assertEqual(boot.said(" debug "), [])
            config.write(log_level="debug")
            self.assertIn("log-level debug", reload(boot))
            net.guest("g1", "boot")
            boot.wait_for_log(" debug ")
            config.write(log_level=None, log_format="json")
            boot.send(signal.SIGHUP)
            last = boot.wait_for_log(r'^\{.*is read again: log-level as usual, log-format json')[0]
            self.assertEqual(json.loads(last)["level"], "info")

    def test_the_topology_is_that_of_the_file_that_is_named(self):
        with Overlay("boot-r1 r1-c1") as net:
            boot, config = self.start_boot(net, stream=["p=pattern:160x120@30"])
            r1 = net.node("r1")
            c1 = net.client("c1")
            c1.wait_for_frames(10)
            net.links = [("boot", "r1"), ("boot", "c1")]
            other = net.folder / "other.json"
            other.write_text(json.dumps(net.topology()))
            config.write(topology=other)
            self.assertIn(f"topology {other}, 2 nodes with another place in the topology", reload(boot))
            c1.wait_for_log(rf"linked with .*{re.escape(net.address['boot'])}")
            # From now on that file is looked at.
            net.links = [("boot", "r1"), ("r1", "c1")]
            other.write_text(json.dumps(net.topology()))
            boot.wait_for_log("other.json: read again", count=2)
            wait_for_more_frames([c1], 30)
            self.assertEqual(r1.said(" error "), [])
            self.assert_nothing_lost(c1)

    def test_a_client_records_another_file_and_goes_on(self):
        with Overlay() as net:
            net.bootstrap("p=pattern:160x120@60")
            config = ConfigFile(net, role="client", node=net.address["boot"], dump=net.folder / "c.frames",
                                stats=net.folder / "c.stats")
            client = net.start("c", ["--config", config.path])
            client.wait_for_frames(10)
            config.write(record=net.folder / "c.mkv", stream="other", dump=net.folder / "d.frames")
            line = reload(client)
            self.assertIn(f"record {net.folder}/c.mkv added", line)
            self.assertIn("these take effect after a restart: dump, stream", line)
            client.wait(lambda: (net.folder / "c.mkv").exists(), "a recording of what it watches")
            self.assert_nothing_lost(client)

    def test_without_a_file_a_relay_ends_on_sighup_as_ever(self):
        with Overlay() as net:
            net.bootstrap("p=pattern:160x120@30")
            r1 = net.node("r1")
            r1.send(signal.SIGHUP)
            r1.wait_for_exit(-signal.SIGHUP)


if __name__ == "__main__":
    unittest.main()
