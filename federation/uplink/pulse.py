"""What a node concludes from its beats and the hub's answers. Pure; moments are seconds of a monotonic clock."""

from dataclasses import dataclass, replace
from datetime import datetime

from federation.messages import BeatAnswer, Shard

MOST_UNANSWERED = 32


@dataclass(frozen=True, kw_only=True)
class SentBeat:
    """A beat on its way: `at` is by the node's wall clock."""

    number: int
    sent_s: float
    at: datetime


@dataclass(frozen=True, kw_only=True)
class Pulse:
    """Beats sent and answered. Counts from the moment a beat was *sent*, so that it never believes too long.

    `confirmed_s` is when the newest beat was sent whose answer wanted of us just the work that we follow.
    `offset_s` is how far our wall clock is before the hub's, good to half of `round_trip_s`.
    """

    number: int = 0
    unanswered: tuple[SentBeat, ...] = ()
    answered: int = 0
    answered_s: float | None = None
    confirmed_s: float | None = None
    run: str = ""
    offset_s: float | None = None
    round_trip_s: float | None = None

    def beating(self, now_s: float, at: datetime) -> "Pulse":
        """Return the pulse with one more beat on its way."""
        sent = SentBeat(number=self.number + 1, sent_s=now_s, at=at)
        return replace(self, number=sent.number, unanswered=(*self.unanswered, sent)[-MOST_UNANSWERED:])

    def heard(self, answer: BeatAnswer, now_s: float, followed: tuple[int, int] | None) -> "Pulse":
        """Return the pulse after the hub spoke; `followed` is the order of the work that we follow, None for none."""
        known = replace(self, run=answer.run, answered_s=now_s)
        sent = next((beat for beat in self.unanswered if beat.number == answer.number), None)
        if sent is None:
            return known  # it spoke by itself, or answers what is no longer awaited
        trip_s = now_s - sent.sent_s
        confirmed = answer.wanted.get(Shard.WORK) == followed
        return replace(
            known,
            answered=sent.number,
            unanswered=tuple(beat for beat in self.unanswered if beat.number > sent.number),
            confirmed_s=sent.sent_s if confirmed else self.confirmed_s,
            round_trip_s=trip_s,
            offset_s=(sent.at - answer.at).total_seconds() + trip_s / 2,
        )

    def silent_s(self, now_s: float) -> float | None:
        """Return for how long the hub has said nothing, None if it never did."""
        return None if self.answered_s is None else now_s - self.answered_s
