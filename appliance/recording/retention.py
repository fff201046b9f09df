"""What is removed when: by age, and by space, the oldest first by order; locked recordings are spared."""

import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from appliance.recording import bookmarks
from appliance.store.moments import to_us

STEP = 50  # segments in one step, so that removing never keeps recording waiting
DEFAULT_KEEP_DAYS = 30
OLDEST_CLOCK_US = to_us(datetime(2025, 1, 1, tzinfo=UTC))
"""No recording is older than this software: an earlier clock was never set."""

_UNLOCKED = (
    " NOT EXISTS (SELECT 1 FROM bookmarks WHERE locked AND bookmarks.point_id = segments.point_id"
    " AND bookmarks.from_us < segments.last_us AND bookmarks.until_us > segments.first_us)"
)


@dataclass(frozen=True, kw_only=True)
class Old:
    """A finished segment; `size_bytes` is that of its file."""

    id: int
    path: str
    last_us: int
    size_bytes: int


def too_old(segments: Iterable[Old], *, cutoff_us: int, now_us: int) -> list[Old]:
    """Return which of a camera's oldest segments, in their order, ended before `cutoff_us`.

    Clocks may have been wrong: a segment whose time cannot be (before this software, or in the future) goes with the
    next one in order whose time can be. The first that is young enough protects all behind it.
    """
    gone: list[Old] = []
    doubtful: list[Old] = []
    for segment in segments:
        if not OLDEST_CLOCK_US <= segment.last_us <= now_us:
            doubtful.append(segment)
        elif segment.last_us < cutoff_us:
            gone += [*doubtful, segment]
            doubtful = []
        else:
            break
    return gone


def expired(db: sqlite3.Connection, now: datetime) -> list[Old]:
    """Return up to `STEP` unlocked segments that are older than their camera's recordings are kept."""
    found: list[Old] = []
    kept = dict(db.execute("SELECT point_id, keep_days FROM cameras").fetchall())
    for (point_id,) in db.execute("SELECT DISTINCT point_id FROM hours").fetchall():
        keep = timedelta(days=kept.get(point_id, DEFAULT_KEEP_DAYS))
        oldest = _oldest(db, "point_id = ?", (point_id,), limit=STEP - len(found))
        found += too_old(oldest, cutoff_us=to_us(now - keep), now_us=to_us(now))
        if len(found) >= STEP:
            break
    return found


def oldest(db: sqlite3.Connection) -> list[Old]:
    """Return up to `STEP` unlocked segments of all cameras, the oldest by order."""
    return _oldest(db, "1", (), limit=STEP)


def enough(segments: Sequence[Old], size_bytes: int) -> list[Old]:
    """Return as many of `segments`, from the first on, as free `size_bytes`."""
    freed = 0
    taken: list[Old] = []
    for segment in segments:
        if freed >= size_bytes:
            break
        taken.append(segment)
        freed += segment.size_bytes
    return taken


def forget_gaps(db: sqlite3.Connection, now: datetime) -> None:
    """Forget gaps, and bookmarks that lock nothing, from before the oldest time that anything is kept for."""
    (days,) = db.execute("SELECT coalesce(max(keep_days), ?) FROM cameras", (DEFAULT_KEEP_DAYS,)).fetchone()
    oldest_us = to_us(now - timedelta(days=days))
    db.execute("DELETE FROM gaps WHERE until_us < ?", (oldest_us,))
    bookmarks.forget(db, oldest_us)


def _oldest(db: sqlite3.Connection, condition: str, values: tuple[str, ...], *, limit: int) -> list[Old]:
    rows = db.execute(
        "SELECT id, path, last_us, size_bytes FROM segments"  # noqa: S608 - all texts are ours
        f" WHERE {condition} AND NOT open AND {_UNLOCKED} ORDER BY id LIMIT ?",
        (*values, limit),
    )
    return [Old(id=row[0], path=row[1], last_us=row[2], size_bytes=row[3]) for row in rows]
