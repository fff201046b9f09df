"""Takes lanes over from appliances: rows and cursor in one transaction, the acknowledgement after it."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol

from sqlalchemy import Connection, select

from federation import topics
from federation.bus import BusError
from federation.http import Page
from federation.messages import Batch, Hello, Lane
from hub.custody.credit import CreditDesk
from hub.custody.intake import Intake, LaneKey, Message, Row, is_sound, keys_of, take_in
from hub.custody.ledger import move_cursors, read_cursors, record_losses, record_rejects
from hub.custody.model import Gap, GapQuery
from hub.custody.tables import custody_gaps
from hub.database import Database
from hub.database.moments import from_us, now_us
from hub.fleet.link import Incoming, Link

KINDS = ("u/hello", *(f"u/b/{lane}" for lane in Lane))
BYTES_AT_ONCE = 1 << 20  # bounds what is read into memory, and how long a transaction keeps the others waiting
LOOK_EVERY_S = 0.5


def _nothing() -> None:
    return


@dataclass(frozen=True, kw_only=True)
class Taken:
    """What became of the rows of one lane. `tell` is called on the event loop once they are committed."""

    rejected: Sequence[tuple[Row, str]] = ()
    repeated: Counter[LaneKey] = field(default_factory=Counter)
    tell: Callable[[], None] = _nothing


class Taker(Protocol):
    """Stores the rows of one lane. A row that it cannot take is rejected, never an error: it would stop the lane."""

    def take(self, connection: Connection, rows: Sequence[Row], at_us: int) -> Taken:
        """Store rows, in order, within the transaction that moves their lanes' cursors."""


class TakesNothing:
    """For a lane whose rows only say how far it has come."""

    def take(self, connection: Connection, rows: Sequence[Row], at_us: int) -> Taken:  # noqa: ARG002 - as takers are
        """Store nothing."""
        return Taken()


@dataclass(kw_only=True)
class Tally:
    """What was taken over since the program started."""

    rows: Counter[Lane] = field(default_factory=Counter)
    repeated: Counter[Lane] = field(default_factory=Counter)
    rejected: Counter[Lane] = field(default_factory=Counter)
    lost: Counter[Lane] = field(default_factory=Counter)
    acks_unsent: int = 0


class Custody:
    """The receiving end of custody for all lanes."""

    def __init__(
        self, *, database: Database, link: Link, takers: Mapping[Lane, Taker], is_enrolled: Callable[[str], bool]
    ) -> None:
        """Take messages from `link`; `takers` store the rows of each lane whose promise is exact."""
        self.tally = Tally()
        self._database = database
        self._link = link
        self._takers = takers
        self._is_enrolled = is_enrolled
        self._desk = CreditDesk()
        link.handle(KINDS, self.take)
        link.when_connected(self._begin_anew)

    async def run(self) -> None:
        """Give turns that nobody used to the next, until cancelled."""
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            self._answer(())

    async def take(self, run: Sequence[Incoming]) -> None:
        """Commit consecutive messages in order and acknowledge what is committed."""
        for part in _parts(run):
            messages = await asyncio.to_thread(self._read, part)
            if not messages:
                continue
            intake, taken = await self._database.run(partial(self._store, messages=messages))
            now = time.monotonic()
            self._desk.worked(sum(map(len, intake.rows.values())), now)
            for message in messages:
                self._desk.heard(message, intake.acks[LaneKey.of(message)], now)
            self._answer(intake.acks)
            self._tell(intake, taken)

    async def take_in_any_order(self, run: Sequence[Incoming]) -> None:
        """Commit messages that came by files, which may arrive in any order; raises if that fails.

        They are acknowledged by files too, or not at all.
        """
        for part in _parts(run):
            messages = await asyncio.to_thread(self._read, part)
            intake, taken = await self._database.run(partial(self._store, messages=messages, any_order=True))
            self._tell(intake, taken)

    async def gaps(self, query: GapQuery) -> Page[Gap]:
        """Return what appliances lost before the hub got it, newest first."""
        statement = select(custody_gaps).order_by(custody_gaps.c.id.desc()).limit(query.limit + 1)
        if query.after is not None:
            statement = statement.where(custody_gaps.c.id < int(query.after))
        if query.node_id is not None:
            statement = statement.where(custody_gaps.c.node_id == query.node_id)
        found = await self._database.run(lambda connection: connection.execute(statement).all())
        items = tuple(
            Gap(
                node_id=row.node_id,
                lane=row.lane,
                epoch=row.epoch,
                first=row.first,
                last=row.last,
                reason=row.reason,
                seen_at=from_us(row.seen_at_us),
            )
            for row in found[: query.limit]
        )
        return Page(items=items, next=str(found[query.limit - 1].id) if len(found) > query.limit else None)

    def _read(self, run: Sequence[Incoming]) -> list[Message]:
        read: list[Message] = []
        for incoming in run:
            message: Message | None = (
                self._link.read(Hello, incoming)
                if incoming.kind == "u/hello"
                else self._link.read(Batch, incoming, with_nul=True)
            )
            if message is not None and self._is_enrolled(incoming.node_id) and is_sound(message):
                read.append(message)
        return read

    def _store(
        self, connection: Connection, messages: Sequence[Message], *, any_order: bool = False
    ) -> tuple[Intake, dict[Lane, Taken]]:
        known = read_cursors(connection, keys_of(messages))
        intake = take_in(known, messages, any_order=any_order)
        at_us = now_us()
        taken = {lane: self._takers[lane].take(connection, rows, at_us) for lane, rows in intake.rows.items() if rows}
        rejects = [reject for each in taken.values() for reject in each.rejected]
        rejected = record_rejects(connection, rejects, at_us)
        repeated = sum((each.repeated for each in taken.values()), Counter[LaneKey]())
        record_losses(connection, intake.losses, at_us)
        move_cursors(
            connection,
            known,
            intake.cursors,
            repeated=repeated,
            rejected=rejected,
            outlived=intake.outlived,
            at_us=at_us,
        )
        return intake, taken

    def _answer(self, heard: Iterable[LaneKey]) -> None:
        for key, ack in self._desk.answers(heard, time.monotonic()):
            try:
                self._link.publish(topics.ack(key.node_id), ack.to_bytes(), qos=0)
            except BusError:
                self.tally.acks_unsent += 1  # the appliance asks again after its timeout

    async def _begin_anew(self) -> None:
        self._desk.forget()

    def _tell(self, intake: Intake, taken: Mapping[Lane, Taken]) -> None:
        for lane, rows in intake.rows.items():
            self.tally.rows[lane] += len(rows)
        for lost in intake.losses:
            self.tally.lost[lost.key.lane] += lost.last - lost.first + 1
        for lane, each in taken.items():
            self.tally.repeated[lane] += each.repeated.total()
            self.tally.rejected[lane] += len(each.rejected)
            each.tell()


def _parts(run: Sequence[Incoming]) -> list[list[Incoming]]:
    """Cut messages into transactions of at most `BYTES_AT_ONCE`, but for a message that is larger by itself."""
    parts: list[list[Incoming]] = []
    room = 0
    for incoming in run:
        if not parts or len(incoming.payload) > room:
            parts.append([])
            room = BYTES_AT_ONCE
        parts[-1].append(incoming)
        room -= len(incoming.payload)
    return parts
