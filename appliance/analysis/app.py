"""The process `vision`, wired: frames in, events out, snapshots on demand."""

import asyncio
import logging
import os
import time
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TypeVar

from appliance.analysis.decoding import DecoderPool, cropped, jpeg
from appliance.analysis.finding import Finding, Picture
from appliance.analysis.levels import Levels
from appliance.analysis.outgoing import EventQueue
from appliance.analysis.sight import Sights
from appliance.analysis.snapshots import Snapshots, serving
from appliance.analysis.tasks import Tasks
from appliance.local import DecodeLevel, FirstLook, LocalEvent, LocalPicture, Plan, VisionReport
from appliance.local.agent_client import AgentAway, AgentClient, agent_client
from appliance.local.frames import AccessUnit, FrameSource
from appliance.local.parcel import Outgoing
from appliance.local.sockets import STREAMS_SOCKET
from appliance.quality import Inspection, first_look
from federation.messages import Box, TaskSpec, new_id

log = logging.getLogger(__name__)

REPORT_EVERY_S = 1.0

Result = TypeVar("Result")


async def run(*, run_folder: Path) -> None:
    """Analyse what the agent's plan asks for, until cancelled."""
    async with agent_client(run_folder) as agent:
        vision = Vision(run_folder=run_folder, agent=agent)
        try:
            async with serving(vision.snapshots, run_folder), asyncio.TaskGroup() as group:
                group.create_task(vision.follow_plans(), name="plans")
                group.create_task(vision.frames.run(), name="frames")
                group.create_task(vision.judge_forever(), name="judging")
                group.create_task(vision.events.deliver_forever(agent), name="events")
                group.create_task(vision.report_forever(), name="reports")
        finally:
            vision.close()


class Vision:
    """Everything the process holds. One thread judges: tasks keep memory, and order matters."""

    def __init__(self, *, run_folder: Path, agent: AgentClient) -> None:
        """Prepare; nothing runs yet."""
        self.tasks = Tasks()
        self.events = EventQueue()
        self.frames = FrameSource(run_folder / STREAMS_SOCKET, self._arrived)
        self.snapshots = Snapshots(render=self._render, portray=self._portray, look=self._look, known=self._knows)
        self.snapshots.on_change = self._subscribe
        self._agent = agent
        self._pool = DecoderPool()
        self._levels = Levels()
        self._sights = Sights(pool=self._pool)
        self._inspection = Inspection()
        self._plan = Plan(version=0)
        self._units: OrderedDict[str, list[AccessUnit]] = OrderedDict()
        self._waiting = asyncio.Event()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="judging")
        self._dropped = 0

    def close(self) -> None:
        """End the judging thread without waiting for what it does now."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    async def follow_plans(self) -> None:
        """Apply every plan of the agent, for ever."""
        async for plan in self._agent.plans():
            self._plan = plan
            self._inspection.adopt(plan.cameras)
            await self._on_thread(partial(self.tasks.apply, plan))
            self._subscribe()
            await self._report()

    async def judge_forever(self) -> None:
        """Judge what has come of every camera, beginning with the one that has waited longest."""
        while True:
            await self._waiting.wait()
            point_id, units = self._units.popitem(last=False)
            if not self._units:
                self._waiting.clear()
            keys = [unit for unit in units if unit.header.key]
            if keys:
                await self.snapshots.offer(keys[-1])
            for outgoing in await self._on_thread(partial(self._judge, units)):
                self.events.put(outgoing)
            self.frames.done(point_id, len(units))

    async def report_forever(self) -> None:
        """Report every second; forget cameras that nobody looks at any more."""
        while True:
            await self._report()
            self._subscribe()
            await asyncio.sleep(REPORT_EVERY_S)

    def _arrived(self, unit: AccessUnit) -> None:
        """Keep an access unit. A key frame that still waits is dropped for a newer one, and counted."""
        point_id = unit.header.point_id
        self._levels.note(unit.header, time.monotonic())
        sight = self._sights.by_point.get(point_id)
        waiting = self._units.setdefault(point_id, [])
        if waiting and (sight is None or sight.level is not DecodeLevel.FULL):
            self._dropped += len(waiting)
            self.frames.done(point_id, len(waiting))
            waiting.clear()
        waiting.append(unit)
        self._waiting.set()

    def _judge(self, units: list[AccessUnit]) -> list[Outgoing]:
        """Decode access units of one camera, and show the pictures to its tasks and to the inspection."""
        sight = self._sights.by_point.get(units[0].header.point_id)
        if sight is None:
            return []
        has_tasks = sight.point_id in self.tasks.points()
        if not has_tasks and not self._inspection.is_due(sight.point_id, time.monotonic()):
            return []
        outgoing: list[Outgoing] = []
        for unit in units:
            picture, at = sight.see(unit), unit.header.received_at
            if picture is None:
                continue
            self._inspection.show(unit.header, picture, time.monotonic())
            found = self.tasks.judge(sight.point_id, picture, at)
            if found:
                outgoing += _outgoing(found, picture, at)
        return outgoing

    def _render(self, codec: str, payload: bytes) -> bytes:
        return jpeg(self._pool.key_frame(codec, payload))[0]

    def _portray(self, codec: str, payload: bytes, region: Box | None) -> bytes:
        picture = self._pool.key_frame(codec, payload)
        kept = picture if region is None else cropped(picture, region)
        return jpeg(kept, widest_px=kept.shape[1])[0]

    def _look(self, codec: str, payload: bytes) -> FirstLook:
        return FirstLook(faults=first_look(self._pool.key_frame(codec, payload)))

    def _knows(self, point_id: str) -> bool:
        return any(camera.point_id == point_id for camera in self._plan.cameras)

    def _subscribe(self) -> None:
        """Want the cameras that tasks, people or the inspection look at; those of no task by their key frames."""
        now_s = time.monotonic()
        watched, shown = self.tasks.points(), self.snapshots.wanted() | self._inspection.awaited(now_s)
        levels = self._levels.choose(watched, now_s)
        levels |= dict.fromkeys(shown - watched, DecodeLevel.KEYFRAME)
        self.snapshots.keep_only(frozenset(levels))
        self._sights.adopt(levels)
        self._pool.sweep(now_s)
        self.frames.subscribe(levels)

    async def _report(self) -> None:
        at, decoding, pictures = datetime.now(UTC), self._sights.report(self._levels.gop_s), self._inspection.news()
        report = VisionReport(
            pid=os.getpid(),
            tasks=tuple(task.report(at) for task in self.tasks.running.values()),
            frames_decoded=self._sights.decoded,
            frames_dropped=self._dropped + self._sights.failed,
            decoding=decoding,
            pictures=dict(pictures),
            events_dropped=self.events.dropped,
        )
        try:
            await self._agent.report(report)
        except AgentAway:
            log.debug("the agent is away; the next report will tell")
            return
        self._inspection.told(pictures)

    async def _on_thread(self, work: Callable[[], Result]) -> Result:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)


def _outgoing(found: list[tuple[TaskSpec, Finding]], picture: Picture, at: datetime) -> list[Outgoing]:
    content, width, height = jpeg(picture)
    size = LocalPicture(width_px=width, height_px=height)
    return [Outgoing(event=_event(spec, finding, at, size), pictures=[content]) for spec, finding in found]


def _event(spec: TaskSpec, finding: Finding, at: datetime, size: LocalPicture) -> LocalEvent:
    return LocalEvent(
        id=new_id(),
        type=finding.event_code,
        time=at,
        detected_at=datetime.now(UTC),
        point_id=spec.point_id,
        task_id=spec.task_id,
        generation=spec.generation,
        algorithm_id=spec.algorithm_id,
        algorithm_version=spec.algorithm_version,
        score=finding.score,
        detections=finding.detections,
        region=spec.region,
        dwell_s=round(finding.dwell_s, 3),
        pictures=(size,),
    )
