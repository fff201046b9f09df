"""The outbox for the upper hub: rows are written in the transaction that stores the events which they name."""

import hashlib
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select, update

from federation.messages import PAST_EPOCHS, Lane, PastEpoch, new_id
from federation.uplink.store import LaneState
from hub.cascade.tables import cascade_lanes, cascade_outbox, cascade_pictures

LANES = (Lane.EVENTS, Lane.EVIDENCE)
REPLAY_ROWS = 200_000  # acknowledged rows that stay for an upper hub restored from a backup


def prepare(connection: Connection) -> None:
    """Make the lanes that are missing."""
    known = set(connection.execute(select(cascade_lanes.c.lane)).scalars())
    fresh: list[dict[str, Any]] = [
        {"lane": lane.value, "epoch": new_id(), "produced": 0, "acknowledged": 0, "past": []}
        for lane in LANES
        if lane not in known
    ]
    if fresh:
        connection.execute(insert(cascade_lanes), fresh)


def append(connection: Connection, lane: Lane, items: Sequence[str]) -> None:
    """Add rows. The lane is locked from here to the commit, so that numbers become visible in their order."""
    own = cascade_lanes.c.lane == lane.value
    moved = update(cascade_lanes).where(own).values(produced=cascade_lanes.c.produced + len(items))
    last = connection.execute(moved.returning(cascade_lanes.c.produced)).scalar_one()
    first = last - len(items) + 1
    rows = [{"lane": lane.value, "sequence": first + place, "item": item} for place, item in enumerate(items)]
    connection.execute(insert(cascade_outbox), rows)


def state_of(connection: Connection, lane: Lane) -> LaneState:
    """Return the state of one lane."""
    row = connection.execute(select(cascade_lanes).where(cascade_lanes.c.lane == lane.value)).one()
    oldest = connection.scalar(select(func.min(cascade_outbox.c.sequence)).where(cascade_outbox.c.lane == lane.value))
    base = row.produced + 1 if oldest is None else oldest
    past = tuple(PastEpoch.model_validate(each) for each in row.past)
    return LaneState(epoch=row.epoch, base=base, produced=row.produced, acknowledged=row.acknowledged, past=past)


def items(connection: Connection, lane: Lane, first: int, count: int) -> list[str]:
    """Return what consecutive rows from `first` on name, at most `count`."""
    found = connection.execute(
        select(cascade_outbox.c.sequence, cascade_outbox.c.item)
        .where(cascade_outbox.c.lane == lane.value, cascade_outbox.c.sequence.between(first, first + count - 1))
        .order_by(cascade_outbox.c.sequence)
    ).all()
    return [row.item for expected, row in enumerate(found, first) if row.sequence == expected]


def mark_of(item: str) -> str:
    """Return the fingerprint of a row: rows that name different things have different ones."""
    return hashlib.sha256(item.encode()).hexdigest()[:16]


def acknowledge(connection: Connection, lane: Lane, epoch: str, upto: int) -> None:
    """Store how far the upper hub has got, and forget what it will not ask for again."""
    own = (cascade_lanes.c.lane == lane.value, cascade_lanes.c.epoch == epoch)
    if connection.execute(update(cascade_lanes).where(*own).values(acknowledged=upto)).rowcount:
        forget(connection, lane, upto - REPLAY_ROWS)


def begin_epoch(connection: Connection, lane: Lane, epoch: str, claimed: int) -> None:
    """Give what is not acknowledged new numbers from 1 on, in a new epoch.

    This hub was restored from a backup: the upper one has numbers up to `claimed` that this database never gave.
    """
    # The lane is locked, so that nothing is appended meanwhile.
    connection.execute(select(cascade_lanes.c.lane).where(cascade_lanes.c.lane == lane.value).with_for_update())
    state = state_of(connection, lane)
    forget(connection, lane, state.acknowledged)
    own = cascade_outbox.c.lane == lane.value
    # By way of negative numbers, so that no row meets another on its way.
    connection.execute(
        update(cascade_outbox).where(own).values(sequence=state.acknowledged - cascade_outbox.c.sequence)
    )
    connection.execute(update(cascade_outbox).where(own).values(sequence=-cascade_outbox.c.sequence))
    past = (*state.past, PastEpoch(epoch=state.epoch, produced=claimed, acknowledged=claimed))[-PAST_EPOCHS:]
    values = {
        "epoch": epoch,
        "produced": state.produced - state.acknowledged,
        "acknowledged": 0,
        "past": [each.model_dump() for each in past],
    }
    connection.execute(update(cascade_lanes).where(cascade_lanes.c.lane == lane.value).values(**values))


def begin_again(connection: Connection) -> None:
    """Begin anew for another upper hub, which gets what happens from now on."""
    for lane in LANES:
        connection.execute(delete(cascade_outbox).where(cascade_outbox.c.lane == lane.value))
        values = {"epoch": new_id(), "produced": 0, "acknowledged": 0, "past": []}
        connection.execute(update(cascade_lanes).where(cascade_lanes.c.lane == lane.value).values(**values))


def fill(connection: Connection, lane: Lane, number: int) -> None:
    """Put a row that names nothing in the place of one that is gone."""
    connection.execute(insert(cascade_outbox).values(lane=lane.value, sequence=number, item=""))


def forget(connection: Connection, lane: Lane, upto: int) -> None:
    """Remove rows up to a number, and what is kept of the pictures that they name."""
    old = (cascade_outbox.c.lane == lane.value, cascade_outbox.c.sequence <= upto)
    if lane is Lane.EVIDENCE:
        named = select(cascade_outbox.c.item).where(*old)
        own = (cascade_pictures.c.sent == 1, cascade_pictures.c.digest.in_(named))
        connection.execute(delete(cascade_pictures).where(*own))
    connection.execute(delete(cascade_outbox).where(*old))
