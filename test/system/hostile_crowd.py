#!/usr/bin/env python3
"""A crowd of hostile guests at one node, in a process of its own.

usage: hostile_crowd.py ADDRESS SOURCES COUNT SECONDS

ADDRESS is the node's, SOURCES a prefix like 127.1.2. of loopback addresses to come from. Each guest is of one of the
kinds below, in turn; one that is thrown out comes back after a while. Prints a line once all have connected for the
first time, and at the end one JSON object: for each kind how many connections it made and messages it sent.
"""

import asyncio
import collections
import json
import os
import random
import resource
import socket
import struct
import sys

import protocol as p

PORT = 7000
BACK_AFTER_S = 0.5
UNKNOWN_STREAM = 0x1234567890


class Thrown(Exception):
    """The other end has closed."""


class Guest(asyncio.Protocol):
    """One connection."""

    def __init__(self):
        self.data = bytearray()
        self.heard = collections.deque(maxlen=50)
        self.news = asyncio.Event()
        self.closed = False
        self.sent = 0

    def connection_made(self, transport):
        self.transport = transport
        transport.set_write_buffer_limits(1 << 16)
        self.local = p.node_id(*transport.get_extra_info("sockname"))
        self.node = p.node_id(*transport.get_extra_info("peername"))

    def data_received(self, data):
        self.data += data
        for kind, body in p.split(self.data):
            if kind != p.DATA:
                self.heard.append((kind, body))
                self.news.set()

    def connection_lost(self, _):
        self.closed = True
        self.news.set()

    def say(self, data: bytes) -> None:
        if self.closed:
            raise Thrown
        if self.transport.get_write_buffer_size() < 1 << 16:
            self.transport.write(data)
            self.sent += 1

    async def hear(self, wanted: int) -> bytes:
        while True:
            while self.heard:
                kind, body = self.heard.popleft()
                if kind == wanted:
                    return body
            if self.closed:
                raise Thrown
            self.news.clear()
            await self.news.wait()

    async def shake_hands(self) -> None:
        self.say(p.ack(p.GUEST, self.local, incarnation=random.getrandbits(64), hello_ms=random.choice([5, 100, 60_000])))
        await self.hear(p.SPEERS)
        self.say(p.final_ack(p.GUEST_RELATION))
        await self.hear(p.FINALACK)

    async def first_stream(self) -> int:
        await self.shake_hands()
        while True:
            streams = p.streams_of(await self.hear(p.STREAMS))
            if streams:
                return streams[0][0]

    def watch(self, stream: int, viewers: int = 1) -> bytes:
        return p.watch(p.route(self.node), stream, self.local, viewers)

    def read_nothing(self) -> None:
        self.transport.pause_reading()


async def repeat(guest: Guest, per_second: float, make) -> None:
    while True:
        guest.say(make())
        await asyncio.sleep(1 / per_second * random.uniform(0.5, 1.5))


# The kinds: what one does once it is connected, until it is thrown out.

async def says_nothing(_):
    await asyncio.sleep(3600)


async def half_an_ack(guest):
    guest.say(p.ack(p.GUEST, guest.local)[:random.randrange(1, 30)])
    await asyncio.sleep(3600)


async def unfinished_large_message(guest):
    await guest.shake_hands()
    guest.say(p.message(p.WATCH, length=1 << 20) + bytes(60_000))
    await asyncio.sleep(3600)


async def unfinished_message(guest):
    """As long as a guest's may be, a byte at a time."""
    await guest.shake_hands()
    guest.say(p.message(p.WATCH, length=4096) + bytes(4000))
    await repeat(guest, 1, lambda: b"\0")


async def asks_and_reads_no_answers(guest):
    await guest.shake_hands()
    guest.read_nothing()
    await repeat(guest, 20, lambda: 50 * p.heartbeat(random.getrandbits(62) + 1))


async def watches_unknown_streams(guest):
    await guest.shake_hands()
    await repeat(guest, 50, lambda: guest.watch(random.choice([UNKNOWN_STREAM, random.getrandbits(39) + 1])))


async def watches_on_and_off(guest):
    stream = await guest.first_stream()
    await repeat(guest, 20, lambda: guest.watch(stream) + guest.watch(stream, 0))


async def starts_at_the_end_of_the_range(guest):
    stream = await guest.first_stream()
    guest.say(guest.watch(stream))
    await guest.hear(p.TRACKER)
    await repeat(guest, 2, lambda: p.start(stream, random.choice([p.FRAME_MAX, p.FRAME_MAX - 1, 1 << 40]),
                                           random.getrandbits(32)))


async def watches_and_reads_nothing(guest):
    stream = await guest.first_stream()
    guest.say(guest.watch(stream))
    await guest.hear(p.TRACKER)
    guest.say(p.start(stream))
    guest.read_nothing()
    await repeat(guest, 1, p.heartbeat)


async def says_long_farewells(guest):
    await guest.shake_hands()
    guest.say(p.bye(random.randrange(1, 12), b"x" * 1024))
    await asyncio.sleep(0.1)
    raise Thrown


async def comes_and_goes(guest):
    await guest.shake_hands()
    raise Thrown


async def asks_how_streams_are(guest):
    await guest.shake_hands()
    await repeat(guest, 20, lambda: 5 * p.query(p.route(guest.node), guest.local, random.getrandbits(32)))


async def starts_and_stops_at_random(guest):
    stream = await guest.first_stream()
    await repeat(guest, 20, lambda: random.choice([
        p.start(stream, random.getrandbits(20)), p.start(UNKNOWN_STREAM), p.stop(stream, random.getrandbits(24)),
        p.stop(UNKNOWN_STREAM, 1)]))


async def says_what_nobody_knows(guest):
    await guest.shake_hands()
    await repeat(guest, 10, lambda: p.message(random.randrange(p.OPTIONAL, 256), bytes(random.randrange(4096))))


KINDS = [says_nothing, half_an_ack, unfinished_large_message, unfinished_message, asks_and_reads_no_answers,
         watches_unknown_streams, watches_on_and_off, starts_at_the_end_of_the_range, watches_and_reads_nothing,
         says_long_farewells, comes_and_goes, asks_how_streams_are, starts_and_stops_at_random, says_what_nobody_knows]


class Crowd:
    def __init__(self, address: str, sources: str, count: int):
        self.address, self.sources, self.count = address, sources, count
        self.connections = collections.Counter()
        self.messages = collections.Counter()
        self.connected = 0

    def socket(self, number: int) -> socket.socket:
        sock = socket.socket()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        sock.setblocking(False)
        sock.bind((f"{self.sources}{100 + number % 100}", 0))
        return sock

    async def connection(self, kind, number: int) -> None:
        loop = asyncio.get_running_loop()
        sock = self.socket(number)
        guest = Guest()
        try:
            await loop.sock_connect(sock, (self.address, PORT))
            await loop.create_connection(lambda: guest, sock=sock)
            self.connections[kind.__name__] += 1
            await kind(guest)
        except (Thrown, OSError):
            pass
        finally:
            self.messages[kind.__name__] += guest.sent
            sock.close() if not hasattr(guest, "transport") else guest.transport.abort()

    async def member(self, number: int) -> None:
        kind = KINDS[number % len(KINDS)]
        await asyncio.sleep(number / self.count)  # they come within a second
        self.connected += 1
        while True:
            await self.connection(kind, number)
            await asyncio.sleep(BACK_AFTER_S * random.uniform(0.5, 1.5))

    async def run(self, seconds: float) -> None:
        members = [asyncio.create_task(self.member(number)) for number in range(self.count)]
        while self.connected < self.count:
            await asyncio.sleep(0.05)
        print("all are there", flush=True)
        await asyncio.sleep(seconds)
        for member in members:
            member.cancel()
        await asyncio.gather(*members, return_exceptions=True)
        print(json.dumps({kind.__name__: [self.connections[kind.__name__], self.messages[kind.__name__]]
                          for kind in KINDS}), flush=True)


def main() -> None:
    address, sources, count, seconds = sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4])
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    os.nice(5)  # it is the node's patience that is tried, not the machine's
    random.seed(1)
    asyncio.run(Crowd(address, sources, count).run(seconds))


if __name__ == "__main__":
    main()
