"""Rules `dwell` and `stopped`: single things that stay in the zone, or do not move."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from appliance.analysis.finding import Finding
from appliance.analysis.rules.choice import Choice
from appliance.analysis.rules.episode import Pace
from appliance.analysis.rules.seen import Seen
from appliance.analysis.rules.telling import Thing, Told, is_told, refreshed
from appliance.analysis.tracking import Tracker, Tracks
from federation.messages import Box, Detection

WEAK_SHARE = 0.5
"""Of the least score: what is so sure still continues a track (the second stage of ByteTrack)."""


@dataclass(frozen=True, kw_only=True)
class Anchor:
    """Where a thing stood, and since when it has not left that place."""

    box: Box
    since: datetime


@dataclass(frozen=True, kw_only=True, eq=False)
class Staying:
    """The tracks, the anchor of each by number, and what was told."""

    tracks: Tracks
    anchors: Mapping[int, Anchor] = field(default_factory=dict)
    told: tuple[Told, ...] = ()


@dataclass(frozen=True, kw_only=True)
class StayingRule:
    """Reports each thing once it has stayed for `dwell_s`, when `count` of them do.

    With `still` a thing starts anew when it has moved by more than that share of its own size; without, it may move
    about as long as it stays in the zone.
    """

    choice: Choice
    pace: Pace
    dwell_s: float
    count: int
    still: float | None = None

    @property
    def tracker(self) -> Tracker:
        """What follows the things."""
        return Tracker(strong=self.choice.min_conf)

    def begin(self) -> Staying:
        """Return the state without tracks."""
        return Staying(tracks=self.tracker.begin())

    def step(self, state: Staying, seen: Seen) -> tuple[Staying, tuple[Finding, ...]]:
        """Return the state after a picture, and a finding for every thing that has now stayed long enough."""
        found = self.choice.among(seen, self.choice.labels, least=WEAK_SHARE * self.choice.min_conf)
        tracks = self.tracker.step(state.tracks, found, seen.at)
        things = tuple(
            (Thing(number=int(tracks.number[row]), box=item.box), item)
            for item, row in zip(found, tracks.of.tolist(), strict=True)
            if row >= 0
        )
        anchors = self._anchors(state, tracks, things, seen.at)
        told = refreshed(state.told, (thing for thing, _ in things), seen.at, self.pace)
        ages = {id(item): age for item, age in zip(seen.detections, seen.ages_s, strict=False)}
        lasted = [
            (thing, item, max(ages.get(id(item), 0.0), (seen.at - anchors[thing.number].since).total_seconds()))
            for thing, item in things
        ]
        staying = [entry for entry in lasted if entry[2] >= self.dwell_s]
        if len(staying) < self.count:
            return Staying(tracks=tracks, anchors=anchors, told=told), ()
        findings: list[Finding] = []
        for thing, item, dwell_s in staying:
            if not is_told(told, thing):
                told = (*told, Told(number=thing.number, box=thing.box, told_at=seen.at, seen_at=seen.at))
                findings.append(self.choice.finding((item,), dwell_s=dwell_s))
        return Staying(tracks=tracks, anchors=anchors, told=told), tuple(findings)

    def _anchors(
        self, state: Staying, tracks: Tracks, things: tuple[tuple[Thing, Detection], ...], at: datetime
    ) -> dict[int, Anchor]:
        alive = set(tracks.number.tolist())
        anchors = {number: anchor for number, anchor in state.anchors.items() if number in alive}
        for thing, _ in things:
            anchor = anchors.get(thing.number)
            if anchor is None or (self.still is not None and moved(anchor.box, thing.box) > self.still):
                anchors[thing.number] = Anchor(box=thing.box, since=at)
        return anchors


def moved(before: Box, now: Box) -> float:
    """Return how far a box's middle has moved, over the longer side of what it was."""
    across = (now.x + now.width / 2) - (before.x + before.width / 2)
    down = (now.y + now.height / 2) - (before.y + before.height / 2)
    return float((across**2 + down**2) ** 0.5) / max(before.width, before.height, 1e-6)
