"""The line between one box and the hub: a TCP relay that can be cut, go silent, or become slow."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from enum import StrEnum

from federation.testing.ports import HOST

CHUNK_BYTES = 16 << 10
SLOW_BYTES_PER_S = 40_000.0
SLOW_CHUNK_BYTES = 1 << 10
LOOK_S = 0.05


class Weather(StrEnum):
    """How the line is: fair; cut (refused and reset); silent (half-open: bytes vanish, nobody is told); slow."""

    FAIR = "fair"
    CUT = "cut"
    SILENT = "silent"
    SLOW = "slow"


class Wire:
    """All connections of one box, over as many relayed ports as it needs; made by `wire`."""

    def __init__(self) -> None:
        """Start in fair weather without a port."""
        self._weather = Weather.FAIR
        self._pairs: set[tuple[asyncio.StreamWriter, asyncio.StreamWriter]] = set()

    @property
    def weather(self) -> Weather:
        """How the line is now."""
        return self._weather

    def become(self, weather: Weather) -> None:
        """Change the weather; what was silent is reset when it ends, as bytes are missing in it."""
        before, self._weather = self._weather, weather
        if weather is Weather.CUT or before is Weather.SILENT:
            for pair in tuple(self._pairs):
                _reset(*pair)

    async def serve(self, target_port: int) -> asyncio.Server:
        """Listen on a free port and relay to `target_port`."""

        async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await self._relay(reader, writer, target_port)

        return await asyncio.start_server(relay, HOST, 0)

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, target_port: int) -> None:
        if self._weather is Weather.CUT:
            writer.transport.abort()
            return
        try:
            far_reader, far_writer = await asyncio.open_connection(HOST, target_port)
        except OSError:
            writer.transport.abort()
            return
        pair = (writer, far_writer)
        self._pairs.add(pair)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._carry(reader, far_writer))
                group.create_task(self._carry(far_reader, writer))
        finally:
            self._pairs.discard(pair)
            _reset(*pair)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while not writer.is_closing():
                slow = self._weather is Weather.SLOW
                data = await reader.read(SLOW_CHUNK_BYTES if slow else CHUNK_BYTES)
                if not data:
                    break
                if self._weather is Weather.SILENT:
                    continue
                if slow:
                    await asyncio.sleep(len(data) / SLOW_BYTES_PER_S)
                writer.write(data)
                await writer.drain()
        writer.transport.abort()


def _reset(*writers: asyncio.StreamWriter) -> None:
    for writer in writers:
        writer.transport.abort()


@asynccontextmanager
async def wire(*target_ports: int) -> AsyncIterator[tuple[Wire, tuple[int, ...]]]:
    """Give a line and, in order, the local ports that stand for the target ports."""
    line = Wire()
    async with AsyncExitStack() as stack:
        ports = []
        for target in target_ports:
            server = await line.serve(target)
            stack.callback(server.close)
            ports.append(int(server.sockets[0].getsockname()[1]))
        try:
            yield line, tuple(ports)
        finally:
            line.become(Weather.CUT)
