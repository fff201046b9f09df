"""Makes a task's judge from its package: what looks at pictures - a model, or an eye of the product - and a rule."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from appliance.analysis.engine.packages import Ready, Unusable
from appliance.analysis.finding import Finding, Found, Judge, Picture
from appliance.analysis.rules import Ruling, Seen, Zone, rules_of, values_of
from appliance.analysis.starters import Eye, eye_of
from appliance.analysis.views import Drawings, Judges
from appliance.local import LocalPackage
from federation.messages import TaskSpec
from federation.packages import Manifest, PackageError, builtin_manifests


class CannotJudge(Exception):
    """A task cannot run here; the text is `code: what is wrong`."""


class StillLoading(Exception):
    """The task's model is on its way."""


@dataclass(kw_only=True)
class Sight:
    """What a task's model has seen in the picture that is judged next."""

    found: Found = field(default_factory=Found)


@dataclass(frozen=True, kw_only=True)
class ModelJudge:
    """A model's detections under a rule."""

    sight: Sight
    ruling: Ruling

    def observe(self, picture: Picture, at: datetime) -> list[Finding]:
        """Return what is to be reported of this picture."""
        found = self.sight.found
        return self.ruling.judge(Seen(at=at, detections=found.detections, areas=found.areas, picture=picture))


@dataclass(frozen=True, kw_only=True)
class EyeJudge:
    """What an eye of the product sees under a rule."""

    eye: Eye
    ruling: Ruling

    def observe(self, picture: Picture, at: datetime) -> list[Finding]:
        """Return what is to be reported of this picture."""
        return self.ruling.judge(self.eye.look(picture, at))


def make_judges(
    task: TaskSpec, package: LocalPackage | None, held: Ready | Unusable | None, sight: Sight, drawings: Drawings
) -> Judges:
    """Return what judges for the task; `held` is what the engine says of its package, `sight` what its model will see.

    Raises CannotJudge with a reason for people, or StillLoading.
    """
    if package is None:
        raise CannotJudge(f"package_missing: {task.algorithm_id} {task.algorithm_version}")
    if package.path is None:
        judges = Judges(drawings=drawings, make=_usable(lambda zone: _builtin(task, zone)))
    elif held is None:
        raise StillLoading
    elif isinstance(held, Unusable):
        raise CannotJudge(held.reason)
    else:
        manifest = held.manifest
        judges = Judges(
            drawings=drawings,
            make=_usable(lambda zone: ModelJudge(sight=sight, ruling=_ruling(task, manifest, zone))),
        )
    judges.make(Zone())  # says now what it would say of the first picture
    return judges


def _usable(make: Callable[[Zone], Judge]) -> Callable[[Zone], Judge]:
    def made(zone: Zone) -> Judge:
        try:
            return make(zone)
        except (PackageError, ValueError, RuntimeError) as error:
            raise CannotJudge(f"package_unusable: {str(error).splitlines()[0][:200]}") from error

    return made


def _builtin(task: TaskSpec, zone: Zone) -> Judge:
    manifest = builtin_manifests().get(task.algorithm_id)
    eye = None if manifest is None else eye_of(manifest, values_of(manifest, task.parameters), zone)
    if manifest is None or eye is None:
        raise CannotJudge(f"algorithm_unknown: {task.algorithm_id} is not built in here")
    return EyeJudge(eye=eye, ruling=_ruling(task, manifest, zone))


def _ruling(task: TaskSpec, manifest: Manifest, zone: Zone) -> Ruling:
    return Ruling(rules_of(manifest, values_of(manifest, task.parameters), zone))
