"""Parts of an appliance for tests: a database, events, a broker."""

import sqlite3
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

import pytest

from appliance.store import events
from appliance.store.database import Database
from federation.messages import Event, EventData, EvidenceRef, new_id
from federation.testing.broker import Broker, running_broker


class MakeEvent(Protocol):
    """Makes an event; `digests` are those of its pictures."""

    def __call__(self, *, type: str = ..., point_id: str = ..., digests: tuple[str, ...] = ...) -> Event: ...


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    async with Database(tmp_path / "appliance.db") as opened:
        yield opened


@pytest.fixture
def an_event() -> MakeEvent:
    def make(*, type: str = "intrusion/object", point_id: str = "p1", digests: tuple[str, ...] = ()) -> Event:
        now = datetime.now(UTC)
        return Event(
            id=new_id(),
            source="whoever",
            type=type,
            time=now,
            data=EventData(
                point_id=point_id,
                task_id="t1",
                generation=1,
                algorithm_id="a1",
                algorithm_version="1",
                score=0.5,
                detected_at=now,
                evidence=tuple(
                    EvidenceRef(digest=digest, size_bytes=1000, width_px=64, height_px=36) for digest in digests
                ),
            ),
        )

    return make


@pytest.fixture
def broker() -> Iterator[Broker]:
    with running_broker("n1", "hub") as running:
        yield running


class Recorder:
    """Writes events into a database and keeps the ids in order."""

    def __init__(self, database: Database, make: MakeEvent) -> None:
        self._database = database
        self._make = make
        self.ids: list[str] = []

    async def record(self, count: int = 1) -> int:
        """Write `count` events in one transaction; return the last sequence number."""
        made = [self._make() for _ in range(count)]

        def write(db: sqlite3.Connection) -> int:
            now = datetime.now(UTC)
            return [events.record(db, event, now) for event in made][-1] or 0

        last = await self._database.run(write)
        self.ids += [event.id for event in made]
        return last


@pytest.fixture
def recorder(database: Database, an_event: MakeEvent) -> Recorder:
    return Recorder(database, an_event)
