"""The agent as the process `streams` knows it: gives a plan, takes reports."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from aiohttp import web

from appliance.local import Plan, StreamsReport
from appliance.local.sockets import AGENT_SOCKET
from federation.messages import CameraReport, CameraSpec, CameraState

POLL_WITHIN_S = 20.0


class PlayedAgent:
    """What streams is told, and what it has said last of each camera."""

    def __init__(self) -> None:
        """Start without a plan."""
        self.cameras: dict[str, CameraReport] = {}
        self._plan = Plan(version=0)
        self._changed = asyncio.Condition()

    async def want(self, cameras: tuple[CameraSpec, ...]) -> None:
        """Let these cameras be pulled from now on."""
        async with self._changed:
            self._plan = Plan(version=self._plan.version + 1, cameras=cameras)
            self.cameras = {}
            self._changed.notify_all()

    async def until(self, holds: Callable[[], bool], *, within_s: float, what: str) -> None:
        """Return once `holds`, which is asked after every report; raise TimeoutError."""
        try:
            async with asyncio.timeout(within_s), self._changed:
                await self._changed.wait_for(holds)
        except TimeoutError as error:
            raise TimeoutError(f"no {what} within {within_s:.0f} s") from error

    def report_of(self, point_id: str) -> CameraReport | None:
        """Return what streams has said last of a camera, None if nothing."""
        return self.cameras.get(point_id)

    def count(self, state: CameraState) -> int:
        """Return how many cameras are in `state`."""
        return sum(camera.state is state for camera in self.cameras.values())

    async def give_plan(self, request: web.Request) -> web.Response:
        """Answer with the plan, once there is a new one."""
        after = int(request.query["after"])
        try:
            async with asyncio.timeout(POLL_WITHIN_S), self._changed:
                await self._changed.wait_for(lambda: self._plan.version > after)
        except TimeoutError:
            return web.Response(status=204)
        return web.Response(body=self._plan.to_bytes(), content_type="application/json")

    async def take_report(self, request: web.Request) -> web.Response:
        """Note the health of all cameras."""
        report = StreamsReport.model_validate_json(await request.read())
        async with self._changed:
            told = {camera.point_id: camera for camera in report.cameras}
            self.cameras = told if report.whole else {**self.cameras, **told}
            self._changed.notify_all()
        return web.Response(status=204)


@asynccontextmanager
async def played_agent(run_folder: Path) -> AsyncIterator[PlayedAgent]:
    """Play the agent in `run_folder` while the body runs."""
    agent = PlayedAgent()
    app = web.Application(client_max_size=64 << 20)
    app.router.add_get("/plan", agent.give_plan)
    app.router.add_post("/report/streams", agent.take_report)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
    await runner.setup()
    await web.UnixSite(runner, str(run_folder / AGENT_SOCKET)).start()
    try:
        yield agent
    finally:
        await runner.cleanup()
