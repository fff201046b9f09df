"""What it costs to read a batch of events off the wire."""

import json
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
import uuid_utils

from federation.messages import Batch, Event, Lane

if TYPE_CHECKING:
    from tests.bench.conftest import Notebook

ROWS = 100
ROUNDS = 200


def _batch() -> Batch:
    row = {
        "id": str(uuid_utils.uuid7()),
        "source": "edge-1",
        "type": "area_intrusion",
        "time": "2026-01-01T08:00:00.040Z",
        "data": {
            "point_id": "gate-1",
            "task_id": "task-1",
            "generation": 1,
            "algorithm_id": "area-intrusion",
            "algorithm_version": "1.0.0",
            "score": 0.9,
            "detections": [{"label": "person", "score": 0.9, "box": {"x": 0.1, "y": 0.2, "width": 0.1, "height": 0.3}}],
            "detected_at": "2026-01-01T08:00:00.140Z",
        },
    }
    return Batch(node_id="edge-1", epoch="e1", lane=Lane.EVENTS, first=1, rows=(json.dumps(row),) * ROWS)


def _rows_per_s(read: Callable[[], object]) -> float:
    read()
    started = time.perf_counter()
    for _ in range(ROUNDS):
        read()
    return ROUNDS * ROWS / (time.perf_counter() - started)


@pytest.mark.bench
def test_events_of_a_batch_are_read_and_checked_far_faster_than_they_are_asked_for(notebook: "Notebook") -> None:
    wire = _batch().to_bytes()

    plain = _rows_per_s(lambda: [json.loads(line) for line in wire.splitlines()])
    checked = _rows_per_s(lambda: [Event.model_validate_json(row) for row in Batch.from_bytes(wire).rows])

    noted = notebook.note(
        "events read and checked", checked, "events/s", baseline=plain, baseline_is="json.loads alone"
    )
    assert noted.value > 500 * 4
