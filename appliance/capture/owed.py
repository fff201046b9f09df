"""What the hub is owed of the snapshots that its plans asked for: a word on each, and then the picture."""

import json
import sqlite3
from collections.abc import Collection, Iterable, Sequence

from appliance.capture import index
from appliance.capture.index import Snapshot
from appliance.store.exports import NEVER_US, Policy

DAMAGED = "picture_damaged: the picture is gone from this box's disk, or damaged there"
REMOVED = "picture_removed: this box had removed the picture before the hub asked for it"
STEP = 1_000  # rows in one transaction, so that no new picture waits long


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


def handed_over(db: sqlite3.Connection, digests: Collection[str], produced: int) -> None:
    """Note that the hub has pictures, and how many results this box had produced for it by then."""
    db.execute(
        "UPDATE snapshots SET owed = 'nothing', handed_at = ?"
        " WHERE owed = 'picture' AND digest IN (SELECT value FROM json_each(?))",
        (produced, json.dumps(list(digests))),
    )


def wanted(db: sqlite3.Connection, now_us: int, limit: int) -> list[tuple[str, int]]:
    """Return digests and sizes of pictures to put into files: those that never were first, the newest of them first."""
    found = db.execute(
        "SELECT digest, size_bytes FROM snapshots WHERE owed = 'picture' AND exported = 0 ORDER BY number DESC LIMIT ?",
        (limit,),
    ).fetchall()
    found += db.execute(
        "SELECT digest, size_bytes FROM snapshots WHERE owed = 'picture' AND exported > 0 AND export_due_us <= ?"
        " ORDER BY export_due_us LIMIT ?",
        (now_us, limit - len(found)),
    ).fetchall()
    return list(dict.fromkeys(found))


def exported(db: sqlite3.Connection, digests: Iterable[str], policy: Policy, now_us: int) -> None:
    """Note that pictures went into a file."""
    for digest in digests:
        times = (
            1
            + db.execute(
                "SELECT coalesce(max(exported), 0) FROM snapshots WHERE owed = 'picture' AND digest = ?", (digest,)
            ).fetchone()[0]
        )
        due_us = policy.due_us(times, now_us)
        db.execute(
            "UPDATE snapshots SET exported = ?, export_due_us = ? WHERE owed = 'picture' AND digest = ?",
            (times, NEVER_US if due_us is None else due_us, digest),
        )


def requested(db: sqlite3.Connection, digests: Collection[str]) -> int:
    """Let pictures that the hub says it lacks go to it again; return how many of them are here."""
    again = db.execute(
        "UPDATE snapshots SET owed = 'picture', handed_at = 0, exported = 0"
        " WHERE digest IN (SELECT value FROM json_each(?)) AND (owed = 'picture' OR handed_at > 0) RETURNING digest",
        (json.dumps(list(digests)),),
    )
    return len({digest for (digest,) in again})


def forget_exports(db: sqlite3.Connection) -> None:
    """Let what the hub is owed go into files as if it never had."""
    db.execute("UPDATE snapshots SET exported = 0 WHERE owed = 'picture' AND exported > 0")


def lost(db: sqlite3.Connection, digest: str) -> None:
    """Note that nobody has a picture any more; the hub is owed a word on that."""
    db.execute(
        "INSERT OR IGNORE INTO gone SELECT id, ? FROM snapshots WHERE owed = 'picture' AND digest = ?",
        (DAMAGED, digest),
    )
    db.execute("UPDATE snapshots SET owed = 'nothing' WHERE owed = 'picture' AND digest = ?", (digest,))


def send_again_behind(db: sqlite3.Connection, upto: int) -> bool:
    """Let pictures go to the hub again, of which it may have only a backup; tell whether there may be more.

    The backup knows `upto` results. A picture that came before it came while fewer had been produced, or no more: what
    was handed over later is owed again. What the hub does have, it acknowledges at once.
    """
    again = db.execute(
        "UPDATE snapshots SET owed = 'picture', handed_at = 0, exported = 0 WHERE number IN"
        " (SELECT number FROM snapshots WHERE handed_at >= ? AND digest IS NOT NULL LIMIT ?)",
        (max(1, upto), STEP),
    )
    return again.rowcount == STEP


def note_gone(db: sqlite3.Connection, ids: Collection[str], reason: str) -> None:
    """Note that pictures of these snapshots will never go to the hub."""
    db.executemany("INSERT OR IGNORE INTO gone VALUES (?, ?)", [(each, reason) for each in ids])


def note_removed(db: sqlite3.Connection, ids: Collection[str]) -> None:
    """Note so of those snapshots among `ids` whose pictures are not kept here any more."""
    db.execute(
        "INSERT OR IGNORE INTO gone SELECT value, ? FROM json_each(?) WHERE value NOT IN"
        " (SELECT id FROM snapshots WHERE id IN (SELECT value FROM json_each(?)) AND digest IS NOT NULL)",
        (REMOVED, json.dumps(list(ids)), json.dumps(list(ids))),
    )


def gone(db: sqlite3.Connection, *, limit: int) -> dict[str, str]:
    """Return why pictures will never go to the hub, by snapshot: what it has not been told."""
    return dict(db.execute("SELECT snapshot_id, reason FROM gone LIMIT ?", (limit,)).fetchall())


def gone_told(db: sqlite3.Connection, ids: Collection[str]) -> None:
    """Note that the hub will learn of these."""
    db.execute("DELETE FROM gone WHERE snapshot_id IN (SELECT value FROM json_each(?))", (json.dumps(list(ids)),))
