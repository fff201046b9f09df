"""Results: what was done on this box, written into the outbox within the transaction of the change itself."""

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from pydantic import JsonValue

from appliance.store import outbox
from federation.messages import Lane, Result, ResultData, new_id


@dataclass(frozen=True, kw_only=True)
class Doer:
    """Who does something here: a person of the panel, the hub, or the box by itself."""

    kind: str
    name: str
    peer: str = ""


BOX = Doer(kind="appliance", name="appliance")
HUB = Doer(kind="hub", name="hub")


def record(
    db: sqlite3.Connection,
    doer: Doer,
    action: str,
    subject: str = "",
    detail: Mapping[str, JsonValue] | None = None,
    *,
    succeeded: bool = True,
) -> None:
    """Write one result: `action` is e.g. `camera.add`, `subject` e.g. `camera:local-gate`; `detail` has no secrets.

    Its source is left out: who this box is may change before the row is sent.
    """
    result = Result(
        id=new_id(),
        source="box",
        type=action[:64],
        time=datetime.now(UTC),
        data=ResultData(
            actor_kind=doer.kind[:16],
            actor=doer.name[:64],
            peer=doer.peer[:64],
            subject=subject[:200],
            succeeded=succeeded,
            detail=dict(detail or {}),
        ),
    )
    tell(db, result)


def with_pictures(db: sqlite3.Connection, kind: str, after: int, *, limit: int) -> list[tuple[int, str]]:
    """Return numbers and ids of results behind the number `after`, of a type whose detail names a picture by digest."""
    return db.execute(
        "SELECT sequence, body ->> 'id' FROM outbox WHERE lane = ? AND sequence > ? AND body ->> 'type' = ?"
        " AND body ->> '$.data.detail.digest' IS NOT NULL ORDER BY sequence LIMIT ?",
        (Lane.RESULTS, after, kind, limit),
    ).fetchall()


def tell(db: sqlite3.Connection, result: Result) -> None:
    """Write a result that is made already."""
    outbox.append(db, Lane.RESULTS, body=result.model_dump_json(exclude={"source"}))
