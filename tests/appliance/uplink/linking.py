"""Whose link it is, and how it is made."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Protocol

from appliance.store.database import Database
from federation.messages import Applied, ClockState, LinkPolicy, Metrics, NodeCall, ReportedState
from federation.uplink.link import Link, SelfImage
from federation.uplink.pulse import Pulse


class Events(Protocol):
    ids: list[str]

    async def record(self, count: int = 1) -> int: ...


Linked = Callable[[Database], AbstractAsyncContextManager[Link]]


@dataclass(kw_only=True)
class Node:
    """Whose link it is: keeps what the link told it, says what the test wants."""

    documents: list[tuple[str, bytes]] = field(default_factory=list)
    calls: list[NodeCall] = field(default_factory=list)
    pulses: list[Pulse] = field(default_factory=list)
    applied: Applied = field(default_factory=dict)
    link_policy: LinkPolicy = field(default_factory=lambda: LinkPolicy(beat_every_s=0.2))

    def image(self) -> SelfImage:
        return SelfImage(applied=self.applied, clock=ClockState.SYNCHRONISED, clock_offset_s=None)

    def policy(self) -> LinkPolicy:
        return self.link_policy

    async def report(self) -> ReportedState:
        return ReportedState(node_id="n1", reported_at=datetime.now(UTC))

    async def metrics(self) -> Metrics:
        return Metrics(node_id="n1", at=datetime.now(UTC), cpu_share=0.25, memory_share=0.5, disk_share=0.1)

    def take_document(self, shard: str, payload: bytes) -> None:
        self.documents.append((shard, payload))

    def feel(self, pulse: Pulse) -> None:
        self.pulses.append(pulse)
