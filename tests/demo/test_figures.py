"""The demo's figures and its verdict."""

from typing import Any

import pytest

from hil_tests.demo.figures import Figures, Latency, by_algorithm, latency, repeats

WELL = Figures(
    nodes_online=3,
    nodes_total=3,
    streams_live=8,
    streams_total=8,
    produced=5,
    events=5,
    events_by_algorithm={"fengsui.area_intrusion": 5},
    pictures_missing=0,
    latency_ms=Latency(p50=40.0, p95=90.0),
    lost=0,
    duplicates=0,
    gaps=0,
    restarts=0,
    first_event_s=12.0,
    scene=None,
)


def row(identifier: str, *, task: str = "t1", at: str = "2026-01-01T00:00:00Z") -> dict[str, Any]:
    return {"id": identifier, "task_id": task, "time": at, "detections": [], "algorithm_id": "a"}


def test_a_run_without_faults_has_no_complaints() -> None:
    assert WELL.complaints() == []
    assert WELL.as_json()["ok"] is True


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("nodes_online", 2),
        ("streams_live", 7),
        ("events", 0),
        ("lost", 1),
        ("duplicates", 1),
        ("gaps", 1),
        ("pictures_missing", 1),
        ("restarts", 1),
    ],
)
def test_each_fault_is_named(field: str, value: int) -> None:
    changed = Figures(**{**WELL.__dict__, field: value})

    assert len(changed.complaints()) == 1


def test_latency_is_taken_by_nearest_rank() -> None:
    assert latency(range(1, 101)) == Latency(p50=51, p95=96)
    assert latency([]) == Latency(p50=None, p95=None)


def test_the_same_id_twice_is_a_repeat() -> None:
    assert repeats([row("e1"), row("e1"), row("e2", at="2026-01-01T00:00:01Z")]) == 1


def test_the_same_fact_under_two_ids_is_a_repeat() -> None:
    assert repeats([row("e1"), row("e2")]) == 1


def test_events_are_counted_by_algorithm() -> None:
    assert by_algorithm([row("e1"), row("e2")]) == {"a": 2}
