"""The RTSP server: many mounts on one port, each behind the same user name and password."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from hil_tests.rig.rtsp.clip import Clip
from hil_tests.rig.rtsp.digest import Credentials
from hil_tests.rig.rtsp.mount import Mount
from hil_tests.rig.rtsp.request import HEAD_LIMIT_BYTES, Response
from hil_tests.rig.rtsp.session import Session
from hil_tests.rig.rtsp.viewer import MediaPort, open_media_ports

CONNECTION_LIMIT = 1024
_CLOSE_LIMIT_S = 5.0


class RtspServer:
    """Serves mounts; made by `rtsp_server`."""

    def __init__(self, *, credentials: Credentials, tasks: asyncio.TaskGroup) -> None:
        self._credentials = credentials
        self._tasks = tasks
        self._mounts: dict[str, Mount | None] = {}
        self._players: list[asyncio.Task[None]] = []
        self._sessions: dict[asyncio.Task[None], asyncio.WriteTransport] = {}
        self._media: tuple[MediaPort, MediaPort] | None = None
        self._listener: asyncio.Server | None = None
        self.port = 0

    async def listen(self, host: str, port: int) -> None:
        """Bind `host`:`port`, 0 for any free port; raise OSError if that cannot be."""
        self._media = await open_media_ports(host)
        self._listener = await asyncio.start_server(self._serve, host, port, limit=HEAD_LIMIT_BYTES)
        self.port = self._listener.sockets[0].getsockname()[1]

    def announce(self, name: str) -> None:
        """Answer 503 at `name` until its clip is added."""
        self._mounts.setdefault(name, None)

    def add(self, name: str, clip: Clip) -> Mount:
        """Serve `clip` at rtsp://host:port/`name` from now on."""
        mount = Mount(name=name, clip=clip)
        self._mounts[name] = mount
        self._players.append(self._tasks.create_task(mount.play_forever(), name=f"play {name}"))
        return mount

    def mount(self, name: str) -> Mount | None:
        """Return the mount called `name`, or None while it is being prepared; raise KeyError if unknown."""
        return self._mounts[name]

    def names(self) -> tuple[str, ...]:
        """Return the names of all mounts, ready or announced."""
        return tuple(self._mounts)

    async def close(self) -> None:
        """Cut every connection and free the ports."""
        if self._listener is not None:
            self._listener.close()
        for player in self._players:
            player.cancel()
        for transport in self._sessions.values():
            transport.abort()
        if self._sessions:
            await asyncio.wait(tuple(self._sessions), timeout=_CLOSE_LIMIT_S)
        for media in self._media or ():
            media.close()

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
            await Session(
                reader,
                writer,
                mounts=self._mounts,
                credentials=self._credentials,
                media=self._media[0],
            ).serve()
        finally:
            del self._sessions[task]


@asynccontextmanager
async def rtsp_server(*, credentials: Credentials, host: str = "127.0.0.1", port: int = 0) -> AsyncIterator[RtspServer]:
    """Run a server while the body runs; raise OSError if it cannot listen."""
    failure: Exception | None = None
    async with asyncio.TaskGroup() as tasks:
        server = RtspServer(credentials=credentials, tasks=tasks)
        try:
            await server.listen(host, port)
            yield server
        except Exception as error:  # noqa: BLE001 - raised again below, outside the group, which would wrap it
            failure = error
        finally:
            await server.close()
    if failure is not None:
        raise failure
