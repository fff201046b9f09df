"""The panel's routes."""

import asyncio

from aiohttp import WSMsgType, web

from appliance.panel import model
from appliance.panel.service import PanelService
from appliance.store.people import OPERATE, READ
from appliance.store.results import Doer
from federation.http import Access, Call, Page, Routes
from federation.http.live_feed import Notice
from federation.http.problem import not_found
from federation.identity.bundle import Bundle
from federation.messages import ArtifactReport, Digest

CAN_READ = Access(permission=READ)
CAN_OPERATE = Access(permission=OPERATE)
PING_S = 20.0


def routes(panel: PanelService) -> Routes:
    """Return the routes over `panel`."""
    part = Routes(tag="panel")
    _add_overview(part, panel)
    _add_tasks(part, panel)
    _add_events(part, panel)
    return part


def _add_overview(part: Routes, panel: PanelService) -> None:
    @part.get("/api/v1/status", access=CAN_READ)
    async def get_status() -> model.Status:
        """Tell how the box is: identity, link, backlog, processes, load."""
        return await panel.status()

    @part.get("/api/v1/link", access=CAN_READ)
    async def get_link() -> model.LinkWay:
        """Give the link to the hub and, lane by lane, what has gone over it, what waits and what is missing."""
        return await panel.way()

    @part.get("/api/v1/artifacts", access=CAN_READ)
    async def list_artifacts() -> Page[ArtifactReport]:
        """List the packages and files that the hub wants here, and how far they have come."""
        return panel.artifacts()

    @part.put("/api/v1/enrolment-bundle", access=CAN_OPERATE)
    async def join_hub(call: Call, body: Bundle) -> model.Status:
        """Join a hub by an enrolment bundle, in the place of the present hub; the box tries until it is let in."""
        return await panel.join(body, _doer(call))

    @part.get("/api/v1/claim", access=CAN_OPERATE)
    async def get_claim() -> model.ClaimStatus:
        """Tell what a hub has to be told to claim this box; 409 while it belongs to one."""
        return await panel.claim()

    @part.get("/api/v1/claim/qr.svg", access=CAN_OPERATE, produces="image/svg+xml")
    async def get_claim_picture() -> web.StreamResponse:
        """Give the same as a QR code."""
        headers = {"Cache-Control": "no-store"}
        return web.Response(body=await panel.claim_picture(), content_type="image/svg+xml", headers=headers)

    @part.get("/api/v1/live", access=CAN_READ, status=101, produces="application/json-seq")
    async def follow_live(call: Call) -> web.StreamResponse:
        """Upgrade to a WebSocket that tells notices: `event.created`, `camera.changed` and so on."""
        socket = web.WebSocketResponse(heartbeat=PING_S, max_msg_size=1024)
        await socket.prepare(call.request)
        with panel.state.live.viewing() as notices:
            async with asyncio.TaskGroup() as group:
                telling = group.create_task(_tell(socket, notices), name="live notices")
                async for message in socket:
                    if message.type is not WSMsgType.TEXT:
                        break
                telling.cancel()
        return socket


def _add_tasks(part: Routes, panel: PanelService) -> None:
    @part.get("/api/v1/algorithms", access=CAN_READ)
    async def list_algorithms() -> Page[model.Algorithm]:
        """List the algorithms on this box: the built-in ones, then those of packages."""
        return panel.algorithms()

    @part.get("/api/v1/tasks", access=CAN_READ)
    async def list_tasks() -> Page[model.Task]:
        """List all tasks with their state."""
        return panel.tasks()

    @part.post("/api/v1/tasks", access=CAN_OPERATE, status=201)
    async def add_task(call: Call, body: model.TaskDraft) -> model.Task:
        """Add a task on this box, with a built-in algorithm."""
        return await panel.add_task(body, _doer(call))

    @part.delete("/api/v1/tasks/{task_id}", access=CAN_OPERATE)
    async def remove_task(call: Call, task_id: str) -> None:
        """Remove a task that was added on this box."""
        await panel.remove_task(task_id, _doer(call))


def _add_events(part: Routes, panel: PanelService) -> None:
    @part.get("/api/v1/events", access=CAN_READ)
    async def list_events(query: model.EventQuery) -> Page[model.EventRow]:
        """List this box's own record of events, newest first."""
        return await panel.events(query)

    @part.get("/api/v1/pictures/{digest}", access=CAN_READ, produces="image/jpeg")
    async def get_picture(digest: Digest) -> web.StreamResponse:
        """Give an evidence picture."""
        content = await asyncio.to_thread(panel.state.pictures.read, digest)
        if content is None:
            raise not_found("picture", digest)
        headers = {"Cache-Control": "private, max-age=31536000, immutable"}
        return web.Response(body=content, content_type="image/jpeg", headers=headers)


def _doer(call: Call) -> Doer:
    return Doer(kind=call.principal.kind, name=call.principal.name, peer=call.peer)


async def _tell(socket: web.WebSocketResponse, notices: asyncio.Queue[Notice]) -> None:
    while True:
        notice = await notices.get()
        try:
            await socket.send_str(notice.model_dump_json())
        except ConnectionError:
            return
