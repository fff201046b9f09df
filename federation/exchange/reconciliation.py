"""Reconciliation 对账: both sides say what they have of each lane; the difference names what has to be exported again.

It closes the loop where no answer comes back. A report is signed, so that people can carry it to the other side.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta, timezone
from enum import StrEnum
from typing import Any, Literal

from pydantic import AwareDatetime, Field

from federation.custody.ranges import Ranges, Span
from federation.messages import Digest, Lane, Slug
from federation.messages.wire import WireModel

SUFFIX = ".fsx-report"
REPORT = "x/report"
DAY_ZONE = timezone(timedelta(hours=8), "UTC+08:00")  # the same on both sides, whatever their clocks are set to
MOST_DAYS = 400
RECENT = timedelta(days=31)  # days are tallied so far back
MOST_SPANS = 2000
MOST_PICTURES = 1000


class Side(StrEnum):
    """Who made a report."""

    NODE = "node"
    HUB = "hub"


class DayTally(WireModel):
    """The rows of one day, by the time that they speak of.

    Lowest and highest number, how many there are, and SM3 over their ids with a line feed after each.
    """

    day: date
    first: int = Field(ge=1)
    last: int = Field(ge=1)
    count: int = Field(ge=1)
    ids_sm3: str = Field(pattern=r"^[0-9a-f]{64}$")


class LaneTally(WireModel):
    """What one side has of one lane: numbers as first and last, and the days of those rows that can be looked into."""

    lane: Lane
    epoch: str = Field(max_length=64)
    spans: tuple[Span, ...] = Field(max_length=MOST_SPANS)
    days: tuple[DayTally, ...] = Field(default=(), max_length=MOST_DAYS)


class Report(WireModel):
    """What one side has of a node's lanes. `pictures_missing`: what a hub lacks of the events that it has."""

    format: Literal["fengsui-reconciliation/1"] = "fengsui-reconciliation/1"
    side: Side
    node_id: Slug
    hub_id: Slug
    made_at: AwareDatetime
    lanes: tuple[LaneTally, ...] = Field(max_length=len(Lane))
    pictures_missing: tuple[Digest, ...] = Field(default=(), max_length=MOST_PICTURES)


class Fault(StrEnum):
    """What is wrong with some rows."""

    MISSING = "missing"  # the node has them, the hub does not
    DIFFERENT = "different"  # both have a day, and not the same rows of it
    OTHER_EPOCH = "other_epoch"  # the reports speak of different outboxes


class Difference(WireModel):
    """Rows that are not the same on both sides; exporting them again mends it."""

    lane: Lane
    fault: Fault
    first: int
    last: int
    days: tuple[date, ...] = ()


@dataclass(frozen=True, kw_only=True)
class TalliedRow:
    """One row of a lane: its number, its id and the moment that it speaks of."""

    sequence: int
    id: str
    at: datetime


def tally(rows: Iterable[TalliedRow]) -> tuple[DayTally, ...]:
    """Return the days of rows that come in order of their numbers; the newest if there are more than `MOST_DAYS`."""
    days: dict[date, _Running] = {}
    for row in rows:
        day = day_of(row.at)
        if day not in days:
            days[day] = _Running(first=row.sequence)
        days[day].add(row)
    found = [running.tally(day) for day, running in sorted(days.items())]
    return tuple(found[-MOST_DAYS:])


@dataclass(kw_only=True)
class _Running:
    """One day while it is counted."""

    first: int
    last: int = 0
    count: int = 0
    ids: Any = field(default_factory=lambda: hashlib.new("sm3"))

    def add(self, row: TalliedRow) -> None:
        self.last = row.sequence
        self.count += 1
        self.ids.update(f"{row.id}\n".encode())

    def tally(self, day: date) -> DayTally:
        return DayTally(day=day, first=self.first, last=self.last, count=self.count, ids_sm3=self.ids.hexdigest())


def day_of(at: datetime) -> date:
    """Return the day to which a moment belongs in reports."""
    return at.astimezone(DAY_ZONE).date()


def bounds_of(day: date) -> tuple[datetime, datetime]:
    """Return the first moment of a day, and that of the next."""
    start = datetime(day.year, day.month, day.day, tzinfo=DAY_ZONE).astimezone(UTC)
    return start, start + timedelta(days=1)


def compare(node: Report, hub: Report) -> tuple[Difference, ...]:
    """Return what the hub has not, or not in the same way.

    A day is compared where both tallied the same numbers of it, and the hub lacks none of them.
    """
    theirs = {each.lane: each for each in hub.lanes}
    differences: list[Difference] = []
    for own in node.lanes:
        other = theirs.get(own.lane)
        if other is not None and other.epoch != own.epoch:
            differences += _spans(own, own.spans, Fault.OTHER_EPOCH)
            continue
        have = Ranges.of(other.spans if other is not None else ())
        missing = [hole for first, last in own.spans for hole in have.missing(first, last)]
        differences += _spans(own, missing, Fault.MISSING)
        differences += _different_days(own, other.days if other is not None else (), Ranges.of(missing))
    return tuple(differences)


def _spans(own: LaneTally, spans: Sequence[Span], fault: Fault) -> list[Difference]:
    return [
        Difference(lane=own.lane, fault=fault, first=first, last=last, days=_days_within(own.days, first, last))
        for first, last in spans
    ]


def _days_within(days: Iterable[DayTally], first: int, last: int) -> tuple[date, ...]:
    return tuple(each.day for each in days if each.first <= last and each.last >= first)


def _different_days(own: LaneTally, days: Sequence[DayTally], missing: Ranges) -> list[Difference]:
    theirs = {each.day: each for each in days}
    return [
        Difference(lane=own.lane, fault=Fault.DIFFERENT, first=mine.first, last=mine.last, days=(mine.day,))
        for mine in own.days
        if (other := theirs.get(mine.day)) is not None
        and (other.first, other.last) == (mine.first, mine.last)
        and other.ids_sm3 != mine.ids_sm3
        and other.count <= mine.count  # a hub that has more kept what the node gave up
        and not any(first <= mine.last and last >= mine.first for first, last in missing.spans)
    ]
