"""What happened when: how far everybody was, what struck, and how long it took until all was delivered again."""

import asyncio
import sqlite3
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from hil_tests.chaos.faults import Fault
from hil_tests.chaos.field import Field
from hil_tests.chaos.processes import cost_of

LOOK_EVERY_S = 0.25
MEBIBYTE = 2**20


@dataclass(frozen=True, kw_only=True)
class Sample:
    """One look, `at_s` seconds after the run began: events by node, and resident memory in bytes."""

    at_s: float
    committed: Mapping[str, int]
    delivered: Mapping[str, int]
    hub_memory_bytes: int
    agent_memory_bytes: int  # of the agent that takes most

    def has(self, committed: Mapping[str, int]) -> bool:
        """Tell whether the hub had all of that."""
        return all(self.delivered.get(node_id, 0) >= count for node_id, count in committed.items())


@dataclass(frozen=True, kw_only=True)
class Struck:
    """One fault that has struck and healed; `committed` says what every box it may have hurt had by its end."""

    fault: Fault
    began_s: float
    healed_s: float
    committed: Mapping[str, int]


@dataclass(kw_only=True)
class Chronicle:
    """The record of one run; `watch` fills it."""

    scene: Field
    began: float = field(default_factory=time.monotonic)
    samples: list[Sample] = field(default_factory=list)
    struck: list[Struck] = field(default_factory=list)

    def now_s(self) -> float:
        """Return the seconds since the run began."""
        return time.monotonic() - self.began

    async def watch(self) -> None:
        """Look at everything four times a second until cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(LOOK_EVERY_S)

    async def look(self) -> None:
        """Note how far everybody is; a hub whose database cannot be read just now is as far as it last was."""
        scene, delivered = self.scene, self.samples[-1].delivered if self.samples else {}
        with suppress(sqlite3.Error):
            delivered = await asyncio.to_thread(scene.hub_side.delivered)
        self.samples.append(
            Sample(
                at_s=self.now_s(),
                committed=self.committed(),
                delivered=delivered,
                hub_memory_bytes=cost_of(scene.hub_side.hub.pid).memory_bytes,
                agent_memory_bytes=max(cost_of(box.agent.pid).memory_bytes for box in scene.boxes),
            )
        )

    def committed(self) -> dict[str, int]:
        """Return how many events each box has confirmed."""
        return {box.node_id: box.producer.committed for box in self.scene.boxes}


def recoveries_s(struck: Iterable[Struck], samples: Sequence[Sample]) -> dict[str, list[float]]:
    """Return how long recovery took after each fault, in seconds, by kind.

    It lasts from the end of the fault until the hub has all that was committed by then, whatever strikes meanwhile.
    """
    found: dict[str, list[float]] = {}
    for each in struck:
        later = (sample for sample in samples if sample.at_s >= each.healed_s and sample.has(each.committed))
        recovered = next(later, None)
        if recovered is not None:
            found.setdefault(each.fault.kind, []).append(recovered.at_s - each.healed_s)
    return found


def quantiles_s(recoveries: Mapping[str, Sequence[float]]) -> dict[str, dict[str, float]]:
    """Return p50 and p95 of each kind, in seconds."""
    return {kind: _quantiles(values) for kind, values in sorted(recoveries.items())}


def most_memory_mb(samples: Iterable[Sample]) -> dict[str, float]:
    """Return the most that the hub and any one agent took, in MiB."""
    looks = [(sample.hub_memory_bytes, sample.agent_memory_bytes) for sample in samples] or [(0, 0)]
    return {
        "hub": round(max(hub for hub, _ in looks) / MEBIBYTE, 1),
        "agent": round(max(agent for _, agent in looks) / MEBIBYTE, 1),
    }


def _quantiles(values: Sequence[float]) -> dict[str, float]:
    ordered = sorted(values)
    return {
        f"p{percent}": round(ordered[min(len(ordered) - 1, len(ordered) * percent // 100)], 2) for percent in (50, 95)
    }
