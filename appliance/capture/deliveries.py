"""Which pictures go on to services that plans name, and what became of them there."""

import json
import sqlite3
from collections.abc import Collection
from datetime import datetime, timedelta

from appliance.capture import index
from appliance.capture.index import Snapshot
from appliance.store.moments import to_us


def due(db: sqlite3.Connection, now: datetime, *, without: Collection[str], limit: int) -> list[Snapshot]:
    """Return pictures that may be delivered now, none of the plans `without`; those that are due longest first."""
    return index.select(
        db,
        "delivery = 'waiting' AND delivery_due_us <= ? AND plan_id NOT IN (SELECT value FROM json_each(?))"
        " ORDER BY delivery_due_us LIMIT ?",
        to_us(now),
        json.dumps(sorted(without)),
        limit,
    )


def waiting(db: sqlite3.Connection) -> int:
    """Return how many pictures wait to be delivered."""
    (count,) = db.execute("SELECT count(*) FROM snapshots WHERE delivery = 'waiting'").fetchone()
    return int(count)


def delivered(db: sqlite3.Connection, snapshot: Snapshot) -> None:
    """Note that the service has a picture."""
    db.execute(
        "UPDATE snapshots SET delivery = 'done', delivery_reason = '', delivery_attempts = delivery_attempts + 1"
        " WHERE id = ?",
        (snapshot.id,),
    )


def postpone(db: sqlite3.Connection, snapshot: Snapshot, reason: str, until: datetime) -> None:
    """Note why a picture was not delivered, and when to try again."""
    db.execute(
        "UPDATE snapshots SET delivery_reason = ?, delivery_attempts = delivery_attempts + 1, delivery_due_us = ?"
        " WHERE id = ?",
        (reason[:300], to_us(until), snapshot.id),
    )


def give_up(db: sqlite3.Connection, snapshot: Snapshot, reason: str) -> None:
    """Note why a picture will never be delivered."""
    db.execute(
        "UPDATE snapshots SET delivery = 'failed', delivery_reason = ?, delivery_attempts = delivery_attempts + 1"
        " WHERE id = ?",
        (reason[:300], snapshot.id),
    )


def is_too_old(snapshot: Snapshot, now: datetime, longest: timedelta) -> bool:
    """Tell whether a picture has waited for so long that nobody waits for it any more."""
    return snapshot.settled_at is not None and now - snapshot.settled_at > longest
