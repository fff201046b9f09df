"""A box whose database is damaged starts all the same; what it lost is a gap, and the hub gives it its tasks again."""

import asyncio
import random
import sqlite3
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from federation.testing.waiting import until
from hil_tests.chaos.producer import Producer
from hil_tests.chaos.program import Program
from tests.system.joined import WITHIN_S, Hub, make_bundle, online, planned, running_box, running_hub

pytestmark = pytest.mark.system

EVENTS = 30
PAGE_BYTES = 4096


def flip_pages(database: Path) -> None:
    """Let a disk spoil every page but the first."""
    empty_log(database)
    content = bytearray(database.read_bytes())
    dice = random.Random(3)  # noqa: S311 - repeatable
    for start in range(PAGE_BYTES, len(content), PAGE_BYTES):
        content[start : start + 64] = dice.randbytes(64)
    database.write_bytes(content)


def empty_log(database: Path) -> None:
    """Move the log into the file, so that it mends nothing; it is there, for SQLite removes it in order only."""
    with closing(sqlite3.connect(database)) as db:
        db.execute("PRAGMA wal_checkpoint(truncate)")
    database.with_name(database.name + "-wal").touch()


def cut_short(database: Path) -> None:
    empty_log(database)
    with database.open("r+b") as file:
        file.truncate(3 * PAGE_BYTES + 17)


def lose_log(database: Path) -> None:
    """Lose what was committed since SQLite last moved it from the log into the file."""
    database.with_name(database.name + "-wal").unlink()


async def told(hub: Hub, path: str) -> list[dict[str, Any]]:
    found = (await hub.console.get(f"/api/v1/{path}")).raise_for_status().json()["items"]
    return list(found)


async def numbers_in_gaps(hub: Hub) -> int:
    return sum(gap["last"] - gap["first"] + 1 for gap in await told(hub, "gaps?limit=200") if gap["lane"] == "events")


async def produce(folder: Path, count: int) -> tuple[str, ...]:
    producer = Producer(folder / "run" / "agent.sock", "task")
    async with asyncio.timeout(WITHIN_S):
        await producer.run(may_go_on=lambda: producer.committed < count, pace_s=0.0)
    return producer.ids


async def give_task(hub: Hub) -> None:
    point = {"id": "gate", "name": "东门", "stream_url": "rtsp://127.0.0.1:9/gate"}
    (await hub.console.post("/api/v1/points", json=point)).raise_for_status()
    task = {"name": "t", "point_ids": ["gate"], "algorithm_ids": ["fengsui.left_object"]}
    (await hub.console.post("/api/v1/tasks", json={**task, "region": [[0, 0], [1, 0], [1, 1]]})).raise_for_status()


async def damage_once(hub: Hub, hub_program: Program, agent: Program, harm: Callable[[Path], None]) -> None:
    """Produce what the hub never gets, cut the power, harm the database, and wait until all is told."""
    folder = hub.folder
    await hub_program.hold()
    unheard = await produce(folder, EVENTS)
    before = await asyncio.to_thread(lambda: sorted(item.name for item in (folder / "box").glob("*-damaged-*.db")))
    await agent.hold()
    await asyncio.to_thread(harm, folder / "box" / "appliance.db")
    hub_program.release()
    agent.release()
    await until(hub.ready, within_s=WITHIN_S, what="the hub is ready again")
    fresh = await produce(folder, 5)

    async def all_told() -> bool:
        has = {event["id"] for event in await told(hub, "events?limit=200")}
        missing = [each for each in unheard if each not in has]
        return set(fresh) <= has and await numbers_in_gaps(hub) >= len(missing)

    await until(all_told, within_s=WITHIN_S, what=f"everything is at the hub or a gap after {harm.__name__}")
    await until(lambda: online(hub), within_s=WITHIN_S, what="the box is online")
    await until(lambda: asyncio.to_thread(planned, folder), within_s=WITHIN_S, what="the box has its task again")
    now = await asyncio.to_thread(lambda: sorted(item.name for item in (folder / "box").glob("*-damaged-*.db")))
    assert (now != before) == (harm is not lose_log), harm.__name__
    assert len(now) <= 2


async def test_a_damaged_database_keeps_no_box_from_starting_and_what_it_took_with_it_is_told(tmp_path: Path) -> None:
    (tmp_path / "stick").mkdir()
    async with running_hub(tmp_path, certificate_days=90) as hub:
        await asyncio.to_thread(make_bundle, hub, tmp_path / "stick" / "gate.fengsui-bundle")
        async with running_box(tmp_path):
            await until(lambda: online(hub), within_s=WITHIN_S, what="the box is online")
            await give_task(hub)
            await until(lambda: asyncio.to_thread(planned, tmp_path), within_s=WITHIN_S, what="the box has its task")
        async with running_box(tmp_path) as agent:  # its end in order has moved the log into the file
            await until((tmp_path / "run" / "panel.json").exists, within_s=WITHIN_S, what="the box runs again")
            serial = (await hub.nodes())[0]["serial"]

            for times, harm in enumerate((lose_log, flip_pages, cut_short)):
                await damage_once(hub, hub.program, agent, harm)
                await until(partial(said, hub, times), within_s=WITHIN_S, what=f"the hub knows of {times} set aside")

            node = (await hub.nodes())[0]
            assert (node["serial"], node["state"]) == (serial, "online")
            shown = await asyncio.to_thread((tmp_path / "agent.log").read_text)
            assert shown.count("it is set aside as") == 2


async def said(hub: Hub, times: int) -> bool:
    """Tell whether the hub has so many from the box's report, and each once from its record."""
    node_id = (await hub.nodes())[0]["id"]
    detail = (await hub.console.get(f"/api/v1/nodes/{node_id}")).raise_for_status().json()
    recorded = [entry for entry in await told(hub, "audit?limit=200") if entry["action"] == "database.set_aside"]
    return [each["database"] for each in detail["set_aside"]] == ["appliance"] * times and len(recorded) == times
