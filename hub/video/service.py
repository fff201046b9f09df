"""What the portal asks of appliances about cameras: recordings to play, to keep and to take away, and to turn them."""

import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

from pydantic import AwareDatetime, BaseModel
from sqlalchemy import Connection, select

from federation.captures import SETTLED_WITHIN_S, PictureDraft
from federation.http import Page, Problem
from federation.messages import NodeCall, RecordingState, Slug
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
from federation.viewing.turning import GoToPreset, KeepTurning, PresetRow, StopTurning, Turn
from hub.database import Database
from hub.fleet.roster import Roster
from hub.points.tables import points
from hub.points.watched import watched_points
from hub.security.audit import Actor, record
from hub.video.asking import ANSWER_LIMIT_BYTES, answered, call_of, read_from
from hub.video.calls import ANSWER_WITHIN_S, Answer, Calls
from hub.video.turning import TurnBook

Model = TypeVar("Model", bound=BaseModel)


PICTURE_LIMIT_BYTES = 64 << 20


class _Row(BaseModel):
    """What of a box's row of a snapshot matters here."""

    id: Slug
    taken_at: AwareDatetime


@dataclass(frozen=True, kw_only=True)
class Taken:
    """A picture, JPEG, and when the camera's picture reached its box."""

    content: bytes
    taken_at: datetime


@dataclass(frozen=True, kw_only=True)
class Video:
    """Recordings of points, wherever they are kept. Every method raises Problem for what cannot be."""

    database: Database
    roster: Roster
    calls: Calls
    turns: TurnBook = field(default_factory=TurnBook)

    def pulling_node(self, point_id: str) -> str | None:
        """Return the node that pulls a point now."""
        seen = watched_points(self.roster.all()).get(point_id)
        return None if seen is None else seen.node_id

    def recording_node(self, point_id: str) -> str:
        """Return the node that keeps a point's recordings."""
        for node in self.roster.all():
            if not node.online or node.reported is None:
                continue
            for report in node.reported.cameras:
                recorded = report.recording is not None and report.recording.state is not RecordingState.OFF
                if report.point_id == point_id and recorded:
                    return node.id
        pulling = self.pulling_node(point_id)
        if pulling is None:
            raise _away()
        return pulling

    async def turning_node(self, point_id: str) -> str:
        """Return the node that turns a point's camera: its home, which takes its snapshots too, if that is online."""
        home = await self.database.run(lambda connection: _home(connection, point_id))
        node = None if home is None else self.roster.get(home)
        found = node.id if node is not None and node.online else self.pulling_node(point_id)
        if found is None:
            raise _away()
        return found

    async def note_watching(self, point_id: str, actor: Actor) -> None:
        """Note that somebody watches a point live."""
        await self._note(actor, "point.watch", point_id, {})

    async def still(self, point_id: str, actor: Actor) -> bytes:
        """Return the newest picture of a point as JPEG."""
        node_id = self.pulling_node(point_id)
        if node_id is None:
            raise _away()
        call = call_of("GET", f"/api/v1/cameras/{point_id}/picture.jpg", actor)
        async with answered(self.calls, node_id, call) as answer:
            return await answer.read(limit_bytes=ANSWER_LIMIT_BYTES)

    async def snapshot(self, point_id: str, draft: PictureDraft, actor: Actor) -> Taken:
        """Return a picture of a point that is taken now, turned or cut as wanted; who has it taken is noted."""
        node_id = await self.turning_node(point_id)
        body = {**draft.model_dump(mode="json"), "point_id": point_id}
        call = call_of("POST", "/api/v1/snapshots", actor, body=body)
        await self._note(actor, "point.snapshot", point_id, draft.want.model_dump(mode="json", exclude_none=True))
        within_s = draft.within_s + SETTLED_WITHIN_S + ANSWER_WITHIN_S
        row = await read_from(self.calls, node_id, call, _Row, within_s=within_s)
        picture = call_of("GET", f"/api/v1/snapshots/{row.id}/picture.jpg", actor)
        async with answered(self.calls, node_id, picture) as answer:
            content = await answer.read(limit_bytes=PICTURE_LIMIT_BYTES)
        return Taken(content=content, taken_at=row.taken_at)

    async def timeline(self, point_id: str, query: Stretch, actor: Actor) -> RecordingTimeline:
        """Return what there is of a point in a stretch of time."""
        return await self._read(point_id, RecordingTimeline, actor, path="", query=_query(query))

    async def days(self, point_id: str, query: DaysQuery, actor: Actor) -> Page[RecordedDay]:
        """Return how much of each day was recorded of a point."""
        node_id = self.recording_node(point_id)
        call = call_of("GET", "/api/v1/recordings/days", actor, query=_query(query))
        found = await read_from(self.calls, node_id, call, Page[RecordedDay])
        return Page(items=tuple(day for day in found.items if day.point_id == point_id))

    async def search(self, point_id: str, query: SearchQuery, actor: Actor) -> Page[FoundRecording]:
        """Return recordings of a point, the latest first."""
        return await self._read(point_id, Page[FoundRecording], actor, path="/search", query=_query(query))

    async def mark(self, draft: BookmarkDraft, actor: Actor) -> RecordingBookmark:
        """Mark a stretch of time, keep it from being removed, or both."""
        call = call_of("POST", "/api/v1/recordings/bookmarks", actor, body=draft.model_dump(mode="json"))
        return await self._marked(draft.point_id, call, "recording.mark", actor)

    async def change_bookmark(
        self, point_id: str, bookmark_id: str, change: BookmarkChange, actor: Actor
    ) -> RecordingBookmark:
        """Change what a bookmark says, and whether it locks its stretch."""
        path = f"/api/v1/recordings/bookmarks/{bookmark_id}"
        call = call_of("PUT", path, actor, body=change.model_dump(mode="json"))
        return await self._marked(point_id, call, "recording.change_mark", actor)

    async def unmark(self, point_id: str, bookmark_id: str, actor: Actor) -> None:
        """Remove a bookmark; what it has locked may go again."""
        call = call_of("DELETE", f"/api/v1/recordings/bookmarks/{bookmark_id}", actor)
        async with answered(self.calls, self.recording_node(point_id), call) as answer:
            await answer.read(limit_bytes=ANSWER_LIMIT_BYTES)
        await self._note(actor, "recording.unmark", point_id, {"id": bookmark_id})

    async def presets(self, point_id: str, actor: Actor) -> Page[PresetRow]:
        """Return the places that a point's camera remembers."""
        call = call_of("GET", f"/api/v1/cameras/{point_id}/presets", actor)
        return await read_from(self.calls, await self.turning_node(point_id), call, Page[PresetRow])

    async def turn(self, point_id: str, turn: Turn, actor: Actor) -> None:
        """Turn a point's camera, or stop it. Who begins to move it and who sends it to a preset is noted."""
        order, now_s = turn.order, time.monotonic()
        if not isinstance(order, StopTurning) and not self.turns.admits(point_id, now_s):
            raise Problem(429, "too_many_turns", "The camera gets too many orders; wait some seconds.")
        call = call_of("POST", f"/api/v1/cameras/{point_id}/turn", actor, body=turn.model_dump(mode="json"))
        async with answered(self.calls, await self.turning_node(point_id), call) as answer:
            await answer.read(limit_bytes=ANSWER_LIMIT_BYTES)
        if isinstance(order, GoToPreset):
            await self._note(actor, "point.turn", point_id, {"preset": order.preset})
        elif isinstance(order, KeepTurning) and self.turns.begins(point_id, actor.name, now_s):
            await self._note(actor, "point.turn", point_id, {})

    @asynccontextmanager
    async def played(self, point_id: str, query: PlayQuery, actor: Actor) -> AsyncIterator[Answer]:
        """Give a stream of recorded pictures; who plays what is noted."""
        await self._note(actor, "recording.play", point_id, _query(query))
        call = call_of("GET", _path(point_id, "/play.mp4"), actor, query=_query(query))
        async with answered(self.calls, self.recording_node(point_id), call) as answer:
            yield answer

    @asynccontextmanager
    async def clip(self, point_id: str, query: Stretch, byte_range: str, actor: Actor) -> AsyncIterator[Answer]:
        """Give a stretch of time as a file, or a range of its bytes; who takes it away is noted."""
        await self._note(actor, "recording.download", point_id, _query(query))
        call = call_of("GET", _path(point_id, "/clip.mp4"), actor, query=_query(query), byte_range=byte_range)
        async with answered(self.calls, self.recording_node(point_id), call) as answer:
            yield answer

    async def cover(self, point_id: str, query: CoverQuery, actor: Actor) -> bytes:
        """Return the picture seen at a moment as JPEG."""
        call = call_of("GET", _path(point_id, "/cover.jpg"), actor, query=_query(query))
        async with answered(self.calls, self.recording_node(point_id), call) as answer:
            return await answer.read(limit_bytes=ANSWER_LIMIT_BYTES)

    async def _read(
        self, point_id: str, model: type[Model], actor: Actor, *, path: str, query: Mapping[str, str]
    ) -> Model:
        call = call_of("GET", _path(point_id, path), actor, query=query)
        return await read_from(self.calls, self.recording_node(point_id), call, model)

    async def _marked(self, point_id: str, call: NodeCall, action: str, actor: Actor) -> RecordingBookmark:
        marked = await read_from(self.calls, self.recording_node(point_id), call, RecordingBookmark)
        detail = marked.model_dump(mode="json", include={"id", "start", "end", "text", "locked"})
        await self._note(actor, action, point_id, detail)
        return marked

    async def _note(self, actor: Actor, action: str, point_id: str, detail: Mapping[str, Any]) -> None:
        subject = f"point:{point_id}"
        await self.database.run(lambda connection: record(connection, actor, action, subject, detail))


def _home(connection: Connection, point_id: str) -> str | None:
    return connection.scalar(select(points.c.node_id).where(points.c.id == point_id))


def _path(point_id: str, rest: str) -> str:
    return f"/api/v1/cameras/{point_id}/recordings{rest}"


def _query(model: BaseModel) -> dict[str, str]:
    values = model.model_dump(mode="json", exclude_none=True)
    return {name: str(value).lower() if isinstance(value, bool) else str(value) for name, value in values.items()}


def _away() -> Problem:
    return Problem(404, "point_away", "No appliance that is online has this point's stream or recordings.")
