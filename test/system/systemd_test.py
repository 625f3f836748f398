"""What systemd and a process have to say to each other: notifications, watchdog, passed sockets, the journal."""

import os
import re
import select
import signal
import socket
import subprocess
import time
import unittest

from config_test import ConfigFile, can_connect, get, reload
from overlay import OTTD, Overlay, wait_until

HTTP_PORT = 8080


class NotifySocket:
    """A real one, as systemd has it."""

    def __init__(self, net, abstract=False):
        self.name = f"@ottd-test/{net.range}notify" if abstract else str(net.folder / "notify")
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.name.replace("@", "\0", 1) if abstract else self.name)
        self.said = []  # (moment, line) of all but the watchdog's

    def environment(self, **more) -> list:
        return ["env", f"NOTIFY_SOCKET={self.name}", *(f"{name}={value}" for name, value in more.items())]

    def receive(self, timeout_s: float) -> list:
        """The lines of the next message; none if there is none in time."""
        ready, _, _ = select.select([self.socket], [], [], timeout_s)
        if not ready:
            return []
        lines = self.socket.recv(4096).decode().split("\n")
        self.said += [line for line in lines if line != "WATCHDOG=1"]
        return lines

    def wait_for(self, pattern: str) -> str:
        """The first line that matches, from now on."""
        deadline = time.monotonic() + 40
        while time.monotonic() < deadline:
            for line in self.receive(1):
                if re.fullmatch(pattern, line):
                    return line
        raise AssertionError(f"{pattern} was not said, but {self.said}")

    def close(self):
        self.socket.close()


class Notifications(unittest.TestCase):
    def notify_socket(self, net, abstract=False):
        notify = NotifySocket(net, abstract)
        self.addCleanup(notify.close)
        return notify

    def boot_flags(self, net):
        return ["--role", "bootstrap", "--topology", net.write_topology(), "--id", net.address["boot"]]

    def test_ready_when_it_listens_and_stopping_when_it_ends(self):
        for abstract in (False, True):
            with self.subTest(abstract=abstract), Overlay() as net:
                notify = self.notify_socket(net, abstract)
                boot = net.start("boot", [*self.boot_flags(net), "--http", f"{net.address['boot']}:{HTTP_PORT}"],
                                 prefix=notify.environment())
                notify.wait_for("READY=1")
                self.assertTrue(can_connect(net.address["boot"], 7000))
                self.assertTrue(can_connect(net.address["boot"], HTTP_PORT))
                self.assertIn(f"STATUS=up, as {net.address['boot']} (boot)", notify.said)
                boot.terminate()
                notify.wait_for("STOPPING=1")
                self.assertEqual(notify.receive(0), [])

    def test_a_relay_is_up_when_it_is_linked_or_waits_for_others(self):
        with Overlay() as net:
            notify = self.notify_socket(net)
            r1 = net.start("r1", ["--role", "node", "--bootstrap", net.address["boot"], "--id", net.address["r1"]],
                           prefix=notify.environment())
            status = notify.wait_for("STATUS=.*")
            self.assertIn(net.address["boot"], status)  # which is not there
            notify.wait_for("READY=1")
            net.bootstrap("p=pattern:160x120@30")
            notify.wait_for(r"STATUS=up, as .*")
            r1.terminate()
            notify.wait_for("STOPPING=1")
            self.assertEqual(notify.said.count("READY=1"), 1)

    def test_reloading(self):
        with Overlay() as net:
            notify = self.notify_socket(net)
            config = ConfigFile(net, role="bootstrap", topology=net.write_topology(), id=net.address["boot"])
            boot = net.start("boot", ["--config", config.path], prefix=notify.environment())
            notify.wait_for("READY=1")
            for values in (dict(stream=["a=pattern:"]), dict(stream=["a"])):  # and a wrong one
                config.write(**values)
                before = time.monotonic_ns() // 1000
                boot.send(signal.SIGHUP)
                notify.wait_for("RELOADING=1")
                when = notify.said[notify.said.index("RELOADING=1", len(notify.said) - 2) + 1]
                self.assertRegex(when, "^MONOTONIC_USEC=[0-9]+$")
                self.assertTrue(before <= int(when.split("=")[1]) <= time.monotonic_ns() // 1000, when)
                notify.wait_for("READY=1")
            self.assertEqual([line for line in notify.said if line in ("READY=1", "RELOADING=1")],
                             ["READY=1", "RELOADING=1", "READY=1", "RELOADING=1", "READY=1"])

    def test_the_watchdog_is_fed_twice_in_its_time_by_a_process_that_runs(self):
        with Overlay() as net:
            notify = self.notify_socket(net)
            boot = net.start("boot", self.boot_flags(net), prefix=notify.environment(WATCHDOG_USEC=200_000))
            for _ in range(10):
                notify.wait_for("WATCHDOG=1")
            boot.send(signal.SIGSTOP)
            while notify.receive(2):  # what was on its way
                pass
            boot.send(signal.SIGCONT)
            notify.wait_for("WATCHDOG=1")
            # One that is for another process is not ours to feed.
            other = net.start("other", ["--role", "client", "--node", net.address["boot"], "--frames", "30", "--dump", "f"],
                              prefix=[*notify.environment(WATCHDOG_USEC=2_000), "WATCHDOG_PID=1"])
            boot.kill()
            other.kill()

    def test_children_do_not_speak_for_it(self):
        with Overlay() as net:
            notify = self.notify_socket(net)
            seen = net.folder / "environment"
            net.start("boot", [*self.boot_flags(net), "--stream", f"e=exec:env > {seen}.new; mv {seen}.new {seen}; cat"],
                      prefix=[*notify.environment(WATCHDOG_USEC=10_000_000), "LISTEN_FDS=1", "LISTEN_PID=1"])
            notify.wait_for("READY=1")
            net.guest("g1", "boot", dump=False)
            wait_until(seen.exists, "what a child has for its environment")
            self.assertNotRegex(seen.read_text(), "NOTIFY_SOCKET|WATCHDOG|LISTEN_")

    def test_a_place_that_is_none_is_said_and_no_reason_to_end(self):
        with Overlay() as net:
            for name, why in (("vsock:2:1", "neither a path nor an abstract name"), ("/nowhere/notify", "No such file")):
                boot = net.start("boot", self.boot_flags(net), prefix=["env", f"NOTIFY_SOCKET={name}"])
                boot.wait_for_log(f"warning .*{why}")
                boot.wait_for_log("listening on")
                boot.terminate()


class Sockets(unittest.TestCase):
    """Passed ones: by a parent as systemd does it, and by systemd's own tool."""

    def listening(self, address, port=HTTP_PORT):
        listener = socket.socket()
        self.addCleanup(listener.close)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((address, port))
        listener.listen()
        return listener

    def boot(self, net, sockets, *flags, names=None, count=None, pid="$$"):
        """A bootstrapper with these from descriptor 3 on."""
        redirections = " ".join(f"{3 + i}<&{each.fileno()}" for i, each in enumerate(sockets))
        variables = f"LISTEN_FDS={len(sockets) if count is None else count} LISTEN_PID={pid}"
        if names is not None:
            variables += f" LISTEN_FDNAMES={names}"
        # The descriptors that are read from must be none of those that are made.
        assert all(each.fileno() > 3 + len(sockets) for each in sockets)
        script = f'export {variables}; exec "$@" {redirections}'
        return net.start("boot", ["--role", "bootstrap", "--topology", net.write_topology(), "--id", net.address["boot"],
                                  "--stream", "p=pattern:160x120@30", *flags], prefix=["bash", "-c", script, "bash"],
                         pass_fds=[each.fileno() for each in sockets])

    def moved(self, listener):
        """The same socket by a descriptor that is high enough."""
        import fcntl
        moved = socket.socket(fileno=fcntl.fcntl(listener.fileno(), fcntl.F_DUPFD, 50))
        self.addCleanup(moved.close)
        return moved

    def test_one_that_is_called_http_serves_whatever_the_flag_says(self):
        with Overlay() as net:
            listener = self.moved(self.listening(net.address["boot"]))
            boot = self.boot(net, [listener], "--http", "127.0.0.1:1", names="http")
            boot.wait_for_log(f"http: the streams are shown at http://{net.address['boot']}:{HTTP_PORT}/")
            self.assertEqual(get(net.address["boot"])[0], 200)
            self.assertEqual(boot.said("warning"), [])

    def test_one_that_listens_where_the_flag_says(self):
        with Overlay() as net:
            address = net.address["boot"]
            sockets = [self.moved(self.listening(address, 8082)), self.moved(self.listening(address))]
            boot = self.boot(net, sockets, "--http", f"{address}:{HTTP_PORT}", names="a.socket:b.socket")
            boot.wait_for_log("listening on")
            self.assertEqual(get(address)[0], 200)
            boot.wait_for_log(rf"warning .*nothing here serves port 8082 of {address}, whose socket was passed as 'a.socket'")

    def test_it_stays_when_the_outlet_changes_goes_and_comes_back(self):
        with Overlay() as net:
            address = net.address["boot"]
            listener = self.moved(self.listening(address))
            config = ConfigFile(net, http=f"{address}:{HTTP_PORT}")
            boot = self.boot(net, [listener], "--config", config.path)
            self.assertEqual(get(address)[0], 200)
            config.write(http_cors="*")
            self.assertIn("begins anew", reload(boot))
            self.assertEqual(get(address)[0], 200)
            config.write(http=None, http_cors=None)
            self.assertIn("http removed", reload(boot))
            with socket.create_connection((address, HTTP_PORT), 30) as waiting:  # in the socket's backlog
                config.write(http=f"{address}:{HTTP_PORT}")
                self.assertIn("added", reload(boot))
                waiting.sendall(b"GET / HTTP/1.0\r\n\r\n")
                self.assertTrue(waiting.recv(100).startswith(b"HTTP/1.1 200 "))

    def test_wrong_ones_are_named_and_the_address_is_opened(self):
        with Overlay() as net:
            address = net.address["boot"]
            datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            self.addCleanup(datagrams.close)
            boot = self.boot(net, [self.moved(datagrams)], "--http", f"{address}:{HTTP_PORT}", names="http", count=2)
            boot.wait_for_log(r"warning .*descriptor 3 \('http'\), which was passed, is no TCP socket that listens")
            boot.wait_for_log(r"warning .*descriptor 4 \(''\), which was passed, is not open")
            self.assertEqual(get(address)[0], 200)

    def test_those_of_another_process_are_left_alone(self):
        with Overlay() as net:
            listener = self.moved(self.listening(net.address["boot"]))
            boot = self.boot(net, [listener], "--http", f"{net.address['boot']}:8083", names="http", pid="1")
            boot.wait_for_log("listening on")
            self.assertEqual(get(net.address["boot"], port=8083)[0], 200)
            self.assertEqual(boot.said("warning"), [])

    def test_systemd_starts_it_for_the_first_who_connects(self):
        with Overlay() as net:
            address = net.address["boot"]
            activate = subprocess.Popen(
                ["systemd-socket-activate", "--listen", f"{address}:{HTTP_PORT}", "--fdname=http", OTTD, "--role",
                 "bootstrap", "--topology", str(net.write_topology()), "--id", address, "--http", "1"],
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            try:
                wait_until(lambda: can_connect(address), "a socket of systemd's")
                self.assertEqual(get(address)[0], 200)
            finally:
                activate.terminate()  # it has become the program
                self.assertEqual(activate.wait(40), 0)


class Journal(unittest.TestCase):
    def lines(self, net, journal: bool, *flags) -> list:
        """What a process that cannot go on says, to what may be the journal."""
        path = net.folder / "journal"
        with open(path, "wb") as log:
            status = os.fstat(log.fileno())
            stream = f"{status.st_dev}:{status.st_ino + (0 if journal else 1)}"
            subprocess.run([OTTD, *flags], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=log, timeout=60,
                           env=dict(os.environ, JOURNAL_STREAM=stream))
        return path.read_text().splitlines()

    def test_lines_have_priorities_in_the_journal_and_nowhere_else(self):
        with Overlay() as net:
            boot = net.bootstrap("p=pattern:160x120@30")
            watch = ["--role", "client", "--node", net.address["boot"], "--frames", "5", "--log-level", "debug"]
            for flags, line in ((watch, r"<[67]>\d{4}-.*"), ([*watch, "--log-format", "json"], r"<[67]>\{.*\}")):
                lines = self.lines(net, True, *flags)
                self.assertTrue(lines)
                for each in lines:
                    self.assertRegex(each, f"^{line}$")
                self.assertNotIn("<", "".join(each[0] for each in self.lines(net, False, *flags)))
            self.assertTrue(self.lines(net, True, "--role", "x")[0].startswith("<3>ottd: --role x: no such role"))
            boot.terminate()
            lines = self.lines(net, True, "--role", "client", "--node", net.address["boot"], "--list", "--duration", "1")
            self.assertTrue(any(re.match("<4>.* warning ", line) for line in lines), lines)
            self.assertRegex(lines[-1], "^<3>.* error ")


if __name__ == "__main__":
    unittest.main()
