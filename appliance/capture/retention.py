"""Which snapshots are removed when: by age, and by space, the oldest first by order."""

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from appliance.capture import owed
from appliance.store.moments import to_us

EXPIRED = "picture_expired: this box keeps pictures for so many days, and the hub had not taken it"
CLEARED = "picture_cleared: this box needed the space before the hub had taken the picture"
STEP = 200  # rows in one transaction, so that removing never keeps a picture waiting


@dataclass(frozen=True, kw_only=True)
class Removed:
    """Rows that are gone, digests of pictures that nothing names any more, and their bytes."""

    rows: int = 0
    digests: tuple[str, ...] = ()
    size_bytes: int = 0


def expire(db: sqlite3.Connection, now: datetime, keep_days: int) -> Removed:
    """Remove up to `STEP` of the oldest settled snapshots that were asked for more than `keep_days` days ago.

    The first in order that is young enough protects all behind it: a clock may have been wrong.
    """
    cutoff_us = to_us(now - timedelta(days=keep_days))
    rows = _oldest(db)
    gone: list[int] = []
    for number, asked_us in rows:
        if asked_us >= cutoff_us:
            break
        gone.append(number)
    return _remove(db, gone, EXPIRED)


def make_room(db: sqlite3.Connection, size_bytes: int) -> Removed:
    """Remove the oldest snapshots with a picture until `size_bytes` are freed, up to `STEP` of them."""
    found = db.execute(
        "SELECT number, size_bytes FROM snapshots WHERE digest IS NOT NULL ORDER BY number LIMIT ?", (STEP,)
    ).fetchall()
    gone: list[int] = []
    freed = 0
    for number, held_bytes in found:
        if freed >= size_bytes:
            break
        gone.append(number)
        freed += held_bytes
    return _remove(db, gone, CLEARED)


def _oldest(db: sqlite3.Connection) -> list[tuple[int, int]]:
    return db.execute(
        "SELECT number, asked_us FROM snapshots WHERE state != 'waiting' ORDER BY number LIMIT ?", (STEP,)
    ).fetchall()


def _remove(db: sqlite3.Connection, numbers: Sequence[int], reason: str) -> Removed:
    if not numbers:
        return Removed()
    rows = db.execute(
        "DELETE FROM snapshots WHERE number IN (SELECT value FROM json_each(?)) RETURNING id, owed, digest, size_bytes",
        (json.dumps(list(numbers)),),
    ).fetchall()
    owed.note_gone(db, [each for each, due, _, _ in rows if due == "picture"], reason)
    sizes = {digest: size for _, _, digest, size in rows if digest is not None}
    free = tuple(digest for digest in sizes if not _is_named(db, digest))
    freed = sum(sizes[digest] for digest in free)
    db.execute("UPDATE held SET pictures = pictures - ?, size_bytes = size_bytes - ?", (len(free), freed))
    return Removed(rows=len(rows), digests=free, size_bytes=freed)


def _is_named(db: sqlite3.Connection, digest: str) -> bool:
    return db.execute("SELECT 1 FROM snapshots WHERE digest = ? LIMIT 1", (digest,)).fetchone() is not None
