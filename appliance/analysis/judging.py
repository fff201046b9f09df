"""From a frame to events: models look at it, each at its own pace, and the tasks judge what they saw."""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TypeVar

from appliance.analysis.decoding import CannotDecode, jpeg
from appliance.analysis.engine.engine import Engine
from appliance.analysis.engine.frame import Dropped, Frame
from appliance.analysis.engine.packages import Asked, PackageKey, Ready
from appliance.analysis.engine.queue import Lane
from appliance.analysis.finding import Finding, Found, Picture
from appliance.analysis.outgoing import EventQueue
from appliance.analysis.switching import REPLAYED, Pair, Trial, compared, samples_of
from appliance.analysis.tasks import Shown, Tasks
from appliance.analysis.views import Outlook
from appliance.local import LocalEvent, LocalPicture, Plan, View
from appliance.local.parcel import Outgoing
from federation.messages import Detection, TaskReport, TaskSpec, new_id

log = logging.getLogger(__name__)

RECENT = 3
"""Key frames of each camera that are kept as they came, for the trial of a new version."""

SETTLE_EVERY_S = 5.0

Result = TypeVar("Result")
Inspect = Callable[[Picture], None]
Answers = dict[PackageKey | None, Found]


class Judging:
    """Tasks and the engine brought together. One thread judges: tasks keep memory, and order matters."""

    def __init__(self, *, engine: Engine, events: EventQueue) -> None:
        """Set up; `run` makes it work."""
        self.tasks = Tasks()
        self.outlook = Outlook()
        self._engine = engine
        self._events = events
        self._plan = Plan(version=0)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="judging")
        self._group = asyncio.TaskGroup()
        self._changed = asyncio.Event()
        self._recent: dict[str, deque[Frame]] = {}
        self._trying: set[Pair] = set()
        engine.on_change = self._changed.set

    async def run(self) -> None:
        """Follow what the engine loads until cancelled."""
        try:
            async with self._group:
                while True:
                    with suppress(TimeoutError):
                        async with asyncio.timeout(SETTLE_EVERY_S):
                            await self._changed.wait()
                    if self._changed.is_set() or self.tasks.settle(datetime.now(UTC)):
                        self._changed.clear()
                        await self._apply()
        finally:
            self._thread.shutdown(wait=False, cancel_futures=True)

    async def adopt(self, plan: Plan) -> None:
        """Let exactly the tasks of the plan run; those whose model is loaded for them begin when it is."""
        self._plan = plan
        points = {task.point_id for task in plan.tasks}
        self._recent = {point: frames for point, frames in self._recent.items() if point in points}
        await self._apply()

    def reports(self, at: datetime) -> tuple[TaskReport, ...]:
        """Return what every task does at the moment `at`."""
        tasks = tuple(self.tasks.running.values())
        return tuple(task.report(at, self.outlook.at(task.spec.point_id, at)) for task in tasks)

    def show(self, frame: Frame, *, inspect: Inspect | None, done: Callable[[], None], again: bool = True) -> None:
        """Let the tasks of the frame's point judge it, and `inspect` look at it; `done` is called once, in any case.

        `again` says that the frame can be decoded once more, later, when versions are compared.
        """
        needs = self.tasks.needs(frame.source, frame.at, self.outlook.at(frame.source, frame.at))
        asked = self._engine.look(frame, [key for key in needs if key is not None], lane=Lane.STREAM)
        if asked and again:
            self._recent.setdefault(frame.source, deque(maxlen=RECENT)).append(frame)
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
        if isinstance(answer, Dropped):
            if answer.reason == "failed":
                await self._note_trouble(frame, asked.heads, answer.detail)
            return
        told = {key: answer[head] for key, head in asked.heads.items() if head in answer}
        await self._judge(frame, {key: found for key, found in told.items() if isinstance(found, Found)})
        for key, found in told.items():
            if isinstance(found, Dropped):
                await self._note_trouble(frame, [key], found.detail)

    async def _note_trouble(self, frame: Frame, packages: Collection[PackageKey], reason: str) -> None:
        if await self._on_thread(partial(self.tasks.trouble, frame.source, packages, reason)):
            log.warning("a task of %s went back to its former version: %s", frame.source, reason)

    async def _decoded(self, frame: Frame, picture: asyncio.Future[Picture | Dropped], inspect: Inspect | None) -> None:
        answer = await picture
        if isinstance(answer, Dropped):
            return
        if inspect is not None:
            await self._on_thread(partial(inspect, answer))
        await self._judge(frame, {None: Found()})

    async def _judge(self, frame: Frame, seen: Answers) -> None:
        for outgoing in await self._on_thread(partial(self._judged, frame, seen)):
            self._events.put(outgoing)

    def _judged(self, frame: Frame, seen: Answers) -> list[Outgoing]:
        with suppress(CannotDecode):
            picture = frame.picture()
            view = self.outlook.at(frame.source, frame.at)
            found = self.tasks.judge(Shown(point_id=frame.source, picture=picture, at=frame.at, view=view), seen)
            return _outgoing(found, picture, frame.at, view) if found else []
        return []

    async def _apply(self) -> None:
        """Bring tasks and engine into line with the plan; begin the trials that this asks for."""
        needed = {(task.algorithm_id, task.algorithm_version) for task in self._plan.tasks}
        needed |= {(item.algorithm_id, item.version) for item in self._plan.packages if item.for_pictures}
        ready = {(item.algorithm_id, item.version): item.path for item in self._plan.packages if item.path}
        wanted = {key: path for key, path in ready.items() if key in needed}
        self._engine.want(self.tasks.packages() | wanted)
        at = datetime.now(UTC)
        await self._on_thread(partial(self.tasks.apply, self._plan, dict(self._engine.packages), at))
        self._engine.want(self.tasks.packages() | wanted)
        for pair, points in self.tasks.untried.items():
            if pair not in self._trying:
                self._trying.add(pair)
                self._group.create_task(self._try(pair, points, wanted[pair[1]]), name="trial")

    async def _try(self, pair: Pair, points: Collection[str], package: Path) -> None:
        """Show the newest frames and the samples of the new package to both versions, and note how they compare."""
        frames = [frame for point in sorted(points) for frame in self._recent.get(point, ())][-REPLAYED:]
        frames += await asyncio.to_thread(samples_of, package, self._engine.gallery)
        try:
            trial = await self._compared(pair, frames)
        finally:
            self._trying.discard(pair)
        log.info("%s %s beside %s: %s", *pair[1], pair[0][1], trial)
        self.tasks.trials[pair] = trial
        self._changed.set()

    async def _compared(self, pair: Pair, frames: Sequence[Frame]) -> Trial:
        seen: list[tuple[Sequence[Detection], Sequence[Detection]]] = []
        for number, frame in enumerate(frames):
            shown = replace(frame, source=f"trial {pair} {number}")
            found: dict[PackageKey, Sequence[Detection]] = {}
            for asked in self._engine.look(shown, pair, lane=Lane.PERSON):
                answer = await asked.answer
                for key, head in asked.heads.items():
                    told = answer if isinstance(answer, Dropped) else answer.get(head)
                    if isinstance(told, Found):
                        found[key] = told.detections
                    elif told is not None and told.reason == "failed" and key == pair[1]:
                        return Trial(frames=number + 1, refusal=f"switch_refused: {told.detail}")
            if len(found) == len(pair):
                seen.append((found[pair[0]], found[pair[1]]))
        state = self._engine.packages.get(pair[0])
        return compared(seen, state.manifest) if isinstance(state, Ready) else Trial()

    async def _on_thread(self, work: Callable[[], Result]) -> Result:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)


def _outgoing(found: list[tuple[TaskSpec, Finding]], picture: Picture, at: datetime, view: View) -> list[Outgoing]:
    content, width, height = jpeg(picture)
    size = LocalPicture(width_px=width, height_px=height)
    return [Outgoing(event=_event(spec, finding, at, view, size), pictures=[content]) for spec, finding in found]


def _event(spec: TaskSpec, finding: Finding, at: datetime, view: View, size: LocalPicture) -> LocalEvent:
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
        preset=view.preset or None,
        dwell_s=round(finding.dwell_s, 3),
        pictures=(size,),
    )
