"""What is said, and with which status, when something is wrong."""

import errno
import json
import os
import pathlib
import socket
import subprocess
import threading
import unittest

from overlay import OTTD, Overlay, wait_for_more_frames, what_lacks_for_namespaces


def run(*arguments):
    return subprocess.run([OTTD, *map(str, arguments)], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=60)


class Usage(unittest.TestCase):
    """Status 2, nothing on standard output, and the message that says what is right."""

    def assert_usage(self, arguments, *words):
        with self.subTest(" ".join(arguments)):
            result = run(*arguments)
            self.assertEqual(result.returncode, 2, result.stderr)
            self.assertEqual(result.stdout, "")
            for word in words:
                self.assertIn(word, result.stderr)

    def test_wrong_usage(self):
        boot = ["--role", "bootstrap", "--topology", "t.json"]
        node = ["--role", "node", "--bootstrap", "127.0.0.1"]
        client = ["--role", "client"]
        self.assert_usage([], "--role is missing", "bootstrap", "node", "client")
        self.assert_usage(["--role", "x"], "--role x: no such role", "bootstrap", "node", "client")
        self.assert_usage(["--rule", "node"], "--rule", "--help")
        self.assert_usage([*client, "more"], "more")
        self.assert_usage(["--role"], "--role")
        self.assert_usage(["--role", "bootstrap"], "--topology FILE")
        self.assert_usage(["--role", "node"], "--bootstrap ADDRESS")
        for stream in ("cam", "=pattern:", "cam=", "http://10.0.0.77/video?channel=1", "-?fps=25",
                       "film.mjpeg?eof=end"):
            for role in (boot, node):
                self.assert_usage([*role, "--stream", stream], f"--stream {stream}: write NAME=SOURCE")
        self.assert_usage([*boot, "--stream", "a=pattern:", "--stream", "a=pattern:"], "two streams 'a'")
        many = [word for i in range(65) for word in ("--stream", f"s{i}=pattern:")]
        self.assert_usage([*boot, *many], "at most 64 streams")
        self.assert_usage([*boot, "--stream", "a=-", "--stream", "b=-"], "standard input")
        self.assert_usage([*client, "--stream", "a", "--stream", "b"], "one stream")
        self.assert_usage([*client, "--stream", "a=pattern:"], "NAME=SOURCE is for --role bootstrap or node")
        for asks in (["--list"], ["--top"], ["--why", "a"]):
            for flags in (["--frames", "3"], ["--stream", "a"], ["--dump", "d"], ["--http", "0"], ["--latest", "x.jpg"]):
                self.assert_usage([*client, *asks, *flags], f"{asks[0]} watches nothing", flags[0])
        for question in ("", "cam,", ",n1"):
            self.assert_usage([*client, "--why", question], "--why: STREAM or STREAM,NODE is asked for")
        for_clients = [["--frames", "1"], ["--duration", "1"], ["--list"], ["--node", "::1"]]
        for role, foreign in ((boot, [["--bootstrap", "::1"], *for_clients]),
                              (node, [["--topology", "t"], *for_clients]),
                              (client, [["--topology", "t"], ["--tree", "shared"]])):
            for flags in foreign:
                self.assert_usage([*role, *flags], f"{flags[0]} is not for --role {role[1]}")
        self.assert_usage([*boot, "--tree", "oak"], "--tree oak", "shortest", "shared")
        self.assert_usage([*client, "--node", "::1", "--bootstrap", "::1"], "--node and --bootstrap")
        for flag in ("--node", "--bootstrap", "--id"):
            self.assert_usage([*client, flag, "10.0.0.256"], flag, "10.0.0.256", "ADDRESS:PORT")
        self.assert_usage([*client, "--id", "10.0.0.1:70000"], "--id", "10.0.0.1:70000")
        for time in ("0", "-1", "soon", "3h", "1 s x"):
            self.assert_usage([*client, "--duration", time], "--duration", "500ms")
        for interval in ("1ms", "4ms", "61s", "2m"):
            self.assert_usage([*client, "--heartbeat", interval], f"--heartbeat {interval}", "5ms", "60s")
        self.assert_usage([*client, "--history", "61s"], "--history", "60s")
        for size in ("lots", "64X", "-1M", "64 M", ""):
            self.assert_usage([*client, "--memory", size], "--memory", "64M")
        for size in ("0", "1M", "1025G", "99999999999G"):
            self.assert_usage([*client, "--memory", size], "--memory", "4M", "1024G")
        for count in ("many", "-3", "-0", "0", "3.5", "1e3", "0x10", "18446744073709551616"):
            self.assert_usage([*client, f"--frames={count}"], f"--frames {count}: a count is a whole number")
        self.assert_usage(["--role", "bootstrap", "--topology", "t", "--placeholder", "cat"], "none, freeze and text")
        self.assert_usage([*client, "--log-level", "loud"], "--log-level loud", "debug, info, warning and error")

    def test_help_and_version(self):
        for flag, words in (("--help", ["--role", "--topology", "--stream", "--dump", "--stats"]),
                            ("--version", ["ottd"])):
            result = run(flag)
            self.assertEqual((result.returncode, result.stderr), (0, ""))
            for word in words:
                self.assertIn(word, result.stdout)


class TopologyFiles(unittest.TestCase):
    """Status 1, the place of the mistake, and nothing that listens."""

    def test_mistakes(self):
        me, other = "SELF", "OTHER"
        good = {me: {"neighbors": [other]}, other: {"neighbors": [me]}}
        cases = [
            ("", ":1:1: not JSON"),
            ("{\n  \"SELF\": {\n    neighbors: []\n  }\n}", ":3:5: not JSON"),
            (json.dumps(good)[:-1], "not JSON"),
            (json.dumps(good) + " x", "not JSON"),
            ("[]", "at the top: a topology is an object"),
            ("{}", "at the top: the topology has no nodes"),
            ({me: []}, "at /SELF: a node is an object"),
            ({me: {"neighbors": "OTHER"}}, "at /SELF/neighbors: neighbors are an array"),
            ({me: {"neighbors": [7]}}, "at /SELF/neighbors/0: a neighbour is"),
            ({me: {"neighbors": ["OTHER"]}}, "at /SELF/neighbors/0: neighbour OTHER of SELF is not a node"),
            ({me: {"neighbors": ["SELF"]}}, "at /SELF/neighbors/0: the node is its own neighbour"),
            ({**good, me: {"neighbors": [other, other]}}, "at /SELF/neighbors/1: OTHER is listed already"),
            ({**good, "127.0.0.300": {}}, "at /127.0.0.300: "),
            ({**good, "host": {}}, "at /host: "),
            ({**good, "0.0.0.0": {}}, "at /0.0.0.0: no node can listen"),
            ('{"SELF": {}, "SELF": {}}', "at /SELF: node SELF is there already"),
            ({me: {"neighbours": []}}, 'at /SELF/neighbours: the file format spells it "neighbors"'),
            ({me: {"speed": 1}}, "at /SELF/speed: unknown member"),
            ({me: {"name": 1}}, "at /SELF/name: a name is a string"),
            ({**good, me: {"neighbors": [{"id": other, "cost": 0}]}}, "at /SELF/neighbors/0/cost: a cost is an"),
            ({**good, me: {"neighbors": [{"id": other, "cost": 1.5}]}}, "at /SELF/neighbors/0/cost: "),
            ({**good, me: {"neighbors": [{"cost": 1}]}}, "at /SELF/neighbors/0: the neighbour's \"id\" is missing"),
            ('{"SELF": {"neighbors": [], "neighbors": []}}', "at /SELF/neighbors: the key is there twice"),
        ]
        with Overlay() as net:
            path = net.folder / "wrong.json"

            def here(text):
                return text.replace("SELF", net.address["boot"]).replace("OTHER", net.address["r1"])
            for content, message in cases:
                with self.subTest(content):
                    path.write_text(here(content if isinstance(content, str) else json.dumps(content)))
                    self.assert_refused(net, path, here(message), str(path))
            with self.subTest("no file"):
                self.assert_refused(net, net.folder / "none.json", f"cannot read {net.folder}/none.json",
                                    "No such file or directory")
            with self.subTest("a directory"):
                self.assert_refused(net, net.folder, f"cannot read {net.folder}")

    def assert_refused(self, net, path, *messages):
        result = run("--role", "bootstrap", "--topology", path, "--id", net.address["boot"],
                     "--stats", net.folder / "s", "--stream", "p=pattern:160x120")
        self.assertEqual(result.returncode, 2, result.stderr)
        self.assertEqual(result.stdout, "")
        self.assertNotIn("listening", result.stderr)
        self.assertFalse((net.folder / "s").exists())
        for message in messages:
            self.assertIn(message, result.stderr)

    def test_a_one_sided_listing_is_a_warning(self):
        with Overlay() as net:
            net.topology = lambda: {net.address["boot"]: {}, net.address["r1"]: {"neighbors": [net.address["boot"]]}}
            boot = net.bootstrap("p=pattern:160x120@30")
            line = boot.wait_for_log(r"warning.*they are linked both ways")[0]
            self.assertIn(f"{net.address['r1']} lists {net.address['boot']}", line)
            net.node("r1").wait_for_log("linked with")

    def test_the_bootstrapper_is_not_in_it(self):
        with Overlay() as net:
            path = net.write_topology()
            result = run("--role", "bootstrap", "--topology", path, "--id", net.free_address())
            self.assertEqual(result.returncode, 2)
            self.assertIn(f"--id {net.free_address()}: {path} has no such node", result.stderr)
            result = run("--role", "bootstrap", "--topology", path)
            self.assertEqual(result.returncode, 2)
            self.assertIn("say which node this is with --id", result.stderr)


class Sources(unittest.TestCase):
    def test_a_source_that_is_none(self):
        with Overlay() as net:
            (net.folder / "text").write_text("no picture\n")
            (net.folder / "empty").touch()
            (net.folder / "folder").mkdir()
            (net.folder / "short.mjpeg").write_bytes(b"\xFF\xD8\xFF\xE0\x00\x10JFIF")
            for source, *messages in (("none.mjpeg", "there is no 'none.mjpeg'"), ("text", "exec:ffmpeg -re -i text"),
                                      ("empty", "is empty"), ("folder", "holds no *.jpg"),
                                      ("short.mjpeg", "short.mjpeg"), ("pattern:0x0", "pattern:WIDTHxHEIGHT@FPS"),
                                      ("pattern:@1000", "1 to 240"),
                                      ("text?fps=x", "fps"), ("text?speed=2", "?fps=RATE"),
                                      ("text?eof=never", "wait"), ("-?eof=loop", "?eof=end"),
                                      ("srt://10.9.9.9:9000", "'NAME=exec:ffmpeg -i srt://10.9.9.9:9000 -c:v mjpeg"),
                                      ("/dev/video0", "'NAME=v4l2:/dev/video0'"),
                                      ("v4l2:/dev/video0?size=big", "WIDTHxHEIGHT"), ("exec: ", "there is no command"),
                                      ("fifo:text", "'text' is no fifo"), ("fifo:none", "mkfifo none"),
                                      ("pattern:?linger=soon", "?linger soon", "500ms"),
                                      ("http://10.9.9.9/v?poll=never", "http://10.9.9.9/v?poll=never", "500ms"),
                                      ("http:///v", "HOST"), ("http://10.9.9.9/v?insecure", "https://"),
                                      ("ftp://u:p@10.9.9.9/v", "'ftp://10.9.9.9/v'", "NAME=exec:ffmpeg -i ftp://10")):
                with self.subTest(source):
                    process = net.bootstrap(f"cam={source}", wait=False)
                    in_its_time = source.startswith(("exec:", "fifo:", "v4l2:", "http:", "-"))  # not ahead, as files
                    log = process.wait_for_exit(1 if in_its_time else 2)
                    for message in ["stream 'cam'", *messages]:
                        self.assertIn(message, log)

    def test_standard_input_from_a_file(self):
        with Overlay() as net:
            (net.folder / "film").write_bytes(b"")
            with open(net.folder / "film", "rb") as film:
                log = net.bootstrap("cam=-", stdin=film, wait=False).wait_for_exit(2)
            self.assertIn("name the file instead of -", log)


class Identities(unittest.TestCase):
    def test_two_bootstrappers(self):
        with Overlay() as net:
            net.bootstrap("p=pattern:160x120@30")
            second = net.start("second", ["--role", "bootstrap", "--topology", net.folder / "topology.json", "--id",
                                          net.address["boot"], "--stream", "p=pattern:160x120@30"])
            log = second.wait_for_exit(1)
            self.assertIn(f"cannot listen on {net.address['boot']} port 7000", log)
            self.assertIn(os.strerror(errno.EADDRINUSE), log)

    def test_a_second_bootstrapper_elsewhere(self):
        """The one that was there first stays, and is not disturbed: also where the two are no neighbours."""
        for name in ("r1", "c1"):
            with self.subTest(name), Overlay("boot-r1 r1-c1") as net:
                boot = net.bootstrap("p=pattern:160x120@30")
                second = net.start("second", ["--role", "bootstrap", "--topology", net.folder / "topology.json",
                                              "--id", net.address[name], "--stream", "p=pattern:160x120@30"])
                log = second.wait_for_exit(1)
                self.assertIn(f"{net.address['boot']} (boot) is a bootstrapper of this overlay, too, beside this "
                              f"process, {net.address[name]} ({name}), and was there before", log)
                self.assertIn(f"--role node --bootstrap {net.address['boot']}", log)
                net.guest("g1", "boot", "--frames", "5", dump=False).wait_for_exit(0)
                self.assertEqual(boot.said("warning|refused"), [])

    def test_something_else_has_the_nodes_port(self):
        with Overlay() as net, socket.create_server(net.socket_address("r1")):
            net.bootstrap("p=pattern:160x120@30")
            log = net.node("r1", wait=False).wait_for_exit(1)
            self.assertIn(f"cannot listen on {net.address['r1']} port 7000: {os.strerror(errno.EADDRINUSE)}", log)

    def test_two_nodes(self):
        """The bootstrapper refuses the second, and the first is not disturbed."""
        with Overlay("boot-r1 r1-c1") as net:
            boot = net.bootstrap("p=pattern:160x120@30")
            net.node("r1")
            client = net.client("c1")
            client.wait_for_frames(1)
            log = net.start("second", ["--role", "node", "--bootstrap", net.address["boot"], "--id",
                                       net.address["r1"]]).wait_for_exit(1)
            self.assertIn(f"refused by the bootstrapper: another process is {net.address['r1']} already", log)
            self.assertIn(f"the bootstrapper at {net.address['boot']}:7000 says: another process is", log)
            self.assertNotIn("no bootstrapper at", log)
            self.assertIn("--id", log)
            boot.wait_for_log(f"refused .*{net.address['r1']} .*is online already")
            wait_for_more_frames([client], 10)
            client.terminate()
            self.assertEqual((client.final()["frames_lost"], client.final()["frames_duplicate"]), (0, 0))
            self.assertEqual(len(client.said("linked with")), 1)

    def test_an_address_that_is_not_in_the_topology(self):
        with Overlay() as net:
            boot = net.bootstrap("p=pattern:160x120@30")
            log = net.start("stranger", ["--role", "node", "--bootstrap", net.address["boot"], "--id",
                                         net.free_address()]).wait_for_exit(1)
            self.assertIn(f"the topology has no node with the address {net.free_address()}", log)
            boot.wait_for_log("not in the topology")

    def test_an_address_that_this_host_has_not(self):
        with Overlay() as net:
            net.bootstrap("p=pattern:160x120@30")  # RFC 5737: 192.0.2.1 is nobody's
            log = net.start("stranger", ["--role", "node", "--bootstrap", net.address["boot"], "--id",
                                         "192.0.2.1"]).wait_for_exit(2)
            self.assertIn("--id 192.0.2.1: no interface of this host has this address", log)


class WrongPeers(unittest.TestCase):
    def node_of(self, net, name, address, *flags):
        return net.start(name, ["--role", "node", "--bootstrap", address, "--id", net.address["r1"], *flags])

    def test_nothing_listens(self):
        """Says so once, and keeps trying: as soon as the bootstrapper is there, all is well."""
        with Overlay() as net:
            early = net.node("r1", wait=False)
            line = early.wait_for_log("no bootstrapper at")[0]
            self.assertIn(f"{net.address['boot']}:7000", line)
            self.assertIn(os.strerror(errno.ECONNREFUSED), line)
            wrong = net.start("wrong", ["--role", "client", "--bootstrap", net.address["boot"] + ":7999"])
            self.assertIn(f"{net.address['boot']}:7999", wrong.wait_for_log("no bootstrapper at")[0])
            net.bootstrap("p=pattern:160x120@30")
            early.wait_for_log("linked with")
            self.assertEqual(len(early.said("no bootstrapper")), 1)
            self.assertEqual(len(wrong.said("no bootstrapper")), 1)

    def test_a_node_is_not_the_bootstrapper(self):
        with Overlay("boot-r1 r1-r2") as net:
            net.bootstrap("p=pattern:160x120@30")
            net.node("r1")
            for name, arguments in (("node", ["--role", "node", "--id", net.address["r2"]]),
                                    ("stranger", ["--role", "node", "--id", net.free_address()]),
                                    ("member", ["--role", "client", "--id", net.address["r2"]]),
                                    ("client", ["--role", "client"])):
                with self.subTest(name):
                    process = net.start(name, [*arguments, "--bootstrap", net.address["r1"]])
                    log = process.wait_for_exit(1)
                    self.assertIn(f"{net.address['r1']} is a node, not the bootstrapper", log)

    def test_something_that_is_not_ottd(self):
        """A server that greets with a banner. The node says once what it met there, and keeps trying."""
        with Overlay() as net, socket.create_server(net.socket_address("boot")) as server:
            node = self.node_of(net, "r1", net.address["boot"])
            greeted = []

            def greet():
                try:
                    for _ in range(3):
                        connection, _ = server.accept()
                        with connection:
                            connection.sendall(b"220 mail.example.org ESMTP ready\r\n")
                            connection.settimeout(10)
                            while connection.recv(4096):
                                pass
                        greeted.append(connection)
                except OSError:
                    pass
            threading.Thread(target=greet, daemon=True).start()
            node.wait_for_log("it is not ottd's protocol")
            self.assertIn(net.address["boot"], node.wait_for_log("no bootstrapper at")[0])
            node.wait(lambda: len(greeted) >= 2, "another try")
            self.assertEqual(len(node.said("no bootstrapper at")), 1)

    def test_no_node_on_this_host(self):
        lacks = what_lacks_for_namespaces()
        if lacks:
            self.skipTest(lacks)
        with Overlay(isolated=True) as net:
            log = net.start("client", ["--role", "client"]).wait_for_exit(1)
            for word in ("no node answers on this host", "127.0.0.1", "--bootstrap ADDRESS", "--node ADDRESS"):
                self.assertIn(word, log)

    def test_nobody_at_the_named_node(self):
        with Overlay() as net:
            client = net.guest("g1", "boot", "--frames", "1")
            self.assertIn(net.address["boot"], client.wait_for_log("no access node answers")[0])
            net.bootstrap("p=pattern:160x120@30")
            client.wait_for_exit(0)


class Output(unittest.TestCase):
    """Disks that are full and places where nothing can be written."""

    def test_full_disk_for_statistics(self):
        """It is told, once, and the stream goes on."""
        with Overlay() as net:
            net.bootstrap("p=pattern:160x120@30")
            client = net.guest("g1", "boot", "--stats", "/dev/full")
            line = client.wait_for_log("/dev/full")[0]
            self.assertIn(os.strerror(errno.ENOSPC), line)
            self.assertIn("no more statistics", line)
            wait_for_more_frames([client], 10)
            client.terminate()
            self.assertEqual(len(client.said("/dev/full")), 1)

    def test_full_disk_for_the_pipe(self):
        with Overlay() as net:
            net.bootstrap("p=pattern:160x120@30")
            with open("/dev/full", "wb") as full:
                client = net.guest("g1", "boot", "--dump", "-", dump=False, stdout=full)
                log = client.wait_for_exit(1)
            self.assertIn("cannot write to standard output: " + os.strerror(errno.ENOSPC), log)

    def test_full_disk_for_frames(self):
        lacks = what_lacks_for_namespaces("m")
        if lacks:
            self.skipTest(lacks)
        with Overlay() as net:
            net.bootstrap("p=pattern:320x180@60")
            disk = net.folder / "disk"
            disk.mkdir()
            unshare = ["unshare", "-m"] if os.geteuid() == 0 else ["unshare", "-rm"]
            net.prefix = [*unshare, "sh", "-c", 'mount -t tmpfs -o size=64k none "$0" && exec "$@"', str(disk)]
            client = net.guest("g1", "boot", "--dump", disk / "frames", dump=False)
            log = client.wait_for_exit(1)
            self.assertIn(f"cannot write '{disk}/frames/", log)
            self.assertIn(os.strerror(errno.ENOSPC), log)
            self.assertGreater(client.final()["frames_received"], 0)

    def test_unwritable_places(self):
        with Overlay() as net:
            net.bootstrap("p=pattern:160x120@30")
            (net.folder / "file").touch()
            os.mkfifo(net.folder / "fifo")
            for flags, *messages in ((["--stats", net.folder / "fifo"], "cannot write", "fifo", "nobody reads"),
                                     (["--dump", net.folder / "file"], "cannot make the directory", "file"),
                                     (["--dump", net.folder / "file" / "frames"], "cannot make the directory",
                                      os.strerror(errno.ENOTDIR)),
                                     (["--stats", net.folder / "none" / "stats"], "cannot write", "none/stats",
                                      os.strerror(errno.ENOENT))):
                with self.subTest(flags[0]):
                    log = net.guest("g1", "boot", *flags, dump=False).wait_for_exit(1)
                    for message in messages:
                        self.assertIn(message, log)
                    self.assertNotIn("attached", log)

    def test_a_dump_folder_that_goes_away(self):
        with Overlay() as net:
            net.bootstrap("p=pattern:160x120@30")
            client = net.guest("g1", "boot")
            client.wait_for_frames(1)
            client.dump.rename(pathlib.Path(f"{client.dump}.gone"))
            self.assertIn("cannot write '", client.wait_for_exit(1))


if __name__ == "__main__":
    unittest.main()
