"""The outbox: what the hub must have, lane by lane, in numbered rows.

A row names an event of this box's record, or carries its own body. Numbers whose rows were given up belong to a
tombstone, so that what a lane has produced is at all times its rows and its tombstones. Acknowledged rows stay for a
while: a hub that was restored from a backup asks for them again.
"""

import hashlib
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass

from federation.custody.ranges import Ranges
from federation.messages import Lane

BATCH_BYTES = 64 * 1024
DISK_FULL = "disk_full"  # given up before the hub had them, because there was no room left
CLEARED = "cleared"  # given up for the same reason once the hub had them: it asks again if it is restored from a backup
EXPIRED = "expired"  # of a database that is no more, which the hub had once
REPLACED = "replaced"  # of a database that is no more, and the hub never had them
UNCERTAIN = "uncertain"  # of a database that is no more, if they were given at all
UNKNOWN = "unknown"  # numbers without a row that nobody gave up: the database was damaged
OF_BEFORE = (EXPIRED, REPLACED, UNCERTAIN)


@dataclass(frozen=True, kw_only=True)
class LaneState:
    """One lane: `base` is the lowest sequence number still held.

    `given_up` counts the numbers behind its tombstones that no hub ever had, `unsaid` those behind any tombstone that
    it has not acknowledged.
    """

    epoch: str
    base: int
    produced: int
    acknowledged: int
    given_up: int
    unsaid: int

    @property
    def waiting(self) -> int:
        """Rows that the hub has not acknowledged, without tombstones."""
        return self.produced - max(self.acknowledged, self.base - 1) - self.unsaid


@dataclass(frozen=True, kw_only=True)
class Grave:
    """A tombstone: the numbers from `first` to `last` have no row, for a reason."""

    first: int
    last: int
    reason: str
    at_us: int


def append(db: sqlite3.Connection, lane: Lane, *, event_number: int | None = None, body: str | None = None) -> int:
    """Add a row that names an event or has a `body`, a JSON object with a member; return its sequence number."""
    sequence = _numbers(db, lane, 1)
    db.execute("INSERT INTO outbox VALUES (?, ?, ?, ?)", (lane, sequence, event_number, body))
    return sequence


def give_up(db: sqlite3.Connection, lane: Lane, *, count: int, reason: str, at_us: int) -> None:
    """Give numbers to `count` things that never became rows, so that the hub learns of them."""
    if count > 0:
        last = _numbers(db, lane, count)
        _bury(db, lane, Grave(first=last - count + 1, last=last, reason=reason, at_us=at_us))


def drop(db: sqlite3.Connection, lane: Lane, *, count: int, reason: str, at_us: int) -> tuple[Grave | None, list[int]]:
    """Put a tombstone in the place of the oldest rows that the hub has not acknowledged, at most `count`.

    Return it, and the numbers of the events that the rows named; the tombstone is None where no row waits.
    Only consecutive rows are taken: behind an older tombstone the next call goes on.
    """
    waiting = db.execute(
        "SELECT sequence, event_number FROM outbox JOIN lanes USING (lane)"
        " WHERE lane = ? AND sequence > acknowledged ORDER BY sequence LIMIT ?",
        (lane, count),
    ).fetchall()
    return _dropped(db, lane, waiting, reason, at_us)


def clear(db: sqlite3.Connection, lane: Lane, *, count: int, at_us: int) -> tuple[Grave | None, list[int]]:
    """Do the same with the oldest rows of the replay ring: a hub that loses them later learns why they are gone."""
    ring = db.execute(
        "SELECT sequence, event_number FROM outbox JOIN lanes USING (lane)"
        " WHERE lane = ? AND sequence <= acknowledged ORDER BY sequence LIMIT ?",
        (lane, count),
    ).fetchall()
    return _dropped(db, lane, ring, CLEARED, at_us)


def _dropped(
    db: sqlite3.Connection, lane: Lane, oldest: list[tuple[int, int | None]], reason: str, at_us: int
) -> tuple[Grave | None, list[int]]:
    if not oldest:
        return None, []
    first = oldest[0][0]
    found = [number for place, (sequence, number) in enumerate(oldest) if sequence == first + place]
    grave = Grave(first=first, last=first + len(found) - 1, reason=reason, at_us=at_us)
    _replace(db, lane, grave)
    return grave, [number for number in found if number is not None]


def bury(db: sqlite3.Connection, lane: Lane, sequences: Iterable[int], *, reason: str, at_us: int) -> None:
    """Put tombstones in the place of rows."""
    for first, last in Ranges.of((sequence, sequence) for sequence in sequences).spans:
        _replace(db, lane, Grave(first=first, last=last, reason=reason, at_us=at_us))


def bury_missing(db: sqlite3.Connection, lane: Lane, first: int, at_us: int) -> None:
    """Put a tombstone over the numbers from `first` on that have neither row nor tombstone: nobody knows why."""
    (row, grave, produced) = db.execute(
        "SELECT (SELECT min(sequence) FROM outbox WHERE lane = :lane AND sequence >= :first),"
        " (SELECT min(first) FROM tombstones WHERE lane = :lane AND last >= :first),"
        " (SELECT produced FROM lanes WHERE lane = :lane)",
        {"lane": lane, "first": first},
    ).fetchone()
    following = min(number for number in (row, grave, produced + 1) if number is not None)
    if following > first:
        _bury(db, lane, Grave(first=first, last=following - 1, reason=UNKNOWN, at_us=at_us))


def state_of(db: sqlite3.Connection, lane: Lane) -> LaneState:
    """Return the state of one lane."""
    epoch, produced, acknowledged, oldest, grave, given_up, unsaid = db.execute(
        "SELECT epoch, produced, acknowledged,"
        " (SELECT min(sequence) FROM outbox WHERE lane = :lane),"
        " (SELECT min(first) FROM tombstones WHERE lane = :lane),"
        " (SELECT coalesce(sum(last - first + 1), 0) FROM tombstones"
        " WHERE lane = :lane AND reason NOT IN (:cleared, :expired)),"
        " (SELECT coalesce(sum(last - max(first - 1, acknowledged)), 0) FROM tombstones"
        " WHERE lane = :lane AND last > acknowledged)"
        " FROM lanes WHERE lane = :lane",
        {"lane": lane, "cleared": CLEARED, "expired": EXPIRED},
    ).fetchone()
    base = min(number for number in (oldest, grave, produced + 1) if number is not None)
    return LaneState(
        epoch=epoch, base=base, produced=produced, acknowledged=acknowledged, given_up=given_up, unsaid=unsaid
    )


def states(db: sqlite3.Connection) -> dict[Lane, LaneState]:
    """Return the state of every lane."""
    return {lane: state_of(db, lane) for lane in Lane}


def rows(db: sqlite3.Connection, lane: Lane, first: int, count: int) -> list[str]:
    """Return up to `count` consecutive rows from `first` on, each a JSON object; at most 64 KiB in all, but one."""
    found: list[str] = []
    size = 0
    bodies = db.execute(
        "SELECT sequence, coalesce(outbox.body, events.body) FROM outbox LEFT JOIN events ON number = event_number"
        " WHERE lane = ? AND sequence >= ? ORDER BY sequence LIMIT ?",
        (lane, first, count),
    )
    for expected, (sequence, body) in enumerate(bodies, first):
        size += len(body)
        if sequence != expected or (found and size > BATCH_BYTES):
            break
        found.append(body)
    return found


def mark_of(body: str) -> str:
    """Return the fingerprint of a row: rows that differ have different ones."""
    return hashlib.sha256(body.encode()).hexdigest()[:16]


def matches(db: sqlite3.Connection, lane: Lane, sequence: int, mark: str) -> bool:
    """Tell whether a number was given to the row with this fingerprint; any row may have been in a former database."""
    if held := rows(db, lane, sequence, 1):
        return mark_of(held[0]) == mark
    grave = grave_at(db, lane, sequence)
    return grave is not None and (not mark or grave.reason in OF_BEFORE)


def grave_at(db: sqlite3.Connection, lane: Lane, sequence: int) -> Grave | None:
    """Return the tombstone that stands for a number, if one does."""
    found = db.execute(
        "SELECT first, last, reason, at_us FROM tombstones WHERE lane = ? AND first <= ? ORDER BY first DESC LIMIT 1",
        (lane, sequence),
    ).fetchone()
    if found is None or found[1] < sequence:
        return None
    return Grave(first=found[0], last=found[1], reason=found[2], at_us=found[3])


def oldest_beyond(db: sqlite3.Connection, lane: Lane, sequence: int) -> str | None:
    """Return the oldest row behind a number, a JSON object; None if there is none."""
    found = db.execute(
        "SELECT coalesce(outbox.body, events.body) FROM outbox LEFT JOIN events ON number = event_number"
        " WHERE lane = ? AND sequence > ? ORDER BY sequence LIMIT 1",
        (lane, sequence),
    ).fetchone()
    return None if found is None else str(found[0])


def newest_graves(db: sqlite3.Connection, lane: Lane, count: int) -> list[Grave]:
    """Return up to `count` tombstones of a lane for what the hub never had, the newest first."""
    found = db.execute(
        "SELECT first, last, reason, at_us FROM tombstones WHERE lane = ? AND reason NOT IN (?, ?)"
        " ORDER BY first DESC LIMIT ?",
        (lane, CLEARED, EXPIRED, count),
    )
    return [Grave(first=first, last=last, reason=reason, at_us=at_us) for first, last, reason, at_us in found]


def acknowledge(db: sqlite3.Connection, lane: Lane, epoch: str, upto: int) -> None:
    """Store how far the hub has got; it may stand further back than it once said."""
    db.execute("UPDATE lanes SET acknowledged = ? WHERE lane = ? AND epoch = ?", (upto, lane, epoch))
    db.execute("DELETE FROM acknowledgements WHERE lane = ? AND upto > ?", (lane, upto))


def forget(db: sqlite3.Connection, lane: Lane, upto: int) -> None:
    """Remove rows and tombstones up to a number; the hub has them, or will never ask for them."""
    db.execute("DELETE FROM outbox WHERE lane = ? AND sequence <= ?", (lane, upto))
    db.execute("DELETE FROM tombstones WHERE lane = ? AND last <= ?", (lane, upto))
    cut = db.execute("SELECT first FROM tombstones WHERE lane = ? AND first <= ?", (lane, upto)).fetchone()
    if cut is not None:
        db.execute("UPDATE tombstones SET first = ? WHERE lane = ? AND first = ?", (upto + 1, lane, cut[0]))


def _replace(db: sqlite3.Connection, lane: Lane, grave: Grave) -> None:
    db.execute("DELETE FROM outbox WHERE lane = ? AND sequence BETWEEN ? AND ?", (lane, grave.first, grave.last))
    _bury(db, lane, grave)


def _bury(db: sqlite3.Connection, lane: Lane, grave: Grave) -> None:
    """Put a tombstone, or let the one before it, of the same reason, stand for these numbers too."""
    before = grave_at(db, lane, grave.first - 1)
    if before is None or before.reason != grave.reason:
        values = (lane, grave.first, grave.last, grave.reason, grave.at_us)
        db.execute("INSERT INTO tombstones VALUES (?, ?, ?, ?, ?)", values)
    else:
        db.execute(
            "UPDATE tombstones SET last = ?, at_us = ? WHERE lane = ? AND first = ?",
            (grave.last, grave.at_us, lane, before.first),
        )


def _numbers(db: sqlite3.Connection, lane: Lane, count: int) -> int:
    """Take the next `count` sequence numbers of a lane; return the last of them."""
    (last,) = db.execute(
        "UPDATE lanes SET produced = produced + ? WHERE lane = ? RETURNING produced", (count, lane)
    ).fetchone()
    return int(last)
