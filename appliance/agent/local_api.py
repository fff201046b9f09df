"""What the agent answers on `agent.sock`; the protocol stands in `appliance.local.messages`."""

import logging
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import BodyPartReader, web
from pydantic import ValidationError

from appliance.agent.state import AgentState
from appliance.local import LocalEvent, StreamsReport, VisionReport
from appliance.local.sockets import AGENT_SOCKET, private_socket

log = logging.getLogger(__name__)

PLAN_WITHIN_S = 20.0
BODY_LIMIT_BYTES = 64 << 20
PICTURE_LIMIT_BYTES = 32 << 20
MOST_PICTURES = 8


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
    await web.SockSite(runner, await private_socket(state.config.run_folder / AGENT_SOCKET)).start()
    try:
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
        if state.outcome.plan.version <= after:
            await state.plan_changes.beyond(seen, within_s=PLAN_WITHIN_S)
        found = state.outcome.plan
        if found.version <= after:
            return web.Response(status=204)
        return web.Response(body=found.to_bytes(), content_type="application/json")

    storing = _Storing()

    async def event(request: web.Request) -> web.Response:
        try:
            found, pictures = await _read_event(request)
        except (ValidationError, ValueError) as error:
            return _refused(str(error)[:300])
        try:
            fresh = await state.record_event(found, pictures)
        except (OSError, sqlite3.OperationalError) as error:
            return storing.failed(error)
        storing.succeeded()
        return web.Response(status=201 if fresh else 200)

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
    app.router.add_post("/events", event)
    app.router.add_post("/report/streams", streams)
    app.router.add_post("/report/vision", vision)


async def _read_event(request: web.Request) -> tuple[LocalEvent, list[bytes]]:
    """Return the event and its pictures; raise ValueError for what does not fit together."""
    event: LocalEvent | None = None
    pictures: list[bytes] = []
    reader = await request.multipart()
    while (part := await reader.next()) is not None:
        if not isinstance(part, BodyPartReader):
            continue
        content = bytes(await part.read())
        if part.name == "event":
            event = LocalEvent.model_validate_json(content)
        elif part.name == "picture" and len(pictures) < MOST_PICTURES:
            pictures.append(content)
    if event is None or len(pictures) != len(event.pictures):
        msg = "an event comes with as many pictures as it names"
        raise ValueError(msg)
    if any(not picture or len(picture) > PICTURE_LIMIT_BYTES for picture in pictures):
        msg = "a picture is empty or larger than 32 MiB"
        raise ValueError(msg)
    return event, pictures


def _refused(text: str) -> web.Response:
    return web.Response(status=422, text=text)
