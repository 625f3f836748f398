"""What ten open pages and programs that ask cost the viewers of a relay: their p99 with and without them, by turns."""

import contextlib
import http.client
import socket
import threading
import time

from harness import OttdRig, median, table

VIEWERS = 50
PAGES = 10
PORT = 8080
# As the page does: what it asks each second, beside events and small pictures, which come by themselves.
POLLED = ("/api/v1/overlay", "/api/v1/streams", "/api/v1/routes", "/api/v1/node")
FOLLOWED = ("/api/v1/events", "/api/v1/pictures")


class ServingRig(OttdRig):
    @staticmethod
    def relay_flags(at):
        return ["--http", f"{at}:{PORT}"]


class Page:
    """One page's connections, until it is closed."""

    def __init__(self, at):
        self.at, self.open, self.answers, self.problem = at, True, 0, None
        self.sockets = []
        self.threads = [threading.Thread(target=self.guard, args=(self.poll,)),
                        *(threading.Thread(target=self.guard, args=(self.follow, path)) for path in FOLLOWED)]
        for thread in self.threads:
            thread.start()

    def guard(self, what, *arguments):
        try:
            what(*arguments)
        except (OSError, http.client.HTTPException) as problem:
            self.problem = self.problem or (problem if self.open else None)

    def poll(self):
        connection = http.client.HTTPConnection(self.at, PORT, timeout=10)
        while self.open:
            due = time.monotonic() + 1
            for path in POLLED:
                connection.request("GET", path)
                answer = connection.getresponse()
                answer.read()
                if answer.status != 200:
                    raise http.client.HTTPException(f"{path}: {answer.status}")
                self.answers += 1
            while self.open and time.monotonic() < due:
                time.sleep(0.05)
        connection.close()

    def follow(self, path):
        connection = http.client.HTTPConnection(self.at, PORT, timeout=12)  # something comes each 10 s
        connection.request("GET", path)
        self.sockets.append(connection.sock)
        answer = connection.getresponse()
        while self.open:
            answer.read1(1 << 16)
        connection.close()

    def close(self):
        self.open = False
        for followed in self.sockets:  # nothing may come on it for seconds
            with contextlib.suppress(OSError):
                followed.shutdown(socket.SHUT_RDWR)
        for thread in self.threads:
            thread.join()


def run(lab, options, show):
    cycles, seconds = (3, 5) if options.quick else (8, 12)
    spans, answers = [], 0
    with ServingRig(lab) as rig:
        load = rig.begin_load(VIEWERS, 2 * cycles * (seconds + 1) + 5, name="viewers")
        load.wait_until_measuring()
        began = time.monotonic()
        for kind in ("alone", "beside") * cycles:
            pages = [Page(rig.target) for _ in range(PAGES if kind == "beside" else 0)]
            time.sleep(0.5)  # they are open by then
            begin = time.monotonic() - began
            time.sleep(seconds)
            spans.append((kind, begin, time.monotonic() - began))
            for page in pages:
                page.close()
                answers += page.answers
                if page.problem:
                    raise page.problem
        load.process.end()
        result = load.finish()
    p99 = {kind: [second["fast"]["age_ms_p99"] for second in result["series"] for span, begin, end in spans
                  if span == kind and begin <= second["at_s"] - 1 and second["at_s"] <= end] for kind in ("alone", "beside")}
    medians = {kind: median(values) for kind, values in p99.items()}
    ratio = medians["beside"] / medians["alone"]
    show(f"pages: {VIEWERS} viewers' p99 {medians['alone']:.2f} ms, {medians['beside']:.2f} with {PAGES} pages open: "
         f"{ratio:.2f} times; {answers} answers, {result['frames_lost']} frames lost")
    return {"viewers": VIEWERS, "pages": PAGES, "p99_ms_alone": medians["alone"], "p99_ms_beside": medians["beside"],
            "ratio": ratio, "answers": answers, "frames_lost": result["frames_lost"],
            "frames_skipped": result["frames_skipped"], "seconds": p99}


def report(results):
    return table(["viewers", "pages", "p99 without, ms", "with", "times", "lost", "skipped"],
                 [[results["viewers"], results["pages"], f"{results['p99_ms_alone']:.2f}",
                   f"{results['p99_ms_beside']:.2f}", f"{results['ratio']:.2f}", results["frames_lost"],
                   results["frames_skipped"]]])
