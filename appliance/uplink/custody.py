"""Hands the rows of one lane over to the hub, by the decisions of `federation.custody.sender`."""

import asyncio
import logging
import time

from appliance.store import outbox
from appliance.store.database import Database
from federation import topics
from federation.bus import BusError, Session
from federation.custody.sender import Sender
from federation.messages import Ack, Batch, Hello, Lane, new_id

log = logging.getLogger(__name__)

TICK_S = 0.5
LONGEST_SILENCE_S = 30.0  # a hub that is back must not wait for minutes until it is greeted again


class LaneSender:
    """One lane on one session. `run` sends; acks and new rows are told from outside."""

    def __init__(self, *, database: Database, session: Session, node_id: str, lane: Lane) -> None:
        """Prepare; `begin` reads how far the hub has got."""
        self._database = database
        self._session = session
        self._node_id = node_id
        self._lane = lane
        self._sender = Sender(epoch="")
        self._produced = 0
        self._stored = 0
        self._hello_pending = False
        self._overtaken = False
        self._went_back = False
        self._heard_at = time.monotonic()
        self.acknowledged_at: float | None = None
        self._news = asyncio.Event()

    @property
    def sender(self) -> Sender:
        """The present state."""
        return self._sender

    async def begin(self) -> None:
        """Read the lane's state; to be called once before `run`."""
        state = await self._database.read(lambda db: outbox.lane(db, self._lane))
        self._sender = Sender(epoch=state.epoch, acknowledged=state.acknowledged)
        self._produced, self._stored = state.produced, state.acknowledged

    def connected(self) -> None:
        """Note a new connection: the hub must be greeted."""
        self._sender = self._sender.connected()
        self._hello_pending = True
        self._news.set()

    def answered(self, ack: Ack) -> None:
        """Note an acknowledgement of this lane."""
        if ack.epoch != self._sender.epoch:
            return
        if ack.upto > self._produced:
            # This database is older than what the hub has: our next numbers are taken there.
            self._overtaken = True
            self._news.set()
            return
        # The answer to a hello, or to rows that the hub cannot place, says where it stands; others say how it gets on.
        self._went_back = self._went_back or ack.nak or not self._sender.greeted
        self._sender = self._sender.answered(ack)
        self._heard_at = time.monotonic()
        self.acknowledged_at = self._heard_at
        self._news.set()

    def hub_spoke(self) -> None:
        """Note a sign of life: the hub may have started anew, even from a backup, and is greeted at once."""
        self.connected()

    def produced(self, sequence: int) -> None:
        """Note that the outbox holds rows up to `sequence`."""
        self._produced = max(self._produced, sequence)
        self._news.set()

    async def run(self) -> None:
        """Send until cancelled."""
        while True:
            try:
                async with asyncio.timeout(TICK_S):
                    await self._news.wait()
            except TimeoutError:
                pass
            self._news.clear()
            await self._store_progress()
            if self._session.connected:
                await self._send()

    async def _send(self) -> None:
        try:
            if self._overtaken:
                await self._begin_epoch()
            self._watch_silence()
            if self._hello_pending:
                await self._greet()
            while (batch := self._sender.next_rows(self._produced)) is not None:
                if not await self._send_batch(*batch):
                    return
        except BusError as error:
            log.debug("nothing sent now: %s", error)

    async def _greet(self) -> None:
        state = await self._database.read(lambda db: outbox.lane(db, self._lane))
        hello = Hello(
            node_id=self._node_id,
            epoch=state.epoch,
            lane=self._lane,
            base=state.base,
            next=state.produced + 1,
            dropped=state.dropped,
        )
        self._session.publish(topics.hello(self._node_id), hello.to_bytes())
        self._hello_pending = False
        self._heard_at = time.monotonic()

    async def _begin_epoch(self) -> None:
        """Give what the hub has not acknowledged new numbers, and greet it anew."""
        epoch = new_id()
        await self._database.run(lambda db: outbox.begin_epoch(db, self._lane, epoch))
        await self.begin()
        self._overtaken = False
        self._hello_pending = True
        log.warning("the hub knows more rows of lane %s than this database; a new epoch begins", self._lane)

    async def _send_batch(self, first: int, count: int) -> bool:
        found = await self._database.read(lambda db: outbox.rows(db, self._lane, first, count, self._node_id))
        if not found:
            await self._go_on_behind_a_gap(first)
            return False
        batch = Batch(
            node_id=self._node_id,
            epoch=self._sender.epoch,
            lane=self._lane,
            first=first,
            rows=tuple(found),
        )
        if self._sender.sent == self._sender.acknowledged:
            self._heard_at = time.monotonic()
        self._session.publish(topics.batch(self._node_id, self._lane), batch.to_bytes())
        self._sender = self._sender.dispatched(batch.last)
        return True

    async def _go_on_behind_a_gap(self, first: int) -> None:
        """Rows that retention removed: a new hello lets the hub record the gap and go on behind it."""
        log.warning("row %d of lane %s is gone", first, self._lane)
        self._sender = self._sender.connected()
        self._hello_pending = True
        await asyncio.sleep(TICK_S)

    def _watch_silence(self) -> None:
        waiting = not self._sender.greeted or self._sender.sent > self._sender.acknowledged
        silent_s = time.monotonic() - self._heard_at
        if waiting and not self._hello_pending and silent_s > min(self._sender.timeout_s(), LONGEST_SILENCE_S):
            self._sender = self._sender.timed_out()
            self._hello_pending = True

    async def _store_progress(self) -> None:
        upto, epoch = self._sender.acknowledged, self._sender.epoch
        if not self._sender.greeted or (upto == self._stored and not self._went_back):
            return
        store = outbox.go_back if self._went_back else outbox.acknowledge
        self._went_back = False
        await self._database.run(lambda db: store(db, self._lane, epoch, upto))
        self._stored = upto
