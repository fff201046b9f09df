"""Makes a task's judge from its package: a built-in algorithm, or a model with a rule."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from pydantic import JsonValue

from appliance.analysis.area_intrusion import AreaIntrusion
from appliance.analysis.engine.engine import Ready, Unusable
from appliance.analysis.finding import Judge, Picture
from appliance.analysis.left_object import LeftObject
from appliance.analysis.presence import PresenceJudge, PresenceRule, Wanted
from appliance.local import LocalPackage
from federation.messages import Detection, Polygon, TaskSpec
from federation.packages import Manifest, PackageError, builtin_manifests


class CannotJudge(Exception):
    """A task cannot run here; the text is `code: what is wrong`."""


class StillLoading(Exception):
    """The task's model is on its way."""


@dataclass(kw_only=True)
class Sight:
    """What a task's model has seen in the picture that is judged next: rules ask for it as they would ask a model."""

    found: tuple[Detection, ...] = ()

    def detect(self, _picture: Picture) -> tuple[Detection, ...]:
        """Return what was seen."""
        return self.found


def make_judge(task: TaskSpec, package: LocalPackage | None, held: Ready | Unusable | None, sight: Sight) -> Judge:
    """Return a judge for the task; `held` is what the engine says of its package, `sight` what its model will see.

    Raises CannotJudge with a reason for people, or StillLoading.
    """
    try:
        if package is None:
            raise CannotJudge(f"package_missing: {task.algorithm_id} {task.algorithm_version}")
        if package.path is None:
            return _builtin(task)
        if held is None:
            raise StillLoading
        if isinstance(held, Unusable):
            raise CannotJudge(held.reason)
        return _with_model(task, held.manifest, sight)
    except (PackageError, ValueError, RuntimeError) as error:
        raise CannotJudge(f"package_unusable: {str(error).splitlines()[0][:200]}") from error


def _builtin(task: TaskSpec) -> Judge:
    manifest = builtin_manifests().get(task.algorithm_id)
    maker = _BUILTIN.get(task.algorithm_id)
    if manifest is None or maker is None:
        raise CannotJudge(f"algorithm_unknown: {task.algorithm_id} is not built in here")
    return maker(task.region, manifest.settle(task.parameters))


def _with_model(task: TaskSpec, manifest: Manifest, detector: Sight) -> Judge:
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
