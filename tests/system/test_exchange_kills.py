"""File exchange while box and hub are killed again and again: everything that the box committed arrives once."""

import asyncio
import random
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest

from appliance.agent.exchange import Exchange
from appliance.agent.membership import Membership
from appliance.agent.state import AgentState
from appliance.config import load
from appliance.store.database import Database
from appliance.store.results import BOX
from federation.testing.waiting import until
from hil_tests.chaos.producer import Producer
from hil_tests.chaos.program import Program, kept_running
from hil_tests.demo.supervision import FENGSUI
from tests.system.border import SEED, Border

pytestmark = pytest.mark.system

WAIT_S = 120.0
EVENTS = 100
KILLS = 4


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="fengsui-") as name:
        yield Path(name)


def write_configurations(folder: Path) -> None:
    quick = "look_every_s = 0.05\nsettle_s = 0.2\n"
    (folder / "hub.toml").write_text(
        'data_folder = "hub"\noffer_shipped = false\n[http]\nport = 0\n[exchange]\nin_folder = "border/hub-in"\n'
        f'out_folder = "border/hub-out"\nanswer_s = 0.1\nstate_s = 1\n{quick}'
    )
    (folder / "box.toml").write_text(
        'profile = "analysis"\ndata_folder = "box"\nrun_folder = "run"\n[panel]\nport = 0\n[exchange]\n'
        'out_folder = "border/box-out"\nin_folder = "border/box-in"\n'
        f"every_s = 0.1\nstate_s = 0.3\nrepeat_s = 1\n{quick}"
    )


async def ask(folder: Path, method: str, path: str, **more: Any) -> Any:
    """Ask the hub over its console."""
    over_socket = httpx.AsyncHTTPTransport(uds=str(folder / "hub" / "run" / "console.sock"))
    async with httpx.AsyncClient(transport=over_socket, base_url="http://hub", timeout=60) as console:
        return (await console.request(method, path, **more)).raise_for_status().json()


async def introduce(folder: Path) -> None:
    """Let the box join the hub, before its agent runs as a process."""
    config = await asyncio.to_thread(load, folder / "box.toml")
    async with Database(config.database_file) as database:
        state = AgentState(config, database)
        await state.load()
        exchange = Exchange(state, Membership(state))
        request = {"request": await exchange.make_request(BOX), "name": "gate-1"}
        answered = await ask(folder, "POST", "/api/v1/exchange/nodes", json=request)
        _, key = await exchange.read_answer(answered["answer"])
        await exchange.join(answered["answer"], fingerprint=key.fingerprint, doer=BOX)


async def test_kills_of_box_and_hub_lose_and_double_nothing(folder: Path) -> None:
    border = Border(folder=folder / "border")
    write_configurations(folder)
    dice = random.Random(SEED)  # noqa: S311 - repeatable
    hub_command = [FENGSUI, "hub", "run", "--config", str(folder / "hub.toml")]
    agent_command = [FENGSUI, "appliance", "agent", "--config", str(folder / "box.toml")]
    async with kept_running(hub_command, folder / "hub.log") as hub:
        await until(lambda: is_up(folder), within_s=WAIT_S, what="the hub answers")
        await introduce(folder)
        async with kept_running(agent_command, folder / "agent.log") as agent:
            producer = Producer(folder / "run" / "agent.sock", "task")
            producing = producer.run(may_go_on=lambda: producer.committed < EVENTS, pace_s=0.02)
            async with asyncio.TaskGroup() as group:
                group.create_task(producing)
                for _ in range(KILLS):
                    await kill_one(dice, hub, agent)
                    border.carry(lose=0.2, double=0.2)

            def arrived() -> bool:
                border.carry(lose=0.1)
                return known(folder) == len(producer.ids) and acknowledged(folder) == len(producer.ids)

            await until(arrived, within_s=WAIT_S, what="the box knows that everything has arrived")

    assert sorted(hub_ids(folder)) == sorted(producer.ids)
    assert query(folder / "hub" / "hub.sqlite", "SELECT count(*) FROM custody_gaps") == [(0,)]
    pictures = {digest for (digest,) in query(folder / "box" / "appliance.db", "SELECT digest FROM pictures")}
    assert {digest for (digest,) in query(folder / "hub" / "hub.sqlite", "SELECT digest FROM pictures")} == pictures
    assert len(pictures) == -(-len(producer.ids) // 25)


async def kill_one(dice: random.Random, hub: Program, agent: Program) -> None:
    """Kill one of them, or both at once, after a while; it starts again by itself."""
    await asyncio.sleep(dice.uniform(0.2, 1.2))
    for program in dice.choice([(hub,), (agent,), (hub, agent)]):
        program.kill()


async def is_up(folder: Path) -> bool:
    try:
        return bool(await ask(folder, "GET", "/api/v1/exchange"))
    except httpx.HTTPError:
        return False


def query(path: Path, statement: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=10)) as db:
        return db.execute(statement).fetchall()


def hub_ids(folder: Path) -> list[str]:
    return [event_id for (event_id,) in query(folder / "hub" / "hub.sqlite", "SELECT id FROM events")]


def known(folder: Path) -> int:
    return len(hub_ids(folder))


def acknowledged(folder: Path) -> int:
    path = folder / "box" / "appliance.db"
    ((upto,),) = query(path, "SELECT acknowledged FROM lanes WHERE lane = 'events'")
    ((waiting,),) = query(path, "SELECT count(*) FROM pictures WHERE state = 'waiting'")
    return int(upto) if not waiting else 0
