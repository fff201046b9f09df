"""Scores what the system reported against the scripts of the virtual cameras."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from hil_tests.demo.cameras import Rig
from hil_tests.rig.scene.truth import GroundTruth
from hil_tests.rig.scoring import KindScore, Report, Watch, score

SETTLING_S = 8.0
"""From the creation of the tasks until every appliance has started them and learnt its background."""


def score_events(
    events: Iterable[Mapping[str, Any]],
    *,
    rig: Rig,
    kinds_by_task: Mapping[str, str],
    since: datetime,
    until: datetime,
) -> dict[str, Any] | None:
    """Return precision and recall by kind of happening; None for cameras without scripts.

    Reports from before the tasks had settled are left out, as are kinds that no task looks for.
    """
    truths = {
        camera.point_id: GroundTruth.read(camera.truth_file) for camera in rig.cameras if camera.truth_file is not None
    }
    if not truths:
        return None
    watch = Watch(start=since + timedelta(seconds=SETTLING_S), end=until)
    found = score(
        [report for report in _reports(events, kinds_by_task) if report.at >= watch.start],
        truths,
        watch=watch,
        kinds=sorted(set(kinds_by_task.values())),
    )
    return {
        "tolerance_s": found.tolerance_s,
        "watched_s": round((watch.end - watch.start).total_seconds(), 1),
        **_row(found.total),
        "by_kind": {kind: _row(counts) for kind, counts in found.by_kind.items()},
    }


def _reports(events: Iterable[Mapping[str, Any]], kinds_by_task: Mapping[str, str]) -> list[Report]:
    return [
        Report(
            camera=event["point_id"],
            kind=kinds_by_task[event["task_id"]],
            at=datetime.fromisoformat(event["time"]),
        )
        for event in events
        if event["task_id"] in kinds_by_task
    ]


def _row(counts: KindScore) -> dict[str, Any]:
    return {
        "precision": None if counts.precision is None else round(counts.precision, 3),
        "recall": None if counts.recall is None else round(counts.recall, 3),
        "true": counts.true,
        "false": counts.false,
        "duplicates": counts.duplicates,
        "expected": counts.expected,
        "missed": counts.missed,
    }
