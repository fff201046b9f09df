"""The RTSP server: many mounts on one port, each behind the same user name and password."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from hil_tests.rig.rtsp.certificate import OwnCertificate, own_certificate
from hil_tests.rig.rtsp.challenge import Credentials
from hil_tests.rig.rtsp.clip import Clip
from hil_tests.rig.rtsp.mount import Mount
from hil_tests.rig.rtsp.request import HEAD_LIMIT_BYTES, Response
from hil_tests.rig.rtsp.session import Session
from hil_tests.rig.rtsp.timeline import Timeline
from hil_tests.rig.rtsp.viewer import MediaPorts, open_media_ports

CONNECTION_LIMIT = 4096
BACKLOG = 1024
_CLOSE_LIMIT_S = 5.0


class RtspServer:
    """Serves mounts; made by `rtsp_server`."""

    def __init__(self, *, credentials: Credentials, tasks: asyncio.TaskGroup) -> None:
        self._credentials = credentials
        self._tasks = tasks
        self._mounts: dict[str, Mount | None] = {}
        self._timelines: dict[tuple[int, float], Timeline] = {}
        self._players: list[asyncio.Task[None]] = []
        self._sessions: dict[asyncio.Task[None], asyncio.WriteTransport] = {}
        self._media: MediaPorts | None = None
        self._listeners: list[asyncio.Server] = []
        self.port = 0
        self.secure_port = 0
        self.certificate: OwnCertificate | None = None

    async def listen(self, host: str, port: int, *, secure: bool) -> None:
        """Bind `host`:`port`, 0 for any free port, and one for RTSPS if `secure`; raise OSError if that cannot be."""
        self._media = await open_media_ports(host)
        self.port = await self._bind(host, port)
        if secure:
            self.certificate = await asyncio.to_thread(own_certificate, host)
            self.secure_port = await self._bind(host, 0)

    def announce(self, name: str) -> None:
        """Answer 503 at `name` until its clip is added."""
        self._mounts.setdefault(name, None)

    def add(self, name: str, clip: Clip, *, phase_s: float = 0.0) -> Mount:
        """Serve `clip` at rtsp://host:port/`name` from now on, in step with all cameras of the same clip and phase."""
        mount = Mount(name=name, timeline=self._timeline(clip, phase_s))
        mount.timeline.join(mount)
        self._mounts[name] = mount
        return mount

    def show(self, mount: Mount, clip: Clip) -> None:
        """Let a camera show another clip, in the same sessions."""
        mount.show(self._timeline(clip, 0.0))

    def mount(self, name: str) -> Mount | None:
        """Return the mount called `name`, or None while it is being prepared; raise KeyError if unknown."""
        return self._mounts[name]

    def names(self) -> tuple[str, ...]:
        """Return the names of all mounts, ready or announced."""
        return tuple(self._mounts)

    async def close(self) -> None:
        """Cut every connection and free the ports."""
        for listener in self._listeners:
            listener.close()
        for player in self._players:
            player.cancel()
        for transport in self._sessions.values():
            transport.abort()
        if self._sessions:
            await asyncio.wait(tuple(self._sessions), timeout=_CLOSE_LIMIT_S)
        if self._media is not None:
            self._media.close()

    def _timeline(self, clip: Clip, phase_s: float) -> Timeline:
        found = self._timelines.get((id(clip), phase_s))
        if found is None:
            found = self._timelines[id(clip), phase_s] = Timeline(clip=clip, phase_s=phase_s)
            self._players.append(self._tasks.create_task(found.play_forever(), name="play"))
        return found

    async def _bind(self, host: str, port: int) -> int:
        context = self.certificate.context if self.certificate is not None else None
        listener = await asyncio.start_server(
            self._serve, host, port, limit=HEAD_LIMIT_BYTES, backlog=BACKLOG, ssl=context
        )
        self._listeners.append(listener)
        return int(listener.sockets[0].getsockname()[1])

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is None or self._media is None:
            return
        if len(self._sessions) >= CONNECTION_LIMIT:
            writer.write(Response(status=503, cseq=None).encode())
            writer.close()
            return
        writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._sessions[task] = writer.transport
        try:
            await Session(reader, writer, mounts=self._mounts, credentials=self._credentials, media=self._media).serve()
        finally:
            del self._sessions[task]


@asynccontextmanager
async def rtsp_server(
    *, credentials: Credentials, host: str = "127.0.0.1", port: int = 0, secure: bool = False
) -> AsyncIterator[RtspServer]:
    """Run a server while the body runs; raise OSError if it cannot listen."""
    failure: Exception | None = None
    async with asyncio.TaskGroup() as tasks:
        server = RtspServer(credentials=credentials, tasks=tasks)
        try:
            await server.listen(host, port, secure=secure)
            yield server
        except Exception as error:  # noqa: BLE001 - raised again below, outside the group, which would wrap it
            failure = error
        finally:
            await server.close()
    if failure is not None:
        raise failure
