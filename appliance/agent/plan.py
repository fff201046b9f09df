"""What streams and vision shall do: the hub's wishes and those of this box, merged into one plan."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from appliance.local import LocalPackage, Plan
from federation.messages import CameraSpec, DesiredState, TaskReport, TaskSpec, TaskState

LOCAL_PREFIX = "local-"


@dataclass(frozen=True, kw_only=True)
class Wishes:
    """Everything that somebody wants of this box."""

    desired: DesiredState | None = None
    cameras: tuple[CameraSpec, ...] = ()
    tasks: tuple[TaskSpec, ...] = ()

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


def merge(wishes: Wishes, packages: Mapping[str, Path], *, before: Plan | None) -> Outcome:
    """Return the plan for `wishes`; `packages` says where a package of some digest lies.

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
        cameras=wishes.all_cameras,
        tasks=tasks,
        packages=tuple(ready),
    )
    if plan != before:
        plan = plan.model_copy(update={"version": plan.version + 1})
    return Outcome(plan=plan, held_back=held_back)


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
