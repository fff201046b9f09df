"""What a box does on a small disk that others fill. A program of its own: it runs where that disk is mounted."""

import asyncio
import sqlite3
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest

from appliance.agent.state import AgentState
from appliance.agent.sweeping import Sweeper
from appliance.config import Config
from appliance.store import events, evidence
from appliance.store.database import Database
from appliance.store.lane_memory import LaneMemory
from appliance.store.reserve import Reserve
from federation.messages import Event, EventData, EvidenceRef, new_id
from federation.private_files import write_private
from federation.testing.waiting import until

PICTURES = 40
BYTES = 100_000


async def makes_room(folder: Path) -> None:
    """Fill the disk while a box runs; raise unless its pictures give way and it goes on recording."""
    reserve = Reserve(file=folder / "reserve")
    async with loaded(folder) as state:
        memory = LaneMemory(folder / "lanes.json", state.database)
        await memory.recall()
        contents = [str(number).encode().ljust(BYTES, b".") for number in range(PICTURES)]
        for digest in await asyncio.to_thread(state.pictures.put_all, contents):
            await record(state, digest)
            await state.database.run(partial(evidence.handed_over, digest=digest))
        async with sweeping(state, reserve):
            await until(reserve.file.exists, within_s=60, what="a reserve is held")
        await asyncio.to_thread(fill, folder / "of-others")
        with pytest.raises(sqlite3.OperationalError, match="full"):
            await state.database.run(lambda db: db.execute("CREATE TABLE big AS SELECT zeroblob(8000000)").rowcount)

        damaged = folder / "captures-damaged-20260101T000000.000000Z.db"
        await asyncio.to_thread(damaged.touch)
        with pytest.raises(OSError, match="space"):
            await asyncio.to_thread(write_private, folder / "lanes.json", "numbers" * 1000)
        await memory.keep(closed=True)
        assert is_told(memory), "a disk without room is told"
        async with sweeping(state, reserve):
            await until(lambda: not pictures(state), within_s=60, what="pictures give way")

        await record(state)
        await memory.keep(closed=True)
        assert not is_told(memory), "and told no more once there is room"
        assert not await asyncio.to_thread(damaged.exists), "what was set aside gives way first"
        assert not await asyncio.to_thread(lambda: list(folder.glob(".lanes.json.*"))), (
            "what does not fit leaves nothing"
        )


async def starts(folder: Path) -> None:
    """Fill the disk while a box is off; raise unless it starts and records."""
    async with loaded(folder):
        pass
    reserve = Reserve(file=folder / "reserve")
    await asyncio.to_thread(reserve.hold)
    await asyncio.to_thread(fill, folder / "of-others")

    await asyncio.to_thread(reserve.release_where_full)

    async with loaded(folder) as state:
        await record(state)


@asynccontextmanager
async def loaded(folder: Path) -> AsyncIterator[AgentState]:
    config = Config(profile="analysis", data_folder=folder, run_folder=folder)
    async with Database(config.database_file) as database:
        state = AgentState(config, database)
        await state.load()
        yield state


@asynccontextmanager
async def sweeping(state: AgentState, reserve: Reserve) -> AsyncIterator[None]:
    async with asyncio.TaskGroup() as group:
        running = group.create_task(Sweeper(state, reserve, has_hub=lambda: True).run())
        yield
        running.cancel()


async def record(state: AgentState, *digests: str) -> None:
    now = datetime.now(UTC)
    data = EventData(
        point_id="p1",
        task_id="t1",
        generation=1,
        algorithm_id="a1",
        algorithm_version="1",
        score=0.5,
        detected_at=now,
        evidence=tuple(EvidenceRef(digest=one, size_bytes=BYTES, width_px=64, height_px=36) for one in digests),
    )
    event = Event(id=new_id(), source="box", type="intrusion/object", time=now, data=data)
    await state.database.run(lambda db: events.record(db, event, now))


def is_told(memory: LaneMemory) -> bool:
    return memory.unwritten_since is not None


def pictures(state: AgentState) -> int:
    return sum(path.is_file() for path in state.pictures.root.rglob("*"))


def fill(file: Path) -> None:
    with file.open("wb", buffering=0) as writing:
        try:
            while writing.write(b"." * 4096):
                pass
        except OSError:
            return


if __name__ == "__main__":
    asyncio.run({"makes_room": makes_room, "starts": starts}[sys.argv[1]](Path(sys.argv[2])))
