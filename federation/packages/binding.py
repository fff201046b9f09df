"""A template of the catalogue and a model that has its classes make an algorithm."""

from typing import Any

from pydantic import ValidationError

from federation.packages.errors import CannotBind
from federation.packages.manifest import Manifest
from federation.packages.templates import Standing, Template, classes

PREFIX = "city."


def bound_id(template: Template) -> str:
    """Return the id of the algorithm that a template becomes, whatever its model."""
    return f"{PREFIX}{template.slug}"


def bind(template: Template, model: Manifest, *, version: str = "1.0.0", interface: int = 1) -> Manifest:
    """Return the manifest of the algorithm that `template` is with the model of another package.

    Pre- and post-processing, samples and licence are the model's; events, rule and texts are the template's.
    Raises CannotBind.
    """
    standing = template.standing(model.all_labels)
    if model.model_file is None or not model.detects:
        raise CannotBind(f"{model.id} cannot be bound to {template.slug}: it lacks a model that detects")
    if not standing.works:
        raise CannotBind(f"{model.id} cannot be bound to {template.slug}: it lacks {_named(standing)}")
    whole = model.model_dump(mode="json", exclude_defaults=True)
    whole |= {
        "id": bound_id(template),
        "version": version,
        "interface": interface,
        "template": template.slug,
        "model_of": model.id,
        "name": template.name.model_dump(),
        "description": template.description.model_dump(),
        "classification": {
            "analysis": template.analysis if template.analysis in {"detection", "behaviour"} else "detection",
            "targets": list(standing.labels),
            "places": list(template.places),
            "tags": [template.category],
        },
        "needs_region": template.needs_region,
        "rule": _rule(template, standing),
        "params": {},
        "events": [
            _event(template, name, standing.labels[name]) for name in template.reports if name in standing.labels
        ],
        "notes": [],
        "evaluation": [],
    }
    try:
        return Manifest.model_validate(whole)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise CannotBind(f"{template.slug} does not fit {model.id}: {where}: {first['msg']}") from error


def _named(standing: Standing) -> str:
    groups = (" or ".join(classes()[name].text.en for name in group[:8]) for group in standing.missing)
    return "; ".join(groups)


def _rule(template: Template, standing: Standing) -> dict[str, Any]:
    rule: dict[str, Any] = {"kind": template.rule, "defaults": dict(template.defaults)}
    others = (name for group in template.needs for name in group if name not in template.reports)
    partners = [label for name in others for label in standing.labels.get(name, ())]
    return rule | ({"partners": partners} if template.rule == "together" else {})


def _event(template: Template, name: str, labels: tuple[str, ...]) -> dict[str, Any]:
    known = classes()[name]
    return {
        "code": f"{template.code}/{name}",
        "name": {
            "zh": f"{template.name.zh.removesuffix('检测')}·{known.text.zh}",
            "en": f"{template.name.en}: {known.text.en}",
        },
        "when": {"labels": list(labels)},
    }
