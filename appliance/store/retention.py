"""The box's own record stays within a stated size: what the hub has goes first, the oldest first."""

import sqlite3
from dataclasses import dataclass, replace

from appliance.store import outbox

STEP = 200  # events per transaction, so that a sweep never keeps an event from being recorded
WAITING_FACTOR = 2  # what the hub has not got may grow to this many times the bounds


@dataclass(frozen=True, kw_only=True)
class Bounds:
    """How much is kept: events, bytes of pictures, and events in all while the hub has not got them."""

    events: int
    pictures_bytes: int
    unsent_events: int


@dataclass(frozen=True, kw_only=True)
class Swept:
    """What one step removed; `unsent_events` and `unsent_pictures` never reached the hub."""

    events: int = 0
    unsent_events: int = 0
    pictures: tuple[str, ...] = ()
    unsent_pictures: int = 0


def sweep(db: sqlite3.Connection, bounds: Bounds, *, enrolled: bool) -> Swept:
    """Remove up to `STEP` of the oldest events that the hub has, if the record exceeds its bounds.

    A box without a hub keeps a ring of its newest events. With a hub, what it has not got goes last: pictures
    first, the oldest of them, once they alone exceed twice the bound; events only when there are more than
    `unsent_events` of them, and then the hub is told which. Returns the digests whose files may be removed.
    """
    if not _exceeds(db, bounds):
        return Swept()
    finished = (
        ""
        if not enrolled
        else (
            " WHERE NOT EXISTS (SELECT 1 FROM outbox JOIN lanes USING (lane)"
            " WHERE event_number = number AND sequence > acknowledged)"
            " AND NOT EXISTS (SELECT 1 FROM evidence JOIN pictures USING (digest)"
            " WHERE event_number = number AND state = 'waiting')"
        )
    )
    query = f"SELECT number FROM events{finished} ORDER BY number LIMIT ?"  # noqa: S608 - both texts are ours
    oldest = db.execute(query, (STEP,)).fetchall()
    if oldest:
        return _remove_events(db, [number for (number,) in oldest])
    dropped = _drop_waiting(db, bounds)
    return dropped if dropped.pictures else _drop_events(db, bounds)


def _drop_events(db: sqlite3.Connection, bounds: Bounds) -> Swept:
    (held,) = db.execute("SELECT count(*) FROM events").fetchone()
    if held <= bounds.unsent_events:
        return Swept()
    oldest = db.execute("SELECT number FROM events ORDER BY number LIMIT ?", (STEP,)).fetchall()
    numbers = [number for (number,) in oldest]
    unsent = outbox.note_dropped(db, numbers)
    return replace(_remove_events(db, numbers), unsent_events=unsent)


def _exceeds(db: sqlite3.Connection, bounds: Bounds) -> bool:
    (events,) = db.execute("SELECT count(*) FROM events").fetchone()
    return events > bounds.events or _held_bytes(db) > bounds.pictures_bytes


def _held_bytes(db: sqlite3.Connection) -> int:
    (held,) = db.execute(
        "SELECT coalesce(sum(size_bytes), 0) FROM pictures WHERE state IN ('waiting', 'sent')"
    ).fetchone()
    return int(held)


def _remove_events(db: sqlite3.Connection, numbers: list[int]) -> Swept:
    db.executemany("DELETE FROM events WHERE number = ?", [(number,) for number in numbers])
    orphans = db.execute(
        "DELETE FROM pictures WHERE NOT EXISTS (SELECT 1 FROM evidence WHERE evidence.digest = pictures.digest)"
        " RETURNING digest, state"
    ).fetchall()
    return Swept(
        events=len(numbers),
        pictures=tuple(digest for digest, _ in orphans),
        unsent_pictures=sum(state == "waiting" for _, state in orphans),
    )


def _drop_waiting(db: sqlite3.Connection, bounds: Bounds) -> Swept:
    if _held_bytes(db) <= WAITING_FACTOR * bounds.pictures_bytes:
        return Swept()
    dropped = db.execute(
        "UPDATE pictures SET state = 'dropped' WHERE digest IN"
        " (SELECT digest FROM pictures WHERE state = 'waiting' ORDER BY created_us LIMIT ?) RETURNING digest",
        (STEP,),
    ).fetchall()
    digests = tuple(digest for (digest,) in dropped)
    return Swept(pictures=digests, unsent_pictures=len(digests))
