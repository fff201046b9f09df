"""A recorder over a feed into which a test puts pictures, and its index and files."""

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager, closing, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from appliance.recording.recorder import Recorder, Settings
from appliance.recording.space import Limits
from appliance.streams.access_unit import AccessUnit
from appliance.streams.feeds import Feeds
from federation.messages import Calendar, CameraSpec, RecordingSpec, RecordingState
from federation.testing.waiting import until

ALWAYS = RecordingSpec(calendar=Calendar())


@dataclass(kw_only=True)
class Studio:
    """A recorder at work, and what it has made."""

    recorder: Recorder
    feeds: Feeds

    def want(self, spec: RecordingSpec, point_id: str = "p1") -> None:
        """Record one camera."""
        self.recorder.want([CameraSpec(point_id=point_id, name="东门", url="rtsp://cam/", recording=spec)])

    async def ready(self, state: RecordingState = RecordingState.STARTING, point_id: str = "p1") -> None:
        """Wait until the camera's recorder is in `state`."""
        await until(lambda: self.state(point_id) is state, within_s=60, what=f"state {state}")
        if state in {RecordingState.STARTING, RecordingState.ARMED}:
            await until(lambda: self.feeds.of(point_id).wants_all, within_s=60, what="a recorder at the feed")

    def state(self, point_id: str = "p1") -> RecordingState | None:
        """Return how the recording goes."""
        report = self.recorder.report(point_id)
        return None if report is None else report.state

    async def send(self, units: Iterable[AccessUnit], point_id: str = "p1") -> None:
        """Put pictures into the feed, and let the recorder take them."""
        for unit in units:
            self.feeds.of(point_id).send(replace(unit, arrived_s=time.monotonic()))
            await asyncio.sleep(0)

    async def stored(self, query: str, is_enough: Callable[[list[Any]], bool]) -> list[Any]:
        """Return the rows of a query of the index, once there are enough."""
        await until(lambda: is_enough(self.rows(query)), within_s=60, what=query)
        return self.rows(query)

    def rows(self, query: str, *values: object) -> list[Any]:
        """Return the rows of a query of the index."""
        address = f"file:{self.recorder.settings.index_file}?mode=ro"
        with suppress(sqlite3.DatabaseError), closing(sqlite3.connect(address, uri=True)) as db:
            return db.execute(query, values).fetchall()
        return []

    def files(self) -> Sequence[Path]:
        """Return the segment files in their order."""
        found = self.recorder.settings.folder.glob("*/*/*.mp4")
        return sorted(found, key=lambda path: int(path.stem.split("-")[1]))


@asynccontextmanager
async def recording(folder: Path, *, limits: Limits | None = None) -> AsyncIterator[Studio]:
    """Run a recorder over `folder` until the context ends."""
    settings = Settings(
        folder=folder / "recordings",
        index_file=folder / "recordings.db",
        limits=limits or Limits(most_bytes=0, floor_bytes=1 << 20),
    )
    feeds = Feeds()
    recorder = Recorder(feeds=feeds, settings=settings)
    async with asyncio.TaskGroup() as group:
        running = group.create_task(recorder.run(), name="recorder")
        try:
            yield Studio(recorder=recorder, feeds=feeds)
        finally:
            running.cancel()


@pytest.fixture
async def studio(tmp_path: Path) -> AsyncIterator[Studio]:
    async with recording(tmp_path) as running:
        yield running
