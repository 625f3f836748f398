"""/api/v1 of --http: what is served, held against src/role/openapi.yaml, and who may change something."""

import http.client
import json
import pathlib
import socket
import time
import unittest

import jsonschema
import yaml

from overlay import Overlay, wait_until

PORT = 8080
TREE = pathlib.Path(__file__).resolve().parents[2]
SPEC = yaml.safe_load((TREE / "src/role/openapi.yaml").read_text())
TOKEN = "a-token-that-is-long-enough"


def nullable(schema):
    """OpenAPI 3.0's nullable as JSON Schema says it, all the way down."""
    if isinstance(schema, list):
        return [nullable(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    schema = {key: nullable(value) for key, value in schema.items()}
    if schema.pop("nullable", False):
        schema["type"] = [schema["type"], "null"]
    return schema


SCHEMAS = nullable({"components": SPEC["components"]})


def described(path: str, method: str, status: int):
    """The schema of an answer; the test fails where there is none."""
    responses = SPEC["paths"][path][method]["responses"]
    answer = responses[str(status)]
    if "$ref" in answer:
        answer = SPEC["components"]["responses"][answer["$ref"].rpartition("/")[2]]
    return {**nullable(answer["content"]["application/json"]["schema"]), **SCHEMAS}


class Api(unittest.TestCase):
    """boot-r1-c1, with a server at each."""

    def setUp(self):
        self.net = Overlay("boot-r1 r1-c1")
        self.net.__enter__()
        self.addCleanup(self.net.end, show=True)
        token = self.net.folder / "token"
        token.write_text(TOKEN + "\n")
        server = {name: ("--http", f"{self.net.address[name]}:{PORT}", "--http-token", token)
                  for name in ("boot", "r1", "c1")}
        self.boot = self.net.bootstrap("cam=pattern:64x48@25", "second=pattern:32x32@5", "talk/video=pattern:32x32@5",
                                       flags=server["boot"])
        self.r1 = self.net.node("r1", *server["r1"])
        self.client = self.net.client("c1", "--stream", "cam", *server["c1"])
        self.client.wait_for_frames(10)

    def ask(self, name: str, target: str, method: str = "GET", body=None, token=None, **fields):
        """(status, content, fields) of one request."""
        connection = http.client.HTTPConnection(self.net.address[name], PORT, timeout=30)
        self.addCleanup(connection.close)
        if token is not None:
            fields["Authorization"] = f"Bearer {token}"
        connection.request(method, target, body, fields)
        answer = connection.getresponse()
        return answer.status, answer.read().decode(), answer.headers

    def get(self, name: str, target: str) -> dict:
        """An answer that is as the file says."""
        status, text, fields = self.ask(name, target)
        self.assertEqual("application/json", fields["Content-Type"], target)
        answer = json.loads(text)
        jsonschema.validate(answer, described(target.partition("?")[0], "get", status))
        self.assertEqual(200, status, f"{target}: {text}")
        return answer


class Answers(Api):
    def test_all_that_is_described_is_served_by_all(self):
        """Each path of the file, at each role; and no path beside them."""
        queries = {"/api/v1/why": "?stream=cam"}
        for name in ("boot", "r1", "c1"):
            for path, methods in SPEC["paths"].items():
                if "get" in methods and "application/json" in methods["get"]["responses"]["200"]["content"]:
                    self.get(name, path + queries.get(path, ""))
        status, text, fields = self.ask("r1", "/api/v1/openapi.yaml")
        self.assertEqual((200, "application/yaml", SPEC), (status, fields["Content-Type"], yaml.safe_load(text)))
        status, text, _ = self.ask("r1", "/api/v1/nothing")
        self.assertEqual((404, True), (status, bool(json.loads(text)["error"])))
        self.assertEqual(404, self.ask("r1", "/api/v2/node")[0])

    def test_an_overlay_is_seen_from_each_of_its_processes(self):
        ids = {name: self.net.address[name] for name in ("boot", "r1", "c1")}
        for name in ("boot", "r1", "c1"):
            overlay = self.get(name, "/api/v1/overlay")
            self.assertEqual(set(ids.values()), {node["id"] for node in overlay["nodes"]})
            self.assertEqual({(ids["boot"], ids["r1"]), (ids["r1"], ids["boot"]), (ids["r1"], ids["c1"]),
                              (ids["c1"], ids["r1"])}, {(link["from"], link["to"]) for link in overlay["links"]})

            def seen():
                route = next(r for r in self.get(name, "/api/v1/routes?stream=cam")["routes"])
                way = [entry["node"] for entry in route["tree"]]
                return way == [ids["boot"], ids["r1"], ids["c1"]] and route["viewers"]
            viewers = wait_until(seen, f"{name} knows the tree of cam and who watches it")
            self.assertEqual([(ids["c1"], "")], [(viewer["node"], viewer["who"]) for viewer in viewers])
            for who in (ids["c1"], "c1"):
                self.assertEqual(self.get(name, f"/api/v1/node?of={who}")["role"], "client")
            why = self.get(name, f"/api/v1/why?stream=cam&node={ids['c1']}")
            self.assertIn(ids["c1"], why["lines"][0])

    def test_figures_have_one_name_in_statistics_and_here(self):
        for name, process in (("boot", self.boot), ("c1", self.client)):
            line = wait_until(lambda: process.stats(), "a line of statistics")[-1]
            self.assertEqual(set(line), set(self.get(name, "/api/v1/node")))

    def test_what_is_asked_wrongly_is_named(self):
        for target, status in (("/api/v1/why", 400), ("/api/v1/why?stream=none", 404), ("/api/v1/node?of=none", 404),
                               ("/api/v1/node?of=127.99.99.99", 404), ("/api/v1/why?stream=cam&node=127.99.99.99", 404),
                               ("/api/v1/why?stream=cam&node=nobody", 404), ("/api/v1/routes?stream=none", 404),
                               ("/api/v1/pictures?fps=x", 400), ("/api/v1/pictures?streams=%25zz", 400),
                               ("/api/v1/pictures?streams=none", 404)):
            got, text, _ = self.ask("r1", target)
            self.assertEqual(status, got, target)
            asked = target.rpartition("=")[2] if status == 404 and "pictures" not in target else ""
            self.assertIn(asked, json.loads(text)["error"], target)
            self.assertTrue(json.loads(text)["error"], target)
            described(target.partition("?")[0], "get", status)
        self.assertEqual(405, self.ask("r1", "/api/v1/node", "POST", "{}")[0])

    def test_options_say_what_a_path_takes(self):
        for path, methods in SPEC["paths"].items():
            status, _, fields = self.ask("r1", path, "OPTIONS")
            self.assertEqual((204, "post" in methods, "get" in methods),
                             (status, "POST" in fields["Allow"], "GET" in fields["Allow"]), path)

    def test_why_by_the_command_line(self):
        """The way; or status 1 and a reason, at once, where nobody is of that name."""
        self.net.guest("g1", "r1", "--stream", "cam").wait_for_frames(1)
        guest = next(link["peer"] for link in self.get("r1", "/api/v1/links")["links"] if link["relation"] == "guest")
        boot, r1, c1 = (self.net.address[name] for name in ("boot", "r1", "c1"))
        for node, begins in ((c1, f"stream cam to {c1}"), ("c1", f"stream cam to {c1}"), ("", "stream cam to "),
                             (guest, f"{guest} is a guest of "), (boot, "stream cam ")):
            with self.subTest(node):
                question = f"cam,{node}" if node else "cam"
                asks = self.net.start("why", ["--role", "client", "--node", r1, "--why", question])
                asks.wait_for_exit(0)
                self.assertTrue(asks.output().startswith(begins), asks.output())
        asks = self.net.start("why", ["--role", "client", "--node", r1, "--why", f"talk,{c1}"])
        asks.wait_for_exit(0)
        self.assertIn(f"talk/video does not go to {c1}", asks.output())
        self.assertIn("talk/video", self.get("c1", f"/api/v1/why?stream=talk&node={c1}")["lines"][0])
        for question, why in (("cam,127.99.99.99", "no node '127.99.99.99' is known at the origin"),
                              ("cam,nobody", "no node 'nobody' is known at the origin"),
                              ("none,c1", "there is no stream 'none' (there are: cam, ")):
            with self.subTest(question):
                asks = self.net.start("why", ["--role", "client", "--node", r1, "--why", question])
                said = asks.wait_for_exit(1)
                self.assertIn(why, said)
                self.assertNotIn("nobody has answered", said)
                self.assertEqual("", asks.output())

    def test_health(self):
        for name in ("boot", "r1", "c1"):
            self.assertEqual((200, "ok\n"), self.ask(name, "/healthz")[:2])
            self.assertEqual((200, "ok\n"), self.ask(name, "/readyz")[:2])
        self.r1.terminate()
        status, why, _ = wait_until(lambda: (answer := self.ask("c1", "/readyz"))[0] == 503 and answer, "c1 is alone")
        self.assertGreater(len(why), 5)
        self.assertEqual(200, self.ask("c1", "/healthz")[0])


class Changes(Api):
    def test_only_who_has_the_token_may(self):
        for path in ("/api/v1/watch", "/api/v1/drain", "/api/v1/reload"):
            for token, status in ((None, 401), ("wrong", 403), (TOKEN + "x", 403), (TOKEN[:-1], 403)):
                got, text, fields = self.ask("c1", path, "POST", '{"stream":"second"}', token)
                self.assertEqual(status, got, path)
                self.assertTrue(json.loads(text)["error"])
                self.assertEqual("Bearer" if status == 401 else None, fields["WWW-Authenticate"])
            self.assertEqual(405, self.ask("c1", path)[0])
        self.assertEqual(12, self.get("c1", "/api/v1/node")["outlets"][0]["changes_refused"])
        self.assertEqual(1, len(self.client.said("may not POST")))
        status, _, _ = self.ask("c1", "/control", "POST", '{"command":"pause"}', Origin="https://example.org",
                                **{"Content-Type": "application/json"})
        self.assertEqual(403, status)
        self.assertEqual(13, self.get("c1", "/api/v1/node")["outlets"][0]["changes_refused"])
        status, text, _ = self.ask("c1", "/api/v1/watch", "POST", "x" * 10_000, TOKEN)
        jsonschema.validate(json.loads(text), described("/api/v1/watch", "post", 413))
        self.assertEqual(413, status)
        self.assertIsNone(self.client.popen.poll())

    def test_watch(self):
        status, text, _ = self.ask("c1", "/api/v1/watch", "POST", '{"stream":"second"}', TOKEN)
        self.assertEqual(200, status, text)
        jsonschema.validate(json.loads(text), described("/api/v1/watch", "post", 200))
        wait_until(lambda: self.get("c1", "/api/v1/node")["stream"] == "second", "c1 watches the other stream")
        for body in ("{}", '{"stream":""}', json.dumps({"stream": "x" * 256}), json.dumps({"stream": "a\nb"})):
            self.assertEqual(400, self.ask("c1", "/api/v1/watch", "POST", body, TOKEN)[0], body)
        self.assertEqual(409, self.ask("r1", "/api/v1/watch", "POST", '{"stream":"second"}', TOKEN)[0])

    def test_drain(self):
        self.assertEqual(200, self.ask("c1", "/api/v1/drain", "POST", "", TOKEN)[0])
        self.client.wait_for_exit()

    def test_reload(self):
        status, text, _ = self.ask("boot", "/api/v1/reload", "POST", "", TOKEN)
        jsonschema.validate(json.loads(text), described("/api/v1/reload", "post", 200))
        self.assertEqual((200, True), (status, "nodes" in json.loads(text)["text"]), text)
        topology = self.net.folder / "topology.json"
        topology.write_text("{")
        status, text, _ = self.ask("boot", "/api/v1/reload", "POST", "", TOKEN)
        self.assertEqual(409, status, text)
        self.assertIn(topology.name, json.loads(text)["error"])
        status, text, _ = self.ask("r1", "/api/v1/reload", "POST", "", TOKEN)  # it has no configuration
        self.assertEqual((409, True), (status, "--config" in text), text)


class Events(Api):
    def reader(self, name: str, last_id: str = ""):
        """A connection that reads events; its `events()` are those so far."""
        return Reader(self, self.net.address[name], last_id)

    def test_who_goes_is_told_and_readers_go_on_where_they_were(self):
        reader = self.reader("boot")
        self.r1.terminate()
        gone = wait_until(lambda: [e for e in reader.events() if e["kind"] == "node-gone"], "r1 is gone")
        for event in reader.events():
            jsonschema.validate({key: value for key, value in event.items() if key != "id"},
                                {**nullable(SPEC["components"]["schemas"]["Event"]), **SCHEMAS})
        self.assertIn(self.net.address["r1"], {event["node"] for event in gone})
        ids = [event["id"] for event in reader.events()]
        self.assertEqual(ids, list(range(ids[0], ids[0] + len(ids))))
        again = self.reader("boot", str(ids[0]))
        wait_until(lambda: again.events(), "the events behind the first")
        self.assertEqual(ids[1], again.events()[0]["id"])
        other = self.reader("boot", "1")
        wait_until(lambda: other.events(), "that some were missed")
        self.assertEqual("missed", other.events()[0]["kind"])
        future = self.reader("boot", str(ids[-1] + 1_000_000))
        wait_until(lambda: future.events(), "that some were missed")
        self.assertEqual(["missed"], [event["kind"] for event in future.events()])
        nonsense = self.reader("boot", "xyz")
        known = ids[0] + len(ids) - 1
        wait_until(lambda: known in [event.get("id") for event in nonsense.events()], "all that are kept")
        self.assertEqual("missed", nonsense.events()[0]["kind"])

    def test_a_guest_shows_names_and_tells_who_goes(self):
        """Of nodes that it knows by its access node alone, which knows them by the bootstrapper."""
        self.net.address["g1"] = self.net.free_address()
        self.net.guest("g1", "r1", "--http", f"{self.net.address['g1']}:{PORT}").wait_for_frames(1)
        names = {self.net.address[name]: name for name in ("boot", "r1", "c1")}
        reader = self.reader("g1")
        self.assertEqual(self.get("g1", "/api/v1/node")["id"], self.get("g1", "/api/v1/overlay")["self"])
        wait_until(lambda: names == {node["id"]: node["name"] for node in self.get("g1", "/api/v1/overlay")["nodes"]},
                   "the nodes by their names")
        self.client.terminate()
        gone = wait_until(lambda: [e for e in reader.events() if e["kind"] == "node-gone"], "c1 is gone")
        self.assertEqual([("c1 is gone", self.net.address["c1"])], [(event["text"], event["node"]) for event in gone])

    def test_a_thousand_readers_that_read_nothing(self):
        """They cost their connections and no more: the process answers, and its stream goes on."""
        readers = [self.reader("r1") for _ in range(1000)]
        before = self.client.frame_count()
        began = time.monotonic()
        while time.monotonic() < began + 2:
            self.get("r1", "/api/v1/overlay")
        self.client.wait_for_frames(before + 25)
        for reader in readers:
            reader.close()
        self.assertEqual(200, self.ask("r1", "/readyz")[0])


class Reader:
    def __init__(self, test, address: str, last_id: str):
        self.socket = socket.create_connection((address, PORT), timeout=30)
        test.addCleanup(self.close)
        field = f"Last-Event-ID: {last_id}\r\n" if last_id else ""
        self.socket.sendall(f"GET /api/v1/events HTTP/1.1\r\nHost: x\r\n{field}\r\n".encode())
        self.bytes = b""

    def events(self) -> list:
        self.socket.settimeout(0.05)
        try:
            while piece := self.socket.recv(1 << 16):
                self.bytes += piece
        except TimeoutError:
            pass
        head, _, body = self.bytes.partition(b"\r\n\r\n")
        assert not head or b"text/event-stream" in head, head
        found = []
        for block in body.decode().split("\n\n")[:-1]:
            lines = dict(line.split(": ", 1) for line in block.splitlines() if line and line[0] != ":")
            if "data" in lines:
                event = json.loads(lines["data"])
                found.append({**event, **({"id": int(lines["id"])} if "id" in lines else {})})
        return found

    def close(self):
        self.socket.close()


if __name__ == "__main__":
    unittest.main()
