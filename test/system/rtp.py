"""JPEG over RTP (RFC 2435) as a sender of our own writes it, for what no real sender can be made to do."""

import struct

import jpeg

TYPE = 26


def packets(frame: bytes, timestamp: int, sequence: int, ssrc: int, room: int = 1000) -> list:
    """The packets of a 4:2:0 JPEG with the standard Huffman tables; its quantisation tables go in-band."""
    (_, sof, components), _, restart, scan = jpeg.parse(frame)[0]
    assert components[0][0] == 0x22 and restart == 0
    height, width = struct.unpack("!HH", sof[1:5])
    tables = components[0][1][1] + components[1][1][1]
    made, offset = [], 0
    while offset < len(scan):
        part = scan[offset:offset + room]
        last = offset + len(part) == len(scan)
        header = struct.pack("!BBHII", 0x80, TYPE | (0x80 if last else 0), sequence & 0xFFFF, timestamp & 0xFFFFFFFF,
                             ssrc)
        header += struct.pack("!IBBBB", offset, 1, 255, width // 8, height // 8)
        if offset == 0:
            header += struct.pack("!BBH", 0, 0, len(tables)) + tables
        made.append(header + part)
        offset += len(part)
        sequence += 1
    return made


def header(packet: bytes):
    """(sequence, timestamp, ssrc)"""
    return struct.unpack("!HII", packet[2:12])


class Sender:
    """Sends frames, each as a burst of packets, with the header fields that it has at the time."""

    def __init__(self, send):
        self.send = send  # of bytes
        self.sequence, self.timestamp, self.ssrc = 65000, 0xFFFF0000, 1

    def frame(self, data: bytes) -> None:
        burst = packets(data, self.timestamp, self.sequence, self.ssrc)
        for packet in burst:
            self.send(packet)
        self.sequence += len(burst)
        self.timestamp += 3600
