"""What the hub is owed of the snapshots that its plans asked for: a word on each, and then the picture."""

import json
import sqlite3
from collections.abc import Collection, Sequence

from appliance.capture import index
from appliance.capture.index import Snapshot


def words(db: sqlite3.Connection, *, limit: int) -> list[Snapshot]:
    """Return settled snapshots of which the hub has not been told, in their order."""
    return index.select(db, "owed = 'word' ORDER BY number LIMIT ?", limit)


def told(db: sqlite3.Connection, snapshots: Sequence[Snapshot]) -> None:
    """Note that the hub will learn of snapshots, whatever happens; it is owed their pictures now."""
    db.execute(
        "UPDATE snapshots SET owed = CASE WHEN digest IS NULL THEN 'nothing' ELSE 'picture' END"
        " WHERE owed = 'word' AND id IN (SELECT value FROM json_each(?))",
        (json.dumps([each.id for each in snapshots]),),
    )


def pictures(db: sqlite3.Connection, *, without: Collection[str], limit: int) -> list[str]:
    """Return digests of pictures that the hub has not got, the newest first, none of `without`."""
    found = db.execute(
        "SELECT DISTINCT digest FROM (SELECT digest, number FROM snapshots WHERE owed = 'picture'"
        " AND digest NOT IN (SELECT value FROM json_each(?)) ORDER BY number DESC LIMIT ?)",
        (json.dumps(sorted(without)), limit),
    ).fetchall()
    return [digest for (digest,) in found]


def settled(db: sqlite3.Connection, digest: str) -> None:
    """Note that nothing more is owed of a picture: the hub has it, or nobody has it any more."""
    db.execute("UPDATE snapshots SET owed = 'nothing' WHERE owed = 'picture' AND digest = ?", (digest,))
