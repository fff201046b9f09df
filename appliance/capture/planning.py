"""What the API of plans does."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from pydantic import JsonValue

from appliance.capture import model, plans
from appliance.capture.desk import Desk
from appliance.capture.service import ready
from appliance.capture.timetable import Timed
from appliance.store.results import Doer
from federation.captures import Target, unknown_algorithm
from federation.http import Page
from federation.http.problem import conflict, invalid, not_found
from federation.messages import CameraSpec, CapturePlan, CaptureTarget, PlanAlgorithm, new_id

MOST_PLANS = 64
MOST_ROUNDS = 20_000

Note = Callable[[Doer, str, str, dict[str, JsonValue]], Awaitable[None]]


@dataclass(frozen=True, kw_only=True)
class Plans:
    """Decisions over the desk's plans; `holds` tells whether this box has an algorithm.

    `note` writes down who changed what.
    """

    desk: Desk
    camera: Callable[[str], CameraSpec | None]
    holds: Callable[[PlanAlgorithm], bool]
    note: Note

    def list(self) -> Page[model.PlanRow]:
        """Return all plans, the names in order."""
        rows = [self._row(timed) for timed in self._timed()]
        return Page(items=tuple(sorted(rows, key=lambda row: row.name)))

    def find(self, plan_id: str) -> model.PlanDetail:
        """Return one plan with all its rounds."""
        return _detail(self._found(plan_id).plan)

    async def add(self, draft: model.PlanDraft, doer: Doer) -> model.PlanRow:
        """Add a plan."""
        if sum(not self._is_of_hub(timed.plan) for timed in self._timed()) >= MOST_PLANS:
            raise conflict("too_many_plans", f"A box follows at most {MOST_PLANS} plans; remove one first.")
        return await self._keep(new_id(), draft, None, doer, "snapshots.plan.add")

    async def change(self, plan_id: str, draft: model.PlanDraft, doer: Doer) -> model.PlanRow:
        """Replace a plan."""
        present = self._own(plan_id)
        return await self._keep(plan_id, draft, present.target, doer, "snapshots.plan.change")

    async def remove(self, plan_id: str, doer: Doer) -> None:
        """Remove a plan; its pictures stay."""
        plan = self._own(plan_id)
        with ready():
            await self.desk.change_plans(lambda db: plans.remove(db, plan_id))
        await self.note(doer, "snapshots.plan.remove", f"plan:{plan_id}", {"name": plan.name})

    async def _keep(
        self, plan_id: str, draft: model.PlanDraft, present: CaptureTarget | None, doer: Doer, action: str
    ) -> model.PlanRow:
        self._check(plan_id, draft)
        target = None if draft.target is None else draft.target.settled(present)
        values = {**draft.model_dump(exclude={"target"}), "target": target}
        plan = CapturePlan.model_validate({"plan_id": plan_id, **values})
        with ready():
            await self.desk.change_plans(lambda db: plans.put(db, plan))
        detail: dict[str, JsonValue] = {"name": plan.name, "every_s": plan.every_s, "cameras": len(plan.rounds)}
        await self.note(doer, action, f"plan:{plan_id}", detail)
        return self._row(self._found(plan_id))

    def _check(self, plan_id: str, draft: model.PlanDraft) -> None:
        seen: set[str] = set()
        for place, each in enumerate(draft.rounds):
            if self.camera(each.point_id) is None:
                raise invalid(f"body.rounds.{place}.point_id", f"there is no camera {each.point_id!r} on this box")
            if each.point_id in seen:
                raise invalid(f"body.rounds.{place}.point_id", f"{each.point_id!r} is in the plan twice")
            seen.add(each.point_id)
        others = sum(len(timed.rounds) for timed in self._timed() if timed.plan.plan_id != plan_id)
        if others + len(draft.rounds) > MOST_ROUNDS:
            raise invalid("body.rounds", f"all plans together have at most {MOST_ROUNDS} cameras")
        if draft.algorithm is not None and not self.holds(draft.algorithm):
            raise unknown_algorithm(draft.algorithm, "GET /api/v1/footage names those that are here")

    def _timed(self) -> tuple[Timed, ...]:
        with ready():
            return self.desk.planner.table.plans

    def _found(self, plan_id: str) -> Timed:
        for timed in self._timed():
            if timed.plan.plan_id == plan_id:
                return timed
        raise not_found("plan", plan_id)

    def _own(self, plan_id: str) -> CapturePlan:
        """Return a plan that was made here."""
        plan = self._found(plan_id).plan
        if self._is_of_hub(plan):
            raise conflict("set_by_hub", "The hub has made this plan; it is changed in the portal.")
        return plan

    def _is_of_hub(self, plan: CapturePlan) -> bool:
        with ready():
            return self.desk.planner.is_of_hub(plan.plan_id)

    def _row(self, timed: Timed) -> model.PlanRow:
        plan = timed.plan
        return model.PlanRow(
            plan_id=plan.plan_id,
            name=plan.name,
            enabled=plan.enabled,
            every_s=plan.every_s,
            calendar=plan.calendar,
            cameras=len(plan.rounds),
            cameras_missing=sum(self.camera(each.point_id) is None for each in plan.rounds),
            pictures=timed.pictures,
            works=timed.works(datetime.now(UTC)),
            of_hub=self._is_of_hub(plan),
        )


def _detail(plan: CapturePlan) -> model.PlanDetail:
    return model.PlanDetail(
        plan_id=plan.plan_id,
        name=plan.name,
        enabled=plan.enabled,
        every_s=plan.every_s,
        calendar=plan.calendar,
        rounds=plan.rounds,
        target=None if plan.target is None else Target.shown(plan.target),
        algorithm=plan.algorithm,
    )
