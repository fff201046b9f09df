"""Virtual cameras as a test or a command holds them: where they are, and what can be done to them.

async with virtual_cameras({"cam1": clip}) as cameras:
    pull(cameras.url("cam1"), cameras.credentials)
    cameras.freeze("cam1")
"""

import secrets
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from urllib.parse import quote

from hil_tests.rig.errors import ControlError
from hil_tests.rig.rtsp.clip import Clip
from hil_tests.rig.rtsp.digest import Credentials
from hil_tests.rig.rtsp.mount import Mount, MountFigures
from hil_tests.rig.rtsp.server import RtspServer, rtsp_server


class VirtualCameras:
    """Cameras on one RTSP port. Methods raise ControlError for a camera that is unknown or not ready."""

    def __init__(self, server: RtspServer, *, host: str, credentials: Credentials) -> None:
        self._server = server
        self._host = host
        self.credentials = credentials

    @property
    def port(self) -> int:
        """The TCP port of all cameras."""
        return self._server.port

    def url(self, name: str) -> str:
        """Return the address of camera `name`, without user and password."""
        return f"rtsp://{self._host}:{self.port}/{name}"

    def url_with_password(self, name: str) -> str:
        """Return the address with user and password in it, for clients that take them in no other way."""
        user, password = quote(self.credentials.username, safe=""), quote(self.credentials.password, safe="")
        return f"rtsp://{user}:{password}@{self._host}:{self.port}/{name}"

    def names(self) -> tuple[str, ...]:
        """Return the names of all cameras, ready or not."""
        return self._server.names()

    def announce(self, name: str) -> None:
        """Let clients of `name` know that it is being prepared, until `add`."""
        self._server.announce(name)

    def add(self, name: str, clip: Clip) -> None:
        """Put camera `name` on air with `clip`."""
        self._server.add(name, clip)

    def is_ready(self, name: str) -> bool:
        """Tell whether camera `name` is on air; False while it is being prepared."""
        return self._server.mount(name) is not None

    def figures(self, name: str) -> MountFigures:
        """Return what camera `name` has done, and when its round 0 began."""
        return self._mount(name).figures()

    def stop(self, name: str) -> None:
        """Let the camera lose its power: connections are cut, new ones are cut when they name it."""
        self._mount(name).turn("stopped")

    def freeze(self, name: str) -> None:
        """Let the camera send no picture while its connections stay and its answers come."""
        self._mount(name).turn("frozen")

    def start(self, name: str) -> None:
        """Let a stopped or frozen camera work again, at the present place of its clip."""
        self._mount(name).turn("live")

    def kill_connections(self, name: str) -> int:
        """Cut the camera's connections once and return how many there were."""
        return self._mount(name).cut_connections()

    def _mount(self, name: str) -> Mount:
        if name not in self._server.names():
            raise ControlError(f"no camera is called {name!r}; there are {', '.join(self._server.names())}")
        mount = self._server.mount(name)
        if mount is None:
            raise ControlError(f"camera {name!r} is still being prepared")
        return mount


def new_credentials() -> Credentials:
    """Return the user name `camera` with a fresh password."""
    return Credentials(username="camera", password=secrets.token_urlsafe(18))


@asynccontextmanager
async def virtual_cameras(
    clips: Mapping[str, Clip],
    *,
    credentials: Credentials | None = None,
    host: str = "127.0.0.1",
    port: int = 0,
) -> AsyncIterator[VirtualCameras]:
    """Run a camera per clip while the body runs; raise OSError if the port cannot be had."""
    account = credentials or new_credentials()
    async with rtsp_server(credentials=account, host=host, port=port) as server:
        cameras = VirtualCameras(server, host=host, credentials=account)
        for name, clip in clips.items():
            cameras.add(name, clip)
        yield cameras
