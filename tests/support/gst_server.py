"""A second, foreign RTSP server (GStreamer's), run with Debian's python: argument is a mount list.

Usage: /usr/bin/python3 gst_server.py '{"/clip": {"launch": "...", "user": "u", "password": "p"}}'
Prints its port, serves until its input closes.
"""

import json
import sys

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtsp", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtsp, GstRtspServer  # noqa: E402


def main() -> None:
    Gst.init(None)
    server = GstRtspServer.RTSPServer()
    server.set_address("127.0.0.1")
    server.set_service("0")
    mounts = server.get_mount_points()
    auth = GstRtspServer.RTSPAuth()
    protected = False
    for path, given in json.loads(sys.argv[1]).items():
        factory = GstRtspServer.RTSPMediaFactory()
        factory.set_launch(given["launch"])
        factory.set_shared(False)
        factory.set_protocols(GstRtsp.RTSPLowerTrans.TCP)
        if "user" in given:
            protected = True
            auth.set_supported_methods(GstRtsp.RTSPAuthMethod.DIGEST)
            token = GstRtspServer.RTSPToken()
            token.set_string("media.factory.role", "reader")
            auth.add_digest(given["user"], given["password"], token)
            permissions = GstRtspServer.RTSPPermissions()
            permissions.add_permission_for_role("reader", "media.factory.access", True)
            permissions.add_permission_for_role("reader", "media.factory.construct", True)
            factory.set_permissions(permissions)
        mounts.add_factory(path, factory)
    if protected:
        server.set_auth(auth)
    server.attach(None)
    sys.stdout.write(f"{server.get_bound_port()}\n")
    sys.stdout.flush()
    loop = GLib.MainLoop()
    GLib.io_add_watch(sys.stdin.fileno(), GLib.IO_HUP | GLib.IO_IN, lambda *_: loop.quit())
    loop.run()


main()
