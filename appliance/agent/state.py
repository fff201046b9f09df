"""What the agent knows now, and every way in which it changes."""

import asyncio
import importlib.metadata
import logging
import os
import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TypeVar

from appliance.agent import set_aside
from appliance.agent.algorithms import Algorithms, EventNames
from appliance.agent.fencing import fenced_tasks, next_fence_s
from appliance.agent.happenings import Happenings
from appliance.agent.plan import Outcome, Wishes, default_recording, merge
from appliance.agent.wanted import stages
from appliance.artifacts.holdings import Holdings
from appliance.artifacts.neighbours import Failures
from appliance.capture.views import ViewBoard
from appliance.config import Config
from appliance.health.clock import ClockGauge
from appliance.health.processes import (
    STREAMS,
    VISION,
    ProcessRecord,
    agent_ended,
    agent_started,
    reported,
    started_anew,
    supervisor_name,
)
from appliance.local import CameraDecoding, EngineReport, LocalEvent, Plan, StreamsReport, VisionReport
from appliance.local.parcel import Outgoing
from appliance.store import documents, events, evidence, outbox, results
from appliance.store.database import Database
from appliance.store.pictures import PictureFolder
from federation.discovery import Browsing, Service
from federation.http.live_feed import LiveFeed
from federation.identity.key import NodeKey
from federation.machine import MachineGauge, MachineShares, metrics_of
from federation.messages import (
    ArtifactReport,
    BoxNotice,
    CameraReport,
    CameraSpec,
    CameraState,
    DesiredDocument,
    DesiredWork,
    Event,
    EventData,
    EvidenceRef,
    LaneReport,
    LinkPolicy,
    Metrics,
    PictureFault,
    PictureReport,
    RecordingSpec,
    ReportedState,
    Scene,
    TaskReport,
    TaskSpec,
    TaskState,
)
from federation.messages.calendar import known_zones
from federation.packages import builtin_manifests
from federation.uplink.changes import Changes
from firmware_profiles.profile import load_all, load_profile

log = logging.getLogger(__name__)

LANES_UNWRITTEN = "lanes_unwritten"

Result = TypeVar("Result")

UNENROLLED = "unenrolled"


@dataclass(frozen=True, kw_only=True)
class Heard:
    """The last report of a process and when it came."""

    pid: int
    at: datetime


class AgentState:
    """The agent's state. Methods run on the event loop; the database keeps what must survive."""

    def __init__(
        self, config: Config, database: Database, *, unwritten_since: Callable[[], datetime | None] = lambda: None
    ) -> None:
        """Prepare; `load` reads what was there before.

        `unwritten_since` tells since when the memory of the lanes cannot be written.
        """
        self.config = config
        self._unwritten_since = unwritten_since
        self.database = database
        self.pictures = PictureFolder(root=config.pictures_folder)
        self.holdings = Holdings(root=config.artifacts_folder)
        self.live = LiveFeed()
        self.views = ViewBoard()
        self.plan_changes = Changes()
        self.wish_changes = Changes()
        self.report_changes = Changes()
        self.outbox_changes = Changes()
        self.happened = Happenings()
        self.confirmations = Changes()
        self.confirmed_s: float | None = None
        self.refused: Counter[str] = Counter()
        self.clock = ClockGauge()
        self.wishes = Wishes()
        self.outcome = Outcome(plan=Plan(version=0))
        self.algorithms = Algorithms()
        self.cameras: dict[str, CameraReport] = {}
        self.tasks: dict[str, TaskReport] = {}
        self.artifacts: tuple[ArtifactReport, ...] = ()
        self.neighbours: Browsing | None = None
        self.neighbour_failures: Failures = Counter()
        self.decoding: dict[str, CameraDecoding] = {}
        self.engine = EngineReport()
        self.looks: dict[str, PictureReport] = {}
        self.heard: dict[str, Heard] = {}
        self.node_id = UNENROLLED
        self.serial = ""
        self.software = ""
        self.shares = MachineShares(cpu=0, memory=0, disk=0)
        self._indexed = self.outcome.plan
        self._by_point: dict[str, CameraSpec] = {}
        self._processes = ProcessRecord(supervisor="")
        self._gauge = MachineGauge(disk=config.data_folder)

    async def load(self) -> None:
        """Read wishes, plan and counters: a cold boot runs on without a hub."""
        self.software = await asyncio.to_thread(_read_what_is_shipped)
        names = await self.database.read(lambda db: documents.get(db, documents.EVENT_NAMES, EventNames))
        self.algorithms = Algorithms(event_names=names or EventNames())
        key = await asyncio.to_thread(NodeKey.open, self.config.key_file)
        proposal = self.config.serial or f"fs-{key.fingerprint[:10]}"  # the same for every database of this box
        self.serial = await self.database.run(lambda db: documents.serial(db, proposal))
        self.wishes = await self.database.read(
            lambda db: Wishes(
                work=documents.desired_work(db),
                policy=documents.desired_policy(db),
                captures=documents.desired_captures(db),
                cameras=documents.local_cameras(db),
                tasks=documents.local_tasks(db),
                recordings=documents.local_recordings(db),
                scenes=documents.local_scenes(db),
            )
        )
        before = await self.database.read(lambda db: documents.get(db, documents.PLAN, Plan))
        # A new database: the other processes may know a plan of the one before.
        self.outcome = Outcome(plan=before or Plan(version=int(datetime.now(UTC).timestamp())))
        supervisor = await asyncio.to_thread(supervisor_name)
        known = await self.database.read(lambda db: documents.get(db, documents.PROCESSES, ProcessRecord))
        self._processes = known or self._processes
        await self._keep_processes(agent_started(known, supervisor=supervisor, pid=os.getpid()))
        await self.replan()

    async def record_set_aside(self) -> None:
        """Write into the record which damaged databases were set aside, each once."""
        found = await set_aside.reports(self.config.data_folder)
        if await self.database.run(lambda db: set_aside.record(db, found)):
            self.outbox_changes.note()
            self.report_changes.note()

    async def ended(self) -> None:
        """Note that the agent ends in order."""
        await self._keep_processes(agent_ended(self._processes))

    def records(self, point_id: str) -> bool:
        """Tell whether a camera is recorded, so that the recorder must hear of its events."""
        return any(
            camera.point_id == point_id and camera.recording is not None and camera.recording.records
            for camera in self.outcome.plan.cameras
        )

    @property
    def default_recording(self) -> RecordingSpec:
        """How this box records cameras of which nobody says anything."""
        return default_recording(load_profile(self.config.profile))

    @property
    def restarts(self) -> int:
        """Unplanned restarts of this box's processes since it was started."""
        return self._processes.restarts

    async def commit(self, work: Callable[[sqlite3.Connection], Result]) -> Result:
        """Run `work` in one transaction that may have added rows to the outbox; the uplink hears of it."""
        result = await self.database.run(work)
        self.outbox_changes.note()
        return result

    @property
    def policy(self) -> LinkPolicy:
        """How the hub wants its link to be used."""
        return self.wishes.policy.link if self.wishes.policy else LinkPolicy()

    async def follow(self, document: DesiredDocument, *, stored: Callable[[], None]) -> None:
        """Store a document of the hub that is newer than the one we have, call `stored`, and do what it says."""
        detail: dict[str, str | int] = {
            "shard": document.shard.value,
            "epoch": document.hub_epoch,
            "version": document.version,
        }
        if isinstance(document, DesiredWork):
            detail |= {"cameras": len(document.cameras), "tasks": len(document.tasks)}

        def work(db: sqlite3.Connection) -> None:
            documents.put(db, documents.DESIRED[document.shard], document)
            results.record(db, results.HUB, "desired.apply", f"node:{self.node_id}", detail)

        await self.commit(work)
        self.wishes = self.wishes.following(document)
        self.confirmations.note()
        stored()
        await self.replan()

    def forget_desired(self) -> None:
        """Forget what a former hub wanted; the next `replan` ends its tasks."""
        self.wishes = replace(self.wishes, work=None, policy=None, captures=None)
        self.confirmed_s = None

    def confirm(self, confirmed_s: float | None) -> None:
        """Note that the hub wanted just what we do at this moment of the monotonic clock."""
        if confirmed_s is not None and confirmed_s != self.confirmed_s:
            self.confirmed_s = confirmed_s
            self.confirmations.note()

    async def keep_fences(self) -> None:
        """Let tasks stand still and go on again as time passes and the hub confirms them, until cancelled."""
        while True:
            seen, now_s = self.confirmations.count, time.monotonic()
            if self._fenced(now_s) != self.wishes.fenced:
                await self.replan()
            left_s = next_fence_s(self.wishes.hub_tasks, self.confirmed_s, now_s)
            await self.confirmations.beyond(seen, within_s=left_s)

    def _fenced(self, now_s: float) -> frozenset[str]:
        return fenced_tasks(self.wishes.hub_tasks, self.confirmed_s, now_s)

    async def change_local(
        self,
        *,
        cameras: tuple[CameraSpec, ...] | None = None,
        tasks: tuple[TaskSpec, ...] | None = None,
        recordings: Mapping[str, RecordingSpec] | None = None,
        scenes: Mapping[str, tuple[Scene, ...]] | None = None,
    ) -> None:
        """Adopt what was added or removed on this box, and is already stored."""
        self.wishes = replace(
            self.wishes,
            cameras=self.wishes.cameras if cameras is None else cameras,
            tasks=self.wishes.tasks if tasks is None else tasks,
            recordings=self.wishes.recordings if recordings is None else recordings,
            scenes=self.wishes.scenes if scenes is None else scenes,
        )
        await self.replan()

    async def replan(self) -> None:
        """Merge all wishes anew; tell streams and vision if that changes anything."""
        packages = await asyncio.to_thread(self.holdings.whole)
        fenced = self._fenced(time.monotonic())
        if fenced != self.wishes.fenced:
            log.warning("tasks that the hub does not confirm stand still: %s", ", ".join(sorted(fenced)) or "none")
            self.wishes = replace(self.wishes, fenced=fenced)
        before = self.outcome.plan
        self.outcome = outcome = merge(self.wishes, packages, before=before, recording=self.default_recording)
        plan = outcome.plan
        if plan != before:
            await self.database.run(lambda db: documents.put(db, documents.PLAN, plan))
            self.plan_changes.note()
            self.live.publish("task.changed", {})
        self.wish_changes.note()
        self.report_changes.note()
        known = await asyncio.to_thread(self.algorithms.learned, plan.packages, self.wishes.packages)
        if self.outcome is outcome:
            if known.event_names != self.algorithms.event_names:
                await self.database.run(lambda db: documents.put(db, documents.EVENT_NAMES, known.event_names))
            self.algorithms = known

    def heard_neighbours(self) -> Sequence[Service]:
        """Return the boxes that say on the network that they pass artifacts on."""
        return self.neighbours.services if self.neighbours is not None else ()

    def take_artifacts(self, reports: tuple[ArtifactReport, ...]) -> None:
        """Note how far the wanted artifacts have come."""
        if reports != self.artifacts:
            self.live.publish("artifact.changed", {})
            if stages(reports) != stages(self.artifacts):
                self.report_changes.note()
        self.artifacts = reports

    async def record_events(self, arrived: Sequence[Outgoing]) -> None:
        """Commit events with their pictures and outbox rows, all in one transaction; repeats change nothing."""
        contents = [picture for each in arrived for picture in each.pictures]
        digests = await asyncio.to_thread(self.pictures.put_all, contents) if contents else []
        made = self._events_of(arrived, digests)
        now = datetime.now(UTC)
        numbers = await self.commit(lambda db: [events.record(db, event, now) for event in made])
        self.report_changes.note()
        for event, number in zip(made, numbers, strict=True):
            if number is None:
                continue
            self.happened.put(event.data.point_id)
            if self.live.viewers:
                self.live.publish("event.created", event.model_dump(mode="json"))

    def _events_of(self, arrived: Sequence[Outgoing], digests: Sequence[str]) -> list[Event]:
        """Return events as they are kept; `digests` are those of all their pictures, in order."""
        made: list[Event] = []
        used = 0
        for each in arrived:
            own = digests[used : used + len(each.pictures)]
            used += len(own)
            made.append(self._event(each.event, _refs_of(each, own)))
        return made

    def _event(self, event: LocalEvent, refs: tuple[EvidenceRef, ...]) -> Event:
        return Event(
            id=event.id,
            source=self.node_id,
            type=event.type,
            time=event.time,
            data=EventData(
                point_id=event.point_id,
                task_id=event.task_id,
                generation=event.generation,
                algorithm_id=event.algorithm_id,
                algorithm_version=event.algorithm_version,
                score=event.score,
                detections=event.detections,
                region=event.region,
                preset=event.preset,
                preset_name=self.views.name(event.point_id, event.preset) if event.preset else "",
                dwell_s=event.dwell_s,
                detected_at=event.detected_at,
                clock=self.clock.look().state,
                evidence=refs,
            ),
        )

    def note_handed_over(self) -> None:
        """Note that the hub has taken pictures: their lane has grown, and their backlog shrunk."""
        self.outbox_changes.note()
        self.report_changes.note()

    async def take_streams(self, report: StreamsReport) -> None:
        """Note what the streams process says."""
        await self._hear(STREAMS, report.pid)
        told = {camera.point_id: camera for camera in report.cameras}
        fresh = told if report.whole else {**self.cameras, **told}
        if _gist(fresh) != _gist(self.cameras):
            self.live.publish("camera.changed", {})
            self.report_changes.note()
        self.cameras = fresh

    async def take_vision(self, report: VisionReport) -> None:
        """Note what the vision process says."""
        await self._hear(VISION, report.pid)
        fresh = {task.task_id: task for task in report.tasks}
        if {key: task.state for key, task in fresh.items()} != {key: task.state for key, task in self.tasks.items()}:
            self.live.publish("task.changed", {})
            self.report_changes.note()
        self.tasks = fresh
        self.decoding = {camera.point_id: camera for camera in report.decoding}
        self.engine = report.engine
        if any(_faults(self.looks.get(point_id)) != _faults(look) for point_id, look in report.pictures.items()):
            self.live.publish("camera.changed", {})
            self.report_changes.note()
        planned = {camera.point_id for camera in self.outcome.plan.cameras}
        self.looks = {key: look for key, look in (self.looks | report.pictures).items() if key in planned}

    async def measure(self) -> None:
        """Read the shares of CPU, memory and disk."""
        self.shares = await asyncio.to_thread(self._gauge.read)

    def camera_reports(self) -> tuple[CameraReport, ...]:
        """Return the health of every camera of the plan, also of those not heard of yet."""
        return tuple(self._camera_report(camera.point_id) for camera in self.outcome.plan.cameras)

    def _camera_report(self, point_id: str) -> CameraReport:
        """Return what streams says of a camera and, while it is live, what vision says of its picture."""
        found = self.cameras.get(point_id)
        if found is None:
            return CameraReport(point_id=point_id, state=CameraState.CONNECTING)
        look = self.looks.get(point_id)
        return found.model_copy(update={"picture": look}) if look and found.state is CameraState.LIVE else found

    def camera(self, point_id: str) -> CameraSpec | None:
        """Return one camera of the plan, None for any other."""
        plan = self.outcome.plan
        if self._indexed is not plan:
            self._indexed, self._by_point = plan, {camera.point_id: camera for camera in plan.cameras}
        return self._by_point.get(point_id)

    def camera_report(self, point_id: str) -> CameraReport | None:
        """Return the health of one camera of the plan, None for any other."""
        if self.camera(point_id) is None:
            return None
        return self.cameras.get(point_id, CameraReport(point_id=point_id, state=CameraState.CONNECTING))

    def task_reports(self) -> tuple[TaskReport, ...]:
        """Return the state of every task that somebody wants."""
        planned = tuple(
            self.tasks.get(spec.task_id)
            or TaskReport(task_id=spec.task_id, generation=spec.generation, state=TaskState.STARTING)
            for spec in self.outcome.plan.tasks
        )
        return planned + self.outcome.held_back

    async def lanes(self) -> tuple[LaneReport, ...]:
        """Return how far every lane of the outbox has got."""
        states = await self.database.read(outbox.states)
        return tuple(
            LaneReport(lane=lane, produced=state.produced, acknowledged=state.acknowledged, given_up=state.given_up)
            for lane, state in states.items()
        )

    async def report(self) -> ReportedState:
        """Return everything the hub wants to know."""
        return ReportedState(
            node_id=self.node_id,
            applied=self.wishes.applied,
            refused=dict(self.refused),
            reported_at=datetime.now(UTC),
            cameras=self.camera_reports(),
            tasks=self.task_reports(),
            artifacts=self.artifacts,
            lanes=await self.lanes(),
            evidence_backlog=await self.database.read(evidence.backlog),
            restarts=self.restarts,
            set_aside=await set_aside.reports(self.config.data_folder),
            notices=self.notices(),
        )

    def notices(self) -> tuple[BoxNotice, ...]:
        """Return what somebody should look after now."""
        since = self._unwritten_since()
        return () if since is None else (BoxNotice(code=LANES_UNWRITTEN, since=since),)

    async def metrics(self) -> Metrics:
        """Return how busy the machine is, as it was measured last."""
        return metrics_of(self.node_id, self.shares)

    async def _hear(self, process: str, pid: int) -> None:
        self.heard[process] = Heard(pid=pid, at=datetime.now(UTC))
        await self._keep_processes(reported(self._processes, process, pid))

    async def _keep_processes(self, record: ProcessRecord) -> None:
        before = self._processes
        if record == before:
            return
        self._processes = record

        def work(db: sqlite3.Connection) -> None:
            documents.put(db, documents.PROCESSES, record)
            for process in started_anew(before, record):
                detail = {"pid": record.pids[process], "restarts": record.restarts}
                results.record(db, results.BOX, "process.restart", f"process:{process}", detail)

        await self.commit(work)


def _read_what_is_shipped() -> str:
    """Return the version of this software; profiles and manifests are read once, so that no request does it."""
    load_all()
    builtin_manifests()
    known_zones()
    return importlib.metadata.version("fengsui")


def _faults(look: PictureReport | None) -> tuple[PictureFault, ...]:
    return look.faults if look is not None else ()


def _gist(cameras: Mapping[str, CameraReport]) -> dict[str, tuple[str, str]]:
    """Return what makes a change of a camera worth telling at once."""
    return {key: (camera.state.value, camera.reason) for key, camera in cameras.items()}


def _refs_of(arrived: Outgoing, digests: Sequence[str]) -> tuple[EvidenceRef, ...]:
    return tuple(
        EvidenceRef(digest=digest, size_bytes=len(content), width_px=picture.width_px, height_px=picture.height_px)
        for digest, content, picture in zip(digests, arrived.pictures, arrived.event.pictures, strict=True)
    )
