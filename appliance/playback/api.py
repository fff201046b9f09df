"""Routes of the recordings: the same for the panel and for the hub that asks through its tunnel."""

import asyncio
import re
from collections.abc import AsyncIterator
from typing import Annotated

from aiohttp import web
from pydantic import StringConstraints

from appliance.playback.clip import Clip
from appliance.playback.player import TooManyPlays
from appliance.playback.rendering import Gone
from appliance.playback.service import Recordings
from appliance.store.moments import from_us
from appliance.store.people import OPERATE, READ
from appliance.store.results import Doer
from federation.http import Access, Call, Page, Problem, Routes
from federation.messages import Slug
from federation.viewing import recordings as model

CAN_READ = Access(permission=READ)
CAN_OPERATE = Access(permission=OPERATE)
START_HEADER = "Fengsui-Start"
"""Names the wall clock at time 0 of a stream."""

TAKEN_WITHIN_S = 600.0  # who pauses for longer asks again from where they are

BookmarkId = Annotated[str, StringConstraints(pattern=r"^[0-9a-f-]{36}$")]

_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")


def routes(recordings: Recordings) -> Routes:
    """Return the operations on recordings."""
    part = Routes(tag="recordings")
    _add_lists(part, recordings)
    _add_streams(part, recordings)
    _add_bookmarks(part, recordings)
    return part


def _add_lists(part: Routes, recordings: Recordings) -> None:
    @part.get("/api/v1/recordings/days", access=CAN_READ)
    async def list_recorded_days(query: model.DaysQuery) -> Page[model.RecordedDay]:
        """Tell how much of each day was recorded of each camera."""
        return Page(items=await recordings.days(query))

    @part.get("/api/v1/cameras/{point_id}/recordings", access=CAN_READ)
    async def get_recording_timeline(point_id: Slug, query: model.Stretch) -> model.RecordingTimeline:
        """Tell what was recorded of a camera, what is missing and why, what is marked or locked and what happened."""
        return await recordings.timeline(point_id, query)

    @part.get("/api/v1/cameras/{point_id}/recordings/search", access=CAN_READ)
    async def search_recordings(point_id: Slug, query: model.SearchQuery) -> Page[model.FoundRecording]:
        """Find recordings of a camera by time, kind, lock and words of a bookmark, the latest first."""
        return await recordings.search(point_id, query)

    @part.get("/api/v1/cameras/{point_id}/recordings/cover.jpg", access=CAN_READ, produces="image/jpeg")
    async def get_recording_cover(point_id: Slug, query: model.CoverQuery) -> web.StreamResponse:
        """Give the key frame that is seen at a moment as a picture."""
        content = await recordings.cover(point_id, query.at)
        headers = {"Cache-Control": "private, max-age=3600"}
        return web.Response(body=content, content_type="image/jpeg", headers=headers)


def _add_streams(part: Routes, recordings: Recordings) -> None:
    @part.get("/api/v1/cameras/{point_id}/recordings/play.mp4", access=CAN_READ, produces="video/mp4")
    async def play_recording(call: Call, point_id: Slug, query: model.PlayQuery) -> web.StreamResponse:
        """Play: fragmented MP4 whose time 0 is the header `Fengsui-Start`; read it as fast as you show it."""
        reel = await recordings.reel(point_id, query)
        response = web.StreamResponse(headers={START_HEADER: from_us(reel.zero_us).isoformat()})
        response.headers["Content-Type"] = reel.shots[0].footage.mime
        try:
            with recordings.player.playing():
                await response.prepare(call.request)
                await _pour(response, recordings.player.stream(reel))
        except TooManyPlays as error:
            raise Problem(503, "too_many_plays", "Too many recordings are played at once; close one.") from error
        return response

    @part.get("/api/v1/cameras/{point_id}/recordings/clip.mp4", access=CAN_OPERATE, produces="video/mp4")
    async def download_recording(call: Call, point_id: Slug, query: model.Stretch) -> web.StreamResponse:
        """Give a stretch of time as one MP4 file; ranges of bytes are understood."""
        clip = await recordings.clip(point_id, query, _doer(call))
        start, stop = byte_range(call.request.headers.get("Range"), clip.size_bytes)
        response = _clip_response(point_id, clip, start, stop)
        await response.prepare(call.request)
        await _pour(response, recordings.player.read(clip, start, stop))
        return response


def _add_bookmarks(part: Routes, recordings: Recordings) -> None:
    @part.post("/api/v1/recordings/bookmarks", access=CAN_OPERATE, status=201)
    async def mark_recording(call: Call, body: model.BookmarkDraft) -> model.RecordingBookmark:
        """Mark a stretch of a camera's recordings with some words, keep it from being removed, or both."""
        return await recordings.mark(body, _doer(call))

    @part.put("/api/v1/recordings/bookmarks/{bookmark_id}", access=CAN_OPERATE)
    async def change_recording_bookmark(
        call: Call, bookmark_id: BookmarkId, body: model.BookmarkChange
    ) -> model.RecordingBookmark:
        """Change what a bookmark says, lock its stretch, or let it go again."""
        return await recordings.change_bookmark(bookmark_id, body, _doer(call))

    @part.delete("/api/v1/recordings/bookmarks/{bookmark_id}", access=CAN_OPERATE)
    async def unmark_recording(call: Call, bookmark_id: BookmarkId) -> None:
        """Remove a bookmark; what it has locked may go again."""
        await recordings.unmark(bookmark_id, _doer(call))


def _doer(call: Call) -> Doer:
    return Doer(kind=call.principal.kind, name=call.principal.name, peer=call.peer)


async def _pour(response: web.StreamResponse, content: AsyncIterator[bytes]) -> None:
    """Send a stream. One that cannot go on is cut off, so that nobody takes it for whole: its head is gone already."""
    try:
        async for piece in content:
            async with asyncio.timeout(TAKEN_WITHIN_S):
                await response.write(piece)
        await response.write_eof()
    except (Gone, TimeoutError) as error:
        raise ConnectionResetError("the stream ends early") from error


def _clip_response(point_id: str, clip: Clip, start: int, stop: int) -> web.StreamResponse:
    whole = (start, stop) == (0, clip.size_bytes)
    began = from_us(clip.start_us)
    headers = {
        "Content-Type": "video/mp4",
        "Content-Length": str(stop - start),
        "Accept-Ranges": "bytes",
        "Content-Disposition": f'attachment; filename="{point_id}-{began:%Y%m%dT%H%M%SZ}.mp4"',
        START_HEADER: began.isoformat(),
    }
    if not whole:
        headers["Content-Range"] = f"bytes {start}-{stop - 1}/{clip.size_bytes}"
    return web.StreamResponse(status=200 if whole else 206, headers=headers)


def byte_range(text: str | None, size: int) -> tuple[int, int]:
    """Return start and stop of one range of bytes (RFC 9110 §14.2), the whole for none and for what is no such range.

    Raise Problem 416 for a range that lies outside.
    """
    match = _RANGE.fullmatch(text.strip()) if text else None
    if match is None or match.groups() == ("", ""):
        return 0, size
    first, last = match.groups()
    start = int(first) if first else max(0, size - int(last))
    stop = min(size, int(last) + 1) if first and last else size
    if start >= stop:
        raise Problem(416, "range_not_satisfiable", f"The file has {size} bytes.")
    return start, stop
