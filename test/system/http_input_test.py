"""Cameras that are asked by HTTP: those that real ones are like, and those that break, lie, or wish us ill."""

import os
import pathlib
import re
import shutil
import signal
import subprocess
import unittest
import urllib.parse

import jpeg
from odd_camera import PASSWORD, STREAMS, USER, OddCamera
from overlay import Overlay, _die_with_parent, made_frames, run_of, wait_for_more_frames

WHO = f"{USER}:{urllib.parse.quote(PASSWORD, safe='')}@"


class Case(unittest.TestCase):
    def setUp(self):
        self.frames = made_frames(60)
        self.pictures = [jpeg.picture(frame) for frame in self.frames]
        self.net = Overlay("boot-r1 boot-r2")
        self.net.__enter__()
        self.addCleanup(self.net.end, show=True)
        self.camera = self.open_camera(201)
        self.boot = None

    def tearDown(self):
        for process in self.net.processes:
            self.assertNotIn(PASSWORD, process.log() + process.output())
            self.assertNotIn(urllib.parse.quote(PASSWORD, safe=""), process.log() + process.output())

    def open_camera(self, number: int, **options) -> OddCamera:
        camera = OddCamera(self.net.free_address(number), self.frames, **options)
        camera.open()
        self.addCleanup(camera.close)
        return camera

    def serve(self, **urls):
        """A bootstrapper with these streams, and a guest of each."""
        self.boot = self.net.bootstrap(*(f"{name}={url}" for name, url in urls.items()))

    def watch(self, name: str, frames: int, dump=True):
        return self.net.guest(f"g-{name}", "boot", "--stream", name, "--frames", str(frames), dump=dump)

    def check(self, guest) -> None:
        """It saw the source's pictures, one after the other, pixel by pixel."""
        guest.wait_for_exit(0)
        run_of(guest.pictures(), self.pictures)

    def refused(self) -> dict:
        """How many frames of each stream were refused."""
        return {stream["name"]: stream["frames_refused"] for stream in self.boot.wait_for_stats()["streams"]}


class OddCameras(Case):
    # What streams are like.

    def test_every_way_of_a_stream(self):
        self.serve(**{name: self.camera.url(name) for name in STREAMS})
        guests = {name: self.watch(name, 12) for name in STREAMS}
        for name, guest in guests.items():
            with self.subTest(name):
                self.check(guest)
        self.assertEqual({name for name, count in self.refused().items() if count}, {"text-parts"})
        warnings = self.boot.said("warning")
        self.assertTrue(all("a part of type text/plain that is no JPEG" in line for line in warnings), warnings)
        self.boot.wait_for_log("stream 'text-parts': .*a part of type text/plain that is no JPEG")

    def test_a_picture_that_comes_slowly_and_a_change_of_size(self):
        self.camera.other_pictures = made_frames(20, "160x120")
        self.serve(slow=self.camera.url("slow"), sizes=self.camera.url("changes-size"))
        slow, sizes = self.watch("slow", 5), self.watch("sizes", 40)
        self.check(slow)
        sizes.wait_for_exit(0)
        others = {jpeg.picture(frame) for frame in self.camera.other_pictures}
        self.assertTrue(set(sizes.pictures()) & others)
        self.assertEqual(sizes.final()["frames_lost"], 0)

    # Those that go and come.

    def test_streams_that_end_go_on(self):
        """Viewers stay, and their frame numbers rise. A torn picture is not shown."""
        self.serve(closes=self.camera.url("closes"), torn=self.camera.url("closes-in-a-picture"),
                   silent=self.camera.url("falls-silent?timeout=500ms"))
        guests = [self.watch("closes", 45), self.watch("torn", 25), self.watch("silent", 45)]
        for guest in guests:
            self.check(guest)
            self.assertEqual(guest.final()["frames_lost"], 0)
        self.boot.wait_for_log("stream 'closes': .*/closes: it has ended the stream after 20 pictures; trying again")
        self.boot.wait_for_log("stream 'torn': .*: the frame is cut off after")
        self.boot.wait_for_log("stream 'silent': .*/falls-silent: nothing has come for 0.5 s; trying again")
        self.boot.wait_for_log("stream 'silent': its source is there again")
        self.assertGreater(self.refused()["torn"], 0)

    def test_a_camera_that_is_switched_off_and_on(self):
        self.serve(cam=self.camera.url("plain"))
        guest = self.net.guest("g", "boot", "--stream", "cam")
        guest.wait_for_frames(10)
        self.camera.close()
        self.boot.wait_for_log("cam': .*/plain: .*; trying again")
        self.boot.wait_for_log("no frame comes: its viewers are told that it is stalled")
        before = guest.frame_count()
        self.camera.open()
        guest.wait_for_frames(before + 20)
        run_of(guest.pictures()[-20:], self.pictures)
        self.boot.wait_for_log("stream 'cam': its source is there again: http://.*/plain: multipart")

    def test_a_camera_works_only_while_it_is_watched(self):
        self.serve(cam=self.camera.url("plain?linger=500ms"))
        self.boot.wait_for_stats()
        self.assertEqual(self.camera.requests, [])
        self.check(self.watch("cam", 5))
        self.boot.wait(lambda: not self.connections(), "that the camera is let go")
        self.assertEqual(len(self.camera.requests), 1)

    def test_a_camera_is_kept_while_its_viewers_are_cut_off_for_a_moment(self):
        self.serve(cam=self.camera.url("plain"))
        relay = self.net.node("r1")
        guest = self.net.guest("g", "r1", "--stream", "cam")
        guest.wait_for_frames(10)
        relay.send(signal.SIGSTOP)
        self.boot.wait_for_log("watches, but cannot be reached")
        relay.send(signal.SIGCONT)
        guest.wait_for_frames(guest.frame_count() + 50)
        self.assertEqual(len(self.camera.requests), 1)

    def connections(self) -> str:
        """Those of this process to the camera."""
        return subprocess.run(["ss", "-Htnp", "state", "established", "dst", f"{self.camera.address}"],
                              capture_output=True, text=True, check=True).stdout

    # Single pictures.

    def test_single_pictures_are_polled(self):
        """Those of a camera that says when nothing is new, too: its viewers get a picture a second."""
        self.serve(each=self.camera.url("picture?poll=100ms"), asked=self.camera.url("picture-with-etag?poll=100ms"))
        guests = [self.watch("each", 8), self.watch("asked", 3)]
        self.check(guests[0])
        guests[1].wait_for_exit(0)
        self.assertEqual(guests[1].pictures(), [self.pictures[0]] * 3)
        asked = self.camera.seen("picture-with-etag")
        self.assertNotIn("if-none-match", asked[0].headers)
        self.assertTrue(all(request.headers["if-none-match"] == '"one"' for request in asked[1:]))
        self.assertGreater(len(asked), 9)
        self.boot.wait_for_log("'each': its source is there: .*/picture: single pictures, asked for each 0.1 s")

    def test_a_single_picture_that_nobody_said_was_one(self):
        self.serve(cam=self.camera.url("picture"))
        self.check(self.watch("cam", 3))
        self.boot.wait_for_log("single pictures, asked for each 1 s")

    # Who asks.

    def test_users_and_passwords(self):
        names = ("basic", "digest", "digest-sha")
        self.serve(**{name: self.camera.url(name, user=WHO) for name in names})
        for guest in [self.watch(name, 5) for name in names]:
            self.check(guest)
        given = [request.headers.get("authorization", "") for request in self.camera.requests]
        self.assertTrue(any(value.startswith("Basic ") for value in given))
        self.assertTrue(any("SHA-256" in value for value in given))

    def test_a_redirect_is_followed_and_the_password_stays(self):
        other = self.open_camera(202)
        self.camera.elsewhere = other.url("plain")
        self.serve(here=self.camera.url("redirect"), there=self.camera.url("redirect-elsewhere", user=WHO))
        for guest in [self.watch("here", 5), self.watch("there", 5)]:
            self.check(guest)
        self.assertIn("authorization", self.camera.seen("redirect-elsewhere")[-1].headers)
        self.assertEqual([request.path for request in other.requests], ["/plain"])
        self.assertNotIn("authorization", other.requests[0].headers)

    def test_a_certificate_is_verified_unless_asked(self):
        key = self.net.folder / "key.pem"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=camera",
                        "-keyout", key, "-out", self.net.folder / "certificate.pem"], check=True, capture_output=True)
        with open(key, "ab") as both:
            both.write((self.net.folder / "certificate.pem").read_bytes())
        camera = self.open_camera(203, tls=key)
        self.serve(good=camera.url("plain?insecure", "https"), bad=camera.url("plain", "https"))
        bad = self.watch("bad", 1)
        self.check(self.watch("good", 5))
        self.boot.wait_for_log(r"'good': its source is there: .*its certificate is not verified \(\?insecure\)")
        self.boot.wait_for_log("'bad': https://.*/plain: .*certificate.*?insecure")
        self.assertEqual(bad.frame_count(), 0)
        self.assertTrue(all(request.query == "" for request in camera.requests))

    # What is no stream, or wishes us ill.

    def test_what_is_no_stream_is_told(self):
        gone = self.open_camera(204)
        gone.close()
        said = {"page": r"it answers with a page \(text/html\), not with pictures",
                "film": "video/mp4 that are neither JPEGs nor multipart; ffmpeg may read it",
                "nothing": "it answers 404 Not Found: is the path right",
                "basic": "it answers 401 Unauthorized: it wants a user and password",
                "redirect-loop": "redirects",
                "redirect-to-file": "file.* not supported or disabled"}
        urls = {name: self.camera.url(name) for name in said}
        urls |= {"wrong": self.camera.url("digest", user=f"{USER}:{PASSWORD[::-1].replace('@', '%40')}@"),
                 "gone": gone.url("plain"), "secret": self.camera.url("nothing?channel=1&pwd=hush")}
        said |= {"wrong": "it answers 401 Unauthorized: are user and password right",
                 "gone": r"\(Connection refused\)", "secret": r"nothing\?channel=1&pwd=\*\*\*: it answers 404"}
        self.serve(**urls)
        for name in said:
            self.watch(name, 1, dump=False)
        for name, words in said.items():
            with self.subTest(name):
                self.boot.wait_for_log(f"'{name}': http://.*{words}.*; trying again")
        self.assertLess(len(self.camera.seen("redirect-loop")), 30)
        self.assertIn("pwd=hush", self.camera.seen("nothing")[-1].query + self.camera.seen("nothing")[0].query)
        self.assertNotIn("hush", self.boot.log())
        warnings = self.boot.said("warning")
        self.assertLess(len(warnings), 4 * len(said))

    def test_answers_without_end_cost_one_stream(self):
        """And no memory: the stream beside them goes on."""
        self.serve(good=self.camera.url("plain"), head=self.camera.url("endless-head"),
                   part=self.camera.url("endless-part-head?timeout=500ms"), huge=self.camera.url("huge-part"))
        for name in ("head", "part", "huge"):
            self.watch(name, 1, dump=False)
        self.boot.wait_for_log("'head': .*: its answer's head has more than 64 KiB; trying again")
        self.boot.wait_for_log("'part': .*: a part's head of more than 64 KiB")
        self.boot.wait_for_log("'huge': .*: a frame of more than 16 MiB")
        self.boot.wait_for_log("'part': .*: bytes come, but no whole picture within 3 s; trying again")
        self.check(self.watch("good", 30))
        status = pathlib.Path(f"/proc/{self.boot.popen.pid}/status").read_text()
        self.assertLess(int(re.search(r"VmHWM:\s+(\d+)", status)[1]), 250_000, "KiB of memory, at most")


class RealCameras(Case):
    """The programs that people have, as servers of MJPEG over HTTP."""

    def setUp(self):
        super().setUp()
        self.address = self.net.free_address(205)
        self.folder = self.net.folder / "film"
        self.folder.mkdir()
        for i, frame in enumerate(self.frames):
            (self.folder / f"{i:05}.jpg").write_bytes(frame)
        (self.folder / "film.mjpeg").write_bytes(b"".join(self.frames))
        self.folder.parent.chmod(0o755)  # for one that is nobody

    def start_camera(self, *command: str, **options) -> subprocess.Popen:
        self.log = self.net.folder / "camera.log"
        with open(self.log, "ab") as log:
            process = subprocess.Popen(command, cwd=self.folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                       preexec_fn=_die_with_parent, **options)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process

    def see(self, path: str, frames: int = 12, ordered: bool = True) -> list:
        """Pictures of the film, pixel by pixel. The camera need not be there yet."""
        self.serve(cam=f"http://{self.address}:8080/{path}")
        guest = self.watch("cam", frames)
        guest.wait_for_exit(0)
        pictures = guest.pictures()
        self.assertLessEqual(set(pictures), set(self.pictures))
        if ordered:
            run_of(pictures, self.pictures)
        return pictures

    def test_ffmpeg_which_goes_and_comes(self):
        command = ("ffmpeg", "-loglevel", "error", "-re", "-stream_loop", "-1", "-f", "mjpeg", "-i", "film.mjpeg",
                   "-c", "copy", "-f", "mpjpeg", "-listen", "1", f"http://{self.address}:8080/v")
        camera = self.start_camera(*command)
        self.see("v")
        guest = self.net.guest("g", "boot", "--stream", "cam")
        guest.wait_for_frames(5)
        camera.kill()
        camera.wait()
        self.boot.wait_for_log("cam': no frame comes: its viewers are told that it is stalled")
        self.start_camera(*command)
        wait_for_more_frames([guest], 20)

    def test_gstreamer(self):
        self.start_camera("gst-launch-1.0", "-q", "multifilesrc", "location=%05d.jpg", "loop=true", "stop-index=59",
                          "caps=image/jpeg,framerate=25/1", "!", "identity", "sync=true", "!", "multipartmux",
                          "boundary=spion", "!", "tcpserversink", f"host={self.address}", "port=8080")
        self.see("")

    def test_vlc(self):
        self.start_camera(shutil.which("vlc"), "-I", "dummy", "--demux", "mjpeg", "--mjpeg-fps", "25", "--input-repeat",
                          "65535", "film.mjpeg", "--sout-keep", "--sout",
                          "#standard{access=http{mime=multipart/x-mixed-replace;"
                          f"boundary=7b3cc56e5f51db803f790dad720ed50a}},mux=mpjpeg,dst={self.address}:8080/v}}",
                          env={**os.environ, "HOME": str(self.folder)},
                          **({"user": "nobody"} if os.geteuid() == 0 else {}))
        self.see("v", ordered=False)

    def test_ustreamer(self):
        """Without a camera it shows a picture of ours."""
        self.start_camera("ustreamer", "--host", self.address, "--port", "8080", "--device", "/dev/no-video",
                          "--blank", str(self.folder / "00007.jpg"), "--user", USER, "--passwd", PASSWORD)
        address = f"http://{WHO}{self.address}:8080"
        self.serve(moving=f"{address}/stream", single=f"{address}/snapshot?poll=200ms")
        for guest in [self.watch(name, 3) for name in ("moving", "single")]:
            guest.wait_for_exit(0)
            self.assertEqual(guest.pictures(), [self.pictures[7]] * 3)

    def test_our_own_server(self):
        """A stream that leaves an overlay by HTTP comes back by HTTP, as another one."""
        net = self.net
        self.boot = net.bootstrap(f"film={self.folder / 'film.mjpeg'}?fps=25")
        net.node("r1", "--http", f"{net.address['r1']}:8080")
        net.node("r2", "--stream", f"copy=http://{net.address['r1']}:8080/film.mjpg",
                 "--stream", f"single=http://{net.address['r1']}:8080/film.jpg?poll=100ms")
        copy = net.guest("g1", "r2", "--stream", "copy", "--frames", "30")
        single = net.guest("g2", "r2", "--stream", "single", "--frames", "5")
        self.check(copy)
        single.wait_for_exit(0)
        self.assertLessEqual(set(single.pictures()), set(self.pictures))


if __name__ == "__main__":
    unittest.main()
