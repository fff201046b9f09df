"""Which appliance carries out which part of which plan: that where the points are at home. Pure."""

from collections.abc import Iterable, Mapping
from typing import Any

PlanBody = Mapping[str, Any]
"""A plan as it is stored and told: JSON of `federation.messages.CapturePlan`."""


def photographed(plans: Iterable[PlanBody]) -> frozenset[str]:
    """Return the points of which pictures are taken."""
    return frozenset(each["point_id"] for plan in plans if plan["enabled"] for each in plan["rounds"])


def shared_out(plans: Iterable[PlanBody], homes: Mapping[str, str]) -> dict[str, list[PlanBody]]:
    """Return the plans of each appliance, each with the points that are at home there."""
    found: dict[str, list[PlanBody]] = {}
    for plan in plans:
        if not plan["enabled"]:
            continue
        rounds: dict[str, list[Any]] = {}
        for each in plan["rounds"]:
            if each["point_id"] in homes:
                rounds.setdefault(homes[each["point_id"]], []).append(each)
        for node_id, own in rounds.items():
            found.setdefault(node_id, []).append({**plan, "rounds": own})
    return found
