"""Turns plans into orders when they fall due (周期抓图), at a pace that draws a flat line."""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from appliance.capture.order import Order, Origin
from appliance.capture.pacing import Gate, Rate
from appliance.capture.timetable import HEADROOM, Due, Timetable
from federation.messages import CapturePlan, CaptureTarget, PlanAlgorithm, new_id

TICK_S = 0.25
SLOWEST_PER_S = 0.1

LATE_S = 0.1
"""So late a busy box may wake up without slowing the pace down: what has passed meanwhile begins at one moment."""


def gate_of(demand_per_s: float) -> Gate:
    """Return the gate of planned pictures, a little faster than they fall due in the mean."""
    per_s = max(SLOWEST_PER_S, demand_per_s * HEADROOM)
    return Gate("plans", Rate(per_s=per_s, burst=max(1.0, per_s * LATE_S)))


@dataclass(kw_only=True)
class Planner:
    """Gives orders to `put`, which tells whether there was room; of cameras that are not `here` it takes none."""

    put: Callable[[Order], bool]
    here: Callable[[str], bool]
    table: Timetable = field(default_factory=Timetable)
    _own: tuple[CapturePlan, ...] = ()
    _of_hub: tuple[CapturePlan, ...] = ()
    _by_id: dict[str, CapturePlan] = field(default_factory=dict)
    _demand_per_s: float = 0.0

    @property
    def gate(self) -> Gate:
        """What planned pictures pass besides all other limits."""
        return gate_of(self._demand_per_s)

    async def adopt(self, plans: Iterable[CapturePlan]) -> None:
        """Follow these plans of the box from now on; what waits of others is carried out still."""
        self._own = tuple(plans)
        await self._follow()

    async def adopt_of_hub(self, plans: Iterable[CapturePlan]) -> None:
        """Follow these plans of the hub besides."""
        self._of_hub = tuple(plans)
        await self._follow()

    def is_of_hub(self, plan_id: str) -> bool:
        """Tell whether a plan is the hub's, so that it cannot be changed here."""
        return any(plan.plan_id == plan_id for plan in self._of_hub)

    def target(self, plan_id: str) -> CaptureTarget | None:
        """Return the service to which the pictures of a plan go, None for none."""
        plan = self._by_id.get(plan_id)
        return None if plan is None else plan.target

    def algorithm(self, plan_id: str) -> PlanAlgorithm | None:
        """Return the algorithm that looks at the pictures of a plan, None for none."""
        plan = self._by_id.get(plan_id)
        return None if plan is None else plan.algorithm

    async def _follow(self) -> None:
        plans = (*self._own, *self._of_hub)
        self._by_id = {plan.plan_id: plan for plan in plans}
        self.table = await asyncio.to_thread(Timetable.of, plans)

    async def run(self) -> None:
        """Order what falls due, until cancelled."""
        after = datetime.now(UTC)
        while True:
            await asyncio.sleep(TICK_S)
            now = datetime.now(UTC)
            self._demand_per_s = self.table.demand_per_s(now)
            for due in self.table.due(after, now):
                self._order(due)
            after = now

    def _order(self, due: Due) -> None:
        if not self.here(due.round.point_id):
            return
        for stop in due.round.stops:
            order = Order(
                id=new_id(),
                point_id=due.round.point_id,
                want=stop.want,
                origin=Origin.PLAN,
                asked_at=due.at,
                plan_id=due.plan_id,
                dwell_s=stop.dwell_s,
                delivered=self.target(due.plan_id) is not None,
                analysed=self.algorithm(due.plan_id) is not None,
                for_hub=self.is_of_hub(due.plan_id),
            )
            self.put(order)
