"""What streams and vision shall do: the hub's wishes and those of this box, merged into one plan."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from appliance.local import LocalPackage, Plan
from federation.messages import Calendar, CameraSpec, DesiredState, RecordingSpec, TaskReport, TaskSpec, TaskState
from firmware_profiles.profile import Profile

LOCAL_PREFIX = "local-"
NOT_RECORDED = RecordingSpec()


@dataclass(frozen=True, kw_only=True)
class Wishes:
    """Everything that somebody wants of this box."""

    desired: DesiredState | None = None
    cameras: tuple[CameraSpec, ...] = ()
    tasks: tuple[TaskSpec, ...] = ()
    recordings: Mapping[str, RecordingSpec] = field(default_factory=dict)
    """What was set on this box for cameras of which the hub says nothing."""

    @property
    def all_cameras(self) -> tuple[CameraSpec, ...]:
        """The hub's cameras, then those of this box."""
        return (*(self.desired.cameras if self.desired else ()), *self.cameras)

    @property
    def all_tasks(self) -> tuple[TaskSpec, ...]:
        """The hub's tasks, then those of this box."""
        return (*(self.desired.tasks if self.desired else ()), *self.tasks)


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
    needed = {
        (ref.algorithm_id, ref.version): ref.digest for ref in (wishes.desired.packages if wishes.desired else ())
    }
    ready = [
        LocalPackage(algorithm_id=name, version=version, path=packages[digest] if digest else None)
        for (name, version), digest in needed.items()
        if digest is None or digest in packages
    ]
    absent = {key: digest for key, digest in needed.items() if digest is not None and digest not in packages}
    tasks, held_back = _divide(wishes.all_tasks, absent)
    plan = Plan(
        version=0 if before is None else before.version,
        cameras=tuple(_settled(camera, wishes, recording) for camera in wishes.all_cameras),
        tasks=tasks,
        packages=tuple(ready),
    )
    if plan != before:
        plan = plan.model_copy(update={"version": plan.version + 1})
    return Outcome(plan=plan, held_back=held_back)


def default_recording(profile: Profile) -> RecordingSpec:
    """Return how a box of this kind records when nobody says anything: always, if it is made for it."""
    return RecordingSpec(calendar=Calendar()) if profile.capacity.record else NOT_RECORDED


def _settled(camera: CameraSpec, wishes: Wishes, recording: RecordingSpec) -> CameraSpec:
    if camera.recording is not None:
        return camera
    return camera.model_copy(update={"recording": wishes.recordings.get(camera.point_id, recording)})


def accepts(current: DesiredState | None, new: DesiredState, *, node_id: str) -> bool:
    """Tell whether a document from the hub is for us, and newer than the one we have."""
    return new.node_id == node_id and (current is None or new.order > current.order)


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
