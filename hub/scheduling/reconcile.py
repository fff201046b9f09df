"""What must change so that every started task has an appliance, and what each appliance shall then do.

Pure decisions; `service` reads, commits and publishes.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from federation.messages import Calendar, CameraSpec, OnCut, PackageRef, RecordingSpec, Scene, Shapes, TaskSpec
from federation.packages.licences import terms_of
from firmware_profiles.profile import UnknownProfile, load_profile
from hub.fleet.liveness import may_move
from hub.fleet.roster import NodeRecord
from hub.repository.catalogue import Catalogue, Release
from hub.scheduling.homes import Resident, is_pulled_always
from hub.scheduling.placement import ANALYSE, PULL, Decision, Placed, PlacementRequest, Placer, Unit, place_all

FENCE_GRACE_S = 20.0  # a task that fences itself has stopped by then


@dataclass(frozen=True, kw_only=True)
class WantedTask:
    """One task as the table has it."""

    id: str
    point_id: str
    algorithm_id: str
    shapes: Shapes
    scenes: tuple[Scene, ...] = ()
    parameters: Mapping[str, Any]
    calendar: Calendar
    priority: int
    on_cut: OnCut
    started: bool
    node_id: str | None
    generation: int
    reason: str


@dataclass(frozen=True, kw_only=True)
class Move:
    """A new place for a task, or none with the reason why.

    `left_behind`: the node of before could not be told, so what it still reports is superseded.
    """

    task_id: str
    node_id: str | None
    generation: int
    reason: str
    left_behind: bool = False


@dataclass(frozen=True, kw_only=True)
class Wish:
    """Everything that one appliance shall do, and what that takes of it."""

    cameras: tuple[CameraSpec, ...] = ()
    packages: tuple[PackageRef, ...] = ()
    tasks: tuple[TaskSpec, ...] = ()
    used: Mapping[str, float] = field(default_factory=dict)
    captures: tuple[Mapping[str, Any], ...] = ()
    """Its share of the snapshot plans, as they are stored."""


def moves(
    wanted: Sequence[WantedTask],
    nodes: Iterable[NodeRecord],
    catalogue: Catalogue,
    placer: Placer,
    *,
    silent_s: Mapping[str, float],
    residents: Sequence[Resident] = (),
) -> list[Move]:
    """Return the changes of placement: stopped tasks leave, unplaced ones look for room, the others stay.

    A task stays on a node that nobody hears, which goes on by itself, unless it shall move and may: then it moves if
    there is room. Only a removed or revoked node loses all its tasks. `silent_s` says how long nodes were not heard.
    Points that their homes pull anyway take of what nodes offer.
    """
    records = tuple(nodes)
    homes = {record.id: record for record in records if record.revoked_at is None}
    started = [task for task in wanted if task.started]
    homeless = [task for task in started if task.node_id not in homes]
    housed = [task for task in started if task.node_id in homes]
    leaving = [task for task in housed if _may_leave(task, homes[task.node_id or ""], silent_s)]
    requests = [_request(task, catalogue, homes) for task in (*homeless, *leaving)]
    decisions = place_all(requests, units(records, housed, catalogue, residents), placer)
    changed = [*_stopped(wanted), *(_settled(task, decisions[task.id]) for task in homeless)]
    changed += [move for task in leaving if (move := _moved(task, decisions[task.id])) is not None]
    present = {task.id: (task.node_id, task.reason) for task in wanted}
    return [move for move in changed if (move.node_id, move.reason) != present[move.task_id]]


def _may_leave(task: WantedTask, node: NodeRecord, silent_s: Mapping[str, float]) -> bool:
    if task.on_cut.move_after_s is None or node.online:
        return False
    return may_move(
        node.life,
        silent_s=silent_s.get(node.id, 0.0),
        move_after_s=task.on_cut.move_after_s,
        fence_after_s=task.on_cut.fence_after_s,
        grace_s=FENCE_GRACE_S,
    )


def _stopped(wanted: Iterable[WantedTask]) -> list[Move]:
    stopped = [task for task in wanted if not task.started]
    return [Move(task_id=task.id, node_id=None, generation=task.generation, reason="") for task in stopped]


def _settled(task: WantedTask, decision: Decision) -> Move:
    if isinstance(decision, Placed):
        return Move(task_id=task.id, node_id=decision.node_id, generation=task.generation + 1, reason="")
    return Move(task_id=task.id, node_id=None, generation=task.generation, reason=decision.reason)


def _moved(task: WantedTask, decision: Decision) -> Move | None:
    if not isinstance(decision, Placed):
        return None  # where it is, it may work; nowhere else is room for it
    following = task.generation + 1
    return Move(task_id=task.id, node_id=decision.node_id, generation=following, reason="", left_behind=True)


def units(
    records: Iterable[NodeRecord],
    staying: Iterable[WantedTask],
    catalogue: Catalogue,
    residents: Iterable[Resident] = (),
) -> list[Unit]:
    """Return every appliance with what its tasks use of it, and the points that are at home there."""
    by_node: dict[str, Unit] = {
        record.id: Unit(
            node_id=record.id,
            online=record.online,
            offered=_offered(record.profile),
            used={},
            site=record.site,
        )
        for record in records
    }
    for task in staying:
        unit = by_node.get(task.node_id or "")
        if unit is not None:
            by_node[unit.node_id] = unit.taking(_request(task, catalogue))
    for one in residents:
        unit = by_node.get(one.node_id or "")
        if unit is not None and is_pulled_always(one.recorded, unit):
            by_node[unit.node_id] = unit.pulling(one.point_id)
    return list(by_node.values())


def wishes(
    wanted: Iterable[WantedTask],
    residents: Iterable[Resident],
    boxes: Sequence[Unit],
    cameras: Mapping[str, CameraSpec],
    catalogue: Catalogue,
) -> dict[str, Wish]:
    """Return what each appliance shall do: its tasks, and to look after the points that are at home there."""
    tasks: dict[str, list[WantedTask]] = {unit.node_id: [] for unit in boxes}
    at_home: dict[str, list[Resident]] = {node_id: [] for node_id in tasks}
    for task in wanted:
        if task.started and task.node_id in tasks and task.point_id in cameras:
            tasks[task.node_id].append(task)
    for one in residents:
        if one.node_id in at_home and one.point_id in cameras:
            at_home[one.node_id].append(one)
    return {unit.node_id: _wish(unit, tasks[unit.node_id], at_home[unit.node_id], cameras, catalogue) for unit in boxes}


def _wish(
    unit: Unit,
    tasks: Sequence[WantedTask],
    residents: Sequence[Resident],
    cameras: Mapping[str, CameraSpec],
    catalogue: Catalogue,
) -> Wish:
    placed = [task for task in tasks if task.algorithm_id in catalogue.algorithms]
    always = {task.point_id for task in placed}
    always |= {one.point_id for one in residents if is_pulled_always(one.recorded, unit)}
    at_home = {one.point_id for one in residents}
    seen = {each: cameras[each] if each in at_home else _not_recorded(cameras[each]) for each in always | at_home}
    named = sorted({task.algorithm_id for task in placed})
    packages = [_package(catalogue.algorithms[algorithm_id].newest, catalogue) for algorithm_id in named]
    return Wish(
        cameras=(
            *(seen[point_id] for point_id in sorted(always)),
            *(seen[point_id].model_copy(update={"pull": "asked"}) for point_id in sorted(at_home - always)),
        ),
        packages=tuple(packages),
        tasks=tuple(_spec(task, catalogue) for task in placed),
        used={ANALYSE: sum(_cost(task, catalogue) for task in placed), PULL: float(len(always))},
    )


def with_captures(wish: Wish, plans: Sequence[Mapping[str, Any]], catalogue: Catalogue) -> Wish:
    """Return a wish with an appliance's share of the snapshot plans, and the packages that look at their pictures."""
    packages = {(each.algorithm_id, each.version): each for each in wish.packages}
    for plan in plans:
        named = plan.get("algorithm") or {}
        found = catalogue.algorithms.get(named.get("algorithm_id", ""))
        release = None if found is None else found.release(named["version"])
        if release is not None:
            ref = _package(release, catalogue)
            packages[ref.algorithm_id, ref.version] = ref
    return replace(wish, captures=tuple(plans), packages=tuple(packages[key] for key in sorted(packages)))


def _not_recorded(camera: CameraSpec) -> CameraSpec:
    """Return a camera for a box that only looks at it: its home records it, if anybody does."""
    return camera.model_copy(update={"recording": RecordingSpec()})


def _spec(task: WantedTask, catalogue: Catalogue) -> TaskSpec:
    return TaskSpec(
        task_id=task.id,
        generation=task.generation,
        point_id=task.point_id,
        algorithm_id=task.algorithm_id,
        algorithm_version=catalogue.algorithms[task.algorithm_id].newest.manifest.version,
        region=next(iter(task.shapes.regions), None),
        masks=task.shapes.masks,
        lines=task.shapes.lines,
        scenes=task.scenes,
        parameters=dict(task.parameters),
        calendar=task.calendar,
        priority=task.priority,
        on_cut=task.on_cut,
    )


def _package(release: Release, catalogue: Catalogue) -> PackageRef:
    return PackageRef(
        algorithm_id=release.manifest.id,
        version=release.manifest.version,
        digest=release.digest,
        size_bytes=release.size_bytes,
        licences=terms_of(release.manifest, catalogue.licences_of(release.manifest)),
    )


def _request(task: WantedTask, catalogue: Catalogue, homes: Mapping[str, NodeRecord] | None = None) -> PlacementRequest:
    home = (homes or {}).get(task.node_id or "")
    return PlacementRequest(
        task_id=task.id,
        point_id=task.point_id,
        analyse_cost=_cost(task, catalogue),
        priority=task.priority,
        near=home.site if home is not None else "",
    )


def _cost(task: WantedTask, catalogue: Catalogue) -> float:
    found = catalogue.algorithms.get(task.algorithm_id)
    return found.newest.manifest.cost if found is not None else 0.0


def _offered(profile_id: str) -> Mapping[str, float]:
    try:
        return load_profile(profile_id).capacity.model_dump()
    except UnknownProfile:
        return {}
