"""Makes the rules of a task from the rule of its manifest and the task's parameters."""

from collections.abc import Mapping
from typing import Any

from pydantic import JsonValue

from appliance.analysis.rules.areas import AreaShareRule
from appliance.analysis.rules.change import ChangeRule
from appliance.analysis.rules.choice import Choice
from appliance.analysis.rules.conditions import Condition, ConditionRule, at_most, presence, state, together
from appliance.analysis.rules.episode import Pace
from appliance.analysis.rules.line_crossing import LineCrossingRule
from appliance.analysis.rules.seen import Rule
from appliance.analysis.rules.staying import StayingRule
from appliance.analysis.rules.values import Values
from appliance.analysis.rules.zone import Zone
from federation.packages.manifest import Manifest
from federation.packages.rules import Rule as Declared


def values_of(manifest: Manifest, given: Mapping[str, JsonValue]) -> Values:
    """Return a task's parameters with the manifest's defaults; raise BadParameters for what does not fit."""
    fixed = {} if manifest.rule is None else manifest.rule.fixed
    return Values({**fixed, **manifest.settle(dict(given))})


def rules_of(manifest: Manifest, values: Values, zone: Zone) -> tuple[Rule[Any], ...]:
    """Return a rule for every event of the manifest; raise ValueError for a manifest without rule."""
    declared = manifest.rule
    if declared is None:
        msg = f"{manifest.id} has no rule"
        raise ValueError(msg)
    things = frozenset(label for stage in manifest.stages for label in stage.on)
    wanted = ((event.code, event.when.labels) for event in manifest.events if event.when is not None)
    return tuple(_rule(declared, values, _choice(code, labels, values, zone), things) for code, labels in wanted)


def _choice(code: str, labels: tuple[str, ...], values: Values, zone: Zone) -> Choice:
    return Choice(
        event_code=code,
        labels=frozenset(labels),
        min_conf=values.number("min_conf"),
        min_size=values.number("min_size"),
        zone=zone,
    )


def _rule(declared: Declared, values: Values, choice: Choice, things: frozenset[str]) -> Rule[Any]:
    pace = Pace(
        hold_s=values.number("hold_s"),
        snapshots=int(values.number("snapshots")),
        of=int(values.number("of")),
        dedupe_s=values.number("dedupe_s"),
        repeat=values.holds("repeat"),
    )
    count, dwell_s, share = int(values.number("count")), values.number("dwell_s"), values.number("share")
    match declared.kind:
        case "dwell":
            return StayingRule(choice=choice, pace=pace, dwell_s=dwell_s, count=count)
        case "stopped":
            still = values.number("still")
            return StayingRule(choice=choice, pace=pace, dwell_s=dwell_s, count=count, still=still)
        case "line_crossing":
            return LineCrossingRule(choice=choice, pace=pace)
        case "area_share":
            return AreaShareRule(choice=choice, pace=pace, share=share)
        case "change":
            sensitivity, learn_s = values.number("sensitivity"), values.number("learn_s")
            return ChangeRule(choice=choice, pace=pace, share=share, sensitivity=sensitivity, learn_s=learn_s)
        case _:
            return ConditionRule(choice=choice, pace=pace, condition=_condition(declared, values, count, things))


def _condition(declared: Declared, values: Values, count: int, things: frozenset[str]) -> Condition:
    match declared.kind:
        case "absence":
            return at_most(count - 1)
        case "count" if values.text("compare") == "at_most":
            return at_most(count)
        case "state":
            return state(things)
        case "together":
            return together(frozenset(declared.partners), values.number("distance"))
        case _:
            return presence(count)
