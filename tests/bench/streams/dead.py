"""A thousand cameras that are not there: half of them refuse the connection, half do not answer at all."""

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from federation.messages import CameraSpec, CameraState
from federation.testing.ports import reserved
from tests.bench.streams.field import Field

SETTLE_S = 15.0


async def measure(field: Field) -> dict[str, Any]:
    """Return what dead cameras cost."""
    with deaf_port() as deaf, reserved(1) as (closed,):
        cameras = tuple(
            CameraSpec(
                point_id=f"dead{number}",
                name="dead",
                url=f"rtsp://127.0.0.1:{deaf if number % 2 else closed}/dead{number}",
            )
            for number in range(field.options.dead)
        )
        await field.agent.want(cameras)
        await field.agent.until(
            lambda: field.agent.count(CameraState.UNREACHABLE) == len(cameras), within_s=120, what="dead cameras"
        )
        await asyncio.sleep(SETTLE_S)
        (own,) = await field.costs(field.streams_pid)
    return {"dead": len(cameras), **own}


@contextmanager
def deaf_port() -> Iterator[int]:
    """Give a port at which connections are neither taken nor refused: its queue is full and nobody empties it."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(0)
    address = listener.getsockname()
    waiting = []
    for _ in range(4):
        link = socket.socket()
        link.setblocking(False)
        link.connect_ex(address)
        waiting.append(link)
    try:
        yield address[1]
    finally:
        for link in (*waiting, listener):
            link.close()
