"""What a transaction of custody reads and writes: cursors, gaps and rejected rows."""

import json
import logging
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, insert, select

from federation.custody.any_order import Island, Standing
from federation.messages import Lane
from hub.custody.intake import LaneKey, Lost, Row
from hub.custody.tables import custody_cursors, custody_gaps, rejected_rows
from hub.database.bulk import insert_rows, read_by_keys, run_for_each

log = logging.getLogger(__name__)

LONGEST_REJECT = 20_000


def read_cursors(connection: Connection, keys: Iterable[LaneKey]) -> dict[LaneKey, Standing]:
    """Return where the lanes that are known stand."""
    wanted = [(key.node_id, key.epoch, key.lane.value) for key in sorted(keys)]
    return dict(_standing_of(row) for row in read_by_keys(connection, _STANDING, wanted))


# A comparison of triples would make SQLite look at every lane there is.
_STANDING = (
    "WITH wanted (node_id, epoch, lane) AS (VALUES {keys})"
    " SELECT known.node_id, known.epoch, known.lane, known.upto, known.mark, known.islands FROM wanted"
    " CROSS JOIN custody_cursors AS known"
    " WHERE known.node_id = wanted.node_id AND known.epoch = wanted.epoch AND known.lane = wanted.lane"
)


def standings_of(connection: Connection, node_id: str) -> list[tuple[LaneKey, Standing]]:
    """Return where the lanes of a node stand, each in the epoch that moved last."""
    found = connection.execute(
        select(custody_cursors).where(custody_cursors.c.node_id == node_id).order_by(custody_cursors.c.updated_at_us)
    )
    newest = {row.lane: _standing_of(row) for row in found}
    return [newest[lane] for lane in sorted(newest)]


def _standing_of(row: Any) -> tuple[LaneKey, Standing]:
    islands = tuple(Island(first=first, last=last, mark=mark) for first, last, mark in json.loads(row.islands))
    key = LaneKey(node_id=row.node_id, epoch=row.epoch, lane=Lane(row.lane))
    return key, Standing(upto=row.upto, mark=row.mark, islands=islands)


def move_cursors(
    connection: Connection,
    known: Mapping[LaneKey, Standing],
    cursors: Mapping[LaneKey, Standing],
    *,
    repeated: Mapping[LaneKey, int],
    rejected: Mapping[LaneKey, int],
    outlived: Collection[LaneKey] = (),
    at_us: int,
) -> None:
    """Store where lanes stand now, and count what of them was there already or could not be taken.

    Those that are `outlived` moved before the others: the epoch of a lane that moved last is the present one.
    """
    fresh: list[tuple[Any, ...]] = []
    moved: list[tuple[Any, ...]] = []
    for key, cursor in cursors.items():
        if cursor != known.get(key):
            islands = json.dumps([(island.first, island.last, island.mark) for island in cursor.islands])
            standing = (
                cursor.upto,
                cursor.mark,
                islands,
                repeated.get(key, 0),
                rejected.get(key, 0),
                at_us - (key in outlived),
            )
            (moved if key in known else fresh).append((*standing, key.node_id, key.epoch, key.lane.value))
    insert_rows(connection, custody_cursors, _CURSOR, fresh)
    run_for_each(connection, _MOVE, moved)


_CURSOR = ("upto", "mark", "islands", "repeated", "rejected", "updated_at_us", "node_id", "epoch", "lane")
_MOVE = (
    "UPDATE custody_cursors SET upto = ?, mark = ?, islands = ?, repeated = repeated + ?, rejected = rejected + ?,"
    " updated_at_us = ? WHERE node_id = ? AND epoch = ? AND lane = ?"
)


def record_losses(connection: Connection, losses: Sequence[Lost], at_us: int) -> None:
    """Store gaps."""
    for lost in losses:
        log.error(
            "rows lost before they reached the hub: node=%s epoch=%s lane=%s first=%d last=%d reason=%s",
            lost.key.node_id,
            lost.key.epoch,
            lost.key.lane,
            lost.first,
            lost.last,
            lost.reason,
        )
    values = [
        {
            "node_id": lost.key.node_id,
            "epoch": lost.key.epoch,
            "lane": lost.key.lane.value,
            "first": lost.first,
            "last": lost.last,
            "reason": lost.reason,
            "seen_at_us": at_us,
        }
        for lost in losses
    ]
    if values:
        connection.execute(insert(custody_gaps), values)


def record_rejects(connection: Connection, rejected: Sequence[tuple[Row, str]], at_us: int) -> Counter[LaneKey]:
    """Store rows that could not be taken, with the reason, each once; return how many of each lane."""
    rejected = [(row, reason) for row, reason in rejected if not row.again]
    for row, reason in rejected:
        log.warning(
            "row not taken: node=%s lane=%s sequence=%d: %s", row.key.node_id, row.key.lane, row.sequence, reason
        )
    values: list[dict[str, Any]] = [
        {
            "node_id": row.key.node_id,
            "epoch": row.key.epoch,
            "lane": row.key.lane.value,
            "sequence": row.sequence,
            "reason": reason.replace("\x00", ""),
            "body": row.text.replace("\x00", "")[:LONGEST_REJECT],
            "seen_at_us": at_us,
        }
        for row, reason in rejected
    ]
    if values:
        connection.execute(insert(rejected_rows), values)
    return Counter(row.key for row, _ in rejected)
