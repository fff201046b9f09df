"""The events: looked up, judged, exported."""

from collections.abc import AsyncIterator, Callable
from typing import Any

from sqlalchemy import Connection, Select, func, or_, select, update

from federation.http import Page, PageQuery
from federation.http.live_feed import LiveFeed
from federation.http.problem import invalid, not_found
from federation.messages import Event
from hub.database import Database
from hub.database.moments import now_us, to_us
from hub.events.ingest import Follower, arrived_pictures
from hub.events.model import EventQuery, EventRow, Judgement, Verdict
from hub.events.recorded import Recorded
from hub.events.rows import row_of
from hub.events.tables import events
from hub.repository.service import Repository
from hub.security.audit import Actor, record

MOST_COUNTED = 100_000  # a total beyond this costs more than it says
LONGEST_CURSOR = 18


class EventLog:
    """Every event that the hub has, newest first."""

    def __init__(
        self,
        *,
        database: Database,
        repository: Repository,
        live: LiveFeed,
        follower: Follower,
        committed: Callable[[], None],
    ) -> None:
        """Let `follower` know of events judged true, in the same transaction; then call `committed`."""
        self._database = database
        self._repository = repository
        self._live = live
        self._follower = follower
        self._committed = committed

    async def page(self, query: EventQuery) -> Page[EventRow]:
        """Return one page, newest first."""
        before = _cursor(query)

        def work(connection: Connection) -> Page[EventRow]:
            statement = _filtered(query)
            total = _total(connection, statement)
            if before is not None:
                statement = statement.where(events.c.cursor < before)
            found = connection.execute(statement.order_by(events.c.cursor.desc()).limit(query.limit + 1)).all()
            shown = self._shown(connection, found[: query.limit])
            more = len(found) > query.limit
            return Page(items=shown, next=str(shown[-1].cursor) if more else None, total=total)

        return await self._database.run(work)

    async def get(self, event_id: str) -> EventRow:
        """Return one event; raise Problem when there is none."""
        return await self._database.run(lambda connection: self._one(connection, event_id))

    async def every(self, query: EventQuery) -> AsyncIterator[EventRow]:
        """Give all events that match, newest first."""
        while True:
            page = await self.page(query)
            for row in page.items:
                yield row
            if page.next is None:
                return
            query = query.model_copy(update={"after": page.next})

    async def judge(self, event_id: str, judgement: Judgement, actor: Actor) -> EventRow:
        """Set the verdict of an event; the newest word counts, the audit keeps them all."""
        row = await self._database.run(lambda connection: self._judge(connection, event_id, judgement, actor))
        self._live.publish("event.judged", row.model_dump(mode="json"))
        self._committed()
        return row

    def _judge(self, connection: Connection, event_id: str, judgement: Judgement, actor: Actor) -> EventRow:
        earlier = self._one(connection, event_id)
        pending = judgement.verdict == Verdict.PENDING
        connection.execute(
            update(events)
            .where(events.c.id == event_id)
            .values(
                verdict=judgement.verdict.value,
                judged_by=None if pending else actor.name[:64],
                judged_at_us=None if pending else now_us(),
                note=judgement.note,
            )
        )
        detail = {"from": earlier.verdict.value, "to": judgement.verdict.value, "note": judgement.note}
        record(connection, actor, "event.judge", f"event:{event_id}", detail)
        if judgement.verdict == Verdict.TRUE:
            stored = select(events.c.body, events.c.mapped_code).where(events.c.id == event_id)
            body, mapped_code = connection.execute(stored).one()
            self._follower.confirm(connection, Recorded(event=Event.model_validate_json(body), mapped_code=mapped_code))
        return self._one(connection, event_id)

    def _one(self, connection: Connection, event_id: str) -> EventRow:
        found = connection.execute(select(events).where(events.c.id == event_id)).all()
        if not found:
            raise not_found("event", event_id[:80])
        return self._shown(connection, found)[0]

    def _shown(self, connection: Connection, found: Any) -> tuple[EventRow, ...]:
        bodies = [Event.model_validate_json(row.body) for row in found]
        digests = [evidence.digest for event in bodies for evidence in event.data.evidence]
        arrived = arrived_pictures(connection, digests)
        catalogue = self._repository.catalogue
        pairs = zip(found, bodies, strict=True)
        return tuple(row_of(row, event, catalogue=catalogue, arrived=arrived) for row, event in pairs)


def _cursor(query: PageQuery) -> int | None:
    if query.after is None:
        return None
    if not (query.after.isascii() and query.after.isdigit() and len(query.after) <= LONGEST_CURSOR):
        raise invalid("query.after", "give what `next` of the page before said")
    return int(query.after)


def _filtered(query: EventQuery) -> Select[Any]:
    statement = select(events)
    for column, wanted in (
        (events.c.mapped_code, query.mapped_code),
        (events.c.point_id, query.point_id),
        (events.c.node_id, query.node_id),
        (events.c.algorithm_id, query.algorithm_id),
        (events.c.verdict, query.verdict),
        (events.c.superseded, query.superseded),
    ):
        if wanted is not None:
            statement = statement.where(column == wanted)
    if query.type is not None:
        below = events.c.type.startswith(f"{query.type}/", autoescape=True)
        statement = statement.where(or_(events.c.type == query.type, below))
    if query.since is not None:
        statement = statement.where(events.c.time_us >= to_us(query.since))
    if query.until is not None:
        statement = statement.where(events.c.time_us < to_us(query.until))
    if query.text:
        named = events.c.point_name.icontains(query.text, autoescape=True)
        statement = statement.where(or_(named, events.c.id == query.text))
    return statement


def _total(connection: Connection, statement: Select[Any]) -> int | None:
    some = statement.with_only_columns(events.c.cursor).limit(MOST_COUNTED + 1).subquery()
    count = connection.scalar(select(func.count()).select_from(some)) or 0
    return count if count <= MOST_COUNTED else None
