"""The panel's routes of cameras."""

import asyncio

from appliance.panel.cameras import model
from appliance.panel.cameras.service import Cameras
from appliance.panel.cameras.sheet import CAMERAS
from appliance.store.people import OPERATE, READ
from appliance.store.results import Doer
from federation.http import Access, Call, Page, Problem, Routes
from federation.messages import Scene, Slug
from federation.viewing.recordings import RecordingDraft

CAN_READ = Access(permission=READ)
CAN_OPERATE = Access(permission=OPERATE)
SHEET_LIMIT_BYTES = 2 << 20


def routes(cameras: Cameras) -> Routes:
    """Return the routes over `cameras`."""
    part = Routes(tag="cameras")
    _add_list(part, cameras)
    _add_changes(part, cameras)
    return part


def _add_list(part: Routes, cameras: Cameras) -> None:
    @part.get("/api/v1/cameras", access=CAN_READ)
    async def list_cameras() -> Page[model.Camera]:
        """List all cameras with their health."""
        return cameras.page()


def _add_changes(part: Routes, cameras: Cameras) -> None:
    @part.post("/api/v1/cameras", access=CAN_OPERATE, status=201)
    async def add_camera(call: Call, body: model.CameraDraft) -> model.Camera:
        """Add a camera on this box."""
        return await cameras.add(body, _doer(call))

    @part.post("/api/v1/cameras/try", access=CAN_OPERATE)
    async def try_camera(body: model.CameraTry) -> model.Tried:
        """Pull a camera once without adding it: its first picture, or why there is none. Takes up to half a minute."""
        return await cameras.attempt(body)

    @part.post("/api/v1/cameras/import", access=CAN_OPERATE, consumes="text/csv")
    async def import_cameras(call: Call) -> model.Imported:
        """Add or replace cameras of this box from CSV, all or none; header names in Chinese or English."""
        if (call.request.content_length or 0) > SHEET_LIMIT_BYTES:
            raise Problem(413, "too_large", f"Import at most {SHEET_LIMIT_BYTES >> 20} MiB at once.")
        content = await call.request.read()
        drafts = await asyncio.to_thread(CAMERAS.read, content)
        return await cameras.take_in(drafts, _doer(call))

    @part.put("/api/v1/cameras/{point_id}", access=CAN_OPERATE)
    async def change_camera(call: Call, point_id: Slug, body: model.CameraChange) -> model.Camera:
        """Change a camera that was added on this box; an absent password stays as it is."""
        return await cameras.change(point_id, body, _doer(call))

    @part.delete("/api/v1/cameras/{point_id}", access=CAN_OPERATE)
    async def remove_camera(call: Call, point_id: Slug) -> None:
        """Remove a camera that was added on this box."""
        await cameras.remove(point_id, _doer(call))

    @part.put("/api/v1/cameras/{point_id}/recording", access=CAN_OPERATE)
    async def set_recording(call: Call, point_id: Slug, body: RecordingDraft) -> model.Camera:
        """Say what of a camera is recorded here; refused where the hub says it."""
        return await cameras.set_recording(point_id, body, _doer(call))

    _add_scenes(part, cameras)


def _add_scenes(part: Routes, cameras: Cameras) -> None:
    @part.get("/api/v1/cameras/{point_id}/scenes", access=CAN_READ)
    async def list_scenes(point_id: Slug) -> Page[Scene]:
        """List the regions, masks and lines that were drawn here on what a camera shows: one scene for each view."""
        return cameras.scenes(point_id)

    @part.put("/api/v1/cameras/{point_id}/scene", access=CAN_OPERATE)
    async def set_scene(call: Call, point_id: Slug, body: Scene) -> Scene:
        """Draw for all tasks of a camera, at one preset or wherever it looks; a scene without shapes is removed.

        What is drawn for a task goes before the regions and lines of its camera; all masks hold.
        """
        return await cameras.set_scene(point_id, body, _doer(call))

    @part.get("/api/v1/cameras/{point_id}/view", access=CAN_READ)
    async def get_view(point_id: Slug) -> model.CameraView:
        """Tell at which preset a camera looks, as far as this box has turned it or the camera says where it looks."""
        return cameras.view(point_id)


def _doer(call: Call) -> Doer:
    return Doer(kind=call.principal.kind, name=call.principal.name, peer=call.peer)
