"""When plans take which pictures: pure functions of the plans and the time.

Each camera has a fixed phase by its name within the interval of a plan, so that ten thousand cameras spread over it by
themselves, and a restart or another plan moves none of them. Times are microseconds since 1970: sums are exact, and no
camera is left out or taken twice where one look ends and the next begins.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import blake2b
from typing import NamedTuple

from appliance.store.moments import from_us, to_us
from federation.messages import CapturePlan, Round
from federation.messages.calendar import zone

HEADROOM = 1.15
"""So much faster than their mean the plans' pictures may begin: what has bunched up by chance thins out soon."""

SECOND_US = 1_000_000
LONGEST_LOOK_US = 60 * SECOND_US
"""What fell due before that is left out: the box slept, or its clock jumped."""


class Due(NamedTuple):
    """A round of a plan that falls due at a moment."""

    at: datetime
    plan_id: str
    round: Round


@dataclass(frozen=True, kw_only=True)
class Timed:
    """A plan with its rounds by their phases, in microseconds."""

    plan: CapturePlan
    phases_us: tuple[int, ...]
    rounds: tuple[Round, ...]
    pictures: int  # each time

    @classmethod
    def of(cls, plan: CapturePlan) -> "Timed":
        """Return a plan with its rounds in the order in which they fall due; reads its time zone."""
        zone(plan.calendar.timezone)
        timed = sorted((phase_us(each.point_id, plan.every_s), place) for place, each in enumerate(plan.rounds))
        return cls(
            plan=plan,
            phases_us=tuple(phase for phase, _ in timed),
            rounds=tuple(plan.rounds[place] for _, place in timed),
            pictures=sum(len(each.stops) for each in plan.rounds),
        )

    @property
    def per_s(self) -> float:
        """How many pictures it takes in a second while it works, in the mean."""
        return self.pictures / self.plan.every_s

    def works(self, at: datetime) -> bool:
        """Tell whether it takes pictures at a moment."""
        return self.plan.enabled and self.plan.calendar.is_open(at)


@dataclass(frozen=True, kw_only=True)
class Timetable:
    """All plans of a box."""

    plans: tuple[Timed, ...] = field(default=())

    @classmethod
    def of(cls, plans: Iterable[CapturePlan]) -> "Timetable":
        """Return the timetable of some plans. Blocks."""
        return cls(plans=tuple(map(Timed.of, plans)))

    def due(self, after: datetime, until: datetime) -> list[Due]:
        """Return the rounds that fall due later than `after` and not later than `until`, the earliest first."""
        after_us, until_us = to_us(after), to_us(until)
        found = [due for timed in self.plans if timed.works(until) for due in _due(timed, after_us, until_us)]
        return sorted(found, key=lambda item: item.at)

    def demand_per_s(self, at: datetime) -> float:
        """Return how many pictures the plans take in a second at that time, in the mean."""
        return sum(timed.per_s for timed in self.plans if timed.works(at))


def phase_us(point_id: str, every_s: int) -> int:
    """Return when within an interval a camera's turn is, in microseconds: always the same for the same camera."""
    number = int.from_bytes(blake2b(point_id.encode(), digest_size=8).digest(), "big")
    return number * every_s * SECOND_US >> 64


def _due(timed: Timed, after_us: int, until_us: int) -> Iterator[Due]:
    every_us = timed.plan.every_s * SECOND_US
    start_us = max(after_us, until_us - min(LONGEST_LOOK_US, every_us))
    into_us = start_us % every_us
    for begun_us in (start_us - into_us, start_us - into_us + every_us):  # this interval, and the next
        low = bisect_right(timed.phases_us, start_us - begun_us)
        high = bisect_right(timed.phases_us, until_us - begun_us)
        for place in range(low, high):
            yield Due(from_us(begun_us + timed.phases_us[place]), timed.plan.plan_id, timed.rounds[place])
