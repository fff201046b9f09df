"""Two real hubs, one a node of the other: what a box hands over reaches the upper one, whoever is killed."""

import asyncio
import json
import sqlite3
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

from federation.testing.ports import HOST, reserved
from federation.testing.waiting import until
from hil_tests.chaos.producer import Producer
from hil_tests.chaos.program import Program, kept_running
from hil_tests.demo.supervision import FENGSUI

pytestmark = pytest.mark.system

WAIT_S = 120.0
EVENTS = 60


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder whose name is short enough for sockets."""
    with tempfile.TemporaryDirectory(prefix="fengsui-") as name:
        yield Path(name)


@dataclass(frozen=True, kw_only=True)
class Hub:
    """A hub as a process, its console, its database."""

    folder: Path
    program: Program

    async def ask(self, method: str, path: str, **more: Any) -> Any:
        over_socket = httpx.AsyncHTTPTransport(uds=str(self.folder / "data" / "run" / "console.sock"))
        async with httpx.AsyncClient(transport=over_socket, base_url="http://hub", timeout=60) as console:
            answer = (await console.request(method, path, **more)).raise_for_status()
            return answer.json() if answer.content else None

    async def ready(self) -> bool:
        try:
            return bool(await self.ask("GET", "/api/v1/cascade"))
        except httpx.HTTPError:
            return False

    def query(self, statement: str) -> list[tuple[Any, ...]]:
        with closing(
            sqlite3.connect(f"file:{self.folder / 'data' / 'hub.sqlite'}?mode=ro", uri=True, timeout=10)
        ) as db:
            return db.execute(statement).fetchall()

    def event_ids(self) -> list[str]:
        return sorted(event_id for (event_id,) in self.query("SELECT id FROM events"))

    def pictures(self) -> set[str]:
        return {digest for (digest,) in self.query("SELECT digest FROM pictures")}

    async def bundle(self, name: str, profile: str) -> str:
        draft = {"name": name, "profile": profile}
        made = await self.ask("POST", "/api/v1/enrolment-bundles", json=draft)
        return json.dumps(made["bundle"])


@asynccontextmanager
async def running_hub(folder: Path) -> AsyncIterator[Hub]:
    await asyncio.to_thread(folder.mkdir)
    with reserved(5) as (http, nodes, mqtt, subscribers, own):
        config = folder / "hub.toml"
        await asyncio.to_thread(
            config.write_text,
            f'name = "{folder.name}"\ndata_folder = "data"\noffer_shipped = false\n'
            f"[http]\nport = {http}\n[nodes]\nport = {nodes}\n"
            f"[broker]\nport = {mqtt}\nsubscriber_port = {subscribers}\nhub_port = {own}\n"
            "[discovery]\nenabled = false\n",
            encoding="utf-8",
        )
        command = [FENGSUI, "hub", "{}", "--config", str(config)]
        async with (
            kept_running([word.format("broker") for word in command], folder / "broker.log"),
            kept_running([word.format("run") for word in command], folder / "hub.log") as program,
        ):
            hub = Hub(folder=folder, program=program)
            await until(hub.ready, within_s=WAIT_S, what=f"the hub {folder.name} answers")
            yield hub


@asynccontextmanager
async def running_box(folder: Path, bundle: str) -> AsyncIterator[Program]:
    await asyncio.to_thread((folder / "stick").mkdir, parents=True)
    await asyncio.to_thread((folder / "stick" / "gate.fengsui-bundle").write_text, bundle)
    config = folder / "box.toml"
    await asyncio.to_thread(
        config.write_text,
        'profile = "analysis"\ndata_folder = "data"\nrun_folder = "run"\nbundle_folder = "stick"\n'
        f'[panel]\nhost = "{HOST}"\nport = 0\n[lan]\nhost = "{HOST}"\nport = 0\ndiscovery = false\n',
        encoding="utf-8",
    )
    command = [FENGSUI, "appliance", "agent", "--config", str(config)]
    async with kept_running(command, folder / "agent.log") as agent:
        yield agent


async def test_what_a_box_committed_reaches_the_upper_hub_once_though_both_hubs_are_killed(folder: Path) -> None:
    async with running_hub(folder / "city") as upper, running_hub(folder / "district") as lower:
        joined = await lower.ask("POST", "/api/v1/cascade/upper", json={"bundle": await upper.bundle("城东区", "hub")})
        assert joined["upper"]["hub_name"] == "city"
        async with running_box(folder / "box", await lower.bundle("Gate 1", "analysis")):
            producer = Producer(folder / "box" / "run" / "agent.sock", "task")
            async with asyncio.TaskGroup() as group:
                group.create_task(producer.run(may_go_on=lambda: producer.committed < EVENTS, pace_s=0.02))
                for at, program in ((15, lower.program), (30, upper.program), (45, lower.program)):
                    await until(partial(has_committed, producer, at), within_s=WAIT_S, what="events are committed")
                    program.kill()
            await until(lambda: len(upper.event_ids()) >= EVENTS, within_s=WAIT_S, what="the upper hub has the events")
            await until(lambda: upper.pictures() == lower.pictures() != set(), within_s=WAIT_S, what="and the pictures")
            await until(lower.ready, within_s=WAIT_S, what="the lower hub answers again")
            await until(upper.ready, within_s=WAIT_S, what="the upper hub answers again")

            assert upper.event_ids() == lower.event_ids() == sorted(producer.ids)
            assert upper.query("SELECT count(*) FROM custody_gaps") == [(0,)]
            await shows_where_it_was_seen(upper)
            await knows_both_sides(upper, lower)


def has_committed(producer: Producer, count: int) -> bool:
    return producer.committed >= count


async def shows_where_it_was_seen(upper: Hub) -> None:
    (node,) = (await upper.ask("GET", "/api/v1/nodes"))["items"]
    event = (await upper.ask("GET", "/api/v1/events"))["items"][0]

    assert (node["profile"], node["name"]) == ("hub", "城东区")
    assert event["node_id"] == node["id"]
    assert event["origin"] == {"node_id": "gate-1", "path": ["district"]}


async def knows_both_sides(upper: Hub, lower: Hub) -> None:
    async def level() -> bool:
        above = (await lower.ask("GET", "/api/v1/cascade"))["upper"]
        return bool(above["connected"] and (above["waiting"], above["pictures_waiting"]) == (0, 0))

    async def online() -> bool:
        (below,) = (await upper.ask("GET", "/api/v1/cascade"))["lower"]
        return bool((below["state"], below["events_backlog"]) == ("online", 0))

    await until(level, within_s=WAIT_S, what="nothing waits for the upper hub")
    await until(online, within_s=WAIT_S, what="the upper hub sees the lower one online")


async def test_a_hub_becomes_no_node_of_itself_and_takes_no_bundle_for_a_box(folder: Path) -> None:
    async with running_hub(folder / "city") as hub:
        for name, profile, code in (("own", "hub", "own_bundle"), ("box", "analysis", "own_bundle")):
            with pytest.raises(httpx.HTTPStatusError) as refused:
                await hub.ask("POST", "/api/v1/cascade/upper", json={"bundle": await hub.bundle(name, profile)})
            assert refused.value.response.json()["code"] == code
        with pytest.raises(httpx.HTTPStatusError) as refused:
            await hub.ask("POST", "/api/v1/cascade/upper", json={"bundle": "{}"})
        assert (refused.value.response.status_code, refused.value.response.json()["code"]) == (422, "bundle_unusable")
        assert (await hub.ask("GET", "/api/v1/cascade"))["upper"] is None
