"""Which numbers of a sequence have come, when they may come in any order."""

from collections.abc import Iterable
from dataclasses import dataclass

Span = tuple[int, int]
"""First and last number, both inclusive."""


@dataclass(frozen=True)
class Ranges:
    """Whole numbers from 1 on, as spans in ascending order with a hole between any two."""

    spans: tuple[Span, ...] = ()

    @classmethod
    def of(cls, spans: Iterable[Iterable[int]]) -> "Ranges":
        """Return the numbers of any spans, in any order, overlapping or not."""
        joined: list[Span] = []
        for first, last in sorted((first, last) for first, last in spans):
            if joined and first <= joined[-1][1] + 1:
                joined[-1] = (joined[-1][0], max(last, joined[-1][1]))
            elif first <= last:
                joined.append((first, last))
        return cls(tuple(joined))

    def __contains__(self, number: object) -> bool:
        return isinstance(number, int) and any(first <= number <= last for first, last in self.spans)

    @property
    def highest(self) -> int:
        """The highest number, 0 if there is none."""
        return self.spans[-1][1] if self.spans else 0

    @property
    def count(self) -> int:
        """How many numbers there are."""
        return sum(last - first + 1 for first, last in self.spans)

    def add(self, first: int, last: int) -> "Ranges":
        """Return the numbers with those from `first` to `last`."""
        return Ranges.of((*self.spans, (first, last)))

    def after(self, number: int) -> "Ranges":
        """Return those beyond `number`."""
        return Ranges(tuple((max(first, number + 1), last) for first, last in self.spans if last > number))

    def missing(self, first: int, last: int) -> tuple[Span, ...]:
        """Return the numbers from `first` to `last` that are not here, as spans."""
        holes: list[Span] = []
        expected = first
        for start, end in self.spans:
            if start > last:
                break
            if start > expected:
                holes.append((expected, start - 1))
            expected = max(expected, end + 1)
        if expected <= last:
            holes.append((expected, last))
        return tuple(holes)
