"""Where cameras that are turned away look by themselves, in the index: a restart finds their way back."""

import sqlite3

from appliance.onvif import Position


def homes(db: sqlite3.Connection) -> dict[str, Position]:
    """Return where each camera that is turned away has to go back to."""
    found = db.execute("SELECT point_id, pan, tilt, zoom FROM homes").fetchall()
    return {point_id: Position(pan=pan, tilt=tilt, zoom=zoom) for point_id, pan, tilt, zoom in found}


def put(db: sqlite3.Connection, point_id: str, home: Position) -> None:
    """Note a camera that is about to be turned away."""
    db.execute("INSERT OR REPLACE INTO homes VALUES (?, ?, ?, ?)", (point_id, home.pan, home.tilt, home.zoom))


def forget(db: sqlite3.Connection, point_id: str) -> None:
    """Note that a camera is back."""
    db.execute("DELETE FROM homes WHERE point_id = ?", (point_id,))
