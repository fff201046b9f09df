"""Locks: stretches of a camera's recordings that retention spares, because they are evidence."""

import sqlite3
from collections.abc import Sequence
from typing import Any

from pydantic import AwareDatetime, Field

from appliance.store.moments import from_us, to_us
from federation.messages import Slug, WireModel

MOST_LOCKS = 10_000

BETWEEN = (
    "SELECT id, point_id, from_us, until_us, reason, locked_by, locked_at_us FROM locks"
    " WHERE point_id = ? AND from_us < ? AND until_us > ? ORDER BY from_us"
)
"""The locks of a camera that touch a stretch of time: point, its end, its start."""

FOUND = (
    "SELECT id, point_id, from_us, until_us, reason, locked_by, locked_at_us FROM locks"
    " WHERE point_id = ? AND from_us < ? AND until_us > ? AND instr(lower(reason), lower(?)) > 0"
    " AND (from_us, id) < (?, ?) ORDER BY from_us DESC, id DESC LIMIT ?"
)
"""A camera's locks, the latest first: point, end and start of a stretch, words of the reason, after which, how many."""


class TooManyLocks(Exception):
    """There are as many locks as a box keeps; remove some first."""


class Lock(WireModel):
    """A stretch of time that is not removed."""

    id: str
    point_id: Slug
    start: AwareDatetime
    end: AwareDatetime
    reason: str = Field(default="", max_length=200)
    locked_by: str = ""
    locked_at: AwareDatetime


def put(db: sqlite3.Connection, lock: Lock) -> None:
    """Store a lock; raise TooManyLocks."""
    (count,) = db.execute("SELECT count(*) FROM locks").fetchone()
    if count >= MOST_LOCKS:
        raise TooManyLocks(f"{MOST_LOCKS} stretches are locked; unlock some first")
    values = (lock.id, lock.point_id, to_us(lock.start), to_us(lock.end), lock.reason, lock.locked_by)
    db.execute("INSERT OR REPLACE INTO locks VALUES (?, ?, ?, ?, ?, ?, ?)", (*values, to_us(lock.locked_at)))


def remove(db: sqlite3.Connection, lock_id: str) -> bool:
    """Remove a lock; tell whether there was one."""
    return db.execute("DELETE FROM locks WHERE id = ?", (lock_id,)).rowcount > 0


def lock_of(row: Sequence[Any]) -> Lock:
    """Return the lock in a row of `BETWEEN`."""
    return Lock(
        id=row[0],
        point_id=row[1],
        start=from_us(row[2]),
        end=from_us(row[3]),
        reason=row[4],
        locked_by=row[5],
        locked_at=from_us(row[6]),
    )
