"""Which appliance looks after each point (点位归属): it can be watched, recorded and photographed without a task.

Pure decisions. A point with tasks is at home where one of them runs: its stream is there already. Any other rests at
its home, which pulls it when asked, unless it is recorded: then its stream is pulled always.

Only its home records a point, wherever else tasks look at it. A home that nobody hears stays the home: it goes on by
itself, and what it records is there when it is heard again. When its tasks leave it (`on_cut`), or when it is removed,
the home goes where tasks are, and is recorded there.
"""

import heapq
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from hub.scheduling.placement import PULL, RECORD, ROUNDING, SNAPSHOT, Unit

RESTING_PER_PULL = 25
"""Points that rest in the place of one stream. Of so many a picture every five minutes, 10 s each, leaves room."""

Kind = tuple[bool | None, bool]


@dataclass(frozen=True, kw_only=True)
class Resident:
    """A point, where it is at home now, and where its tasks run.

    `recorded` is None where its box has it as boxes of its kind do; `photographed`: plans take snapshots of it.
    """

    point_id: str
    node_id: str | None = None
    tasks_at: frozenset[str] = frozenset()
    recorded: bool | None = None
    photographed: bool = False

    @property
    def kind(self) -> Kind:
        """What is the same with all points for which one home is as good as for the other."""
        return self.recorded, self.photographed


def homes(residents: Iterable[Resident], units: Sequence[Unit]) -> dict[str, str | None]:
    """Return the points whose home changes, with the new one, None where there is no room.

    A home is left when its appliance is gone, or for one that is made for what is wanted, where its own is not: points
    that are recorded go to appliances that record, those of plans to those that take snapshots, and the others to any
    that record nothing by themselves. The least laden comes first.
    """
    rooms = _Rooms(units={unit.node_id: unit for unit in units})
    changes: dict[str, str | None] = {}
    seeking: list[Resident] = []
    for one in sorted(residents, key=lambda resident: resident.point_id):
        if one.tasks_at:
            fit = _fit(one, rooms.units)
            changes[one.point_id] = one.node_id if one.node_id in fit else min(fit)
        elif one.node_id in rooms.units:
            rooms.take(one, one.node_id)
            if _is_out_of_place(one, rooms.units[one.node_id]):
                seeking.append(one)
        else:
            seeking.append(one)
    for one in seeking:
        changes[one.point_id] = rooms.best(one)
    before = {one.point_id: one.node_id for one in residents}
    return {point_id: node_id for point_id, node_id in changes.items() if node_id != before[point_id]}


def is_pulled_always(recorded: bool | None, unit: Unit) -> bool:  # noqa: FBT001 - as `Resident` has it
    """Tell whether a point without tasks is pulled at its home all the time."""
    return bool(unit.offered.get(RECORD)) if recorded is None else recorded


def _fit(one: Resident, units: Mapping[str, Unit]) -> frozenset[str]:
    """Return where a point with tasks may be at home: of what is recorded, boxes that are made for it come first."""
    recording = {node_id for node_id in one.tasks_at if node_id in units and units[node_id].offered.get(RECORD)}
    return frozenset(recording) if one.recorded and recording else one.tasks_at


def _is_out_of_place(one: Resident, home: Unit) -> bool:
    """Tell whether a point would be better off elsewhere; what is recorded leaves only a box that records nothing."""
    wants_more = one.recorded or (one.photographed and not is_pulled_always(one.recorded, home))
    return bool(wants_more) and not _suits(one.kind, home)


def _suits(kind: Kind, unit: Unit) -> bool:
    recorded, photographed = kind
    if recorded:
        return bool(unit.offered.get(RECORD))
    return bool(unit.offered.get(SNAPSHOT)) if photographed else not unit.offered.get(RECORD)


@dataclass(kw_only=True)
class _Rooms:
    """What the homes of points take of appliances so far."""

    units: dict[str, Unit]
    resting: Counter[str] = field(default_factory=Counter)
    pulled: Counter[str] = field(default_factory=Counter)
    _heaps: dict[Kind, list[tuple[bool, float, str]]] = field(default_factory=dict)

    def take(self, one: Resident, node_id: str) -> None:
        """Let a point be at home at an appliance."""
        always = is_pulled_always(one.recorded, self.units[node_id])
        (self.pulled if always else self.resting)[node_id] += 1

    def best(self, one: Resident) -> str | None:
        """Return the least laden that suits a point and has room, and let it be at home there; stay before nothing."""
        heap = self._heaps.setdefault(one.kind, self._heap(one.kind))
        stays = one.node_id if one.node_id in self.units else None
        while heap:
            unsuited, share, node_id = heap[0]
            if share != self._share(node_id):
                heapq.heapreplace(heap, (unsuited, self._share(node_id), node_id))
            elif not self._has_room(one, node_id):
                heapq.heappop(heap)
            elif unsuited and stays is not None:
                return stays
            else:
                self.take(one, node_id)
                return node_id
        return stays

    def _heap(self, kind: Kind) -> list[tuple[bool, float, str]]:
        online = [unit for unit in self.units.values() if unit.online and unit.offered.get(PULL)]
        heap = [(not _suits(kind, unit), self._share(unit.node_id), unit.node_id) for unit in online]
        heapq.heapify(heap)
        return heap

    def _share(self, node_id: str) -> float:
        unit = self.units[node_id]
        offered = unit.offered[PULL]
        return (unit.used.get(PULL, 0.0) + self.pulled[node_id] + self.resting[node_id] / RESTING_PER_PULL) / offered

    def _has_room(self, one: Resident, node_id: str) -> bool:
        unit = self.units[node_id]
        if is_pulled_always(one.recorded, unit):
            return unit.free(PULL) - self.pulled[node_id] >= 1.0 - ROUNDING
        return self.resting[node_id] < unit.offered[PULL] * RESTING_PER_PULL
