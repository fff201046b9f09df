"""How well reported events agree with the ground truth of scripted cameras.

A report is true when its camera's script has a happening of the same kind that lasts at the report's picture time, give
or take a tolerance. Many reports of one happening count once as true; the others are duplicates, neither true nor
false. A happening is expected when all the time that an algorithm needs to notice it lies in the watched time; one at
the edge of the watched time may be reported, and is not missed when it is not.
"""

import math
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from hil_tests.rig.scene.truth import GroundTruth

TOLERANCE_S = 2.0
"""Key pictures come once a second, and a frame's time is that of its arrival."""

NOTICE_S: Mapping[str, float] = {
    "area_intrusion": 4.0,
    "left_object": 14.0,
    "illegal_stop": 14.0,
    "smoke": 8.0,
    "bin_overflow": 14.0,
}
"""How long a happening of a kind has to be seen before its report is due."""


@dataclass(frozen=True, kw_only=True)
class Report:
    """One reported event: `at` is the aware time of its picture."""

    camera: str
    kind: str
    at: datetime


@dataclass(frozen=True, kw_only=True)
class Watch:
    """From when to when reports were awaited; both aware."""

    start: datetime
    end: datetime


@dataclass(frozen=True, kw_only=True)
class KindScore:
    """Counts of one kind, or of all kinds together."""

    true: int = 0
    false: int = 0
    duplicates: int = 0
    expected: int = 0
    missed: int = 0

    @property
    def precision(self) -> float | None:
        """Share of the judged reports that are true; None when there was none."""
        judged = self.true + self.false
        return self.true / judged if judged else None

    @property
    def recall(self) -> float | None:
        """Share of the expected happenings that were reported; None when none was expected."""
        return (self.expected - self.missed) / self.expected if self.expected else None

    def __add__(self, other: "KindScore") -> "KindScore":
        return KindScore(
            true=self.true + other.true,
            false=self.false + other.false,
            duplicates=self.duplicates + other.duplicates,
            expected=self.expected + other.expected,
            missed=self.missed + other.missed,
        )


@dataclass(frozen=True, kw_only=True)
class Score:
    """Counts by kind and in all, with the tolerance that they hold for."""

    tolerance_s: float
    by_kind: Mapping[str, KindScore] = field(default_factory=dict)

    @property
    def total(self) -> KindScore:
        """All kinds together."""
        return sum(self.by_kind.values(), KindScore())


@dataclass(frozen=True, kw_only=True)
class _Occasion:
    camera: str
    kind: str
    start: datetime
    end: datetime
    is_expected: bool


def score(
    reports: Iterable[Report],
    truths: Mapping[str, GroundTruth],
    *,
    watch: Watch,
    kinds: Collection[str],
    tolerance_s: float = TOLERANCE_S,
) -> Score:
    """Return how `reports` of `kinds` agree with `truths`, by camera; cameras that never went on air expect nothing."""
    occasions = [occasion for truth in truths.values() for occasion in _occasions(truth, watch)]
    in_order = sorted(reports, key=lambda report: report.at)
    by_kind = {
        kind: _score_kind(
            [report for report in in_order if report.kind == kind],
            [occasion for occasion in occasions if occasion.kind == kind],
            timedelta(seconds=tolerance_s),
        )
        for kind in sorted(kinds)
    }
    return Score(tolerance_s=tolerance_s, by_kind=by_kind)


def _score_kind(reports: list[Report], occasions: list[_Occasion], tolerance: timedelta) -> KindScore:
    found: set[_Occasion] = set()
    false = duplicates = 0
    for report in reports:
        fitting = [
            occasion
            for occasion in occasions
            if occasion.camera == report.camera and occasion.start - tolerance <= report.at <= occasion.end + tolerance
        ]
        fresh = [occasion for occasion in fitting if occasion not in found]
        if fresh:
            found.add(min(fresh, key=lambda occasion: occasion.start))
        elif fitting:
            duplicates += 1
        else:
            false += 1
    expected = [occasion for occasion in occasions if occasion.is_expected]
    missed = sum(occasion not in found for occasion in expected)
    return KindScore(true=len(found), false=false, duplicates=duplicates, expected=len(expected), missed=missed)


def _occasions(truth: GroundTruth, watch: Watch) -> Iterator[_Occasion]:
    """Yield every happening of every round that touches the watched time."""
    if truth.started_at is None:
        return
    loop = timedelta(seconds=truth.loop_s)
    first = max(0, math.floor((watch.start - truth.started_at) / loop) - 1)
    last = math.floor((watch.end - truth.started_at) / loop)
    for number in range(first, last + 1):
        began = truth.started_at + number * loop
        for happening in truth.happenings:
            start = began + timedelta(seconds=happening.t_start_s)
            end = began + timedelta(seconds=happening.t_end_s)
            notice = timedelta(seconds=NOTICE_S[happening.kind])
            if end < watch.start or start > watch.end:
                continue
            yield _Occasion(
                camera=truth.camera,
                kind=happening.kind,
                start=start,
                end=end,
                is_expected=start >= watch.start and start + notice <= watch.end,
            )
