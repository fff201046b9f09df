"""Makes a task's judge from its package: a built-in algorithm, or a model with a rule."""

from collections.abc import Callable, Mapping
from pathlib import Path

from pydantic import JsonValue

from appliance.analysis.area_intrusion import AreaIntrusion
from appliance.analysis.detector import Detector
from appliance.analysis.finding import Judge
from appliance.analysis.left_object import LeftObject
from appliance.analysis.presence import PresenceJudge, PresenceRule, Wanted
from appliance.local import LocalPackage
from federation.messages import Polygon, TaskSpec
from federation.packages import Manifest, PackageError, builtin_manifests, open_package


class CannotJudge(Exception):
    """A task cannot run here; the text is `code: what is wrong`."""


class Workshop:
    """Makes judges, and keeps every loaded model once for all tasks that need it."""

    def __init__(self) -> None:
        """Start without models."""
        self._detectors: dict[tuple[str, str], tuple[Manifest, Detector]] = {}

    def make(self, task: TaskSpec, package: LocalPackage | None) -> Judge:
        """Return a judge for the task; loads its model if need be, which may take seconds.

        Raises CannotJudge with a reason for people.
        """
        try:
            if package is None:
                raise CannotJudge(f"package_missing: {task.algorithm_id} {task.algorithm_version}")
            if package.path is None:
                return _builtin(task)
            manifest, detector = self._load(package, package.path)
            return _with_model(task, manifest, detector)
        except (PackageError, ValueError, RuntimeError) as error:
            raise CannotJudge(f"package_unusable: {str(error).splitlines()[0][:200]}") from error

    def keep_only(self, packages: tuple[LocalPackage, ...]) -> None:
        """Forget the models of all other packages."""
        wanted = {(package.algorithm_id, package.version) for package in packages}
        self._detectors = {key: item for key, item in self._detectors.items() if key in wanted}

    def _load(self, package: LocalPackage, path: Path) -> tuple[Manifest, Detector]:
        key = (package.algorithm_id, package.version)
        if key not in self._detectors:
            opened = open_package(path)
            if opened.manifest.model_file is None:
                raise CannotJudge(f"package_unusable: {path.name} holds no model")
            model = opened.read(opened.manifest.model_file)
            self._detectors[key] = (opened.manifest, Detector(opened.manifest, model))
        return self._detectors[key]


def _builtin(task: TaskSpec) -> Judge:
    manifest = builtin_manifests().get(task.algorithm_id)
    maker = _BUILTIN.get(task.algorithm_id)
    if manifest is None or maker is None:
        raise CannotJudge(f"algorithm_unknown: {task.algorithm_id} is not built in here")
    return maker(task.region, manifest.settle(task.parameters))


def _with_model(task: TaskSpec, manifest: Manifest, detector: Detector) -> Judge:
    if manifest.rule is None:
        raise CannotJudge(f"package_unusable: {manifest.id} has no rule")
    values = {**manifest.rule.defaults.model_dump(), **manifest.settle(task.parameters)}
    dwell_s = _number(values, "dwell_s") if manifest.rule.kind == "dwell" else 0.0
    rule = PresenceRule(
        min_conf=_number(values, "min_conf"),
        min_size=_number(values, "min_size"),
        count=int(_number(values, "count")),
        dwell_s=dwell_s,
        dedupe_s=_number(values, "dedupe_s"),
    )
    wanted = tuple(
        Wanted(event_code=event.code, labels=frozenset(event.when.labels))
        for event in manifest.events
        if event.when is not None
    )
    return PresenceJudge(detect=detector.detect, wanted=wanted, rule=rule, region=task.region)


def _area_intrusion(region: Polygon | None, values: Mapping[str, JsonValue]) -> Judge:
    return AreaIntrusion(
        region=region,
        sensitivity=_number(values, "sensitivity"),
        min_area=_number(values, "min_area"),
        dwell_s=_number(values, "dwell_s"),
        rearm_s=_number(values, "rearm_s"),
    )


def _left_object(region: Polygon | None, values: Mapping[str, JsonValue]) -> Judge:
    return LeftObject(
        region=region,
        sensitivity=_number(values, "sensitivity"),
        dwell_s=_number(values, "dwell_s"),
        min_area=_number(values, "min_area"),
        max_area=_number(values, "max_area"),
        rearm_s=_number(values, "rearm_s"),
    )


def _number(values: Mapping[str, JsonValue], name: str) -> float:
    value = values[name]
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise CannotJudge(f"parameter_wrong: {name} must be a number")
    return float(value)


_BUILTIN: dict[str, Callable[[Polygon | None, Mapping[str, JsonValue]], Judge]] = {
    "fengsui.area_intrusion": _area_intrusion,
    "fengsui.left_object": _left_object,
}
