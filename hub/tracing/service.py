"""Samples the chain every few seconds and keeps the last hour in memory."""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from federation.messages import Lane, LaneReport
from hub.fleet.roster import NodeRecord, Roster
from hub.fleet.view import state_of
from hub.tracing.model import Chain, ChainNode, ChainSample

SAMPLE_EVERY_S = 5.0
SAMPLES = 720  # an hour
NO_LANE = LaneReport(lane=Lane.EVENTS, produced=0, acknowledged=0)


@dataclass(frozen=True, kw_only=True)
class Counts:
    """Sums that only grow, at a moment of the monotonic clock; `produced` by box."""

    at_s: float
    produced: dict[str, int]
    stored: int
    published: int


def grown(before: dict[str, int], now: dict[str, int]) -> int:
    """Return by how much all boxes together have grown.

    A box that is new, or counts anew after its outbox was made anew, adds nothing this once.
    """
    return sum(max(0, count - before[node_id]) for node_id, count in now.items() if node_id in before)


def sample_of(before: Counts, now: Counts, nodes: tuple[NodeRecord, ...], at: datetime) -> ChainSample:
    """Return the sample between two counts."""
    taken_s = max(1e-3, now.at_s - before.at_s)
    return ChainSample(
        at=at,
        produced_per_s=round(grown(before.produced, now.produced) / taken_s, 2),
        stored_per_s=round((now.stored - before.stored) / taken_s, 2),
        published_per_s=round((now.published - before.published) / taken_s, 2),
        backlog=sum(events_lane(node).backlog for node in nodes),
        pictures_backlog=sum(node.reported.evidence_backlog for node in nodes if node.reported),
    )


def events_lane(node: NodeRecord) -> LaneReport:
    """Return how far the box's events have got, as it reported last."""
    lanes = node.reported.lanes if node.reported else ()
    return next((lane for lane in lanes if lane.lane == Lane.EVENTS), NO_LANE)


class Tracer:
    """Follows the chain; `stored` and `published` count events of the hub since it was started."""

    def __init__(self, *, roster: Roster, stored: Callable[[], int], published: Callable[[], int]) -> None:
        """Start without samples."""
        self._roster = roster
        self._stored = stored
        self._published = published
        self._samples: deque[ChainSample] = deque(maxlen=SAMPLES)

    async def run(self) -> None:
        """Take samples until cancelled."""
        before = self._count()
        while True:
            await asyncio.sleep(SAMPLE_EVERY_S)
            now = self._count()
            self._samples.append(sample_of(before, now, self._roster.all(), datetime.now(UTC)))
            before = now

    def chain(self) -> Chain:
        """Return the last hour and every box."""
        nodes = [_node(record) for record in self._roster.all()]
        nodes.sort(key=lambda node: (-node.backlog, node.name))
        return Chain(sample_every_s=SAMPLE_EVERY_S, samples=tuple(self._samples), nodes=tuple(nodes))

    def _count(self) -> Counts:
        return Counts(
            at_s=time.monotonic(),
            produced={node.id: events_lane(node).produced for node in self._roster.all() if node.reported},
            stored=self._stored(),
            published=self._published(),
        )


def _node(record: NodeRecord) -> ChainNode:
    lane = events_lane(record)
    return ChainNode(
        node_id=record.id,
        name=record.name,
        state=state_of(record),
        produced=lane.produced,
        acknowledged=lane.acknowledged,
        backlog=lane.backlog,
        pictures_backlog=record.reported.evidence_backlog if record.reported else 0,
        reported_at=record.reported.reported_at if record.reported else None,
    )
