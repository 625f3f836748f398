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


def picture(data: bytes, more_may_follow: bool = False) -> str:
    """Equal for two JPEGs whose size, tables and entropy-coded data are, and so their pixels. The JPEG must
    be whole and nothing may follow it."""
    content, end = parse(data)
    if end != len(data) and not more_may_follow:
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


def progressive(width: int, height: int, scans: int = 63) -> bytes:
    """A grey-green picture in so many scans of its luma (1 to 63): a file of some KB that costs whoever decodes it
    as many passes over all blocks. 4:2:0; ITU-T T.81, annex G."""
    def segment(marker: int, body: bytes) -> bytes:
        return bytes([0xFF, marker]) + (len(body) + 2).to_bytes(2, "big") + body

    def coded(bits: str) -> bytes:
        bits += "1" * (-len(bits) % 8)
        return int(bits, 2).to_bytes(len(bits) // 8, "big").replace(b"\xFF", b"\xFF\0")

    def scan(components, first: int, last: int, bits: str) -> bytes:
        header = bytes([len(components), *(byte for c in components for byte in (c, 0)), first, last, 0])
        return segment(SOS, header) + coded(bits)

    def all_zero(blocks: int) -> str:
        """End-of-band runs over so many blocks: EOB14 is coded as 0, EOB0 as 10 (run of one)."""
        whole, rest = divmod(blocks, 16384)
        return ("0" + "0" * 14) * whole + "10" * rest

    def units(pixels: int, size: int) -> int:
        return -(-pixels // size)

    mcus = units(width, 16) * units(height, 16)
    chroma = units(units(width, 2), 8) * units(units(height, 2), 8)
    head = segment(DQT, bytes([0] + [16] * 64))
    head += segment(0xC2, bytes([8]) + height.to_bytes(2, "big") + width.to_bytes(2, "big") +
                    bytes([3, 1, 0x22, 0, 2, 0x11, 0, 3, 0x11, 0]))
    head += segment(DHT, bytes([0x00, 1, *[0] * 15, 0]))
    head += segment(DHT, bytes([0x10, 1, 1, *[0] * 14, 0xE0, 0x00]))
    data = scan([1, 2, 3], 0, 0, "0" * (6 * mcus))
    for k in range(1, scans + 1):
        data += scan([1], k, k if k < scans else 63, all_zero(units(width, 8) * units(height, 8)))
    for component in (2, 3):
        data += scan([component], 1, 63, all_zero(chroma))
    return bytes([0xFF, SOI]) + head + data + bytes([0xFF, EOI])
