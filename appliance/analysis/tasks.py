"""The tasks of the plan at work: each with its judge, its figures and its state."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from appliance.analysis.engine.engine import PackageKey, Ready, Unusable
from appliance.analysis.finding import Finding, Judge, Picture
from appliance.analysis.judges import CannotJudge, Sight, StillLoading, make_judge
from appliance.local import LocalPackage, Plan
from federation.messages import Calendar, Detection, OnCut, TaskReport, TaskSpec, TaskState

Now = Callable[[], datetime]
NOT_JUDGED = {"calendar": Calendar(), "priority": 5, "on_cut": OnCut()}


@dataclass(frozen=True, kw_only=True)
class Shown:
    """A picture of a point as tasks are shown it."""

    point_id: str
    picture: Picture
    at: datetime


@dataclass(kw_only=True)
class RunningTask:
    """One task with its judge; without one it waits for its model, or `failure` says why.

    `trouble` is that of its model while it is made anew.
    """

    spec: TaskSpec
    judge: Judge | None = None
    sight: Sight = field(default_factory=Sight)
    held: Ready | Unusable | None = None
    failure: str = ""
    trouble: str = ""
    frames: int = 0
    events: int = 0
    package: LocalPackage | None = None

    @property
    def model(self) -> PackageKey | None:
        """The package whose model the task needs, None if it needs the picture alone."""
        if self.package is None or self.package.path is None:
            return None
        return self.package.algorithm_id, self.package.version

    def state(self, at: datetime) -> TaskState:
        """Return what the task does at the moment `at`."""
        if self.failure or self.trouble:
            return TaskState.FAILED
        if not self.spec.calendar.is_open(at):
            return TaskState.WAITING
        return TaskState.RUNNING if self.frames else TaskState.STARTING

    def report(self, at: datetime) -> TaskReport:
        """Return the task's report."""
        return TaskReport(
            task_id=self.spec.task_id,
            generation=self.spec.generation,
            state=self.state(at),
            reason=self.failure or self.trouble,
            frames=self.frames,
            events=self.events,
        )


@dataclass(kw_only=True)
class Tasks:
    """All tasks of the plan. `apply`, `judge` and `trouble` run on the one judging thread, in turn."""

    running: dict[str, RunningTask] = field(default_factory=dict)

    def apply(self, plan: Plan, held: Mapping[PackageKey, Ready | Unusable]) -> None:
        """Start, restart and end tasks, so that exactly those of the plan run; `held` are the engine's packages.

        A task whose judge would be as before goes on undisturbed, whatever else is new about it.
        """
        packages = {(item.algorithm_id, item.version): item for item in plan.packages}
        wanted: dict[str, RunningTask] = {}
        for spec in plan.tasks:
            key = (spec.algorithm_id, spec.algorithm_version)
            package, model = packages.get(key), held.get(key)
            present = self.running.get(spec.task_id)
            alike = present is not None and present.package == package and _judged_alike(present.spec, spec)
            if present is not None and alike and present.held == model:
                present.spec = spec
                wanted[spec.task_id] = present
            else:
                wanted[spec.task_id] = _made(spec, package, model)
        self.running = wanted

    def points(self) -> frozenset[str]:
        """Return the points that some task needs."""
        return frozenset(task.spec.point_id for task in self.running.values() if not task.failure)

    def needs(self, point_id: str, at: datetime) -> frozenset[PackageKey | None]:
        """Return the packages whose models the tasks of a point need now; None among them: the picture alone."""
        return frozenset(task.model for task in self._at_work(point_id, at))

    def judge(
        self, frame: Shown, seen: Mapping[PackageKey | None, tuple[Detection, ...]]
    ) -> list[tuple[TaskSpec, Finding]]:
        """Show a picture, and what models saw in it, to the tasks that wait for these models; return their findings."""
        found: list[tuple[TaskSpec, Finding]] = []
        for task in self._at_work(frame.point_id, frame.at):
            if task.model not in seen or task.judge is None:
                continue
            task.sight.found = seen[task.model]
            findings = task.judge.observe(frame.picture, frame.at)
            task.trouble = ""
            task.frames += 1
            task.events += len(findings)
            found.extend((task.spec, finding) for finding in findings)
        return found

    def trouble(self, point_id: str, packages: Collection[PackageKey | None], reason: str) -> None:
        """Note that models failed at a picture; tasks of one that breaks its word are over until the plan changes."""
        for task in self.running.values():
            if task.spec.point_id == point_id and task.model in packages and task.judge is not None:
                task.trouble = reason
                if reason.startswith("package_unusable"):
                    task.judge, task.failure = None, reason

    def _at_work(self, point_id: str, at: datetime) -> list[RunningTask]:
        mine = (task for task in self.running.values() if task.spec.point_id == point_id)
        return [task for task in mine if task.judge is not None and task.spec.calendar.is_open(at)]


def _made(spec: TaskSpec, package: LocalPackage | None, held: Ready | Unusable | None) -> RunningTask:
    task = RunningTask(spec=spec, package=package, held=held)
    try:
        task.judge = make_judge(spec, package, held, task.sight)
    except CannotJudge as error:
        task.failure = str(error)
    except StillLoading:
        pass
    return task


def _judged_alike(one: TaskSpec, other: TaskSpec) -> bool:
    """Tell whether the same judge serves both: hours, priority and cuts are not its business."""
    return one.model_copy(update=NOT_JUDGED) == other.model_copy(update=NOT_JUDGED)
