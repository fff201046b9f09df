"""A server of artifacts played by a test: gives manifests and ranges as a hub or a box does, or fails as told."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from aiohttp import web

from federation.artifacts import ArtifactManifest, Bitmap, ByteRange, Served, SignedManifest, send_artifact
from federation.desired import HubKey
from federation.http import Problem


class Fault(StrEnum):
    """What it does instead of what it should."""

    NONE = "none"
    LIES = "lies"  # other bytes of the right length
    WRONG_RANGE = "wrong range"  # the right length from another place, and says so
    WHOLE = "whole"  # ignores the range
    SHORT = "short"  # fewer bytes than asked for
    STALLS = "stalls"  # half of the bytes, then nothing
    CUTS = "cuts"  # half of the bytes, then the connection ends
    REFUSES = "refuses"  # 503
    REDIRECTS = "redirects"


@dataclass(kw_only=True)
class PlayedSource:
    """A running source of one artifact; change `fault`, `bitmap` and `manifest_body` at any time."""

    manifest: ArtifactManifest
    path: Path
    url: str = ""
    port: int = 0
    fault: Fault = Fault.NONE
    bitmap: Bitmap
    key: HubKey
    manifest_body: bytes = b""
    ranges: list[ByteRange] = field(default_factory=list)
    sent_bytes: int = 0
    at_once: int = 0
    most_at_once: int = 0
    piece_takes_s: float = 0.0

    async def give_manifest(self, _request: web.Request) -> web.StreamResponse:
        """Answer with the manifest."""
        if self.fault is Fault.REFUSES:
            return Problem(503, "manifest_in_the_making", "Ask again.").response()
        return web.Response(body=self.manifest_body or signed_by(self.key, self.manifest).content)

    async def give_bitmap(self, _request: web.Request) -> web.StreamResponse:
        """Answer with what is held."""
        return web.Response(body=self.bitmap.bits)

    async def give_bytes(self, request: web.Request) -> web.StreamResponse:
        """Answer with bytes, as the fault has it."""
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            return await self._bytes(request)
        except Problem as problem:
            return problem.response()
        finally:
            self.at_once -= 1

    async def _bytes(self, request: web.Request) -> web.StreamResponse:
        match self.fault:
            case Fault.NONE:
                served = Served(path=self.path, digest=self.manifest.digest, size_bytes=self.manifest.size_bytes)
                return await send_artifact(request, served, holds=self._holds, pace=self._count)
            case Fault.REFUSES:
                return Problem(503, "busy", "Ask again.").response()
            case Fault.REDIRECTS:
                return web.Response(status=302, headers={"Location": "http://127.0.0.1:1/"})
            case Fault.WHOLE:
                return web.Response(body=await asyncio.to_thread(self.path.read_bytes))
            case _:
                return await self._wrong(request)

    async def _wrong(self, request: web.Request) -> web.StreamResponse:
        first, _, last = request.headers["Range"].removeprefix("bytes=").partition("-")
        start, length = int(first), int(last) - int(first) + 1
        said = start + 1 if self.fault is Fault.WRONG_RANGE else start
        headers = {"Content-Range": f"bytes {said}-{said + length - 1}/{self.manifest.size_bytes}"}
        answer = web.StreamResponse(status=206, headers=headers)
        sent = length // 2 if self.fault in {Fault.SHORT, Fault.STALLS, Fault.CUTS} else length
        answer.content_length = sent if self.fault is Fault.SHORT else length
        await answer.prepare(request)
        await answer.write(b"\xee" * sent)
        if self.fault is Fault.STALLS:
            await asyncio.sleep(3600)
        if self.fault is Fault.CUTS and request.transport is not None:
            request.transport.abort()
        await answer.write_eof()
        return answer

    def _holds(self, asked: ByteRange) -> bool:
        self.ranges.append(asked)
        chunk = self.manifest.chunk_bytes
        touched = range(asked.start_bytes // chunk, (asked.start_bytes + asked.length_bytes - 1) // chunk + 1)
        return all(self.bitmap.has(index) for index in touched)

    async def _count(self, size_bytes: int) -> None:
        self.sent_bytes += size_bytes
        await asyncio.sleep(self.piece_takes_s)


HUB_KEY = HubKey.generate()
"""By which played sources sign, unless they are told another key."""


def signed_by(key: HubKey, manifest: ArtifactManifest) -> SignedManifest:
    """Return the manifest as the hub of that key gives it."""
    content = key.sign(manifest.to_bytes().decode()).to_bytes()
    return SignedManifest(manifest=manifest, content=content)


@asynccontextmanager
async def played_source(
    path: Path, manifest: ArtifactManifest, *, port: int = 0, prefix: str = "", tls: ssl.SSLContext | None = None
) -> AsyncIterator[PlayedSource]:
    """Serve the file at `path` on loopback, below `prefix`, for as long as the context is open."""
    source = PlayedSource(manifest=manifest, path=path, bitmap=Bitmap.full(manifest.chunk_count), key=HUB_KEY)
    app = web.Application()
    app.router.add_get(f"{prefix}/{manifest.digest}", source.give_bytes)
    app.router.add_get(f"{prefix}/{manifest.digest}/manifest", source.give_manifest)
    app.router.add_get(f"{prefix}/{manifest.digest}/held", source.give_bitmap)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", port, ssl_context=tls).start()
        source.port = int(runner.addresses[0][1])
        source.url = f"{'http' if tls is None else 'https'}://127.0.0.1:{source.port}{prefix}"
        yield source
    finally:
        await runner.cleanup()
