"""Snapshot plans kept for the portal, and what was taken by them."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select, update

from federation.captures import Target, unknown_algorithm
from federation.http import Page
from federation.http.problem import conflict, invalid, not_found
from federation.messages import CapturePlan, CaptureTarget, PlanAlgorithm, new_id
from hub.captures.model import (
    Capture,
    CapturePlanDetail,
    CapturePlanDraft,
    CapturePlanRow,
    CaptureQuery,
)
from hub.captures.tables import capture_plans, captures
from hub.database import Database
from hub.database.moments import from_us, now_us
from hub.events.tables import pictures
from hub.points.tables import points
from hub.repository.service import Repository
from hub.security.audit import Actor, record

MOST_PLANS = 64
HOUR_US = 3_600_000_000


class CapturePlans:
    """Plans of snapshots; `changed` is told after each change, so that appliances follow it."""

    def __init__(self, database: Database, repository: Repository, *, changed: Callable[[], None]) -> None:
        """Keep plans in `database`; the algorithms that they may name are those of `repository`."""
        self._database = database
        self._repository = repository
        self._changed = changed

    async def plans(self) -> Page[CapturePlanRow]:
        """Return all plans, the newest first."""

        def work(connection: Connection) -> Page[CapturePlanRow]:
            rows = connection.execute(select(capture_plans).order_by(capture_plans.c.id.desc())).all()
            homes, counts = _points_with_home(connection), _last_hour(connection)
            now = datetime.now(UTC)
            return Page(items=tuple(_row(row.body, homes, counts, now) for row in rows))

        return await self._database.run(work)

    async def plan(self, plan_id: str) -> CapturePlanDetail:
        """Return one plan with all its rounds."""
        return _detail(await self._database.run(lambda connection: _found(connection, plan_id)))

    async def add(self, draft: CapturePlanDraft, actor: Actor) -> CapturePlanDetail:
        """Add a plan."""
        self._check_algorithm(draft.algorithm)
        plan = _plan(new_id(), draft, None)

        def work(connection: Connection) -> None:
            if (connection.scalar(select(func.count()).select_from(capture_plans)) or 0) >= MOST_PLANS:
                raise conflict("too_many_plans", f"A hub keeps at most {MOST_PLANS} plans; remove one first.")
            _check(connection, draft)
            values = {"id": plan.plan_id, "body": plan.model_dump(mode="json"), "created_at_us": now_us()}
            connection.execute(insert(capture_plans).values(**values, created_by=actor.name[:64]))
            record(connection, actor, "captures.plan.add", f"plan:{plan.plan_id}", _audited(plan))

        return await self._commit(work, plan)

    async def change(self, plan_id: str, draft: CapturePlanDraft, actor: Actor) -> CapturePlanDetail:
        """Replace a plan."""
        self._check_algorithm(draft.algorithm)
        present = await self._database.run(lambda connection: _found(connection, plan_id))
        plan = _plan(plan_id, draft, present.target)

        def work(connection: Connection) -> None:
            _found(connection, plan_id)
            _check(connection, draft)
            own = update(capture_plans).where(capture_plans.c.id == plan_id)
            connection.execute(own.values(body=plan.model_dump(mode="json")))
            record(connection, actor, "captures.plan.change", f"plan:{plan_id}", _audited(plan))

        return await self._commit(work, plan)

    async def remove(self, plan_id: str, actor: Actor) -> None:
        """Remove a plan; its pictures stay."""

        def work(connection: Connection) -> None:
            plan = _found(connection, plan_id)
            connection.execute(delete(capture_plans).where(capture_plans.c.id == plan_id))
            record(connection, actor, "captures.plan.remove", f"plan:{plan_id}", {"name": plan.name})

        await self._database.run(work)
        self._changed()

    async def page(self, query: CaptureQuery) -> Page[Capture]:
        """Return what was taken or failed, what came last first."""
        statement = (
            select(captures, points.c.name, capture_plans.c.body, pictures.c.digest.label("stored"))
            .outerjoin(points, points.c.id == captures.c.point_id)
            .outerjoin(capture_plans, capture_plans.c.id == captures.c.plan_id)
            .outerjoin(pictures, pictures.c.digest == captures.c.digest)
            .order_by(captures.c.cursor.desc())
            .limit(query.limit + 1)
        )
        for column in ("plan_id", "point_id", "state"):
            value = getattr(query, column)
            if value is not None:
                statement = statement.where(captures.c[column] == value)
        if query.after is not None:
            statement = statement.where(captures.c.cursor < int(query.after))
        found = await self._database.run(lambda connection: connection.execute(statement).all())
        shown = found[: query.limit]
        following = str(shown[-1].cursor) if len(found) > query.limit else None
        return Page(items=tuple(map(_capture, shown)), next=following)

    def _check_algorithm(self, named: PlanAlgorithm | None) -> None:
        if named is None:
            return
        found = self._repository.catalogue.algorithms.get(named.algorithm_id)
        release = None if found is None else found.release(named.version)
        if found is None or release is None or not release.looks_at_pictures:
            raise unknown_algorithm(named, "name one of the repository that has a model, and a version of it")
        self._repository.require_usable(found)

    async def _commit(self, work: Callable[[Connection], None], plan: CapturePlan) -> CapturePlanDetail:
        await self._database.run(work)
        self._changed()
        return _detail(plan)


def bodies(connection: Connection) -> list[Mapping[str, Any]]:
    """Return all plans as they are stored, in a fixed order."""
    return list(connection.execute(select(capture_plans.c.body).order_by(capture_plans.c.id)).scalars())


def _plan(plan_id: str, draft: CapturePlanDraft, present: CaptureTarget | None) -> CapturePlan:
    target = None if draft.target is None else draft.target.settled(present)
    return CapturePlan.model_validate({"plan_id": plan_id, **draft.model_dump(exclude={"target"}), "target": target})


def _check(connection: Connection, draft: CapturePlanDraft) -> None:
    known = set(connection.execute(select(points.c.id)).scalars())
    seen: set[str] = set()
    for place, each in enumerate(draft.rounds):
        if each.point_id not in known:
            raise invalid(f"body.rounds.{place}.point_id", f"there is no point {each.point_id!r}")
        if each.point_id in seen:
            raise invalid(f"body.rounds.{place}.point_id", f"{each.point_id!r} is in the plan twice")
        seen.add(each.point_id)


def _found(connection: Connection, plan_id: str) -> CapturePlan:
    body = connection.scalar(select(capture_plans.c.body).where(capture_plans.c.id == plan_id))
    if body is None:
        raise not_found("plan", plan_id)
    return CapturePlan.model_validate(body)


def _audited(plan: CapturePlan) -> dict[str, Any]:
    target = None if plan.target is None else plan.target.url
    return {"name": plan.name, "enabled": plan.enabled, "every_s": plan.every_s, "points": len(plan.rounds)} | (
        {} if target is None else {"target": target}
    )


def _detail(plan: CapturePlan) -> CapturePlanDetail:
    return CapturePlanDetail(
        plan_id=plan.plan_id,
        name=plan.name,
        enabled=plan.enabled,
        every_s=plan.every_s,
        calendar=plan.calendar,
        rounds=plan.rounds,
        target=None if plan.target is None else Target.shown(plan.target),
        algorithm=plan.algorithm,
    )


def _points_with_home(connection: Connection) -> frozenset[str]:
    return frozenset(connection.execute(select(points.c.id).where(points.c.node_id.is_not(None))).scalars())


def _last_hour(connection: Connection) -> Mapping[tuple[str, str], int]:
    """Return how many came within the last hour, by plan and state."""
    fresh = captures.c.received_at_us >= now_us() - HOUR_US
    counted = select(captures.c.plan_id, captures.c.state, func.count()).where(fresh)
    found = connection.execute(counted.group_by(captures.c.plan_id, captures.c.state))
    return {(plan_id, state): count for plan_id, state, count in found}


def _row(
    body: Mapping[str, Any], homes: frozenset[str], counts: Mapping[tuple[str, str], int], now: datetime
) -> CapturePlanRow:
    plan = CapturePlan.model_validate(body)
    return CapturePlanRow(
        plan_id=plan.plan_id,
        name=plan.name,
        enabled=plan.enabled,
        every_s=plan.every_s,
        calendar=plan.calendar,
        points=len(plan.rounds),
        points_away=sum(each.point_id not in homes for each in plan.rounds),
        pictures=sum(len(each.stops) for each in plan.rounds),
        works=plan.enabled and plan.calendar.is_open(now),
        done_last_hour=counts.get((plan.plan_id, "done"), 0),
        failed_last_hour=counts.get((plan.plan_id, "failed"), 0),
    )


def _capture(row: Any) -> Capture:
    return Capture(
        id=row.id,
        plan_id=row.plan_id,
        plan_name="" if row.body is None else row.body["name"],
        point_id=row.point_id,
        point_name=row.name or row.point_id,
        node_id=row.node_id,
        state=row.state,
        reason=row.reason,
        aim=row.aim,
        asked_at=from_us(row.asked_at_us),
        taken_at=None if row.taken_at_us is None else from_us(row.taken_at_us),
        settled_at=from_us(row.settled_at_us),
        received_at=from_us(row.received_at_us),
        picture_url=None if row.stored is None else f"/api/v1/pictures/{row.stored}",
        size_bytes=row.size_bytes,
        width_px=row.width_px,
        height_px=row.height_px,
    )
