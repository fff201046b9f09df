"""Virtual cameras as a test or a command holds them: where they are, and what can be done to them.

async with virtual_cameras({"cam1": clip}) as cameras:
    pull(cameras.url("cam1"), cameras.credentials)
    cameras.behave("cam1", state="frozen")
    cameras.behave("cam1", state="live", loss=0.05)
"""

import secrets
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import quote

from hil_tests.rig.errors import ControlError
from hil_tests.rig.rtsp.challenge import Credentials
from hil_tests.rig.rtsp.clip import Clip
from hil_tests.rig.rtsp.mount import Mount, MountFigures
from hil_tests.rig.rtsp.record import RECORD
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

    def record_url(self, name: str) -> str:
        """Return the address at which camera `name` plays what it has recorded itself."""
        return f"{self.url(name)}/{RECORD}"

    def secure_url(self, name: str) -> str:
        """Return the rtsps:// address of camera `name`; only cameras made `secure` have one."""
        return f"rtsps://{self._host}:{self._server.secure_port}/{name}"

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the certificate of secure cameras, in hex."""
        certificate = self._server.certificate
        if certificate is None:
            raise ControlError("these cameras do not speak RTSPS")
        return certificate.fingerprint

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

    def add(self, name: str, clip: Clip, *, phase_s: float = 0.0) -> None:
        """Put camera `name` on air with `clip`, which is `phase_s` old then; many cameras share one clip and phase."""
        self._server.add(name, clip, phase_s=phase_s)

    def is_ready(self, name: str) -> bool:
        """Tell whether camera `name` is on air; False while it is being prepared."""
        return self._server.mount(name) is not None

    def figures(self, name: str) -> MountFigures:
        """Return what camera `name` has done, and when its round 0 began."""
        return self._mount(name).figures()

    def behave(self, name: str, **changes: Any) -> None:
        """Change how the camera behaves from now on; `hil_tests.rig.rtsp.behaviour.Behaviour` says what there is."""
        mount = self._mount(name)
        shown = self._mount(str(changes.get("shows") or name)).own_clip
        mount.behave(**changes)
        if "shows" in changes:
            self.show(name, shown)

    def show(self, name: str, clip: Clip) -> None:
        """Let the camera show another clip in the same sessions: another size, another distance of key pictures."""
        self._server.show(self._mount(name), clip)

    def kill_connections(self, name: str) -> int:
        """Cut the camera's connections once and return how many there were."""
        return self._mount(name).cut_connections()

    def end_sessions(self, name: str) -> int:
        """Let the camera send TEARDOWN on its connections and return how many there were."""
        return self._mount(name).end_sessions()

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
    secure: bool = False,
) -> AsyncIterator[VirtualCameras]:
    """Run a camera per clip while the body runs, with RTSPS too if `secure`; raise OSError if no port can be had."""
    account = credentials or new_credentials()
    async with rtsp_server(credentials=account, host=host, port=port, secure=secure) as server:
        cameras = VirtualCameras(server, host=host, credentials=account)
        for name, clip in clips.items():
            cameras.add(name, clip)
        yield cameras
