"""Pictures of snapshots that a node owes: it has told of them, and they have not come."""

from sqlalchemy import Select, exists, select

from hub.captures.tables import captures
from hub.events.tables import pictures


def missing(node_id: str) -> Select[tuple[str]]:
    """Select the digests of a node's pictures that are to come, the newest first: not those that it told are gone."""
    stored = exists().where(pictures.c.digest == captures.c.digest)
    owed = (captures.c.node_id == node_id, captures.c.state == "done", captures.c.reason == "")
    return select(captures.c.digest).where(*owed, ~stored).order_by(captures.c.cursor.desc())
