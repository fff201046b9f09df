"""Batches that come by files, in any order: what lies beyond a hole is an island until the hole is filled."""

from collections.abc import Iterator
from dataclasses import dataclass

from federation.custody.ranges import Span
from federation.custody.receiver import Gap
from federation.messages import Batch

MOST_ISLANDS = 500
MISSING = "missing"  # a file never came, and more holes opened behind it than can be kept


@dataclass(frozen=True, kw_only=True)
class Island:
    """Rows that are committed beyond a hole, and the sender's fingerprint of the last of them."""

    first: int
    last: int
    mark: str = ""


@dataclass(frozen=True, kw_only=True)
class Standing:
    """How far a lane is committed without a hole, the fingerprint of the row there, and what lies beyond."""

    upto: int = 0
    mark: str = ""
    islands: tuple[Island, ...] = ()

    def has(self, number: int) -> bool:
        """Tell whether a row is committed, or stands in a gap that is recorded."""
        return number <= self.upto or any(island.first <= number <= island.last for island in self.islands)

    @property
    def highest(self) -> int:
        """The highest number that is committed."""
        return self.islands[-1].last if self.islands else self.upto

    def holes(self) -> tuple[Span, ...]:
        """Return the numbers below the highest that have not come."""
        ends = (self.upto, *(island.last for island in self.islands))
        return tuple((end + 1, island.first - 1) for end, island in zip(ends, self.islands, strict=False))

    def passed(self, upto: int, mark: str) -> "Standing":
        """Return the standing once everything up to `upto` is committed or given up."""
        islands = self.islands
        while islands and islands[0].first <= upto + 1:
            if islands[0].last >= upto:
                upto, mark = islands[0].last, islands[0].mark
            islands = islands[1:]
        return Standing(upto=upto, mark=mark, islands=islands)


@dataclass(frozen=True, kw_only=True)
class Arrival:
    """What to commit in one transaction: the new standing, gaps, and which rows of the batch are new."""

    standing: Standing
    fresh: frozenset[int] = frozenset()
    gaps: tuple[Gap, ...] = ()


def arrive(standing: Standing, batch: Batch) -> Arrival:
    """Judge a batch that may come in any order, and more than once; `fresh` holds sequence numbers."""
    new = [number for number in _span(batch) if not standing.has(number)] if batch.tombstone is None else []
    reason = batch.tombstone.reason if batch.tombstone is not None else ""
    gaps = tuple(Gap(first=first, last=last, reason=reason) for first, last in _unknown(standing, batch))
    island = Island(first=batch.first, last=batch.last, mark=batch.mark)
    grown = Standing(upto=standing.upto, mark=standing.mark, islands=_joined(standing.islands, island))
    after = grown.passed(grown.upto, grown.mark)
    given_up: tuple[Gap, ...] = ()
    if len(after.islands) > MOST_ISLANDS:
        given_up = tuple(Gap(first=first, last=last, reason=MISSING) for first, last in after.holes()[:1])
        after = after.passed(after.islands[0].first - 1, "")
    return Arrival(standing=after, fresh=frozenset(new), gaps=gaps + given_up)


def _span(batch: Batch) -> range:
    return range(batch.first, batch.last + 1)


def _unknown(standing: Standing, batch: Batch) -> Iterator[Span]:
    """Give the numbers of a tombstone that have not come, as spans."""
    if batch.tombstone is None:
        return
    start = max(batch.first, standing.upto + 1)
    for island in standing.islands:
        if island.first > start and start <= batch.last:
            yield (start, min(island.first - 1, batch.last))
        start = max(start, island.last + 1)
    if start <= batch.last:
        yield (start, batch.last)


def _joined(islands: tuple[Island, ...], new: Island) -> tuple[Island, ...]:
    """Return the islands with a new one; those that touch become one, with the mark of the highest row."""
    joined: list[Island] = []
    for island in sorted((*islands, new), key=lambda each: (each.first, each.last)):
        if not joined or island.first > joined[-1].last + 1:
            joined.append(island)
            continue
        before = joined[-1]
        highest = island if island.last >= before.last else before
        joined[-1] = Island(first=before.first, last=highest.last, mark=highest.mark)
    return tuple(joined)
