"""A server that is ended while it starts."""

import asyncio
import gc

import pytest
from aiohttp import web

from federation.http.listening import listen


@pytest.mark.parametrize("steps", range(6))
async def test_a_server_that_is_ended_while_it_starts_leaves_no_socket_open(steps: int) -> None:
    runner = web.AppRunner(web.Application())
    await runner.setup()
    async with asyncio.TaskGroup() as group:
        starting = group.create_task(listen(web.TCPSite(runner, "127.0.0.1", 0)))
        for _ in range(steps):
            await asyncio.sleep(0)
        starting.cancel()
    await runner.cleanup()

    addresses = runner.addresses
    del runner, starting
    gc.collect()  # a socket that nobody has closed is told here, and fails the test
    assert addresses == []
