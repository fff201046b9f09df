"""Which pictures wait for the algorithms that plans name, and what became of them there."""

import json
import sqlite3
from collections.abc import Collection, Iterable
from datetime import datetime

from appliance.capture import index
from appliance.capture.index import Snapshot
from appliance.store.moments import to_us

_OTHERS = "SELECT plan_id FROM snapshots WHERE analysis = 'waiting' AND plan_id NOT IN (SELECT value FROM json_each(?))"
WAITING_LONG = f"{_OTHERS} AND settled_us <= ? ORDER BY settled_us LIMIT 1"
_WITH_MANY = f"{_OTHERS} GROUP BY plan_id HAVING count(*) >= ? LIMIT 1"


def ready(
    db: sqlite3.Connection, waiting_since: datetime, *, without: Collection[str], together: int
) -> list[Snapshot]:
    """Return up to `together` pictures of one plan that may go into a picture task, the oldest first.

    It is none of the plans `without`, and one with a picture that has waited since then, or with so many of them.
    """
    others = json.dumps(sorted(without))
    for query, value in ((WAITING_LONG, to_us(waiting_since)), (_WITH_MANY, together)):
        for (plan_id,) in db.execute(query, (others, value)).fetchall():
            condition = "analysis = 'waiting' AND plan_id = ? ORDER BY settled_us, number LIMIT ?"
            return index.select(db, condition, plan_id, together)
    return []


def handed_over(db: sqlite3.Connection, snapshots: Iterable[Snapshot], task_id: str) -> None:
    """Note the picture task that pictures went into."""
    db.executemany(
        "UPDATE snapshots SET analysis = 'done', analysis_reason = '', analysis_task = ? WHERE id = ?",
        [(task_id, snapshot.id) for snapshot in snapshots],
    )


def postpone(db: sqlite3.Connection, snapshots: Iterable[Snapshot], reason: str) -> None:
    """Note why pictures wait still."""
    db.executemany(
        "UPDATE snapshots SET analysis_reason = ? WHERE id = ?",
        [(reason[:300], snapshot.id) for snapshot in snapshots],
    )


def give_up(db: sqlite3.Connection, snapshots: Iterable[Snapshot], reason: str) -> None:
    """Note why pictures will never be analysed."""
    db.executemany(
        "UPDATE snapshots SET analysis = 'failed', analysis_reason = ? WHERE id = ?",
        [(reason[:300], snapshot.id) for snapshot in snapshots],
    )


def give_up_older(db: sqlite3.Connection, plan_id: str, before: datetime, reason: str) -> None:
    """Do so for all pictures of a plan that were taken before a moment and wait still."""
    db.execute(
        "UPDATE snapshots SET analysis = 'failed', analysis_reason = ?"
        " WHERE analysis = 'waiting' AND plan_id = ? AND settled_us < ?",
        (reason[:300], plan_id, to_us(before)),
    )
