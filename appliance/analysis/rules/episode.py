"""How long a condition holds, and when that is reported."""

from dataclasses import dataclass, replace
from datetime import datetime

LONGEST_HOLE_S = 2.5
"""A condition may fail for so long, or in one picture, without its time starting anew: detectors miss things."""


@dataclass(frozen=True, kw_only=True)
class Pace:
    """A condition is reported once it has held for `hold_s`, in `snapshots` of the latest `of` pictures.

    After a report there is silence for `dedupe_s`; what lasts is then reported again if `repeat`, else only once it has
    been away for `dedupe_s`.
    """

    hold_s: float = 0.0
    snapshots: int = 1
    of: int = 1
    dedupe_s: float = 60.0
    repeat: bool = True


@dataclass(frozen=True, kw_only=True)
class Episode:
    """What is known of a condition: the latest pictures, since when it holds, when it was last seen and reported."""

    recent: tuple[bool, ...] = ()
    missed: int = 0
    since: datetime | None = None
    seen_at: datetime | None = None
    reported_at: datetime | None = None

    def lasted_s(self, at: datetime) -> float:
        """Return for how long the condition has held at the moment `at`."""
        return 0.0 if self.since is None else (at - self.since).total_seconds()


def followed(episode: Episode, at: datetime, pace: Pace, *, holds: bool) -> tuple[Episode, bool]:
    """Return the episode after a picture, and whether it is to be reported now."""
    recent = (*episode.recent, holds)[-max(pace.of, pace.snapshots) :]
    now = _present(episode, at) if holds else _absent(episode, at, pace)
    now = replace(now, recent=recent)
    due = holds and sum(recent) >= pace.snapshots and now.lasted_s(at) >= pace.hold_s and not _silent(now, at, pace)
    return (replace(now, reported_at=at), True) if due else (now, False)


def _present(episode: Episode, at: datetime) -> Episode:
    return replace(episode, since=episode.since or at, seen_at=at, missed=0)


def _absent(episode: Episode, at: datetime, pace: Pace) -> Episode:
    missed = episode.missed + 1
    if episode.seen_at is None:
        return replace(episode, missed=missed)
    away_s = (at - episode.seen_at).total_seconds()
    gone = missed > 1 and away_s > LONGEST_HOLE_S
    forgotten = not pace.repeat and away_s >= pace.dedupe_s
    return replace(
        episode,
        missed=missed,
        since=None if gone else episode.since,
        reported_at=None if forgotten else episode.reported_at,
    )


def _silent(episode: Episode, at: datetime, pace: Pace) -> bool:
    if episode.reported_at is None:
        return False
    return not pace.repeat or (at - episode.reported_at).total_seconds() < pace.dedupe_s
