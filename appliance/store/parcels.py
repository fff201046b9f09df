"""Parcels that were made: a number is drawn and its contents are noted before the file is written.

A box that dies in between writes the same contents under the same number when it is back, so that a number that is
missing at the other side is a file that was lost on the way.
"""

import json
import sqlite3
from dataclasses import dataclass
from typing import Any

from federation.exchange import ParcelKind
from federation.messages import Lane

KEPT = 5000  # of those that are written, the newest; the others are forgotten


@dataclass(frozen=True, kw_only=True)
class Content:
    """What is in a parcel: spans of lanes with their epoch, digests of pictures, and whether the box's state."""

    spans: tuple[tuple[Lane, str, int, int], ...] = ()
    pictures: tuple[str, ...] = ()
    state: bool = False

    @property
    def kind(self) -> ParcelKind:
        """What the parcel is called."""
        return ParcelKind.PICTURES if self.pictures else ParcelKind.MESSAGES

    def to_text(self) -> str:
        """Return the content as it is stored."""
        return json.dumps({"spans": self.spans, "pictures": self.pictures, "state": self.state})

    @classmethod
    def of(cls, text: str) -> "Content":
        """Return what `to_text` gave."""
        found: dict[str, Any] = json.loads(text)
        spans = tuple((Lane(lane), epoch, first, last) for lane, epoch, first, last in found["spans"])
        return cls(spans=spans, pictures=tuple(found["pictures"]), state=found["state"])


@dataclass(frozen=True, kw_only=True)
class Drawn:
    """A parcel whose file may not be written yet."""

    serial: int
    stream: str
    content: Content


def draw(db: sqlite3.Connection, stream: str, content: Content, now_us: int) -> Drawn:
    """Give the next number to a content."""
    (serial,) = db.execute(
        "INSERT INTO parcels (stream, content, created_us) VALUES (?, ?, ?) RETURNING serial",
        (stream, content.to_text(), now_us),
    ).fetchone()
    return Drawn(serial=serial, stream=stream, content=content)


def unwritten(db: sqlite3.Connection) -> list[Drawn]:
    """Return the parcels that were drawn and whose file is not known to be written."""
    found = db.execute("SELECT serial, stream, content FROM parcels WHERE size_bytes IS NULL ORDER BY serial")
    return [Drawn(serial=serial, stream=stream, content=Content.of(text)) for serial, stream, text in found]


def written(db: sqlite3.Connection, serial: int, size_bytes: int) -> None:
    """Note that the file of a parcel is in its place."""
    db.execute("UPDATE parcels SET size_bytes = ? WHERE serial = ?", (size_bytes, serial))
    db.execute("DELETE FROM parcels WHERE serial <= ? AND size_bytes IS NOT NULL", (serial - KEPT,))


def go_on_after(db: sqlite3.Connection, serial: int) -> None:
    """Give numbers beyond `serial` only: this database may be older than the files that were made from it."""
    (last,) = db.execute("SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'parcels'").fetchone()
    if last < serial:
        db.execute("DELETE FROM sqlite_sequence WHERE name = 'parcels'")
        db.execute("INSERT INTO sqlite_sequence VALUES ('parcels', ?)", (serial,))


def last_serial(db: sqlite3.Connection) -> int:
    """Return the newest number, 0 before the first."""
    (serial,) = db.execute("SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'parcels'").fetchone()
    return int(serial)
