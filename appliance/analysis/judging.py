"""From a frame to events: models look at it, each at its own pace, and the tasks judge what they saw."""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from typing import TypeVar

from appliance.analysis.decoding import CannotDecode, jpeg
from appliance.analysis.engine.engine import Asked, Engine, PackageKey
from appliance.analysis.engine.frame import Dropped, Frame
from appliance.analysis.engine.queue import Lane
from appliance.analysis.finding import Finding, Picture
from appliance.analysis.outgoing import EventQueue
from appliance.analysis.tasks import Shown, Tasks
from appliance.local import LocalEvent, LocalPicture, Plan
from appliance.local.parcel import Outgoing
from federation.messages import Detection, TaskSpec, new_id

Result = TypeVar("Result")
Inspect = Callable[[Picture], None]
Answers = dict[PackageKey | None, tuple[Detection, ...]]


class Judging:
    """Tasks and the engine brought together. One thread judges: tasks keep memory, and order matters."""

    def __init__(self, *, engine: Engine, events: EventQueue) -> None:
        """Set up; `run` makes it work."""
        self.tasks = Tasks()
        self._engine = engine
        self._events = events
        self._plan = Plan(version=0)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="judging")
        self._group = asyncio.TaskGroup()
        self._changed = asyncio.Event()
        engine.on_change = self._changed.set

    async def run(self) -> None:
        """Follow what the engine loads until cancelled."""
        try:
            async with self._group:
                while True:
                    await self._changed.wait()
                    self._changed.clear()
                    await self._apply()
        finally:
            self._thread.shutdown(wait=False, cancel_futures=True)

    async def adopt(self, plan: Plan) -> None:
        """Let exactly the tasks of the plan run; those whose model is loaded for them begin when it is."""
        self._plan = plan
        self._engine.want({(item.algorithm_id, item.version): item.path for item in plan.packages if item.path})
        await self._apply()

    def show(self, frame: Frame, *, inspect: Inspect | None, done: Callable[[], None]) -> None:
        """Let the tasks of the frame's point judge it, and `inspect` look at it; `done` is called once, in any case."""
        needs = self.tasks.needs(frame.source, frame.at)
        asked = self._engine.look(frame, [key for key in needs if key is not None], lane=Lane.STREAM)
        plain = None in needs or inspect is not None
        if not asked and not plain:
            done()
            return
        picture = self._engine.decode(frame, lane=Lane.STREAM) if plain else None
        self._group.create_task(self._follow(frame, asked, picture, inspect, done), name="frame")

    async def _follow(
        self,
        frame: Frame,
        asked: Sequence[Asked],
        picture: asyncio.Future[Picture | Dropped] | None,
        inspect: Inspect | None,
        done: Callable[[], None],
    ) -> None:
        try:
            async with asyncio.TaskGroup() as group:
                for each in asked:
                    group.create_task(self._answered(frame, each), name="answer")
                if picture is not None:
                    group.create_task(self._decoded(frame, picture, inspect), name="picture")
        finally:
            done()

    async def _answered(self, frame: Frame, asked: Asked) -> None:
        answer = await asked.answer
        if not isinstance(answer, Dropped):
            seen: Answers = {key: answer[head] for key, head in asked.heads.items() if head in answer}
            await self._judge(frame, seen)
        elif answer.reason == "failed":
            await self._on_thread(partial(self.tasks.trouble, frame.source, asked.heads, answer.detail))

    async def _decoded(self, frame: Frame, picture: asyncio.Future[Picture | Dropped], inspect: Inspect | None) -> None:
        answer = await picture
        if isinstance(answer, Dropped):
            return
        if inspect is not None:
            await self._on_thread(partial(inspect, answer))
        await self._judge(frame, {None: ()})

    async def _judge(self, frame: Frame, seen: Answers) -> None:
        for outgoing in await self._on_thread(partial(self._judged, frame, seen)):
            self._events.put(outgoing)

    def _judged(self, frame: Frame, seen: Answers) -> list[Outgoing]:
        with suppress(CannotDecode):
            picture = frame.picture()
            found = self.tasks.judge(Shown(point_id=frame.source, picture=picture, at=frame.at), seen)
            return _outgoing(found, picture, frame.at) if found else []
        return []

    async def _apply(self) -> None:
        await self._on_thread(partial(self.tasks.apply, self._plan, dict(self._engine.packages)))

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
        region=finding.region,
        dwell_s=round(finding.dwell_s, 3),
        pictures=(size,),
    )
