"""Which appliance takes a task: decisions over capability and free capacity, without input or output."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

ANALYSE = "analyse"
PULL = "pull"
RECORD = "record"
SNAPSHOT = "snapshot"
ROUNDING = 1e-9  # sums of costs such as 0.1 never fill a unit exactly


@dataclass(frozen=True, kw_only=True)
class PlacementRequest:
    """One task that looks for an appliance; `analyse_cost` in units of streams at key frames.

    `near` is the site of the appliance that it leaves, "" for none: its camera may be on that local network only.
    """

    task_id: str
    point_id: str
    analyse_cost: float
    priority: int = 5
    near: str = ""


@dataclass(frozen=True, kw_only=True)
class Unit:
    """One appliance: what it offers, what its tasks use, and which points it pulls already."""

    node_id: str
    online: bool
    offered: Mapping[str, float]
    used: Mapping[str, float]
    pulled: frozenset[str] = frozenset()
    site: str = ""

    def free(self, capability: str) -> float:
        """Return the units of `capability` that are left."""
        return self.offered.get(capability, 0.0) - self.used.get(capability, 0.0)

    def shortages(self, request: PlacementRequest) -> dict[str, float]:
        """Return what is missing for `request` by capability; empty when it fits."""
        needs = {ANALYSE: request.analyse_cost, PULL: self._pull_cost(request)}
        missing = {name: cost - self.free(name) for name, cost in needs.items()}
        return {name: short for name, short in missing.items() if short > ROUNDING}

    def taking(self, request: PlacementRequest) -> "Unit":
        """Return the appliance with `request` placed on it."""
        used = dict(self.used)
        used[ANALYSE] = used.get(ANALYSE, 0.0) + request.analyse_cost
        used[PULL] = used.get(PULL, 0.0) + self._pull_cost(request)
        return replace(self, used=used, pulled=self.pulled | {request.point_id})

    def pulling(self, point_id: str) -> "Unit":
        """Return the appliance while it pulls a point, whatever for."""
        if point_id in self.pulled:
            return self
        used = {**self.used, PULL: self.used.get(PULL, 0.0) + 1.0}
        return replace(self, used=used, pulled=self.pulled | {point_id})

    def _pull_cost(self, request: PlacementRequest) -> float:
        return 0.0 if request.point_id in self.pulled else 1.0


@dataclass(frozen=True, kw_only=True)
class Placed:
    """The task goes to this appliance."""

    node_id: str


@dataclass(frozen=True, kw_only=True)
class Unplaced:
    """No appliance can take the task; `code` is stable, `detail` is for people."""

    code: str
    detail: str

    @property
    def reason(self) -> str:
        """The code with its detail after a colon, as tasks carry it."""
        return f"{self.code}: {self.detail}"


Decision = Placed | Unplaced


class Placer(Protocol):
    """Chooses an appliance for one task."""

    def place(self, request: PlacementRequest, units: Sequence[Unit]) -> Decision:
        """Return where `request` goes; the same arguments always give the same answer."""


class FirstFit:
    """The first appliance by name that has room: those that pull the point already, then those of the near site."""

    def place(self, request: PlacementRequest, units: Sequence[Unit]) -> Decision:
        """Return where `request` goes, or what is short where it would nearly fit."""
        online = sorted((unit for unit in units if unit.online), key=lambda unit: unit.node_id)
        if not online:
            return Unplaced(code="no_node_online", detail="no appliance is online")
        fitting = [unit for unit in online if not unit.shortages(request)]
        if not fitting:
            return Unplaced(code="no_capacity", detail=_least_short(request, online))
        chosen = min(fitting, key=lambda unit: (request.point_id not in unit.pulled, _is_far(request, unit)))
        return Placed(node_id=chosen.node_id)


def place_all(requests: Iterable[PlacementRequest], units: Iterable[Unit], placer: Placer) -> dict[str, Decision]:
    """Return a decision for every request by task; urgent ones choose first, then older ones."""
    by_node = {unit.node_id: unit for unit in units}
    decisions: dict[str, Decision] = {}
    for request in sorted(requests, key=lambda wanted: (-wanted.priority, wanted.task_id)):
        decision = placer.place(request, tuple(by_node.values()))
        decisions[request.task_id] = decision
        if isinstance(decision, Placed):
            by_node[decision.node_id] = by_node[decision.node_id].taking(request)
    return decisions


def _is_far(request: PlacementRequest, unit: Unit) -> bool:
    return bool(request.near) and unit.site != request.near


def _least_short(request: PlacementRequest, units: Sequence[Unit]) -> str:
    """Name what is missing on the appliance that lacks least."""
    closest = min(units, key=lambda unit: sum(unit.shortages(request).values()))
    missing = closest.shortages(request)
    listed = ", ".join(f"{short:g} {name}" for name, short in sorted(missing.items()))
    return f"short of {listed} on {closest.node_id}"
