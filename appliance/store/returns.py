"""Where the hub stood when it came back with less than it once had, for those who hand over beside the lanes.

A row is written with the lower acknowledgement itself, and stays until all that was to be done about it is done.
"""

import sqlite3
from typing import NamedTuple

from federation.messages import Lane


class Return(NamedTuple):
    """The lowest place in a lane at which the hub stood, and how often it has come back since this was settled."""

    upto: int
    times: int


def note(db: sqlite3.Connection, lane: Lane, upto: int) -> None:
    """Note that the hub stands at `upto` in a lane, and once stood further on."""
    db.execute(
        "INSERT INTO hub_returns VALUES (?, ?, 1)"
        " ON CONFLICT (lane) DO UPDATE SET upto = min(upto, excluded.upto), times = times + 1",
        (lane, upto),
    )


def unsettled(db: sqlite3.Connection, lane: Lane) -> Return | None:
    """Return what is still to be dealt with in a lane."""
    found = db.execute("SELECT upto, times FROM hub_returns WHERE lane = ?", (lane,)).fetchone()
    return None if found is None else Return(*found)


def settle(db: sqlite3.Connection, lane: Lane, done: Return) -> None:
    """Note that all is done about a return, unless the hub has come back again meanwhile."""
    db.execute("DELETE FROM hub_returns WHERE lane = ? AND times = ?", (lane, done.times))
