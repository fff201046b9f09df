"""The process `streams`, wired: cameras of the plan in, access units and health out."""

import asyncio
import logging
import os
import time
from pathlib import Path

from appliance.local import Plan, StreamsReport
from appliance.local.agent_client import AgentAway, AgentClient, agent_client
from appliance.recording.api import serving as recorder_serving
from appliance.recording.recorder import Recorder, Settings
from appliance.streams import trial
from appliance.streams.camera import Camera
from appliance.streams.consumers import Consumers, serving
from appliance.streams.feeds import Feeds
from appliance.streams.pace import Pace
from appliance.streams.sources import Sources
from federation.messages import CameraReport, CameraSpec, RecordingReport

log = logging.getLogger(__name__)

REPORT_EVERY_S = 1.0
SHORTEST_REPORT_PAUSE_S = 0.1
WHOLE_EVERY_S = 30.0
TICK_S = 0.5

Found = tuple[CameraReport, RecordingReport | None]
"""How pulling a camera goes, and how recording it does."""


async def run(*, run_folder: Path, footage: Path | None = None, recordings: Settings | None = None) -> None:
    """Pull the cameras of the agent's plan until cancelled, and record those that it says.

    `file:` addresses name files in `footage`. Recordings lie below the run folder unless `recordings` says where.
    """
    feeds, sources = Feeds(), Sources(footage=footage)
    recorder = Recorder(feeds=feeds, settings=recordings or Settings.below(run_folder))
    try:
        async with (
            agent_client(run_folder) as agent,
            serving(Consumers(feeds), run_folder),
            trial.serving(sources, run_folder),
            recorder_serving(recorder, run_folder),
            asyncio.TaskGroup() as group,
        ):
            streams = Streams(group=group, feeds=feeds, sources=sources, agent=agent, recorder=recorder)
            group.create_task(recorder.run(), name="recorder")
            group.create_task(streams.follow_plans(), name="plans")
            group.create_task(streams.tick_forever(), name="ticks")
            group.create_task(streams.report_forever(), name="reports")
    finally:
        await sources.close()


class Streams:
    """The cameras that are being pulled, each by a task of its own."""

    def __init__(
        self, *, group: asyncio.TaskGroup, feeds: Feeds, sources: Sources, agent: AgentClient, recorder: Recorder
    ) -> None:
        """Start without cameras."""
        self._recorder = recorder
        self._group = group
        self._feeds = feeds
        self._sources = sources
        self._agent = agent
        self._pace = Pace()
        self._pulling: dict[str, tuple[Camera, asyncio.Task[None]]] = {}
        self._changed = asyncio.Event()
        self._told: dict[str, Found] = {}
        self._whole_at_s = 0.0

    async def follow_plans(self) -> None:
        """Pull exactly the cameras of every new plan; one that is as before goes on undisturbed."""
        async for plan in self._agent.plans():
            self._apply(plan)

    async def tick_forever(self) -> None:
        """Let every camera measure itself and do what is due, twice a second."""
        while True:
            now_s = time.monotonic()
            for camera, _ in self._pulling.values():
                camera.tick(now_s)
            await asyncio.sleep(TICK_S)

    async def report_forever(self) -> None:
        """Report every second, and at once when a camera's state has changed."""
        while True:
            await self._report()
            await asyncio.sleep(SHORTEST_REPORT_PAUSE_S)
            try:
                async with asyncio.timeout(REPORT_EVERY_S - SHORTEST_REPORT_PAUSE_S):
                    await self._changed.wait()
            except TimeoutError:
                pass
            self._changed.clear()

    def _apply(self, plan: Plan) -> None:
        wanted = {camera.point_id: camera for camera in plan.cameras}
        for point_id, (camera, task) in list(self._pulling.items()):
            if _source(wanted.get(point_id)) != _source(camera.spec):
                task.cancel()
                del self._pulling[point_id]
                self._feeds.forget(point_id)
        for point_id, spec in wanted.items():
            if point_id not in self._pulling:
                self._pulling[point_id] = self._started(spec)
        self._recorder.want(plan.cameras)
        self._whole_at_s = 0.0
        self._changed.set()

    def _started(self, spec: CameraSpec) -> tuple[Camera, asyncio.Task[None]]:
        camera = Camera(
            spec,
            feed=self._feeds.of(spec.point_id),
            make_source=self._sources.make,
            pace=self._pace,
            changed=self._changed.set,
        )
        return camera, self._group.create_task(camera.run(), name=f"camera {spec.point_id}")

    async def _report(self) -> None:
        """Tell of every camera now and then, and in between of those of which there is something new."""
        now_s = time.monotonic()
        found = {
            point_id: (camera.report(now_s), self._recorder.report(point_id))
            for point_id, (camera, _) in self._pulling.items()
        }
        whole = now_s >= self._whole_at_s
        news = tuple(
            report.model_copy(update={"recording": recording})
            for point_id, (report, recording) in found.items()
            if whole or _is_news((report, recording), self._told.get(point_id))
        )
        try:
            await self._agent.report(StreamsReport(pid=os.getpid(), whole=whole, cameras=news))
        except AgentAway:
            self._whole_at_s = 0.0  # it may have been started anew, and know nothing
            log.debug("the agent is away; the next report will tell")
            return
        self._told = found
        if whole:
            self._whole_at_s = now_s + WHOLE_EVERY_S


def _is_news(found: Found, told: Found | None) -> bool:
    """Tell whether anything is to be told; of a thousand cameras nearly all have the report that they had before."""
    return told is None or found[0] is not told[0] or found[1] != told[1]


def _source(spec: CameraSpec | None) -> CameraSpec | None:
    """Return what a camera is pulled by; the rest may change while it is pulled."""
    return None if spec is None else spec.model_copy(update={"name": "", "recording": None})
