"""Recordings of a few known pictures, and a player over them."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator
from pathlib import Path

import pytest

from appliance.playback.catalogue import Catalogue
from appliance.playback.player import Player
from appliance.streams.access_unit import AccessUnit
from tests.appliance.recording.conftest import ALWAYS, recording


async def recorded(folder: Path, units: Iterable[AccessUnit], point_id: str = "p1") -> None:
    """Record pictures into `folder`, as the recorder does, and end it in order."""
    async with recording(folder) as studio:
        studio.want(ALWAYS, point_id)
        await studio.ready(point_id=point_id)
        await studio.send(units, point_id)


@pytest.fixture
def player(tmp_path: Path) -> Iterator[Player]:
    made = Player(catalogue=Catalogue(index_file=tmp_path / "recordings.db", folder=tmp_path / "recordings"))
    yield made
    made.close()


async def poured(stream: AsyncIterator[bytes], path: Path) -> Path:
    """Write a stream to a file."""
    content = b"".join([piece async for piece in stream])
    await asyncio.to_thread(path.write_bytes, content)
    return path
