#!/usr/bin/env python3
"""The live page of overlays that run: of twelve ottd, one of which is killed; and of 500 nodes, as a bootstrapper shows
them whose one neighbour stands in for all others. Both by the real API, in a real browser (served.test.ts).

    test/page/overlays.py OTTD [twelve] [many]

Exit status: 0; 1 when a test has failed. Screenshots land in build/page/.
"""

import json
import os
import pathlib
import random
import socket
import struct
import subprocess
import sys
import threading
import time

TREE = pathlib.Path(__file__).resolve().parents[2]
os.environ["OTTD"] = str(pathlib.Path(sys.argv[1]).resolve()) if len(sys.argv) > 1 else str(TREE / "build" / "ottd")
sys.dont_write_bytecode = True
sys.path.insert(0, str(TREE / "test" / "system"))
import protocol as p  # noqa: E402
from overlay import Overlay, wait_until  # noqa: E402

PORT = 8080
LOOK, VIEW = 135, 136
NODE_LOOK, ROUTES, VIEWERS = range(3)
DRAWN_PER_S = 30


def look_at(url: str, name: str, **expected) -> bool:
    environment = {**os.environ, "OTTD_PAGE_URL": url, "OTTD_PAGE_NAME": name,
                   **{f"OTTD_PAGE_{key.upper()}": str(value) for key, value in expected.items()}}
    return subprocess.run(["node", "test/page/run.mjs"], cwd=TREE, env=environment, timeout=600).returncode == 0


def twelve() -> bool:
    """Two ways to each of four clients: a relay that is killed is one of them."""
    links = ("boot-r1 boot-r2 r1-r3 r1-r4 r2-r3 r2-r4 r3-r5 r4-r5 r3-r6 r4-r6 r5-c1 r6-c1 r5-c2 r6-c2 r5-c3 r6-c3 "
             "r3-c4 r4-c4 r1-r7 r2-r7")
    with Overlay(links, patient=True) as net:  # so that one relay fails, and no other, on a busy machine
        at = net.address["boot"]
        net.bootstrap("cam=pattern:320x180@15", "yard=pattern:160x120@5", flags=["--http", f"{at}:{PORT}"])
        relays = {f"r{i}": net.node(f"r{i}") for i in range(1, 8)}
        clients = [net.client("c1", "--stream", "cam", dump=False), net.client("c2", "--stream", "cam", dump=False),
                   net.client("c3", "--stream", "yard", dump=False), net.client("c4", "--stream", "cam", dump=False)]
        for client in clients:
            client.wait_for_stats(lambda line: line["frames_received"] > 5, "frames come")
        victim = relays["r3"]
        victim.accounted = True  # its end is ours
        return look_at(f"http://{at}:{PORT}/", "twelve", nodes=12, kill=f"{victim.popen.pid} {net.address['r3']} r3")


class StandIn:
    """A neighbour of the bootstrapper that tells of so many nodes behind it, and answers for all of them."""

    def __init__(self, address: str, boot: str, nodes: int):
        self.random, self.boot = random.Random(1), p.node_id(boot, 7000)
        self.names = {i: f"10.77.{i // 50}.{i % 50 + 1}" for i in range(nodes)}
        self.names[0] = address
        self.ids = {i: p.node_id(name, 7000) for i, name in self.names.items()}
        self.number_of = {node: i for i, node in self.ids.items()}
        self.links = {i: set() for i in self.ids}
        for i in range(1, nodes):
            site = i // 50 * 50
            for other in {self.random.randrange(site, i) if i > site else max(0, site - 50),
                          self.random.randrange(max(0, i - 20), i)}:
                self.links[i].add(other)
                self.links[other].add(i)
        self.streams = {1000 + k: (k * 97 % nodes, f"cam{k}") for k in range(6)}
        self.sequence, self.open = 1, True
        self.socket = self.register(address, (boot, 7000))
        self.lock = threading.Lock()
        for i in self.ids:
            self.flood(i)
        self.threads = [threading.Thread(target=self.read, daemon=True), threading.Thread(target=self.tick, daemon=True)]
        for thread in self.threads:
            thread.start()

    def register(self, address, to):
        peer = socket.create_connection(to, timeout=30, source_address=(address, 0))
        peer.sendall(p.ack(p.NODE, self.ids[0], hello_ms=1000))  # it may be slow, where a browser has the machine
        p.read_until(peer, p.SPEERS)
        peer.sendall(p.final_ack(p.NEIGHBOUR_RELATION))
        p.read_until(peer, p.FINALACK)
        return peer

    def send(self, message: bytes) -> None:
        with self.lock:
            self.socket.sendall(message)

    def flood(self, i: int) -> None:
        """Node i's link state, with what it measures at the moment."""
        others = sorted([*(self.ids[k] for k in self.links[i]), *([self.boot] if i == 0 else [])])
        mine = [(stream, name) for stream, (origin, name) in self.streams.items() if origin == i]
        body = struct.pack(">BHH", 1, 1, 1) + self.ids[0] + struct.pack(">I", 0)
        body += self.ids[i] + struct.pack(">BQQHI", p.NODE, 7, self.sequence, 3600, len(others))
        body += b"".join(other + struct.pack(">I", 1) for other in others) + struct.pack(">I", len(mine))
        for stream, name in mine:
            body += struct.pack(">Q", stream) + p.text(name.encode()) + p.text(b"camera") + struct.pack(">III", 640, 360, 25_000)
        body += b"".join(struct.pack(">BQ", 0, 0) for _ in mine)
        for _ in mine:
            body += b"\0" + p.text(b"JPEG") + struct.pack(">IBB", 90_000, 0, 26) + p.text(b"") + struct.pack(">BI", 0, 0)
        body += bytes(len(mine))
        body += b"".join(struct.pack(">IHII", self.random.randrange(500, 60_000), self.random.choice([0, 0, 0, 40]), 0,
                                     self.random.randrange(20_000)) for _ in others)
        self.send(p.message(p.LINKS, body))

    def tick(self) -> None:
        while self.open:
            self.sequence += 1
            try:
                for i in self.random.sample(sorted(self.ids), 20):
                    self.flood(i)
                for _ in range(10):
                    self.send(p.heartbeat())
                    time.sleep(0.1)
            except OSError:
                return

    def tree(self, origin: int) -> list:
        """To every third node, breadth first."""
        parents, order = {origin: None}, [origin]
        for node in order:
            for other in sorted(self.links[node]):
                if other not in parents:
                    parents[other] = node
                    order.append(other)
        wanted = set()
        for node in order[::3]:
            while node is not None and node not in wanted:
                wanted.add(node)
                node = parents[node]
        entries, place = [], {}

        def add(node):
            stack = [node]
            while stack:
                here = stack.pop()
                place[here] = len(entries)
                entries.append({"node": self.names[here], "viewers": int(order.index(here) % 3 == 0 and here != origin),
                                "parent": -1 if here == origin else place[parents[here]]})
                stack += [other for other in self.links[here] if parents.get(other) == here and other in wanted]
        add(origin)
        return entries

    def shown(self, node: int, at: int) -> dict:
        mine = [(stream, name) for stream, (origin, name) in self.streams.items() if origin == node]
        if at == ROUTES:
            return {"routes": [{"stream": name, "id": f"{stream:010x}", "tree": self.tree(node)} for stream, name in mine]}
        if at == VIEWERS:
            return {"viewers": [{"stream": name, "who": "", "frames_received": int(25 * time.monotonic()), "frames_lost": 0,
                                 "frames_skipped": 0, "frames_duplicate": 0, "gap_ms_max": 41.0,
                                 "latency_ms": {"p50": 2.0, "p99": 4.0, "max": 9.0}} for _, name in self.streams.values()]}
        return {"time": time.time(), "role": "node", "id": self.names[node], "version": "", "uptime_s": 1.0,
                "loop_pause_ms_max": 1.0, "limits": {}, "rings": {}, "links": []}

    def read(self) -> None:
        data = bytearray()
        self.socket.settimeout(30)
        while self.open:
            try:
                got = self.socket.recv(1 << 16)
            except OSError:
                return
            if not got:
                return
            data += got
            for kind, body in p.split(data):
                if kind == p.HEARTBEAT and body[0] == 0 and body[1:] != bytes(8):
                    self.send(p.message(p.HEARTBEAT, b"\1" + body[1:]))
                elif kind in (LOOK, p.QUERY):
                    self.answer(kind, body)

    def answer(self, kind: int, body: bytes) -> None:
        """A Tracker's last node is the one that is asked; the asker is the bootstrapper, next door."""
        (visited,), at = struct.unpack_from(">H", body, 3), 5
        at += 18 * visited
        (count,) = struct.unpack_from(">I", body, at)
        last = body[at + 4 + 23 * (count - 1):][:18]
        at += 4 + 23 * count + 18  # and the asker
        (number,) = struct.unpack_from(">I", body, at)
        node = self.number_of.get(last, 0)
        back = p.route(self.boot, visited=(self.ids[node], self.ids[0]) if node else (self.ids[0],))
        if kind == p.QUERY:
            mine = [stream for stream, (origin, _) in self.streams.items() if origin == node]
            figures = b"".join(struct.pack(">QIQ", stream, 100, 4_000_000) for stream in mine)
            self.send(p.message(p.REPORT, back + struct.pack(">II", number, len(mine)) + figures))
        else:
            text = json.dumps(self.shown(node, body[at + 4])).encode()
            self.send(p.message(VIEW, back + struct.pack(">II", number, len(text)) + text))

    def close(self) -> None:
        self.open = False
        self.socket.close()


def many(nodes: int = 500) -> bool:
    with Overlay("boot-s0") as net:
        at = net.address["boot"]
        net.bootstrap("own=pattern:160x120@5", flags=["--http", f"{at}:{PORT}"])
        others = StandIn(net.address["s0"], at, nodes - 1)
        try:
            url = f"http://{at}:{PORT}/"
            wait_until(lambda: len(json.loads(subprocess.run(
                ["curl", "-s", url + "api/v1/overlay"], stdout=subprocess.PIPE).stdout)["nodes"]) == nodes,
                f"{nodes} nodes are known")
            return look_at(url, "many", nodes=nodes, drawn=DRAWN_PER_S)
        finally:
            others.close()


def main() -> int:
    wanted = sys.argv[2:] or ["twelve", "many"]
    return 0 if all([{"twelve": twelve, "many": many}[each]() for each in wanted]) else 1


if __name__ == "__main__":
    sys.exit(main())
