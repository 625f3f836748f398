"""Version 2 of the wire protocol, as PROTOCOL.md has it and as no code of ottd's: what tests say to it and hear from it.

What a function here makes is right in form, whatever its numbers mean, unless its arguments say otherwise.
"""

import socket
import struct

VERSION = 2
(ACK, SPEERS, FINALACK, PING, MESSAGE, DATA, TRACKER, START, STOP, SKIP, LINKS, WATCH, HEARTBEAT, BYE, STREAMS, STARTED,
 REFUSED, QUERY, REPORT, SYNC) = range(1, 21)
OPTIONAL = 128
BOOTSTRAP, NODE, CLIENT, GUEST = range(4)
CONTROL_RELATION, NEIGHBOUR_RELATION, GUEST_RELATION = range(3)
LEAVING, NOT_NEEDED = 1, 7  # reasons of BYE
HELLO_MS = 100
FRAME_MAX = 1 << 62
NOBODY = bytes(18)


def message(kind: int, body: bytes = b"", length=None, version=VERSION, flags=0) -> bytes:
    """`length`: what the header says, if that is not the body's."""
    return struct.pack(">BBBBI", version, kind, flags, 0, len(body) if length is None else length) + body


def node_id(address: str, port: int) -> bytes:
    return bytes(10) + b"\xFF\xFF" + socket.inet_aton(address) + struct.pack(">H", port)


def text(words: bytes) -> bytes:
    return struct.pack(">H", len(words)) + words


def route(*nodes: bytes, visited=()) -> bytes:
    """A Tracker along a path, which begins at its receiver; its last node is the destination."""
    entries = b"".join(node + struct.pack(">IB", len(nodes) - i, i + 1 == len(nodes)) for i, node in enumerate(nodes))
    return struct.pack(">BHH", 0, len(visited), len(visited)) + b"".join(visited) + struct.pack(">I", len(nodes)) + entries


def ack(kind: int, *ids: bytes, incarnation: int = 1, hello_ms: int = HELLO_MS) -> bytes:
    return message(ACK, struct.pack(">BQIQH", kind, incarnation, hello_ms, 0, len(ids)) + b"".join(ids))


def final_ack(relation: int) -> bytes:
    return message(FINALACK, bytes([relation]))


def watch(tracker: bytes, stream: int, watcher: bytes, viewers: int = 1, wants_tracker: bool = True, last: int = 0,
          starved_by: bytes = NOBODY, incarnation: int = 1) -> bytes:
    return message(WATCH, tracker + struct.pack(">Q", stream) + watcher
                   + struct.pack(">QIBQ", incarnation, viewers, wants_tracker, last) + starved_by)


def start(stream: int, last: int = 0, number: int = 1) -> bytes:
    return message(START, struct.pack(">QQI", stream, last, number))


def stop(stream: int, version: int) -> bytes:
    return message(STOP, struct.pack(">Q", stream << 24 | version))


def query(tracker: bytes, asker: bytes, number: int) -> bytes:
    return message(QUERY, tracker + asker + struct.pack(">I", number))


def heartbeat(time: int = 0, reply: bool = False) -> bytes:
    return message(HEARTBEAT, struct.pack(">BQ", reply, time))


def bye(reason: int = LEAVING, words: bytes = b"") -> bytes:
    return message(BYE, bytes([reason]) + text(words))


def streams_of(body: bytes) -> list:
    """The (id, name) of each stream in a STREAMS."""
    (count,), at, found = struct.unpack_from(">I", body), 4, []
    for _ in range(count):
        (stream,) = struct.unpack_from(">Q", body, at)
        at += 8
        words = []
        for _ in range(2):  # name, kind
            (length,) = struct.unpack_from(">H", body, at)
            words.append(body[at + 2:at + 2 + length].decode())
            at += 2 + length
        found.append((stream, words[0]))
        at += 12 + 18  # size and rate, origin
    return found


def split(data: bytearray):
    """Takes the whole messages from the front of what has come: yields (type, body)."""
    while len(data) >= 8:
        _, kind, _, _, length = struct.unpack_from(">BBBBI", data)
        if len(data) < 8 + length:
            return
        body = bytes(data[8:8 + length])
        del data[:8 + length]
        yield kind, body


# On a socket that blocks.

def read_message(peer: socket.socket):
    """(type, body) of the next message."""
    def exactly(count):
        data = b""
        while len(data) < count:
            got = peer.recv(count - len(data))
            if not got:
                raise EOFError
            data += got
        return data
    _, kind, _, _, length = struct.unpack(">BBBBI", exactly(8))
    return kind, exactly(length)


def read_to_end(peer: socket.socket) -> list:
    """The messages up to the connection's end, which must come."""
    messages = []
    try:
        while True:
            messages.append(read_message(peer))
    except (EOFError, ConnectionResetError):
        return messages


def read_until(peer: socket.socket, kind: int) -> bytes:
    """The body of the next message of this type; others are passed over."""
    while True:
        heard, body = read_message(peer)
        if heard == kind:
            return body
