"""The tunnel: the hub's requests, which this box answers over connections that it makes itself."""

import asyncio
import logging
import ssl
from collections.abc import Mapping
from pathlib import Path

import aiohttp
from yarl import URL

from federation.messages import CallHead, NodeCall
from federation.messages.calls import ANSWER_HEADERS, MOST_CALLS

log = logging.getLogger(__name__)

CONNECT_WITHIN_S = 8.0
PING_S = 15.0
CHUNK_BYTES = 256 << 10
ACTOR_HEADER = "Fengsui-Actor"


class Tunnel:
    """Answers calls out of what is served on the Unix socket `door`. `take` queues one; `run` answers."""

    def __init__(self, *, hub_url: str, session: aiohttp.ClientSession, door: Path) -> None:
        """Use the open session, which shows this node's certificate."""
        self.refused = 0
        self._hub_url = hub_url
        self._session = session
        self._door = str(door)
        self._waiting: asyncio.Queue[NodeCall] = asyncio.Queue(MOST_CALLS)
        self._answering = 0

    def take(self, call: NodeCall) -> None:
        """Answer a call soon; one too many is not answered, and the hub says so after a while."""
        if self._waiting.full():
            self.refused += 1
            return
        self._waiting.put_nowait(call)

    async def run(self) -> None:
        """Answer calls until cancelled."""
        async with asyncio.TaskGroup() as group:
            while True:
                call = await self._waiting.get()
                if self._answering >= MOST_CALLS:
                    self.refused += 1
                    continue
                self._answering += 1
                group.create_task(self._kept(call), name="call of the hub")

    async def _kept(self, call: NodeCall) -> None:
        try:
            await self._answer(call)
        except* (aiohttp.ClientError, TimeoutError, OSError) as errors:
            log.info("a call of the hub ended early: %s", errors.exceptions)
        finally:
            self._answering -= 1

    async def _answer(self, call: NodeCall) -> None:
        address = f"{self._hub_url}/api/v1/calls/{call.ticket}"
        async with asyncio.timeout(CONNECT_WITHIN_S):
            hub = await self._session.ws_connect(address, heartbeat=PING_S, max_msg_size=1024)
        async with hub, aiohttp.ClientSession(connector=aiohttp.UnixConnector(path=self._door)) as inside:
            try:
                if call.live:
                    await _show(call, hub, inside)
                elif call.upload is None:
                    await _fetch(call, hub, inside)
                else:
                    async with self._session.get(f"{address}/body") as upload:
                        await _fetch(call, hub, inside, upload)
            except BaseException:
                await hub.close(code=aiohttp.WSCloseCode.INTERNAL_ERROR)  # what was sent is not all
                raise


def tunnel_session(tls: ssl.SSLContext) -> aiohttp.ClientSession:
    """Return a session that shows our certificate, and whose connections last as long as they are needed."""
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_WITHIN_S)
    return aiohttp.ClientSession(timeout=timeout, connector=aiohttp.TCPConnector(ssl=tls, limit=0))


async def _fetch(
    call: NodeCall,
    hub: aiohttp.ClientWebSocketResponse,
    inside: aiohttp.ClientSession,
    upload: aiohttp.ClientResponse | None = None,
) -> None:
    """Pass one answer on, no faster than the hub takes it, and before that an `upload`, no faster than it is taken."""
    headers = {ACTOR_HEADER: call.actor, **({"Range": call.range} if call.range else {})}
    if upload is not None and call.upload is not None:
        upload.raise_for_status()
        headers |= {"Content-Type": call.upload.content_type, "Content-Length": str(call.upload.size_bytes)}
    body = {"json": call.body} if upload is None else {"data": upload.content}
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_WITHIN_S)
    async with (
        asyncio.TaskGroup() as group,
        inside.request(
            call.method,
            URL(f"http://door{call.path}", encoded=True).with_query(call.query),
            headers=headers,
            timeout=timeout,
            **body,
        ) as answer,
    ):
        watching = group.create_task(_until_closed(hub, asyncio.current_task()), name="the hub's end of a call")
        await hub.send_str(_head(answer.status, answer.headers))
        async for chunk in answer.content.iter_chunked(CHUNK_BYTES):
            await hub.send_bytes(chunk)
        watching.cancel()
        await hub.close()


async def _show(call: NodeCall, hub: aiohttp.ClientWebSocketResponse, inside: aiohttp.ClientSession) -> None:
    """Pass a live view on until either end closes."""
    try:
        view = await inside.ws_connect(f"http://door{call.path}", headers={ACTOR_HEADER: call.actor}, max_msg_size=0)
    except aiohttp.WSServerHandshakeError as error:
        await hub.send_str(_head(error.status, {}))
        await hub.close()
        return
    async with view, asyncio.TaskGroup() as group:
        watching = group.create_task(_until_closed(hub, asyncio.current_task()), name="the hub's end of a view")
        await hub.send_str(_head(101, {}))
        async for message in view:
            if message.type is aiohttp.WSMsgType.BINARY:
                await hub.send_bytes(message.data)
            elif message.type is aiohttp.WSMsgType.TEXT:
                await hub.send_str(message.data)
        watching.cancel()
        await hub.close()


async def _until_closed(hub: aiohttp.ClientWebSocketResponse, answering: "asyncio.Task[None] | None") -> None:
    """Wait for the hub to close, and end what is being answered then; what the hub says otherwise means nothing."""
    async for _ in hub:
        pass
    if answering is not None:
        answering.cancel()


def _head(status: int, headers: Mapping[str, str]) -> str:
    kept = {name: headers[name] for name in ANSWER_HEADERS if name in headers}
    return CallHead(status=status, headers=kept).model_dump_json()
