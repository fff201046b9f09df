"""Single documents by name: the hub's desired state, the last plan, counters; and what was added on this box."""

import json
import logging
import sqlite3
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from federation.messages import (
    CameraSpec,
    DesiredCaptures,
    DesiredPolicy,
    DesiredWork,
    RecordingSpec,
    Scene,
    Shard,
    TaskSpec,
)

log = logging.getLogger(__name__)

DESIRED = {Shard.WORK: "desired/work", Shard.POLICY: "desired/policy", Shard.CAPTURES: "desired/captures"}
PLAN = "plan"
INCARNATION = "incarnation"
SERIAL = "serial"
PROCESSES = "processes"
EVENT_NAMES = "event_names"

Document = TypeVar("Document", bound=BaseModel)


def get(db: sqlite3.Connection, name: str, model: type[Document]) -> Document | None:
    """Return a document, or None if there is none that can be read: who wrote it writes it again."""
    text = _text(db, name)
    return None if text is None else next(_readable(model, name, [text]), None)


def put(db: sqlite3.Connection, name: str, document: BaseModel) -> None:
    """Store a document in the place of the one before."""
    _store(db, name, document.model_dump_json())


def desired_work(db: sqlite3.Connection) -> DesiredWork | None:
    """Return the work that the hub wanted last."""
    return get(db, DESIRED[Shard.WORK], DesiredWork)


def desired_policy(db: sqlite3.Connection) -> DesiredPolicy | None:
    """Return the policy that the hub wanted last."""
    return get(db, DESIRED[Shard.POLICY], DesiredPolicy)


def desired_captures(db: sqlite3.Connection) -> DesiredCaptures | None:
    """Return the snapshots that the hub wanted last."""
    return get(db, DESIRED[Shard.CAPTURES], DesiredCaptures)


def forget(db: sqlite3.Connection, name: str) -> None:
    """Remove a document, if there is one."""
    db.execute("DELETE FROM documents WHERE name = ?", (name,))


def next_incarnation(db: sqlite3.Connection) -> int:
    """Return a number that is larger than each before, also than those of a database that this one replaced."""
    before = _value(db, INCARNATION)
    following = before + 1 if isinstance(before, int) and before > 0 else int(datetime.now(UTC).timestamp())
    _store(db, INCARNATION, json.dumps(following))
    return following


def serial(db: sqlite3.Connection, proposal: str) -> str:
    """Return the serial number of this box; `proposal` becomes it when there is none yet."""
    found = _value(db, SERIAL)
    if found is None:
        _store(db, SERIAL, json.dumps(proposal))
        return proposal
    return str(found)


def local_cameras(db: sqlite3.Connection) -> tuple[CameraSpec, ...]:
    """Return the cameras that were added on this box."""
    found = db.execute("SELECT body FROM local_cameras ORDER BY point_id").fetchall()
    return tuple(_readable(CameraSpec, "a camera", (body for (body,) in found)))


def put_local_camera(db: sqlite3.Connection, camera: CameraSpec) -> None:
    """Store a camera that was added here."""
    db.execute("INSERT OR REPLACE INTO local_cameras VALUES (?, ?)", (camera.point_id, camera.model_dump_json()))


def remove_local_camera(db: sqlite3.Connection, point_id: str) -> bool:
    """Remove a camera that was added here; tell whether there was one."""
    return db.execute("DELETE FROM local_cameras WHERE point_id = ?", (point_id,)).rowcount > 0


def local_tasks(db: sqlite3.Connection) -> tuple[TaskSpec, ...]:
    """Return the tasks that were added on this box."""
    found = db.execute("SELECT body FROM local_tasks ORDER BY task_id").fetchall()
    return tuple(_readable(TaskSpec, "a task", (body for (body,) in found)))


def put_local_task(db: sqlite3.Connection, task: TaskSpec) -> None:
    """Store a task that was added here."""
    db.execute("INSERT OR REPLACE INTO local_tasks VALUES (?, ?)", (task.task_id, task.model_dump_json()))


def remove_local_task(db: sqlite3.Connection, task_id: str) -> bool:
    """Remove a task that was added here; tell whether there was one."""
    return db.execute("DELETE FROM local_tasks WHERE task_id = ?", (task_id,)).rowcount > 0


def local_recordings(db: sqlite3.Connection) -> dict[str, RecordingSpec]:
    """Return what was set on this box for the recording of cameras, by point."""
    found = db.execute("SELECT point_id, body FROM local_recordings").fetchall()
    return {point_id: spec for point_id, body in found for spec in _readable(RecordingSpec, point_id, [body])}


def put_local_recording(db: sqlite3.Connection, point_id: str, spec: RecordingSpec) -> None:
    """Store what was set for the recording of a camera."""
    db.execute("INSERT OR REPLACE INTO local_recordings VALUES (?, ?)", (point_id, spec.model_dump_json()))


def local_scenes(db: sqlite3.Connection) -> dict[str, tuple[Scene, ...]]:
    """Return what was drawn on this box on the pictures of cameras, by point."""
    drawn: dict[str, tuple[Scene, ...]] = {}
    for point_id, body in db.execute("SELECT point_id, body FROM drawn_scenes ORDER BY point_id, preset"):
        drawn[point_id] = (*drawn.get(point_id, ()), *_readable(Scene, point_id, [body]))
    return drawn


def put_local_scene(db: sqlite3.Connection, point_id: str, scene: Scene) -> None:
    """Store what was drawn on the picture of a camera for one view; an empty drawing is removed."""
    place = (point_id, scene.preset or "")
    if scene.is_empty:
        db.execute("DELETE FROM drawn_scenes WHERE (point_id, preset) = (?, ?)", place)
    else:
        db.execute("INSERT OR REPLACE INTO drawn_scenes VALUES (?, ?, ?)", (*place, scene.model_dump_json()))


def _readable(model: type[Document], name: str, texts: Iterable[str]) -> Iterator[Document]:
    """Yield what can be read; what a disk has spoilt, unnoticed by SQLite, must not keep the box from starting."""
    for text in texts:
        try:
            yield model.model_validate_json(text)
        except ValidationError as error:
            log.warning("%s cannot be read in the database, and is left out: %s", name, str(error)[:300])


def _text(db: sqlite3.Connection, name: str) -> str | None:
    found = db.execute("SELECT body FROM documents WHERE name = ?", (name,)).fetchone()
    return None if found is None else str(found[0])


def _value(db: sqlite3.Connection, name: str) -> Any:
    try:
        return json.loads(_text(db, name) or "null")
    except ValueError:
        log.warning("%s cannot be read in the database, and is begun anew", name)
        return None


def _store(db: sqlite3.Connection, name: str, body: str) -> None:
    db.execute("INSERT OR REPLACE INTO documents VALUES (?, ?)", (name, body))
