"""The box's own record stays within stated bounds, by rule: what the hub has goes first, then pictures, events last.

One step of `sweep` is one short transaction; the caller repeats it for as long as it removes something.
"""

import json
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial

from appliance.store import outbox
from appliance.store.lanes import LaneRule, over_quota, prune
from appliance.store.outbox import DISK_FULL
from federation.messages import Lane

STEP = 200  # events, pictures or rows per transaction, so that a sweep never keeps an event from being recorded
PRUNED_AT_ONCE = 2000
DISK_SHARE = 20  # a small disk keeps one part in so many free, if that is less than its bound
WAITING_FACTOR = 2  # pictures that the hub has not got may grow to this many times the bound
BEHIND_ALL = 2**63 - 1
RECORD_ROOM_BYTES = 2**20  # for about a thousand events
PATIENCE_S = 10.0  # a disk is often full for a moment: whoever has filled it makes room
QUOTA = "quota"


@dataclass(frozen=True, kw_only=True)
class Bounds:
    """How much is kept: events and bytes of pictures that the hub has, rows of every lane, bytes free on the disk."""

    events: int
    pictures_bytes: int
    free_bytes: int
    lanes: tuple[LaneRule, ...]


@dataclass(frozen=True, kw_only=True)
class Given:
    """Something that was given up before the hub had it: how much of which lane, and why."""

    lane: Lane
    count: int
    reason: str


@dataclass(frozen=True, kw_only=True)
class Swept:
    """What one step removed: events, rows of replay rings, pictures whose files may go, and what the hub never got."""

    events: int = 0
    rows: int = 0
    pictures: tuple[str, ...] = ()
    given_up: tuple[Given, ...] = ()

    def __bool__(self) -> bool:
        """Whether anything was removed, so that there may be more."""
        return self != Swept()


@dataclass(frozen=True, kw_only=True)
class Moment:
    """What a step goes by: the time, size and free room of the disk, and whether there is a hub to ask for rows.

    `short_s` is for how long less of the disk has been free than is wanted, `full_s` for how long the record has had no
    room. By a clock that may be wrong nothing grows old.
    """

    now_us: int
    disk_bytes: int
    free_bytes: int
    enrolled: bool
    short_s: float = 0.0
    full_s: float = 0.0
    clock_right: bool = True


def is_short(db: sqlite3.Connection, bounds: Bounds, moment: Moment) -> bool:
    """Tell whether less of the disk is free than is wanted."""
    return _room_bytes(db, moment) < wanted_bytes(bounds, moment)


def is_full(db: sqlite3.Connection, bounds: Bounds, moment: Moment) -> bool:
    """Tell whether the record itself has no room left."""
    return _room_bytes(db, moment) < min(wanted_bytes(bounds, moment), RECORD_ROOM_BYTES)


def sweep(db: sqlite3.Connection, bounds: Bounds, moment: Moment) -> Swept:
    """Take the first step that removes something, in the order of who gives way.

    Replay rings give up rows that are too old. A box without a hub keeps a ring of its newest events. Quotas of lanes
    leave tombstones, which the hub records as gaps. Where the disk is nearly full, pictures that the hub has go first,
    and if it stays so for a while those that wait. Events and results give way only where the record itself has had no
    room left for a while, for they make none for others: events that the hub has, results, and at last events that it
    has not got.
    """
    for step in _steps(db, bounds, moment):
        if swept := step():
            return swept
    return Swept()


def _steps(db: sqlite3.Connection, bounds: Bounds, moment: Moment) -> Iterator[Callable[[], Swept]]:
    for rule in bounds.lanes:
        yield partial(_pruned, db, rule, moment)
    if not moment.enrolled:
        yield partial(_unasked_events, db, bounds, moment)
    if _exceeds(db, bounds):
        yield partial(_finished_events, db)
    if _too_many_pictures_wait(db, bounds):
        yield partial(_waiting_pictures, db, moment, QUOTA)
    for rule in bounds.lanes:
        yield partial(_drop, db, rule.lane, moment, QUOTA, over_quota(db, rule))
    if is_short(db, bounds, moment):
        yield partial(_sent_pictures, db)
        if moment.short_s >= PATIENCE_S:
            yield partial(_waiting_pictures, db, moment, DISK_FULL)
    if moment.full_s >= PATIENCE_S and is_full(db, bounds, moment):
        yield partial(_finished_events, db)
        yield partial(_replayable_events, db, moment)
        yield partial(_drop, db, Lane.RESULTS, moment, DISK_FULL, STEP)
        yield partial(_drop, db, Lane.EVENTS, moment, DISK_FULL, STEP)


def _pruned(db: sqlite3.Connection, rule: LaneRule, moment: Moment) -> Swept:
    return Swept(rows=prune(db, rule, moment.now_us if moment.clock_right else None, at_most=PRUNED_AT_ONCE))


def _unasked_events(db: sqlite3.Connection, bounds: Bounds, moment: Moment) -> Swept:
    """Without a hub nobody asks for rows: the oldest events go, whether they were handed over or not."""
    return _drop(db, Lane.EVENTS, moment, QUOTA, STEP) if _exceeds(db, bounds) else Swept()


def _finished_events(db: sqlite3.Connection) -> Swept:
    """Remove the oldest events that have left the outbox and whose pictures have gone to the hub."""
    held = db.execute(
        "SELECT event_number FROM outbox WHERE lane = ? ORDER BY sequence LIMIT 1", (Lane.EVENTS,)
    ).fetchone()
    oldest = db.execute(
        "SELECT number FROM events WHERE number < ? AND NOT EXISTS (SELECT 1 FROM evidence JOIN pictures USING (digest)"
        " WHERE event_number = number AND state = 'waiting') ORDER BY number LIMIT ?",
        (held[0] if held else BEHIND_ALL, STEP),
    ).fetchall()
    return _remove_events(db, [number for (number,) in oldest])


def _replayable_events(db: sqlite3.Connection, moment: Moment) -> Swept:
    """Let the replay ring of events give way, the oldest first: the hub has these."""
    grave, numbers = outbox.clear(db, Lane.EVENTS, count=STEP, at_us=moment.now_us)
    if grave is None:
        return Swept()
    return replace(_remove_events(db, numbers), rows=grave.last - grave.first + 1)


def _drop(db: sqlite3.Connection, lane: Lane, moment: Moment, reason: str, count: int) -> Swept:
    grave, numbers = outbox.drop(db, lane, count=min(count, STEP), reason=reason, at_us=moment.now_us)
    if grave is None:
        return Swept()
    given = Given(lane=lane, count=grave.last - grave.first + 1, reason=reason)
    return replace(_remove_events(db, numbers), given_up=(given,))


def _exceeds(db: sqlite3.Connection, bounds: Bounds) -> bool:
    # By the ends of the numbers and not by counting: ten million events are counted for seconds.
    (events,) = db.execute("SELECT coalesce(max(number) - min(number) + 1, 0) FROM events").fetchone()
    return events > bounds.events or _held_bytes(db) > bounds.pictures_bytes


def wanted_bytes(bounds: Bounds, moment: Moment) -> int:
    """Return how much of the disk shall stay free."""
    return min(bounds.free_bytes, moment.disk_bytes // DISK_SHARE)


def _room_bytes(db: sqlite3.Connection, moment: Moment) -> int:
    return moment.free_bytes + _reusable_bytes(db)


def _reusable_bytes(db: sqlite3.Connection) -> int:
    """Return the room within the database: what was removed from it gives nothing back to the file system."""
    (pages,) = db.execute("PRAGMA freelist_count").fetchone()
    (page_bytes,) = db.execute("PRAGMA page_size").fetchone()
    return int(pages * page_bytes)


def _held_bytes(db: sqlite3.Connection) -> int:
    (held,) = db.execute(
        "SELECT coalesce(sum(size_bytes), 0) FROM pictures WHERE state IN ('waiting', 'sent')"
    ).fetchone()
    return int(held)


def _too_many_pictures_wait(db: sqlite3.Connection, bounds: Bounds) -> bool:
    return _held_bytes(db) > WAITING_FACTOR * bounds.pictures_bytes


def _remove_events(db: sqlite3.Connection, numbers: list[int]) -> Swept:
    """Remove events with those of their pictures that no other event shows."""
    if not numbers:
        return Swept()
    chosen = json.dumps(numbers)
    digests = db.execute(
        "SELECT DISTINCT digest FROM evidence WHERE event_number IN (SELECT value FROM json_each(?))", (chosen,)
    ).fetchall()
    db.execute("DELETE FROM events WHERE number IN (SELECT value FROM json_each(?))", (chosen,))
    orphans = db.execute(
        "DELETE FROM pictures WHERE digest IN (SELECT value FROM json_each(?))"
        " AND NOT EXISTS (SELECT 1 FROM evidence WHERE evidence.digest = pictures.digest) RETURNING digest",
        (json.dumps([digest for (digest,) in digests]),),
    ).fetchall()
    return Swept(events=len(numbers), pictures=tuple(digest for (digest,) in orphans))


def _sent_pictures(db: sqlite3.Connection) -> Swept:
    return Swept(pictures=_pictures_dropped(db, "sent"))


def _waiting_pictures(db: sqlite3.Connection, moment: Moment, reason: str) -> Swept:
    digests = _pictures_dropped(db, "waiting")
    if not digests:
        return Swept()
    outbox.give_up(db, Lane.EVIDENCE, count=len(digests), reason=reason, at_us=moment.now_us)
    given = Given(lane=Lane.EVIDENCE, count=len(digests), reason=reason)
    return Swept(pictures=digests, given_up=(given,))


def _pictures_dropped(db: sqlite3.Connection, state: str) -> tuple[str, ...]:
    dropped = db.execute(
        "UPDATE pictures SET state = 'dropped' WHERE digest IN"
        " (SELECT digest FROM pictures WHERE state = ? ORDER BY created_us LIMIT ?) RETURNING digest",
        (state, STEP),
    ).fetchall()
    return tuple(digest for (digest,) in dropped)
