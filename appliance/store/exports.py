"""What went into files: spans of lanes and pictures that were exported, and when each is due again.

Rows that were never exported stand in no span; `export_lanes` says up to where each lane was exported once.
"""

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass

from appliance.store import outbox
from federation.custody.ranges import Ranges, Span
from federation.messages import Ack, Lane

NEVER_US = 2**62


@dataclass(frozen=True, kw_only=True)
class Policy:
    """When something is exported again that nobody has confirmed.

    A one-way border brings no answer: everything is exported `copies` times, `repeat_us` microseconds apart. Where
    answers come (`copies` is None) it is exported again until it is confirmed, after pauses that double.
    """

    copies: int | None
    repeat_us: int
    longest_us: int = 24 * 3600 * 10**6

    def due_us(self, times: int, now_us: int) -> int | None:
        """Return when something is due again that was exported so many times, None if it is not."""
        if self.copies is not None:
            return now_us + self.repeat_us if times < self.copies else None
        pause_us = self.repeat_us << min(max(times - 1, 0), 30)
        return now_us + min(pause_us, max(self.longest_us, self.repeat_us))


@dataclass(frozen=True, kw_only=True)
class LaneExport:
    """One lane: exported once up to `upto`; `repeating` rows will be exported again."""

    lane: Lane
    upto: int
    repeating: int


def begin(db: sqlite3.Connection, lane: Lane) -> int:
    """Return up to where a lane was exported once; a new epoch of the lane begins from nothing."""
    epoch = outbox.state_of(db, lane).epoch
    found = db.execute("SELECT epoch, upto FROM export_lanes WHERE lane = ?", (lane,)).fetchone()
    if found is not None and found[0] == epoch:
        return int(found[1])
    db.execute("DELETE FROM exports WHERE lane = ?", (lane,))
    db.execute("INSERT OR REPLACE INTO export_lanes VALUES (?, ?, 0)", (lane, epoch))
    return 0


def wanted(db: sqlite3.Connection, lane: Lane, now_us: int) -> Span | None:
    """Return the next numbers of a lane to export: new ones first, then what is due again; None for nothing."""
    state, upto = outbox.state_of(db, lane), begin(db, lane)
    first = max(upto, state.acknowledged, state.base - 1) + 1
    if first <= state.produced:
        return (first, state.produced)
    found = db.execute(
        "SELECT first, last FROM exports WHERE lane = ? AND due_us <= ? ORDER BY due_us, first LIMIT 1", (lane, now_us)
    ).fetchone()
    return None if found is None else (found[0], found[1])


def exported(db: sqlite3.Connection, lane: Lane, span: Span, policy: Policy, now_us: int) -> None:
    """Note that a span, which is new or the beginning of one that was due, is in a parcel."""
    first, last = span
    known = db.execute(
        "DELETE FROM exports WHERE lane = ? AND first = ? RETURNING last, times, due_us", (lane, first)
    ).fetchone()
    if known is not None and known[0] > last:
        db.execute("INSERT INTO exports VALUES (?, ?, ?, ?, ?)", (lane, last + 1, *known))
    times = 1 if known is None else known[1] + 1
    due_us = policy.due_us(times, now_us)
    if due_us is not None:
        db.execute("INSERT INTO exports VALUES (?, ?, ?, ?, ?)", (lane, first, last, times, due_us))
    db.execute("UPDATE export_lanes SET upto = max(upto, ?) WHERE lane = ?", (last, lane))


def confirmed(db: sqlite3.Connection, ack: Ack, now_us: int) -> None:
    """Keep only spans that the other side has not; what it lost, or never got, is due now."""
    upto = begin(db, ack.lane)
    have = Ranges.of([(1, ack.upto), *ack.beyond])
    kept = _spans(db, ack.lane)
    db.execute("DELETE FROM exports WHERE lane = ?", (ack.lane,))
    pieces = [
        (first, last, times, due_us) for start, end, times, due_us in kept for first, last in have.missing(start, end)
    ]
    here = Ranges.of([*have.spans, *((first, last) for first, last, _, _ in pieces)])
    pieces += [(first, last, 0, now_us) for first, last in here.missing(ack.upto + 1, upto)]
    db.executemany("INSERT INTO exports VALUES (?, ?, ?, ?, ?)", [(ack.lane, *piece) for piece in pieces])


def request(db: sqlite3.Connection, lane: Lane, span: Span, now_us: int) -> int:
    """Let numbers that are held, and were exported before, be exported again; return how many."""
    state = outbox.state_of(db, lane)
    first, last = max(span[0], state.base), min(span[1], begin(db, lane))
    if first > last:
        return 0
    kept = _spans(db, lane)
    outside = Ranges.of([(first, last)])
    db.execute("DELETE FROM exports WHERE lane = ?", (lane,))
    pieces = [
        (start, end, times, due_us)
        for begun, ended, times, due_us in kept
        for start, end in outside.missing(begun, ended)
    ]
    pieces.append((first, last, 0, now_us))
    db.executemany("INSERT INTO exports VALUES (?, ?, ?, ?, ?)", [(lane, *piece) for piece in pieces])
    return last - first + 1


def figures(db: sqlite3.Connection) -> tuple[LaneExport, ...]:
    """Return how far each lane was exported."""
    found = dict(db.execute("SELECT lane, upto FROM export_lanes JOIN lanes USING (lane, epoch)").fetchall())
    repeating = dict(db.execute("SELECT lane, sum(last - first + 1) FROM exports GROUP BY lane").fetchall())
    return tuple(LaneExport(lane=lane, upto=found.get(lane, 0), repeating=repeating.get(lane, 0)) for lane in Lane)


def pictures_wanted(db: sqlite3.Connection, now_us: int, limit: int) -> list[tuple[str, int]]:
    """Return digests and sizes of pictures to export: those never exported first, the newest of them first."""
    found = db.execute(
        "SELECT digest, size_bytes FROM pictures LEFT JOIN picture_exports USING (digest)"
        " WHERE state = 'waiting' AND coalesce(picture_exports.due_us, 0) <= ?"
        " ORDER BY times IS NOT NULL, created_us DESC LIMIT ?",
        (now_us, limit),
    )
    return [(digest, size_bytes) for digest, size_bytes in found]


def pictures_exported(db: sqlite3.Connection, digests: Iterable[str], policy: Policy, now_us: int) -> None:
    """Note that pictures are in a parcel."""
    for digest in digests:
        (times,) = db.execute(
            "INSERT INTO picture_exports VALUES (?, 1, 0) ON CONFLICT (digest) DO UPDATE SET times = times + 1"
            " RETURNING times",
            (digest,),
        ).fetchone()
        due_us = policy.due_us(times, now_us)
        db.execute(
            "UPDATE picture_exports SET due_us = ? WHERE digest = ?", (NEVER_US if due_us is None else due_us, digest)
        )


def tidy(db: sqlite3.Connection) -> None:
    """Forget the exports of pictures that are no longer waiting."""
    db.execute("DELETE FROM picture_exports WHERE digest NOT IN (SELECT digest FROM pictures WHERE state = 'waiting')")


def picture_requested(db: sqlite3.Connection, digest: str) -> bool:
    """Let a picture that is here be exported again; tell whether it is."""
    db.execute("UPDATE picture_exports SET times = 0, due_us = 0 WHERE digest = ?", (digest,))
    known = db.execute(
        "UPDATE pictures SET state = 'waiting' WHERE digest = ? AND state IN ('sent', 'waiting')", (digest,)
    )
    return known.rowcount > 0


def forget(db: sqlite3.Connection) -> None:
    """Forget all exports and begin numbering anew: it is another hub than before."""
    for table in ("exports", "export_lanes", "picture_exports", "parcels"):
        db.execute(f"DELETE FROM {table}")  # noqa: S608 - the names are ours
    db.execute("DELETE FROM sqlite_sequence WHERE name = 'parcels'")


def _spans(db: sqlite3.Connection, lane: Lane) -> list[tuple[int, int, int, int]]:
    return db.execute("SELECT first, last, times, due_us FROM exports WHERE lane = ?", (lane,)).fetchall()
