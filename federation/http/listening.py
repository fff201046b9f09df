"""The start of a server that leaves no socket behind, whenever it is cancelled."""

import asyncio

from aiohttp import web


async def listen(site: web.BaseSite) -> None:
    """Let a site listen; what its runner cleans up holds the socket, also when this is cancelled.

    asyncio opens the socket, and waits once more before it says so to anybody who could close it.
    """
    starting = asyncio.get_running_loop().create_task(site.start(), name="listening")
    try:
        await asyncio.shield(starting)
    except asyncio.CancelledError:
        await asyncio.gather(starting, return_exceptions=True)
        raise
