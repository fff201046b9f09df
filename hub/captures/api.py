"""Routes of snapshot plans and their pictures."""

from federation.http import Access, Call, Page, Routes
from federation.messages import Slug
from hub.captures.model import Capture, CapturePlanDetail, CapturePlanDraft, CapturePlanRow, CaptureQuery
from hub.captures.service import CapturePlans
from hub.security.audit import Actor
from hub.security.model import OPERATE, READ

CAN_READ = Access(permission=READ)
CAN_OPERATE = Access(permission=OPERATE)


def routes(plans: CapturePlans) -> Routes:
    """Return the operations on plans, and the list of what was taken."""
    part = Routes(tag="captures")

    @part.get("/api/v1/captures", access=CAN_READ)
    async def list_captures(query: CaptureQuery) -> Page[Capture]:
        """List pictures that plans have taken, and those that failed, what came last first."""
        return await plans.page(query)

    @part.get("/api/v1/captures/plans", access=CAN_READ)
    async def list_capture_plans() -> Page[CapturePlanRow]:
        """List the plans."""
        return await plans.plans()

    @part.post("/api/v1/captures/plans", access=CAN_OPERATE, status=201)
    async def add_capture_plan(call: Call, body: CapturePlanDraft) -> CapturePlanDetail:
        """Add a plan; the appliances that look after its points follow it from now on."""
        return await plans.add(body, Actor.of(call))

    @part.get("/api/v1/captures/plans/{plan_id}", access=CAN_READ)
    async def get_capture_plan(plan_id: Slug) -> CapturePlanDetail:
        """Give one plan with all its rounds."""
        return await plans.plan(plan_id)

    @part.put("/api/v1/captures/plans/{plan_id}", access=CAN_OPERATE)
    async def change_capture_plan(call: Call, plan_id: Slug, body: CapturePlanDraft) -> CapturePlanDetail:
        """Replace a plan."""
        return await plans.change(plan_id, body, Actor.of(call))

    @part.delete("/api/v1/captures/plans/{plan_id}", access=CAN_OPERATE)
    async def remove_capture_plan(call: Call, plan_id: Slug) -> None:
        """Remove a plan; its pictures stay."""
        await plans.remove(plan_id, Actor.of(call))

    return part
