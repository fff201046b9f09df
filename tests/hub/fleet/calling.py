"""Requests to the port for nodes as bytes, many of them on one connection, and what is answered."""

import asyncio
import json
import ssl
from collections import deque
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

AT_ONCE = 32
WITHIN_S = 60.0


@dataclass(frozen=True, kw_only=True)
class Reply:
    """One answer; `closes` tells that none comes after it."""

    status: int
    body: bytes
    closes: bool

    @property
    def code(self) -> str:
        """The code of a problem; empty where the answer is none."""
        found: Any = json.loads(self.body) if self.body.startswith(b"{") else {}
        return str(found.get("code", "")) if isinstance(found, dict) else ""


def request(method: str, path: str, body: bytes = b"", **headers: str) -> bytes:
    """Return a request; `Content_Type` stands for the header Content-Type."""
    told = {"Host": "hub", "Content-Length": str(len(body)), **headers}
    lines = [f"{method} {path} HTTP/1.1", *(f"{name.replace('_', '-')}: {value}" for name, value in told.items())]
    return "\r\n".join([*lines, "", ""]).encode("utf-8", "surrogateescape") + body


@dataclass(frozen=True, kw_only=True)
class Caller:
    """Somebody at the port for nodes, with a certificate or without."""

    url: str
    tls: ssl.SSLContext

    async def ask_all(self, requests: Iterable[bytes]) -> AsyncIterator[Reply]:
        """Yield the answer to each request, in order; a connection that the hub closes is made again."""
        waiting = deque(requests)
        while waiting:
            async with self._connected() as (reader, writer):
                closed = False
                while waiting and not closed:
                    some = [waiting[at] for at in range(min(AT_ONCE, len(waiting)))]
                    writer.write(b"".join(some))
                    for _ in some:
                        reply = await _read(reader)
                        waiting.popleft()
                        yield reply
                        if closed := reply.closes:
                            break

    async def say(self, content: bytes, *, within_s: float) -> bytes:
        """Return what the hub answers to some bytes until it closes, or until it has said nothing for a while."""
        heard = b""
        async with self._connected() as (reader, writer):
            writer.write(content)
            try:
                async with asyncio.timeout(within_s):
                    while piece := await reader.read(65_536):
                        heard += piece
            except (TimeoutError, ConnectionError):
                pass  # it waits for more, or has had enough
        return heard

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
        parts = urlsplit(self.url)
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port, ssl=self.tls)
        try:
            yield reader, writer
        finally:
            writer.transport.abort()


async def _read(reader: asyncio.StreamReader) -> Reply:
    async with asyncio.timeout(WITHIN_S):
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        first, *lines = head.strip().split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Reply(status=int(first.split()[1]), body=body, closes=headers.get("connection", "").lower() == "close")
