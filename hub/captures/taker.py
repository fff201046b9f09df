"""Words of appliances on snapshots, out of the lane of results into the table of captures."""

from collections import Counter
from collections.abc import Sequence
from typing import TypeVar

from pydantic import ValidationError
from sqlalchemy import Connection, insert, select, update

from federation.messages import Result, SnapshotGone, SnapshotTold
from hub.captures.tables import captures
from hub.custody.intake import LaneKey, Row
from hub.custody.service import Taken
from hub.database.moments import to_us
from hub.security.results import read_result

IDS_AT_ONCE = 500

Detail = TypeVar("Detail", SnapshotTold, SnapshotGone)


class CaptureTaker:
    """Stores what became of snapshots; one that has come before changes nothing."""

    def take(self, connection: Connection, rows: Sequence[Row], at_us: int) -> Taken:
        """Store what is a word on a snapshot."""
        rejected: list[tuple[Row, str]] = []
        repeated: Counter[LaneKey] = Counter()
        read: dict[str, tuple[Row, Result, SnapshotTold]] = {}
        for row in rows:
            found = _read(row, SnapshotTold)
            if isinstance(found, str):
                rejected.append((row, found))
            elif found[0].id in read:
                repeated[row.key] += 1
            else:
                read[found[0].id] = (row, *found)
        for known in _known(connection, list(read)):
            repeated[read.pop(known)[0].key] += 1
        if read:
            values = [_columns(result, told, at_us) for _, result, told in read.values()]
            connection.execute(insert(captures), values)
        return Taken(rejected=rejected, repeated=repeated)


class GoneTaker:
    """Notes why pictures of snapshots will never come; of a snapshot that is not kept any more nothing is noted."""

    def take(self, connection: Connection, rows: Sequence[Row], at_us: int) -> Taken:  # noqa: ARG002 - as takers are
        """Note what is a word on a picture that is gone."""
        rejected: list[tuple[Row, str]] = []
        for row in rows:
            found = _read(row, SnapshotGone)
            if isinstance(found, str):
                rejected.append((row, found))
                continue
            result, gone = found
            its = (captures.c.id == gone.snapshot_id) & (captures.c.node_id == result.source)
            connection.execute(update(captures).where(its, captures.c.state == "done").values(reason=gone.reason))
        return Taken(rejected=rejected)


def _read(row: Row, kind: type[Detail]) -> tuple[Result, Detail] | str:
    """Return a word of this kind with the result around it, or one sentence that says why it is none."""
    result = read_result(row)
    if isinstance(result, str):
        return result
    try:
        return result, kind.model_validate(result.data.detail)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        return f"data.detail.{'.'.join(map(str, first['loc']))}: {first['msg']}"


def _known(connection: Connection, ids: list[str]) -> list[str]:
    found: list[str] = []
    for start in range(0, len(ids), IDS_AT_ONCE):
        part = select(captures.c.id).where(captures.c.id.in_(ids[start : start + IDS_AT_ONCE]))
        found += connection.execute(part).scalars()
    return found


def _columns(result: Result, told: SnapshotTold, at_us: int) -> dict[str, object]:
    return {
        "id": result.id,
        "node_id": result.source,
        "plan_id": told.plan_id,
        "point_id": told.point_id,
        "state": "done" if result.data.succeeded else "failed",
        "reason": told.reason,
        "aim": None if told.aim is None else told.aim.model_dump(mode="json"),
        "asked_at_us": to_us(told.asked_at),
        "taken_at_us": None if told.taken_at is None else to_us(told.taken_at),
        "settled_at_us": to_us(result.time),
        "received_at_us": at_us,
        "digest": told.digest,
        "size_bytes": told.size_bytes,
        "width_px": told.width_px,
        "height_px": told.height_px,
    }
