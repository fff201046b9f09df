"""What the agent answers on `agent.sock`; the protocol stands in `appliance.local.messages`."""

import logging
import sqlite3
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from aiohttp import web
from pydantic import ValidationError

from appliance.agent.state import AgentState
from appliance.local import Answer, StreamsReport, VisionReport
from appliance.local.parcel import Arrived, BadParcel, Outgoing, unpack
from appliance.local.sockets import AGENT_SOCKET, private_socket
from federation.http.listening import listen

log = logging.getLogger(__name__)

PLAN_WITHIN_S = 20.0
BODY_LIMIT_BYTES = 64 << 20


class _Storing:
    """Whether the disk takes events: said in the log when that changes, not with every event that comes again."""

    def __init__(self) -> None:
        self._fails = False

    def failed(self, error: Exception) -> web.Response:
        """Return the answer to who hands an event over: keep it, and come again."""
        if not self._fails:
            log.error("events cannot be stored: %s; whoever found them keeps them until there is room", error)
        self._fails = True
        return web.Response(status=507, text=f"the event cannot be stored now: {error}")

    def succeeded(self) -> None:
        """Note that an event is stored."""
        if self._fails:
            log.info("events are stored again")
        self._fails = False


@asynccontextmanager
async def serving(state: AgentState) -> AsyncIterator[None]:
    """Serve the other processes of this box, on a socket that only this system user can open."""
    app = web.Application(client_max_size=BODY_LIMIT_BYTES)
    _add_routes(app, state)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    try:
        await listen(web.SockSite(runner, await private_socket(state.config.run_folder / AGENT_SOCKET)))
        yield
    finally:
        await runner.cleanup()


def _add_routes(app: web.Application, state: AgentState) -> None:
    async def plan(request: web.Request) -> web.Response:
        try:
            after = int(request.query.get("after", "-1"))
        except ValueError:
            return _refused("after must be a number")
        seen = state.plan_changes.count
        if state.outcome.plan.version == after:
            await state.plan_changes.beyond(seen, within_s=PLAN_WITHIN_S)
        found = state.outcome.plan
        if found.version == after:
            return web.Response(status=204)
        return web.Response(body=found.to_bytes(), content_type="application/json")

    async def views(request: web.Request) -> web.Response:
        seen, board = state.views.changes.count, state.views
        if request.query.get("after") == str(board.version):
            await board.changes.beyond(seen, within_s=PLAN_WITHIN_S)
        found = board.told()
        if request.query.get("after") == str(found.version):
            return web.Response(status=204)
        return web.Response(body=found.to_bytes(), content_type="application/json")

    storing = _Storing()

    async def events(request: web.Request) -> web.Response:
        try:
            arrived = unpack(await request.read())
        except BadParcel as error:
            return _refused(str(error))
        found, refused = _sort_out(arrived)
        try:
            await state.record_events(found)
        except (OSError, sqlite3.OperationalError) as error:
            return storing.failed(error)
        storing.succeeded()
        return web.Response(body=Answer(refused=refused).to_bytes(), content_type="application/json")

    async def streams(request: web.Request) -> web.Response:
        try:
            await state.take_streams(StreamsReport.model_validate_json(await request.read()))
        except ValidationError as error:
            return _refused(str(error)[:300])
        return web.Response(status=204)

    async def vision(request: web.Request) -> web.Response:
        try:
            await state.take_vision(VisionReport.model_validate_json(await request.read()))
        except ValidationError as error:
            return _refused(str(error)[:300])
        return web.Response(status=204)

    app.router.add_get("/plan", plan)
    app.router.add_get("/views", views)
    app.router.add_post("/events", events)
    app.router.add_post("/report/streams", streams)
    app.router.add_post("/report/vision", vision)


def _sort_out(arrived: Sequence[Arrived]) -> tuple[list[Outgoing], dict[int, str]]:
    """Part the events that can be kept from those that never can, by their place and with the reason."""
    found: list[Outgoing] = []
    refused: dict[int, str] = {}
    for place, each in enumerate(arrived):
        try:
            found.append(each.checked())
        except ValueError as error:
            refused[place] = str(error)[:300]
    return found, refused


def _refused(text: str) -> web.Response:
    return web.Response(status=422, text=text)
