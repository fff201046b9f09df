"""The outbox for the upper hub as the sender of a lane asks for it."""

from datetime import UTC, datetime
from functools import partial
from typing import Any

from sqlalchemy import Connection, select, update

from federation.messages import Batch, Event, Hop, Lane, Origin, Tombstone, as_forwarded, batch_bytes, new_id
from federation.messages.forwarded import ForwardedEvent
from federation.uplink.store import LaneState, Said
from hub.cascade import outbox
from hub.cascade.tables import cascade_outbox, cascade_pictures
from hub.database import Database
from hub.events.tables import events

BATCH_BYTES = 64 * 1024
EXPIRED = "expired"  # the event has left this hub's record


class CascadeStore:
    """Implements `federation.uplink.store.LaneStore` over the hub's database."""

    def __init__(self, database: Database, *, node_id: str, here: Hop) -> None:
        """Say rows as the node `node_id` of the upper hub; `here` is this hub in their path."""
        self._database = database
        self._node_id = node_id
        self._here = here

    async def state(self, lane: Lane) -> LaneState:
        """Return the state of a lane."""
        return await self._database.run(partial(outbox.state_of, lane=lane))

    async def next_batch(self, lane: Lane, first: int, count: int) -> Said | None:
        """Return the batch that begins at `first`; rows whose event is gone are a tombstone."""
        return await self._database.run(partial(self._next_batch, lane=lane, first=first, count=count))

    async def matches(self, lane: Lane, sequence: int, mark: str) -> bool:
        """Tell whether a number was given to the row with this fingerprint."""
        found = await self._database.run(partial(outbox.items, lane=lane, first=sequence, count=1))
        return bool(found) and outbox.mark_of(found[0]) == mark

    async def acknowledge(self, lane: Lane, epoch: str, upto: int, *, went_back_to: int | None) -> None:
        """Store how far the upper hub has got; what it lost again of pictures goes to it again."""

        def work(connection: Connection) -> None:
            outbox.acknowledge(connection, lane, epoch, upto)
            if went_back_to is not None and lane is Lane.EVIDENCE:
                _send_again_behind(connection, went_back_to)

        await self._database.run(work)

    async def begin_epoch(self, lane: Lane, claimed: int) -> None:
        """Give what is not acknowledged new numbers."""
        await self._database.run(partial(outbox.begin_epoch, lane=lane, epoch=new_id(), claimed=claimed))

    async def bury_missing(self, lane: Lane, first: int) -> None:
        """Put a row that names nothing in the place of one that is gone."""
        await self._database.run(partial(outbox.fill, lane=lane, number=first))

    def _next_batch(self, connection: Connection, lane: Lane, first: int, count: int) -> Said | None:
        items = outbox.items(connection, lane, first, count)
        if not items:
            return None
        state = outbox.state_of(connection, lane)
        bodies = self._bodies(connection, lane, items)
        gone = _leading(bodies)
        if gone:
            return self._tombstone(lane, state, first, first + gone - 1)
        rows = _fitting(bodies)
        last = first + len(rows) - 1
        payload = batch_bytes(
            node_id=self._node_id,
            epoch=state.epoch,
            lane=lane,
            first=first,
            rows=rows,
            waiting=max(0, state.produced - last),
            mark=outbox.mark_of(items[len(rows) - 1]),
        )
        return Said(payload=payload, last=last)

    def _tombstone(self, lane: Lane, state: LaneState, first: int, last: int) -> Said:
        stone = Tombstone(last=last, reason=EXPIRED, at=datetime.now(UTC))
        waiting = max(0, state.produced - last)
        batch = Batch(
            node_id=self._node_id, epoch=state.epoch, lane=lane, first=first, tombstone=stone, waiting=waiting
        )
        return Said(payload=batch.to_bytes(), last=last)

    def _bodies(self, connection: Connection, lane: Lane, items: list[str]) -> list[str | None]:
        """Return the rows that items stand for, None for an event that is gone."""
        if lane is Lane.EVIDENCE:
            return [f'{{"source": "{self._node_id}", "digest": "{item}"}}' if item else None for item in items]
        found = {row.id: row for row in connection.execute(select(events).where(events.c.id.in_(items)))}
        return [self._body(found[item]) if item in found else None for item in items]

    def _body(self, row: Any) -> str:
        return forwarded(row, node_id=self._node_id, here=self._here).model_dump_json()


def forwarded(row: Any, *, node_id: str, here: Hop) -> ForwardedEvent:
    """Return a stored event as it is said to the upper hub; where it came from first is kept."""
    event = Event.model_validate_json(row.body)
    before = as_forwarded(event)
    origin = before.origin if before is not None else _origin(row)
    path = (*before.path, here) if before is not None else (here,)
    return ForwardedEvent.model_validate({**event.model_dump(), "source": node_id, "origin": origin, "path": path})


def _origin(row: Any) -> Origin:
    return Origin(
        node_id=row.node_id,
        epoch=row.epoch,
        sequence=row.sequence,
        point_name=row.point_name,
        bureau=row.bureau,
    )


def _leading(bodies: list[str | None]) -> int:
    """Return how many rows at the beginning are gone."""
    return next((place for place, body in enumerate(bodies) if body is not None), len(bodies))


def _fitting(bodies: list[str | None]) -> list[str]:
    """Return the rows up to the first that is gone, at most 64 KiB of them, but one."""
    rows: list[str] = []
    size = 0
    for body in bodies:
        size += len(body or "")
        if body is None or (rows and size > BATCH_BYTES):
            break
        rows.append(body)
    return rows


def _send_again_behind(connection: Connection, upto: int) -> None:
    behind = select(cascade_outbox.c.item).where(
        cascade_outbox.c.lane == Lane.EVIDENCE.value, cascade_outbox.c.sequence > upto
    )
    again = update(cascade_pictures).where(cascade_pictures.c.digest.in_(behind))
    connection.execute(again.values(sent=0, failures=0, due_us=0))
