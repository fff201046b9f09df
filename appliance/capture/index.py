"""The index of snapshots: what was ordered, what became of it, which pictures are held."""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from appliance.capture.order import Order, Origin, Shot
from appliance.store.moments import from_us, to_us
from federation.messages import Want

State = Literal["waiting", "done", "failed"]
Onward = Literal["none", "waiting", "done", "failed"]
MOST_WAITING = 100_000
_COLUMNS = (
    "number, id, point_id, plan_id, origin, want, fresh_s, within_s, state, attempts, due_us, reason, asked_us,"
    " settled_us, taken_us, digest, size_bytes, width_px, height_px"
)

_READ = f"{_COLUMNS}, delivery, delivery_attempts, delivery_reason, analysis, analysis_task, analysis_reason"
_MOMENTS = {"asked_at": "asked_us", "settled_at": "settled_us", "taken_at": "taken_us"}


class QueueFull(Exception):
    """As many orders wait as the box takes."""


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """One order and what became of it; `digest` is None without a picture, or once that was removed.

    `delivery` says what became of it at the service that its plan names, `delivery_reason` why it has not got it (yet);
    `analysis` the same of its plan's algorithm. `analysis_task` is the picture task that it went into.
    """

    number: int
    id: str
    point_id: str
    plan_id: str
    origin: Origin
    want: Want
    fresh_s: float
    within_s: float
    state: State
    attempts: int
    due_us: int
    reason: str
    asked_at: datetime
    settled_at: datetime | None
    taken_at: datetime | None
    digest: str | None
    size_bytes: int
    width_px: int
    height_px: int
    delivery: Onward
    delivery_attempts: int
    delivery_reason: str
    analysis: Onward
    analysis_task: str
    analysis_reason: str

    @property
    def order(self) -> Order:
        """The order itself."""
        return Order(
            id=self.id,
            point_id=self.point_id,
            plan_id=self.plan_id,
            origin=self.origin,
            want=self.want,
            asked_at=self.asked_at,
            fresh_s=self.fresh_s,
            within_s=self.within_s,
            attempts=self.attempts,
        )


@dataclass(frozen=True, kw_only=True)
class Filter:
    """Which snapshots are looked for; what is None does not matter."""

    point_id: str | None = None
    plan_id: str | None = None
    state: State | None = None


@dataclass(frozen=True, kw_only=True)
class Kept:
    """A picture that was taken and stored under its digest."""

    shot: Shot
    digest: str


def ask(db: sqlite3.Connection, orders: Sequence[Order], *, most: int = MOST_WAITING) -> list[Snapshot]:
    """Note orders that are carried out later, whatever happens; raise QueueFull before more than `most` wait."""
    (waiting,) = db.execute("SELECT count(*) FROM snapshots WHERE state = 'waiting'").fetchone()
    if waiting + len(orders) > most:
        raise QueueFull
    for order in orders:
        _insert(db, order, "waiting", due_us=to_us(order.asked_at))
    return [_of(db, order.id) for order in orders]


def due(db: sqlite3.Connection, now: datetime, *, limit: int) -> list[Snapshot]:
    """Return orders that wait and may be tried now, those that have waited longest first."""
    return select(db, "state = 'waiting' AND due_us <= ? ORDER BY due_us LIMIT ?", to_us(now), limit)


def waiting(db: sqlite3.Connection) -> int:
    """Return how many orders wait."""
    (count,) = db.execute("SELECT count(*) FROM snapshots WHERE state = 'waiting'").fetchone()
    return int(count)


def settle(db: sqlite3.Connection, order: Order, kept: Kept, now: datetime) -> Snapshot:
    """Note the picture of an order."""
    shot = kept.shot
    _adopt(db, order)
    db.execute(
        "UPDATE snapshots SET state = 'done', reason = '', settled_us = ?, taken_us = ?, digest = ?, size_bytes = ?,"
        " width_px = ?, height_px = ?, attempts = ?, delivery = ?, delivery_due_us = ?, analysis = ?, owed = ?"
        " WHERE id = ?",
        (
            to_us(now),
            to_us(shot.taken_at),
            kept.digest,
            len(shot.content),
            shot.width_px,
            shot.height_px,
            order.attempts + 1,
            "waiting" if order.delivered else "none",
            to_us(now),
            "waiting" if order.analysed else "none",
            _owed(order),
            order.id,
        ),
    )
    (same,) = db.execute("SELECT count(*) FROM snapshots WHERE digest = ?", (kept.digest,)).fetchone()
    if same == 1:
        db.execute("UPDATE held SET pictures = pictures + 1, size_bytes = size_bytes + ?", (len(shot.content),))
    return _of(db, order.id)


def fail(db: sqlite3.Connection, order: Order, reason: str, now: datetime) -> Snapshot:
    """Note that an order has failed for good."""
    _adopt(db, order)
    db.execute(
        "UPDATE snapshots SET state = 'failed', reason = ?, settled_us = ?, attempts = ?, owed = ? WHERE id = ?",
        (reason[:300], to_us(now), order.attempts + 1, _owed(order), order.id),
    )
    return _of(db, order.id)


def postpone(db: sqlite3.Connection, order: Order, reason: str, until: datetime) -> None:
    """Note that an attempt failed, and when the next may begin."""
    db.execute(
        "UPDATE snapshots SET attempts = ?, reason = ?, due_us = ? WHERE id = ?",
        (order.attempts + 1, reason[:300], to_us(until), order.id),
    )


def find(db: sqlite3.Connection, snapshot_id: str) -> Snapshot | None:
    """Return one snapshot, None if there is none."""
    found = select(db, "id = ?", snapshot_id)
    return found[0] if found else None


def newest(db: sqlite3.Connection, wanted: Filter, *, before: int | None, limit: int) -> list[Snapshot]:
    """Return snapshots, the newest order first, behind the number `before`."""
    terms, values = ["1"], list[Any]()
    for column in ("point_id", "plan_id", "state"):
        value = getattr(wanted, column)
        if value is not None:
            terms.append(f"{column} = ?")
            values.append(value)
    if before is not None:
        terms.append("number < ?")
        values.append(before)
    return select(db, f"{' AND '.join(terms)} ORDER BY number DESC LIMIT ?", *values, limit)


def is_empty(db: sqlite3.Connection) -> bool:
    """Tell whether no snapshot has ever been noted."""
    return db.execute("SELECT 1 FROM sqlite_sequence WHERE name = 'snapshots'").fetchone() is None


def held(db: sqlite3.Connection) -> tuple[int, int]:
    """Return how many pictures are held, and their bytes."""
    pictures, size_bytes = db.execute("SELECT pictures, size_bytes FROM held").fetchone()
    return int(pictures), int(size_bytes)


def _owed(order: Order) -> str:
    return "word" if order.for_hub else "nothing"


def _adopt(db: sqlite3.Connection, order: Order) -> None:
    """Note an order of which there is no row yet: those that are not kept while they wait."""
    if order.origin is not Origin.ASYNC:
        _insert(db, order, "waiting", due_us=0)


def _insert(db: sqlite3.Connection, order: Order, state: State, *, due_us: int) -> None:
    db.execute(
        f"INSERT INTO snapshots ({_COLUMNS}) VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, '', ?, NULL, NULL, NULL, 0, 0,"  # noqa: S608 - all texts are ours
        " 0)",
        (
            order.id,
            order.point_id,
            order.plan_id,
            order.origin,
            order.want.model_dump_json(),
            order.fresh_s,
            order.within_s,
            state,
            order.attempts,
            due_us,
            to_us(order.asked_at),
        ),
    )


def _of(db: sqlite3.Connection, snapshot_id: str) -> Snapshot:
    return select(db, "id = ?", snapshot_id)[0]


def select(db: sqlite3.Connection, condition: str, *values: object) -> list[Snapshot]:
    """Return the snapshots for which an SQL condition of ours holds."""
    rows = db.execute(f"SELECT {_READ} FROM snapshots WHERE {condition}", values)  # noqa: S608 - all texts are ours
    names = [column[0] for column in rows.description]
    return [_snapshot(dict(zip(names, row, strict=True))) for row in rows.fetchall()]


def _snapshot(row: dict[str, Any]) -> Snapshot:
    values = {name: value for name, value in row.items() if name not in _MOMENTS.values()}
    for name, column in _MOMENTS.items():
        values[name] = None if row[column] is None else from_us(row[column])
    values["want"] = Want.model_validate_json(row["want"])
    values["origin"] = Origin(row["origin"])
    return Snapshot(**values)
