"""Where segments are put: their folder, their index, and the threads that write."""

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from appliance.mp4.track import TIMESCALE, Track
from appliance.recording import index
from appliance.recording.assembly import Fragment
from appliance.recording.retention import Old
from appliance.recording.segment import Entry, SegmentFile
from appliance.recording.space import Space, measure
from appliance.store.database import Database

WRITING_THREADS = 8  # they mostly wait for the disk
SEGMENT_US = 60_000_000
LONGEST_WITHOUT_KEY_US = 600_000_000
LARGEST_SEGMENT_BYTES = 1 << 30
CLOCK_STEP_US = 2_000_000  # where the clock leaves the pictures' own time by more, a new segment begins
SLEW = 8  # a clock that has drifted is followed by an eighth with every segment

Result = TypeVar("Result")

WriteFailed = (OSError, sqlite3.Error)
"""What can go wrong with disk or index."""


@dataclass(kw_only=True)
class OpenSegment:
    """A segment that is being written; `first_us` is the wall clock at `start_ticks`."""

    id: int
    file: SegmentFile
    init_bytes: int
    track: Track
    kind: index.Kind
    stretch: int
    first_us: int
    start_ticks: int
    end_ticks: int
    entries: list[Entry] = field(default_factory=list)

    def clock_us(self, ticks: int) -> int:
        """Return the wall clock at `ticks` of the stretch."""
        return self.first_us + (ticks - self.start_ticks) * 1_000_000 // TIMESCALE

    @property
    def end_us(self) -> int:
        """The wall clock at its end."""
        return self.clock_us(self.end_ticks)

    def continues_with(self, fragment: Fragment, kind: index.Kind) -> bool:
        """Tell whether `fragment` belongs into this segment, and not into a new one."""
        if (fragment.stretch, fragment.track) != (self.stretch, self.track):
            return False
        clock_us = self.clock_us(fragment.start_ticks)
        if not fragment.key:  # nothing can begin with it
            return clock_us - self.first_us < LONGEST_WITHOUT_KEY_US
        return (
            kind == self.kind
            and clock_us - self.first_us < SEGMENT_US
            and abs(fragment.at_us - clock_us) <= CLOCK_STEP_US
            and self.file.size_bytes <= LARGEST_SEGMENT_BYTES
        )


class Shelf:
    """Puts segments into a folder. Its methods raise OSError or sqlite3.Error (`WriteFailed`).

    `begin`, `append`, `finish` and `commit` go on to their end when the caller is cancelled, and then return as ever:
    who calls them asks `Task.cancelling()` whether to go on. A file must not be closed while a thread writes to it.
    """

    def __init__(self, *, folder: Path, database: Database, sync_every_fragment: bool = True) -> None:
        """Use the open index; `close` ends the threads."""
        self.folder = folder
        self.database = database
        self.sync_every_fragment = sync_every_fragment
        self.written_bytes = 0
        self._pool = ThreadPoolExecutor(WRITING_THREADS, thread_name_prefix="recording")

    def close(self) -> None:
        """End the threads, after what they do now."""
        self._pool.shutdown()

    async def on_thread(self, work: Callable[[], Result]) -> Result:
        """Run what blocks on a writing thread."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, work)

    async def commit(self, work: Callable[[sqlite3.Connection], Result]) -> Result:
        """Run `work` on the index in one transaction, to its end: see `finished`."""
        return await finished(self.database.begun(work))

    async def _write(self, work: Callable[[], Result]) -> Result:
        return await finished(asyncio.get_running_loop().run_in_executor(self._pool, work))

    async def begin(
        self, point_id: str, fragment: Fragment, kind: index.Kind, *, after: OpenSegment | None
    ) -> OpenSegment:
        """Begin a segment for `fragment`; `after` is the one before, finished in the same transaction."""
        init = fragment.track.init_segment()
        first_us = _first_us(fragment, after)
        beginning = index.Beginning(
            point_id=point_id, first_us=first_us, track=fragment.track, init_bytes=len(init), kind=kind
        )
        ending = None if after is None else _ending(after)

        def roll(db: sqlite3.Connection) -> tuple[int, str]:
            if ending is not None:
                index.finish(db, ending)
            return index.begin(db, beginning)

        if after is not None:
            await self._write(after.file.finish)
        segment_id, path = await self.commit(roll)
        try:
            file = await self._write(lambda: SegmentFile(self.folder / path, init))
        except OSError:
            await self.commit(lambda db: index.forget(db, [segment_id]))
            raise
        return OpenSegment(
            id=segment_id,
            file=file,
            init_bytes=len(init),
            track=fragment.track,
            kind=kind,
            stretch=fragment.stretch,
            first_us=first_us,
            start_ticks=fragment.start_ticks,
            end_ticks=fragment.start_ticks,
        )

    async def append(self, segment: OpenSegment, fragment: Fragment, *, sync: bool) -> None:
        """Write one fragment to the end of a segment; on an error the segment stays as it was.

        Where `sync` is false another fragment follows at once: who is behind syncs once for all that waits.
        """
        head = fragment.head(
            sequence=len(segment.entries) + 1,
            decode_ticks=fragment.start_ticks - segment.start_ticks,
            at_us=segment.clock_us(fragment.start_ticks),
        ).to_bytes()
        sync = sync and self.sync_every_fragment
        await self._write(lambda: _append(segment.file, head, fragment, sync=sync))
        size = len(head) + fragment.size_bytes
        segment.entries.append(Entry(duration_ticks=fragment.duration_ticks, size_bytes=size, key=fragment.key))
        segment.end_ticks = fragment.start_ticks + fragment.duration_ticks
        self.written_bytes += size

    async def finish(self, segment: OpenSegment) -> None:
        """Close a segment and index it; one without a fragment is removed."""
        await self._write(segment.file.finish)
        ending = _ending(segment)
        if not segment.entries:
            await self._write(lambda: segment.file.path.unlink(missing_ok=True))
        await self.commit(lambda db: index.finish(db, ending))

    async def space(self) -> Space:
        """Return what the disk has free and what is held."""
        held = await self.database.read(index.held_bytes)
        return await self.on_thread(lambda: measure(self.folder, held))

    async def remove(self, segments: Sequence[Old]) -> None:
        """Remove segments, files first: an entry without a file is noticed, a file without an entry never would be."""
        await self.on_thread(lambda: [_unlink(self.folder / item.path) for item in segments])
        await self.database.run(lambda db: index.forget(db, [item.id for item in segments]))


def _append(file: SegmentFile, head: bytes, fragment: Fragment, *, sync: bool) -> None:
    file.append(head, fragment.pieces())
    if sync:
        file.sync()


async def finished(future: asyncio.Future[Result]) -> Result:
    """Return the result of `future`, however often the caller is cancelled meanwhile.

    The caller is cancelled where it waits next, so that it can keep what was done and still ends.
    """
    cancelled = False
    while not future.done():
        try:
            await asyncio.wait([future])
        except asyncio.CancelledError:
            cancelled = True
    own = asyncio.current_task()
    if cancelled and own is not None:
        own.uncancel()
        own.cancel()
    return future.result()


def _ending(segment: OpenSegment) -> index.Ending:
    return index.Ending(id=segment.id, entries=tuple(segment.entries), init_bytes=segment.init_bytes)


def _first_us(fragment: Fragment, after: OpenSegment | None) -> int:
    """Return the wall clock at which a segment begins: where the one before ends, if it goes on from there."""
    if after is None or fragment.stretch != after.stretch:
        return fragment.at_us
    expected_us = after.clock_us(fragment.start_ticks)
    drift_us = fragment.at_us - expected_us
    return fragment.at_us if abs(drift_us) > CLOCK_STEP_US else expected_us + drift_us // SLEW


def _unlink(path: Path) -> bool:
    """Remove a file, and its day's folder if that is empty now; tell whether it was there."""
    there = path.exists()
    path.unlink(missing_ok=True)
    with suppress(OSError):
        path.parent.rmdir()
    return there
