"""A viewer's WebSocket: messages out, nothing in."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from aiohttp import WSCloseCode, WSMsgType, web

from federation.viewing.broadcast import Viewer

PING_S = 15.0
SEND_WITHIN_S = 10.0
CHECK_EVERY_S = 5.0
SIGNED_OUT = 4401
"""An application's close code: sign in again."""

StillAllowed = Callable[[], Awaitable[bool]]


async def show(
    request: web.Request, viewer: Viewer, states: AsyncIterator[dict[str, Any]], still_allowed: StillAllowed
) -> web.WebSocketResponse:
    """Serve one viewer until it leaves: pictures, and every new state of the camera as JSON.

    The connection closes with `SIGNED_OUT` once `still_allowed` says no, and when the viewer takes nothing any more.
    """
    socket = web.WebSocketResponse(heartbeat=PING_S, max_msg_size=1024, compress=False)
    await socket.prepare(request)
    async with asyncio.TaskGroup() as group:
        tasks = [
            group.create_task(_pictures(socket, viewer), name="live pictures"),
            group.create_task(_states(socket, states), name="live states"),
            group.create_task(_watch(socket, still_allowed), name="live session"),
        ]
        await _listen(socket)
        for task in tasks:
            task.cancel()
    return socket


async def _pictures(socket: web.WebSocketResponse, viewer: Viewer) -> None:
    while True:
        message = await viewer.next()
        if not await _sent(socket, socket.send_bytes(message.content)):
            return


async def _states(socket: web.WebSocketResponse, states: AsyncIterator[dict[str, Any]]) -> None:
    async for state in states:
        if not await _sent(socket, socket.send_str(json.dumps({"kind": "state", **state}, ensure_ascii=False))):
            return


async def _watch(socket: web.WebSocketResponse, still_allowed: StillAllowed) -> None:
    while True:
        await asyncio.sleep(CHECK_EVERY_S)
        if not await still_allowed():
            await socket.close(code=SIGNED_OUT, message=b"signed out")
            return


async def _listen(socket: web.WebSocketResponse) -> None:
    """Wait until the viewer leaves; what it says means nothing."""
    while True:
        message = await socket.receive()
        if message.type in {WSMsgType.CLOSE, WSMsgType.CLOSING, WSMsgType.CLOSED, WSMsgType.ERROR}:
            return


async def _sent(socket: web.WebSocketResponse, sending: Awaitable[None]) -> bool:
    try:
        async with asyncio.timeout(SEND_WITHIN_S):
            await sending
    except (ConnectionError, TimeoutError):
        await socket.close(code=WSCloseCode.GOING_AWAY)
        return False
    return True
