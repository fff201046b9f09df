"""Picture tasks and their results, until the oldest that have ended give way."""

import sqlite3
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from appliance.store.moments import from_us, to_us
from federation.viewing.pictures import CallbackState, JobState

_SELECT = (
    "SELECT id, of_plan, plan, state, reason, total, pictures, reported, faults, ordered_us, ended_us,"
    " callback, callback_reason, callback_sent, callback_failures, callback_due_us FROM picture_jobs"
)
_COLUMNS = _SELECT.removeprefix("SELECT ").removesuffix(" FROM picture_jobs").split(", ")
_OPEN = "state IN ('running', 'waiting') ORDER BY state = 'waiting', number"


@dataclass(frozen=True, kw_only=True)
class Bounds:
    """How many tasks, how many results of them together, and how long after their end they are kept."""

    jobs: int
    results: int
    age: timedelta


@dataclass(frozen=True, kw_only=True)
class StoredJob:
    """A task as it lies here; `plan` is JSON, `callback_sent` of its results were handed to its address.

    With `of_plan` a snapshot plan ordered it, and nobody else.
    """

    id: str
    of_plan: bool
    plan: str
    state: JobState
    reason: str
    total: int | None
    pictures: int
    reported: int
    faults: int
    ordered_at: datetime
    ended_at: datetime | None
    callback: CallbackState
    callback_reason: str
    callback_sent: int
    callback_failures: int
    callback_due_at: datetime | None


@dataclass(frozen=True, kw_only=True)
class StoredResult:
    """The result of one picture; `body` is its verdict as JSON."""

    number: int
    name: str
    body: str


@dataclass(frozen=True, kw_only=True)
class NewJob:
    """A task to be done; its results are handed over at its end if there is a `callback`."""

    id: str
    plan: str
    total: int | None
    callback: bool
    of_plan: bool = False


def add(db: sqlite3.Connection, job: NewJob, now: datetime, *, most_waiting: int) -> bool:
    """Put a task in line if fewer than `most_waiting` wait there; tell whether it was."""
    (waiting,) = db.execute("SELECT count(*) FROM picture_jobs WHERE state = 'waiting'").fetchone()
    if waiting >= most_waiting:
        return False
    db.execute(
        "INSERT INTO picture_jobs (id, of_plan, plan, total, callback, ordered_us) VALUES (?, ?, ?, ?, ?, ?)",
        (job.id, job.of_plan, job.plan, job.total, "waiting" if job.callback else "none", to_us(now)),
    )
    return True


def take_next(db: sqlite3.Connection) -> StoredJob | None:
    """Return the task to work at: one that was begun, else the first in line, which is begun by that."""
    found = _one(db, f"WHERE {_OPEN} LIMIT 1")
    if found is not None:
        db.execute("UPDATE picture_jobs SET state = 'running' WHERE id = ?", (found.id,))
    return found


def find(db: sqlite3.Connection, job_id: str) -> StoredJob | None:
    """Return one task."""
    return _one(db, "WHERE id = ?", job_id)


def newest_first(db: sqlite3.Connection) -> list[StoredJob]:
    """Return all tasks."""
    return [_job(row) for row in db.execute(f"{_SELECT} ORDER BY number DESC")]


def keep(db: sqlite3.Connection, job_id: str, name: str, body: str, *, reported: bool, fault: bool) -> int | None:
    """Keep the result of a task's next picture; return its number, None if the task is not at work any more."""
    row = db.execute(
        "UPDATE picture_jobs SET pictures = pictures + 1, reported = reported + ?, faults = faults + ?"
        " WHERE id = ? AND state = 'running' RETURNING number, pictures",
        (reported, fault, job_id),
    ).fetchone()
    if row is None:
        return None
    db.execute("INSERT INTO picture_results (job, number, name, body) VALUES (?, ?, ?, ?)", (*row, name, body))
    return int(row[1])


def expect(db: sqlite3.Connection, job_id: str, total: int | None) -> None:
    """Note how many pictures a task has."""
    db.execute("UPDATE picture_jobs SET total = ? WHERE id = ?", (total, job_id))


def results(db: sqlite3.Connection, job_id: str, *, after: int, limit: int) -> list[StoredResult]:
    """Return results in their order, from the one after number `after`."""
    found = db.execute(
        "SELECT r.number, r.name, r.body FROM picture_results r JOIN picture_jobs j ON j.number = r.job"
        " WHERE j.id = ? AND r.number > ? ORDER BY r.number LIMIT ?",
        (job_id, after, limit),
    )
    return [StoredResult(number=number, name=name, body=body) for number, name, body in found]


def names(db: sqlite3.Connection, job_id: str) -> frozenset[str]:
    """Return the names of the pictures that a task has results of."""
    found = db.execute(
        "SELECT r.name FROM picture_results r JOIN picture_jobs j ON j.number = r.job WHERE j.id = ?", (job_id,)
    )
    return frozenset(name for (name,) in found)


def end(db: sqlite3.Connection, job_id: str, state: JobState, reason: str, now: datetime) -> bool:
    """End a task that is at work, after which its results are handed over; tell whether it was at work."""
    changed = db.execute(
        "UPDATE picture_jobs SET state = ?, reason = ?, ended_us = ?, callback_due_us = ?,"
        " total = CASE WHEN ? = 'done' THEN pictures ELSE total END WHERE id = ? AND state = 'running'",
        (state, reason, to_us(now), to_us(now), state, job_id),
    )
    return changed.rowcount > 0


def stop(db: sqlite3.Connection, job_id: str, now: datetime) -> bool:
    """Let a task that has not ended stand still; tell whether it was such a one."""
    changed = db.execute(
        "UPDATE picture_jobs SET state = 'stopped', ended_us = ? WHERE id = ? AND state IN ('waiting', 'running')",
        (to_us(now), job_id),
    )
    return changed.rowcount > 0


def start(db: sqlite3.Connection, job_id: str) -> bool:
    """Put a task that was stopped in line again; tell whether it was such a one."""
    changed = db.execute(
        "UPDATE picture_jobs SET state = 'waiting', ended_us = NULL WHERE id = ? AND state = 'stopped'", (job_id,)
    )
    return changed.rowcount > 0


def remove(db: sqlite3.Connection, job_id: str) -> bool:
    """Forget a task and its results; tell whether it was there."""
    return db.execute("DELETE FROM picture_jobs WHERE id = ?", (job_id,)).rowcount > 0


def prune(db: sqlite3.Connection, now: datetime, bounds: Bounds, *, of_plans: bool) -> None:
    """Forget tasks that have ended, the oldest first, as far as `bounds` say.

    Those of snapshot plans and those of people are counted apart, so that neither push the others out.
    """
    held, pictures = db.execute(
        "SELECT count(*), coalesce(sum(pictures), 0) FROM picture_jobs WHERE of_plan = ?", (of_plans,)
    ).fetchone()
    oldest_us = to_us(now - bounds.age)
    ended = db.execute(
        "SELECT id, pictures, ended_us FROM picture_jobs WHERE of_plan = ? AND state IN ('stopped', 'done', 'failed')"
        " ORDER BY ended_us, number",
        (of_plans,),
    )
    for job_id, own, ended_us in ended.fetchall():
        if held <= bounds.jobs and pictures <= bounds.results and ended_us >= oldest_us:
            return
        remove(db, job_id)
        held, pictures = held - 1, pictures - own


def of_plans(db: sqlite3.Connection) -> frozenset[str]:
    """Return the ids of the tasks that snapshot plans ordered."""
    return frozenset(job_id for (job_id,) in db.execute("SELECT id FROM picture_jobs WHERE of_plan"))


def still_open(db: sqlite3.Connection) -> list[StoredJob]:
    """Return the tasks that have not ended, the one at work first."""
    return [_job(row) for row in db.execute(f"{_SELECT} WHERE {_OPEN}")]


def next_callback(db: sqlite3.Connection) -> StoredJob | None:
    """Return the task whose results are to be handed over next, when it is due."""
    return _one(db, "WHERE callback = 'waiting' AND callback_due_us IS NOT NULL ORDER BY callback_due_us LIMIT 1")


def handed_over(db: sqlite3.Connection, job_id: str, upto: int) -> None:
    """Note that results up to a number were taken, after which a task's failures count anew."""
    db.execute(
        "UPDATE picture_jobs SET callback_sent = ?, callback_failures = 0, callback_reason = '' WHERE id = ?",
        (upto, job_id),
    )


def callback_ended(db: sqlite3.Connection, job_id: str, state: CallbackState, reason: str) -> None:
    """Note that nothing more of a task is handed over: all was taken, or why not."""
    db.execute("UPDATE picture_jobs SET callback = ?, callback_reason = ? WHERE id = ?", (state, reason, job_id))


def callback_failed(db: sqlite3.Connection, job_id: str, reason: str, due_at: datetime) -> None:
    """Note why results were not taken, and when they are offered again."""
    db.execute(
        "UPDATE picture_jobs SET callback_reason = ?, callback_failures = callback_failures + 1, callback_due_us = ?"
        " WHERE id = ?",
        (reason, to_us(due_at), job_id),
    )


def _one(db: sqlite3.Connection, rest: str, *values: str) -> StoredJob | None:
    row = db.execute(f"{_SELECT} {rest}", values).fetchone()
    return None if row is None else _job(row)


def _job(row: tuple[Any, ...]) -> StoredJob:
    named = dict(zip(_COLUMNS, row, strict=True))
    moments = {name.replace("_us", "_at"): named.pop(name) for name in ("ordered_us", "ended_us", "callback_due_us")}
    at = {name: None if value is None else from_us(value) for name, value in moments.items()}
    states = {"state": JobState(named["state"]), "callback": CallbackState(named["callback"])}
    return StoredJob(**{**named, **at, **states, "of_plan": bool(named["of_plan"])})
