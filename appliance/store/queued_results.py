"""Results of picture tasks that a message queue has not taken yet, in their order."""

import sqlite3
from collections import Counter
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Queued:
    """One result as it lies here; `body` is its message."""

    number: int
    job_id: str
    body: str


def put(db: sqlite3.Connection, job_id: str, body: str, *, most: int) -> bool:
    """Keep one more result, if there are fewer than `most`; tell whether it was kept."""
    (held,) = db.execute("SELECT count(*) FROM queued_results").fetchone()
    if held >= most:
        return False
    db.execute("INSERT INTO queued_results (job_id, body) VALUES (?, ?)", (job_id, body))
    return True


def oldest(db: sqlite3.Connection, count: int) -> list[Queued]:
    """Return up to `count` results, the oldest first."""
    found = db.execute("SELECT number, job_id, body FROM queued_results ORDER BY number LIMIT ?", (count,))
    return [Queued(number=number, job_id=job_id, body=body) for number, job_id, body in found]


def taken(db: sqlite3.Connection, upto: int) -> None:
    """Forget what the queue has, up to a number."""
    db.execute("DELETE FROM queued_results WHERE number <= ?", (upto,))


def waiting(db: sqlite3.Connection) -> Counter[str]:
    """Return how many results of each picture task wait."""
    return Counter(dict(db.execute("SELECT job_id, count(*) FROM queued_results GROUP BY job_id").fetchall()))
