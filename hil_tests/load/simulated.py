"""Simulated appliances: real sessions, real custody, and an outbox in memory that makes events by itself."""

import asyncio
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from federation import topics
from federation.custody.sender import Sender
from federation.identity.key import NodeKey
from federation.identity.member import HubIdentity
from federation.identity.member import Member as JoinedMember
from federation.messages import (
    Ack,
    AppliedVersion,
    Beat,
    DesiredDocument,
    Envelope,
    Hello,
    Lane,
    Presence,
    ReportedState,
    Shard,
    batch_bytes,
    new_id,
)
from hil_tests.load.mqtt import Address, Client, connected
from hil_tests.load.rows import made, template

TICK_S = 0.2
PROFILE = "analysis"


@dataclass(frozen=True, kw_only=True)
class Member:
    """One appliance that has joined: who it is, where its key lies, and where the broker answers."""

    identity: HubIdentity
    key_file: str
    broker_host: str
    broker_port: int

    @property
    def node_id(self) -> str:
        """Its name at the hub."""
        return self.identity.node_id

    def address(self) -> Address:
        """Return how it reaches the broker, showing its certificate. Blocks."""
        tls = JoinedMember(key=NodeKey.open(Path(self.key_file)), identity=self.identity).tls()
        return Address(host=self.broker_host, port=self.broker_port, tls=tls)


@dataclass(kw_only=True)
class Appliance:
    """One simulated appliance; `waiting` are the rows that the hub has not acknowledged."""

    member: Member
    sender: Sender = field(default_factory=lambda: Sender(epoch=new_id()))
    waiting: list[str] = field(default_factory=list)
    produced: int = 0
    beats: int = 0
    applied: dict[Shard, AppliedVersion] = field(default_factory=dict)
    client: Client | None = None
    heard_at: float = 0.0
    flew_at: float = 0.0

    def __post_init__(self) -> None:
        """Make the template of its events."""
        self._template = template(new_id())

    @property
    def acknowledged(self) -> int:
        """How many rows the hub has."""
        return self.produced - len(self.waiting)

    def make(self, count: int) -> None:
        """Make events."""
        self.waiting += [made(self._template, self.member.node_id) for _ in range(count)]
        self.produced += count

    async def connect(self) -> None:
        """Connect, and say who is there as an appliance does."""
        node_id = self.member.node_id
        subscriptions = (topics.ack(node_id), topics.all_desired(node_id), topics.beat_answer(node_id))
        address = await asyncio.to_thread(self.member.address)
        self.client = await connected(address, node_id, topics=subscriptions, message=self.take)
        now = datetime.now(UTC)
        presence = Presence(
            node_id=node_id, incarnation=1, online=True, profile=PROFILE, software="load", started_at=now
        )
        self.client.publish(topics.presence(node_id), presence.to_bytes(), qos=1, retain=True)
        self.report()

    def report(self) -> None:
        """Show that it lives, and publish the reported state."""
        if self.client is None:
            return
        node_id, now = self.member.node_id, datetime.now(UTC)
        self.beats += 1
        beat = Beat(node_id=node_id, incarnation=1, number=self.beats, at=now, applied=self.applied)
        self.client.publish(topics.beat(node_id), beat.to_bytes(), qos=1)
        state = ReportedState(node_id=node_id, reported_at=now, applied=self.applied)
        self.client.publish(topics.reported(node_id), state.to_bytes(), qos=1, retain=True)

    def greet(self) -> None:
        """Say hello."""
        assert self.client is not None  # noqa: S101 - after `connect`
        hello = Hello(
            node_id=self.member.node_id,
            epoch=self.sender.epoch,
            lane=Lane.EVENTS,
            base=self.acknowledged + 1,
            next=self.produced + 1,
            acknowledged=self.acknowledged,
        )
        self.heard_at = asyncio.get_running_loop().time()
        self.client.publish(topics.hello(self.member.node_id), hello.to_bytes())

    def send(self) -> None:
        """Send what may fly now, and ask anew after silence."""
        now = asyncio.get_running_loop().time()
        if not self.sender.waits_for_answer(self.produced):
            self.heard_at = now
        elif now - self.heard_at > self.sender.timeout_s():
            self.sender = self.sender.timed_out()
            self.greet()
        while (following := self.sender.next_rows(self.produced)) is not None:
            if self.sender.pause_s(following[1], now - self.flew_at) > 0:
                return
            self._send_batch(*following)

    def _send_batch(self, first: int, count: int) -> None:
        assert self.client is not None  # noqa: S101 - it has connected
        start = first - self.acknowledged - 1
        rows = self.waiting[start : start + count]
        if self.sender.sent == self.sender.acknowledged:
            self.heard_at = asyncio.get_running_loop().time()
        self.flew_at = asyncio.get_running_loop().time()
        self.sender = self.sender.dispatched(first + len(rows) - 1)
        payload = batch_bytes(
            node_id=self.member.node_id,
            epoch=self.sender.epoch,
            lane=Lane.EVENTS,
            first=first,
            rows=rows,
            waiting=self.produced - self.sender.sent,
            mark="",
        )
        self.client.publish(topics.batch(self.member.node_id, Lane.EVENTS), payload)

    def take(self, topic: str, payload: bytes) -> None:
        """Take a message of the hub."""
        if topic == topics.ack(self.member.node_id):
            self._believe(Ack.model_validate_json(payload))
        elif topic != topics.beat_answer(self.member.node_id):
            self._follow(Envelope.model_validate_json(payload))

    def _follow(self, envelope: Envelope) -> None:
        if envelope.text is not None:
            document = DesiredDocument.model_validate_json(envelope.text)
            self.applied[document.shard] = AppliedVersion(
                hub_epoch=document.hub_epoch, version=document.version, issued_at=document.issued_at
            )

    def _believe(self, ack: Ack) -> None:
        if ack.epoch != self.sender.epoch:
            return  # it answers whoever lived under this name before
        self.sender = self.sender.answered(ack)
        del self.waiting[: max(0, ack.upto - self.acknowledged)]
        self.heard_at = asyncio.get_running_loop().time()
        self.send()


async def live(appliance: Appliance, *, per_s: float, until: float, dice: random.Random) -> None:
    """Let a connected appliance make `per_s` events a second until a moment of the loop's clock, and hand them over."""
    loop = asyncio.get_running_loop()
    appliance.greet()
    began = loop.time() + dice.random() * TICK_S
    made_before = appliance.produced
    while (now := loop.time()) < until:
        due = int(max(0.0, now - began) * per_s) - (appliance.produced - made_before)
        if due > 0:
            appliance.make(due)
        appliance.send()
        await asyncio.sleep(min(TICK_S, 1 / per_s) if per_s else TICK_S)


async def drained(appliances: Sequence[Appliance], *, within_s: float) -> bool:
    """Wait until the hub has everything; tell whether it has."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + within_s
    while any(appliance.waiting for appliance in appliances):
        if loop.time() > deadline:
            return False
        for appliance in appliances:
            appliance.send()
        await asyncio.sleep(TICK_S)
    return True
