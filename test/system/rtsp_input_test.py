"""Cameras by RTSP: GStreamer's server and VLC's, with all that they ask for, and servers that mean no good."""

import random
import subprocess
import unittest
import urllib.parse

import jpeg
from overlay import (OTTD, TIMEOUT_S, Overlay, made_frames, run_of, wait_for_more_frames, wait_until,
                     what_lacks_for_namespaces)
from rtsp_servers import JPEG_START, GstCamera, ScriptedServer, VlcCamera, interleaved, make_film

PASSWORD = "p@ss/wörd"  # of rtsp_camera.py
USER = f"admin:{urllib.parse.quote(PASSWORD, safe='')}"


def stream_of(line: dict, name: str) -> dict:
    return next(stream for stream in line["streams"] if stream["name"] == name)


class Cameras(unittest.TestCase):
    """In a network namespace, where 127.0.0.1 has all ports free."""

    def setUp(self):
        lack = what_lacks_for_namespaces()
        if lack:
            self.skipTest(lack)
        self.net = Overlay("boot-r1", isolated=True)
        self.net.__enter__()
        self.addCleanup(self.net.end, show=True)
        self.film = self.net.folder / "film.avi"
        self.pictures = make_film(self.film)

    def camera(self, kind, port: int, *flags):
        camera = kind(self.net, self.film, port, *flags)
        self.addCleanup(camera.end)
        return camera

    def test_real_servers(self):
        """Every way that there is to a picture; three times the servers' patience with a client that says nothing.
        Whoever may not see a camera is told."""
        timeout_s, fps = 2, 25
        cameras = [self.camera(GstCamera, 8001, "--timeout", str(timeout_s)),
                   self.camera(GstCamera, 8002, "--auth", "basic"), self.camera(GstCamera, 8003, "--auth", "digest"),
                   self.camera(VlcCamera, 8004, "--rtsp-timeout", str(timeout_s))]
        for camera in cameras:
            camera.wait_until_ready()
        sources = {"tcp": "127.0.0.1:8001/cam", "udp": "127.0.0.1:8001/both?transport=udp",
                   "basic": f"{USER}@127.0.0.1:8002/cam", "digest": f"{USER}@localhost:8003/cam?transport=tcp",
                   "vlc": "127.0.0.1:8004/cam"}
        refused = {"wrong": "admin:geheim@127.0.0.1:8003/cam", "nobody": "127.0.0.1:8002/cam",
                   "missing": "127.0.0.1:8001/none",
                   "vlctcp": "127.0.0.1:8004/cam?transport=tcp"}
        boot = self.net.bootstrap("sound=rtsp://127.0.0.1:8001/sound",
                                  *(f"{name}=rtsp://{rest}" for name, rest in {**sources, **refused}.items()))
        guests = {name: self.net.guest(name, "boot", "--stream", name, "--frames", str(3 * timeout_s * fps))
                  for name in sources}
        for name in refused:
            self.net.guest(name, "boot", "--stream", name, dump=False)

        for name, guest in guests.items():
            with self.subTest(name):
                guest.wait_for_exit(0)
                run_of(guest.pictures(), self.pictures)
                self.assertEqual(len(boot.said(f"'{name}': its source is there: ")), 1)
                video = "udp/video" if name == "udp" else name
                self.assertEqual(stream_of(boot.wait_for_stats(), video)["frames_refused"], 0)
        for name, how in {"tcp": "interleaved", "udp": "UDP", "vlc": "UDP", "digest": "interleaved"}.items():
            self.assertTrue(boot.said(f"'{name}': its source is there: rtsp://.*, {how}$"))
        for name, why in {"wrong": "the server refuses the user or the password",
                          "nobody": "asks for a user and password: write USER:PASSWORD@",
                          "vlctcp": "it sends by UDP only",
                          "missing": "DESCRIBE is answered with 404 Not Found"}.items():
            boot.wait_for_log(f"'{name}': rtsp://.*{why}")
        listed = self.net.list_streams("--node", self.net.address["boot"])
        formats = {row["NAME"]: row["FORMAT"] for row in listed}
        # What is never set up is known only if VLC's server, which is busy with another client, has said it in time.
        self.assertIn(formats.pop("vlctcp"), ("video/JPEG", "-"))
        self.assertEqual(formats, {"udp/audio": "audio/PCMA/8000", "udp/video": "video/JPEG",
                                   "sound": "audio/PCMA/8000", **{name: "-" for name in refused if name != "vlctcp"},
                                   **{name: "video/JPEG" for name in sources if name != "udp"}})
        rows = str(listed)
        for secret in (PASSWORD, USER.split(":")[1], "geheim"):
            self.assertNotIn(secret, boot.log() + boot.stats_path.read_text() + rows)

    def test_a_camera_that_goes_and_returns(self):
        camera = self.camera(GstCamera, 8001).wait_until_ready()
        boot = self.net.bootstrap("tcp=rtsp://127.0.0.1:8001/cam", "udp=rtsp://127.0.0.1:8001/both?transport=udp")
        viewers = [self.net.guest(name, "boot", "--stream", name) for name in ("tcp", "udp")]
        wait_for_more_frames(viewers, 10)
        camera.kill()
        for viewer in viewers:
            boot.wait_for_log(f"'{viewer.name}': rtsp://.*trying again")
            boot.wait_for_log(f"'{viewer.name}(/video)?': no frame comes: its viewers are told")
        camera.start()
        wait_for_more_frames(viewers, 10)
        for viewer in viewers:
            boot.wait_for_log(f"'{viewer.name}(/video)?': frames come again")
            viewer.terminate()
            final = viewer.final()
            self.assertEqual([final[key] for key in ("frames_lost", "frames_duplicate")], [0, 0])

    def test_a_camera_is_let_go(self):
        """When nobody watches any more: the session is torn down, and begun anew for the next viewer."""
        self.camera(GstCamera, 8001).wait_until_ready()
        boot = self.net.bootstrap("cam=rtsp://127.0.0.1:8001/cam?linger=100ms")
        for count in (1, 2):
            self.net.guest(f"g{count}", "boot", "--frames", "5").wait_for_exit(0)
            self.assertEqual(len(boot.said("its source is there")), count)
            boot.wait(lambda: not self.connections_to(8001), "the connection is closed")
        self.assertFalse(boot.said("trying again"))

    def connections_to(self, port: int) -> str:
        return subprocess.run([*self.net.prefix, "ss", "-Htn", "state", "established", f"dport = {port}"], check=True,
                              capture_output=True, text=True).stdout


class OurServer(unittest.TestCase):
    def test_a_stream_goes_through_it_and_is_what_it_was(self):
        """From the origin to a node, from that by RTSP to the origin as another stream, of an odd size."""
        frames = made_frames(60, "325x181")
        pictures = [jpeg.picture(frame) for frame in frames]
        with Overlay("boot-r1") as net:
            (net.folder / "film.mjpeg").write_bytes(b"".join(frames))
            node = f"rtsp://{net.address['r1']}:8554/film"
            net.bootstrap("film=film.mjpeg?fps=25", f"tcp={node}", f"udp={node}?transport=udp")
            net.node("r1", "--rtsp", f"{net.address['r1']}:8554")
            guests = [net.guest(name, "r1", "--stream", name, "--frames", "50") for name in ("tcp", "udp")]
            for guest in guests:
                guest.wait_for_exit(0)
                run_of(guest.pictures(), pictures)


# ---- servers that mean no good: each a function of a connection, which ends with it -----------------------------

def rubbish(talk):
    talk.send(random.Random(1).randbytes(100_000))


def endless_headers(talk):
    talk.request()
    talk.send(b"RTSP/1.0 200 OK\r\n")
    while True:
        talk.send(b"X-More: and more\r\n" * 100)


def huge_description(talk):
    talk.answer()
    talk.answer(body="v=0\r\n" + "a=x\r\n" * 1_000_000)


def asks_and_reads_nothing(talk):
    while True:
        talk.send(b"OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n" * 1_000)


def closes_within_a_frame(talk):
    talk.play()
    talk.send(interleaved(JPEG_START + b"scan" * 300, 1))


def wrong_length(talk):
    talk.play()
    talk.send(b"$\0\xff\xff" + bytes(100_000))
    talk.wait_for_end()


def no_jpeg(talk):
    talk.play()
    noise = random.Random(2)
    for i in range(3_000):
        talk.send(interleaved(noise.randbytes(100), i % 65536, marker=True))


def silent(talk):
    talk.play()
    talk.wait_for_end()


def redirects_to_itself(talk):
    talk.answer()
    talk.answer("Location: /\r\n", status="302 Found")
    talk.wait_for_end()


def nonces_stale_at_once(talk):
    while True:
        talk.answer('WWW-Authenticate: Digest realm="r", nonce="n", stale=true\r\n', status="401 Unauthorized")


AGAIN_AND_AGAIN = [rubbish, endless_headers, huge_description, asks_and_reads_nothing, closes_within_a_frame,
                   wrong_length, no_jpeg]


class Hostile(unittest.TestCase):
    def test_they_cost_their_own_stream_alone(self):
        with Overlay("boot-r1") as net:
            servers = {behaviour.__name__: ScriptedServer(net.free_address(), behaviour)
                       for behaviour in (*AGAIN_AND_AGAIN, silent, redirects_to_itself, nonces_stale_at_once)}
            urls = {name: server.url.replace("://", "://me:geheim@") for name, server in servers.items()}
            boot = net.bootstrap("pattern=pattern:160x90@25", *(f"{name}={url}" for name, url in urls.items()))
            other = net.guest("other", "boot", "--stream", "pattern")
            for name in servers:
                net.guest(name, "boot", "--stream", name, dump=False)

            for behaviour in AGAIN_AND_AGAIN:
                server = servers[behaviour.__name__]
                wait_until(lambda: server.connections >= 3, f"{behaviour.__name__} is tried again")
                boot.wait_for_log(f"'{behaviour.__name__}': rtsp://.*trying again")
            wait_until(lambda: servers["silent"].connections >= 2, "the silent one is given up and tried again")
            boot.wait_for_log("'silent': rtsp://.*no packet within 10 s")
            # These would do the same at once: they are left alone for a while.
            boot.wait_for_log("'redirects_to_itself': rtsp://.*redirects again and again")
            self.assertEqual(servers["redirects_to_itself"].connections, 6)
            boot.wait_for_log("'nonces_stale_at_once': rtsp://.*refuses the user or the password")
            self.assertEqual(servers["nonces_stale_at_once"].connections, 1)

            wait_for_more_frames([other], 10)
            other.terminate()
            final = other.final()
            self.assertEqual([final[key] for key in ("frames_lost", "frames_skipped")], [0, 0])
            for name, server in servers.items():
                self.assertLess(len(boot.said(f"'{name}'")), 15)
                server.close()
            self.assertNotIn("geheim", boot.log() + boot.stats_path.read_text())


class Errors(unittest.TestCase):
    def test_what_is_no_camera_is_told(self):
        with Overlay("boot-r1") as net:
            for source, why in {"rtsps://me:geheim@cam/live": "there is no TLS for RTSP yet",
                                "rtsp://": "HOST", "rtsp://me:geheim@cam:0/": "HOST:PORT",
                                "rtsp://me:geheim/x@cam/": "%2F", "rtsp://cam/?transport=pigeon": "tcp",
                                "rtsp://me:geheim@cam/a b": "%20"}.items():
                with self.subTest(source):
                    done = subprocess.run([OTTD, "--role", "bootstrap", "--topology", net.write_topology(), "--id",
                                           net.address["boot"], "--stream", f"cam={source}"], capture_output=True,
                                          text=True, timeout=TIMEOUT_S)
                    self.assertEqual(done.returncode, 1)
                    self.assertIn(why, done.stderr)
                    self.assertNotIn("geheim", done.stdout + done.stderr)
