"""An artifact on its way: its bytes at their places, and durably which chunks of them count."""

import errno
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from federation.artifacts import ArtifactManifest, BadBitmap, Bitmap, digest_of_file


class Part:
    """The file `path` with a bitmap beside it; a chunk counts only once its bytes are durable.

    Its methods block: call them on threads. A call that its task no longer waits for does no harm after `close`.
    """

    def __init__(self, path: Path, manifest: ArtifactManifest) -> None:
        """Open what an earlier process left, or begin."""
        self.manifest = manifest
        self.path = path
        self._bitmap_path = path.with_suffix(".bitmap")
        self._using = threading.RLock()
        self._closed = False
        self._file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        self._bitmap_file = os.open(self._bitmap_path, os.O_RDWR | os.O_CREAT, 0o600)
        if os.fstat(self._file).st_size != manifest.size_bytes:
            os.ftruncate(self._bitmap_file, 0)  # the bytes that it speaks of are not here
            os.ftruncate(self._file, manifest.size_bytes)  # sparse: takes room as chunks come
        self.bitmap = self._read_bitmap()

    @property
    def held_bytes(self) -> int:
        """How many bytes of the artifact are here."""
        last = self.manifest.chunk_count - 1
        short = self.manifest.chunk_bytes - self.manifest.length_bytes(last)
        return self.bitmap.held * self.manifest.chunk_bytes - (short if self.bitmap.has(last) else 0)

    def write(self, index: int, content: bytes | bytearray) -> None:
        """Keep a chunk that was checked; raise OSError when the disk is full or fails."""
        view, offset = memoryview(content), self.manifest.offset_bytes(index)
        with self._used():
            while view:
                written = os.pwrite(self._file, view, offset)
                view, offset = view[written:], offset + written
            os.fdatasync(self._file)  # the bitmap must never be ahead of the bytes
            self._keep_bitmap(self.bitmap.adding(index))

    def read(self, index: int) -> bytes:
        """Return the bytes at the place of a chunk."""
        with self._used():
            return os.pread(self._file, self.manifest.length_bytes(index), self.manifest.offset_bytes(index))

    def is_sound(self) -> bool:
        """Tell whether the whole has its digest; if not, only chunks that are what they should be count any more."""
        if digest_of_file(self.path) == self.manifest.digest:
            return True
        with self._used():
            bitmap = self.bitmap
            for index in range(bitmap.count):
                if not self.manifest.accepts(index, self.read(index)):
                    bitmap = bitmap.without(index)
            self._keep_bitmap(bitmap)
        return False

    def move_to(self, place: Path) -> None:
        """Give the whole artifact its place; it is there entirely or not at all, also after a power cut."""
        with self._used():
            os.fsync(self._file)
        self.path.replace(place)
        sync_folder(place.parent)
        self._bitmap_path.unlink(missing_ok=True)

    def close(self) -> None:
        """Close the files; nothing is lost."""
        with self._using:
            self._closed = True
            os.close(self._file)
            os.close(self._bitmap_file)

    @contextmanager
    def _used(self) -> Iterator[None]:
        with self._using:
            if self._closed:  # the descriptors may be another file's by now
                raise OSError(errno.EBADF, "the artifact on its way was closed")
            yield

    def _read_bitmap(self) -> Bitmap:
        content = os.pread(self._bitmap_file, self.manifest.chunk_count, 0)
        try:
            return Bitmap.read(self.manifest.chunk_count, content)
        except BadBitmap:
            os.ftruncate(self._bitmap_file, 0)
            return Bitmap.empty(self.manifest.chunk_count)

    def _keep_bitmap(self, bitmap: Bitmap) -> None:
        os.pwrite(self._bitmap_file, bitmap.bits, 0)
        os.fdatasync(self._bitmap_file)
        self.bitmap = bitmap


def sync_folder(folder: Path) -> None:
    """Make the names in `folder` durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
