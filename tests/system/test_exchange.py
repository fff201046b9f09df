"""File exchange between a box and a hub: files lost, doubled, mixed up, cut; ways that meet; restored boxes."""

import asyncio
import hashlib
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

from appliance.agent.exchange import Exchange
from appliance.agent.membership import Membership
from appliance.agent.reconciliation import Reconciliation
from appliance.agent.state import AgentState
from appliance.capture.hub_side import OwedPictures
from appliance.capture.schema import migrations
from appliance.capture.shelf import Shelf
from appliance.config import Config, ExchangeConfig
from appliance.local.messages import LocalEvent, LocalPicture
from appliance.local.parcel import Outgoing
from appliance.store import exports, parcels
from appliance.store.database import Database
from appliance.store.pictures import PictureFolder
from appliance.store.results import BOX
from federation.exchange.reconciliation import Report
from federation.messages import new_id
from federation.testing.waiting import until
from hub.app import open_hub
from hub.config import make_config
from tests.appliance.capture.test_hub_returns import Taken, telling
from tests.system.border import Border

WAIT_S = 60.0
QUICK = {"look_every_s": 0.05, "settle_s": 0.1}


@dataclass(kw_only=True)
class Box:
    """An agent without panel and processes: what it records goes out by files."""

    state: AgentState
    exchange: Exchange
    snapshots: Taken
    ids: list[str] = field(default_factory=list)

    async def see(self, count: int, *, picture: bytes | None = None) -> None:
        """Record events."""
        for _ in range(count):
            event = an_event(with_picture=picture is not None)
            self.ids.append(event.id)
            await self.state.record_events([Outgoing(event=event, pictures=[picture] if picture is not None else [])])

    async def acknowledged(self) -> int:
        """Return how many events the hub has acknowledged."""
        lanes = await self.state.lanes()
        return next(lane.acknowledged for lane in lanes if lane.lane == "events")


def an_event(*, with_picture: bool) -> LocalEvent:
    now = datetime.now(UTC)
    return LocalEvent(
        id=new_id(),
        type="area_intrusion/object",
        time=now,
        detected_at=now,
        point_id="gate",
        task_id=new_id(),
        generation=1,
        algorithm_id="fengsui.area_intrusion",
        algorithm_version="1.0.0",
        score=0.9,
        pictures=(LocalPicture(width_px=64, height_px=36),) if with_picture else (),
    )


def jpeg(number: int) -> bytes:
    return b"\xff\xd8\xff\xe0" + number.to_bytes(4) + b"picture" * 2000


@asynccontextmanager
async def running_box(folder: Path, border: Border, *, two_way: bool = True, **more: Any) -> AsyncIterator[Box]:
    exchange = ExchangeConfig(
        out_folder=border.folder / "box-out",
        in_folder=border.folder / "box-in" if two_way else None,
        **{"every_s": 0.1, "state_s": 0.3, "repeat_s": 1, **QUICK, **more},
    )
    config = Config(profile="analysis", data_folder=folder / "data", run_folder=folder / "run", exchange=exchange)
    async with Database(config.database_file) as database, Database(config.captures_file, migrations) as index:
        state = AgentState(config, database)
        await state.load()
        shelf = Shelf(pictures=PictureFolder(root=config.captures_folder), database=index)
        owed = OwedPictures(shelf=lambda: shelf, record=database)
        taken = Taken(record=database, shelf=shelf)
        box = Box(state=state, exchange=Exchange(state, Membership(state), owed), snapshots=taken)
        async with telling(taken), asyncio.TaskGroup() as group:
            running = group.create_task(box.exchange.run())
            try:
                yield box
            finally:
                running.cancel()


@dataclass(frozen=True, kw_only=True)
class Hub:
    """A running hub and a client that may do everything."""

    console: httpx.AsyncClient

    async def get(self, path: str, **query: Any) -> Any:
        return (await self.console.get(path, params=query)).raise_for_status().json()

    async def event_ids(self) -> list[str]:
        found, query = [], {"limit": "200"}
        while True:
            page = await self.get("/api/v1/events", **query)
            found += [row["id"] for row in page["items"]]
            if page["next"] is None:
                return found
            query["after"] = page["next"]

    async def captured(self) -> dict[str, bytes | None]:
        """Return the snapshots that came, each with its picture, None while it has not come."""
        rows = (await self.get("/api/v1/captures"))["items"]
        return {row["id"]: await self._picture(row["picture_url"]) for row in rows}

    async def _picture(self, url: str | None) -> bytes | None:
        return None if url is None else (await self.console.get(url)).raise_for_status().content

    async def exchange_node(self) -> dict[str, Any]:
        (node,) = (await self.get("/api/v1/exchange"))["nodes"]
        return dict(node)


@asynccontextmanager
async def running_hub(folder: Path, border: Border, **more: Any) -> AsyncIterator[Hub]:
    folders = {"in_folder": str(border.folder / "hub-in"), "out_folder": str(border.folder / "hub-out")}
    values = {
        "data_folder": "data",
        "run_folder": "run",
        "http": {"port": 0},
        "exchange": {**folders, "answer_s": 0.1, "state_s": 1, **QUICK, **more},
    }
    config = await asyncio.to_thread(make_config, values, folder=folder)
    async with open_hub(config, idle=frozenset({"link"})):
        over_socket = httpx.AsyncHTTPTransport(uds=str(config.console_socket))
        async with httpx.AsyncClient(transport=over_socket, base_url="http://hub", timeout=60) as console:
            yield Hub(console=console)


async def introduce(box: Box, hub: Hub) -> str:
    """Carry the box's request to the hub and the hub's answer back; return the node's id."""
    request = await box.exchange.make_request(BOX)
    body = {"request": request, "name": "gate-1"}
    answered = (await hub.console.post("/api/v1/exchange/nodes", json=body)).raise_for_status().json()
    _, key = await box.exchange.read_answer(answered["answer"])
    await box.exchange.join(answered["answer"], fingerprint=key.fingerprint, doer=BOX)
    await until(lambda: box.exchange.exporter is not None, within_s=WAIT_S, what="the box exports")
    return str(answered["node_id"])


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder whose name is short enough for sockets."""
    with tempfile.TemporaryDirectory(prefix="fengsui-") as name:
        yield Path(name)


@pytest.fixture
def border(folder: Path) -> Border:
    return Border(folder=folder / "border", bad_for=60)


async def test_whatever_the_border_does_every_event_and_picture_arrives_once(folder: Path, border: Border) -> None:
    async with (
        running_hub(folder / "hub", border) as hub,
        running_box(folder / "box", border, parcel_bytes=65536) as box,
    ):
        await introduce(box, hub)
        for number in range(8):
            await box.see(40)
            await box.see(1, picture=jpeg(number))
            border.carry(lose=0.3, double=0.2, cut=0.3)
            await asyncio.sleep(0.05)

        async def arrived() -> bool:
            border.carry(lose=0.2, double=0.2)
            if await box.acknowledged() < len(box.ids) or (await box.state.report()).evidence_backlog:
                return False
            return bool((await hub.exchange_node())["holes"] == 0)  # of the lane of pictures, which has its own way

        await until(arrived, within_s=WAIT_S, what="the box knows that everything has arrived")

        assert sorted(await hub.event_ids()) == sorted(box.ids)
        for number in range(8):
            digest = f"sha256:{hashlib.sha256(jpeg(number)).hexdigest()}"
            assert (await hub.console.get(f"/api/v1/pictures/{digest}")).content == jpeg(number)
        assert (await hub.get("/api/v1/gaps"))["items"] == []
        node = await hub.exchange_node()
        assert (node["holes"], node["pictures_missing"]) == (0, 0)


async def test_snapshots_and_their_pictures_cross_a_border_that_loses_files(folder: Path, border: Border) -> None:
    async with (
        running_hub(folder / "hub", border) as hub,
        running_box(folder / "box", border, parcel_bytes=65536) as box,
    ):
        await introduce(box, hub)
        taken = [await box.snapshots.take() for _ in range(6)]

        async def arrived() -> bool:
            border.carry(lose=0.3, double=0.2, cut=0.2)
            captured = await hub.captured()
            return len(captured) == 6 and None not in captured.values() and not await box.snapshots.owed()

        await until(arrived, within_s=WAIT_S, what="the box knows that all pictures have arrived")

        assert await hub.captured() == {each.id: box.snapshots.content(each) for each in taken}
        assert (await hub.exchange_node())["pictures_missing"] == 0


async def test_a_picture_of_a_snapshot_that_a_one_way_border_lost_is_named_and_exported_again(
    folder: Path, border: Border
) -> None:
    async with (
        running_hub(folder / "hub", border) as hub,
        running_box(folder / "box", border, two_way=False, copies=1) as box,
    ):
        node_id = await introduce(box, hub)
        lost = await box.snapshots.take()
        await until(partial(all_pictures_written, box), within_s=WAIT_S, what="its picture is written")
        border.carry(lose=1.0)
        await box.snapshots.take()
        reconciliation = Reconciliation(box.exchange)

        async def lacking() -> Report:
            text = (await hub.get(f"/api/v1/exchange/nodes/{node_id}/report"))["report"]
            return await reconciliation.read_report(text)

        async def has_come(count: int) -> bool:
            border.carry()
            return sum(picture is not None for picture in (await hub.captured()).values()) == count

        await until(partial(has_come, 1), within_s=WAIT_S, what="the other one")
        await reconciliation.export_lacking(await lacking(), BOX)  # nobody has told of the lost one: only rows

        async def is_missed() -> bool:
            border.carry()
            return bool((await hub.exchange_node())["pictures_missing"] == 1)

        await until(is_missed, within_s=WAIT_S, what="the hub misses a picture")
        report = await lacking()

        assert report.pictures_missing == (lost.digest,)
        assert await reconciliation.export_lacking(report, BOX) == (0, 1)
        await until(partial(has_come, 2), within_s=WAIT_S, what="the picture has arrived")


async def test_what_a_one_way_border_lost_is_named_by_reconciliation_and_exported_again(
    folder: Path, border: Border
) -> None:
    async with (
        running_hub(folder / "hub", border) as hub,
        running_box(folder / "box", border, two_way=False, copies=2, report_s=0.3) as box,
    ):
        node_id = await introduce(box, hub)
        await box.see(5, picture=jpeg(1))
        await until(lambda: all_copies_written(box), within_s=WAIT_S, what="all copies are written")
        border.carry(lose=1.0)
        await box.see(3)

        async def hole() -> bool:
            border.carry()
            return bool((await hub.exchange_node())["holes"] == 5)

        await until(hole, within_s=WAIT_S, what="the hub sees that five rows are missing")

        async def named() -> bool:
            border.carry()
            found = (await hub.exchange_node())["reconciled"]
            spans = [(each["fault"], each["first"], each["last"]) for each in found["differences"]] if found else []
            return ("missing", 1, 5) in spans

        await until(named, within_s=WAIT_S, what="the box's report names the missing rows")
        reconciliation = Reconciliation(box.exchange)
        report = await reconciliation.read_report((await hub.get(f"/api/v1/exchange/nodes/{node_id}/report"))["report"])
        lacking = [each for each in await reconciliation.held_against(report) if each.lane == "events"]
        assert [(each.fault, each.first, each.last) for each in lacking] == [("missing", 1, 5)]

        rows, _ = await reconciliation.export_lacking(report, BOX)

        assert rows >= 5

        async def arrived() -> bool:
            border.carry()
            return sorted(await hub.event_ids()) == sorted(box.ids)

        await until(arrived, within_s=WAIT_S, what="everything has arrived")
        assert await box.acknowledged() == 0  # nobody can confirm it
        report = await reconciliation.read_report((await hub.get(f"/api/v1/exchange/nodes/{node_id}/report"))["report"])
        assert await reconciliation.held_against(report) == ()
        assert await reconciliation.export_lacking(report, BOX) == (0, 1)  # its event has come, the picture has not

        async def has_pictures() -> bool:
            border.carry()
            return bool((await hub.exchange_node())["pictures_missing"] == 0)

        await until(has_pictures, within_s=WAIT_S, what="the picture has arrived")
        assert (await hub.get("/api/v1/gaps"))["items"] == []


async def all_pictures_written(box: Box) -> bool:
    return await box.snapshots.are_exported() and not await box.exchange.database.read(parcels.unwritten)


async def all_copies_written(box: Box) -> bool:
    lanes = await box.exchange.database.read(exports.figures)
    written = all(lane.repeating == 0 for lane in lanes)
    (pictures,) = await box.exchange.database.read(
        lambda db: db.execute(
            "SELECT count(*) FROM pictures LEFT JOIN picture_exports USING (digest) WHERE coalesce(times, 0) < 2"
        ).fetchone()
    )
    events = next(lane for lane in lanes if lane.lane == "events")
    unwritten = await box.exchange.database.read(parcels.unwritten)
    return written and events.upto == len(box.ids) and pictures == 0 and not unwritten
