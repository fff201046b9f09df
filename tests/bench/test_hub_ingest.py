"""How fast the hub takes events over: parse, check, commit durably, acknowledge."""

import asyncio
import json
import sqlite3
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from federation.http.live_feed import LiveFeed
from federation.messages import Batch, Lane
from federation.testing.played_appliance import made_event
from hub.custody.service import Custody
from hub.database import Database
from hub.database.upgrade import upgrade
from hub.events.ingest import EventTaker
from hub.events.latency import LatencyWindow
from hub.fleet.link import Incoming, Link
from hub.opening.service import Feeds
from hub.repository.examiner import Examiner
from hub.repository.service import Repository
from hub.storage import ContentStore

if TYPE_CHECKING:
    from tests.bench.conftest import Notebook

pytestmark = pytest.mark.bench

BATCHES = 100
ROWS = 100
AT_ONCE = 8  # batches that a lane has on their way
DIGEST = "sha256:" + "ab" * 32


def made_batches() -> list[Incoming]:
    batches = []
    for number in range(BATCHES):
        rows = tuple(json.dumps(made_event("n1", digest=DIGEST)) for _ in range(ROWS))
        batch = Batch(node_id="n1", epoch="e", lane=Lane.EVENTS, first=number * ROWS + 1, rows=rows)
        batches.append(Incoming(node_id="n1", kind="u/b/events", payload=batch.to_bytes()))
    return batches


def plain_inserts_per_s(path: Path, batches: list[Incoming]) -> float:
    """Insert the same rows as text, one durable transaction per batch, and nothing else."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.executescript("pragma journal_mode=wal; pragma synchronous=full; create table t (id text unique, body)")
    started_s = time.perf_counter()
    for batch in batches:
        rows = [(row["id"], json.dumps(row)) for row in map(json.loads, batch.payload.splitlines()[1:])]
        connection.execute("begin immediate")
        connection.executemany("insert into t values (?, ?)", rows)
        connection.execute("commit")
    taken_s = time.perf_counter() - started_s
    connection.close()
    return BATCHES * ROWS / taken_s


@pytest.fixture
def database(tmp_path: Path) -> Database:
    return Database(f"sqlite:///{tmp_path / 'hub.sqlite'}")


async def test_the_hub_takes_events_over(database: Database, tmp_path: Path, notebook: "Notebook") -> None:
    await upgrade(database)
    taker = EventTaker(
        repository=Repository(
            database, ContentStore(tmp_path / "packages", limit_bytes=1), Examiner(None), added=lambda: None
        ),
        live=LiveFeed(),
        follower=Feeds(),
        latency=LatencyWindow(),
        hub_id=lambda: "this-hub",
        committed=lambda: None,
    )
    custody = Custody(database=database, link=Link(), takers={Lane.EVENTS: taker}, is_enrolled=lambda _node_id: True)
    batches = made_batches()
    baseline = await asyncio.to_thread(plain_inserts_per_s, tmp_path / "plain.sqlite", batches)
    started_s = time.perf_counter()

    for first in range(0, BATCHES, AT_ONCE):
        await custody.take(batches[first : first + AT_ONCE])

    taken_s = time.perf_counter() - started_s
    await database.close()
    assert taker.tally.events == BATCHES * ROWS
    noted = notebook.note(
        "events taken over by the hub (SQLite, synchronous=FULL)",
        BATCHES * ROWS / taken_s,
        "events/s",
        baseline=baseline,
        baseline_is="plain durable inserts of the same rows",
    )
    assert noted.value > 500  # what the source asks for
