"""Playing: the footage of a box for whoever asks, on threads of its own."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TypeVar

from appliance.playback.catalogue import Catalogue, Timeline
from appliance.playback.clip import Clip, make_clip
from appliance.playback.reel import Reel, backward, forward
from appliance.playback.rendering import init_of, key_picture, render
from federation.viewing.recordings import Frames

THREADS = 4
MOST_PLAYS = 64
HOUR_US = 3_600_000_000
LONGEST_PLAY_US = 24 * HOUR_US
LONGEST_CLIP_US = 6 * HOUR_US
COVER_WITHIN_US = 60_000_000  # a cover may be so much older or newer than asked for
READ_AT_ONCE_BYTES = 1 << 20

Result = TypeVar("Result")


class TooManyPlays(Exception):
    """As many recordings are played as this box plays at once."""


@dataclass(kw_only=True)
class Player:
    """Plays what the catalogue lists. `close` ends its threads."""

    catalogue: Catalogue
    plays: int = 0
    _pool: ThreadPoolExecutor = field(
        default_factory=lambda: ThreadPoolExecutor(THREADS, thread_name_prefix="playback")
    )

    def close(self) -> None:
        """End the threads without waiting for what they do now."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    async def on_thread(self, work: Callable[[], Result]) -> Result:
        """Run what blocks on a thread."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, work)

    @contextmanager
    def playing(self) -> Iterator[None]:
        """Count one more play for as long as the context is open; raise TooManyPlays."""
        if self.plays >= MOST_PLAYS:
            raise TooManyPlays
        self.plays += 1
        try:
            yield
        finally:
            self.plays -= 1

    async def reel(self, point_id: str, start_us: int, end_us: int, *, frames: Frames, is_backward: bool) -> Reel:
        """Return what is shown between two moments; backward runs from `start_us` down to `end_us`."""
        low, high = sorted((start_us, end_us))

        def look() -> Reel:
            footage = self.catalogue.footage(point_id, low, high)
            if is_backward:
                return backward(footage, start_us, end_us)
            return forward(footage, start_us, end_us, frames)

        return await self.on_thread(look)

    async def stream(self, reel: Reel) -> AsyncIterator[bytes]:
        """Yield a reel as a stream: init segments where the camera changes, fragments. Raises Gone."""
        init = b""
        segment_id = 0
        for number, shot in enumerate(reel.shots, start=1):
            if shot.footage.id != segment_id:
                segment_id, before = shot.footage.id, init
                init = await self.on_thread(lambda: init_of(shot.footage))  # noqa: B023 - awaited at once
                if init != before:
                    yield init
            rendered = await self.on_thread(lambda: render(shot, number))  # noqa: B023
            yield rendered.head.to_bytes()
            content = rendered.content
            for start in range(0, content.size_bytes, READ_AT_ONCE_BYTES):
                stop = min(start + READ_AT_ONCE_BYTES, content.size_bytes)
                yield await self.on_thread(lambda: content.read(start, stop))  # noqa: B023

    async def clip(self, point_id: str, start_us: int, end_us: int) -> Clip | None:
        """Return a stretch of time as one file, None if nothing was recorded. Raises Gone or OtherCodec."""
        return await self.on_thread(
            lambda: make_clip(self.catalogue.footage(point_id, start_us, end_us), start_us, end_us)
        )

    async def read(self, clip: Clip, start: int, stop: int) -> AsyncIterator[bytes]:
        """Yield bytes of a clip. Raises Gone."""
        for begin in range(start, stop, READ_AT_ONCE_BYTES):
            until = min(begin + READ_AT_ONCE_BYTES, stop)
            yield await self.on_thread(lambda: b"".join(clip.read(begin, until)))  # noqa: B023

    async def cover(self, point_id: str, at_us: int) -> tuple[str, bytes] | None:
        """Return codec and bytes of the key frame that is seen at a moment, or of the nearest; None without one."""

        def look() -> tuple[str, bytes] | None:
            around = self.catalogue.footage(point_id, at_us - COVER_WITHIN_US, at_us + COVER_WITHIN_US)
            reel = forward(around, at_us - COVER_WITHIN_US, at_us + COVER_WITHIN_US, Frames.KEY)
            if not reel.shots:
                return None
            before = [shot for shot in reel.shots if shot.span.at_us <= at_us]
            return key_picture(before[-1] if before else reel.shots[0])

        return await self.on_thread(look)

    async def timeline(self, point_id: str, start_us: int, end_us: int) -> Timeline:
        """Return what there is of a camera between two moments."""
        return await self.on_thread(lambda: self.catalogue.timeline(point_id, start_us, end_us))
