"""The WebSocket on which portal pages learn what changes."""

import asyncio
from collections.abc import Awaitable, Callable

from aiohttp import WSCloseCode, WSMsgType, web

from federation.http import Access, Call, Routes
from federation.http.live_feed import LiveFeed, Notice
from hub.security.model import READ

PING_S = 20.0
CHECK_S = 5.0
SEND_S = 10.0
LARGEST_MESSAGE_BYTES = 1024  # pages only listen
SIGNED_OUT = 4401  # an application's close code: sign in again

StillSignedIn = Callable[[web.Request], Awaitable[bool]]


def routes(live: LiveFeed, still_signed_in: StillSignedIn) -> Routes:
    """Return the live connection; it closes when `still_signed_in` says that the session has ended."""
    part = Routes(tag="live")

    @part.get("/api/v1/live", access=Access(permission=READ), status=101, produces="application/json-seq")
    async def follow_live(call: Call) -> web.StreamResponse:
        """Upgrade to a WebSocket that tells notices: `event.created`, `task.changed` and so on."""
        socket = web.WebSocketResponse(heartbeat=PING_S, max_msg_size=LARGEST_MESSAGE_BYTES)
        await socket.prepare(call.request)
        by_session = call.principal.kind == "user"
        with live.viewing() as notices:
            async with asyncio.TaskGroup() as group:
                telling = group.create_task(_tell(socket, notices), name="live notices")
                watching = group.create_task(
                    _watch(socket, call.request, still_signed_in if by_session else _always), name="live session"
                )
                await _listen(socket)
                telling.cancel()
                watching.cancel()
        return socket

    return part


async def _tell(socket: web.WebSocketResponse, notices: asyncio.Queue[Notice]) -> None:
    while True:
        notice = await notices.get()
        try:
            async with asyncio.timeout(SEND_S):
                await socket.send_str(notice.model_dump_json())
        except (ConnectionError, TimeoutError):
            await socket.close(code=WSCloseCode.GOING_AWAY)
            return


async def _watch(socket: web.WebSocketResponse, request: web.Request, still_signed_in: StillSignedIn) -> None:
    while True:
        if not await still_signed_in(request):
            await socket.close(code=SIGNED_OUT, message=b"signed out")
            return
        await asyncio.sleep(CHECK_S)


async def _listen(socket: web.WebSocketResponse) -> None:
    """Wait until the page closes the connection; what it says means nothing."""
    while True:
        message = await socket.receive()
        if message.type in (WSMsgType.CLOSE, WSMsgType.CLOSING, WSMsgType.CLOSED, WSMsgType.ERROR):
            return


async def _always(_request: web.Request) -> bool:
    return True
