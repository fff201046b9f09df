"""Calls to nodes that the hub cannot reach: each is answered over a connection that the node makes."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from aiohttp import ClientError, WSCloseCode, WSMsgType, web
from pydantic import ValidationError

from federation import topics
from federation.bus import Congested, NotConnected
from federation.http import Problem
from federation.http.problem import not_found
from federation.messages import CallHead, NodeCall
from federation.messages.calls import MOST_CALLS, Upload
from hub.fleet.link import Link

ANSWER_WITHIN_S = 10.0
UPLOAD_WITHIN_S = 3600.0
PIECE_WITHIN_S = 60.0
PING_S = 15.0
LARGEST_MESSAGE_BYTES = 20 << 20  # one picture of a live view


class CutOff(Exception):
    """The answer ended before it was whole."""


@dataclass(kw_only=True)
class _Waiting:
    node_id: str
    arrived: asyncio.Future[web.WebSocketResponse]
    upload: Upload | None
    body: AsyncIterator[bytes] | None
    done: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass(frozen=True, kw_only=True)
class Answer:
    """A node's answer: its head, and the connection on which the rest comes."""

    head: CallHead
    socket: web.WebSocketResponse

    async def body(self) -> AsyncIterator[bytes]:
        """Yield the body, no faster than it is taken; raise CutOff if it is not whole."""
        while True:
            message = await self.socket.receive()
            if message.type is WSMsgType.BINARY:
                yield message.data
            elif message.type is WSMsgType.CLOSE and message.data == WSCloseCode.OK:
                return
            else:
                raise CutOff

    async def read(self, *, limit_bytes: int) -> bytes:
        """Return the whole body; raise CutOff if it is not whole or too large."""
        content = bytearray()
        async for piece in self.body():
            content += piece
            if len(content) > limit_bytes:
                raise CutOff
        return bytes(content)


class Calls:
    """The calls that wait for their node, or are being answered."""

    def __init__(self, link: Link, *, answer_within_s: float = ANSWER_WITHIN_S) -> None:
        """Publish calls over `link`."""
        self._link = link
        self._answer_within_s = answer_within_s
        self._waiting: dict[str, _Waiting] = {}

    @asynccontextmanager
    async def answered(
        self, node_id: str, call: NodeCall, body: AsyncIterator[bytes] | None = None, *, within_s: float | None = None
    ) -> AsyncIterator[Answer]:
        """Give the node's answer for as long as the context is open; raise Problem if none comes.

        `body` is what the node fetches for a call with an upload. It begins to answer `within_s`, or as soon as others.
        """
        if sum(waiting.node_id == node_id for waiting in self._waiting.values()) >= MOST_CALLS:
            raise Problem(503, "node_busy", f"The appliance answers {MOST_CALLS} requests already; close a view.")
        arrived: asyncio.Future[web.WebSocketResponse] = asyncio.get_running_loop().create_future()
        waiting = _Waiting(node_id=node_id, arrived=arrived, upload=call.upload, body=body)
        self._waiting[call.ticket] = waiting
        try:
            yield await self._ask(waiting, call, self._answer_within_s if within_s is None else within_s)
        finally:
            del self._waiting[call.ticket]
            waiting.done.set()

    async def _ask(self, waiting: _Waiting, call: NodeCall, within_s: float) -> Answer:
        try:
            self._link.publish(topics.call(waiting.node_id), call.to_bytes())
            async with asyncio.timeout(self._answer_within_s):
                socket = await waiting.arrived
            async with asyncio.timeout(within_s if call.upload is None else UPLOAD_WITHIN_S):
                first = await socket.receive()
        except (NotConnected, Congested) as error:
            raise Problem(503, "not_connected", "The hub has no link to its appliances now; try again.") from error
        except TimeoutError as error:
            raise Problem(504, "node_silent", "The appliance does not answer; look at its link.") from error
        try:
            return Answer(head=CallHead.model_validate_json(first.data or b""), socket=socket)
        except ValidationError as error:
            raise node_failed() from error

    async def take(self, node_id: str, ticket: str, request: web.Request) -> web.WebSocketResponse:
        """Serve the connection on which a node answers a call, until the answer has been taken."""
        waiting = self._waiting.get(ticket)
        if waiting is None or waiting.node_id != node_id or waiting.arrived.done():
            raise not_found("call", ticket)
        socket = web.WebSocketResponse(heartbeat=PING_S, max_msg_size=LARGEST_MESSAGE_BYTES, compress=False)
        await socket.prepare(request)
        if not waiting.arrived.done():
            waiting.arrived.set_result(socket)
            await waiting.done.wait()
        with suppress(ConnectionError):
            await socket.close()
        return socket

    async def give(self, node_id: str, ticket: str, request: web.Request) -> web.StreamResponse:
        """Pass the body of a call on to its node, once, no faster than either end can."""
        waiting = self._waiting.get(ticket)
        if waiting is None or waiting.node_id != node_id or waiting.body is None or waiting.upload is None:
            raise not_found("call", ticket)
        body, waiting.body = waiting.body, None
        response = web.StreamResponse(headers={"Content-Length": str(waiting.upload.size_bytes)})
        await response.prepare(request)
        try:
            while (piece := await _next(body)) is not None:
                async with asyncio.timeout(PIECE_WITHIN_S):
                    await response.write(piece)
            await response.write_eof()
        except (TimeoutError, ClientError, web.RequestPayloadError) as error:
            raise ConnectionResetError("the upload has broken off") from error  # nothing may follow what was sent
        return response


async def _next(body: AsyncIterator[bytes]) -> bytes | None:
    async with asyncio.timeout(PIECE_WITHIN_S):
        return await anext(body, None)


def node_failed() -> Problem:
    """Return what to say of an answer that makes no sense."""
    return Problem(502, "node_failed", "The appliance did not answer as it should; look at its log.")


def new_ticket() -> str:
    """Return what names a call, and cannot be guessed."""
    return secrets.token_hex(16)
