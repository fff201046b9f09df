"""The recording of one camera: takes its access units, and writes what its plan wants."""

import asyncio
import logging
import sqlite3
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from appliance.local import DecodeLevel
from appliance.recording import index
from appliance.recording.assembly import Assembler, Fragment
from appliance.recording.plan import Ring, Want, wanted
from appliance.recording.shelf import OpenSegment, Shelf, WriteFailed
from appliance.store.moments import to_us
from appliance.streams.access_unit import AccessUnit
from appliance.streams.feeds import Feed
from federation.messages import RecordingReport, RecordingSpec, RecordingState

log = logging.getLogger(__name__)

RING_LIMIT_BYTES = 32 << 20
SILENT_S = 10.0  # without a fragment for so long a camera is not recorded, whatever its connection says
FLUSH_AFTER_S = 6.0  # without a picture; longer than the pause that a stalled camera is granted
RETRY_S = 2.0  # after a disk that did not take a fragment

PLANNED, NO_PICTURES, DISK, STOPPED = "planned", "no_pictures", "disk", "stopped"
"""Why there is a gap: the plan, the camera, the disk, or that this box did not run."""


@dataclass(kw_only=True)
class Budget:
    """How many bytes may wait for the disk, of all cameras together."""

    limit_bytes: int
    used_bytes: int = 0

    def has_room(self, size_bytes: int) -> bool:
        """Tell whether so many bytes more may wait."""
        return self.used_bytes + size_bytes <= self.limit_bytes


class CameraRecorder:
    """Records one camera. `take`, `tick` and `trigger` are called on the event loop; `run` writes."""

    def __init__(
        self, point_id: str, spec: RecordingSpec, *, feed: Feed, shelf: Shelf, budget: Budget, paused: Callable[[], str]
    ) -> None:
        """Take the feed's pictures from now on; `paused` says why nothing is written at present, or nothing."""
        self.point_id = point_id
        self.dropped = 0
        self._feed = feed
        self._shelf = shelf
        self._budget = budget
        self._paused = paused
        self._assembler = Assembler()
        self._queue: deque[tuple[Fragment, index.Kind] | None] = deque()
        self._news = asyncio.Event()
        self._segment: OpenSegment | None = None
        self._want = Want.NOTHING
        self._kind: index.Kind = "planned"
        self._triggered_until_s = 0.0
        self._arrived_s = self._since_s = time.monotonic()
        self._stored_s: float | None = None
        self._stored_us: int | None = None
        self._retry_at_s = 0.0
        self._fault = ""
        self._gap = STOPPED
        self.adopt(spec)
        feed.attach(self, newest=False)

    def adopt(self, spec: RecordingSpec) -> None:
        """Follow another plan from now on."""
        self.spec = spec
        self._ring = Ring(before_s=spec.before_s, limit_bytes=RING_LIMIT_BYTES)

    @property
    def level(self) -> DecodeLevel:
        """What the camera's feed must deliver."""
        return DecodeLevel.KEYFRAME if self._want is Want.NOTHING else DecodeLevel.DEMUX

    def take(self, unit: AccessUnit) -> None:
        """Take the camera's next access unit; the feed calls this."""
        self._arrived_s = unit.arrived_s
        if self._want is not Want.NOTHING:
            self._route(self._assembler.take(unit))

    def await_key(self) -> None:
        """Nothing waits here: fragments begin with a key unit anyway."""

    def trigger(self) -> None:
        """Note that something happened: what is recorded from now on, and for some seconds, is because of it."""
        self._triggered_until_s = time.monotonic() + self.spec.after_s

    def tick(self, at: datetime) -> None:
        """Look at plan and stream once a second or so."""
        now_s = time.monotonic()
        triggered = now_s < self._triggered_until_s
        self._kind = "event" if triggered else "planned"
        self._turn(wanted(self.spec, at, triggered=triggered))
        if now_s - self._arrived_s > FLUSH_AFTER_S:
            self._route(self._assembler.flush())
        if self._want is Want.WRITE and now_s - max(self._arrived_s, self._stored_s or 0.0) > SILENT_S:
            self._end_segment()

    def report(self) -> RecordingReport:
        """Return how the recording goes."""
        state, reason = self._state()
        age_s = None if self._stored_s is None else round(time.monotonic() - self._stored_s, 1)
        return RecordingReport(state=state, reason=reason, newest_age_s=age_s, dropped=self.dropped)

    async def run(self) -> None:
        """Write until cancelled; then finish the segment."""
        own = asyncio.current_task()
        try:
            await self._remember()
            while own is None or not own.cancelling():
                await self._news.wait()
                self._news.clear()
                await self._handle_queue()
        finally:
            self._feed.detach(self)
            self._route(self._assembler.flush())
            await self._handle_queue()
            await self._finish()

    async def note_gaps(self, at: datetime) -> None:
        """Write down that nothing is recorded at present, and why; once for each reason."""
        reason = _gap_reason(self._state()[0])
        if reason is None or reason == self._gap or self._stored_us is None:
            return
        before, stored_us, now_us = self._gap, self._stored_us, to_us(at)
        self._gap = reason

        def note(db: sqlite3.Connection) -> None:
            if before == STOPPED:
                index.note_gap(db, self.point_id, stored_us, now_us, STOPPED)
            index.open_gap(db, self.point_id, now_us if before else stored_us, reason)

        try:
            await self._shelf.database.run(note)
        except WriteFailed as error:
            log.warning("gap of %s not noted: %s", self.point_id, error)

    async def _remember(self) -> None:
        """Read where the last run ended, also if this one ends before it has begun: its pictures are kept then too."""
        self._stored_us, self._gap = await self._shelf.commit(
            lambda db: (index.last_us(db, self.point_id), index.present_gap(db, self.point_id) or STOPPED)
        )

    def _turn(self, want: Want) -> None:
        if want is self._want:
            return
        before, self._want = self._want, want
        self._since_s = time.monotonic()
        self._feed.review()
        if want is Want.WRITE:
            for fragment in self._ring.drain():
                self._put(fragment)
        elif before is Want.WRITE:
            if want is Want.NOTHING:
                for fragment in self._assembler.flush():
                    self._put(fragment)
            self._end_segment()
        if want is Want.NOTHING:
            self._ring.clear()
            self._assembler = Assembler()

    def _route(self, fragments: list[Fragment]) -> None:
        for fragment in fragments:
            if self._want is Want.WRITE:
                self._put(fragment)
            elif self._want is Want.HOLD:
                self._ring.put(fragment)

    def _put(self, fragment: Fragment) -> None:
        """Let a fragment be written, if the disk keeps up."""
        if not self._budget.has_room(fragment.size_bytes):
            self.dropped += 1
            return
        self._budget.used_bytes += fragment.size_bytes
        self._queue.append((fragment, self._kind))
        self._news.set()

    def _end_segment(self) -> None:
        """Let the segment be finished, once all that waits is in it."""
        if self._segment is not None or self._queue:
            self._queue.append(None)
            self._news.set()

    async def _handle_queue(self) -> None:
        while self._queue:
            await self._handle(self._queue.popleft())

    async def _handle(self, item: tuple[Fragment, index.Kind] | None) -> None:
        if item is None:
            await self._finish()
            return
        fragment, kind = item
        try:
            await self._store(fragment, kind)
        finally:
            self._budget.used_bytes -= fragment.size_bytes

    async def _store(self, fragment: Fragment, kind: index.Kind) -> None:
        if self._paused() or time.monotonic() < self._retry_at_s:
            self.dropped += 1
            await self._finish()
            return
        try:
            segment = self._segment
            if segment is None or not segment.continues_with(fragment, kind):
                if not fragment.key:
                    self.dropped += 1
                    return
                self._segment = None
                segment = self._segment = await self._shelf.begin(self.point_id, fragment, kind, after=segment)
                await self._resumed(segment.first_us)
            await self._shelf.append(segment, fragment, sync=not self._queue)
        except WriteFailed as error:
            self._failed(error)
            await self._finish()
            return
        self._fault = ""
        self._stored_s = time.monotonic()
        self._stored_us = segment.end_us

    async def _resumed(self, at_us: int) -> None:
        """Close the gap before a new segment, if there is one."""
        before_us, reason = self._stored_us, self._gap
        self._gap = ""

        def note(db: sqlite3.Connection) -> None:
            if not index.close_gap(db, self.point_id, at_us) and before_us is not None:
                index.note_gap(db, self.point_id, before_us, at_us, reason or NO_PICTURES)

        await self._shelf.commit(note)

    def _failed(self, error: Exception) -> None:
        self.dropped += 1
        self._fault = f"write_failed: {error}"
        self._retry_at_s = time.monotonic() + RETRY_S
        log.error("recording of %s is interrupted: %s", self.point_id, error)

    async def _finish(self) -> None:
        segment, self._segment = self._segment, None
        if segment is None:
            return
        try:
            await self._shelf.finish(segment)
        except WriteFailed as error:
            log.warning("segment %d is finished at the next start: %s", segment.id, error)

    def _state(self) -> tuple[RecordingState, str]:
        if not self.spec.records:
            return RecordingState.OFF, ""
        if self._want is Want.HOLD:
            return RecordingState.ARMED, ""
        if self._want is Want.NOTHING:
            return RecordingState.WAITING, ""
        paused = self._paused() or self._fault
        if paused:
            return RecordingState.PAUSED, paused
        now_s = time.monotonic()
        if self._stored_s is not None and now_s - self._stored_s < SILENT_S:
            return RecordingState.RECORDING, ""
        if now_s - self._since_s < SILENT_S:
            return RecordingState.STARTING, ""
        reason = self._assembler.fault or f"no_pictures: nothing to record for {SILENT_S:.0f} s"
        return RecordingState.INTERRUPTED, reason


def _gap_reason(state: RecordingState) -> str | None:
    return {
        RecordingState.WAITING: PLANNED,
        RecordingState.ARMED: PLANNED,
        RecordingState.INTERRUPTED: NO_PICTURES,
        RecordingState.PAUSED: DISK,
    }.get(state)
