"""The tasks of the plan at work: each with its judge, its figures and its state."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from appliance.analysis.engine.packages import PackageKey, Ready, Unusable
from appliance.analysis.finding import Finding, Found, Picture
from appliance.analysis.judges import CannotJudge, Sight, StillLoading, make_judges
from appliance.analysis.switching import PROBATION_S, Pair, Trial, judged_alike_by, may_swap
from appliance.analysis.views import SET_BACK, UNKNOWN, Drawings, Judges
from appliance.local import LocalPackage, Plan, View
from federation.messages import Calendar, OnCut, TaskReport, TaskSpec, TaskState

Now = Callable[[], datetime]

NOT_JUDGED = {"calendar": Calendar(), "priority": 5, "on_cut": OnCut()}


@dataclass(frozen=True, kw_only=True)
class Shown:
    """A picture of a point as tasks are shown it, and what its camera looked at."""

    point_id: str
    picture: Picture
    at: datetime
    view: View = UNKNOWN


@dataclass(kw_only=True)
class RunningTask:
    """One task with its judges; without them it waits for its model, or `failure` says why.

    `trouble` is that of its model while it is made anew, `note` what people should know of a change of versions. After
    such a change `former` is the task as it was, for as long as one failure brings it back: until `former_until`.
    """

    spec: TaskSpec
    judges: Judges | None = None
    sight: Sight = field(default_factory=Sight)
    held: Ready | Unusable | None = None
    failure: str = ""
    trouble: str = ""
    note: str = ""
    former: "RunningTask | None" = None
    former_until: datetime | None = None
    judged_at: datetime | None = None
    frames: int = 0
    events: int = 0
    package: LocalPackage | None = None
    drawings: Drawings = field(default_factory=Drawings)

    @property
    def model(self) -> PackageKey | None:
        """The package whose model the task needs, None if it needs the picture alone."""
        if self.package is None or self.package.path is None:
            return None
        return self.package.algorithm_id, self.package.version

    def found_in(self, seen: Mapping[PackageKey | None, Found], at: datetime) -> Found | None:
        """Return what its model saw in the picture of this moment, None if it was not asked.

        What the former version was asked before the change still counts, and no picture counts twice.
        """
        if self.former is None:
            return seen.get(self.model)
        return None if self.judged_at == at else seen.get(self.model) or seen.get(self.former.model)

    def state(self, at: datetime, blind: str) -> TaskState:
        """Return what the task does at the moment `at`; `blind` says why it judges nothing that its camera shows."""
        if self.failure or self.trouble:
            return TaskState.FAILED
        if blind or not self.spec.calendar.is_open(at):
            return TaskState.WAITING
        return TaskState.RUNNING if self.frames else TaskState.STARTING

    def report(self, at: datetime, view: View = UNKNOWN) -> TaskReport:
        """Return the task's report while its camera looks at `view`; that it turns for a moment is not worth a word."""
        blind = "" if self.judges is None or view.turning else self.judges.why_not(view)
        return TaskReport(
            task_id=self.spec.task_id,
            generation=self.spec.generation,
            state=self.state(at, blind),
            reason=self.failure or self.trouble or blind or self.note,
            frames=self.frames,
            events=self.events,
        )


@dataclass(kw_only=True)
class Tasks:
    """All tasks of the plan. `apply`, `judge` and `trouble` run on the one judging thread, in turn."""

    running: dict[str, RunningTask] = field(default_factory=dict)
    trials: dict[Pair, Trial] = field(default_factory=dict)
    untried: dict[Pair, set[str]] = field(default_factory=dict)
    """Pairs of versions that have to be compared before tasks may change over, with the points of these tasks."""

    def apply(self, plan: Plan, held: Mapping[PackageKey, Ready | Unusable], at: datetime) -> None:
        """Start, restart and end tasks, so that exactly those of the plan run; `held` are the engine's packages.

        A task whose judge would be as before goes on undisturbed, whatever else is new about it. One of which only the
        version is new goes on with the old one until the new one has passed its trial.
        """
        self.untried = {}
        packages = {(item.algorithm_id, item.version): item for item in plan.packages}
        wanted: dict[str, RunningTask] = {}
        for spec in plan.tasks:
            key = (spec.algorithm_id, spec.algorithm_version)
            package, model = packages.get(key), held.get(key)
            drawings = Drawings(of_task=spec.drawn, of_point=plan.scenes.get(spec.point_id, ()))
            present = self.running.get(spec.task_id)
            alike = present is not None and present.package == package and _judged_alike(present.spec, spec)
            if present is not None and alike and (present.held, present.drawings) == (model, drawings):
                present.spec = spec
                wanted[spec.task_id] = present
            elif present is not None and package is not None and _follows(present, spec, package, drawings):
                wanted[spec.task_id] = self._changed_over(present, spec, package, model, at)
            else:
                wanted[spec.task_id] = _made(spec, package, model, drawings)
        self.running = wanted

    def packages(self) -> dict[PackageKey, Path]:
        """Return the packages whose models are at work, or were until a moment ago."""
        tasks = [each for task in self.running.values() for each in (task, task.former) if each is not None]
        return {task.model: task.package.path for task in tasks if task.model and task.package and task.package.path}

    def settle(self, at: datetime) -> bool:
        """Let former versions go whose time is over; tell whether there was one."""
        over = [task for task in self.running.values() if task.former_until is not None and task.former_until < at]
        for task in over:
            task.former = task.former_until = None
        return bool(over)

    def points(self) -> frozenset[str]:
        """Return the points that some task needs."""
        return frozenset(task.spec.point_id for task in self.running.values() if not task.failure)

    def needs(self, point_id: str, at: datetime, view: View = UNKNOWN) -> frozenset[PackageKey | None]:
        """Return the packages whose models the tasks of a point need now; None among them: the picture alone."""
        if view.turning:
            return frozenset()
        at_work = self._at_work(point_id, at)
        return frozenset(task.model for task in at_work if task.judges is not None and not task.judges.why_not(view))

    def judge(self, frame: Shown, seen: Mapping[PackageKey | None, Found]) -> list[tuple[TaskSpec, Finding]]:
        """Show a picture, and what models saw in it, to the tasks that wait for these models; return their findings."""
        found: list[tuple[TaskSpec, Finding]] = []
        for task in self._at_work(frame.point_id, frame.at):
            told = task.found_in(seen, frame.at)
            if task.judges is not None and task.judged_at is not None and frame.at < task.judged_at - SET_BACK:
                task.judges.forget()  # what is remembered lies in the future, and would be silent until then
            judge = None if told is None or task.judges is None else task.judges.at(frame.view)
            if told is None or judge is None:
                continue
            task.sight.found, task.judged_at = told, frame.at
            findings = judge.observe(frame.picture, frame.at)
            task.trouble = ""
            task.frames += 1
            task.events += len(findings)
            found.extend((task.spec, finding) for finding in findings)
        return found

    def trouble(self, point_id: str, packages: Collection[PackageKey | None], reason: str) -> bool:
        """Note that models failed at a picture; tell whether a task went back to its former version for that.

        Without a former version, a task whose model breaks its word is over until the plan changes.
        """
        went_back = False
        for task_id, task in list(self.running.items()):
            if task.spec.point_id != point_id or task.model not in packages or task.judges is None:
                continue
            if task.former is not None:
                self._take_back(task_id, task, task.former, reason)
                went_back = True
                continue
            task.trouble = reason
            if reason.startswith("package_unusable"):
                task.judges, task.failure = None, reason
        return went_back

    def _changed_over(
        self, task: RunningTask, spec: TaskSpec, package: LocalPackage, held: Ready | Unusable | None, at: datetime
    ) -> RunningTask:
        """Return the task at its new version, or as it is while that is loaded or tried, or where it was refused."""
        new = (spec.algorithm_id, spec.algorithm_version)
        if held is None or task.model is None or not isinstance(task.held, Ready):
            return task
        if isinstance(held, Unusable):
            task.note = f"switch_refused: {held.reason}"
            return task
        if not may_swap(task.held.manifest, held.manifest):
            return _made(spec, package, held, task.drawings)
        trial = self.trials.get((task.model, new))
        if trial is None:
            self.untried.setdefault((task.model, new), set()).add(spec.point_id)
            return task
        if trial.refusal:
            task.note = trial.refusal
            return task
        task.note = ""
        made = _made(spec, package, held, task.drawings)
        if made.failure:
            task.note = f"switch_refused: {made.failure}"
            return task
        if judged_alike_by(task.held.manifest, held.manifest):
            made.judges, made.sight = task.judges, task.sight  # it goes on with all that it remembers
        made.frames, made.events = task.frames, task.events
        made.former, made.former_until = task, at + timedelta(seconds=PROBATION_S)
        task.former = task.former_until = None
        return made

    def _take_back(self, task_id: str, task: RunningTask, former: RunningTask, reason: str) -> None:
        former.note = f"switched_back: {task.spec.algorithm_version}: {reason}"
        former.frames, former.events = task.frames, task.events
        self.running[task_id] = former
        if former.model is not None and task.model is not None:
            self.trials[former.model, task.model] = Trial(refusal=former.note)

    def _at_work(self, point_id: str, at: datetime) -> list[RunningTask]:
        mine = (task for task in self.running.values() if task.spec.point_id == point_id)
        return [task for task in mine if task.judges is not None and task.spec.calendar.is_open(at)]


def _made(
    spec: TaskSpec, package: LocalPackage | None, held: Ready | Unusable | None, drawings: Drawings
) -> RunningTask:
    task = RunningTask(spec=spec, package=package, held=held, drawings=drawings)
    try:
        task.judges = make_judges(spec, package, held, task.sight, drawings)
    except CannotJudge as error:
        task.failure = str(error)
    except StillLoading:
        pass
    return task


def _follows(task: RunningTask, spec: TaskSpec, package: LocalPackage, drawings: Drawings) -> bool:
    """Tell whether the wanted task differs from a running one in the version of its algorithm alone."""
    version = {"algorithm_version": spec.algorithm_version, "generation": spec.generation}
    same = task.drawings == drawings and _judged_alike(task.spec.model_copy(update=version), spec)
    return task.judges is not None and task.model is not None and package.path is not None and same


def _judged_alike(one: TaskSpec, other: TaskSpec) -> bool:
    """Tell whether the same judge serves both: hours, priority and cuts are not its business."""
    return one.model_copy(update=NOT_JUDGED) == other.model_copy(update=NOT_JUDGED)
