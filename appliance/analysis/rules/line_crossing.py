"""Rule `line_crossing`: a thing's foot passes a drawn line in a direction that counts."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import pairwise

from appliance.analysis.finding import Finding
from appliance.analysis.rules.choice import Choice
from appliance.analysis.rules.episode import Pace
from appliance.analysis.rules.seen import Seen
from appliance.analysis.rules.staying import WEAK_SHARE
from appliance.analysis.rules.telling import Thing, Told, refreshed
from appliance.analysis.rules.zone import foot
from appliance.analysis.tracking import Tracker, Tracks
from federation.messages import Box, Line

Place = tuple[float, float]
BORDER = 1 - 1e-6
"""Of the picture, below; who is cut off there stands beyond it, so that a line along the border can be crossed."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Walking:
    """The tracks, where the foot of each was when it was last seen beside the lines, and who was told."""

    tracks: Tracks
    feet: Mapping[int, Place] = field(default_factory=dict)
    told: tuple[Told, ...] = ()


@dataclass(frozen=True, kw_only=True)
class LineCrossingRule:
    """Reports everything that crosses a line; the same thing not again for `dedupe_s`. Regions do not matter here."""

    choice: Choice
    pace: Pace

    @property
    def tracker(self) -> Tracker:
        """What follows the things."""
        return Tracker(strong=self.choice.min_conf)

    def begin(self) -> Walking:
        """Return the state without tracks."""
        return Walking(tracks=self.tracker.begin())

    def step(self, state: Walking, seen: Seen) -> tuple[Walking, tuple[Finding, ...]]:
        """Return the state after a picture, and a finding for every crossing."""
        everywhere = replace(self.choice, zone=replace(self.choice.zone, regions=()))
        found = everywhere.among(seen, self.choice.labels, least=WEAK_SHARE * self.choice.min_conf)
        tracks = self.tracker.step(state.tracks, found, seen.at)
        things = [
            (Thing(number=int(tracks.number[row]), box=item.box), item)
            for item, row in zip(found, tracks.of.tolist(), strict=True)
            if row >= 0
        ]
        told = refreshed(state.told, (thing for thing, _ in things), seen.at, self.pace)
        findings: list[Finding] = []
        for thing, item in things:
            before = state.feet.get(thing.number)
            known = any(one.number == thing.number for one in told)
            if before is None or known or not self._crosses(before, _stand(item.box)):
                continue
            told = (*told, Told(number=thing.number, box=item.box, told_at=seen.at, seen_at=seen.at))
            findings.append(everywhere.finding((item,)))
        alive = set(tracks.number.tolist())
        feet = {number: place for number, place in state.feet.items() if number in alive}
        feet |= {thing.number: _stand(item.box) for thing, item in things if not self._is_on_a_line(_stand(item.box))}
        return Walking(tracks=tracks, feet=feet, told=told), tuple(findings)

    def _crosses(self, before: Place, now: Place) -> bool:
        return any(
            line.counts in {"both", side} for line in self.choice.zone.lines for side in sides(line, before, now)
        )

    def _is_on_a_line(self, place: Place) -> bool:
        """Tell whether somebody there has yet to step to one side or the other: so far nothing is crossed."""
        return any(
            _lies_on(start, end, place) for line in self.choice.zone.lines for start, end in pairwise(line.points)
        )


def _stand(box: Box) -> Place:
    x, y = foot(box)
    return x, y if y < BORDER else 2.0 - BORDER


def sides(line: Line, before: Place, now: Place) -> Iterator[str]:
    """Yield to which side of the line, `to_right` or `to_left`, the step from `before` to `now` goes at every crossing.

    The sides are those of who walks along the line, from its first point to its last, on the picture as it is seen.
    A step through an end of the line crosses it; one that begins or ends on the line does not.
    """
    for start, end in pairwise(line.points):
        was, became = _side(start, end, before), _side(start, end, now)
        passes = _side(before, now, start), _side(before, now, end)
        if was * became < 0 and passes[0] * passes[1] <= 0 and passes[0] != passes[1]:
            yield "to_right" if became > was else "to_left"


def _side(start: Place, end: Place, place: Place) -> float:
    """Return more than 0 where `place` is to the right of who walks from `start` to `end`: y grows downwards."""
    return (end[0] - start[0]) * (place[1] - start[1]) - (end[1] - start[1]) * (place[0] - start[0])


def _lies_on(start: Place, end: Place, place: Place) -> bool:
    between = all(min(ends) <= at <= max(ends) for *ends, at in zip(start, end, place, strict=True))
    return between and _side(start, end, place) == 0
