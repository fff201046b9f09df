"""A file on disk as the body of an upload."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

CHUNK_BYTES = 1 << 20


async def chunks_of(path: Path) -> AsyncIterator[bytes]:
    """Yield a file in pieces."""
    file = await asyncio.to_thread(path.open, "rb")
    try:
        while chunk := await asyncio.to_thread(file.read, CHUNK_BYTES):
            yield chunk
    finally:
        await asyncio.to_thread(file.close)
