"""Which single things were reported already, so that each is told once."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from appliance.analysis.rules.choice import overlap, shared_area
from appliance.analysis.rules.episode import Pace
from federation.messages import Box

SAME_PLACE_IOU = 0.2
WITHIN_SHARE = 0.5
"""A box of which so much lies in another one is at the same place: flickering edges part a thing into pieces."""


@dataclass(frozen=True, kw_only=True)
class Thing:
    """A thing in the picture: the number of its track, and where it is."""

    number: int
    box: Box


@dataclass(frozen=True, kw_only=True)
class Told:
    """A thing that was reported at `told_at` and last seen at `seen_at`."""

    number: int
    box: Box
    told_at: datetime
    seen_at: datetime


def refreshed(told: Iterable[Told], things: Iterable[Thing], at: datetime, pace: Pace) -> tuple[Told, ...]:
    """Return what is still not to be reported again, now that `things` are seen."""
    present = tuple(things)
    seen = (_seen(item, present, at) for item in told)
    return tuple(item for item in seen if _silent_s(item, at, pace) < pace.dedupe_s)


def is_told(told: Iterable[Told], thing: Thing) -> bool:
    """Tell whether a thing, or what is at its place, was reported lately."""
    return any(item.number == thing.number or same_place(item.box, thing.box) for item in told)


def same_place(one: Box, other: Box) -> bool:
    """Tell whether two boxes are, for a report, at the same place."""
    smaller = min(one.width * one.height, other.width * other.height)
    return overlap(one, other) >= SAME_PLACE_IOU or shared_area(one, other) > WITHIN_SHARE * smaller


def _seen(item: Told, things: tuple[Thing, ...], at: datetime) -> Told:
    own = next((thing for thing in things if thing.number == item.number), None)
    if own is not None:
        return replace(item, box=own.box, seen_at=at)
    there = any(same_place(item.box, thing.box) for thing in things)
    return replace(item, seen_at=at) if there else item


def _silent_s(item: Told, at: datetime, pace: Pace) -> float:
    return (at - (item.told_at if pace.repeat else item.seen_at)).total_seconds()
