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

from appliance.analysis.accelerating import Acceleration, version_on
from appliance.analysis.decoding import DecoderPool, cropped, jpeg
from appliance.analysis.engine.cards import cards_here
from appliance.analysis.engine.engine import Engine
from appliance.analysis.engine.frame import Frame
from appliance.analysis.finding import Picture
from appliance.analysis.judging import Inspect, Judging
from appliance.analysis.levels import Levels
from appliance.analysis.outgoing import EventQueue
from appliance.analysis.pictures import Pictures
from appliance.analysis.settings import Settings
from appliance.analysis.sight import Sights
from appliance.analysis.snapshots import Snapshots, serving
from appliance.analysis.views import Drawings, Place
from appliance.local import DecodeLevel, FirstLook, Plan, VisionReport
from appliance.local.agent_client import AgentAway, AgentClient, agent_client
from appliance.local.frames import AccessUnit, FrameSource
from appliance.local.sockets import STREAMS_SOCKET
from appliance.quality import Inspection, first_look
from federation.messages import Box

log = logging.getLogger(__name__)

REPORT_EVERY_S = 1.0


async def run(*, run_folder: Path, settings: Settings | None = None) -> None:
    """Analyse what the agent's plan asks for, until cancelled."""
    settings = settings or Settings()
    engine, decoders = await asyncio.to_thread(_engine, settings)
    card = next((device for device in engine.devices if device.kind != "cpu"), None)
    async with agent_client(run_folder) as agent:
        vision = Vision(run_folder=run_folder, agent=agent, engine=engine, decoders=decoders)
        try:
            async with (
                serving(vision.snapshots, Pictures(engine, vision.place_of), run_folder),
                asyncio.TaskGroup() as group,
            ):
                group.create_task(vision.engine.run(), name="engine")
                if card is not None and settings.plans_folder is not None:
                    accelerating = Acceleration(
                        engine=engine, device=card, folder=settings.plans_folder, version_on=version_on
                    )
                    group.create_task(accelerating.run(), name="accelerating")
                group.create_task(vision.judging.run(), name="judging")
                group.create_task(vision.follow_plans(), name="plans")
                group.create_task(vision.follow_views(), name="views")
                group.create_task(vision.frames.run(), name="frames")
                group.create_task(vision.decode_forever(), name="decoding")
                group.create_task(vision.events.deliver_forever(agent), name="events")
                group.create_task(vision.report_forever(), name="reports")
        finally:
            vision.close()


class Vision:
    """Everything the process holds."""

    def __init__(self, *, run_folder: Path, agent: AgentClient, engine: Engine, decoders: DecoderPool) -> None:
        """Prepare; nothing runs yet."""
        self.events = EventQueue()
        self.engine = engine
        self.judging = Judging(engine=self.engine, events=self.events)
        self.frames = FrameSource(run_folder / STREAMS_SOCKET, self._arrived)
        self.snapshots = Snapshots(render=self._render, portray=self._portray, look=self._look, known=self._knows)
        self.snapshots.on_change = self._subscribe
        self._agent = agent
        self._pool = decoders
        self._levels = Levels()
        self._sights = Sights(pool=self._pool)
        self._inspection = Inspection()
        self._plan = Plan(version=0)
        self._units: OrderedDict[str, list[AccessUnit]] = OrderedDict()
        self._waiting = asyncio.Event()
        self._decoding = ThreadPoolExecutor(1, thread_name_prefix="decoding")

    def close(self) -> None:
        """End the decoding thread without waiting for what it does now."""
        self._decoding.shutdown(wait=False, cancel_futures=True)

    async def follow_plans(self) -> None:
        """Apply every plan of the agent, for ever."""
        async for plan in self._agent.plans():
            self._plan = plan
            self._inspection.adopt(plan.cameras)
            await self.judging.adopt(plan)
            self._subscribe()
            await self._report()

    def place_of(self, point_id: str) -> Place:
        """Return what is drawn for a point, and where its camera looks now."""
        drawings = Drawings(of_point=self._plan.scenes.get(point_id, ()))
        return Place(drawings=drawings, view=self.judging.outlook.at(point_id, datetime.now(UTC)))

    async def follow_views(self) -> None:
        """Learn where cameras look, for ever."""
        async for views in self._agent.views():
            self.judging.outlook.adopt(views)

    async def decode_forever(self) -> None:
        """Decode the cameras of which every frame is needed, beginning with the one that has waited longest."""
        loop = asyncio.get_running_loop()
        while True:
            await self._waiting.wait()
            point_id, units = self._units.popitem(last=False)
            if not self._units:
                self._waiting.clear()
            for frame in await loop.run_in_executor(self._decoding, self._decoded, units):
                self.judging.show(frame, inspect=self._inspector(point_id, units[-1]), done=_nothing, again=False)
            self.frames.done(point_id, len(units))

    async def report_forever(self) -> None:
        """Report every second; forget cameras that nobody looks at any more."""
        while True:
            await self._report()
            self._subscribe()
            await asyncio.sleep(REPORT_EVERY_S)

    def _arrived(self, unit: AccessUnit) -> None:
        """Let the tasks judge a key frame when its turn has come; where every frame counts, first decode in order."""
        header = unit.header
        self._levels.note(header, time.monotonic())
        if header.key:
            self.snapshots.offer(unit)
        sight = self._sights.by_point.get(header.point_id)
        if sight is not None and sight.level is DecodeLevel.FULL:
            self._units.setdefault(header.point_id, []).append(unit)
            self._waiting.set()
            return
        done = partial(self.frames.done, header.point_id)
        if sight is None or not header.key:
            done()
            return
        frame = self._frame(header.point_id, header.received_at, partial(sight.see, unit))
        self.judging.show(frame, inspect=self._inspector(header.point_id, unit), done=done)

    def _decoded(self, units: list[AccessUnit]) -> list[Frame]:
        """Decode access units of one camera; return the pictures that are to be judged."""
        sight = self._sights.by_point.get(units[0].header.point_id)
        if sight is None:
            return []
        pictures = ((sight.see(unit), unit.header.received_at) for unit in units)
        return [
            self._frame(sight.point_id, at, partial(_itself, picture))
            for picture, at in pictures
            if picture is not None
        ]

    def _frame(self, point_id: str, at: datetime, decode: Callable[[], Picture | None]) -> Frame:
        return Frame(source=point_id, at=at, decode=decode, gallery=self.engine.gallery)

    def _inspector(self, point_id: str, unit: AccessUnit) -> Inspect | None:
        """Return what looks at the camera's next picture, if it is due."""
        if not self._inspection.is_due(point_id, time.monotonic()):
            return None
        return lambda picture: self._inspection.show(unit.header, picture, time.monotonic())

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
        watched, shown = self.judging.tasks.points(), self.snapshots.wanted() | self._inspection.awaited(now_s)
        levels = self._levels.choose(watched, now_s)
        levels |= dict.fromkeys(shown - watched, DecodeLevel.KEYFRAME)
        self.snapshots.keep_only(frozenset(levels))
        self._sights.adopt(levels)
        self._pool.sweep(now_s)
        self.frames.subscribe(levels)

    async def _report(self) -> None:
        at, decoding, pictures = datetime.now(UTC), self._sights.report(self._levels.gop_s), self._inspection.news()
        cards = await asyncio.to_thread(cards_here)
        report = VisionReport(
            pid=os.getpid(),
            tasks=self.judging.reports(at),
            frames_decoded=self._sights.decoded,
            frames_dropped=self.engine.dropped + self._sights.failed,
            decoding=decoding,
            pictures=dict(pictures),
            events_dropped=self.events.dropped,
            engine=self.engine.report(cards),
        )
        try:
            await self._agent.report(report)
        except AgentAway:
            log.debug("the agent is away; the next report will tell")
            return
        self._inspection.told(pictures)


def _engine(settings: Settings) -> tuple[Engine, DecoderPool]:
    devices = settings.devices()
    cards = tuple(device.index for device in devices if device.kind != "cpu")
    engine = Engine(devices=devices, memory_bytes=settings.memory_bytes(), systems=settings.systems)
    return engine, DecoderPool(cards=cards)


def _itself(picture: Picture) -> Picture:
    return picture


def _nothing() -> None:
    """Do nothing."""
