"""The outbox: what the hub must have, lane by lane, in numbered rows.

The lane of events names events, that of evidence the pictures whose bytes the hub has taken over HTTP. By the
latter a hub that was restored from a backup gives away which pictures it no longer has.
"""

import json
import sqlite3
from dataclasses import dataclass
from typing import Any

from federation.messages import Lane

BATCH_BYTES = 64 * 1024
REPLAY_ROWS = 200_000  # acknowledged rows of the lane of evidence that are kept for a restored hub


@dataclass(frozen=True, kw_only=True)
class LaneState:
    """One lane: `base` is the lowest sequence number still held, `dropped` the highest that the quota took."""

    epoch: str
    base: int
    produced: int
    acknowledged: int
    dropped: int


def append_event(db: sqlite3.Connection, event_number: int) -> int:
    """Add a row to the lane of events; return its sequence number."""
    sequence = _next(db, Lane.EVENTS)
    db.execute("INSERT INTO outbox VALUES (?, ?, ?)", (Lane.EVENTS, sequence, event_number))
    return sequence


def append_evidence(db: sqlite3.Connection, digest: str) -> int:
    """Note that the hub took a picture, in its lane; return the sequence number."""
    sequence = _next(db, Lane.EVIDENCE)
    db.execute("INSERT INTO handed_over VALUES (?, ?)", (sequence, digest))
    db.execute(
        "DELETE FROM handed_over WHERE sequence <= (SELECT acknowledged FROM lanes WHERE lane = ?) - ?",
        (Lane.EVIDENCE, REPLAY_ROWS),
    )
    return sequence


def lane(db: sqlite3.Connection, name: Lane) -> LaneState:
    """Return the state of one lane."""
    epoch, produced, acknowledged, dropped = db.execute(
        "SELECT epoch, produced, acknowledged, dropped FROM lanes WHERE lane = ?", (name,)
    ).fetchone()
    if name is Lane.EVIDENCE:
        (oldest,) = db.execute("SELECT min(sequence) FROM handed_over").fetchone()
    else:
        (oldest,) = db.execute("SELECT min(sequence) FROM outbox WHERE lane = ?", (name,)).fetchone()
    base = produced + 1 if oldest is None else oldest
    return LaneState(epoch=epoch, base=base, produced=produced, acknowledged=acknowledged, dropped=dropped)


def rows(db: sqlite3.Connection, name: Lane, first: int, count: int, source: str) -> list[dict[str, Any]]:
    """Return up to `count` consecutive rows from `first` on, as said by `source`; at most 64 KiB, but one."""
    found: list[dict[str, Any]] = []
    size = 0
    for expected, (sequence, body) in enumerate(_bodies(db, name, first, count), first):
        size += len(body)
        if sequence != expected or (found and size > BATCH_BYTES):
            break
        found.append({"source": source, **json.loads(body)})
    return found


def acknowledge(db: sqlite3.Connection, name: Lane, epoch: str, upto: int) -> None:
    """Store how far the hub has got."""
    db.execute("UPDATE lanes SET acknowledged = ? WHERE lane = ? AND epoch = ?", (upto, name, epoch))


def go_back(db: sqlite3.Connection, name: Lane, epoch: str, upto: int) -> None:
    """Store where the hub stands, which may be further back than it once said: its word is law.

    The bytes of the pictures behind that place go to the hub again: it may have been restored from a backup that
    was made before they came. What it does have, it acknowledges at once.
    """
    acknowledge(db, name, epoch, upto)
    if name is Lane.EVIDENCE:
        db.execute(
            "UPDATE pictures SET state = 'waiting', failures = 0, due_us = 0 WHERE state = 'sent' AND digest IN"
            " (SELECT digest FROM handed_over WHERE sequence > ?)",
            (upto,),
        )


def note_dropped(db: sqlite3.Connection, event_numbers: list[int]) -> int:
    """Note which rows of events the disk quota is about to take; return how many of them the hub has not got."""
    count, highest = db.execute(
        "SELECT count(*), max(sequence) FROM outbox JOIN lanes USING (lane)"
        " WHERE sequence > acknowledged AND event_number IN (SELECT value FROM json_each(?))",
        (json.dumps(event_numbers),),
    ).fetchone()
    if count:
        db.execute("UPDATE lanes SET dropped = max(dropped, ?) WHERE lane = ?", (highest, Lane.EVENTS))
    return int(count)


def begin_epoch(db: sqlite3.Connection, name: Lane, epoch: str) -> None:
    """Give what is not yet acknowledged new numbers from 1 on, in a new epoch.

    Needed when this database turns out to be older than what the hub has: its next numbers are taken.
    """
    if name is Lane.EVIDENCE:
        waiting = db.execute(
            "SELECT digest FROM handed_over WHERE sequence > (SELECT acknowledged FROM lanes WHERE lane = ?)"
            " ORDER BY sequence",
            (name,),
        ).fetchall()
        db.execute("DELETE FROM handed_over")
    else:
        waiting = db.execute(
            "SELECT event_number FROM outbox JOIN lanes USING (lane) WHERE lane = ? AND sequence > acknowledged"
            " ORDER BY sequence",
            (name,),
        ).fetchall()
        db.execute("DELETE FROM outbox WHERE lane = ?", (name,))
    db.execute("UPDATE lanes SET epoch = ?, produced = 0, acknowledged = 0, dropped = 0 WHERE lane = ?", (epoch, name))
    append = append_evidence if name is Lane.EVIDENCE else append_event
    for (item,) in waiting:
        append(db, item)


def _bodies(db: sqlite3.Connection, name: Lane, first: int, count: int) -> sqlite3.Cursor:
    if name is Lane.EVIDENCE:
        return db.execute(
            "SELECT sequence, json_object('digest', digest) FROM handed_over WHERE sequence >= ?"
            " ORDER BY sequence LIMIT ?",
            (first, count),
        )
    return db.execute(
        "SELECT sequence, body FROM outbox JOIN events ON number = event_number"
        " WHERE lane = ? AND sequence >= ? ORDER BY sequence LIMIT ?",
        (name, first, count),
    )


def _next(db: sqlite3.Connection, name: Lane) -> int:
    (sequence,) = db.execute(
        "UPDATE lanes SET produced = produced + 1 WHERE lane = ? RETURNING produced", (name,)
    ).fetchone()
    return int(sequence)
