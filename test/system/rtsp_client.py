"""A player of RTSP (RFC 2326) for the tests: says what it is told to, and counts what comes."""

import re
import socket

from overlay import TIMEOUT_S

TCP = "RTP/AVP/TCP;unicast;interleaved=0-1"


class Player:
    def __init__(self, host: str, port: int, stream: str = "film", timeout_s: float = TIMEOUT_S):
        self.url = f"rtsp://{host}:{port}/{stream}"
        self.socket = socket.create_connection((host, port), timeout_s)
        self.buffer = bytearray()
        self.cseq = 0
        self.session = ""
        self.packets = []  # (channel, packet) that came before a response

    def close(self) -> None:
        self.socket.close()

    # Requests.

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def ask(self, method: str, *headers: str, url: str = "") -> None:
        self.cseq += 1
        lines = [f"{method} {url or self.url} RTSP/1.0", f"CSeq: {self.cseq}", *headers]
        if self.session:
            lines.append(f"Session: {self.session}")
        self.send(("\r\n".join(lines) + "\r\n\r\n").encode())

    def request(self, method: str, *headers: str, url: str = ""):
        """(status, headers in lower case, body)"""
        self.ask(method, *headers, url=url)
        return self.response()

    def set_up(self, transport: str = TCP):
        answer = self.request("SETUP", f"Transport: {transport}", url=f"{self.url}/trackID=0")
        if answer[0] == 200:
            self.session = answer[1]["session"].split(";")[0]
        return answer

    def play(self, transport: str = TCP) -> None:
        status, _, body = self.set_up(transport)
        assert status == 200, f"SETUP: {status} {body}"
        status, _, body = self.request("PLAY", "Range: npt=0.000-")
        assert status == 200, f"PLAY: {status} {body}"

    # What comes.

    def _more(self) -> bool:
        data = self.socket.recv(1 << 16)
        self.buffer += data
        return bool(data)

    def _packet(self):
        """The interleaved packet at the start of the buffer; None if that is none, or not whole."""
        if self.buffer[:1] != b"$" or len(self.buffer) < 4:
            return None
        end = 4 + int.from_bytes(self.buffer[2:4], "big")
        if len(self.buffer) < end:
            return None
        packet = self.buffer[1], bytes(self.buffer[4:end])
        del self.buffer[:end]
        return packet

    def response(self):
        while True:
            if packet := self._packet():
                self.packets.append(packet)
                continue
            head, found, rest = self.buffer.partition(b"\r\n\r\n")
            if self.buffer[:1] != b"$" and found:
                status, *lines = head.decode().split("\r\n")
                headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
                length = int(headers.get("content-length", 0))
                if len(rest) >= length:
                    self.buffer = bytearray(rest[length:])
                    return int(re.match(r"RTSP/1\.0 (\d+)", status)[1]), headers, rest[:length].decode()
            assert self._more(), "the server has closed the connection"

    def frames(self, count: int) -> list:
        """The entropy-coded data of the next `count` whole frames: no frame begun may lack a packet."""
        done, scan, begun = [], b"", False
        while len(done) < count:
            channel, packet = self.packets.pop(0) if self.packets else (self._packet() or (None, b""))
            if channel is None:
                assert self._more(), "the server has closed the connection"
            elif channel == 0:
                header, scan_part, offset = split(packet)
                begun = begun or offset == 0
                assert not begun or offset == len(scan), f"a packet at {offset} after {len(scan)} bytes"
                scan += scan_part
                if header[1] & 0x80:
                    done.append(scan)
                    scan, begun = b"", False
        return done

    def rest(self) -> list:
        """All interleaved packets until the server closes the connection, which it does between two."""
        packets = self.packets
        while True:
            while packet := self._packet():
                packets.append(packet)
            if not self._more():
                assert not self.buffer, f"the connection ends within a packet: {bytes(self.buffer[:40])}"
                return packets

    def is_closed(self) -> bool:
        """True once the server has closed the connection, whatever comes before that."""
        try:
            while self._more():
                self.buffer.clear()
        except ConnectionError:
            pass
        return True


def split(packet: bytes):
    """(the RTP header, the scan's bytes, their offset) of a packet of RFC 2435 without restart intervals."""
    at = 12 + 4 * (packet[0] & 15)
    if packet[0] & 0x10:
        at += 4 + 4 * int.from_bytes(packet[at + 2:at + 4], "big")
    offset, q = int.from_bytes(packet[at + 1:at + 4], "big"), packet[at + 5]
    at += 8
    if q >= 128 and offset == 0:
        at += 4 + int.from_bytes(packet[at + 2:at + 4], "big")
    return packet[:12], packet[at:], offset
