"""What can be asked about the recordings of this box."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from pydantic import JsonValue

from appliance.errors import ProcessAway
from appliance.local.recorder_client import RecorderClient
from appliance.playback.catalogue import Found
from appliance.playback.clip import Clip, OtherCodec
from appliance.playback.player import LONGEST_CLIP_US, LONGEST_PLAY_US, Player
from appliance.playback.reel import Reel
from appliance.playback.rendering import Gone
from appliance.playback.search import FOREVER_US, Wanted
from appliance.recording.bookmarks import Bookmark
from appliance.store.moments import from_us, to_us
from appliance.store.results import Doer
from federation.http import Page, Problem
from federation.http.problem import conflict, invalid, not_found
from federation.messages import new_id
from federation.messages.calendar import known_zones, zone
from federation.viewing import recordings as model
from federation.viewing.recordings import Frames

LONGEST_TIMELINE = timedelta(days=7)

Marks = Callable[[str, datetime, datetime], Awaitable[tuple[model.EventMark, ...]]]
"""Returns the events of a camera between two moments."""

ToJpeg = Callable[[str, bytes], Awaitable[bytes | None]]
"""Makes a picture of a key frame, given its codec; None if it cannot be decoded; raises ProcessAway."""


Note = Callable[[Doer, str, str, dict[str, JsonValue]], Awaitable[None]]
"""Notes what somebody did: who, what, with which recording, and how."""


@dataclass(frozen=True, kw_only=True)
class Recordings:
    """The recordings of this box; every method raises Problem for what cannot be."""

    player: Player
    recorder: RecorderClient
    marks: Marks
    to_jpeg: ToJpeg
    note: Note

    async def timeline(self, point_id: str, stretch: model.Stretch) -> model.RecordingTimeline:
        """Return what there is of a camera in a stretch of time."""
        if stretch.end - stretch.start > LONGEST_TIMELINE:
            raise invalid("query.end", f"ask for at most {LONGEST_TIMELINE.days} days at once")
        found = await self.player.timeline(point_id, to_us(stretch.start), to_us(stretch.end))
        return model.RecordingTimeline(
            point_id=point_id,
            recorded=tuple(
                model.RecordedStretch(
                    start=from_us(item.start_us),
                    end=from_us(item.end_us),
                    kind=model.RecordingKind(item.kind),
                )
                for item in found.recorded
            ),
            gaps=tuple(
                model.RecordingGap(
                    start=from_us(item.start_us),
                    end=None if item.end_us is None else from_us(item.end_us),
                    reason=item.reason,
                )
                for item in found.gaps
            ),
            bookmarks=tuple(map(_shown, found.bookmarks)),
            events=await self.marks(point_id, stretch.start, stretch.end),
            mime=found.mime,
        )

    async def search(self, point_id: str, query: model.SearchQuery) -> Page[model.FoundRecording]:
        """Return recordings of a camera, the latest first."""
        if query.start is not None and query.end is not None and query.end <= query.start:
            raise invalid("query.end", "end must be later than start")
        wanted = Wanted(
            point_id=point_id,
            start_us=-FOREVER_US if query.start is None else to_us(query.start),
            end_us=FOREVER_US if query.end is None else to_us(query.end),
            kind=None if query.kind is None else query.kind.value,
            locked=query.locked,
            text=query.text.strip(),
        )
        at_us, _, segment_id = (query.after or f"{FOREVER_US}_0").partition("_")
        catalogue, before = self.player.catalogue, (int(at_us), int(segment_id))
        found = await self.player.on_thread(lambda: catalogue.find(wanted, before=before, limit=query.limit + 1))
        shown = found[: query.limit]
        following = f"{shown[-1].start_us}_{shown[-1].id}" if len(found) > query.limit else None
        return Page(items=tuple(map(_found, shown)), next=following)

    async def days(self, query: model.DaysQuery) -> tuple[model.RecordedDay, ...]:
        """Return how much of each day was recorded of each camera."""
        if query.timezone not in known_zones():
            raise invalid("query.timezone", "use a name such as Asia/Shanghai")
        place = await asyncio.to_thread(zone, query.timezone)
        midnight = datetime.combine(query.first, datetime.min.time(), place)
        catalogue = self.player.catalogue
        start, end = to_us(midnight), to_us(midnight + timedelta(days=query.days))
        hours = await self.player.on_thread(lambda: catalogue.hours(start, end))
        names = await self.player.on_thread(catalogue.names)
        sums: dict[tuple[str, date], tuple[int, int]] = {}
        for item in hours:
            key = (item.point_id, (datetime.fromtimestamp(item.hour * 3600, UTC).astimezone(place)).date())
            duration, size = sums.get(key, (0, 0))
            sums[key] = (duration + item.duration_us, size + item.size_bytes)
        return tuple(
            model.RecordedDay(
                point_id=point_id,
                name=names.get(point_id, point_id),
                day=day,
                duration_s=duration // 1_000_000,
                size_bytes=size,
            )
            for (point_id, day), (duration, size) in sorted(sums.items())
        )

    async def reel(self, point_id: str, query: model.PlayQuery) -> Reel:
        """Return what is to be played."""
        start, end = to_us(query.start), to_us(query.end)
        if (end >= start) if query.backward else (end <= start):
            raise invalid("query.end", "end must be later than start, or earlier for backward")
        if abs(end - start) > LONGEST_PLAY_US:
            raise invalid("query.end", f"play at most {LONGEST_PLAY_US // 3_600_000_000} hours at once")
        frames = Frames.KEY if query.backward else query.frames
        reel = await self.player.reel(point_id, start, end, frames=frames, is_backward=query.backward)
        if not reel.shots:
            raise _nothing()
        return reel

    async def clip(self, point_id: str, stretch: model.Stretch, doer: Doer) -> Clip:
        """Return a stretch of time as one file; who takes it away is noted."""
        start, end = to_us(stretch.start), to_us(stretch.end)
        if end - start > LONGEST_CLIP_US:
            raise invalid("query.end", f"download at most {LONGEST_CLIP_US // 3_600_000_000} hours at once")
        try:
            clip = await self.player.clip(point_id, start, end)
        except OtherCodec as error:
            moment = from_us(error.at_us).isoformat()
            raise conflict("codec_changes", f"{error} at {moment}; download up to there and from there on") from error
        except Gone as error:
            raise _nothing() from error
        if clip is None:
            raise _nothing()
        await self.note(doer, "recording.download", f"camera:{point_id}", _detail(stretch))
        return clip

    async def cover(self, point_id: str, at: datetime) -> bytes:
        """Return the key frame that is seen at a moment as JPEG."""
        try:
            found = await self.player.cover(point_id, to_us(at))
        except Gone as error:
            raise _nothing() from error
        if found is None:
            raise _nothing()
        try:
            content = await self.to_jpeg(*found)
        except ProcessAway as error:
            raise Problem(503, "process_away", str(error)) from error
        if content is None:
            raise Problem(422, "not_decodable", "The picture at this moment cannot be decoded; try another moment.")
        return content

    async def mark(self, draft: model.BookmarkDraft, doer: Doer) -> model.RecordingBookmark:
        """Mark a stretch of time with some words, lock it, or both."""
        bookmark = Bookmark(
            id=new_id(),
            point_id=draft.point_id,
            start=draft.start,
            end=draft.end,
            text=draft.text.strip(),
            locked=draft.locked,
            set_by=doer.name,
            set_at=datetime.now(UTC),
        )
        return await self._put(bookmark, doer, "recording.mark")

    async def change_bookmark(
        self, bookmark_id: str, change: model.BookmarkChange, doer: Doer
    ) -> model.RecordingBookmark:
        """Change what a bookmark says, and whether it locks its stretch."""
        catalogue = self.player.catalogue
        found = await self.player.on_thread(lambda: catalogue.bookmark(bookmark_id))
        if found is None:
            raise not_found("bookmark", bookmark_id)
        said = {"text": change.text.strip(), "locked": change.locked}
        fresh = found.model_copy(update={**said, "set_by": doer.name, "set_at": datetime.now(UTC)})
        return await self._put(fresh, doer, "recording.change_mark")

    async def unmark(self, bookmark_id: str, doer: Doer) -> None:
        """Remove a bookmark; what it has locked may go again."""
        try:
            there = await self.recorder.remove_bookmark(bookmark_id)
        except ProcessAway as error:
            raise Problem(503, "process_away", str(error)) from error
        if not there:
            raise not_found("bookmark", bookmark_id)
        await self.note(doer, "recording.unmark", f"bookmark:{bookmark_id}", {})

    async def _put(self, bookmark: Bookmark, doer: Doer, action: str) -> model.RecordingBookmark:
        try:
            status, text = await self.recorder.put_bookmark(bookmark.to_bytes())
        except ProcessAway as error:
            raise Problem(503, "process_away", str(error)) from error
        if status != 204:
            raise conflict("too_many_bookmarks", text)
        shown = _shown(bookmark)
        detail = shown.model_dump(mode="json", include={"id", "start", "end", "text", "locked"})
        await self.note(doer, action, f"camera:{bookmark.point_id}", detail)
        return shown


def _detail(stretch: model.Stretch) -> dict[str, JsonValue]:
    return {"start": stretch.start.isoformat(), "end": stretch.end.isoformat()}


def _shown(bookmark: Bookmark) -> model.RecordingBookmark:
    return model.RecordingBookmark.model_validate(bookmark.model_dump(exclude={"point_id"}))


def _found(found: Found) -> model.FoundRecording:
    return model.FoundRecording(
        start=from_us(found.start_us),
        end=from_us(found.end_us),
        kind=model.RecordingKind(found.kind),
        bookmarks=tuple(map(_shown, found.bookmarks)),
    )


def _nothing() -> Problem:
    return Problem(404, "nothing_recorded", "Nothing was recorded there; the timeline shows what there is.")
