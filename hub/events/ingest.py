"""Takes events over from appliances: rows and cursor in one transaction, the acknowledgement after it."""

import asyncio
import json
import logging
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

from sqlalchemy import Connection, bindparam, insert, select, tuple_, update

from federation import topics
from federation.bus import BusError
from federation.messages import Batch, Event, Hello, Lane
from hub.database import Database
from hub.database.moments import now_us, to_us
from hub.events.intake import Intake, LaneKey, Lost, Message, Row, is_sound, read_event, take_in
from hub.events.latency import LatencyWindow
from hub.events.model import EventRow
from hub.events.rows import columns_of, row_of
from hub.events.tables import (
    QUOTA,
    UNKNOWN,
    custody_cursors,
    custody_gaps,
    event_pictures,
    events,
    pictures,
    rejected_rows,
)
from hub.fleet.link import Incoming, Link
from hub.live import LiveFeed
from hub.points.tables import points
from hub.repository.service import Repository
from hub.scheduling.tables import tasks

log = logging.getLogger(__name__)

KINDS = ("u/hello", "u/b/events", "u/b/evidence")
ROWS_AT_ONCE = 2000  # bounds how long one transaction keeps the others waiting
NOTICES_AT_ONCE = 100  # a page wants the newest; it fetches the rest as a list
LONGEST_REJECT = 20_000


class Follower(Protocol):
    """Who must know of events in the very transaction that stores or judges them."""

    def add(self, connection: Connection, recorded: Sequence[Event]) -> None:
        """Take note of events that are being committed, in their order of arrival."""

    def confirm(self, connection: Connection, event: Event) -> None:
        """Take note of an event that is being judged true."""


@dataclass(kw_only=True)
class Tally:
    """What was taken in since the program started; `latency` is from frame to row."""

    latency: LatencyWindow
    events: int = 0
    repeated: int = 0
    rejected: int = 0
    lost: int = 0
    acks_unsent: int = 0


@dataclass(frozen=True, kw_only=True)
class _Stored:
    """What a transaction has committed, for those who look on."""

    intake: Intake
    rows: list[EventRow]
    latencies_ms: list[float]
    repeated: int
    rejected: int


class Ingest:
    """The receiving end of custody for the lane of events."""

    def __init__(
        self,
        *,
        database: Database,
        link: Link,
        repository: Repository,
        live: LiveFeed,
        follower: Follower,
        latency: LatencyWindow,
        is_enrolled: Callable[[str], bool],
        committed: Callable[[], None],
    ) -> None:
        """Take messages from `link`; `committed` is called on the event loop after each transaction with events."""
        self.tally = Tally(latency=latency)
        self._database = database
        self._link = link
        self._repository = repository
        self._live = live
        self._follower = follower
        self._is_enrolled = is_enrolled
        self._committed = committed
        link.handle(KINDS, self.take)

    async def take(self, run: Sequence[Incoming]) -> None:
        """Commit consecutive messages in order and acknowledge what is committed."""
        messages = await asyncio.to_thread(self._read, run)
        for part in _parts(messages):
            stored = await self._database.run(partial(self._store, messages=part))
            self._acknowledge(stored.intake)
            self._tell(stored)

    def _read(self, run: Sequence[Incoming]) -> list[Message]:
        read: list[Message] = []
        for incoming in run:
            message: Message | None = (
                self._link.read(Hello, incoming)
                if incoming.kind == "u/hello"
                else self._link.read(Batch, incoming, with_nul=True)
            )
            if message is None or not self._is_enrolled(incoming.node_id):
                continue
            if is_sound(message):
                read.append(message)
        return read

    def _store(self, connection: Connection, messages: Sequence[Message]) -> _Stored:
        cursors = _cursors(connection, {LaneKey.of(message) for message in messages})
        intake = take_in(cursors, messages)
        received_at_us = now_us()
        # A row of evidence says that its picture was stored here before: a restored cursor asks for that again.
        valid, rejected = _sort_out([row for row in intake.rows if row.key.lane is Lane.EVENTS])
        new, repeated = _without_repeats(connection, valid)
        stored = self._insert(connection, [event for _, event in new], received_at_us)
        _record_rejects(connection, rejected, received_at_us)
        _record_losses(connection, intake.losses, received_at_us)
        _move_cursors(connection, cursors, intake, repeated=repeated, rejected=rejected, at_us=received_at_us)
        return _Stored(
            intake=intake,
            rows=stored,
            latencies_ms=[(received_at_us - to_us(event.time)) / 1000 for _, event in new],
            repeated=sum(repeated.values()),
            rejected=len(rejected),
        )

    def _insert(self, connection: Connection, new: list[Event], received_at_us: int) -> list[EventRow]:
        """Insert new events with all that hangs on them; return the newest of them as portal pages show them."""
        if not new:
            return []
        places = _places(connection, {event.data.point_id for event in new})
        columns = []
        for event in new:
            name, bureau = places.get(event.data.point_id, (event.data.point_id, ""))
            columns.append(columns_of(event, point_name=name, bureau=bureau, received_at_us=received_at_us))
        connection.execute(insert(events), columns)
        _insert_pictures(connection, new)
        _count_by_task(connection, new)
        self._follower.add(connection, new)
        return self._notices(connection, new) if self._live.viewers else []

    def _notices(self, connection: Connection, new: list[Event]) -> list[EventRow]:
        newest = {event.id: event for event in new[-NOTICES_AT_ONCE:]}
        digests = [evidence.digest for event in newest.values() for evidence in event.data.evidence]
        arrived = arrived_pictures(connection, digests)
        found = connection.execute(select(events).where(events.c.id.in_(newest)).order_by(events.c.cursor))
        catalogue = self._repository.catalogue
        return [row_of(row, newest[row.id], catalogue=catalogue, arrived=arrived) for row in found]

    def _acknowledge(self, intake: Intake) -> None:
        for key, ack in intake.acks.items():
            try:
                self._link.publish(topics.ack(key.node_id), ack.to_bytes())
            except BusError:
                self.tally.acks_unsent += 1  # the appliance asks again after its timeout

    def _tell(self, stored: _Stored) -> None:
        self.tally.events += len(stored.latencies_ms)
        self.tally.repeated += stored.repeated
        self.tally.rejected += stored.rejected
        self.tally.lost += sum(lost.last - lost.first + 1 for lost in stored.intake.losses)
        for latency_ms in stored.latencies_ms:
            self.tally.latency.add(latency_ms)
        for row in stored.rows:
            self._live.publish("event.created", row.model_dump(mode="json"))
        if stored.latencies_ms:
            self._committed()


def arrived_pictures(connection: Connection, digests: Sequence[str]) -> set[str]:
    """Return those of `digests` whose pictures are stored."""
    return set(connection.execute(select(pictures.c.digest).where(pictures.c.digest.in_(digests))).scalars())


def _parts(messages: Sequence[Message]) -> list[list[Message]]:
    """Cut messages into transactions of at most `ROWS_AT_ONCE` rows."""
    parts: list[list[Message]] = []
    room = 0
    for message in messages:
        size = len(message.rows) if isinstance(message, Batch) else 1
        if not parts or size > room:
            parts.append([])
            room = ROWS_AT_ONCE
        parts[-1].append(message)
        room -= size
    return parts


def _sort_out(rows: Sequence[Row]) -> tuple[list[tuple[Row, Event]], list[tuple[Row, str]]]:
    valid: list[tuple[Row, Event]] = []
    rejected: list[tuple[Row, str]] = []
    for row in rows:
        read = read_event(row)
        if isinstance(read, Event):
            valid.append((row, read))
        else:
            rejected.append((row, read))
    return valid, rejected


def _without_repeats(
    connection: Connection, valid: list[tuple[Row, Event]]
) -> tuple[list[tuple[Row, Event]], Counter[LaneKey]]:
    """Leave out events that came before by any path, or twice in this run."""
    wanted = [event.id for _, event in valid]
    known: set[str] = set()
    for start in range(0, len(wanted), 500):
        part = wanted[start : start + 500]
        known.update(connection.execute(select(events.c.id).where(events.c.id.in_(part))).scalars())
    new: list[tuple[Row, Event]] = []
    repeated: Counter[LaneKey] = Counter()
    for row, event in valid:
        if event.id in known:
            repeated[row.key] += 1
        else:
            known.add(event.id)
            new.append((row, event))
    return new, repeated


def _places(connection: Connection, point_ids: set[str]) -> dict[str, tuple[str, str]]:
    found = connection.execute(
        select(points.c.id, points.c.name, points.c.bureau).where(points.c.id.in_(sorted(point_ids)))
    )
    return {row.id: (row.name, row.bureau) for row in found}


def _insert_pictures(connection: Connection, new: list[Event]) -> None:
    links = [
        {"event_id": event.id, "position": position, "digest": evidence.digest}
        for event in new
        for position, evidence in enumerate(event.data.evidence)
    ]
    if links:
        connection.execute(insert(event_pictures), links)


def _count_by_task(connection: Connection, new: list[Event]) -> None:
    counts = Counter(event.data.task_id for event in new)
    statement = update(tasks).where(tasks.c.id == bindparam("task")).values(events=tasks.c.events + bindparam("more"))
    connection.execute(statement, [{"task": task_id, "more": more} for task_id, more in sorted(counts.items())])


def _cursors(connection: Connection, keys: set[LaneKey]) -> dict[LaneKey, int]:
    wanted = [(key.node_id, key.epoch, key.lane.value) for key in sorted(keys)]
    place = tuple_(custody_cursors.c.node_id, custody_cursors.c.epoch, custody_cursors.c.lane)
    found = connection.execute(select(custody_cursors).where(place.in_(wanted)))
    return {LaneKey(node_id=row.node_id, epoch=row.epoch, lane=Lane(row.lane)): row.upto for row in found}


def _move_cursors(
    connection: Connection,
    known: Mapping[LaneKey, int],
    intake: Intake,
    *,
    repeated: Counter[LaneKey],
    rejected: Sequence[tuple[Row, str]],
    at_us: int,
) -> None:
    rejects = Counter(row.key for row, _ in rejected)
    for key, upto in intake.cursors.items():
        place = {"node_id": key.node_id, "epoch": key.epoch, "lane": key.lane.value}
        if key not in known:
            counts = {"upto": upto, "repeated": repeated[key], "rejected": rejects[key], "updated_at_us": at_us}
            connection.execute(insert(custody_cursors).values(**place, **counts))
        elif upto != known[key]:
            connection.execute(
                update(custody_cursors)
                .where(*(custody_cursors.c[name] == value for name, value in place.items()))
                .values(
                    upto=upto,
                    repeated=custody_cursors.c.repeated + repeated[key],
                    rejected=custody_cursors.c.rejected + rejects[key],
                    updated_at_us=at_us,
                )
            )


def _record_losses(connection: Connection, losses: Sequence[Lost], at_us: int) -> None:
    for lost in losses:
        log.error(
            "rows lost before they reached the hub: node=%s epoch=%s lane=%s first=%d last=%d by_quota=%s",
            lost.key.node_id,
            lost.key.epoch,
            lost.key.lane,
            lost.first,
            lost.last,
            lost.by_quota,
        )
        connection.execute(
            insert(custody_gaps).values(
                node_id=lost.key.node_id,
                epoch=lost.key.epoch,
                lane=lost.key.lane.value,
                first=lost.first,
                last=lost.last,
                reason=QUOTA if lost.by_quota else UNKNOWN,
                seen_at_us=at_us,
            )
        )


def _record_rejects(connection: Connection, rejected: Sequence[tuple[Row, str]], at_us: int) -> None:
    for row, reason in rejected:
        log.warning("row is no event: node=%s sequence=%d: %s", row.key.node_id, row.sequence, reason)
    values: list[dict[str, Any]] = [
        {
            "node_id": row.key.node_id,
            "epoch": row.key.epoch,
            "lane": row.key.lane.value,
            "sequence": row.sequence,
            "reason": reason.replace("\x00", ""),
            "body": json.dumps(row.body)[:LONGEST_REJECT],
            "seen_at_us": at_us,
        }
        for row, reason in rejected
    ]
    if values:
        connection.execute(insert(rejected_rows), values)
