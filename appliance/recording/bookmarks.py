"""Bookmarks: stretches of a camera's recordings that somebody has marked; what is locked is evidence, and is spared."""

import sqlite3
from collections.abc import Sequence
from typing import Any

from pydantic import AwareDatetime, Field

from appliance.store.moments import from_us, to_us
from federation.messages import Slug, WireModel

MOST_BOOKMARKS = 10_000

_COLUMNS = "id, point_id, from_us, until_us, text, locked, set_by, set_at_us"

BETWEEN = f"SELECT {_COLUMNS} FROM bookmarks WHERE point_id = ? AND from_us < ? AND until_us > ? ORDER BY from_us"  # noqa: S608
"""The bookmarks of a camera that touch a stretch of time: point, its end, its start."""

BY_ID = f"SELECT {_COLUMNS} FROM bookmarks WHERE id = ?"  # noqa: S608 - all texts are ours


class TooManyBookmarks(Exception):
    """There are as many bookmarks as a box keeps; remove some first."""


class Bookmark(WireModel):
    """A stretch of time that somebody has marked; it is not removed while it is locked."""

    id: str
    point_id: Slug
    start: AwareDatetime
    end: AwareDatetime
    text: str = Field(default="", max_length=200)
    locked: bool = False
    set_by: str = ""
    set_at: AwareDatetime


def put(db: sqlite3.Connection, bookmark: Bookmark) -> None:
    """Store a bookmark in place of the one with its id; raise TooManyBookmarks."""
    (others,) = db.execute("SELECT count(*) FROM bookmarks WHERE id != ?", (bookmark.id,)).fetchone()
    if others >= MOST_BOOKMARKS:
        raise TooManyBookmarks(f"{MOST_BOOKMARKS} stretches are marked or locked; remove some first")
    values = (
        bookmark.id,
        bookmark.point_id,
        to_us(bookmark.start),
        to_us(bookmark.end),
        bookmark.text,
        bookmark.locked,
        bookmark.set_by,
        to_us(bookmark.set_at),
    )
    db.execute(f"INSERT OR REPLACE INTO bookmarks ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)", values)  # noqa: S608


def remove(db: sqlite3.Connection, bookmark_id: str) -> bool:
    """Remove a bookmark; tell whether there was one."""
    return db.execute("DELETE FROM bookmarks WHERE id = ?", (bookmark_id,)).rowcount > 0


def forget(db: sqlite3.Connection, before_us: int) -> None:
    """Forget bookmarks that have ended before a moment, but for those that are locked."""
    db.execute("DELETE FROM bookmarks WHERE until_us < ? AND NOT locked", (before_us,))


def bookmark_of(row: Sequence[Any]) -> Bookmark:
    """Return the bookmark in a row of `BETWEEN`."""
    return Bookmark(
        id=row[0],
        point_id=row[1],
        start=from_us(row[2]),
        end=from_us(row[3]),
        text=row[4],
        locked=bool(row[5]),
        set_by=row[6],
        set_at=from_us(row[7]),
    )
