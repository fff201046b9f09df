"""Events and their outbox rows: written in one transaction, read by the panel."""

import json
import sqlite3
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from appliance.store import outbox
from appliance.store.moments import from_us, to_us
from federation.messages import Event, Lane

MOST_TIMES = 2_000

_STORED = (
    "SELECT number, events.body, coalesce(sequence <= acknowledged, 1) FROM events"
    " LEFT JOIN outbox ON event_number = number LEFT JOIN lanes USING (lane)"
)


@dataclass(frozen=True, kw_only=True)
class StoredEvent:
    """An event with its place in this box's own order, and the state of each of its pictures."""

    number: int
    body: dict[str, Any]
    sent: bool
    pictures: tuple[tuple[str, str], ...]


@dataclass(frozen=True, kw_only=True)
class EventFilter:
    """Which events a list shows; None lets all through."""

    type: str | None = None
    point_id: str | None = None
    task_id: str | None = None
    since: datetime | None = None
    until: datetime | None = None


def record(db: sqlite3.Connection, event: Event, now: datetime) -> int | None:
    """Write event, evidence and outbox row; return the sequence number, or None for a repeat of its id.

    The event's source is left out: who this box is may change before the row is sent.
    """
    body = event.model_dump_json(exclude={"source"})
    data = event.data
    written = db.execute(
        "INSERT INTO events (id, type, point_id, task_id, algorithm_id, time_us, body) VALUES (?, ?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (id) DO NOTHING RETURNING number",
        (event.id, event.type, data.point_id, data.task_id, data.algorithm_id, to_us(event.time), body),
    ).fetchone()
    if written is None:
        return None
    (number,) = written
    for place, picture in enumerate(data.evidence):
        db.execute(
            "INSERT INTO pictures (digest, size_bytes, state, created_us) VALUES (?, ?, 'waiting', ?)"
            " ON CONFLICT (digest) DO UPDATE SET state = 'waiting' WHERE state IN ('lost', 'dropped')",
            (picture.digest, picture.size_bytes, to_us(now)),
        )
        db.execute("INSERT INTO evidence VALUES (?, ?, ?)", (number, place, picture.digest))
    return outbox.append(db, Lane.EVENTS, event_number=number)


@dataclass(frozen=True, kw_only=True)
class EventTime:
    """What a timeline shows of an event."""

    id: str
    type: str
    time: datetime


def times(db: sqlite3.Connection, point_id: str, start: datetime, end: datetime) -> list[EventTime]:
    """Return the events of a point between two moments, at most `MOST_TIMES`, the newest."""
    found = db.execute(
        "SELECT id, type, time_us FROM events WHERE point_id = ? AND time_us >= ? AND time_us < ?"
        " ORDER BY time_us DESC LIMIT ?",
        (point_id, to_us(start), to_us(end), MOST_TIMES),
    )
    return [EventTime(id=row[0], type=row[1], time=from_us(row[2])) for row in found][::-1]


def newest(db: sqlite3.Connection, wanted: EventFilter, *, before: int | None, limit: int) -> list[StoredEvent]:
    """Return events, newest first, numbered below `before`."""
    clauses, values = _where(wanted, before)
    query = f"{_STORED} WHERE {' AND '.join(clauses)} ORDER BY number DESC LIMIT ?"
    found = db.execute(query, [*values, limit]).fetchall()
    return [_stored(db, *row) for row in found]


def find(db: sqlite3.Connection, event_id: str) -> StoredEvent | None:
    """Return one event by its id."""
    found = db.execute(f"{_STORED} WHERE id = ?", (event_id,)).fetchone()
    return None if found is None else _stored(db, *found)


def _where(wanted: EventFilter, before: int | None) -> tuple[list[str], list[Any]]:
    conditions: list[tuple[str, Any]] = [
        ("number < ?", before),
        ("type = ?", wanted.type),
        ("point_id = ?", wanted.point_id),
        ("task_id = ?", wanted.task_id),
        ("time_us >= ?", None if wanted.since is None else to_us(wanted.since)),
        ("time_us < ?", None if wanted.until is None else to_us(wanted.until)),
    ]
    given = [(clause, value) for clause, value in conditions if value is not None]
    return ["1", *(clause for clause, _ in given)], [value for _, value in given]


def _stored(db: sqlite3.Connection, number: int, body: str, sent: int) -> StoredEvent:
    pictures = db.execute(
        "SELECT digest, state FROM evidence JOIN pictures USING (digest) WHERE event_number = ? ORDER BY place",
        (number,),
    ).fetchall()
    return StoredEvent(number=number, body=json.loads(body), sent=bool(sent), pictures=tuple(pictures))
