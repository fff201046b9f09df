"""GStreamer's RTSP server over video files, for Debian's own Python.

gst_rtsp_server.py USER PASSWORD NAME=FILE … prints its port once it listens, and serves rtsp://127.0.0.1:PORT/NAME
until its standard input ends.
"""

import sys

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtspServer  # noqa: E402 - versions are chosen before

PIPELINES = {
    "h264": "( filesrc location={path} ! qtdemux ! h264parse ! rtph264pay name=pay0 pt=96 config-interval={interval} )",
    "h265": "( filesrc location={path} ! qtdemux ! h265parse ! rtph265pay name=pay0 pt=96 config-interval={interval} )",
}


def main(argv: list[str]) -> None:
    """Serve until nobody holds standard input any more."""
    Gst.init(None)
    server = GstRtspServer.RTSPServer()
    server.set_address("127.0.0.1")
    server.set_service("0")
    server.set_auth(_digest(argv[0], argv[1]))
    for entry in argv[2:]:
        name, _, path = entry.partition("=")
        codec = "h265" if "265" in name else "h264"
        interval = -1 if "inband" in name else 0
        factory = GstRtspServer.RTSPMediaFactory()
        factory.set_launch(PIPELINES[codec].format(path=path, interval=interval))
        permissions = GstRtspServer.RTSPPermissions.new()
        for right in ("media.factory.access", "media.factory.construct"):
            permissions.add_permission_for_role("viewer", right, True)
        factory.set_permissions(permissions)
        server.get_mount_points().add_factory(f"/{name}", factory)
    server.attach(None)
    sys.stdout.write(f"{server.get_bound_port()}\n")
    sys.stdout.flush()
    loop = GLib.MainLoop()
    GLib.io_add_watch(sys.stdin.fileno(), GLib.PRIORITY_DEFAULT, GLib.IOCondition.HUP, lambda *_: loop.quit())
    loop.run()


def _digest(user: str, password: str) -> "GstRtspServer.RTSPAuth":
    auth = GstRtspServer.RTSPAuth.new()
    auth.set_supported_methods(2)  # GstRtsp.RTSPAuthMethod.DIGEST, and no Basic
    token = GstRtspServer.RTSPToken.new()
    token.set_string("media.factory.role", "viewer")
    auth.add_digest(user, password, token)
    return auth


if __name__ == "__main__":
    main(sys.argv[1:])
