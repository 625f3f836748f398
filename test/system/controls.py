"""The other end of --control, for tests."""

import json
import pathlib
import socket

from overlay import wait_until


class Control:
    """A connection to a process's socket."""

    def __init__(self, path: pathlib.Path, timeout_s: float = 20):
        def connected():
            connection = socket.socket(socket.AF_UNIX)
            connection.settimeout(timeout_s)
            try:
                connection.connect(str(path))
            except (FileNotFoundError, ConnectionRefusedError):
                connection.close()
                return None
            return connection
        self.socket = wait_until(connected, f"a socket at {path}")
        self.lines = self.socket.makefile("r", encoding="utf-8")

    def ask(self, line: str) -> dict:
        self.socket.sendall(line.encode() + b"\n")
        answer = self.lines.readline()
        assert answer, f"no answer to {line!r}: the connection is closed"
        return json.loads(answer)

    def do(self, line: str) -> dict:
        """What must be possible."""
        answer = self.ask(line)
        assert answer["ok"], f"{line}: {answer}"
        return answer

    def refused(self, line: str) -> str:
        """Why the line is refused."""
        answer = self.ask(line)
        assert not answer["ok"], f"{line} is not refused: {answer}"
        return answer["error"]

    def frames(self) -> int:
        return self.do("status")["frames_received"]

    def wait_for_frames(self, count: int) -> None:
        """Until so many more have come."""
        until = self.frames() + count
        wait_until(lambda: self.frames() >= until, f"{count} more frames")

    def close(self) -> None:
        self.lines.close()
        self.socket.close()
