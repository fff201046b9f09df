"""The index of recordings: which segment of which camera lies where, what is missing and why, what is locked."""

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Literal

from appliance.mp4.track import TIMESCALE, Track
from appliance.recording.segment import Entry, pack_entries

Kind = Literal["planned", "event", "backfill"]
"""Why something was recorded: by the calendar, because of an event, or afterwards from the camera's own record."""

HOUR_US = 3_600_000_000
LONGEST_SEGMENT_S = 900
"""No segment is longer, so that those of a time are found by their first moment."""

GAP_US = 3_000_000
"""Shorter pauses are no gap: a camera's clock drifts, and pictures wait on the way."""


LOOKS = 6
"""So often a gap is looked for in the camera's record; each time after a longer pause."""

FIRST_LOOK_PAUSE_US = 60_000_000


@dataclass(frozen=True, kw_only=True)
class Beginning:
    """A segment that is to be begun."""

    point_id: str
    first_us: int
    track: Track
    init_bytes: int
    kind: Kind = "planned"


@dataclass(frozen=True, kw_only=True)
class Ending:
    """A segment that has been finished."""

    id: int
    entries: tuple[Entry, ...]
    init_bytes: int

    @property
    def size_bytes(self) -> int:
        """Size of its file."""
        return self.init_bytes + sum(entry.size_bytes for entry in self.entries)

    @property
    def duration_us(self) -> int:
        """How long it lasts."""
        return sum(entry.duration_ticks for entry in self.entries) * 1_000_000 // TIMESCALE


def begin(db: sqlite3.Connection, beginning: Beginning) -> tuple[int, str]:
    """Note a segment before its file is made; return its id and its path below the folder of recordings."""
    segment_id = _insert(db, None, beginning)
    path = segment_path(beginning, segment_id)
    db.execute("UPDATE segments SET path = ? WHERE id = ?", (path, segment_id))
    return segment_id, path


def enter(db: sqlite3.Connection, segment_id: int, beginning: Beginning, path: str) -> None:
    """Note a segment whose file was found; it is open until `finish` says what it holds."""
    _insert(db, segment_id, beginning, path)


def is_empty(db: sqlite3.Connection) -> bool:
    """Tell whether no segment has ever been noted."""
    return db.execute("SELECT 1 FROM sqlite_sequence WHERE name = 'segments'").fetchone() is None


def segment_path(beginning: Beginning, segment_id: int) -> str:
    """Return where a segment lies: a folder per camera and day (UTC), a name by time and id, and whether it is late."""
    at = datetime.fromtimestamp(beginning.first_us / 1_000_000, UTC)
    late = "-backfill" if beginning.kind == "backfill" else ""
    return f"{beginning.point_id}/{at:%Y-%m-%d}/{at:%H%M%S}-{segment_id}{late}.mp4"


def finish(db: sqlite3.Connection, ending: Ending) -> None:
    """Note what a segment holds; one without a fragment is forgotten."""
    if not ending.entries:
        db.execute("DELETE FROM segments WHERE id = ?", (ending.id,))
        return
    found = db.execute(
        "UPDATE segments SET open = 0, last_us = first_us + ?, size_bytes = ?, entries = ? WHERE id = ? AND open"
        " RETURNING point_id, first_us",
        (ending.duration_us, ending.size_bytes, pack_entries(ending.entries), ending.id),
    ).fetchone()
    if found is not None:
        _count(db, found[0], found[1], duration_us=ending.duration_us, size_bytes=ending.size_bytes, segments=1)


def forget(db: sqlite3.Connection, segment_ids: Iterable[int]) -> None:
    """Forget segments whose files are gone."""
    for segment_id in segment_ids:
        found = db.execute(
            "DELETE FROM segments WHERE id = ? RETURNING point_id, first_us, last_us, size_bytes, open", (segment_id,)
        ).fetchone()
        if found is not None and not found[4]:
            _count(db, found[0], found[1], duration_us=found[1] - found[2], size_bytes=-found[3], segments=-1)
    db.execute("DELETE FROM hours WHERE segments <= 0")


def open_segments(db: sqlite3.Connection, *, limit: int) -> list[tuple[int, str]]:
    """Return id and path of segments that are not finished."""
    found = db.execute("SELECT id, path FROM segments WHERE open ORDER BY id LIMIT ?", (limit,))
    return [(row[0], row[1]) for row in found]


def held_bytes(db: sqlite3.Connection) -> int:
    """Return the size of all finished segments."""
    return int(db.execute("SELECT coalesce(sum(size_bytes), 0) FROM hours").fetchone()[0])


def last_us(db: sqlite3.Connection, point_id: str) -> int | None:
    """Return when the newest segment of a camera ends, newest by order; what was backfilled is older."""
    row = db.execute(
        "SELECT last_us FROM segments WHERE point_id = ? AND NOT open AND kind != 'backfill' ORDER BY id DESC LIMIT 1",
        (point_id,),
    ).fetchone()
    return None if row is None else int(row[0])


def adopt(db: sqlite3.Connection, cameras: Sequence[tuple[str, str, int]]) -> None:
    """Note name and days to keep of the cameras that are recorded now; others keep what they had."""
    db.executemany("INSERT OR REPLACE INTO cameras VALUES (?, ?, ?)", cameras)


def open_gap(db: sqlite3.Connection, point_id: str, from_us: int, reason: str) -> None:
    """Note that nothing is recorded since `from_us`; a gap for another reason ends there."""
    close_gap(db, point_id, from_us)
    db.execute("INSERT INTO gaps (point_id, from_us, reason) VALUES (?, ?, ?)", (point_id, from_us, reason))


def present_gap(db: sqlite3.Connection, point_id: str) -> str | None:
    """Return the reason of the gap that has not ended, None if there is none."""
    row = db.execute("SELECT reason FROM gaps WHERE point_id = ? AND until_us IS NULL", (point_id,)).fetchone()
    return None if row is None else str(row[0])


def close_gap(db: sqlite3.Connection, point_id: str, until_us: int) -> bool:
    """Note that recording goes on; tell whether there was a gap. One that turns out to be none is forgotten."""
    ended = db.execute(
        "UPDATE gaps SET until_us = ? WHERE point_id = ? AND until_us IS NULL RETURNING id, from_us",
        (until_us, point_id),
    ).fetchall()
    empty = [(gap_id,) for gap_id, from_us in ended if from_us >= until_us]
    db.executemany("DELETE FROM gaps WHERE id = ?", empty)
    return bool(ended)


def note_gap(db: sqlite3.Connection, point_id: str, from_us: int, until_us: int, reason: str) -> None:
    """Note a gap that is over, if it is one."""
    if until_us - from_us > GAP_US:
        values = (point_id, from_us, until_us, reason)
        db.execute("INSERT INTO gaps (point_id, from_us, until_us, reason) VALUES (?, ?, ?, ?)", values)


@dataclass(frozen=True, kw_only=True)
class Missing:
    """A gap that is over, and nobody wanted."""

    id: int
    point_id: str
    from_us: int
    until_us: int
    reason: str
    looks: int = 0

    @property
    def duration_us(self) -> int:
        """How long it lasted."""
        return self.until_us - self.from_us

    def newest(self, longest: timedelta) -> "Missing":
        """Return its newest part, at most so long."""
        return replace(self, from_us=max(self.from_us, self.until_us - round(longest / timedelta(microseconds=1))))


def next_missing(db: sqlite3.Connection, kept: Mapping[str, int], now_us: int, settled_us: int) -> Missing | None:
    """Return the newest gap that may be looked for now, None if there is none.

    `kept` says of the cameras that are to be filled what is still kept; a gap must have ended before `settled_us`.
    """
    rows = db.execute(
        "SELECT id, point_id, from_us, until_us, reason, looks FROM gaps WHERE until_us IS NOT NULL"
        " AND until_us < ? AND looks < ? AND looked_us + (? << looks) - ? <= ?"
        " AND reason IN ('no_pictures', 'stopped', 'disk') ORDER BY until_us DESC",
        (settled_us, LOOKS, FIRST_LOOK_PAUSE_US, FIRST_LOOK_PAUSE_US, now_us),
    )
    for row in rows:
        found = Missing(id=row[0], point_id=row[1], from_us=row[2], until_us=row[3], reason=row[4], looks=row[5])
        if found.point_id in kept and found.until_us > kept[found.point_id] and found.duration_us > GAP_US:
            return found
    return None


def settle(
    db: sqlite3.Connection, gap: Missing, part: Missing, covered: Sequence[tuple[int, int]], now_us: int
) -> None:
    """Put what is still missing of a gap in its place, after its `part` was looked for and `covered` was found."""
    db.execute("DELETE FROM gaps WHERE id = ?", (gap.id,))
    _put_missing(db, replace(gap, until_us=part.from_us), looked_us=0)
    free_us = part.from_us
    for start_us, end_us in [*sorted(covered), (part.until_us, part.until_us)]:
        _put_missing(db, replace(part, from_us=free_us, until_us=start_us, looks=gap.looks + 1), looked_us=now_us)
        free_us = max(free_us, end_us)


def _put_missing(db: sqlite3.Connection, missing: Missing, *, looked_us: int) -> None:
    if missing.duration_us > GAP_US:
        db.execute(
            "INSERT INTO gaps (point_id, from_us, until_us, reason, looks, looked_us) VALUES (?, ?, ?, ?, ?, ?)",
            (missing.point_id, missing.from_us, missing.until_us, missing.reason, missing.looks, looked_us),
        )


def _insert(db: sqlite3.Connection, segment_id: int | None, beginning: Beginning, path: str = "") -> int:
    values = (
        segment_id,
        beginning.point_id,
        path,
        beginning.first_us,
        beginning.first_us,
        beginning.init_bytes,
        beginning.init_bytes,
        beginning.track.mime,
        beginning.track.size.width_px,
        beginning.track.size.height_px,
        beginning.kind,
    )
    cursor = db.execute("INSERT INTO segments VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 1, x'')", values)
    return int(cursor.lastrowid or 0)


def _count(
    db: sqlite3.Connection, point_id: str, first_us: int, *, duration_us: int, size_bytes: int, segments: int
) -> None:
    """Add to the sums of the hour in which a segment begins: what a day's summary costs must not grow with segments."""
    db.execute(
        "INSERT INTO hours VALUES (?, ?, ?, ?, ?) ON CONFLICT (point_id, hour) DO UPDATE SET"
        " duration_us = duration_us + excluded.duration_us, size_bytes = size_bytes + excluded.size_bytes,"
        " segments = segments + excluded.segments",
        (point_id, first_us // HOUR_US, duration_us, size_bytes, segments),
    )
