"""The hub's servers and callers who hold a connection and say nothing."""

import asyncio
from collections import Counter

import pytest
from aiohttp import web

from hub.serving import serving


@pytest.mark.parametrize("said", [b"", b"GET / HTTP/1.1\r\nHost: hub\r\nX: "], ids=["nothing", "half a request"])
async def test_a_connection_on_which_no_whole_request_comes_is_closed(said: bytes) -> None:
    async with serving(web.Application(), idle_s=0.2) as served:
        await served.listen("127.0.0.1", 0)
        reader, writer = await asyncio.open_connection("127.0.0.1", served.runner.addresses[0][1])
        writer.write(said)

        async with asyncio.timeout(30):
            assert await reader.read() == b""
        writer.close()


async def test_what_is_no_http_is_answered_counted_and_told_without_a_trace(caplog: pytest.LogCaptureFixture) -> None:
    refused: Counter[str] = Counter()
    async with serving(web.Application(), refused=refused) as served:
        await served.listen("127.0.0.1", 0)
        reader, writer = await asyncio.open_connection("127.0.0.1", served.runner.addresses[0][1])
        writer.write(b"\x16\x03\x01\x00 not HTTP\r\n\r\n")
        answer = await reader.read()
        writer.close()

    assert answer.startswith((b"HTTP/1.0 400", b"HTTP/1.1 400"))
    assert refused == {"not_http": 1}
    assert [record for record in caplog.records if record.exc_info] == []
