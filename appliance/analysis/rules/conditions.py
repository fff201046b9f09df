"""Rules of one condition over a whole picture: it holds or not, and an episode says when that is reported.

`presence`, `absence`, `count`, `state`, `together`: each condition is a function from what is seen to what makes it
hold, or None where it does not.
"""

from collections.abc import Callable
from dataclasses import dataclass

from appliance.analysis.finding import Finding
from appliance.analysis.rules.choice import Choice, overlap
from appliance.analysis.rules.episode import Episode, Pace, followed
from appliance.analysis.rules.seen import Seen
from federation.messages import Box, Detection

SAME_THING_IOU = 0.5

Proof = tuple[Detection, ...]
Condition = Callable[[Choice, Seen], Proof | None]


@dataclass(frozen=True, kw_only=True)
class ConditionRule:
    """Reports while its condition holds, as its pace says."""

    choice: Choice
    pace: Pace
    condition: Condition

    def begin(self) -> Episode:
        """Return an episode that has not begun."""
        return Episode()

    def step(self, state: Episode, seen: Seen) -> tuple[Episode, tuple[Finding, ...]]:
        """Return the episode after a picture, and a finding if it is due."""
        proof = self.condition(self.choice, seen)
        episode, due = followed(state, seen.at, self.pace, holds=proof is not None)
        if not due or proof is None:
            return episode, ()
        score = None if proof else 1.0
        return episode, (self.choice.finding(proof, dwell_s=episode.lasted_s(seen.at), score=score),)


def presence(count: int) -> Condition:
    """Require at least `count` things."""

    def condition(choice: Choice, seen: Seen) -> Proof | None:
        found = choice.of(seen)
        return found if len(found) >= count else None

    return condition


def at_most(count: int) -> Condition:
    """Require no more than `count` things; with `count` 0 this is absence."""

    def condition(choice: Choice, seen: Seen) -> Proof | None:
        found = choice.of(seen)
        return found if len(found) <= count else None

    return condition


def state(things: frozenset[str]) -> Condition:
    """Require a thing in the event's state: where it is, no other label is seen more surely.

    `things` are labels that are no state, but what a second model finds the state of: it is never surer than them.
    """

    def condition(choice: Choice, seen: Seen) -> Proof | None:
        every = choice.among(seen, None)
        own = choice.labels | things
        found = tuple(item for item in choice.of(seen) if not _outdone(item, every, own))
        return found or None

    return condition


def together(partners: frozenset[str], distance: float) -> Condition:
    """Require a thing and one of `partners` near each other; without partners any other label of the event is one."""

    def condition(choice: Choice, seen: Seen) -> Proof | None:
        own, others = choice.of(seen), choice.among(seen, partners or choice.labels)
        for one in own:
            for other in others:
                if other.label != one.label and gap(one.box, other.box) <= distance:
                    return (one, other)
        return None

    return condition


def gap(one: Box, other: Box) -> float:
    """Return the gap between two boxes over the mean of their longer sides; 0 where they touch."""
    across = max(0.0, max(one.x, other.x) - min(one.x + one.width, other.x + other.width))
    down = max(0.0, max(one.y, other.y) - min(one.y + one.height, other.y + other.height))
    size = (max(one.width, one.height) + max(other.width, other.height)) / 2
    return float((across**2 + down**2) ** 0.5) / max(size, 1e-6)


def _outdone(item: Detection, every: Proof, own: frozenset[str]) -> bool:
    rivals = (other for other in every if other.label not in own and other.score > item.score)
    return any(overlap(item.box, other.box) >= SAME_THING_IOU for other in rivals)
