"""Which pictures the hub has not stored yet, and when to try each again."""

import json
import sqlite3
from datetime import datetime

from appliance.store import outbox
from appliance.store.moments import to_us
from federation.custody.receiver import EXPIRED
from federation.messages import Lane


def due(db: sqlite3.Connection, *, now: datetime, limit: int) -> list[str]:
    """Return the digests to send now, those of the newest events first."""
    found = db.execute(
        "SELECT digest FROM pictures WHERE state = 'waiting' AND due_us <= ? ORDER BY created_us DESC LIMIT ?",
        (to_us(now), limit),
    ).fetchall()
    return [digest for (digest,) in found]


def backlog(db: sqlite3.Connection) -> int:
    """Return how many pictures wait."""
    (count,) = db.execute("SELECT count(*) FROM pictures WHERE state = 'waiting'").fetchone()
    return int(count)


def handed_over(db: sqlite3.Connection, digest: str) -> None:
    """Note that the hub has taken a picture, in its lane: a restored hub then gives away which it lacks."""
    if _settled(db, digest, "sent"):
        outbox.append(db, Lane.EVIDENCE, body=json.dumps({"digest": digest}))


def lost(db: sqlite3.Connection, digest: str, now: datetime) -> None:
    """Note that a picture's file is gone or damaged: a tombstone of its lane tells the hub."""
    if _settled(db, digest, "lost"):
        outbox.give_up(db, Lane.EVIDENCE, count=1, reason="damaged", at_us=to_us(now))


def send_again_behind(db: sqlite3.Connection, upto: int, at_us: int) -> None:
    """Let the pictures behind a row of their lane go to the hub again; to be called before `upto` is stored.

    The hub stands further back than it once said: it may have been restored from a backup that was made before they
    came. What it does have, it acknowledges at once. Of pictures that are no longer here it learns by tombstones.
    """
    db.execute(
        "UPDATE pictures SET state = 'waiting', failures = 0, due_us = 0 WHERE state = 'sent' AND digest IN"
        " (SELECT body ->> 'digest' FROM outbox WHERE lane = ? AND sequence > ?)",
        (Lane.EVIDENCE, upto),
    )
    gone = db.execute(
        "SELECT sequence, coalesce(state = 'dropped', 0) FROM outbox JOIN lanes USING (lane)"
        " LEFT JOIN pictures ON digest = body ->> 'digest'"
        " WHERE lane = ? AND sequence > ? AND sequence <= acknowledged AND coalesce(state, 'gone') != 'waiting'",
        (Lane.EVIDENCE, upto),
    ).fetchall()
    for dropped, reason in ((True, outbox.CLEARED), (False, EXPIRED)):
        these = [sequence for sequence, was_dropped in gone if bool(was_dropped) is dropped]
        outbox.bury(db, Lane.EVIDENCE, these, reason=reason, at_us=at_us)


def postpone(db: sqlite3.Connection, digest: str, until: datetime) -> None:
    """Note that the hub did not take a picture, and when to try again."""
    db.execute("UPDATE pictures SET failures = failures + 1, due_us = ? WHERE digest = ?", (to_us(until), digest))


def failures(db: sqlite3.Connection, digest: str) -> int:
    """Return how often the hub did not take a picture."""
    found = db.execute("SELECT failures FROM pictures WHERE digest = ?", (digest,)).fetchone()
    return 0 if found is None else int(found[0])


def state_of(db: sqlite3.Connection, digest: str) -> str | None:
    """Return the state of one picture, or None for one that belongs to no event."""
    found = db.execute("SELECT state FROM pictures WHERE digest = ?", (digest,)).fetchone()
    return None if found is None else str(found[0])


def send_all_again(db: sqlite3.Connection) -> None:
    """Let every picture that is still here go to the hub: it is another hub than before."""
    db.execute("UPDATE pictures SET state = 'waiting', failures = 0, due_us = 0 WHERE state = 'sent'")


def _settled(db: sqlite3.Connection, digest: str, state: str) -> bool:
    settled = db.execute("UPDATE pictures SET state = ? WHERE digest = ? AND state = 'waiting'", (state, digest))
    return settled.rowcount > 0
