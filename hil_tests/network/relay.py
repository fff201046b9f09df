"""A line made of TCP relays in this process: needs no privilege, and knows bytes instead of packets."""

import asyncio
import random
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from typing import Self

from federation.testing.ports import HOST
from hil_tests.network.weather import FAIR, SLOW_BYTES_PER_S, Sky, Weather

CHUNK_BYTES = 16 << 10
SLOW_CHUNK_BYTES = 1 << 10
RESENT_AFTER_S = 0.3  # what TCP makes of a lost packet: a pause


@dataclass(frozen=True, kw_only=True)
class _Pair:
    near: asyncio.StreamWriter
    far: asyncio.StreamWriter

    def reset(self) -> None:
        for writer in (self.near, self.far):
            writer.transport.abort()


class Relay:
    """All connections that one party makes, over as many ports as it needs. Use as an async context manager.

    `carried_bytes` counts what it has carried, both ways together.
    """

    def __init__(self) -> None:
        """Start in fair weather without a port."""
        self.carried_bytes = 0
        self._weather = FAIR
        self._pairs: set[_Pair] = set()
        self._servers = AsyncExitStack()
        self._dice = random.Random(0)  # noqa: S311 - it must be repeatable, not secret

    async def __aenter__(self) -> Self:
        """Do nothing: ports are opened by `port_for`."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close every port and reset every connection."""
        await self._servers.aclose()
        await self.become(Weather(sky=Sky.CUT))

    async def become(self, weather: Weather) -> None:
        """Change the weather; a connection in which bytes are missing is reset when they may flow again."""
        before, self._weather = self._weather, weather
        if weather.sky is Sky.CUT or not (before.hears and before.speaks):
            for pair in tuple(self._pairs):
                pair.reset()

    async def port_for(self, target_port: int) -> int:
        """Listen on a free port, relay to `target_port`, and return the free one."""

        async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await self._relay(reader, writer, target_port)

        server = await asyncio.start_server(relay, HOST, 0)
        self._servers.callback(server.close)
        return int(server.sockets[0].getsockname()[1])

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, target_port: int) -> None:
        if self._weather.sky is Sky.CUT:
            writer.transport.abort()
            return
        try:
            far_reader, far_writer = await asyncio.open_connection(HOST, target_port)
        except OSError:
            writer.transport.abort()
            return
        pair = _Pair(near=writer, far=far_writer)
        self._pairs.add(pair)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._carry(reader, far_writer, outward=True))
                group.create_task(self._carry(far_reader, writer, outward=False))
        finally:
            self._pairs.discard(pair)
            pair.reset()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, outward: bool) -> None:
        with suppress(OSError):
            while not writer.is_closing():
                slow = self._weather.sky is Sky.SLOW
                data = await reader.read(SLOW_CHUNK_BYTES if slow else CHUNK_BYTES)
                if not data:
                    break
                if not (self._weather.speaks if outward else self._weather.hears):
                    continue
                await self._delay(len(data))
                self.carried_bytes += len(data)
                writer.write(data)
                await writer.drain()
        writer.transport.abort()

    async def _delay(self, size_bytes: int) -> None:
        if self._weather.sky is Sky.SLOW:
            await asyncio.sleep(size_bytes / SLOW_BYTES_PER_S)
        elif self._weather.sky is Sky.LOSSY and self._dice.randrange(100) < self._weather.loss_percent:
            await asyncio.sleep(RESENT_AFTER_S)
