"""The tasks of the plan at work: each with its judge, its figures and its state."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from appliance.analysis.decoders import BadOutput
from appliance.analysis.finding import Finding, Judge, Picture
from appliance.analysis.judges import CannotJudge, Workshop
from appliance.local import LocalPackage, Plan
from federation.messages import Calendar, OnCut, TaskReport, TaskSpec, TaskState

Now = Callable[[], datetime]
NOT_JUDGED = {"calendar": Calendar(), "priority": 5, "on_cut": OnCut()}


@dataclass(kw_only=True)
class RunningTask:
    """One task with its judge; without one, `failure` says why."""

    spec: TaskSpec
    judge: Judge | None = None
    failure: str = ""
    frames: int = 0
    events: int = 0
    package: LocalPackage | None = None

    def state(self, at: datetime) -> TaskState:
        """Return what the task does at the moment `at`."""
        if self.failure:
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
            reason=self.failure,
            frames=self.frames,
            events=self.events,
        )


@dataclass(kw_only=True)
class Tasks:
    """All tasks of the plan. `apply` and `judge` run on the one judging thread, in turn."""

    workshop: Workshop = field(default_factory=Workshop)
    running: dict[str, RunningTask] = field(default_factory=dict)

    def apply(self, plan: Plan) -> None:
        """Start, restart and end tasks, so that exactly those of the plan run.

        A task whose judge would be as before goes on undisturbed, whatever else is new about it. May take
        seconds where a model is loaded.
        """
        packages = {(item.algorithm_id, item.version): item for item in plan.packages}
        self.workshop.keep_only(plan.packages)
        wanted: dict[str, RunningTask] = {}
        for spec in plan.tasks:
            package = packages.get((spec.algorithm_id, spec.algorithm_version))
            present = self.running.get(spec.task_id)
            if present is not None and present.package == package and _judged_alike(present.spec, spec):
                present.spec = spec
                wanted[spec.task_id] = present
            else:
                wanted[spec.task_id] = self._made(spec, package)
        self.running = wanted

    def points(self) -> frozenset[str]:
        """Return the points that some task needs."""
        return frozenset(task.spec.point_id for task in self.running.values() if task.judge)

    def judge(self, point_id: str, picture: Picture, at: datetime) -> list[tuple[TaskSpec, Finding]]:
        """Show the picture to every task of its point that works now; return what they found."""
        found: list[tuple[TaskSpec, Finding]] = []
        for task in list(self.running.values()):
            working = task.judge is not None and task.spec.calendar.is_open(at)
            if task.spec.point_id != point_id or not working or task.judge is None:
                continue
            try:
                findings = task.judge.observe(picture, at)
            except BadOutput as error:
                task.judge, task.failure = None, f"package_unusable: {error}"
                continue
            task.frames += 1
            task.events += len(findings)
            found.extend((task.spec, finding) for finding in findings)
        return found

    def _made(self, spec: TaskSpec, package: LocalPackage | None) -> RunningTask:
        task = RunningTask(spec=spec, package=package)
        try:
            task.judge = self.workshop.make(spec, package)
        except CannotJudge as error:
            task.failure = str(error)
        return task


def _judged_alike(one: TaskSpec, other: TaskSpec) -> bool:
    """Tell whether the same judge serves both: hours, priority and cuts are not its business."""
    return one.model_copy(update=NOT_JUDGED) == other.model_copy(update=NOT_JUDGED)
