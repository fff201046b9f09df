"""What streams and vision shall do: the hub's wishes and those of this box, merged into one plan."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from appliance.local import LocalPackage, Plan
from federation.messages import (
    Applied,
    AppliedVersion,
    Calendar,
    CameraSpec,
    CapturePlan,
    DesiredCaptures,
    DesiredDocument,
    DesiredPolicy,
    DesiredWork,
    PackageRef,
    RecordingSpec,
    Scene,
    TaskReport,
    TaskSpec,
    TaskState,
)
from firmware_profiles.profile import Profile

LOCAL_PREFIX = "local-"
NOT_RECORDED = RecordingSpec()


@dataclass(frozen=True, kw_only=True)
class Wishes:
    """Everything that somebody wants of this box. Tasks in `fenced` must stand still, whoever wants them."""

    work: DesiredWork | None = None
    policy: DesiredPolicy | None = None
    captures: DesiredCaptures | None = None
    cameras: tuple[CameraSpec, ...] = ()
    tasks: tuple[TaskSpec, ...] = ()
    recordings: Mapping[str, RecordingSpec] = field(default_factory=dict)
    """What was set on this box for cameras of which the hub says nothing."""
    scenes: Mapping[str, tuple[Scene, ...]] = field(default_factory=dict)
    """What was drawn on this box on the pictures of cameras."""
    fenced: frozenset[str] = frozenset()

    @property
    def hub_tasks(self) -> tuple[TaskSpec, ...]:
        """The hub's tasks."""
        return self.work.tasks if self.work else ()

    @property
    def all_cameras(self) -> tuple[CameraSpec, ...]:
        """The hub's cameras, then those of this box."""
        return (*(self.work.cameras if self.work else ()), *self.cameras)

    @property
    def packages(self) -> tuple[PackageRef, ...]:
        """The packages that the hub's tasks need, and its plans of snapshots."""
        return self.work.packages if self.work else ()

    @property
    def all_tasks(self) -> tuple[TaskSpec, ...]:
        """The hub's tasks, then those of this box."""
        return (*self.hub_tasks, *self.tasks)

    @property
    def capture_plans(self) -> tuple[CapturePlan, ...]:
        """The hub's plans of snapshots."""
        return self.captures.plans if self.captures else ()

    @property
    def looking_at_pictures(self) -> frozenset[tuple[str, str]]:
        """The algorithms, with their versions, that look at the pictures of the hub's plans."""
        named = (plan.algorithm for plan in self.capture_plans if plan.enabled)
        return frozenset((each.algorithm_id, each.version) for each in named if each is not None)

    @property
    def applied(self) -> Applied:
        """Which documents of the hub are followed."""
        return {
            document.shard: AppliedVersion(
                hub_epoch=document.hub_epoch, version=document.version, issued_at=document.issued_at
            )
            for document in (self.work, self.policy, self.captures)
            if document is not None
        }

    def following(self, document: DesiredDocument) -> "Wishes":
        """Return the wishes with a newer document of the hub."""
        if isinstance(document, DesiredWork):
            return replace(self, work=document)
        if isinstance(document, DesiredCaptures):
            return replace(self, captures=document)
        return replace(self, policy=document) if isinstance(document, DesiredPolicy) else self


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """A plan, and what is said of the tasks that it has to leave out."""

    plan: Plan
    held_back: tuple[TaskReport, ...] = ()


def merge(
    wishes: Wishes, packages: Mapping[str, Path], *, before: Plan | None, recording: RecordingSpec = NOT_RECORDED
) -> Outcome:
    """Return the plan for `wishes`; `packages` says where a package of some digest lies.

    `recording` is how a camera is recorded of which nobody says anything.

    The version grows only if something changes: a restart or a new connection restarts no task.
    """
    needed = {(ref.algorithm_id, ref.version): ref.digest for ref in (wishes.work.packages if wishes.work else ())}
    ready = [
        LocalPackage(
            algorithm_id=name,
            version=version,
            path=packages[digest] if digest else None,
            for_pictures=(name, version) in wishes.looking_at_pictures,
        )
        for (name, version), digest in needed.items()
        if digest is None or digest in packages
    ]
    built_in = {(task.algorithm_id, task.algorithm_version) for task in wishes.tasks} - set(needed)
    ready += [LocalPackage(algorithm_id=name, version=version) for name, version in sorted(built_in)]
    absent = {key: digest for key, digest in needed.items() if digest is not None and digest not in packages}
    free = [task for task in wishes.all_tasks if task.task_id not in wishes.fenced]
    free, kept = _kept_on(free, absent, before)
    ready += [package for package in kept if package not in ready]
    tasks, held_back = _divide(free, absent)
    plan = Plan(
        version=0 if before is None else before.version,
        cameras=tuple(_settled(camera, wishes, recording) for camera in wishes.all_cameras),
        tasks=tasks,
        packages=tuple(ready),
        scenes={
            camera.point_id: wishes.scenes[camera.point_id]
            for camera in wishes.all_cameras
            if camera.point_id in wishes.scenes
        },
    )
    if plan != before:
        plan = plan.model_copy(update={"version": plan.version + 1})
    fenced = tuple(_fenced(task) for task in wishes.all_tasks if task.task_id in wishes.fenced)
    return Outcome(plan=plan, held_back=held_back + fenced)


def default_recording(profile: Profile) -> RecordingSpec:
    """Return how a box of this kind records when nobody says anything: always, if it is made for it."""
    return RecordingSpec(calendar=Calendar()) if profile.capacity.record else NOT_RECORDED


def _settled(camera: CameraSpec, wishes: Wishes, recording: RecordingSpec) -> CameraSpec:
    if camera.recording is not None:
        return camera
    return camera.model_copy(update={"recording": wishes.recordings.get(camera.point_id, recording)})


def _kept_on(
    tasks: Sequence[TaskSpec], absent: Mapping[tuple[str, str], str], before: Plan | None
) -> tuple[list[TaskSpec], list[LocalPackage]]:
    """Let a task whose new version is still on its way go on with the version it had, and keep that one's package."""
    known = {(item.algorithm_id, item.version): item for item in before.packages} if before else {}
    former = {task.task_id: task for task in before.tasks} if before else {}
    wanted: list[TaskSpec] = []
    kept: dict[tuple[str, str], LocalPackage] = {}
    for task in tasks:
        old = former.get(task.task_id)
        package = known.get((old.algorithm_id, old.algorithm_version)) if old is not None else None
        on_its_way = (task.algorithm_id, task.algorithm_version) in absent
        same = old is not None and (old.algorithm_id, old.point_id) == (task.algorithm_id, task.point_id)
        if not on_its_way or old is None or package is None or not same:
            wanted.append(task)
            continue
        wanted.append(old)
        kept[package.algorithm_id, package.version] = package
    return wanted, list(kept.values())


def _divide(
    tasks: Iterable[TaskSpec], absent: Mapping[tuple[str, str], str]
) -> tuple[tuple[TaskSpec, ...], tuple[TaskReport, ...]]:
    """Part the tasks that can run from those whose package is still on its way."""
    able: list[TaskSpec] = []
    waiting: list[TaskReport] = []
    for task in tasks:
        digest = absent.get((task.algorithm_id, task.algorithm_version))
        if digest is None:
            able.append(task)
        else:
            reason = f"package_missing: {task.algorithm_id} {task.algorithm_version} ({digest[:19]}…)"
            waiting.append(
                TaskReport(task_id=task.task_id, generation=task.generation, state=TaskState.STARTING, reason=reason)
            )
    return tuple(able), tuple(waiting)


def _fenced(task: TaskSpec) -> TaskReport:
    reason = f"unconfirmed: the hub has not confirmed this task within {task.on_cut.fence_after_s:g} s"
    return TaskReport(task_id=task.task_id, generation=task.generation, state=TaskState.FENCED, reason=reason)
