"""How the lanes and pictures of a node stand in the hub's database."""

from collections.abc import Sequence

from sqlalchemy import Connection, exists, func, select

from federation.messages import Ack
from hub.captures.missing import missing
from hub.custody.intake import ack_of
from hub.custody.ledger import standings_of
from hub.events.tables import event_pictures, events, pictures


def acks_of(connection: Connection, node_id: str) -> Sequence[Ack]:
    """Return what to tell a node: how its lanes stand, each in its newest epoch."""
    return [ack_of(key, standing) for key, standing in standings_of(connection, node_id)]


def holes_of(connection: Connection, node_id: str) -> int:
    """Return how many rows of the node's lanes are missing below ones that have come."""
    return sum(
        last - first + 1 for _, standing in standings_of(connection, node_id) for first, last in standing.holes()
    )


def pictures_missing(connection: Connection, node_id: str) -> int:
    """Return how many pictures of the node's events and snapshots have not come."""
    stored = exists().where(pictures.c.digest == event_pictures.c.digest)
    found = connection.scalar(
        select(func.count(func.distinct(event_pictures.c.digest)))
        .select_from(event_pictures.join(events, events.c.id == event_pictures.c.event_id))
        .where(events.c.node_id == node_id, ~stored)
    )
    of_snapshots = missing(node_id).order_by(None).subquery()
    digests = select(func.count(func.distinct(of_snapshots.c.digest)))
    return int(found or 0) + int(connection.scalar(digests) or 0)
