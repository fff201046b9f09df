"""What the link and the reader of documents ask of this hub as the node of another."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from functools import partial

from sqlalchemy import Connection, func, select

from federation.desired import Trust
from federation.machine import MachineGauge, metrics_of
from federation.messages import (
    Applied,
    AppliedVersion,
    ClockState,
    DesiredDocument,
    DesiredPolicy,
    Envelope,
    LaneReport,
    LinkPolicy,
    Metrics,
    ReportedState,
    Shard,
)
from federation.uplink.desired import DesiredReader
from federation.uplink.hub_files import HubFiles
from federation.uplink.link import SelfImage
from federation.uplink.pulse import Pulse
from hub.cascade import outbox, upper_table
from hub.cascade.tables import cascade_pictures
from hub.database import Database

AGREES_S = 2.0  # a clock that differs by more is not synchronised with the upper hub's


class HubNode:
    """A hub as a node of another: shows itself, and follows how its link shall be used. It has no cameras itself."""

    def __init__(
        self,
        database: Database,
        *,
        trust: Trust,
        files: HubFiles,
        followed: Callable[[], None],
        keep_trust: Callable[[Trust], Awaitable[None]],
        gauge: MachineGauge,
    ) -> None:
        """Call `followed` after each document; `gauge` tells how busy this machine is."""
        self.refused: Counter[str] = Counter()
        self.reader = DesiredReader(self, trust, self.refused)
        self._database = database
        self._node_id = trust.node_id
        self._files = files
        self._followed = followed
        self._keep_trust = keep_trust
        self._gauge = gauge
        self._documents: dict[Shard, DesiredDocument] = {}
        self._offset_s: float | None = None

    async def begin(self) -> None:
        """Read what is followed since before the start."""
        self._documents = await self._database.run(upper_table.documents)

    def image(self) -> SelfImage:
        """Return what holds now; the clock is held against the upper hub's."""
        agrees = self._offset_s is not None and abs(self._offset_s) < AGREES_S
        clock = ClockState.SYNCHRONISED if agrees else ClockState.UNSYNCHRONISED
        return SelfImage(applied=self.applied(), clock=clock, clock_offset_s=self._offset_s)

    def policy(self) -> LinkPolicy:
        """Return how the upper hub wants its link to be used."""
        document = self._documents.get(Shard.POLICY)
        return document.link if isinstance(document, DesiredPolicy) else LinkPolicy()

    async def report(self) -> ReportedState:
        """Return how the lanes stand."""
        lanes, pictures = await self._database.run(_standing)
        return ReportedState(
            node_id=self._node_id,
            reported_at=datetime.now(UTC),
            applied=self.applied(),
            refused=dict(self.refused),
            lanes=lanes,
            evidence_backlog=pictures,
        )

    async def metrics(self) -> Metrics:
        """Return how busy this machine is."""
        return metrics_of(self._node_id, await asyncio.to_thread(self._gauge.read))

    def take_document(self, shard: str, payload: bytes) -> None:
        """Note an envelope."""
        self.reader.take(shard, payload)

    def feel(self, pulse: Pulse) -> None:
        """Note that the upper hub spoke."""
        self._offset_s = pulse.offset_s

    def applied(self) -> Applied:
        """Return which documents are followed now."""
        return {
            shard: AppliedVersion(hub_epoch=found.hub_epoch, version=found.version, issued_at=found.issued_at)
            for shard, found in self._documents.items()
        }

    async def follow(self, document: DesiredDocument) -> None:
        """Store the document durably, and tell the upper hub."""
        await self._database.run(partial(upper_table.follow, document=document))
        self._documents[document.shard] = document
        self._followed()

    async def trust(self, trust: Trust) -> None:
        """Store durably that the upper hub signs by another key from now on."""
        await self._keep_trust(trust)

    async def fetch(self, envelope: Envelope) -> bytes | None:
        """Return the text that the envelope names."""
        return await self._files.fetch_document(envelope)


def _standing(connection: Connection) -> tuple[tuple[LaneReport, ...], int]:
    """Return how each lane stands, and how many pictures the upper hub has not stored."""
    states = {lane: outbox.state_of(connection, lane) for lane in outbox.LANES}
    lanes = tuple(
        LaneReport(lane=lane.value, produced=state.produced, acknowledged=state.acknowledged)
        for lane, state in states.items()
    )
    waiting = select(func.count()).select_from(cascade_pictures).where(cascade_pictures.c.sent == 0)
    return lanes, int(connection.execute(waiting).scalar_one())
