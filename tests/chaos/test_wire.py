"""The relayed line between a box and the hub."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from federation.testing.ports import HOST
from hil_tests.chaos.wire import SLOW_CHUNK_BYTES, Weather, Wire, wire

WITHIN_S = 5.0


@asynccontextmanager
async def echo() -> AsyncIterator[tuple[Wire, int]]:
    """Give a line to a server that says everything again."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(65536):
                writer.write(data)
        except ConnectionError:
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, HOST, 0)
    async with server, wire(server.sockets[0].getsockname()[1]) as (line, (port,)):
        yield line, port


async def said_again(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, words: bytes) -> bytes:
    writer.write(words)
    async with asyncio.timeout(WITHIN_S):
        return await reader.readexactly(len(words))


@pytest.mark.parametrize("weather", [Weather.FAIR, Weather.SLOW])
async def test_what_is_said_arrives_whole(weather: Weather) -> None:
    async with echo() as (line, port):
        line.become(weather)
        reader, writer = await asyncio.open_connection(HOST, port)
        words = bytes(range(256)) * (3 * SLOW_CHUNK_BYTES // 256)

        assert await said_again(reader, writer, words) == words
        writer.close()


async def test_a_cut_line_resets_what_stood_and_refuses_what_comes() -> None:
    async with echo() as (line, port):
        standing, writer = await asyncio.open_connection(HOST, port)
        assert await said_again(standing, writer, b"hello") == b"hello"

        line.become(Weather.CUT)

        assert await gone(standing)
        late, late_writer = await asyncio.open_connection(HOST, port)
        assert await gone(late)
        for each in (writer, late_writer):
            each.close()


async def test_a_silent_line_swallows_everything_and_tells_nobody_until_it_ends() -> None:
    async with echo() as (line, port):
        reader, writer = await asyncio.open_connection(HOST, port)
        assert await said_again(reader, writer, b"hello") == b"hello"

        line.become(Weather.SILENT)
        writer.write(b"is there anybody?")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3):
                await reader.read(1)
        line.become(Weather.FAIR)

        assert await gone(reader)
        writer.close()


async def gone(reader: asyncio.StreamReader) -> bool:
    """Tell whether the connection has ended, by a reset or by its end."""
    try:
        async with asyncio.timeout(WITHIN_S):
            return await reader.read(1) == b""
    except ConnectionError:
        return True
