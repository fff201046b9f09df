"""Routes of snapshots."""

from aiohttp import web

from appliance.capture import model
from appliance.capture.planning import Plans
from appliance.capture.service import Snapshots
from appliance.store.people import OPERATE, READ
from appliance.store.results import Doer
from federation.http import Access, Call, Page, Routes
from federation.messages import Slug

CAN_READ = Access(permission=READ)
CAN_OPERATE = Access(permission=OPERATE)


def routes(snapshots: Snapshots, plans: Plans) -> Routes:
    """Return the routes over `snapshots` and `plans`."""
    part = Routes(tag="snapshots")
    _add_plans(part, plans)
    _add_snapshots(part, snapshots)
    return part


def taking_routes(snapshots: Snapshots) -> Routes:
    """Return the operations that take a picture now and give it; the hub asks for them too."""
    part = Routes(tag="snapshots")

    @part.post("/api/v1/snapshots", access=CAN_OPERATE, status=201)
    async def take_snapshot(body: model.SnapshotDraft) -> model.SnapshotRow:
        """Take a picture of a camera now; 503 with the reason if there is none in time, 422 for an unknown preset."""
        return await snapshots.take(body)

    @part.get("/api/v1/snapshots/{snapshot_id}/picture.jpg", access=CAN_READ, produces="image/jpeg")
    async def get_snapshot_picture(snapshot_id: Slug) -> web.StreamResponse:
        """Give the picture of a snapshot in full resolution."""
        content = await snapshots.picture(snapshot_id)
        headers = {"Cache-Control": "private, max-age=31536000, immutable"}
        return web.Response(body=content, content_type="image/jpeg", headers=headers)

    return part


def _add_snapshots(part: Routes, snapshots: Snapshots) -> None:
    @part.post("/api/v1/snapshots/queue", access=CAN_OPERATE, status=202)
    async def ask_for_snapshots(body: model.SnapshotDrafts) -> Page[model.SnapshotRow]:
        """Ask for pictures that are taken in their turn; a restart loses none of them, and failures are retried."""
        return await snapshots.ask(body)

    @part.get("/api/v1/snapshots", access=CAN_READ)
    async def list_snapshots(query: model.SnapshotQuery) -> Page[model.SnapshotRow]:
        """List snapshots, those that wait and those that failed among them, the newest first."""
        return await snapshots.list(query)

    @part.get("/api/v1/snapshots/figures", access=CAN_READ)
    async def get_snapshot_figures() -> model.SnapshotFigures:
        """Tell how many are taken, how fast, what waits and what is held."""
        return await snapshots.figures()

    @part.get("/api/v1/snapshots/{snapshot_id}", access=CAN_READ)
    async def get_snapshot(snapshot_id: Slug) -> model.SnapshotRow:
        """Tell what became of one snapshot."""
        return await snapshots.find(snapshot_id)


def _add_plans(part: Routes, plans: Plans) -> None:
    @part.get("/api/v1/snapshots/plans", access=CAN_READ)
    async def list_plans() -> Page[model.PlanRow]:
        """List the plans."""
        return plans.list()

    @part.post("/api/v1/snapshots/plans", access=CAN_OPERATE, status=201)
    async def add_plan(call: Call, body: model.PlanDraft) -> model.PlanRow:
        """Add a plan, and follow it from now on."""
        return await plans.add(body, _doer(call))

    @part.get("/api/v1/snapshots/plans/{plan_id}", access=CAN_READ)
    async def get_plan(plan_id: Slug) -> model.PlanDetail:
        """Give one plan with all its rounds."""
        return plans.find(plan_id)

    @part.put("/api/v1/snapshots/plans/{plan_id}", access=CAN_OPERATE)
    async def change_plan(call: Call, plan_id: Slug, body: model.PlanDraft) -> model.PlanRow:
        """Replace a plan."""
        return await plans.change(plan_id, body, _doer(call))

    @part.delete("/api/v1/snapshots/plans/{plan_id}", access=CAN_OPERATE)
    async def remove_plan(call: Call, plan_id: Slug) -> None:
        """Remove a plan; its pictures stay."""
        await plans.remove(plan_id, _doer(call))


def _doer(call: Call) -> Doer:
    return Doer(kind=call.principal.kind, name=call.principal.name, peer=call.peer)
