"""Orders that wait for their turn: bounded lanes by urgency, in which orders for the same picture stand together."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from appliance.capture.order import Order, Origin

LIMITS = {Origin.SYNC: 200, Origin.ASYNC: 500, Origin.PLAN: 20_000}
MOST_TOGETHER = 1_000
LOOK_AHEAD = 200
"""So many of a lane are looked at when those before them may not begin yet: their cameras are busy."""


@dataclass(kw_only=True)
class Taking:
    """One picture to be taken, with the orders that it serves; `since` is set when it begins."""

    orders: list[Order]
    since: datetime | None = None

    @property
    def order(self) -> Order:
        """One order that asks for all that its orders ask for."""
        fresh_s = min(order.fresh_s for order in self.orders)
        return replace(self.orders[0], fresh_s=fresh_s, within_s=max(order.within_s for order in self.orders))

    def begin(self, now: datetime) -> None:
        """Note that the picture is taken now."""
        self.since = now - timedelta(seconds=self.order.fresh_s)

    def serves(self, order: Order, now: datetime) -> bool:
        """Tell whether its picture will do for one more order of the same key."""
        if len(self.orders) >= MOST_TOGETHER:
            return False
        return self.since is None or self.since >= now - timedelta(seconds=order.fresh_s)


@dataclass(kw_only=True)
class Lanes:
    """What waits, by urgency and then by age. `dropped` counts by origin what found its lane full."""

    limits: Mapping[Origin, int] = field(default_factory=lambda: LIMITS)
    dropped: Counter[Origin] = field(default_factory=Counter)
    _lanes: dict[Origin, dict[tuple[str, str], Taking]] = field(default_factory=lambda: {each: {} for each in Origin})

    def __len__(self) -> int:
        """Return how many pictures wait to be taken."""
        return sum(len(lane) for lane in self._lanes.values())

    def waiting(self) -> dict[Origin, int]:
        """Return how many wait in each lane."""
        return {origin: len(lane) for origin, lane in self._lanes.items()}

    def put(self, order: Order, now: datetime) -> bool:
        """Let an order wait, with those for the same picture; tell whether there was room."""
        lane = self._lanes[order.origin]
        if self._repeats(order):
            self.dropped[order.origin] += 1
            return False
        if self._join(order, now):
            return True
        if order.key in lane or len(lane) >= self.limits[order.origin]:
            self.dropped[order.origin] += 1
            return False
        lane[order.key] = Taking(orders=[order])
        return True

    def pick(
        self, lane_s: Callable[[Origin], float], wait_s: Callable[[Taking], float | None]
    ) -> tuple[Taking | None, float | None]:
        """Return the first that may begin, and take it out; or None and for how long none may, None: nothing is known.

        `lane_s` tells when anything of a lane may begin, 0 for now; `wait_s` the same of one picture, None while
        something else has to end first.
        """
        waits_s: list[float] = []
        for origin, lane in self._lanes.items():
            closed_s = lane_s(origin) if lane else 0.0
            if closed_s > 0.0:
                waits_s.append(closed_s)
                continue  # to look at each picture of a long lane in vain is what a busy box has no time for
            for key, taking in _first(lane):
                needed_s = wait_s(taking)
                if needed_s == 0.0:
                    del lane[key]
                    return taking, 0.0
                if needed_s is not None:
                    waits_s.append(needed_s)
        return None, min(waits_s, default=None)

    def _repeats(self, order: Order) -> bool:
        """Tell whether a plan wants a picture again that it has not got yet: the box is slower than the plan."""
        if not order.plan_id:
            return False
        waiting = (lane.get(order.key) for lane in self._lanes.values())
        return any(each.plan_id == order.plan_id for taking in waiting if taking for each in taking.orders)

    def _join(self, order: Order, now: datetime) -> bool:
        """Add an order to a picture that waits already, which then stands in the lane of the more urgent."""
        for origin, lane in self._lanes.items():
            taking = lane.get(order.key)
            if taking is None or not taking.serves(order, now):
                continue
            taking.orders.append(order)
            if _is_before(order.origin, origin):
                del lane[order.key]
                self._lanes[order.origin][order.key] = taking
            return True
        return False


def _first(lane: dict[tuple[str, str], Taking]) -> Iterator[tuple[tuple[str, str], Taking]]:
    for _, item in zip(range(LOOK_AHEAD), lane.items(), strict=False):
        yield item


def _is_before(one: Origin, other: Origin) -> bool:
    urgency = list(Origin)
    return urgency.index(one) < urgency.index(other)
