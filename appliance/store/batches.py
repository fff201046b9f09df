"""Rows of a lane as they are said to the hub: a batch of rows, or the tombstone that stands in their place."""

import json
import sqlite3

from appliance.store import outbox
from appliance.store.moments import from_us
from federation.messages import Batch, Lane, Tombstone, batch_bytes
from federation.uplink.store import Said


def next_batch(db: sqlite3.Connection, node_id: str, lane: Lane, first: int, count: int) -> Said | None:
    """Return the batch that begins at `first`, of at most `count` rows; None where nothing is held."""
    state = outbox.state_of(db, lane)
    if found := outbox.rows(db, lane, first, count):
        last = first + len(found) - 1
        payload = batch_bytes(
            node_id=node_id,
            epoch=state.epoch,
            lane=lane,
            first=first,
            rows=_said_by(node_id, found),
            waiting=max(0, state.produced - last),
            mark=outbox.mark_of(found[-1]),
        )
        return Said(payload=payload, last=last)
    grave = outbox.grave_at(db, lane, first)
    if grave is None:
        return None
    stone = Tombstone(last=grave.last, reason=grave.reason, at=from_us(grave.at_us))
    waiting = max(0, state.produced - grave.last)
    batch = Batch(node_id=node_id, epoch=state.epoch, lane=lane, first=first, tombstone=stone, waiting=waiting)
    return Said(payload=batch.to_bytes(), last=grave.last)


def _said_by(node_id: str, bodies: list[str]) -> list[str]:
    """Return rows that say whose they are: who this box is may have changed since they were written."""
    source = f'{{"source":{json.dumps(node_id)},'
    return [source + body[1:] for body in bodies]
