"""The lane of events: rows that are events are stored, with all that hangs on them."""

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from pydantic import ValidationError
from sqlalchemy import Connection, bindparam, insert, select, update

from federation.http.live_feed import LiveFeed
from federation.messages import Event, ForwardedEvent
from hub.custody.intake import LaneKey, Row
from hub.custody.service import Taken
from hub.database.bulk import insert_rows, read_by_keys, run_for_each
from hub.database.moments import to_us
from hub.events.latency import LatencyWindow
from hub.events.model import EventRow
from hub.events.recorded import Recorded
from hub.events.rows import NEW_COLUMNS, row_of, values_of
from hub.events.tables import event_pictures, events, pictures
from hub.repository.service import Repository

NOTICES_AT_ONCE = 100  # a page wants the newest; it fetches the rest as a list
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class Follower(Protocol):
    """Who must know of events in the very transaction that stores or judges them."""

    def add(self, connection: Connection, recorded: Sequence[Recorded]) -> None:
        """Take note of events that are being committed, in their order of arrival."""

    def confirm(self, connection: Connection, judged: Recorded) -> None:
        """Take note of an event that is being judged true."""


class Followers:
    """Several followers as one, told in their order."""

    def __init__(self, followers: Sequence[Follower]) -> None:
        """Tell all of these."""
        self._followers = tuple(followers)

    def add(self, connection: Connection, recorded: Sequence[Recorded]) -> None:
        """Let each take note of events that are being committed."""
        for follower in self._followers:
            follower.add(connection, recorded)

    def confirm(self, connection: Connection, judged: Recorded) -> None:
        """Let each take note of an event that is being judged true."""
        for follower in self._followers:
            follower.confirm(connection, judged)


@dataclass(kw_only=True)
class Tally:
    """Events stored since the program started; `latency` is from frame to row."""

    latency: LatencyWindow
    events: int = 0


class EventTaker:
    """Stores the rows of the lane of events."""

    def __init__(
        self,
        *,
        repository: Repository,
        live: LiveFeed,
        follower: Follower,
        latency: LatencyWindow,
        committed: Callable[[], None],
        hub_id: Callable[[], str],
    ) -> None:
        """Tell `follower` within each transaction; `committed` is called on the event loop after one with events.

        `hub_id` gives this hub's own, by which an event that comes back is known.
        """
        self.tally = Tally(latency=latency)
        self._repository = repository
        self._live = live
        self._follower = follower
        self._committed = committed
        self._hub_id = hub_id

    def take(self, connection: Connection, rows: Sequence[Row], at_us: int) -> Taken:
        """Store what is an event and has not come before."""
        valid, rejected = _sort_out(rows, self._hub_id())
        new, repeated = _without_repeats(connection, valid)
        notices = self._insert(connection, new, at_us)
        latencies_ms = [(at_us - to_us(event.time)) / 1000 for _, event in new]
        tell = partial(self._tell, notices, latencies_ms)
        return Taken(rejected=rejected, repeated=repeated, tell=tell)

    def _insert(self, connection: Connection, rows: list[tuple[Row, Event]], received_at_us: int) -> list[EventRow]:
        """Insert new events with all that hangs on them; return the newest of them as portal pages show them."""
        if not rows:
            return []
        new = [event for _, event in rows]
        places = _places(connection, {event.data.point_id for event in new})
        replaced = _replaced(connection, {event.data.task_id for event in new})
        mapped_codes = self._repository.catalogue.mapped_codes
        values = []
        for row, event in rows:
            name, bureau = _place(event, places)
            superseded = event.data.generation < replaced.get(event.data.task_id, 0)
            values.append(
                values_of(
                    row,
                    event,
                    point_name=name,
                    bureau=bureau,
                    superseded=superseded,
                    received_at_us=received_at_us,
                    mapped_code=mapped_codes.get(event.type),
                )
            )
        insert_rows(connection, events, NEW_COLUMNS, values)
        _insert_pictures(connection, new)
        _count_by_task(connection, new)
        recorded = [Recorded(event=event, mapped_code=mapped_codes.get(event.type)) for event in new]
        self._follower.add(connection, recorded)
        return self._notices(connection, new) if self._live.viewers else []

    def _notices(self, connection: Connection, new: list[Event]) -> list[EventRow]:
        newest = {event.id: event for event in new[-NOTICES_AT_ONCE:]}
        digests = [evidence.digest for event in newest.values() for evidence in event.data.evidence]
        arrived = arrived_pictures(connection, digests)
        found = connection.execute(select(events).where(events.c.id.in_(newest)).order_by(events.c.cursor))
        catalogue = self._repository.catalogue
        return [row_of(row, newest[row.id], catalogue=catalogue, arrived=arrived) for row in found]

    def _tell(self, notices: Sequence[EventRow], latencies_ms: Sequence[float]) -> None:
        self.tally.events += len(latencies_ms)
        for latency_ms in latencies_ms:
            self.tally.latency.add(latency_ms)
        for row in notices:
            self._live.publish("event.created", row.model_dump(mode="json"))
        if latencies_ms:
            self._committed()


def arrived_pictures(connection: Connection, digests: Sequence[str]) -> set[str]:
    """Return those of `digests` whose pictures are stored."""
    return set(connection.execute(select(pictures.c.digest).where(pictures.c.digest.in_(digests))).scalars())


def read_event(row: Row, hub_id: str) -> Event | str:
    """Return the row as an event of its own node, or one sentence that says why it is none.

    A node that is a hub hands on what others saw: the event says so itself. `hub_id` is this hub's.
    """
    try:
        event = Event.model_validate_json(row.text)
        if (event.model_extra or {}).get("path"):
            event = ForwardedEvent.model_validate_json(row.text)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
    if event.source != row.key.node_id:
        return f"source: {event.source} is not the node that sent it"
    if _UUID.fullmatch(event.id) is None:
        return "id: not a UUID"
    if isinstance(event, ForwardedEvent) and event.passed(hub_id):
        return "path: the event was at this hub before"
    return _unstorable(event) or event


def _unstorable(event: Event) -> str | None:
    for name, text, longest in (
        ("type", event.type, 128),
        ("data.task_id", event.data.task_id, 64),
        ("data.algorithm_id", event.data.algorithm_id, 128),
    ):
        if len(text) > longest or "\x00" in text:
            return f"{name}: longer than {longest} characters, or with a NUL"
    if isinstance(event, ForwardedEvent) and "\\u0000" in event.model_dump_json(include={"origin", "path"}):
        return "origin: with a NUL"
    return None


def _place(event: Event, places: dict[str, tuple[str, str]]) -> tuple[str, str]:
    """Return name and bureau of the event's point: as the hub of its origin called them, or as they are here."""
    if isinstance(event, ForwardedEvent):
        return event.origin.point_name, event.origin.bureau
    return places.get(event.data.point_id, (event.data.point_id, ""))


def _sort_out(rows: Sequence[Row], hub_id: str) -> tuple[list[tuple[Row, Event]], list[tuple[Row, str]]]:
    valid: list[tuple[Row, Event]] = []
    rejected: list[tuple[Row, str]] = []
    for row in rows:
        read = read_event(row, hub_id)
        if isinstance(read, Event):
            valid.append((row, read))
        else:
            rejected.append((row, read))
    return valid, rejected


def _without_repeats(
    connection: Connection, valid: list[tuple[Row, Event]]
) -> tuple[list[tuple[Row, Event]], Counter[LaneKey]]:
    """Leave out events that came before by any path, or twice in this run."""
    known = _known(connection, [event.id for _, event in valid])
    new: list[tuple[Row, Event]] = []
    repeated: Counter[LaneKey] = Counter()
    moved: list[dict[str, object]] = []
    for row, event in valid:
        place = (row.key.node_id, row.key.epoch, row.sequence)
        before = known.setdefault(event.id, place)
        if before is place:
            new.append((row, event))
            continue
        repeated[row.key] += 1
        if before != place and before[0] == row.key.node_id:
            moved.append({"event": event.id, "to_epoch": row.key.epoch, "to_sequence": row.sequence})
            known[event.id] = place
    if moved:
        connection.execute(_MOVE, moved)
    return new, repeated


# A box that begins a new epoch gives what may have come before a new number.
_MOVE = (
    update(events)
    .where(events.c.id == bindparam("event"))
    .values(epoch=bindparam("to_epoch"), sequence=bindparam("to_sequence"))
)


def _known(connection: Connection, ids: list[str]) -> dict[str, tuple[str, str, int]]:
    """Return of those of the events that came before: the node, and epoch and number in its outbox."""
    query = "SELECT id, node_id, epoch, sequence FROM events WHERE id IN (VALUES {keys})"
    return {
        event_id: (node_id, epoch, sequence)
        for event_id, node_id, epoch, sequence in read_by_keys(connection, query, [(each,) for each in ids])
    }


def _places(connection: Connection, point_ids: set[str]) -> dict[str, tuple[str, str]]:
    query = "SELECT id, name, bureau FROM points WHERE id IN (VALUES {keys})"
    found = read_by_keys(connection, query, [(each,) for each in sorted(point_ids)])
    return {point_id: (name, bureau) for point_id, name, bureau in found}


def _replaced(connection: Connection, task_ids: set[str]) -> dict[str, int]:
    """Return below which generation the placements of tasks were replaced although they may still be at work."""
    query = "SELECT id, superseded_below FROM tasks WHERE id IN (VALUES {keys}) AND superseded_below > 0"
    return dict(read_by_keys(connection, query, [(each,) for each in sorted(task_ids)]))


def _insert_pictures(connection: Connection, new: list[Event]) -> None:
    links = [
        {"event_id": event.id, "position": position, "digest": evidence.digest}
        for event in new
        for position, evidence in enumerate(event.data.evidence)
    ]
    if links:
        connection.execute(insert(event_pictures), links)


def _count_by_task(connection: Connection, new: list[Event]) -> None:
    counts = Counter(event.data.task_id for event in new)
    more = [(count, task_id) for task_id, count in sorted(counts.items())]
    run_for_each(connection, "UPDATE tasks SET events = events + ? WHERE id = ?", more)
