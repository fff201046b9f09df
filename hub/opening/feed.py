"""What belongs to which feed, decided without input or output."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from hub.events.recorded import Recorded


@dataclass(frozen=True, kw_only=True)
class Filter:
    """What a bureau subscribed to; empty sets let everything through."""

    bureau: str
    types: frozenset[str]
    point_ids: frozenset[str]
    only_true: bool

    def admits(self, recorded: Recorded) -> bool:
        """Tell whether the event is of a wanted type by either of its codes, or below one, and from a wanted point."""
        lineage = (code for own in recorded.codes for code in _lineage(own))
        wanted_type = not self.types or not self.types.isdisjoint(lineage)
        return wanted_type and (not self.point_ids or recorded.event.data.point_id in self.point_ids)


def _lineage(code: str) -> list[str]:
    """Return an event code, its parent, and so on up."""
    parts = code.split("/")
    return ["/".join(parts[:count]) for count in range(len(parts), 0, -1)]


def share_out(filters: Iterable[Filter], events: Sequence[Recorded], *, judged_true: bool) -> dict[str, list[str]]:
    """Return the ids of the events that each bureau gets, in order; a feed of true ones waits for the verdict."""
    shares: dict[str, list[str]] = {}
    for wanted in filters:
        if wanted.only_true != judged_true:
            continue
        ids = [recorded.event.id for recorded in events if wanted.admits(recorded)]
        if ids:
            shares[wanted.bureau] = ids
    return shares
