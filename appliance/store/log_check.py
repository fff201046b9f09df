"""Whether SQLite's log is whole: of one that a disk has spoilt it leaves out what stands behind, and says nothing.

The format is sqlite.org/fileformat2.html#walformat. A kill leaves one unfinished frame at most, and a frame of an
earlier turn of the log has other salts; so a frame of this turn behind one that is not right is a sign of damage.
A power cut in the midst of a commit may leave the same: nobody had been told of it, and its numbers count as uncertain.
"""

import struct
from pathlib import Path

MAGIC = 0x377F0682  # the lowest bit tells the order of bytes in which sums are made
HEADER_BYTES = 32
FRAME_BYTES = 24
PAGE_SIZES = frozenset(1 << power for power in range(9, 17))
MASK = 0xFFFFFFFF

Sums = tuple[int, int]


def log_is_spoilt(database_file: Path) -> bool:
    """Tell whether the log beside a database has frames that SQLite will not read, though they were written. Blocks.

    Takes a third of a second for the usual 4 MB.
    """
    try:
        log = database_file.with_name(f"{database_file.name}-wal").read_bytes()
    except FileNotFoundError:
        return False
    return is_spoilt(log)


def is_spoilt(log: bytes) -> bool:
    """Tell it of the content of a log."""
    if not any(log[:HEADER_BYTES]):
        return any(log)  # laid out in advance, and not yet written; or its beginning is gone
    if len(log) < HEADER_BYTES:
        return False
    magic, _, page_bytes, _ = struct.unpack(">4I", log[:16])
    order = ">" if magic & 1 else "<"
    sums = _summed((0, 0), log[:24], order)
    if magic & ~1 != MAGIC or page_bytes not in PAGE_SIZES or sums != struct.unpack(">2I", log[24:HEADER_BYTES]):
        return True
    salts, size = log[16:24], FRAME_BYTES + page_bytes
    starts = range(HEADER_BYTES, len(log) - size + 1, size)
    for number, start in enumerate(starts):
        frame = log[start : start + size]
        sums = _summed(_summed(sums, frame[:8], order), frame[FRAME_BYTES:], order)
        if frame[8:16] != salts or sums != struct.unpack(">2I", frame[16:FRAME_BYTES]):
            return any(log[later + 8 : later + 16] == salts for later in starts[number + 1 :])
    return False


def _summed(sums: Sums, content: bytes, order: str) -> Sums:
    first, second = sums
    words = iter(struct.unpack(f"{order}{len(content) // 4}I", content))
    for even, odd in zip(words, words, strict=True):
        first = (first + even + second) & MASK
        second = (second + odd + first) & MASK
    return first, second
