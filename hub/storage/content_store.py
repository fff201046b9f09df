"""A folder of files named by the SHA-256 of their bytes.

StorageError
├── TooLarge
├── DigestMismatch
└── NoRoom
"""

import asyncio
import hashlib
import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from federation.messages import new_id

WRITE_BYTES = 256 * 2**10
FREE_BYTES_FLOOR = 256 * 2**20
INCOMING = "incoming"


class StorageError(Exception):
    """Some bytes could not be kept."""


class TooLarge(StorageError):
    """More bytes came than the store takes in one file."""


class DigestMismatch(StorageError):
    """The bytes are not the ones that the digest names."""


class NoRoom(StorageError):
    """The disk is nearly full; try again when there is room."""


@dataclass(frozen=True, kw_only=True)
class StoredFile:
    """One file of the store: its digest `sha256:…`, its size and where it lies."""

    digest: str
    size_bytes: int
    path: Path


class Writing:
    """A file on its way in; after the last `feed`, `keep` puts it in its place."""

    def __init__(self, folder: Path, *, limit_bytes: int) -> None:
        """Prepare a new file beside the store's folders; blocks, so it runs on a thread."""
        (folder / INCOMING).mkdir(parents=True, exist_ok=True)
        self.path = folder / INCOMING / new_id()
        self.size_bytes = 0
        self.start = b""
        self._folder = folder
        self._limit_bytes = limit_bytes
        self._hash = hashlib.sha256()
        self._waiting = bytearray()
        self._file: BinaryIO = self.path.open("wb")

    async def feed(self, chunk: bytes) -> None:
        """Take more bytes; raise TooLarge beyond the limit."""
        self.size_bytes += len(chunk)
        if self.size_bytes > self._limit_bytes:
            raise TooLarge(f"more than {self._limit_bytes} bytes")
        if len(self.start) < 16:
            self.start = (self.start + chunk[:16])[:16]
        self._waiting += chunk
        if len(self._waiting) >= WRITE_BYTES:
            await asyncio.to_thread(self._write)

    async def flush(self) -> None:
        """Put every byte on the disk, so that the file at `path` can be read."""
        await asyncio.to_thread(self._flush)

    async def keep(self, *, expected: str | None = None) -> StoredFile:
        """Put the file durably in its place; raise DigestMismatch if it is not the `expected` one."""
        return await asyncio.to_thread(self._keep, expected)

    def close(self) -> None:
        """Forget the file unless it was kept; blocks, so it runs on a thread."""
        self._file.close()
        self.path.unlink(missing_ok=True)

    def _write(self) -> None:
        self._hash.update(self._waiting)
        self._file.write(self._waiting)
        self._waiting.clear()

    def _flush(self) -> None:
        self._write()
        self._file.flush()
        os.fsync(self._file.fileno())

    def _keep(self, expected: str | None) -> StoredFile:
        self._write()
        digest = f"sha256:{self._hash.hexdigest()}"
        if expected is not None and digest != expected:  # before the disk is made to wait for them
            raise DigestMismatch(f"the bytes are {digest}, not {expected}")
        self._flush()
        place = path_of(self._folder, digest)
        place.parent.mkdir(parents=True, exist_ok=True)
        self.path.replace(place)
        _sync_folder(place.parent)
        return StoredFile(digest=digest, size_bytes=self.size_bytes, path=place)


class ContentStore:
    """Keeps files below `folder` as `aa/bb/<hex>`; a file is there completely or not at all."""

    def __init__(self, folder: Path, *, limit_bytes: int) -> None:
        """Keep files of at most `limit_bytes` below `folder`, which is made when it is needed."""
        self.folder = folder
        self.limit_bytes = limit_bytes

    def clear(self) -> None:
        """Remove what a hub that was killed has left on its way in; call it before anything comes. Blocks."""
        shutil.rmtree(self.folder / INCOMING, ignore_errors=True)

    @asynccontextmanager
    async def workplace(self) -> AsyncIterator[Path]:
        """Give a folder to make a file in, beside those on their way in; it is removed afterwards."""
        folder = self.folder / INCOMING / f"made-{new_id()}"
        await asyncio.to_thread(folder.mkdir, parents=True)
        try:
            yield folder
        finally:
            await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[Writing]:
        """Give a file to write; it is gone afterwards unless it was kept. Raises NoRoom."""
        writing = await asyncio.to_thread(self._begin)
        try:
            yield writing
        finally:
            await asyncio.to_thread(writing.close)

    async def find(self, digest: str) -> StoredFile | None:
        """Return the file that `digest` names, or None."""
        return await asyncio.to_thread(self._find, digest)

    async def remove(self, digest: str) -> None:
        """Remove the file that `digest` names, if it is there."""
        await asyncio.to_thread(path_of(self.folder, digest).unlink, missing_ok=True)

    def _begin(self) -> Writing:
        self.folder.mkdir(parents=True, exist_ok=True)
        if shutil.disk_usage(self.folder).free < FREE_BYTES_FLOOR:
            raise NoRoom("the disk of the hub is nearly full")
        return Writing(self.folder, limit_bytes=self.limit_bytes)

    def _find(self, digest: str) -> StoredFile | None:
        path = path_of(self.folder, digest)
        try:
            size_bytes = path.stat().st_size
        except FileNotFoundError:
            return None
        return StoredFile(digest=digest, size_bytes=size_bytes, path=path)


def path_of(folder: Path, digest: str) -> Path:
    """Return where the bytes that `digest` (`sha256:` and 64 hexadecimal digits) names lie."""
    name = digest.removeprefix("sha256:")
    return folder / name[:2] / name[2:4] / name


def _sync_folder(folder: Path) -> None:
    # Without this a power cut may forget the renamed name.
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
