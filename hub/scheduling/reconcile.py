"""What must change so that every started task has an appliance, and what each appliance shall then do.

Pure decisions; `service` reads, commits and publishes.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from federation.messages import Calendar, CameraSpec, PackageRef, TaskSpec
from firmware_profiles.profile import UnknownProfile, load_profile
from hub.fleet.roster import NodeRecord
from hub.repository.catalogue import Catalogue
from hub.scheduling.placement import ANALYSE, PULL, Placed, PlacementRequest, Placer, Unit, place_all


@dataclass(frozen=True, kw_only=True)
class WantedTask:
    """One task as the table has it."""

    id: str
    point_id: str
    algorithm_id: str
    region: tuple[tuple[float, float], ...] | None
    parameters: Mapping[str, Any]
    calendar: Calendar
    priority: int
    started: bool
    node_id: str | None
    generation: int
    reason: str


@dataclass(frozen=True, kw_only=True)
class Move:
    """A new place for a task, or none with the reason why."""

    task_id: str
    node_id: str | None
    generation: int
    reason: str


@dataclass(frozen=True, kw_only=True)
class Wish:
    """Everything that one appliance shall do, and what that takes of it."""

    cameras: tuple[CameraSpec, ...] = ()
    packages: tuple[PackageRef, ...] = ()
    tasks: tuple[TaskSpec, ...] = ()
    used: Mapping[str, float] = field(default_factory=dict)


def moves(
    wanted: Sequence[WantedTask], nodes: Iterable[NodeRecord], catalogue: Catalogue, placer: Placer
) -> list[Move]:
    """Return the changes of placement: stopped tasks leave, unplaced ones look for room, the others stay.

    A task stays on a node that is offline: it goes on by itself. Only a removed or revoked node loses its tasks.
    """
    records = tuple(nodes)
    known = {record.id for record in records if record.revoked_at is None}
    staying = [task for task in wanted if task.started and task.node_id in known]
    looking = [task for task in wanted if task.started and task.node_id not in known]
    requests = [_request(task, catalogue) for task in looking]
    decisions = place_all(requests, units(records, staying, catalogue), placer)
    changed = [
        Move(task_id=task.id, node_id=None, generation=task.generation, reason="")
        for task in wanted
        if not task.started and (task.node_id is not None or task.reason)
    ]
    for task in looking:
        decision = decisions[task.id]
        if isinstance(decision, Placed):
            place = Move(task_id=task.id, node_id=decision.node_id, generation=task.generation + 1, reason="")
        else:
            place = Move(task_id=task.id, node_id=None, generation=task.generation, reason=decision.reason)
        if (place.node_id, place.reason) != (task.node_id, task.reason):
            changed.append(place)
    return changed


def units(records: Iterable[NodeRecord], staying: Iterable[WantedTask], catalogue: Catalogue) -> list[Unit]:
    """Return every appliance with what its tasks use of it."""
    by_node: dict[str, Unit] = {
        record.id: Unit(node_id=record.id, online=record.online, offered=_offered(record.profile), used={})
        for record in records
    }
    for task in staying:
        unit = by_node.get(task.node_id or "")
        if unit is not None:
            by_node[unit.node_id] = unit.taking(_request(task, catalogue))
    return list(by_node.values())


def wishes(
    wanted: Iterable[WantedTask],
    node_ids: Collection[str],
    cameras: Mapping[str, CameraSpec],
    catalogue: Catalogue,
) -> dict[str, Wish]:
    """Return what each appliance shall do; one without tasks shall do nothing."""
    by_node: dict[str, list[WantedTask]] = {node_id: [] for node_id in node_ids}
    for task in wanted:
        if task.started and task.node_id in by_node and task.point_id in cameras:
            by_node[task.node_id].append(task)
    return {node_id: _wish(tasks, cameras, catalogue) for node_id, tasks in by_node.items()}


def _wish(tasks: Sequence[WantedTask], cameras: Mapping[str, CameraSpec], catalogue: Catalogue) -> Wish:
    placed = [task for task in tasks if task.algorithm_id in catalogue.algorithms]
    points = sorted({task.point_id for task in placed})
    packages = [_package(algorithm_id, catalogue) for algorithm_id in sorted({task.algorithm_id for task in placed})]
    return Wish(
        cameras=tuple(cameras[point_id] for point_id in points),
        packages=tuple(packages),
        tasks=tuple(_spec(task, catalogue) for task in placed),
        used={ANALYSE: sum(_cost(task, catalogue) for task in placed), PULL: float(len(points))},
    )


def _spec(task: WantedTask, catalogue: Catalogue) -> TaskSpec:
    return TaskSpec(
        task_id=task.id,
        generation=task.generation,
        point_id=task.point_id,
        algorithm_id=task.algorithm_id,
        algorithm_version=catalogue.algorithms[task.algorithm_id].newest.manifest.version,
        region=task.region,
        parameters=dict(task.parameters),
        calendar=task.calendar,
        priority=task.priority,
    )


def _package(algorithm_id: str, catalogue: Catalogue) -> PackageRef:
    release = catalogue.algorithms[algorithm_id].newest
    return PackageRef(
        algorithm_id=algorithm_id,
        version=release.manifest.version,
        digest=release.digest,
        size_bytes=release.size_bytes,
    )


def _request(task: WantedTask, catalogue: Catalogue) -> PlacementRequest:
    return PlacementRequest(
        task_id=task.id,
        point_id=task.point_id,
        analyse_cost=_cost(task, catalogue),
        priority=task.priority,
    )


def _cost(task: WantedTask, catalogue: Catalogue) -> float:
    found = catalogue.algorithms.get(task.algorithm_id)
    return found.newest.manifest.cost if found is not None else 0.0


def _offered(profile_id: str) -> Mapping[str, float]:
    try:
        return load_profile(profile_id).capacity.model_dump()
    except UnknownProfile:
        return {}
