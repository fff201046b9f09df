"""Rules over detections: `presence` looks at one picture, `dwell` waits until things have stayed."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from appliance.analysis.finding import Finding, Picture
from appliance.analysis.region import contains
from federation.messages import Box, Detection, Polygon

LONGEST_HOLE_S = 2.5  # a detector may miss a thing for so long without its time starting anew
SAME_THING_IOU = 0.2
MOST_DETECTIONS = 64

Detect = Callable[[Picture], tuple[Detection, ...]]


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What makes one event: any of these labels."""

    event_code: str
    labels: frozenset[str]


@dataclass(frozen=True, kw_only=True)
class PresenceRule:
    """Parameters: least score, least height (share), how many, for how long and then silent, in s."""

    min_conf: float
    min_size: float
    count: int
    dwell_s: float
    dedupe_s: float


@dataclass(kw_only=True)
class _Track:
    box: Box
    since: datetime
    seen_at: datetime


@dataclass(kw_only=True)
class _Memory:
    tracks: list[_Track] = field(default_factory=list)
    reported_at: datetime | None = None


class PresenceJudge:
    """Runs a detector and applies the rule to every wanted event of one task."""

    def __init__(
        self,
        *,
        detect: Detect,
        wanted: tuple[Wanted, ...],
        rule: PresenceRule,
        region: Polygon | None,
    ) -> None:
        """Set up; `region` counts by the middle of a box's lower edge, where things stand."""
        self._detect = detect
        self._wanted = wanted
        self._rule = rule
        self._region = region
        self._memory = {item.event_code: _Memory() for item in wanted}

    def observe(self, picture: Picture, at: datetime) -> list[Finding]:
        """Return a finding for every wanted event that holds now and was not reported lately."""
        found = [item for item in self._detect(picture) if self._counts(item)]
        findings = (self._judge(wanted, found, at) for wanted in self._wanted)
        return [finding for finding in findings if finding is not None]

    def _counts(self, item: Detection) -> bool:
        strong = item.score >= self._rule.min_conf and item.box.height >= self._rule.min_size
        x, y = item.box.x + item.box.width / 2, item.box.y + item.box.height
        return strong and contains(self._region, x, y)

    def _judge(self, wanted: Wanted, found: list[Detection], at: datetime) -> Finding | None:
        memory = self._memory[wanted.event_code]
        mine = [item for item in found if item.label in wanted.labels]
        follow(memory.tracks, [item.box for item in mine], at)
        lasting = [track for track in memory.tracks if track.seen_at == at and self._lasted(track)]
        if len(lasting) < self._rule.count or self._is_silent(memory, at):
            return None
        memory.reported_at = at
        return Finding(
            event_code=wanted.event_code,
            score=max(item.score for item in mine),
            detections=tuple(mine[:MOST_DETECTIONS]),
            dwell_s=max((at - track.since).total_seconds() for track in lasting),
        )

    def _lasted(self, track: _Track) -> bool:
        return (track.seen_at - track.since).total_seconds() >= self._rule.dwell_s

    def _is_silent(self, memory: _Memory, at: datetime) -> bool:
        if memory.reported_at is None:
            return False
        return (at - memory.reported_at).total_seconds() < self._rule.dedupe_s


def follow(tracks: list[_Track], boxes: list[Box], at: datetime) -> None:
    """Continue the tracks with the boxes that overlap them most; begin and end the others."""
    free = list(tracks)
    for box in boxes:
        best = max(free, key=lambda track: overlap(track.box, box), default=None)
        if best is not None and overlap(best.box, box) >= SAME_THING_IOU:
            free.remove(best)
            best.box, best.seen_at = box, at
        else:
            tracks.append(_Track(box=box, since=at, seen_at=at))
    tracks[:] = [track for track in tracks if (at - track.seen_at).total_seconds() <= LONGEST_HOLE_S]


def overlap(one: Box, other: Box) -> float:
    """Return intersection over union of two boxes, 0 to 1."""
    width = min(one.x + one.width, other.x + other.width) - max(one.x, other.x)
    height = min(one.y + one.height, other.y + other.height) - max(one.y, other.y)
    if width <= 0 or height <= 0:
        return 0.0
    shared = width * height
    return shared / (one.width * one.height + other.width * other.height - shared)
