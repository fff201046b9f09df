"""Routes of the points."""

import asyncio
from collections.abc import AsyncIterator, Sequence

from aiohttp import web

from federation.http import Access, Call, Page, Problem, Routes
from federation.messages import Slug
from federation.viewing.recordings import RecordingDraft
from hub.events.pictures import Pictures
from hub.points import sheet
from hub.points.model import (
    Imported,
    NewPoint,
    Point,
    PointDraft,
    PointExport,
    PointMap,
    PointQuery,
    PointRemoval,
)
from hub.points.service import Points
from hub.security.audit import Actor
from hub.security.model import OPERATE, READ
from hub.spreadsheet import send

IMPORT_LIMIT_BYTES = 16 * 2**20
CAN_READ = Access(permission=READ)
CAN_OPERATE = Access(permission=OPERATE)


def routes(points: Points, pictures: Pictures) -> Routes:
    """Return the operations on points; `pictures` gives what was last seen there."""
    part = Routes(tag="points")

    @part.get("/api/v1/points", access=CAN_READ)
    async def list_points(query: PointQuery) -> Page[Point]:
        """List points with the state of their streams."""
        return await points.page(query)

    @part.post("/api/v1/points", access=CAN_OPERATE, status=201)
    async def create_point(call: Call, body: NewPoint) -> Point:
        """Add a point."""
        return await points.create(body, Actor.of(call))

    @part.get("/api/v1/points/map", access=CAN_READ)
    async def map_points() -> PointMap:
        """Give all points that have coordinates, by column, for the map."""
        return await points.map()

    @part.get("/api/v1/points/export.csv", access=CAN_READ, produces="text/csv")
    async def export_points(call: Call, query: PointExport) -> web.StreamResponse:
        """Export all points as CSV; passwords stay here."""
        return await send(call, "points.csv", sheet.header(query.lang), _rows(points))

    @part.post("/api/v1/points/import", access=CAN_OPERATE, consumes="text/csv")
    async def import_points(call: Call) -> Imported:
        """Add or replace points from CSV, all or none; header names in Chinese or English."""
        content = await _body(call)
        drafts = await asyncio.to_thread(sheet.read_points, content)
        return await points.take_in(drafts, Actor.of(call))

    @part.get("/api/v1/points/{point_id}", access=CAN_READ)
    async def get_point(point_id: Slug) -> Point:
        """Show one point."""
        return await points.get(point_id)

    @part.put("/api/v1/points/{point_id}", access=CAN_OPERATE)
    async def replace_point(call: Call, point_id: Slug, body: PointDraft) -> Point:
        """Change a point; an absent password stays as it is."""
        return await points.replace(point_id, body, Actor.of(call))

    @part.delete("/api/v1/points/{point_id}", access=CAN_OPERATE)
    async def remove_point(call: Call, point_id: Slug, query: PointRemoval) -> None:
        """Remove a point; refused while tasks use it, unless forced."""
        await points.remove(point_id, force=query.force, actor=Actor.of(call))

    @part.put("/api/v1/points/{point_id}/recording", access=CAN_OPERATE)
    async def plan_recording(call: Call, point_id: Slug, body: RecordingDraft) -> Point:
        """Say what of a point is recorded by the box that pulls it."""
        return await points.set_recording(point_id, body, Actor.of(call))

    @part.delete("/api/v1/points/{point_id}/recording", access=CAN_OPERATE)
    async def leave_recording_to_box(call: Call, point_id: Slug) -> None:
        """Leave it to the box what of a point is recorded."""
        await points.set_recording(point_id, None, Actor.of(call))

    @part.get("/api/v1/points/{point_id}/picture.jpg", access=CAN_READ, produces="image/jpeg")
    async def get_point_picture(point_id: Slug) -> web.StreamResponse:
        """Give the newest evidence picture of a point."""
        stored = await pictures.get(await points.newest_picture(point_id))
        return web.FileResponse(stored.path, headers={"Content-Type": "image/jpeg", "Cache-Control": "no-cache"})

    return part


async def _rows(points: Points) -> AsyncIterator[Sequence[object]]:
    async for point in points.every():
        yield sheet.cells(point)


async def _body(call: Call) -> bytes:
    content = bytearray()
    async for chunk in call.request.content.iter_chunked(1 << 16):
        content += chunk
        if len(content) > IMPORT_LIMIT_BYTES:
            raise Problem(413, "too_large", f"Import at most {IMPORT_LIMIT_BYTES >> 20} MiB at once.")
    return bytes(content)
