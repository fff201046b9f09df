"""A box whose disk others have filled to the last byte helps itself."""

import asyncio
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from appliance.store.reserve import SIZE_BYTES, Reserve
from hil_tests.network.cell import Cell, cell, why_not

ROOT = Path(__file__).parents[3]
DISK_BYTES = 2 * SIZE_BYTES + 24 * 2**20


@pytest.fixture
async def lone() -> AsyncIterator[Cell]:
    if reason := await why_not():
        pytest.skip(f"no namespaces here: {reason}")
    async with cell() as made:
        yield made


async def on_a_full_disk(lone: Cell, folder: Path, what: str) -> None:
    await lone.run("mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "tmpfs", str(folder))
    program = ("-m", "tests.appliance.agent.on_a_full_disk", what, str(folder))
    await lone.run("env", f"PYTHONPATH={ROOT}", sys.executable, *program)


async def test_pictures_that_the_hub_has_give_way_and_the_box_goes_on_recording(lone: Cell, tmp_path: Path) -> None:
    await on_a_full_disk(lone, tmp_path, "makes_room")


async def test_a_box_starts_and_records(lone: Cell, tmp_path: Path) -> None:
    await on_a_full_disk(lone, tmp_path, "starts")


async def test_a_reserve_that_finds_no_room_leaves_the_disk_as_it_is(lone: Cell, tmp_path: Path) -> None:
    await lone.run("mount", "-t", "tmpfs", "-o", f"size={SIZE_BYTES}", "tmpfs", str(tmp_path))
    seen = lone.seen(tmp_path)
    reserve = Reserve(file=seen / "reserve", size_bytes=SIZE_BYTES + 1)

    await asyncio.to_thread(reserve.hold)

    assert await asyncio.to_thread(lambda: list(seen.iterdir())) == []
    assert not await asyncio.to_thread(reserve.release)
