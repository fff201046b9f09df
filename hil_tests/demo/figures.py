"""The figures of a run, and whether all was well: pure."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Latency:
    """From the frame's arrival at the appliance to the hub's row, in ms; None without events."""

    p50: float | None
    p95: float | None


@dataclass(frozen=True, kw_only=True)
class Figures:
    """What one run of the demo showed.

    `produced` is what the appliances say they wrote, `events` what the hub holds; `lost` is the
    difference in one direction, `duplicates` counts rows of the hub that say the same thing twice.
    """

    nodes_online: int
    nodes_total: int
    streams_live: int
    streams_total: int
    produced: int
    events: int
    events_by_algorithm: Mapping[str, int]
    pictures_missing: int
    latency_ms: Latency
    lost: int
    duplicates: int
    gaps: int
    restarts: int
    first_event_s: float | None
    scene: Mapping[str, Any] | None

    def complaints(self) -> list[str]:
        """Return what was not well, one sentence each; empty when all was."""
        wrong = {
            f"only {self.nodes_online} of {self.nodes_total} nodes are online": (self.nodes_online < self.nodes_total),
            f"only {self.streams_live} of {self.streams_total} streams are live": (
                self.streams_live < self.streams_total
            ),
            "no event arrived": self.events == 0,
            f"{self.lost} events were lost": self.lost != 0,
            f"{self.duplicates} events arrived twice": self.duplicates != 0,
            f"{self.gaps} gaps were recorded": self.gaps != 0,
            f"{self.pictures_missing} pictures have not arrived": self.pictures_missing != 0,
            f"processes restarted {self.restarts} times": self.restarts != 0,
        }
        return [sentence for sentence, holds in wrong.items() if holds]

    def as_json(self) -> dict[str, Any]:
        """Return the figures as plain JSON values, with the verdict."""
        return {"ok": not self.complaints(), "complaints": self.complaints(), **asdict(self)}


def latency(delays_ms: Iterable[float]) -> Latency:
    """Return median and 95th percentile (nearest rank) of the delays."""
    ordered = sorted(delays_ms)
    if not ordered:
        return Latency(p50=None, p95=None)
    return Latency(p50=_rank(ordered, 0.5), p95=_rank(ordered, 0.95))


def by_algorithm(events: Iterable[Mapping[str, Any]]) -> dict[str, int]:
    """Count the hub's event rows by algorithm, in alphabetical order."""
    return dict(sorted(Counter(str(event["algorithm_id"]) for event in events).items()))


def repeats(events: Iterable[Mapping[str, Any]]) -> int:
    """Count rows that say what another row has said: the same id, or the same task and frame."""
    listed = list(events)
    ids = {event["id"] for event in listed}
    facts = {(event["task_id"], event["time"], str(event["detections"])) for event in listed}
    return len(listed) - min(len(ids), len(facts))


def _rank(ordered: list[float], share: float) -> float:
    index = min(len(ordered) - 1, int(share * len(ordered)))
    return round(ordered[index], 1)
