#!/usr/bin/python3
"""GStreamer's RTSP server as a camera: rtsp_camera.py ADDRESS PORT FILM [--auth basic|digest] [--timeout S] [--film P].

FILM is an AVI file of JPEGs, shown at its pace. There are /cam (JPEG video), /both
(PCMA audio, and JPEG video as the second stream) and /sound (PCMA audio alone). With --auth they are for the user
`admin` with the password `p@ss/wörd`. A session of which nothing is heard for S seconds (60) is ended. With --film
there is /film, the streams that the pipeline P has.
It is run by the system's Python, which has the bindings (python3-gi, gir1.2-gst-rtsp-server-1.0).
"""

import argparse
import sys

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtsp", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtsp, GstRtspServer  # noqa: E402

USER, PASSWORD = "admin", "p@ss/wörd"
VIDEO = "filesrc location={} ! avidemux ! clocksync ! rtpjpegpay name=pay{}"
AUDIO = "audiotestsrc is-live=true ! alawenc ! rtppcmapay name=pay{}"


def protect(server, methods: str):
    auth = GstRtspServer.RTSPAuth.new()
    token = GstRtspServer.RTSPToken.new()
    token.set_string("media.factory.role", "user")
    if methods == "basic":
        auth.add_basic(GstRtspServer.RTSPAuth.make_basic(USER, PASSWORD), token)
    else:
        auth.add_digest(USER, PASSWORD, token)
        auth.set_supported_methods(GstRtsp.RTSPAuthMethod.DIGEST)
    server.set_auth(auth)


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("address")
    parser.add_argument("port")
    parser.add_argument("film")
    parser.add_argument("--auth", choices=["basic", "digest"])
    parser.add_argument("--timeout", type=int)
    parser.add_argument("--film", dest="film_pipeline")
    options = parser.parse_args()

    Gst.init(None)
    server = GstRtspServer.RTSPServer.new()
    server.set_address(options.address)
    server.set_service(options.port)
    paths = {"/cam": VIDEO.format(options.film, 0),
             "/both": f"{AUDIO.format(0)} {VIDEO.format(options.film, 1)}",
             "/sound": AUDIO.format(0)}
    if options.film_pipeline:
        paths["/film"] = options.film_pipeline
    for path, pipeline in paths.items():
        factory = GstRtspServer.RTSPMediaFactory.new()
        factory.set_launch(f"( {pipeline} )")
        if options.auth:
            permissions = GstRtspServer.RTSPPermissions.new()
            for what in ("access", "construct"):
                permissions.add_permission_for_role("user", f"media.factory.{what}", True)
            factory.set_permissions(permissions)
        server.get_mount_points().add_factory(path, factory)
    if options.auth:
        protect(server, options.auth)
    if options.timeout:
        server.connect("client-connected", lambda _, client: client.connect(
            "new-session", lambda _, session: session.set_timeout(options.timeout)))
    GLib.timeout_add(200, lambda: server.get_session_pool().cleanup() or True)
    if server.attach(None) == 0:
        return "cannot listen there"
    print("ready", flush=True)
    GLib.MainLoop().run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
