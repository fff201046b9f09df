"""Routes of the live view: the same for the panel and for the hub that asks through its tunnel."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from appliance.store.people import READ
from appliance.viewing.channels import Channels, TooManyViewers
from federation.http import Access, Call, Problem, Routes
from federation.http.problem import not_found
from federation.messages import CameraReport, Slug
from federation.viewing.socket import show

STATE_EVERY_S = 0.5

StillAllowed = Callable[[Call], Awaitable[bool]]
"""Tells whether the caller of a connection that stays open is still signed in."""


@dataclass(frozen=True, kw_only=True)
class LiveView:
    """The live view of a box; `report` returns a camera's health, None for one that is not pulled here.

    `picture` returns the newest picture of a camera as JPEG, or raises Problem.
    """

    channels: Channels
    picture: Callable[[str], Awaitable[bytes]]
    report: Callable[[str], CameraReport | None]
    still_allowed: StillAllowed

    async def states(self, point_id: str) -> AsyncIterator[dict[str, Any]]:
        """Yield a camera's state now, and whenever it changes."""
        before: dict[str, Any] | None = None
        while True:
            report = self.report(point_id)
            state = {
                "state": "removed" if report is None else report.state.value,
                "reason": "" if report is None else report.reason,
                "fault": self.channels.fault(point_id),
            }
            if state != before:
                before = state
                yield state
            await asyncio.sleep(STATE_EVERY_S)


def routes(live: LiveView) -> Routes:
    """Return the operation that shows a camera live."""
    part = Routes(tag="live")

    @part.get("/api/v1/cameras/{point_id}/picture.jpg", access=Access(permission=READ), produces="image/jpeg")
    async def get_camera_picture(point_id: Slug) -> web.StreamResponse:
        """Give the newest picture of a camera; 503 while none has arrived."""
        content = await live.picture(point_id)
        return web.Response(body=content, content_type="image/jpeg", headers={"Cache-Control": "no-store"})

    @part.get(
        "/api/v1/cameras/{point_id}/live",
        access=Access(permission=READ),
        status=101,
        produces="application/octet-stream",
    )
    async def watch_camera(call: Call, point_id: Slug) -> web.StreamResponse:
        """Upgrade to a WebSocket with the camera's pictures as fragments of MP4 (`federation.viewing.message`)."""
        if live.report(point_id) is None:
            raise not_found("camera", point_id)
        try:
            with live.channels.viewing(point_id) as viewer:
                return await show(call.request, viewer, live.states(point_id), lambda: live.still_allowed(call))
        except TooManyViewers as error:
            raise Problem(503, "too_many_viewers", "As many watch as this box serves; close a view.") from error

    return part
