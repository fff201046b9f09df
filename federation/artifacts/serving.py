"""Bytes of an artifact over HTTP: whole or one range, by digest, a piece at a time."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from aiohttp import web

from federation.artifacts.byte_range import ByteRange, asked_range
from federation.artifacts.errors import Unsatisfiable
from federation.http import Problem

PIECE_BYTES = 256 * 2**10
TAKEN_WITHIN_S = 60.0


@dataclass(frozen=True, kw_only=True)
class Served:
    """A file that holds the artifact `digest`, or parts of it, at their places."""

    path: Path
    digest: str
    size_bytes: int

    @property
    def etag(self) -> str:
        """The strong entity tag: the content of a digest never changes."""
        return f'"{self.digest}"'


async def send_artifact(
    request: web.Request,
    served: Served,
    *,
    pace: Callable[[int], Awaitable[None]] | None = None,
    holds: Callable[[ByteRange], bool] | None = None,
) -> web.StreamResponse:
    """Answer GET or HEAD for the bytes of `served`: 200, 206, 304 or 416.

    `pace` is awaited before each piece. `holds` says whether the asked bytes are all there; 404 if not.
    A reader who takes nothing for a minute is left.
    """
    if request.headers.get("If-None-Match") == served.etag:
        return web.Response(status=304, headers=_headers(served))
    try:
        asked = asked_range(
            header=request.headers.get("Range"),
            if_range=request.headers.get("If-Range"),
            etag=served.etag,
            size_bytes=served.size_bytes,
        )
    except Unsatisfiable as error:
        size = {"Content-Range": f"bytes */{served.size_bytes}"}
        raise Problem(416, "range_not_satisfiable", f"The range lies outside: {error}.", headers=size) from error
    whole = ByteRange(start_bytes=0, length_bytes=served.size_bytes, size_bytes=served.size_bytes)
    if holds is not None and not holds(asked or whole):
        raise Problem(404, "not_held", "This box does not hold these bytes; ask another.")
    response = web.StreamResponse(status=206 if asked else 200, headers=_headers(served))
    if asked:
        response.headers["Content-Range"] = asked.content_range
    response.content_length = (asked or whole).length_bytes
    if request.method == "HEAD":
        return response
    await _send(request, response, served.path, asked or whole, pace)
    return response


def _headers(served: Served) -> dict[str, str]:
    return {
        "Content-Type": "application/octet-stream",
        "ETag": served.etag,
        "Accept-Ranges": "bytes",
        "Cache-Control": "private, max-age=31536000, immutable",
    }


async def _send(
    request: web.Request,
    response: web.StreamResponse,
    path: Path,
    part: ByteRange,
    pace: Callable[[int], Awaitable[None]] | None,
) -> None:
    try:
        file = await asyncio.to_thread(_open_at, path, part.start_bytes)
    except FileNotFoundError as error:  # it has just been moved or removed
        raise Problem(404, "not_held", "These bytes are no longer here; ask again.") from error
    try:
        await response.prepare(request)
        left = part.length_bytes
        while left > 0:
            piece = await asyncio.to_thread(file.read, min(PIECE_BYTES, left))
            if not piece:
                raise ConnectionResetError("the file ended early")  # the length is promised: the reader must notice
            left -= len(piece)
            if pace is not None:
                await pace(len(piece))
            async with asyncio.timeout(TAKEN_WITHIN_S):
                await response.write(piece)
        await response.write_eof()
    except TimeoutError as error:
        raise ConnectionResetError("the reader takes nothing") from error
    finally:
        await asyncio.to_thread(file.close)


def _open_at(path: Path, start_bytes: int) -> BinaryIO:
    file = path.open("rb")
    file.seek(start_bytes)
    return file
