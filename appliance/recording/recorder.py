"""All recordings of this box: which cameras, how much space, what is asked from outside."""

import asyncio
import logging
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from appliance.config import Config
from appliance.errors import ProcessAway
from appliance.recording import bookmarks, index, retention
from appliance.recording.backfill import Backfill
from appliance.recording.camera import Budget, CameraRecorder
from appliance.recording.recovery import mend
from appliance.recording.schema import migrations
from appliance.recording.shelf import Shelf, WriteFailed
from appliance.recording.space import Limits, excess_bytes, pause
from appliance.store.damage import is_damage, leaves, set_aside
from appliance.store.database import Database
from appliance.streams.feeds import Feeds
from federation.messages import CameraSpec, RecordingReport, RecordingSpec
from federation.messages.calendar import zone

log = logging.getLogger(__name__)

TICK_S = 1.0
WATCH_EVERY_S = 2.0
AGE_EVERY_S = 60.0
WAITING_LIMIT_BYTES = 256 << 20
RESTART_PAUSE_S = 5.0
OFF = RecordingSpec()


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Where recordings lie, and how much of the disk is theirs."""

    folder: Path
    index_file: Path
    limits: Limits
    sync_every_fragment: bool = True

    @classmethod
    def of(cls, config: Config) -> "Settings":
        """Return what the configuration of an appliance says."""
        limits = Limits(most_bytes=config.recordings.most_bytes, floor_bytes=config.recordings.free_bytes)
        return cls(
            folder=config.recordings_folder,
            index_file=config.recordings_index_file,
            limits=limits,
            sync_every_fragment=config.recordings.sync == "fragment",
        )

    @classmethod
    def below(cls, folder: Path) -> "Settings":
        """Return settings for recordings below `folder`, which may fill its disk up to 1 GiB."""
        limits = Limits(most_bytes=0, floor_bytes=1 << 30)
        return cls(folder=folder / "recordings", index_file=folder / "recordings.db", limits=limits)


@dataclass(kw_only=True)
class Recorder:
    """Records cameras. `run` does the work; the other methods are called on the event loop."""

    feeds: Feeds
    settings: Settings
    _cameras: dict[str, tuple[CameraRecorder, asyncio.Task[None]]] = field(default_factory=dict)
    _wanted: dict[str, CameraSpec] = field(default_factory=dict)
    _budget: Budget = field(default_factory=lambda: Budget(limit_bytes=WAITING_LIMIT_BYTES))
    _changed: asyncio.Event = field(default_factory=asyncio.Event)
    _shelf: Shelf | None = None
    _paused: str = "starting: the recordings of the last run are looked through"

    def want(self, cameras: Iterable[CameraSpec]) -> None:
        """Record these cameras, as each says; no others."""
        self._wanted = {
            camera.point_id: camera for camera in cameras if camera.recording is not None and camera.recording.records
        }
        self._changed.set()

    def trigger(self, point_id: str) -> None:
        """Note that something happened at a camera now."""
        found = self._cameras.get(point_id)
        if found is not None:
            found[0].trigger()
            found[0].tick(datetime.now(UTC))

    def report(self, point_id: str) -> RecordingReport | None:
        """Return how the recording of a camera goes, None if it is not to be recorded."""
        found = self._cameras.get(point_id)
        return None if found is None else found[0].report()

    async def run(self) -> None:
        """Record until cancelled; while disk or index cannot be used, say so and try again."""
        while True:
            try:
                await self._run()
            except* WriteFailed as failed:
                log.exception("recording begins again")
                faults = list(leaves(failed))
                self._paused = f"write_failed: {faults[0]}"
                if any(map(is_damage, faults)):
                    await asyncio.to_thread(set_aside, self.settings.index_file)
                else:
                    await asyncio.sleep(RESTART_PAUSE_S)

    async def mark(self, bookmark: bookmarks.Bookmark) -> None:
        """Mark or lock a stretch of time; raise ProcessAway while the index cannot be used."""
        await self._ready().database.run(lambda db: bookmarks.put(db, bookmark))

    async def unmark(self, bookmark_id: str) -> bool:
        """Remove a bookmark; tell whether there was one."""
        return await self._ready().database.run(lambda db: bookmarks.remove(db, bookmark_id))

    async def _run(self) -> None:
        settings = self.settings
        await asyncio.to_thread(settings.folder.mkdir, parents=True, exist_ok=True, mode=0o700)
        async with Database(settings.index_file, migrations) as database:
            shelf = Shelf(folder=settings.folder, database=database, sync_every_fragment=settings.sync_every_fragment)
            try:
                await self._record(shelf)
            finally:
                self._cameras.clear()
                self._shelf = None
                await asyncio.to_thread(shelf.close)

    async def _record(self, shelf: Shelf) -> None:
        mended = await mend(shelf)
        if mended.finished or mended.removed:
            log.info("after an unclean end: %s", mended)
        self._shelf, self._paused = shelf, ""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._follow(shelf, group), name="recorded cameras")
            group.create_task(self._tick_forever(), name="recording plans")
            group.create_task(self._watch_forever(shelf), name="space of recordings")
            backfill = Backfill(shelf=shelf, cameras=lambda: self._wanted, paused=lambda: self._paused)
            group.create_task(backfill.run(), name="backfill")

    def _ready(self) -> Shelf:
        if self._shelf is None:
            raise ProcessAway("the index of recordings cannot be used now; see the state of the cameras")
        return self._shelf

    async def _follow(self, shelf: Shelf, group: asyncio.TaskGroup) -> None:
        """Keep one recorder for each camera that is wanted."""
        while True:
            self._changed.clear()
            for point_id in self._cameras.keys() - self._wanted.keys():
                self._cameras.pop(point_id)[1].cancel()
            await asyncio.to_thread(_read_zones, list(self._wanted.values()))
            for camera in self._wanted.values():
                self._adopt(shelf, group, camera)
            kept = [(key, camera.name, (camera.recording or OFF).keep_days) for key, camera in self._wanted.items()]
            await shelf.database.run(lambda db: index.adopt(db, kept))  # noqa: B023 - it runs now
            await self._changed.wait()

    def _adopt(self, shelf: Shelf, group: asyncio.TaskGroup, camera: CameraSpec) -> None:
        point_id, spec = camera.point_id, camera.recording or OFF
        found = self._cameras.get(point_id)
        if found is None:
            made = CameraRecorder(
                point_id,
                spec,
                feed=self.feeds.of(point_id),
                shelf=shelf,
                budget=self._budget,
                paused=lambda: self._paused,
            )
            self._cameras[point_id] = (made, group.create_task(made.run(), name=f"recording {point_id}"))
            made.tick(datetime.now(UTC))
        elif found[0].spec != spec:
            found[0].adopt(spec)
            found[0].tick(datetime.now(UTC))

    async def _tick_forever(self) -> None:
        while True:
            now = datetime.now(UTC)
            for camera, _ in list(self._cameras.values()):
                camera.tick(now)
                await camera.note_gaps(now)
            await asyncio.sleep(TICK_S)

    async def _watch_forever(self, shelf: Shelf) -> None:
        """Keep space free, and remove what is too old."""
        since_age_s = AGE_EVERY_S
        while True:
            if since_age_s >= AGE_EVERY_S:
                since_age_s = 0.0
                await self._remove_expired(shelf)
            await self._make_room(shelf)
            await asyncio.sleep(WATCH_EVERY_S)
            since_age_s += WATCH_EVERY_S

    async def _remove_expired(self, shelf: Shelf) -> None:
        now = datetime.now(UTC)
        while found := await shelf.database.read(lambda db: retention.expired(db, now)):
            await shelf.remove(found)
        await shelf.database.run(lambda db: retention.forget_gaps(db, now))

    async def _make_room(self, shelf: Shelf) -> None:
        limits = self.settings.limits
        space = await shelf.space()
        while (excess := excess_bytes(space, limits)) > 0:
            found = retention.enough(await shelf.database.read(retention.oldest), excess)
            if not found:
                break
            await shelf.remove(found)
            space = await shelf.space()
        paused = pause(space, limits)
        if paused != self._paused:
            log.log(logging.ERROR if paused else logging.INFO, "recording %s", paused or "goes on")
        self._paused = paused


def _read_zones(cameras: Iterable[CameraSpec]) -> None:
    """Read the time zones of all calendars here, and not within the event loop."""
    for camera in cameras:
        if camera.recording is not None and camera.recording.calendar is not None:
            zone(camera.recording.calendar.timezone)
