"""Reconciliation at the hub: what it has of a node's lanes, beside what the node says that it has."""

from collections.abc import Iterator
from datetime import UTC, datetime

from sqlalchemy import ColumnElement, Connection, exists, select

from federation.custody.any_order import Standing
from federation.exchange.errors import BadDocument
from federation.exchange.reconciliation import (
    MOST_PICTURES,
    MOST_SPANS,
    RECENT,
    SUFFIX,
    DayTally,
    LaneTally,
    Report,
    Side,
    TalliedRow,
    bounds_of,
    compare,
    tally,
)
from federation.exchange.signed import read_signed, sign
from federation.http import Problem
from federation.http.problem import not_found
from federation.messages import Lane
from hub.captures.missing import missing
from hub.custody.intake import LaneKey
from hub.custody.ledger import standings_of
from hub.database import Database
from hub.database.moments import from_us, to_us
from hub.events.tables import event_pictures, events, pictures
from hub.exchange.keys import Keys
from hub.exchange.model import MOST_DIFFERENCES, Reconciled, ReportFile
from hub.exchange.peers import Peer, Peers

ROWS_AT_ONCE = 5000


class Reconciliation:
    """Holds what nodes say that they have against what this hub has."""

    def __init__(self, database: Database, peers: Peers) -> None:
        """Keep what is found with the nodes in `peers`."""
        self._database = database
        self._peers = peers
        self._keys: Keys | None = None

    def begin(self, keys: Keys) -> None:
        """Say who this hub is."""
        self._keys = keys

    async def hold_against(self, node: Report) -> Reconciled:
        """Return, and keep, what this hub lacks by a node's report."""
        hub = await self._report(node.node_id, like=node)
        differences = compare(node, hub)
        found = Reconciled(
            made_at=node.made_at,
            compared_at=datetime.now(UTC),
            differences=differences[:MOST_DIFFERENCES],
            more=max(0, len(differences) - MOST_DIFFERENCES),
        )
        await self._peers.reconciled(node.node_id, found)
        return found

    async def read(self, node_id: str, text: str) -> Reconciled:
        """Hold a report that people carried here; raise Problem if it is not that node's."""
        peer = self._peer(node_id)
        try:
            found, key = read_signed(text, Report)
        except BadDocument as error:
            raise Problem(422, error.code, f"Take the file that the box's panel made: {error}.") from error
        if key != peer.key or found.side is not Side.NODE or found.node_id != node_id:
            raise Problem(422, "report_of_another", f"This is not a report that the node {node_id!r} has signed.")
        return await self.hold_against(found)

    async def signed(self, node_id: str) -> ReportFile:
        """Return what this hub has of a node, as a file to carry to it."""
        self._peer(node_id)
        made = await self._report(node_id, like=None)
        assert self._keys is not None  # noqa: S101 - parts start before requests come
        return ReportFile(file_name=f"{node_id}.{made.hub_id}{SUFFIX}", report=sign(made, self._keys.key))

    async def _report(self, node_id: str, *, like: Report | None) -> Report:
        assert self._keys is not None  # noqa: S101 - parts start before requests come
        hub_id = self._keys.hub_id
        return await self._database.run(
            lambda connection: report(connection, node_id=node_id, hub_id=hub_id, like=like)
        )

    def _peer(self, node_id: str) -> Peer:
        peer = self._peers.get(node_id)
        if peer is None:
            raise not_found("node that exchanges files", node_id)
        return peer


def report(connection: Connection, *, node_id: str, hub_id: str, like: Report | None = None) -> Report:
    """Return what the hub has of a node. With `like` the days are tallied over the numbers that the node tallied."""
    return Report(
        side=Side.HUB,
        node_id=node_id,
        hub_id=hub_id,
        made_at=datetime.now(UTC),
        lanes=tuple(_lane(connection, key, standing, like) for key, standing in standings_of(connection, node_id)),
        pictures_missing=tuple(_missing_pictures(connection, node_id)),
    )


def _lane(connection: Connection, key: LaneKey, standing: Standing, like: Report | None) -> LaneTally:
    spans = [(1, standing.upto)] if standing.upto else []
    spans += [(island.first, island.last) for island in standing.islands]
    if key.lane is not Lane.EVENTS:
        days: tuple[DayTally, ...] = ()
    elif like is None:
        recent = events.c.time_us >= to_us(datetime.now(UTC) - RECENT)
        days = tally(_rows(connection, key, recent))
    else:
        theirs = [day for each in like.lanes if each.lane is key.lane for day in each.days]
        days = tuple(tallied for day in theirs for tallied in tally(_rows_like(connection, key, day)))
    return LaneTally(lane=key.lane, epoch=key.epoch, spans=tuple(spans[:MOST_SPANS]), days=days)


def _rows_like(connection: Connection, key: LaneKey, day: DayTally) -> Iterator[TalliedRow]:
    """Give the rows of a day that the node tallied, within the numbers that it tallied."""
    start, end = bounds_of(day.day)
    within = events.c.sequence.between(day.first, day.last)
    return _rows(connection, key, within, events.c.time_us >= to_us(start), events.c.time_us < to_us(end))


def _rows(connection: Connection, key: LaneKey, *conditions: ColumnElement[bool]) -> Iterator[TalliedRow]:
    own = (events.c.node_id == key.node_id, events.c.epoch == key.epoch)
    statement = select(events.c.sequence, events.c.id, events.c.time_us).where(*own, *conditions)
    statement = statement.order_by(events.c.sequence).execution_options(yield_per=ROWS_AT_ONCE)
    for row in connection.execute(statement):
        yield TalliedRow(sequence=row.sequence, id=row.id, at=from_us(row.time_us))


def _missing_pictures(connection: Connection, node_id: str) -> list[str]:
    """Return the pictures of the node's newest events, and then snapshots, that have not come."""
    stored = exists().where(pictures.c.digest == event_pictures.c.digest)
    statement = (
        select(event_pictures.c.digest)
        .join(events, events.c.id == event_pictures.c.event_id)
        .where(events.c.node_id == node_id, ~stored)
        .order_by(events.c.cursor.desc())
        .limit(MOST_PICTURES)
    )
    found = dict.fromkeys(connection.execute(statement).scalars())
    if len(found) < MOST_PICTURES:
        found |= dict.fromkeys(connection.execute(missing(node_id).limit(MOST_PICTURES - len(found))).scalars())
    return list(found)
