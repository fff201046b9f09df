"""The rule of a manifest: what turns what a model sees into events, and the form that each kind of rule has."""

from collections.abc import Mapping
from typing import Literal, Self

from pydantic import Field, JsonValue, model_validator

from federation.packages.parameters import Parameter
from federation.packages.rule_parameters import PARAMETERS
from federation.packages.texts import ManifestPart

RuleKind = Literal[
    "presence",
    "absence",
    "count",
    "dwell",
    "line_crossing",
    "area_share",
    "state",
    "change",
    "together",
    "stopped",
]

_CHOSEN = ("min_conf", "min_size")
_PACE = ("hold_s", "snapshots", "of", "dedupe_s", "repeat")
_TRACKED = ("dedupe_s", "repeat")

FIELDS: Mapping[RuleKind, tuple[str, ...]] = {
    "presence": (*_CHOSEN, "count", *_PACE),
    "absence": (*_CHOSEN, "count", *_PACE),
    "count": (*_CHOSEN, "compare", "count", *_PACE),
    "dwell": (*_CHOSEN, "dwell_s", "count", *_TRACKED),
    "line_crossing": (*_CHOSEN, *_TRACKED),
    "area_share": (*_CHOSEN, "share", *_PACE),
    "state": (*_CHOSEN, *_PACE),
    "change": (*_CHOSEN, "sensitivity", "share", "learn_s", *_PACE),
    "together": (*_CHOSEN, "distance", *_PACE),
    "stopped": (*_CHOSEN, "dwell_s", "still", "count", *_TRACKED),
}
"""Which parameters each kind of rule has, in the order of the form."""


class Rule(ManifestPart):
    """What turns detections into events: the kind, its values where a point says nothing else, and what is fixed.

    - `presence`, `absence`: at least, or fewer than, `count` things are there.
    - `count`: how many there are is compared with `count`.
    - `dwell`: a thing has been in the region for `dwell_s`; `stopped`: it has not moved for so long.
    - `line_crossing`: a thing crosses a drawn line in a direction that counts.
    - `area_share`: the things cover at least `share` of the region, by their masks where the model gives any.
    - `state`: what is there is in a state: of all labels at its place, the event's is the strongest, those aside at
      which a second model looks.
    - `change`: at least `share` of the region differs from a reference picture, learnt in `learn_s`; where things of
      the event's labels are, or were then, and anywhere for the label `changed`.
    - `together`: a thing and a thing of another kind, or one of `partners`, are near each other.
    """

    kind: RuleKind
    defaults: dict[str, JsonValue] = Field(default_factory=dict, description="in the place of the kind's own defaults")
    fixed: dict[str, JsonValue] = Field(default_factory=dict, description="parameters that no form shows")
    partners: tuple[str, ...] = Field(
        default=(), max_length=1000, description="labels for `together`; none: any other label of the same event"
    )

    @property
    def form(self) -> dict[str, Parameter]:
        """The parameters that people may set, with this rule's defaults."""
        names = (name for name in FIELDS[self.kind] if name not in self.fixed)
        return {
            name: PARAMETERS[name].model_copy(update={"default": self.defaults.get(name, PARAMETERS[name].default)})
            for name in names
        }

    @property
    def min_conf(self) -> float:
        """The least score that counts where a point says nothing else."""
        value = {**self.defaults, **self.fixed}.get("min_conf", PARAMETERS["min_conf"].default)
        return float(value) if isinstance(value, (int, float)) else 1.0

    @model_validator(mode="after")
    def _values_fit(self) -> Self:
        known = FIELDS[self.kind]
        for name, value in {**self.defaults, **self.fixed}.items():
            if name not in known:
                msg = f"a rule of kind {self.kind} has no {name}; it has {', '.join(known)}"
                raise ValueError(msg)
            fault = PARAMETERS[name].fault(value)
            if fault is not None:
                msg = f"{name} {fault}"
                raise ValueError(msg)
        if self.partners and self.kind != "together":
            msg = "only a rule of kind together has partners"
            raise ValueError(msg)
        return self
