"""The outbox of this box as the sender of a lane asks for it."""

import sqlite3
from datetime import UTC, datetime

from appliance.store import epochs, evidence, outbox, returns
from appliance.store.batches import next_batch
from appliance.store.database import Database
from appliance.store.moments import to_us
from federation.messages import Lane, new_id
from federation.uplink.store import LaneState, Said


class OutboxStore:
    """Implements `federation.uplink.store.LaneStore` over the box's database."""

    def __init__(self, database: Database, node_id: str) -> None:
        """Say rows as the node `node_id`."""
        self._database = database
        self._node_id = node_id

    async def state(self, lane: Lane) -> LaneState:
        """Return the state of a lane."""
        state, past = await self._database.read(lambda db: (outbox.state_of(db, lane), epochs.past(db, lane)))
        return LaneState(
            epoch=state.epoch,
            base=state.base,
            produced=state.produced,
            acknowledged=state.acknowledged,
            past=past,
        )

    async def next_batch(self, lane: Lane, first: int, count: int) -> Said | None:
        """Return the batch that begins at `first`."""
        return await self._database.read(lambda db: next_batch(db, self._node_id, lane, first, count))

    async def matches(self, lane: Lane, sequence: int, mark: str) -> bool:
        """Tell whether a number was given to the row with this fingerprint."""
        return await self._database.read(lambda db: outbox.matches(db, lane, sequence, mark))

    async def acknowledge(self, lane: Lane, epoch: str, upto: int, *, went_back_to: int | None) -> None:
        """Store how far the hub has got; pictures that it lost go to it again."""

        def store(db: sqlite3.Connection) -> None:
            if went_back_to is not None and lane is Lane.EVIDENCE:
                evidence.send_again_behind(db, went_back_to, to_us(datetime.now(UTC)))
            if went_back_to is not None and lane is Lane.RESULTS:
                returns.note(db, lane, went_back_to)  # snapshots are in a database of their own, and look for it
            outbox.acknowledge(db, lane, epoch, upto)

        await self._database.run(store)

    async def begin_epoch(self, lane: Lane, claimed: int) -> None:
        """Give what the hub has not acknowledged new numbers."""
        epoch = new_id()
        await self._database.run(lambda db: epochs.begin(db, lane, epoch, claimed))

    async def bury_missing(self, lane: Lane, first: int) -> None:
        """Put a tombstone over numbers that are gone though nobody gave them up."""
        at_us = to_us(datetime.now(UTC))
        await self._database.run(lambda db: outbox.bury_missing(db, lane, first, at_us))
