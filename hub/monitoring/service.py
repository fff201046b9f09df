"""Keeps what nodes say of how busy they are: the newest in memory, spans of five minutes for a week in the database."""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import timedelta
from functools import partial

from sqlalchemy import Connection, and_, bindparam, delete, insert, select

from federation.messages import Metrics
from hub.database import Database
from hub.database.moments import from_us, now_us
from hub.fleet.link import Incoming, Link
from hub.metrics import Figure
from hub.monitoring.model import KEPT_H, Busy, BusySpan, NodeMetrics
from hub.monitoring.spans import Span, begin_us
from hub.monitoring.tables import node_metrics

KIND = "u/metrics"
SPAN = timedelta(minutes=5)
SPAN_US = int(SPAN.total_seconds() * 1e6)
HOUR_US = 3_600_000_000
LOOK_EVERY_S = 5.0
MOST_UNSTORED = 20_000  # while the database takes nothing, the oldest spans go first


class Monitor:
    """Follows the nodes that `knows` knows; what others say is left alone. `clock_us` gives microseconds since 1970."""

    def __init__(
        self,
        *,
        database: Database,
        link: Link,
        knows: Callable[[str], bool],
        clock_us: Callable[[], int] = now_us,
        most_unstored: int = MOST_UNSTORED,
    ) -> None:
        """Listen on `link`."""
        self._most_unstored = most_unstored
        self._database = database
        self._link = link
        self._knows = knows
        self._clock_us = clock_us
        self._latest: dict[str, Busy] = {}
        self._spans: dict[str, Span] = {}  # the unfinished one of each node
        self._finished: dict[tuple[str, int], Span] = {}  # not stored yet, by node and begin
        link.handle((KIND,), self.take)

    async def take(self, run: Sequence[Incoming]) -> None:
        """Take what nodes say."""
        for incoming in run:
            metrics = self._link.read(Metrics, incoming)
            if metrics is not None and self._knows(incoming.node_id):
                self._note(metrics)

    async def run(self) -> None:
        """Store spans as they end, and forget old ones, until cancelled."""
        while True:
            await self.store()
            await asyncio.sleep(LOOK_EVERY_S)

    async def store(self) -> None:
        """Store the spans that have ended."""
        present_us = begin_us(self._clock_us(), SPAN_US)
        for node_id in [node_id for node_id, span in self._spans.items() if span.at_us < present_us]:
            self._finish(node_id)
        spans = dict(self._finished)
        if not spans:
            return
        await self._database.run(partial(_store, spans=spans, before_us=present_us - KEPT_H * HOUR_US))
        for key, span in spans.items():
            if self._finished.get(key) is span:
                del self._finished[key]
        self._latest = {node_id: busy for node_id, busy in self._latest.items() if self._knows(node_id)}

    async def of_node(self, node_id: str, hours: int) -> NodeMetrics:
        """Return how busy the node is, and was in the last `hours`."""
        since_us = self._clock_us() - hours * HOUR_US
        spans = await self._database.run(partial(_stored, node_id=node_id, since_us=since_us))
        unfinished = self._spans.get(node_id)
        waiting = [span for (node, at_us), span in self._finished.items() if node == node_id and at_us >= since_us]
        spans = (*spans, *(_shown(span) for span in waiting), *([_shown(unfinished)] if unfinished else ()))
        return NodeMetrics(latest=self._latest.get(node_id), span_s=SPAN.total_seconds(), spans=spans)

    def figures(self) -> Iterable[Figure]:
        """Return how busy every node is, for Prometheus."""
        for node_id, busy in self._latest.items():
            for name in ("cpu_share", "memory_share", "disk_share"):
                yield Figure(
                    name=f"node_{name}",
                    help=f"{name.partition('_')[0]} of a node in use, from 0 to 1",
                    value=getattr(busy, name),
                    labels={"node": node_id},
                )

    def _note(self, metrics: Metrics) -> None:
        moment_us = self._clock_us()
        self._latest[metrics.node_id] = Busy(
            at=from_us(moment_us), **metrics.model_dump(include={"cpu_share", "memory_share", "disk_share"})
        )
        at_us, before = begin_us(moment_us, SPAN_US), self._spans.get(metrics.node_id)
        if before is not None and before.at_us == at_us:
            self._spans[metrics.node_id] = before.with_(metrics)
            return
        if before is not None:
            self._finish(metrics.node_id)
        self._spans[metrics.node_id] = Span.of(metrics, at_us)

    def _finish(self, node_id: str) -> None:
        span = self._spans.pop(node_id)
        self._finished[node_id, span.at_us] = span
        while len(self._finished) > self._most_unstored:
            del self._finished[next(iter(self._finished))]


def _store(connection: Connection, *, spans: Mapping[tuple[str, int], Span], before_us: int) -> None:
    # A clock that was set back comes to the same span again: what was said last stays.
    this = and_(node_metrics.c.node_id == bindparam("node"), node_metrics.c.at_us == bindparam("at"))
    connection.execute(delete(node_metrics).where(this), [{"node": node_id, "at": at_us} for node_id, at_us in spans])
    connection.execute(
        insert(node_metrics),
        [
            {
                "node_id": node_id,
                "at_us": at_us,
                "cpu_mean": span.cpu_mean,
                "cpu_peak": span.cpu_peak,
                "memory_mean": span.memory_mean,
                "memory_peak": span.memory_peak,
                "disk_share": span.disk_share,
            }
            for (node_id, at_us), span in spans.items()
        ],
    )
    connection.execute(delete(node_metrics).where(node_metrics.c.at_us < before_us))


def _stored(connection: Connection, *, node_id: str, since_us: int) -> tuple[BusySpan, ...]:
    rows = connection.execute(
        select(node_metrics)
        .where(node_metrics.c.node_id == node_id, node_metrics.c.at_us >= since_us)
        .order_by(node_metrics.c.at_us)
    ).mappings()
    return tuple(
        BusySpan(at=from_us(row["at_us"]), **{name: row[name] for name in BusySpan.model_fields if name != "at"})
        for row in rows
    )


def _shown(span: Span) -> BusySpan:
    return BusySpan(
        at=from_us(span.at_us),
        cpu_mean=span.cpu_mean,
        cpu_peak=span.cpu_peak,
        memory_mean=span.memory_mean,
        memory_peak=span.memory_peak,
        disk_share=span.disk_share,
    )
