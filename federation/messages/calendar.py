"""When a task works: weekly windows in the time zone of the place."""

from datetime import datetime, time
from functools import cache
from typing import Annotated, Self
from zoneinfo import ZoneInfo, available_timezones

from pydantic import AfterValidator, Field, model_validator

from federation.messages.wire import WireModel

Weekday = Annotated[int, Field(ge=1, le=7, description="ISO weekday, Monday is 1")]


@cache
def known_zones() -> frozenset[str]:
    """Return the names of all time zones; the first call reads disk, so make it before an event loop runs."""
    return frozenset(available_timezones())


@cache
def zone(name: str) -> ZoneInfo:
    """Return a time zone; the first call for each reads disk."""
    return ZoneInfo(name)


def _is_known(name: str) -> str:
    if name not in known_zones():
        msg = f"unknown time zone {name!r}; use a name such as Asia/Shanghai"
        raise ValueError(msg)
    return name


TimeZone = Annotated[str, AfterValidator(_is_known)]
"""The name of a time zone, for example Asia/Shanghai."""


class Hours(WireModel):
    """One stretch of local time in a day; `end` is exclusive, 00:00 as `end` is midnight."""

    start: time = time(0)
    end: time = time(0)

    @model_validator(mode="after")
    def _ends_after_start(self) -> Self:
        if self.start.tzinfo or self.end.tzinfo:
            msg = "start and end are local times without a zone"
            raise ValueError(msg)
        if self.end != time(0) and self.end <= self.start:
            msg = "a window ends after it starts; split one that crosses midnight in two"
            raise ValueError(msg)
        return self

    def holds(self, clock: time) -> bool:
        """Tell whether a time of the day lies within."""
        return self.start <= clock and (self.end == time(0) or clock < self.end)


class Window(Hours):
    """One stretch of local time on some weekdays."""

    days: tuple[Weekday, ...] = Field(default=(1, 2, 3, 4, 5, 6, 7), min_length=1, max_length=7)

    def covers(self, local: datetime) -> bool:
        """Tell whether the local moment lies within this window."""
        return local.isoweekday() in self.days and self.holds(local.time())


class Calendar(WireModel):
    """The weekly windows of a task; without any it works all day, every day."""

    windows: tuple[Window, ...] = Field(default=(), max_length=32)
    timezone: TimeZone = "Asia/Shanghai"

    def is_open(self, at: datetime) -> bool:
        """Tell whether the task works at the aware moment `at`."""
        if not self.windows:
            return True
        local = at.astimezone(zone(self.timezone))
        return any(window.covers(local) for window in self.windows)
