"""Tasks and their points as rows of the hub's database: what the scheduler reads, writes and shows of them."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, delete, or_, select, update

from federation.messages import Calendar, CameraSpec, Line, OnCut, Scene, Shapes, new_id
from hub.database.moments import from_us, now_us
from hub.fleet.roster import NodeRecord
from hub.points.service import plan_of
from hub.points.tables import points
from hub.repository.catalogue import Catalogue
from hub.scheduling.homes import Resident
from hub.scheduling.model import Task, TaskDraft, TaskQuery, TaskSettings
from hub.scheduling.reconcile import Move, WantedTask
from hub.scheduling.state import status_of
from hub.scheduling.tables import tasks
from hub.security.audit import Actor

IDS_PER_STATEMENT = 500


def columns_of(
    draft: TaskDraft, point_id: str, algorithm_id: str, parameters: dict[str, Any], actor: Actor
) -> dict[str, Any]:
    """Return a new task as a row."""
    return {
        "id": new_id(),
        "name": draft.name,
        "point_id": point_id,
        "algorithm_id": algorithm_id,
        **columns_of_settings(draft, parameters),
        "started": draft.started,
        "node_id": None,
        "generation": 0,
        "reason": "",
        "events": 0,
        "created_at_us": now_us(),
        "created_by": actor.name[:64],
    }


def columns_of_settings(settings: TaskSettings, parameters: dict[str, Any]) -> dict[str, Any]:
    """Return how a task works as columns of its row."""
    return {
        "region": settings.region,
        "masks": settings.masks,
        "lines": [line.model_dump(mode="json") for line in settings.lines],
        "scenes": [scene.model_dump(mode="json") for scene in settings.scenes],
        "parameters": parameters,
        "calendar": settings.calendar.model_dump(mode="json"),
        "priority": settings.priority,
        "fence_after_s": settings.on_cut.fence_after_s,
        "move_after_s": settings.on_cut.move_after_s,
    }


def switch_tasks(connection: Connection, ids: Sequence[str], *, started: bool) -> list[str]:
    """Start or stop tasks; return those of `ids` that there are."""
    changing = tasks.c.id.in_(ids) & (tasks.c.started != started)
    connection.execute(update(tasks).where(changing).values(started=started))
    return list(connection.execute(select(tasks.c.id).where(tasks.c.id.in_(ids))).scalars())


def remove_tasks(connection: Connection, ids: Sequence[str]) -> list[str]:
    """Remove tasks; return those of `ids` that there were."""
    known = list(connection.execute(select(tasks.c.id).where(tasks.c.id.in_(ids))).scalars())
    connection.execute(delete(tasks).where(tasks.c.id.in_(known)))
    return known


def store_move(connection: Connection, move: Move) -> None:
    """Store where a task has been placed, or why it has no place."""
    values: dict[str, Any] = {"node_id": move.node_id, "generation": move.generation, "reason": move.reason}
    if move.left_behind:
        values["superseded_below"] = move.generation
    connection.execute(update(tasks).where(tasks.c.id == move.task_id).values(**values))


def _shapes(row: Any) -> Shapes:
    regions = [] if row.region is None else [row.region]
    return Shapes.model_validate({"regions": regions, "masks": row.masks, "lines": row.lines})


def _scenes(row: Any) -> tuple[Scene, ...]:
    return tuple(Scene.model_validate(scene) for scene in row.scenes)


def wanted_tasks(connection: Connection) -> list[WantedTask]:
    """Return every task as it is wanted."""
    return [
        WantedTask(
            id=row.id,
            point_id=row.point_id,
            algorithm_id=row.algorithm_id,
            shapes=_shapes(row),
            scenes=_scenes(row),
            parameters=row.parameters,
            calendar=Calendar.model_validate(row.calendar),
            priority=row.priority,
            on_cut=_on_cut(row),
            started=row.started,
            node_id=row.node_id,
            generation=row.generation,
            reason=row.reason,
        )
        for row in connection.execute(select(tasks))
    ]


def _on_cut(row: Any) -> OnCut:
    return OnCut(fence_after_s=row.fence_after_s, move_after_s=row.move_after_s)


def residents_of(connection: Connection, points_of_plans: frozenset[str]) -> list[Resident]:
    """Return every point with its home, and with what needs a home for it."""
    tasks_at: dict[str, set[str]] = {}
    placed = select(tasks.c.point_id, tasks.c.node_id).where(tasks.c.started, tasks.c.node_id.is_not(None))
    for point_id, node_id in connection.execute(placed):
        tasks_at.setdefault(point_id, set()).add(node_id)
    return [
        Resident(
            point_id=row.id,
            node_id=row.node_id,
            tasks_at=frozenset(tasks_at.get(row.id, ())),
            recorded=None if (plan := plan_of(row)) is None else plan.records,
            photographed=row.id in points_of_plans,
        )
        for row in connection.execute(select(points.c.id, points.c.node_id, points.c.recording))
    ]


def move_home(connection: Connection, rehomed: Mapping[str, str | None]) -> None:
    """Give points another home, or none."""
    statement = update(points).where(points.c.id == bindparam("point")).values(node_id=bindparam("home"))
    connection.execute(statement, [{"point": point_id, "home": node_id} for point_id, node_id in rehomed.items()])


def cameras_used(connection: Connection) -> dict[str, CameraSpec]:
    """Return the cameras of points that have a home or a task that is placed."""
    used = points.c.node_id.is_not(None) | points.c.id.in_(select(tasks.c.point_id).where(tasks.c.node_id.is_not(None)))
    return {
        row.id: CameraSpec(
            point_id=row.id,
            name=row.name,
            url=row.stream_url,
            username=row.username,
            password=row.password,
            recording=plan_of(row),
            onvif_url=row.onvif_url,
        )
        for row in connection.execute(select(points).where(used))
    }


def filtered(query: TaskQuery) -> Any:
    """Return the statement that finds tasks, each with the name of its point."""
    statement = select(tasks, points.c.name.label("point_name")).join(points, points.c.id == tasks.c.point_id)
    for column, wanted in (
        (tasks.c.point_id, query.point_id),
        (tasks.c.algorithm_id, query.algorithm_id),
        (tasks.c.node_id, query.node_id),
    ):
        if wanted is not None:
            statement = statement.where(column == wanted)
    if query.text:
        fields = (tasks.c.name, points.c.name, tasks.c.id)
        statement = statement.where(or_(*(field.icontains(query.text, autoescape=True) for field in fields)))
    return statement


def task_of(
    row: Any, catalogue: Catalogue, nodes: Mapping[str, NodeRecord], reports: Mapping[tuple[str, str], Any]
) -> Task:
    """Return a row as the task that is shown."""
    manifest = catalogue.algorithms[row.algorithm_id].presented()
    report = reports.get((row.node_id, row.id))
    status, reason = status_of(
        started=row.started,
        node_id=row.node_id,
        generation=row.generation,
        reason=row.reason,
        node=nodes.get(row.node_id),
        report=report,
    )
    return Task(
        id=row.id,
        name=row.name,
        point_id=row.point_id,
        point_name=row.point_name,
        algorithm_id=row.algorithm_id,
        algorithm_version=manifest.version,
        algorithm_name_zh=manifest.name.zh,
        algorithm_name_en=manifest.name.en,
        region=row.region,
        masks=row.masks,
        lines=tuple(Line.model_validate(line) for line in row.lines),
        scenes=_scenes(row),
        parameters=row.parameters,
        calendar=Calendar.model_validate(row.calendar),
        priority=row.priority,
        on_cut=_on_cut(row),
        started=row.started,
        status=status,
        reason=reason,
        node_id=row.node_id,
        generation=row.generation,
        frames=report.frames if report is not None else 0,
        events=row.events,
        created_at=from_us(row.created_at_us),
        created_by=row.created_by,
    )


def parts(ids: Sequence[str]) -> list[Sequence[str]]:
    """Cut a list for statements, whose number of parameters is bounded."""
    return [ids[start : start + IDS_PER_STATEMENT] for start in range(0, len(ids), IDS_PER_STATEMENT)]
