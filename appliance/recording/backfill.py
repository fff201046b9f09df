"""Backfill: what an outage has left out is fetched from the camera's own record, if it keeps one (ONVIF Profile G)."""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import aiohttp

from appliance.onvif import Credentials, Device, OnvifError
from appliance.recording import index
from appliance.recording.assembly import Assembler, Fragment
from appliance.recording.plan import Want, wanted
from appliance.recording.shelf import OpenSegment, Shelf, WriteFailed
from appliance.store.moments import from_us, to_us
from appliance.streams.access_unit import AccessUnit, Codec, CodecParameters
from appliance.streams.errors import StreamError
from appliance.streams.rtp.nal import codec_parameters
from appliance.streams.rtsp import auth
from appliance.streams.rtsp.dialling import Dialler
from appliance.streams.rtsp.messages import Inlet
from appliance.streams.rtsp.replay import Stretch
from appliance.streams.rtsp.session import Approach, RtspSource
from appliance.streams.source import Picture
from federation.messages import CameraSpec, RecordingSpec

log = logging.getLogger(__name__)

LOOK_EVERY_S = 2.0
SETTLE_S = 5.0  # a camera that has just come back is left alone for so long
LONGEST_FETCH = timedelta(minutes=10)  # what is asked for at once
SILENT_S = 5.0  # without a picture for so long, the camera has nothing more
AT_END_S = 1.0  # the same within the last second of what was asked for
LONGEST_FETCH_S = 900.0
SECOND_US = 1_000_000
HIGH_BYTES, LOW_BYTES = 16 << 20, 4 << 20  # of pictures that wait for the disk
TICK_S = 0.2


class NoRecord(Exception):
    """The camera has nothing of what is missing, or cannot be asked for it; the text says why."""


class Reel:
    """Implements `streams.source.Intake`: the pictures of a replay on their way to the disk, with their moments."""

    wants_all = True

    def __init__(self) -> None:
        """Start empty. `hold` is told with every picture whether the camera shall wait."""
        self.hold: Callable[[bool], None] = _ignored
        self.waiting: deque[AccessUnit] = deque()
        self.waiting_bytes = 0
        self.arrived_s = time.monotonic()
        self.newest_us = 0
        self._parameters = CodecParameters(codec="h264")
        self._sequence = 0

    def begin(self, codec: Codec, sets: Sequence[bytes], *, transport: str) -> None:  # noqa: ARG002 - the seam's signature
        """Note what the stream will be."""
        self._parameters = codec_parameters(codec, tuple(sets))

    def take(self, picture: Picture) -> None:
        """Let a picture wait; one without a moment cannot be put anywhere."""
        self.arrived_s = time.monotonic()
        self._sequence += 1
        if not picture.payload or picture.sent_at is None:
            return
        if picture.sets is not None and picture.sets != self._parameters.sets:
            self._parameters = codec_parameters(self._parameters.codec, picture.sets)
        self.waiting.append(
            AccessUnit(
                point_id="",
                parameters=self._parameters,
                session=1,
                sequence=self._sequence,
                key=picture.key,
                pts=picture.pts,
                payload=picture.payload,
                arrived_s=self.arrived_s,
                arrived_at=picture.sent_at,
                starts=picture.starts,
            )
        )
        self.waiting_bytes += len(picture.payload)
        self.newest_us = to_us(picture.sent_at)
        if self.waiting_bytes > HIGH_BYTES:
            self.hold(True)

    def pop(self) -> AccessUnit:
        """Return the oldest picture that waits."""
        unit = self.waiting.popleft()
        self.waiting_bytes -= len(unit.payload)
        if self.waiting_bytes < LOW_BYTES:
            self.hold(False)
        return unit


@dataclass(kw_only=True)
class Filling:
    """Fragments of a replay on their way into segments; `covered` are the stretches that are on the disk now."""

    point_id: str
    spec: RecordingSpec
    gap: index.Missing
    shelf: Shelf
    covered: list[tuple[int, int]] = field(default_factory=list)
    _segment: OpenSegment | None = None

    @property
    def is_empty(self) -> bool:
        """Whether nothing has been written."""
        return self._segment is None and not self.covered

    async def put(self, fragments: Sequence[Fragment]) -> None:
        """Write those that lie in the gap, and in the hours that the camera is to be recorded."""
        for fragment in fragments:
            middle_us = (fragment.at_us + fragment.end_us) // 2
            inside = self.gap.from_us <= middle_us < self.gap.until_us
            if inside and wanted(self.spec, from_us(middle_us), triggered=False) is Want.WRITE:
                await self._write(fragment)

    async def finish(self) -> None:
        """Close the last segment."""
        segment, self._segment = self._segment, None
        if segment is not None:
            await self.shelf.finish(segment)
            self.covered.append((segment.first_us, segment.end_us))

    async def _write(self, fragment: Fragment) -> None:
        segment = self._segment
        if segment is None or not segment.continues_with(fragment, "backfill"):
            if not fragment.key:
                return
            if segment is not None:
                self.covered.append((segment.first_us, segment.end_us))
            self._segment = None
            segment = self._segment = await self.shelf.begin(self.point_id, fragment, "backfill", after=segment)
        await self.shelf.append(segment, fragment, sync=False)


@dataclass(kw_only=True)
class Backfill:
    """Fills gaps one after another, the newest first. `paused` says why nothing may be written now, or nothing."""

    shelf: Shelf
    cameras: Callable[[], dict[str, CameraSpec]]
    paused: Callable[[], str]
    _dialler: Dialler = field(default_factory=Dialler)
    _inlet: Inlet = field(default_factory=Inlet)

    async def run(self) -> None:
        """Work until cancelled."""
        try:
            async with aiohttp.ClientSession() as session:
                while True:
                    gap = None if self.paused() else await self._next()
                    camera = None if gap is None else self.cameras().get(gap.point_id)
                    if gap is None or camera is None:
                        await asyncio.sleep(LOOK_EVERY_S)
                    else:
                        await self._fill(session, gap, camera)
        finally:
            self._dialler.close()

    async def _next(self) -> index.Missing | None:
        now = datetime.now(UTC)
        kept = {
            point_id: to_us(now - timedelta(days=camera.recording.keep_days))
            for point_id, camera in self.cameras().items()
            if camera.recording is not None and camera.recording.backfill
        }
        settled_us = to_us(now - timedelta(seconds=SETTLE_S))
        return await self.shelf.database.read(lambda db: index.next_missing(db, kept, to_us(now), settled_us))

    async def _fill(self, session: aiohttp.ClientSession, gap: index.Missing, camera: CameraSpec) -> None:
        """Fetch the newest part of a gap, and note what is still missing and how it went."""
        part = gap.newest(LONGEST_FETCH)
        filling = Filling(point_id=gap.point_id, spec=camera.recording or RecordingSpec(), gap=part, shelf=self.shelf)
        try:
            async with asyncio.timeout(LONGEST_FETCH_S):
                fault = await self._fetch(session, camera, part, filling)
        except NoRecord as error:
            fault = str(error)
        except TimeoutError:
            fault = f"not done within {LONGEST_FETCH_S:.0f} s"
        finally:
            with suppress(*WriteFailed):  # its segment is finished at the next start
                await filling.finish()
        got_us = sum(end - start for start, end in filling.covered)
        log.info(
            "backfill of %s: %d of %d s; %s", gap.point_id, got_us // SECOND_US, part.duration_us // SECOND_US, fault
        )
        now_us = to_us(datetime.now(UTC))
        await self.shelf.commit(lambda db: index.settle(db, gap, part, filling.covered, now_us))

    async def _fetch(
        self, session: aiohttp.ClientSession, camera: CameraSpec, part: index.Missing, filling: Filling
    ) -> str:
        """Let the camera play, and write what comes; return why it ended."""
        start, end = from_us(part.from_us), from_us(part.until_us)
        approach = Approach(
            url=await _replay_url(session, camera, start, end),
            credentials=auth.Credentials(username=camera.username, password=camera.password),
            transport="tcp",
            trust=camera.trust,
            replay=Stretch(start=start, end=end),
        )
        reel = Reel()
        source = RtspSource(approach, reel, inlet=self._inlet, dialler=self._dialler)
        reel.hold = source.hold
        async with asyncio.TaskGroup() as group:
            playing = group.create_task(_played(source), name=f"replay of {camera.point_id}")
            try:
                await _pour(reel, source, filling, playing)
            except WriteFailed as error:
                return f"write_failed: {error}"
            finally:
                playing.cancel()
        return playing.result() if not playing.cancelled() else ""


async def _pour(reel: Reel, source: RtspSource, filling: Filling, playing: "asyncio.Task[str]") -> None:
    """Write pictures until the camera has no more."""
    assembler = Assembler()
    while reel.waiting or not (playing.done() or _is_silent(reel, filling.gap.until_us)):
        source.tick(time.monotonic())
        while reel.waiting:
            await filling.put(assembler.take(reel.pop()))
        await asyncio.sleep(TICK_S)
    await filling.put(assembler.flush())


def _is_silent(reel: Reel, until_us: int) -> bool:
    """Tell whether nothing more is to be expected: cameras do not say that they have reached the end."""
    patience_s = AT_END_S if reel.newest_us >= until_us - SECOND_US else SILENT_S
    return time.monotonic() - reel.arrived_s > patience_s


async def _played(source: RtspSource) -> str:
    """Play until the camera ends, and return the reason."""
    try:
        await source.run()
    except StreamError as error:
        return str(error)


def _ignored(_wait: bool) -> None:  # noqa: FBT001 - a seam's signature
    """Hold nobody."""


async def _replay_url(session: aiohttp.ClientSession, camera: CameraSpec, start: datetime, end: datetime) -> str:
    url = camera.onvif_url or f"http://{urlsplit(camera.url).hostname}/onvif/device_service"
    device = Device(session, url, Credentials(username=camera.username, password=camera.password))
    try:
        record = await device.records().holding(start, end)
        if record is None:
            raise NoRecord("the camera has recorded nothing of that time")
        return await device.records().replay_url(record.token)
    except OnvifError as error:
        raise NoRecord(str(error)) from error
