"""JPEGs without decoding them: what their pixels follow from, and where one ends and the next begins."""

import hashlib

SOI, EOI, SOS, DQT, DHT, DRI = 0xD8, 0xD9, 0xDA, 0xDB, 0xC4, 0xDD
FRAMES = {0xC0, 0xC1, 0xC2}


def parse(data: bytes, start: int = 0):
    """(what all pixels follow from, the offset of the end). Raises ValueError if it is not a whole JPEG."""
    if data[start:start + 2] != bytes([0xFF, SOI]):
        raise ValueError("no SOI")
    at = start + 2
    quant, huffman, restart, frame, scan_header = {}, {}, 0, None, None
    while scan_header is None:
        if data[at:at + 1] != b"\xFF" or at + 4 > len(data):
            raise ValueError(f"no marker at {at - start}")
        marker, length = data[at + 1], int.from_bytes(data[at + 2:at + 4], "big")
        body = data[at + 4:at + 2 + length]
        at += 2 + length
        if marker == DQT:
            while body:
                size = 128 if body[0] >> 4 else 64
                quant[body[0] & 15] = (body[0] >> 4, body[1:1 + size])
                body = body[1 + size:]
        elif marker == DHT:
            while body:
                size = 17 + sum(body[1:17])
                huffman[body[0]] = body[1:size]
                body = body[size:]
        elif marker == DRI:
            restart = int.from_bytes(body, "big")
        elif marker in FRAMES:
            components = [(body[6 + 3 * i + 1], quant.get(body[6 + 3 * i + 2])) for i in range(body[5])]
            frame = (marker, body[:5], components)
        elif marker == SOS:
            scan_header = [(huffman.get(body[2 + 2 * i] >> 4), huffman.get(0x10 | (body[2 + 2 * i] & 15)))
                           for i in range(body[0])]
    end = at
    while True:  # the scan ends at a marker that is no restart
        end = data.find(b"\xFF", end)
        if end < 0 or end + 1 >= len(data):
            raise ValueError("no EOI")
        if data[end + 1] != 0 and not 0xD0 <= data[end + 1] <= 0xD7:
            break
        end += 2
    if data[end + 1] != EOI:
        raise ValueError(f"marker {data[end + 1]:02x} after the scan")
    return (frame, scan_header, restart, data[at:end]), end + 2


def picture(data: bytes) -> str:
    """Equal for two JPEGs whose size, tables and entropy-coded data are, and so their pixels. The JPEG must
    be whole and nothing may follow it."""
    content, end = parse(data)
    if end != len(data):
        raise ValueError(f"{len(data) - end} bytes after EOI")
    return hashlib.sha1(repr(content).encode()).hexdigest()


def split(data: bytes) -> list:
    """The JPEGs that a byte stream is the concatenation of."""
    frames, at = [], 0
    while at < len(data):
        end = parse(data, at)[1]
        frames.append(data[at:end])
        at = end
    return frames


def split_classic(data: bytes) -> list:
    """The JPEGs of a clip in which five digits of length precede each."""
    frames, at = [], 0
    while at < len(data):
        length = int(data[at:at + 5])
        frames.append(data[at + 5:at + 5 + length])
        at += 5 + length
    return frames


def join_classic(frames) -> bytes:
    return b"".join(b"%05d" % len(frame) + frame for frame in frames)
