"""Events as an appliance's outbox holds them, made cheaply: only what differs between events is written anew."""

import json
from datetime import UTC, datetime

from federation.messages import new_id

_EVENT = {
    "id": "@id",
    "type": "intrusion/object",
    "time": "@time",
    "specversion": "1.0",
    "data": {
        "point_id": "load",
        "task_id": "@task",
        "generation": 1,
        "algorithm_id": "fengsui.area_intrusion",
        "algorithm_version": "1.0.0",
        "score": 0.9,
        "detections": [{"label": "person", "score": 0.9, "box": {"x": 0.1, "y": 0.2, "width": 0.1, "height": 0.3}}],
        "region": [[0.1, 0.1], [0.9, 0.1], [0.5, 0.9]],
        "dwell_s": 1.5,
        "detected_at": "@time",
        "evidence": [],
    },
}


def template(task_id: str) -> str:
    """Return an event of a task as JSON, `@id` and `@time` in the places of what differs."""
    return json.dumps(_EVENT, separators=(",", ":")).replace("@task", task_id)


def made(event: str, source: str) -> str:
    """Return a new event of a node by its template, as it stands in a batch."""
    now = datetime.now(UTC).isoformat()
    return f'{{"source":"{source}",{event[1:]}'.replace("@id", new_id()).replace("@time", now)
