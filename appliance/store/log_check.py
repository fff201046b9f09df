"""Whether SQLite's log is whole: of one that a disk has spoilt it leaves out what stands behind, and says nothing.

The format is sqlite.org/fileformat2.html#walformat. The index that SQLite keeps of its log (walformat.html) knows how
many frames were committed, and outlives a kill. After a power cut it may say nothing: then frames of this turn of the
log, which its salts tell, behind one that is not right are the sign. What such a cut leaves, or a large work that was
undone, is the same: its numbers count as uncertain, where any were given.
"""

import struct
import sys
from pathlib import Path

MAGIC = 0x377F0682  # the lowest bit tells the order of bytes in which sums are made
HEADER_BYTES = 32
FRAME_BYTES = 24
INDEX_BYTES = 96  # its header, twice
PAGE_SIZES = frozenset(1 << power for power in range(9, 17))
MASK = 0xFFFFFFFF

Sums = tuple[int, int]


def log_is_spoilt(database_file: Path) -> bool:
    """Tell whether the log beside a database has frames that SQLite will not read, though they were written. Blocks.

    Takes a third of a second for the usual 4 MB.
    """
    log, index = (_content(database_file.with_name(database_file.name + suffix)) for suffix in ("-wal", "-shm"))
    return is_spoilt(log, index)


def _content(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except FileNotFoundError:
        return b""


def is_spoilt(log: bytes, index: bytes = b"") -> bool:
    """Tell it of the content of a log, and of the index of it, if there is one."""
    if not any(log[:HEADER_BYTES]):
        return any(log)  # laid out in advance, and not yet written; or its beginning is gone
    if len(log) < HEADER_BYTES:
        return False
    magic, _, page_bytes, _ = struct.unpack(">4I", log[:16])
    order = ">" if magic & 1 else "<"
    sums = _summed((0, 0), log[:24], order)
    if magic & ~1 != MAGIC or page_bytes not in PAGE_SIZES or sums != struct.unpack(">2I", log[24:HEADER_BYTES]):
        return True
    salts, size, committed = log[16:24], FRAME_BYTES + page_bytes, 0
    starts = range(HEADER_BYTES, len(log) - size + 1, size)
    behind = False
    for number, start in enumerate(starts):
        frame = log[start : start + size]
        sums = _summed(_summed(sums, frame[:8], order), frame[FRAME_BYTES:], order)
        if frame[8:16] != salts or sums != struct.unpack(">2I", frame[16:FRAME_BYTES]):
            behind = any(log[later + 8 : later + 16] == salts for later in starts[number + 1 :])
            break
        if any(frame[4:8]):  # the size of the database stands in the last frame of a commit
            committed = number + 1
    known = _committed(index, salts)
    return behind if known is None else committed < known


def _committed(index: bytes, salts: bytes) -> int | None:
    """Return how many frames are committed as an index has it, None if it is not of this turn of the log."""
    if len(index) < INDEX_BYTES or index[: INDEX_BYTES // 2] != index[INDEX_BYTES // 2 : INDEX_BYTES]:
        return None
    return int.from_bytes(index[16:20], sys.byteorder) if index[32:40] == salts else None


def _summed(sums: Sums, content: bytes, order: str) -> Sums:
    first, second = sums
    words = iter(struct.unpack(f"{order}{len(content) // 4}I", content))
    for even, odd in zip(words, words, strict=True):
        first = (first + even + second) & MASK
        second = (second + odd + first) & MASK
    return first, second
