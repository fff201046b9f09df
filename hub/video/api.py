"""Routes of live views and recordings, and the one by which nodes come to answer."""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Annotated

from aiohttp import web
from pydantic import StringConstraints

from federation.captures import PictureDraft
from federation.http import Access, Call, Page, Problem, Routes
from federation.http.problem import invalid
from federation.messages import Slug
from federation.messages.calls import ANSWER_HEADERS, TICKET_PATTERN
from federation.viewing.recordings import (
    BookmarkChange,
    BookmarkDraft,
    CoverQuery,
    DaysQuery,
    FoundRecording,
    PlayQuery,
    RecordedDay,
    RecordingBookmark,
    RecordingTimeline,
    SearchQuery,
    Stretch,
)
from federation.viewing.socket import show
from federation.viewing.turning import PresetRow, Turn
from hub.security.audit import Actor
from hub.security.model import OPERATE, READ
from hub.video.calls import Answer, Calls, CutOff, node_failed
from hub.video.relays import Relays, TooManyViewers
from hub.video.service import Video

CAN_READ = Access(permission=READ)
CAN_OPERATE = Access(permission=OPERATE)
TAKEN_WITHIN_S = 600.0
TAKEN_HEADER = "Fengsui-Taken-At"
FILM_TYPE = re.compile(r'video/mp4(; ?codecs="?[A-Za-z0-9.,]+"?)?')

BookmarkId = Annotated[str, StringConstraints(pattern=r"^[0-9a-f-]{36}$")]
Ticket = Annotated[str, StringConstraints(pattern=TICKET_PATTERN)]
StillSignedIn = Callable[[web.Request], Awaitable[bool]]


def routes(video: Video, relays: Relays, still_signed_in: StillSignedIn) -> Routes:
    """Return the operations for people; a live view closes when `still_signed_in` says that the session has ended."""
    part = Routes(tag="video")
    _add_live(part, video, relays, still_signed_in)
    _add_still(part, video)
    _add_recordings(part, video)
    _add_bookmarks(part, video)
    _add_turning(part, video)
    return part


def node_routes(calls: Calls) -> Routes:
    """Return the operation for nodes."""
    part = Routes(tag="calls")

    @part.get("/api/v1/calls/{ticket}", status=101, produces="application/octet-stream")
    async def answer_call(call: Call, ticket: Ticket) -> web.StreamResponse:
        """Upgrade to a WebSocket on which a node answers what it was asked."""
        return await calls.take(call.principal.id, ticket, call.request)

    @part.get("/api/v1/calls/{ticket}/body", produces="application/octet-stream")
    async def give_call_body(call: Call, ticket: Ticket) -> web.StreamResponse:
        """Give what a node was asked to take, while it is asked."""
        return await calls.give(call.principal.id, ticket, call.request)

    return part


def _add_live(part: Routes, video: Video, relays: Relays, still_signed_in: StillSignedIn) -> None:
    @part.get("/api/v1/points/{point_id}/live", access=CAN_READ, status=101, produces="application/octet-stream")
    async def watch_point(call: Call, point_id: Slug) -> web.StreamResponse:
        """Upgrade to a WebSocket with the point's pictures as fragments of MP4, relayed from its appliance."""

        async def still_allowed() -> bool:
            return call.principal.kind != "user" or await still_signed_in(call.request)

        try:
            with relays.viewing(point_id) as (relay, viewer):
                await video.note_watching(point_id, Actor.of(call))
                return await show(call.request, viewer, relay.states(), still_allowed)
        except TooManyViewers as error:
            raise Problem(503, "too_many_viewers", "As many watch as this hub serves; close a view.") from error


def _add_still(part: Routes, video: Video) -> None:
    @part.get("/api/v1/points/{point_id}/still.jpg", access=CAN_READ, produces="image/jpeg")
    async def get_point_still(call: Call, point_id: Slug) -> web.StreamResponse:
        """Give the newest picture of a point's camera, which its appliance decodes."""
        content = await video.still(point_id, Actor.of(call))
        return web.Response(body=content, content_type="image/jpeg", headers={"Cache-Control": "no-store"})

    @part.post("/api/v1/points/{point_id}/snapshot.jpg", access=CAN_OPERATE, produces="image/jpeg")
    async def take_point_snapshot(call: Call, point_id: Slug, body: PictureDraft) -> web.StreamResponse:
        """Take a picture of a point now: as its camera looks or turned to a preset, position or way; whole or a region.

        The answer is the JPEG; its time is in `Fengsui-Taken-At`. 404 `point_away`: no online box has the camera.
        422 `unknown_preset`. 503 with the reason why there is none in time, such as `cannot_turn`, `unreachable` or
        `no_key_frame`. 504 `node_silent`: the box does not answer.
        """
        taken = await video.snapshot(point_id, body, Actor.of(call))
        headers = {"Cache-Control": "no-store", TAKEN_HEADER: taken.taken_at.isoformat()}
        return web.Response(body=taken.content, content_type="image/jpeg", headers=headers)


def _add_recordings(part: Routes, video: Video) -> None:
    base = "/api/v1/points/{point_id}/recordings"

    @part.get(base, access=CAN_READ)
    async def get_point_recordings(call: Call, point_id: Slug, query: Stretch) -> RecordingTimeline:
        """Tell what was recorded of a point, what is missing and why, what is marked or locked and what happened."""
        return await video.timeline(point_id, query, Actor.of(call))

    @part.get(f"{base}/search", access=CAN_READ)
    async def search_point_recordings(call: Call, point_id: Slug, query: SearchQuery) -> Page[FoundRecording]:
        """Find recordings of a point by time, kind, lock and words of a bookmark, the latest first."""
        return await video.search(point_id, query, Actor.of(call))

    @part.get(f"{base}/days", access=CAN_READ)
    async def list_point_recorded_days(call: Call, point_id: Slug, query: DaysQuery) -> Page[RecordedDay]:
        """Tell how much of each day was recorded of a point."""
        return await video.days(point_id, query, Actor.of(call))

    @part.get(f"{base}/cover.jpg", access=CAN_READ, produces="image/jpeg")
    async def get_point_cover(call: Call, point_id: Slug, query: CoverQuery) -> web.StreamResponse:
        """Give the key frame that is seen at a moment as a picture."""
        content = await video.cover(point_id, query, Actor.of(call))
        return web.Response(body=content, content_type="image/jpeg")

    @part.get(f"{base}/play.mp4", access=CAN_READ, produces="video/mp4")
    async def play_point_recording(call: Call, point_id: Slug, query: PlayQuery) -> web.StreamResponse:
        """Play: fragmented MP4 whose time 0 is the header `Fengsui-Start`; read it as fast as you show it."""
        async with video.played(point_id, query, Actor.of(call)) as answer:
            return await _poured(call.request, answer)

    @part.get(f"{base}/clip.mp4", access=CAN_OPERATE, produces="video/mp4")
    async def download_point_recording(call: Call, point_id: Slug, query: Stretch) -> web.StreamResponse:
        """Give a stretch of time as one MP4 file; ranges of bytes are understood."""
        wanted = call.request.headers.get("Range", "")
        async with video.clip(point_id, query, wanted, Actor.of(call)) as answer:
            return await _poured(call.request, answer)


def _add_bookmarks(part: Routes, video: Video) -> None:
    base = "/api/v1/points/{point_id}/recordings/bookmarks"

    @part.post(base, access=CAN_OPERATE, status=201)
    async def mark_point_recording(call: Call, point_id: Slug, body: BookmarkDraft) -> RecordingBookmark:
        """Mark a stretch of a point's recordings with some words, keep it from being removed, or both."""
        if body.point_id != point_id:
            raise invalid("body.point_id", "this is another point than that of the address")
        return await video.mark(body, Actor.of(call))

    @part.put(f"{base}/{{bookmark_id}}", access=CAN_OPERATE)
    async def change_point_recording_bookmark(
        call: Call, point_id: Slug, bookmark_id: BookmarkId, body: BookmarkChange
    ) -> RecordingBookmark:
        """Change what a bookmark says, lock its stretch, or let it go again."""
        return await video.change_bookmark(point_id, bookmark_id, body, Actor.of(call))

    @part.delete(f"{base}/{{bookmark_id}}", access=CAN_OPERATE)
    async def unmark_point_recording(call: Call, point_id: Slug, bookmark_id: BookmarkId) -> None:
        """Remove a bookmark; what it has locked may go again."""
        await video.unmark(point_id, bookmark_id, Actor.of(call))


def _add_turning(part: Routes, video: Video) -> None:
    @part.get("/api/v1/points/{point_id}/presets", access=CAN_READ)
    async def list_point_presets(call: Call, point_id: Slug) -> Page[PresetRow]:
        """Ask a point's camera for the places that it remembers; 409 where its ONVIF address is not known."""
        return await video.presets(point_id, Actor.of(call))

    @part.post("/api/v1/points/{point_id}/turn", access=CAN_OPERATE)
    async def turn_point(call: Call, point_id: Slug, body: Turn) -> None:
        """Turn a point's camera: with a speed, to a preset, or not any more; 409 while a snapshot turns it."""
        await video.turn(point_id, body, Actor.of(call))


async def _poured(request: web.Request, answer: Answer) -> web.StreamResponse:
    """Pass a film on. One that ends early or late is cut off, so that nobody takes it for whole; raise Problem."""
    response = _headed(answer)
    await response.prepare(request)
    try:
        async for piece in _exactly(response.content_length, answer.body()):
            async with asyncio.timeout(TAKEN_WITHIN_S):
                await response.write(piece)
        await response.write_eof()
    except (CutOff, TimeoutError) as error:
        raise ConnectionResetError("the stream ends early") from error
    return response


async def _exactly(size_bytes: int | None, pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Yield pieces that make up so many bytes together, if a size was told; raise CutOff for more or fewer."""
    seen_bytes = 0
    async for piece in pieces:
        seen_bytes += len(piece)
        if size_bytes is not None and seen_bytes > size_bytes:
            raise CutOff
        yield piece
    if size_bytes is not None and seen_bytes != size_bytes:
        raise CutOff


def _headed(answer: Answer) -> web.StreamResponse:
    """Return a response that is a film, whatever its node calls it: no page of a node's stands among the portal's."""
    head = answer.head
    told = {name.title(): value for name, value in head.headers.items() if name.title() in ANSWER_HEADERS}
    if head.status not in {200, 206} or not told.get("Content-Length", "0").isdecimal():
        raise node_failed()
    if FILM_TYPE.fullmatch(told.get("Content-Type", "")) is None:
        told["Content-Type"] = "application/octet-stream"
    return web.StreamResponse(status=head.status, headers=told)
