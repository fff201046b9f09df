"""Hands the rows of one lane over to the hub, by the decisions of `federation.custody.sender`."""

import asyncio
import logging
import math
import time

from federation import topics
from federation.bus import BusError, Session
from federation.custody.sender import Sender
from federation.messages import Ack, Hello, Lane
from federation.uplink.store import LaneStore

log = logging.getLogger(__name__)

TICK_S = 0.5
STORE_EVERY_S = 1.0


class LaneSender:
    """One lane on one session. `run` sends; acks and new rows are told from outside."""

    def __init__(self, *, store: LaneStore, session: Session, node_id: str, lane: Lane) -> None:
        """Prepare; `begin` reads how far the hub has got."""
        self._store = store
        self._session = session
        self._node_id = node_id
        self._lane = lane
        self._sender = Sender(epoch="")
        self._produced = 0
        self._stored = 0
        self._hello_pending = False
        self._claimed: Ack | None = None
        self._went_back_to: int | None = None  # the lowest number at which the hub said it stands, not stored yet
        self._heard_at = time.monotonic()
        self._flew_at = self._stored_at = -math.inf
        self._pause_s = 0.0
        self.acknowledged_at: float | None = None
        self._news = asyncio.Event()

    @property
    def sender(self) -> Sender:
        """The present state."""
        return self._sender

    async def begin(self) -> None:
        """Read the lane's state; to be called once before `run`."""
        state = await self._store.state(self._lane)
        self._sender = Sender(epoch=state.epoch, acknowledged=state.acknowledged)
        self._produced = max(self._produced, state.produced)  # more may have been told of while this was read
        self._stored = state.acknowledged

    def connected(self) -> None:
        """Note a new connection: the hub must be greeted."""
        self._sender = self._sender.connected()
        self._hello_pending = True
        self._news.set()

    def answered(self, ack: Ack) -> None:
        """Note an acknowledgement of this lane."""
        if ack.epoch != self._sender.epoch:
            return
        if ack.upto > (self._produced if self._sender.greeted else self._sender.acknowledged):
            self._claimed = ack
            self._news.set()
            return
        self._believe(ack)

    def _believe(self, ack: Ack) -> None:
        # The answer to a hello, or to rows that the hub cannot place, says where it stands; others say how it gets on.
        stands = ack.nak or not self._sender.greeted
        self._sender = self._sender.answered(ack)
        if stands:  # acknowledgements of what was on its way may follow before this is stored
            upto = min(ack.upto, self._sender.acknowledged)
            self._went_back_to = upto if self._went_back_to is None else min(self._went_back_to, upto)
        self._heard_at = time.monotonic()
        self.acknowledged_at = self._heard_at
        self._news.set()

    def hub_spoke(self) -> None:
        """Note a sign of life: the hub may have started anew, even from a backup, and is greeted at once."""
        self.connected()

    def produced(self, sequence: int) -> None:
        """Note that the outbox holds rows up to `sequence`."""
        if not self._sender.waits_for_answer(self._produced):
            self._heard_at = time.monotonic()  # nothing was owed until now
        self._produced = max(self._produced, sequence)
        self._news.set()

    async def run(self) -> None:
        """Send until cancelled."""
        while True:
            try:
                async with asyncio.timeout(self._pause_s or TICK_S):
                    await self._news.wait()
            except TimeoutError:
                pass
            self._news.clear()
            self._pause_s = 0.0
            await self._store_progress()
            if self._session.connected:
                await self._send()

    async def _send(self) -> None:
        try:
            if (claimed := self._claimed) is not None:
                self._claimed = None
                await self._examine(claimed)
            self._watch_silence()
            if self._hello_pending:
                await self._greet()
            # What the hub lost again is looked through first: of some of it only a tombstone may be left.
            while self._went_back_to is None and (batch := self._sender.next_rows(self._produced)) is not None:
                self._pause_s = self._sender.pause_s(batch[1], time.monotonic() - self._flew_at)
                if self._pause_s > 0:
                    return
                await self._send_batch(*batch)
        except BusError as error:
            log.debug("nothing sent now: %s", error)

    async def _greet(self) -> None:
        state = await self._store.state(self._lane)
        hello = Hello(
            node_id=self._node_id,
            epoch=state.epoch,
            lane=self._lane,
            base=state.base,
            next=state.produced + 1,
            acknowledged=state.acknowledged,
            past=state.past,
        )
        self._session.publish(topics.hello(self._node_id), hello.to_bytes(), qos=0)
        self._hello_pending = False
        self._heard_at = time.monotonic()

    async def _examine(self, ack: Ack) -> None:
        """Believe a hub that has more rows than can be known here, if it ends at the very row that this box holds.

        If not, this database was restored from a backup, and has given numbers a second time since. A number below
        everything that is held says nothing, and believing it loses nothing.
        """
        state = await self._store.state(self._lane)
        if ack.upto < state.base or await self._store.matches(self._lane, ack.upto, ack.mark):
            self._believe(ack)
        else:
            await self._begin_epoch(ack.upto)

    async def _begin_epoch(self, claimed: int) -> None:
        """Give what the hub has not acknowledged new numbers, and greet it anew."""
        self._produced = 0  # what is told of from here on may have new numbers already
        await self._store.begin_epoch(self._lane, claimed)
        await self.begin()
        self._hello_pending = True
        log.warning("the hub has rows of lane %s that this database never made; a new epoch begins", self._lane)

    async def _send_batch(self, first: int, count: int) -> None:
        said = await self._store.next_batch(self._lane, first, count)
        if said is None:
            await self._look_after(first)
            return
        if self._sender.sent == self._sender.acknowledged:
            self._heard_at = time.monotonic()
        self._session.publish(topics.batch(self._node_id, self._lane), said.payload, qos=0)
        self._flew_at = time.monotonic()
        self._sender = self._sender.dispatched(said.last)

    async def _look_after(self, missing: int) -> None:
        """Bury a row that was made and is gone; one that was not made yet was told of by a number of an old epoch."""
        self._produced = 0
        state = await self._store.state(self._lane)
        self._produced = max(self._produced, state.produced)
        if missing <= state.produced:
            log.error("row %d of lane %s is gone, and nobody gave it up", missing, self._lane)
            await self._store.bury_missing(self._lane, missing)

    def _watch_silence(self) -> None:
        owed = self._sender.waits_for_answer(self._produced)
        if owed and not self._hello_pending and time.monotonic() - self._heard_at > self._sender.timeout_s():
            self._sender = self._sender.timed_out()
            self._hello_pending = True

    async def _store_progress(self) -> None:
        """Store how far the hub has got, now and then: what is not stored is learned again from the next hello."""
        upto, epoch = self._sender.acknowledged, self._sender.epoch
        if not self._sender.greeted or (upto == self._stored and self._went_back_to is None):
            return
        if self._went_back_to is None and time.monotonic() - self._stored_at < STORE_EVERY_S:
            return
        went_back_to, self._went_back_to = self._went_back_to, None
        await self._store.acknowledge(self._lane, epoch, upto, went_back_to=went_back_to)
        self._stored, self._stored_at = upto, time.monotonic()
