"""The count at the end: what boxes committed, against what the hub holds."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """Events that boxes committed (`produced`), that the hub has, and that boxes dropped and told (`tombstones`).

    `pictures` still are where they were taken, the hub must have each; of `pictures_given_up` boxes told that they are
    gone. The other counts must be 0.
    """

    produced: int
    hub_rows: int
    tombstones: int
    lost: int
    duplicates: int
    strangers: int
    out_of_order: int
    results: int
    results_missing: int
    pictures: int
    pictures_given_up: int
    pictures_missing: int

    @property
    def holds(self) -> bool:
        """Whether custody held: nothing lost, doubled, made up or out of order."""
        faults = (
            self.lost,
            self.duplicates,
            self.strangers,
            self.out_of_order,
            self.results_missing,
            self.pictures_missing,
        )
        return not any(faults) and self.produced == self.hub_rows + self.tombstones


def judge(
    produced: Mapping[str, Sequence[str]],
    hub_rows: Sequence[tuple[str, str]],
    *,
    tombstones: int = 0,
    results: int = 0,
    hub_results: int = 0,
    pictures: Sequence[str] = (),
    hub_pictures: frozenset[str] = frozenset(),
    pictures_given_up: int = 0,
) -> Verdict:
    """Compare event ids: those of every box in its order, and the hub's (box, id) in the hub's order.

    An event that the hub has not got is lost, unless it is one of `tombstones` that the box has told of.
    `results` counts what was done on boxes, `hub_results` what of it the hub has. `pictures` are the digests that boxes
    handed over, `hub_pictures` those that the hub holds.
    """
    times = Counter(event_id for _, event_id in hub_rows)
    known = {event_id for ids in produced.values() for event_id in ids}
    return Verdict(
        produced=len(known),
        hub_rows=len(hub_rows),
        tombstones=tombstones,
        lost=max(0, sum(event_id not in times for event_id in known) - tombstones),
        duplicates=sum(count - 1 for count in times.values()),
        strangers=sum(event_id not in known for event_id in times),
        out_of_order=sum(_out_of_order(ids, node_id, hub_rows) for node_id, ids in produced.items()),
        results=results,
        results_missing=abs(results - hub_results),
        pictures=len(set(pictures)),
        pictures_given_up=pictures_given_up,
        pictures_missing=len(set(pictures) - hub_pictures),
    )


def _out_of_order(ids: Sequence[str], node_id: str, hub_rows: Sequence[tuple[str, str]]) -> int:
    """Count the rows of a box that stand in the hub behind a row that the box committed later."""
    place = {event_id: number for number, event_id in enumerate(ids)}
    found, highest = 0, -1
    for owner, event_id in hub_rows:
        at = place.get(event_id)
        if owner != node_id or at is None:
            continue
        found += at < highest
        highest = max(highest, at)
    return found
