"""The tasks: created, started, placed on appliances, and shown with what they are doing."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, insert, select, update
from sqlalchemy.exc import IntegrityError

from federation.http import Page, Problem
from federation.http.drawing import require_scene_drawn, require_task_drawn
from federation.http.live_feed import LiveFeed
from federation.http.problem import FieldError, conflict, invalid, not_found
from federation.packages import BadParameters
from hub.captures.service import bodies
from hub.captures.sharing import photographed, shared_out
from hub.database import Database
from hub.errors import UnknownNode
from hub.fleet.desired import DesiredPublisher
from hub.fleet.liveness import Cause, Condition
from hub.fleet.roster import NodeRecord, Roster
from hub.points.tables import points
from hub.repository.catalogue import Listed
from hub.repository.rows import task_counts
from hub.repository.service import Repository
from hub.scheduling.homes import homes
from hub.scheduling.model import MOST_ALGORITHMS, Acted, Task, TaskDraft, TaskQuery, TaskSettings, TaskStatus
from hub.scheduling.placement import Placer
from hub.scheduling.reconcile import Wish, moves, units, wishes, with_captures
from hub.scheduling.rows import (
    cameras_used,
    columns_of,
    columns_of_settings,
    filtered,
    move_home,
    parts,
    remove_tasks,
    residents_of,
    store_move,
    switch_tasks,
    task_of,
    wanted_tasks,
)
from hub.scheduling.state import reports_by_task
from hub.scheduling.tables import tasks
from hub.security.audit import HUB, Actor, record

log = logging.getLogger(__name__)

LOOK_EVERY_S = 5.0
PAUSE_S = 0.1  # what changes within it is looked at together
MOST_AT_ONCE = 10_000


class Scheduler:
    """Tasks and their placement; `run` keeps every appliance doing what is wanted."""

    def __init__(
        self,
        *,
        database: Database,
        roster: Roster,
        desired: DesiredPublisher,
        repository: Repository,
        live: LiveFeed,
        placer: Placer,
        silent_s: Callable[[str], float],
    ) -> None:
        """Place tasks by `placer` and tell appliances through `desired`; `silent_s` says how long one was not heard."""
        self._database = database
        self._roster = roster
        self._desired = desired
        self._repository = repository
        self._live = live
        self._placer = placer
        self._silent_s = silent_s
        self._something_changed = asyncio.Event()
        self._one_at_a_time = asyncio.Lock()
        self._seen: dict[str, tuple[TaskStatus, str]] = {}
        self._plan_is_old = True
        self._lives: dict[str, tuple[bool, Condition, Cause] | None] = {}
        roster.when_changed(self._node_changed)

    def wake(self) -> None:
        """Say that tasks, points, algorithms or nodes have changed."""
        self._plan_is_old = True
        self._something_changed.set()

    async def run(self) -> None:
        """Reconcile after every change, and every `LOOK_EVERY_S` seconds, until cancelled."""
        while True:
            self._something_changed.clear()
            if self._plan_is_old:
                self._plan_is_old = False
                await self.reconcile()
            else:
                await self._tell_viewers()
            await asyncio.sleep(PAUSE_S)
            try:
                async with asyncio.timeout(LOOK_EVERY_S):
                    await self._something_changed.wait()
            except TimeoutError:
                self._plan_is_old = True

    async def reconcile(self) -> None:
        """Place what has no place, and tell every appliance what it shall do."""
        async with self._one_at_a_time:  # or an older plan could be told after a newer one
            await self._reconcile()

    def _node_changed(self, node_id: str) -> None:
        """Plan anew when a node came, went or was removed; what it reports changes no plan."""
        node = self._roster.get(node_id)
        lives = None if node is None else (node.online, node.life.condition, node.life.cause)
        if lives is None or self._lives.get(node_id) != lives:
            self._plan_is_old = True
        self._lives[node_id] = lives
        self._something_changed.set()

    async def _reconcile(self) -> None:
        nodes = self._roster.all()
        silent_s = {node.id: self._silent_s(node.id) for node in nodes}
        wanted = await self._database.run(lambda connection: self._place(connection, nodes, silent_s))
        for node_id, wish in wanted.items():
            try:
                await self._desired.set_work(
                    node_id, cameras=wish.cameras, packages=wish.packages, tasks=wish.tasks, used=wish.used
                )
                await self._desired.set_captures(node_id, wish.captures)
            except UnknownNode:
                self.wake()  # it was removed just now: its tasks need another place
        await self._tell_viewers()

    async def page(self, query: TaskQuery) -> Page[Task]:
        """Return one page, newest first."""
        found = [task for task in await self._find(query) if query.status in (None, task.status)]
        page = [task for task in found if query.after is None or task.id < query.after][: query.limit + 1]
        items = tuple(page[: query.limit])
        return Page(items=items, next=items[-1].id if len(page) > query.limit else None, total=len(found))

    async def every(self, query: TaskQuery) -> AsyncIterator[Task]:
        """Give all tasks that match, newest first."""
        for task in await self._find(query):
            if query.status in (None, task.status):
                yield task

    async def get(self, task_id: str) -> Task:
        """Return one task; raise Problem when there is none."""
        return (await self._by_ids([task_id]))[0]

    async def count(self) -> tuple[int, int]:
        """Return how many tasks run, and how many there are."""
        everything = await self._find(TaskQuery())
        return sum(task.status == TaskStatus.RUNNING for task in everything), len(everything)

    async def create(self, draft: TaskDraft, actor: Actor) -> tuple[Task, ...]:
        """Make one task for every point and algorithm; raise Problem for what is unknown or does not fit."""
        algorithms = [self._usable(algorithm_id) for algorithm_id in self._repository.expanded(draft.algorithm_ids)]
        if len(algorithms) > MOST_ALGORITHMS:
            count = len(algorithms)
            text = f"These are {count} algorithms with those of bundles; name at most {MOST_ALGORITHMS} in one order."
            raise invalid("body.algorithm_ids", text)
        settled = {item.id: _settle(item, draft) for item in algorithms}
        point_ids = tuple(dict.fromkeys(draft.point_ids))
        if len(algorithms) * len(point_ids) > MOST_AT_ONCE:
            raise invalid("body.point_ids", f"This would make more than {MOST_AT_ONCE} tasks; make fewer at once.")

        def work(connection: Connection) -> list[str]:
            _require_points(connection, point_ids)
            for item in algorithms:
                alike = sum(other.licensed_id == item.licensed_id for other in algorithms)
                self._require_room(connection, item, len(point_ids) * alike)
            rows = [
                columns_of(draft, point_id, algorithm_id, parameters, actor)
                for point_id in point_ids
                for algorithm_id, parameters in settled.items()
            ]
            connection.execute(insert(tasks), rows)
            for row in rows:
                detail = {name: row[name] for name in ("name", "point_id", "algorithm_id", "started", "priority")}
                record(connection, actor, "task.create", f"task:{row['id']}", detail)
            return [row["id"] for row in rows]

        try:
            ids = await self._database.run(work)
        except IntegrityError as error:
            raise conflict("removed_meanwhile", "A point or an algorithm was removed just now; try again.") from error
        await self.reconcile()
        return await self._by_ids(ids)

    async def change(self, task_id: str, settings: TaskSettings, actor: Actor) -> Task:
        """Change how a task works; what is absent in the request stays. Its place stays."""
        present = await self.get(task_id)
        given = {name: getattr(settings, name) for name in settings.model_fields_set}
        merged = TaskSettings.model_validate(
            {name: given.get(name, getattr(present, name)) for name in TaskSettings.model_fields}
        )
        parameters = _settle(self._repository.find(present.algorithm_id), merged)

        def work(connection: Connection) -> None:
            changed = connection.execute(
                update(tasks).where(tasks.c.id == task_id).values(**columns_of_settings(merged, parameters))
            )
            if not changed.rowcount:
                raise not_found("task", task_id)
            detail = settings.model_dump(mode="json", exclude_unset=True)
            record(connection, actor, "task.change", f"task:{task_id}", detail)

        await self._database.run(work)
        await self.reconcile()
        return await self.get(task_id)

    async def switch(self, ids: Sequence[str], *, started: bool, actor: Actor) -> Acted:
        """Start or stop tasks; unknown ones are not counted."""
        action = "task.start" if started else "task.stop"

        def work(connection: Connection) -> int:
            known = [task_id for part in parts(ids) for task_id in switch_tasks(connection, part, started=started)]
            for task_id in known:
                record(connection, actor, action, f"task:{task_id}")
            return len(known)

        return await self._act(work)

    async def remove(self, ids: Sequence[str], actor: Actor) -> Acted:
        """Remove tasks; their events stay. Unknown ones are not counted."""

        def work(connection: Connection) -> int:
            known = [task_id for part in parts(ids) for task_id in remove_tasks(connection, part)]
            for task_id in known:
                record(connection, actor, "task.delete", f"task:{task_id}")
            return len(known)

        return await self._act(work)

    async def _act(self, work: Callable[[Connection], int]) -> Acted:
        count = await self._database.run(work)
        await self.reconcile()
        return Acted(count=count)

    def _usable(self, algorithm_id: str) -> Listed:
        found = self._repository.catalogue.algorithms.get(algorithm_id)
        if found is None:
            raise invalid("body.algorithm_ids", f"There is no algorithm {algorithm_id[:80]!r}.")
        self._repository.require_usable(found)
        return found

    def _require_room(self, connection: Connection, item: Listed, more: int) -> None:
        """Raise Problem if `more` tasks of an algorithm are more than its licences allow."""
        catalogue = self._repository.catalogue
        allowed = catalogue.authorisation(item.newest.manifest).tasks
        if allowed is None:
            return
        used = catalogue.licensed_tasks(task_counts(connection)).get(item.licensed_id, 0)
        if used + more > allowed:
            detail = (
                f"The licences of {item.id} allow {allowed} tasks, and {used} are there; delete some or enter more."
            )
            raise conflict("licence_full", detail)

    def _place(
        self, connection: Connection, nodes: tuple[NodeRecord, ...], silent_s: Mapping[str, float]
    ) -> dict[str, Wish]:
        catalogue = self._repository.catalogue
        plans = bodies(connection)
        points_of_plans = photographed(plans)
        wanted, residents = wanted_tasks(connection), residents_of(connection, points_of_plans)
        decided = moves(wanted, nodes, catalogue, self._placer, silent_s=silent_s, residents=residents)
        changes = {move.task_id: move for move in decided}
        for move in changes.values():
            store_move(connection, move)
            if move.node_id is not None:
                log.info("task placed: task=%s node=%s generation=%d", move.task_id, move.node_id, move.generation)
            if move.left_behind:
                record(connection, HUB, "task.move", f"task:{move.task_id}", {"node": move.node_id})
        if changes:
            wanted, residents = wanted_tasks(connection), residents_of(connection, points_of_plans)
        boxes = units(nodes, [task for task in wanted if task.started], catalogue)
        if rehomed := homes(residents, boxes):
            move_home(connection, rehomed)
            residents = residents_of(connection, points_of_plans)
        at_home = {one.point_id: one.node_id for one in residents if one.node_id is not None}
        shares = shared_out(plans, at_home)
        found = wishes(wanted, residents, boxes, cameras_used(connection), catalogue)
        return {node_id: with_captures(wish, shares.get(node_id, ()), catalogue) for node_id, wish in found.items()}

    async def _find(self, query: TaskQuery) -> list[Task]:
        statement = filtered(query).order_by(tasks.c.id.desc())
        rows = await self._database.run(lambda connection: connection.execute(statement).all())
        return self._shown(rows)

    async def _by_ids(self, ids: Sequence[str]) -> tuple[Task, ...]:
        def work(connection: Connection) -> list[Any]:
            statement = filtered(TaskQuery())
            return [row for part in parts(ids) for row in connection.execute(statement.where(tasks.c.id.in_(part)))]

        found = {task.id: task for task in self._shown(await self._database.run(work))}
        missing = [task_id for task_id in ids if task_id not in found]
        if missing:
            raise not_found("task", missing[0][:80])
        return tuple(found[task_id] for task_id in ids)

    def _shown(self, rows: Iterable[Any]) -> list[Task]:
        nodes = {node.id: node for node in self._roster.all()}
        reports = reports_by_task(nodes.values())
        return [task_of(row, self._repository.catalogue, nodes, reports) for row in rows]

    async def _tell_viewers(self) -> None:
        if not self._live.viewers:
            self._seen.clear()
            return
        present = await self._find(TaskQuery())
        for task in present:
            if self._seen and self._seen.get(task.id) != (task.status, task.reason):
                self._live.publish("task.changed", task.model_dump(mode="json"))
        for task_id in set(self._seen) - {task.id for task in present}:
            self._live.publish("task.removed", {"id": task_id})
        self._seen = {task.id: (task.status, task.reason) for task in present}


def _settle(algorithm: Listed, settings: TaskSettings) -> dict[str, Any]:
    """Return the parameters with defaults; raise Problem for what the algorithm does not take."""
    manifest = algorithm.newest.manifest
    try:
        parameters = manifest.settle(dict(settings.parameters))
    except BadParameters as error:
        errors = tuple(
            FieldError(field=f"body.parameters.{name}", message=fault) for name, fault in error.fields.items()
        )
        raise Problem(422, error.code, f"{algorithm.id}: {error}", errors=errors) from error
    require_task_drawn(settings.region, settings.masks, settings.lines)
    for index, scene in enumerate(settings.scenes):
        require_scene_drawn(scene, field=f"body.scenes.{index}")
    if any(scene.preset is None for scene in settings.scenes):
        raise invalid("body.scenes", "Name the preset of each scene; region, masks and lines hold at every other view.")
    if manifest.needs_region and settings.region is None and not any(each.regions for each in settings.scenes):
        raise invalid("body.region", f"{algorithm.id} needs a region: 3 to 64 corners, shares of the picture.")
    if manifest.needs_line and not settings.lines and not any(each.lines for each in settings.scenes):
        raise invalid("body.lines", f"{algorithm.id} needs a line: 2 to 16 points, shares of the picture.")
    return parameters


def _require_points(connection: Connection, point_ids: Sequence[str]) -> None:
    for part in parts(point_ids):
        known = set(connection.execute(select(points.c.id).where(points.c.id.in_(part))).scalars())
        missing = [point_id for point_id in part if point_id not in known]
        if missing:
            raise invalid("body.point_ids", f"There is no point {missing[0]!r}.")
