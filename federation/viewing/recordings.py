"""Recordings as they go over HTTP: the same at the box that keeps them, and at the hub that asks it."""

from datetime import date
from enum import StrEnum
from typing import Self

from pydantic import AwareDatetime, Field, model_validator

from federation.http import Input, Output, PageQuery
from federation.messages import Calendar, RecordingSpec, Slug

MOST_DAYS = 62


class RecordingKind(StrEnum):
    """Why something was recorded."""

    PLANNED = "planned"  # by the calendar
    EVENT = "event"
    BACKFILL = "backfill"  # afterwards, from the camera's own record


class Frames(StrEnum):
    """Which pictures are shown."""

    ALL = "all"
    KEY = "key"  # for speeds at which nobody sees more


class Stretch(Input):
    """A stretch of time."""

    start: AwareDatetime
    end: AwareDatetime

    @model_validator(mode="after")
    def _ends_after_its_start(self) -> Self:
        if self.end <= self.start:
            msg = "end must be later than start"
            raise ValueError(msg)
        return self


class PlayQuery(Input):
    """What to play: from `start` until `end`; backward, `end` is the earlier one."""

    start: AwareDatetime
    end: AwareDatetime
    frames: Frames = Field(default=Frames.ALL, description="key: key frames only, for fast playing")
    backward: bool = Field(default=False, description="from `start` back to `end`, key frames only")


class CoverQuery(Input):
    """The moment that a cover shows."""

    at: AwareDatetime


class DaysQuery(Input):
    """Which days: `days` of them from `first` on, in the time zone of the place."""

    first: date
    days: int = Field(default=31, ge=1, le=MOST_DAYS)
    timezone: str = Field(default="Asia/Shanghai", max_length=64)


class RecordedStretch(Output):
    """A stretch without a gap."""

    start: AwareDatetime
    end: AwareDatetime
    kind: RecordingKind


class RecordingGap(Output):
    """Nothing was recorded: planned, no_pictures, disk or stopped. Without an end it lasts."""

    start: AwareDatetime
    end: AwareDatetime | None
    reason: str


class RecordingBookmark(Output):
    """A stretch that somebody has marked with some words, locked, or both; what is locked is not removed."""

    id: str
    start: AwareDatetime
    end: AwareDatetime
    text: str
    locked: bool
    set_by: str = Field(description="who marked it, or has changed it last")
    set_at: AwareDatetime


class SearchQuery(PageQuery):
    """Which recordings of a camera, the latest first; what is left out is no condition."""

    after: str | None = Field(default=None, pattern=r"^\d{1,18}_\d{1,18}$", description="`next` of the page before")
    start: AwareDatetime | None = Field(default=None, description="those that last beyond this")
    end: AwareDatetime | None = Field(default=None, description="those that begin before this")
    kind: RecordingKind | None = Field(default=None, description="by plan, because of an event, or filled in later")
    locked: bool | None = Field(default=None, description="true: with a lock that touches them; false: without")
    text: str = Field(default="", max_length=100, description="in a bookmark that touches them, whatever the case")


class FoundRecording(Output):
    """A recorded stretch of one kind, and its bookmarks; what goes on for more than 24 hours comes in parts."""

    start: AwareDatetime
    end: AwareDatetime
    kind: RecordingKind
    bookmarks: tuple[RecordingBookmark, ...]


class EventMark(Output):
    """An event of the camera, for the timeline."""

    id: str
    type: str
    type_name_zh: str
    type_name_en: str
    time: AwareDatetime


class RecordingTimeline(Output):
    """What there is of a camera in a stretch of time; `mime` is what a player must understand."""

    point_id: str
    recorded: tuple[RecordedStretch, ...]
    gaps: tuple[RecordingGap, ...]
    bookmarks: tuple[RecordingBookmark, ...]
    events: tuple[EventMark, ...]
    mime: str


class RecordedDay(Output):
    """How much of a camera's day was recorded."""

    point_id: str
    name: str
    day: date
    duration_s: int
    size_bytes: int


class BookmarkChange(Input):
    """What a bookmark says from now on, and whether it locks its stretch."""

    text: str = Field(default="", max_length=200, description="what is to be seen there; a lock may do without")
    locked: bool = False

    @model_validator(mode="after")
    def _is_for_something(self) -> Self:
        if not self.text.strip() and not self.locked:
            msg = "write some words, or lock the stretch"
            raise ValueError(msg)
        return self


class BookmarkDraft(Stretch, BookmarkChange):
    """A stretch to be marked with some words, locked, or both."""

    point_id: Slug


class RecordingDraft(Input):
    """What of a camera shall be recorded, and for how long it is kept."""

    calendar: Calendar | None = Field(default=None, description="without windows always, absent never")
    on_event: bool = False
    before_s: int = Field(default=5, ge=0, le=60)
    after_s: int = Field(default=30, ge=1, le=3600)
    keep_days: int = Field(default=30, ge=1, le=3650)
    backfill: bool = Field(default=False, description="fetch what an outage left out from the camera's own record")

    @property
    def spec(self) -> RecordingSpec:
        """The same, as a box is told it."""
        return RecordingSpec.model_validate(self.model_dump())
