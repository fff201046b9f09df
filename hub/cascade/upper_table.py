"""What the database knows of the upper hub: that there is one, what it wants, and how often this hub has connected."""

from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import Connection, delete, insert, select, update

from federation.identity.member import HubIdentity
from federation.messages import DOCUMENTS, DesiredDocument, Shard
from hub.cascade import outbox
from hub.cascade.tables import cascade_documents, cascade_pictures, cascade_upper
from hub.database.moments import now_us

ONLY = 1


def joined(connection: Connection, identity: HubIdentity) -> None:
    """Note the upper hub. Another one than before gets what happens from now on; the same one goes on."""
    outbox.prepare(connection)
    before: Any = connection.execute(select(cascade_upper)).first()
    if before is not None and before.hub_id == identity.hub_id:
        connection.execute(update(cascade_upper).values(hub_name=identity.hub_name))
        return
    left(connection)
    outbox.begin_again(connection)
    values = {"hub_id": identity.hub_id, "hub_name": identity.hub_name, "joined_at_us": now_us()}
    connection.execute(insert(cascade_upper).values(id=ONLY, types=[], point_ids=[], incarnation=0, **values))


def left(connection: Connection) -> None:
    """Forget the upper hub, and what was on its way to it."""
    for table in (cascade_upper, cascade_documents, cascade_pictures):
        connection.execute(delete(table))


def next_incarnation(connection: Connection) -> int:
    """Count a connection; the number outlives restarts."""
    moved = update(cascade_upper).values(incarnation=cascade_upper.c.incarnation + 1)
    return int(connection.execute(moved.returning(cascade_upper.c.incarnation)).scalar_one())


def documents(connection: Connection) -> dict[Shard, DesiredDocument]:
    """Return what is followed."""
    found = connection.execute(select(cascade_documents))
    return {Shard(row.shard): TypeAdapter(DOCUMENTS[Shard(row.shard)]).validate_json(row.body) for row in found}


def follow(connection: Connection, document: DesiredDocument) -> None:
    """Keep a document in the place of the one before."""
    connection.execute(delete(cascade_documents).where(cascade_documents.c.shard == document.shard.value))
    connection.execute(insert(cascade_documents).values(shard=document.shard.value, body=document.to_bytes().decode()))
