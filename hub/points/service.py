"""The points: what is watched, where it is, and how its stream is reached."""

from collections.abc import AsyncIterator, Callable, Mapping
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, TypeVar

from sqlalchemy import Connection, delete, func, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from federation.http import Page
from federation.http.problem import conflict, not_found
from federation.messages import RecordingSpec
from federation.viewing.recordings import RecordingDraft
from hub.database import Database
from hub.database.moments import from_us, now_us, to_us
from hub.events.tables import event_pictures, events, pictures
from hub.fleet.roster import Roster
from hub.points.model import Imported, NewPoint, Point, PointDraft, PointMap, PointQuery
from hub.points.tables import points
from hub.points.watched import Watched, has_fault, watched_points
from hub.scheduling.tables import tasks
from hub.security.audit import Actor, record

PLACE = timezone(timedelta(hours=8))  # today is the calendar day of Asia/Shanghai, which has no summer time
PAGE_OF_EXPORT = 200

Result = TypeVar("Result")


def today_us() -> int:
    """Return when today began in Asia/Shanghai, in microseconds since 1970."""
    return to_us(datetime.now(PLACE).replace(hour=0, minute=0, second=0, microsecond=0).astimezone(UTC))


class Points:
    """Points and what is known of them now."""

    def __init__(self, database: Database, roster: Roster, *, changed: Callable[[], None]) -> None:
        """Tell `changed` after each change, so that tasks follow it."""
        self._database = database
        self._roster = roster
        self._changed = changed

    async def page(self, query: PointQuery) -> Page[Point]:
        """Return one page in order of id."""
        watched = watched_points(self._roster.all())

        def work(connection: Connection) -> Page[Point]:
            statement = _filtered(query, watched)
            total = connection.scalar(select(func.count()).select_from(statement.subquery()))
            following = statement.where(points.c.id > query.after) if query.after else statement
            rows = connection.execute(following.order_by(points.c.id).limit(query.limit + 1)).all()
            shown = _shown(connection, rows[: query.limit], watched)
            more = len(rows) > query.limit
            return Page(items=shown, next=shown[-1].id if more else None, total=total)

        return await self._database.run(work)

    async def get(self, point_id: str) -> Point:
        """Return one point; raise Problem when there is none."""
        watched = watched_points(self._roster.all())
        return await self._database.run(lambda connection: _one(connection, point_id, watched))

    async def every(self) -> AsyncIterator[Point]:
        """Give all points in order of id."""
        query = PointQuery(limit=PAGE_OF_EXPORT)
        while True:
            page = await self.page(query)
            for point in page.items:
                yield point
            if page.next is None:
                return
            query = PointQuery(limit=PAGE_OF_EXPORT, after=page.next)

    async def map(self) -> PointMap:
        """Return every point that has coordinates."""
        watched = watched_points(self._roster.all())
        located = (
            select(points.c.id, points.c.name, points.c.longitude, points.c.latitude)
            .where(points.c.longitude.is_not(None), points.c.latitude.is_not(None))
            .order_by(points.c.id)
        )
        rows = await self._database.run(lambda connection: connection.execute(located).all())
        return PointMap(
            ids=tuple(row.id for row in rows),
            names=tuple(row.name for row in rows),
            longitudes=tuple(row.longitude for row in rows),
            latitudes=tuple(row.latitude for row in rows),
            states=tuple(watched[row.id].report.state if row.id in watched else None for row in rows),
        )

    async def create(self, point: NewPoint, actor: Actor) -> Point:
        """Add a point; raise Problem when its id or its code is taken."""

        def work(connection: Connection) -> Point:
            if connection.scalar(select(points.c.id).where(points.c.id == point.id)) is not None:
                raise conflict("point_exists", f"There is a point {point.id!r} already.")
            _write(connection, point.id, point, known=False)
            record(connection, actor, "point.create", f"point:{point.id}", _audited(point))
            return _one(connection, point.id, {})

        return await self._commit(work)

    async def replace(self, point_id: str, draft: PointDraft, actor: Actor) -> Point:
        """Change a point; an absent password stays as it is."""
        watched = watched_points(self._roster.all())

        def work(connection: Connection) -> Point:
            _one(connection, point_id, {})
            _write(connection, point_id, draft, known=True)
            record(connection, actor, "point.change", f"point:{point_id}", _audited(draft))
            return _one(connection, point_id, watched)

        return await self._commit(work)

    async def remove(self, point_id: str, *, force: bool, actor: Actor) -> None:
        """Remove a point, with its tasks if `force`; its events stay."""

        def work(connection: Connection) -> None:
            _one(connection, point_id, {})
            own = tasks.c.point_id == point_id
            count = connection.scalar(select(func.count()).select_from(tasks).where(own))
            if count and not force:
                raise conflict("point_in_use", f"{count} tasks use this point; delete them first, or force it.")
            connection.execute(delete(tasks).where(own))
            connection.execute(delete(points).where(points.c.id == point_id))
            record(connection, actor, "point.delete", f"point:{point_id}", {"tasks": count})

        await self._commit(work)

    async def set_recording(self, point_id: str, draft: RecordingDraft | None, actor: Actor) -> Point:
        """Say how a point is recorded, or, without a draft, leave that to its box."""
        watched = watched_points(self._roster.all())
        values = None if draft is None else draft.spec.model_dump(mode="json")

        def work(connection: Connection) -> Point:
            _one(connection, point_id, {})
            changed = {"recording": values, "updated_at_us": now_us()}
            connection.execute(update(points).where(points.c.id == point_id).values(**changed))
            record(connection, actor, "recording.plan", f"point:{point_id}", values)
            return _one(connection, point_id, watched)

        return await self._commit(work)

    async def take_in(self, drafts: list[NewPoint], actor: Actor) -> Imported:
        """Add or replace points, all or none."""

        def work(connection: Connection) -> Imported:
            known = set(connection.execute(select(points.c.id)).scalars())
            for draft in drafts:
                _write(connection, draft.id, draft, known=draft.id in known)
            updated = sum(draft.id in known for draft in drafts)
            imported = Imported(count=len(drafts), created=len(drafts) - updated, updated=updated)
            record(connection, actor, "point.import", "points", imported.model_dump())
            return imported

        return await self._commit(work)

    async def newest_picture(self, point_id: str) -> str:
        """Return the digest of the newest stored evidence picture of a point; raise Problem when there is none."""
        statement = (
            select(event_pictures.c.digest)
            .join(events, events.c.id == event_pictures.c.event_id)
            .join(pictures, pictures.c.digest == event_pictures.c.digest)
            .where(events.c.point_id == point_id)
            .order_by(events.c.cursor.desc())
            .limit(1)
        )
        digest = await self._database.run(lambda connection: connection.scalar(statement))
        if digest is None:
            raise not_found("picture of point", point_id)
        return str(digest)

    async def _commit(self, work: Callable[[Connection], Result]) -> Result:
        try:
            result = await self._database.run(work)
        except IntegrityError as error:
            raise conflict("code_taken", "Another point has this id or this GB/T 28181 code.") from error
        self._changed()
        return result


def _filtered(query: PointQuery, watched: Mapping[str, Watched]) -> Any:
    statement = select(points)
    if query.text:
        fields = (points.c.name, points.c.id, points.c.gb_code, points.c.address)
        statement = statement.where(or_(*(field.icontains(query.text, autoescape=True) for field in fields)))
    if query.bureau:
        statement = statement.where(points.c.bureau == query.bureau)
    if query.picture_fault is not None:
        ids = [point_id for point_id, seen in watched.items() if has_fault(seen.report, query.picture_fault)]
        statement = statement.where(points.c.id.in_(ids))
    if query.camera_state is not None:
        ids = [point_id for point_id, seen in watched.items() if seen.report.state == query.camera_state]
        statement = statement.where(points.c.id.in_(ids))
    return statement


def _one(connection: Connection, point_id: str, watched: Mapping[str, Watched]) -> Point:
    rows = connection.execute(select(points).where(points.c.id == point_id)).all()
    if not rows:
        raise not_found("point", point_id)
    return _shown(connection, rows, watched)[0]


def _shown(connection: Connection, rows: Any, watched: Mapping[str, Watched]) -> tuple[Point, ...]:
    ids = [row.id for row in rows]
    by_task = _counts(connection, tasks.c.point_id, tasks.c.point_id.in_(ids))
    by_event = _counts(connection, events.c.point_id, events.c.point_id.in_(ids), events.c.time_us >= today_us())
    return tuple(_point(row, watched.get(row.id), by_task.get(row.id, 0), by_event.get(row.id, 0)) for row in rows)


def _counts(connection: Connection, column: Any, *conditions: Any) -> dict[str, int]:
    found = connection.execute(select(column, func.count()).where(*conditions).group_by(column))
    return {row[0]: row[1] for row in found}


def _point(row: Any, seen: Watched | None, task_count: int, events_today: int) -> Point:
    return Point(
        id=row.id,
        name=row.name,
        gb_code=row.gb_code,
        bureau=row.bureau,
        division=row.division,
        address=row.address,
        longitude=row.longitude,
        latitude=row.latitude,
        stream_url=row.stream_url,
        username=row.username,
        has_password=bool(row.password),
        onvif_url=row.onvif_url,
        created_at=from_us(row.created_at_us),
        updated_at=from_us(row.updated_at_us),
        camera_state=seen.report.state if seen else None,
        picture_faults=seen.report.picture.faults if seen and seen.report.picture else (),
        camera_reason=seen.report.reason if seen else "",
        node_id=seen.node_id if seen else None,
        recording=plan_of(row),
        recording_report=seen.report.recording if seen else None,
        tasks=task_count,
        events_today=events_today,
    )


def plan_of(row: Any) -> RecordingSpec | None:
    """Return how a point of the table is recorded, None where its box says it."""
    return None if row.recording is None else RecordingSpec.model_validate(row.recording)


def _write(connection: Connection, point_id: str, draft: PointDraft, *, known: bool) -> None:
    now = now_us()
    values = draft.model_dump(exclude={"id", "password"}) | {"updated_at_us": now}
    if known:
        if draft.password is not None:
            values["password"] = draft.password
        connection.execute(update(points).where(points.c.id == point_id).values(**values))
        return
    connection.execute(insert(points).values(**values, id=point_id, password=draft.password or "", created_at_us=now))


def _audited(draft: PointDraft) -> dict[str, Any]:
    return draft.model_dump(include={"name", "bureau", "stream_url"})
