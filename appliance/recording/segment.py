"""Segment files: appended fragment by fragment, sound after any crash. Everything here blocks: call it on a thread."""

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from appliance.mp4.boxes import BadBox
from appliance.mp4.reading import Place, fragments, init_bytes, is_sound

WRITTEN_AT_ONCE = 1024  # IOV_MAX of Linux
CHECKED_FRAGMENTS = 3  # the newest may be torn by a power cut, also where their lengths look right


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A fragment in a segment: how long it lasts, its bytes with its head, and whether it starts with a key frame."""

    duration_ticks: int
    size_bytes: int
    key: bool


@dataclass(frozen=True, kw_only=True)
class Recovered:
    """What a segment file holds after a crash; `at_us` is the wall clock at its start as its first fragment tells."""

    init_bytes: int
    entries: tuple[Entry, ...]
    cut_bytes: int
    at_us: int | None


class SegmentFile:
    """A segment that is being written. A failed append leaves it as it was before."""

    def __init__(self, path: Path, init: bytes) -> None:
        """Create the file with its init segment; raise OSError, then there is none."""
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.path = path
        self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        self._size_bytes = 0
        self._open = True
        try:
            self.append(init, [])
            self.sync()
            _sync_folder(path.parent)
        except BaseException:
            self.close()
            path.unlink(missing_ok=True)
            raise

    @property
    def size_bytes(self) -> int:
        """How much has been written."""
        return self._size_bytes

    def append(self, head: bytes, pieces: Iterable[bytes | memoryview]) -> None:
        """Write `head` and `pieces` to the end without copying them; raise OSError with nothing written.

        The head comes last, when all that it announces is there: who reads along never sees half a fragment.
        """
        start = self._size_bytes
        rest = iter(pieces)
        end = start + len(head)
        try:
            while batch := list(islice(rest, WRITTEN_AT_ONCE)):
                end += self._write(batch, end)
            self._write([head], start)
        except OSError:
            os.ftruncate(self._descriptor, start)
            raise
        self._size_bytes = end

    def sync(self) -> None:
        """Return once everything that was written is on the disk."""
        os.fdatasync(self._descriptor)

    def finish(self) -> None:
        """Return once everything is on the disk and the file is closed; a second time does nothing."""
        if self._open:
            self.sync()
            self.close()

    def close(self) -> None:
        """Close the file."""
        self._open = False
        os.close(self._descriptor)

    def _write(self, batch: list[bytes | memoryview], at: int) -> int:
        wanted = sum(map(len, batch))
        written = os.pwritev(self._descriptor, batch, at)
        while written < wanted:  # the kernel takes less where the disk is full, and says why at the next try
            rest = memoryview(b"".join(batch))[written:]
            written += os.pwrite(self._descriptor, rest, at + written)
        return wanted


def recover(path: Path) -> Recovered | None:
    """Cut off what a crash has torn and return what is left; None if that is nothing, then the file is removed.

    Raise OSError, FileNotFoundError among them.
    """
    with path.open("r+b", buffering=0) as file:
        size = os.fstat(file.fileno()).st_size
        try:
            init = init_bytes(file)
        except BadBox:
            path.unlink()
            return None
        places = list(fragments(file, len(init), size))
        while places and not all(is_sound(file, place) for place in places[-CHECKED_FRAGMENTS:]):
            places.pop()
        if not places:
            path.unlink()
            return None
        end = places[-1].end
        if end < size:
            os.ftruncate(file.fileno(), end)
            os.fsync(file.fileno())
    return Recovered(
        init_bytes=len(init),
        entries=tuple(map(entry_of, places)),
        cut_bytes=size - end,
        at_us=places[0].head.at_us,
    )


def entry_of(place: Place) -> Entry:
    """Return the entry of a fragment that lies in a file."""
    samples = place.head.samples
    return Entry(
        duration_ticks=place.head.duration_ticks,
        size_bytes=place.end - place.offset,
        key=bool(samples) and samples[0].key,
    )


def pack_entries(entries: Sequence[Entry]) -> bytes:
    """Return the entries in a compact form, about six bytes each (LEB128)."""
    packed = bytearray()
    for entry in entries:
        for number in (entry.duration_ticks << 1 | entry.key, entry.size_bytes):
            rest = number
            while rest > 0x7F:
                packed.append(rest & 0x7F | 0x80)
                rest >>= 7
            packed.append(rest)
    return bytes(packed)


def unpack_entries(packed: bytes) -> tuple[Entry, ...]:
    """Return the entries that were packed."""
    numbers: list[int] = []
    number = shift = 0
    for byte in packed:
        number |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            numbers.append(number)
            number = shift = 0
    return tuple(
        Entry(duration_ticks=first >> 1, size_bytes=second, key=bool(first & 1))
        for first, second in zip(numbers[::2], numbers[1::2], strict=True)
    )


def _sync_folder(folder: Path) -> None:
    """Make a new name in `folder`, and the folder itself, durable."""
    for place in (folder, folder.parent, folder.parent.parent):
        descriptor = os.open(place, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
