"""Whatever a node sends, the hub stays up, writes nothing that is no event, and counts what it refuses."""

import asyncio
import json
from collections.abc import AsyncIterator
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, select

from federation.http import Problem
from federation.http.live_feed import LiveFeed
from federation.messages import Batch, Event, Hello, Lane, WireModel
from federation.testing.mutation import mutations
from federation.testing.played_appliance import made_event
from hub.custody.service import Custody, Taker, TakesNothing
from hub.custody.tables import custody_cursors
from hub.database import Database
from hub.database.upgrade import upgrade
from hub.events.ingest import EventTaker
from hub.events.latency import LatencyWindow
from hub.events.pictures import Pictures
from hub.events.tables import events
from hub.fleet.link import Incoming, Link
from hub.opening.service import Feeds
from hub.repository.examiner import Examiner
from hub.repository.service import Repository
from hub.security.results import ResultTaker
from hub.storage import ContentStore

MUTATIONS = 10_000
AT_ONCE = 50
SEED = 20_261_125
EPOCH = "01a20fec-0000-7000-8000-000000000001"
KNOWN = frozenset({"n1", "n2"})


@pytest.fixture
def new_database(tmp_path: Path) -> Database:
    return Database(f"sqlite:///{tmp_path / 'hub.sqlite'}")


@pytest.fixture
async def database(new_database: Database) -> AsyncIterator[Database]:
    await upgrade(new_database)
    yield new_database
    await new_database.close()


@pytest.fixture
def link() -> Link:
    return Link()


@pytest.fixture
def custody(database: Database, link: Link, tmp_path: Path) -> Custody:
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
    takers: dict[Lane, Taker] = {Lane.EVENTS: taker, Lane.RESULTS: ResultTaker(), Lane.EVIDENCE: TakesNothing()}
    return Custody(database=database, link=link, takers=takers, is_enrolled=KNOWN.__contains__)


def batch_of(node_id: str, first: int, rows: int, *, epoch: str = "e", **more: Any) -> Batch:
    made = tuple(json.dumps(made_event(node_id, **more)) for _ in range(rows))
    return Batch(node_id=node_id, epoch=epoch, lane=Lane.EVENTS, first=first, rows=made)


def incoming(node_id: str, message: WireModel | bytes, kind: str = "u/b/events") -> Incoming:
    payload = message if isinstance(message, bytes) else message.to_bytes()
    return Incoming(node_id=node_id, kind=kind, payload=payload)


async def stored(database: Database) -> list[Any]:
    def work(connection: Connection) -> list[Any]:
        return list(connection.execute(select(events.c.node_id, events.c.id, events.c.body)))

    return await database.run(work)


async def cursors(database: Database) -> dict[str, int]:
    def work(connection: Connection) -> dict[str, int]:
        found = connection.execute(select(custody_cursors.c.node_id, custody_cursors.c.upto))
        return {row.node_id: row.upto for row in found}

    return await database.run(work)


@pytest.mark.parametrize("kind", ["u/hello", "u/b/events", "u/b/results", "u/b/evidence"])
async def test_ten_thousand_mutations_neither_stop_the_hub_nor_write_what_is_no_event(
    kind: str, custody: Custody, link: Link, database: Database
) -> None:
    hello = Hello(node_id="n1", epoch=EPOCH, lane=Lane.EVENTS, base=1, next=4)
    whole = (hello if kind == "u/hello" else batch_of("n1", 1, 2, epoch=EPOCH)).to_bytes()
    wrong = (
        payload.replace(EPOCH.encode(), str(number).encode())  # rows of an epoch that is known are not looked at twice
        for number, payload in enumerate(mutations((whole,), count=MUTATIONS, seed=SEED))
    )
    while some := [incoming("n1", payload, kind) for payload in islice(wrong, AT_ONCE)]:
        await custody.take(some)

    assert link.malformed + custody.tally.rejected.total() > MUTATIONS // 2
    for node_id, event_id, body in await stored(database):
        event = Event.model_validate(json.loads(body))
        assert (node_id, event_id, event.source) == ("n1", event.id, "n1")
    await custody.take([incoming("n2", batch_of("n2", 1, 3))])
    assert (await cursors(database))["n2"] == 3


@pytest.mark.parametrize(
    "payload",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"\x00" * 100, id="zeros"),
        pytest.param(b"[" * 100_000, id="deep nesting"),
        pytest.param(b'["n1", "e", "events", 1]\n{}', id="a list"),
        pytest.param(b'{"node_id":"n1","epoch":"e","lane":"metrics","first":1}\n{}', id="unknown lane"),
        pytest.param(b'{"node_id":"n1","epoch":"e","lane":"events","first":0}\n{}', id="number 0"),
        pytest.param(b'{"node_id":"n1","epoch":"e","lane":"events","first":1}', id="no row"),
        pytest.param(b'{"node_id":"n1","epoch":"e","lane":"events","first":1}' + b"\n{}" * 101, id="101 rows"),
        pytest.param(b'{"node_id":"n1","epoch":"e","lane":"events","first":1}\n{"\xff":1}', id="no UTF-8"),
        pytest.param(b'{"node_id":"n2","epoch":"e","lane":"events","first":1}\n{}', id="another node"),
    ],
)
async def test_what_is_no_message_is_counted_and_leaves_no_trace(
    payload: bytes, custody: Custody, link: Link, database: Database
) -> None:
    await custody.take([incoming("n1", payload)])

    assert link.malformed == 1
    assert await stored(database) == []
    assert await cursors(database) == {}


async def test_a_stranger_is_not_listened_to(custody: Custody, database: Database) -> None:
    await custody.take([incoming("n9", batch_of("n9", 1, 3))])

    assert await stored(database) == []
    assert await cursors(database) == {}


async def test_a_replayed_batch_changes_nothing(custody: Custody, database: Database) -> None:
    batch = incoming("n1", batch_of("n1", 1, 5))

    for _ in range(3):
        await custody.take([batch, batch])

    assert len(await stored(database)) == 5
    assert await cursors(database) == {"n1": 5}


@pytest.mark.parametrize(
    "row", ["", "{}", "[]", "7", '{"id":', "{\x00}", '{"a": "\\u0000"}', '{"a": "\\ud800"}', "[" * 10_000]
)
@pytest.mark.parametrize("lane", ["events", "results"])
async def test_a_row_that_is_none_is_kept_apart_and_stops_no_other(
    row: str, lane: str, custody: Custody, database: Database
) -> None:
    good = json.dumps(made_event("n1"))
    batch = Batch(node_id="n1", epoch="e", lane=Lane(lane), first=1, rows=(good, row, good.replace("-", "_")))

    await custody.take([incoming("n1", batch, f"u/b/{lane}")])

    assert await cursors(database) == {"n1": 3}
    assert custody.tally.rejected == {Lane(lane): 2 if lane == "events" else 3}
    assert len(await stored(database)) == (1 if lane == "events" else 0)


async def test_events_said_in_another_nodes_name_are_kept_apart_and_counted(
    custody: Custody, database: Database
) -> None:
    forged = batch_of("n1", 1, 2, source="n2")

    await custody.take([incoming("n1", forged)])

    assert await stored(database) == []
    assert custody.tally.rejected == {Lane.EVENTS: 2}
    assert await cursors(database) == {"n1": 2}  # or they would stop the lane for ever


async def test_a_picture_of_which_nothing_more_comes_is_given_up_and_leaves_nothing(
    database: Database, tmp_path: Path
) -> None:
    store = ContentStore(tmp_path / "pictures", limit_bytes=1000)
    pictures = Pictures(database, store, LiveFeed(), chunk_within_s=0.05)

    async def half() -> AsyncIterator[bytes]:
        yield b"\xff\xd8\xffhalf"
        await asyncio.Event().wait()

    with pytest.raises(Problem) as refused:
        await pictures.put(f"sha256:{'0' * 64}", half(), "n1")

    left = await asyncio.to_thread(lambda: [path for path in store.folder.rglob("*") if path.is_file()])
    assert (refused.value.code, left) == ("request_timeout", [])
