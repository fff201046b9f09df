"""An appliance played by a test: speaks the protocol as the real one does, and keeps what it was told."""

import asyncio
import json
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from federation import topics
from federation.bus import BrokerAddress, Connected, Message, Session, Will
from federation.crypto import PublicKey
from federation.desired import Trust, open_document
from federation.identity.member import Member
from federation.messages import (
    Ack,
    Applied,
    AppliedVersion,
    Ask,
    Batch,
    Beat,
    BeatAnswer,
    DesiredDocument,
    DesiredWork,
    Detection,
    Envelope,
    Event,
    EventData,
    EvidenceRef,
    Hello,
    Lane,
    NodeCall,
    Presence,
    ReportedState,
    Result,
    ResultData,
    Shard,
    Tombstone,
    WitnessAnswer,
    new_id,
)
from federation.messages.geometry import Box
from federation.testing.waiting import until

WAIT_S = 60.0
LONGEST_WAIT_S = 120.0
BEAT_EVERY_S = 2.0


@dataclass(kw_only=True)
class PlayedAppliance:
    """One enrolled node on the broker; make it with `played_appliance`.

    `lives` is what it says of every neighbour it is asked about; None: it does not answer.
    """

    node_id: str
    session: Session
    epoch: str = "epoch-1"
    trust: Trust
    desired: dict[Shard, DesiredDocument] = field(default_factory=dict)
    envelopes: list[Envelope] = field(default_factory=list)
    answers: list[BeatAnswer] = field(default_factory=list)
    asks: list[Ask] = field(default_factory=list)
    lives: bool | None = None
    acks: deque[Ack] = field(default_factory=deque)
    calls: deque[NodeCall] = field(default_factory=deque)

    async def hello(self, *, base: int = 1, following: int = 1, lane: Lane = Lane.EVENTS) -> Ack:
        """Say what a lane of the outbox holds and return the hub's answer."""
        hello = Hello(node_id=self.node_id, epoch=self.epoch, lane=lane, base=base, next=following)
        self.session.publish(topics.hello(self.node_id), hello.to_bytes())
        return await self.answer()

    def send(self, first: int, rows: Sequence[dict[str, Any]], *, lane: Lane = Lane.EVENTS, mark: str = "") -> None:
        """Send a batch without waiting for the answer."""
        batch = Batch(
            node_id=self.node_id, epoch=self.epoch, lane=lane, first=first, rows=tuple(map(json.dumps, rows)), mark=mark
        )
        self.session.publish(topics.batch(self.node_id, lane), batch.to_bytes())

    async def hand_over(
        self, first: int, rows: Sequence[dict[str, Any]], *, lane: Lane = Lane.EVENTS, mark: str = ""
    ) -> Ack:
        """Send a batch and return the hub's answer."""
        self.send(first, rows, lane=lane, mark=mark)
        return await self.answer()

    async def give_up(self, first: int, last: int, reason: str, *, lane: Lane = Lane.EVENTS) -> Ack:
        """Send a tombstone and return the hub's answer."""
        stone = Tombstone(last=last, reason=reason, at=datetime.now(UTC))
        batch = Batch(node_id=self.node_id, epoch=self.epoch, lane=lane, first=first, tombstone=stone)
        self.session.publish(topics.batch(self.node_id, lane), batch.to_bytes())
        return await self.answer()

    async def answer(self) -> Ack:
        """Return the next acknowledgement."""
        while not self.acks:
            await self.listen()
        return self.acks.popleft()

    async def listen(self) -> None:
        """Take one message from the hub."""
        item = await until(self.session.next, within_s=WAIT_S, what=f"the hub says something to {self.node_id}")
        if not isinstance(item, Message) or not item.payload:
            return
        if item.topic == topics.ack(self.node_id):
            self.acks.append(Ack.model_validate_json(item.payload))
        elif item.topic == topics.beat_answer(self.node_id):
            self.answers.append(BeatAnswer.model_validate_json(item.payload))
        elif item.topic == topics.ask(self.node_id):
            self._testify(Ask.model_validate_json(item.payload))
        elif item.topic == topics.call(self.node_id):
            self.calls.append(NodeCall.model_validate_json(item.payload))
        else:
            self._follow(Envelope.model_validate_json(item.payload))

    async def called(self) -> NodeCall:
        """Return the next call of the hub, however long it takes."""
        while not self.calls:
            item = await self.session.next()
            if isinstance(item, Message) and item.topic == topics.call(self.node_id):
                return NodeCall.model_validate_json(item.payload)
        return self.calls.popleft()

    async def listen_for(self, condition: Callable[[], object]) -> None:
        """Take messages from the hub until `condition` holds, with a beat now and then as a box does."""
        deadline_s = time.monotonic() + LONGEST_WAIT_S
        while not condition():
            try:
                async with asyncio.timeout(BEAT_EVERY_S):
                    await self.listen()
            except TimeoutError:
                assert time.monotonic() < deadline_s, f"{self.node_id} was not told within {LONGEST_WAIT_S:g} s"
                self.beat()

    @property
    def work(self) -> DesiredWork | None:
        """What the hub wants here; its signature was checked."""
        document = self.desired.get(Shard.WORK)
        return document if isinstance(document, DesiredWork) else None

    @property
    def applied(self) -> Applied:
        """What a box says that followed every document at once."""
        return {
            shard: AppliedVersion(hub_epoch=found.hub_epoch, version=found.version, issued_at=found.issued_at)
            for shard, found in self.desired.items()
        }

    async def wanted_tasks(self, count: int) -> DesiredWork:
        """Return the wanted work once it holds `count` tasks."""
        await self.listen_for(lambda: self.work is not None and len(self.work.tasks) == count)
        assert self.work is not None
        return self.work

    def report(self, **more: Any) -> None:
        """Publish the reported state; `more` are its fields."""
        fields = {"node_id": self.node_id, "reported_at": datetime.now(UTC), "applied": self.applied, **more}
        self.session.publish(topics.reported(self.node_id), ReportedState(**fields).to_bytes(), retain=True)

    def be(self, *, online: bool, incarnation: int = 1, **more: Any) -> None:
        """Publish presence; `more` are its fields."""
        presence = presence_of(self.node_id, online=online, incarnation=incarnation, applied=self.applied, **more)
        self.session.publish(topics.presence(self.node_id), presence.to_bytes(), retain=True)

    def beat(self, number: int = 1, *, incarnation: int = 1, **more: Any) -> None:
        """Show that the box lives; `more` are fields of the beat."""
        fields = {"at": datetime.now(UTC), "applied": self.applied, **more}
        beat = Beat(node_id=self.node_id, number=number, incarnation=incarnation, **fields)
        self.session.publish(topics.beat(self.node_id), beat.to_bytes())

    def testify(self, ask: Ask, *, reached: bool, **more: Any) -> None:
        """Answer a question about a neighbour; `more` replaces fields of the answer."""
        fields = {"node_id": self.node_id, "ask_id": ask.id, "about": ask.about, "reached": reached, **more}
        self.session.publish(topics.witness_answer(self.node_id), WitnessAnswer(**fields).to_bytes())

    def _testify(self, ask: Ask) -> None:
        self.asks.append(ask)
        if self.lives is not None:
            self.testify(ask, reached=self.lives)

    def take_fetched(self, envelope: Envelope, content: bytes) -> None:
        """Check and follow what was fetched in the place of an envelope's text."""
        document = open_document(envelope, content, self.trust, {})
        assert document is not None
        self.desired[document.shard] = document

    def _follow(self, envelope: Envelope) -> None:
        self.envelopes.append(envelope)
        if envelope.text is not None:
            self.take_fetched(envelope, envelope.text.encode())


def presence_of(node_id: str, *, online: bool, incarnation: int = 1, **more: Any) -> Presence:
    """Return the presence of a box; `more` are its fields."""
    fields = {"profile": "analysis", "software": "0.1", "started_at": datetime.now(UTC), **more}
    return Presence(node_id=node_id, incarnation=incarnation, online=online, **fields)


@asynccontextmanager
async def played_appliance(member: Member, **presence: Any) -> AsyncIterator[PlayedAppliance]:
    """Connect as the node that has joined, and say that it is there; `presence` are fields of that."""
    node_id = member.identity.node_id
    tls = await asyncio.to_thread(member.tls)
    address = BrokerAddress(endpoints=member.identity.brokers, tls=tls)
    subscriptions = (
        topics.ack(node_id),
        topics.all_desired(node_id),
        topics.beat_answer(node_id),
        topics.ask(node_id),
        topics.call(node_id),
    )
    will = Will(topic=topics.presence(node_id), payload=presence_of(node_id, online=False).to_bytes())
    async with Session(address, client_id=node_id, subscriptions=subscriptions, will=will) as session:
        first = await until(session.next, within_s=WAIT_S, what="the broker answers the played appliance")
        assert isinstance(first, Connected), f"the broker refused the played appliance: {first}"
        trust = Trust(node_id=node_id, key=PublicKey.from_pem(member.identity.signing_key))
        played = PlayedAppliance(node_id=node_id, session=session, trust=trust)
        played.be(online=True, **presence)
        yield played


def made_event(node_id: str, *, digest: str | None = None, **more: Any) -> dict[str, Any]:
    """Return an event as a row of an outbox; `more` replaces fields of its data, `type` and `id` its own."""
    now = datetime.now(UTC)
    own = {name: more.pop(name) for name in ("id", "type", "source") if name in more}
    evidence = (EvidenceRef(digest=digest, size_bytes=100, width_px=640, height_px=360),) if digest else ()
    data: dict[str, Any] = {
        "point_id": "gate",
        "task_id": new_id(),
        "generation": 1,
        "algorithm_id": "fengsui.area_intrusion",
        "algorithm_version": "1.0.0",
        "score": 0.8,
        "detections": (Detection(label="object", score=0.8, box=Box(x=0.1, y=0.2, width=0.3, height=0.4)),),
        "detected_at": now,
        "evidence": evidence,
    }
    event = Event.model_validate(
        {
            "id": new_id(),
            "source": node_id,
            "type": "area_intrusion/object",
            "time": now,
            **own,
            "data": EventData.model_validate({**data, **more}),
        }
    )
    return event.model_dump(mode="json")


def made_result(node_id: str, **more: Any) -> dict[str, Any]:
    """Return a result as a row of an outbox; `more` replaces fields of its data, `type`, `id` and `source` its own."""
    own = {name: more.pop(name) for name in ("id", "type", "source") if name in more}
    data: dict[str, Any] = {"actor_kind": "user", "actor": "admin", "peer": "10.0.0.9", "subject": "camera:local-a"}
    result = Result.model_validate(
        {
            "id": new_id(),
            "source": node_id,
            "type": "camera.add",
            "time": datetime.now(UTC),
            **own,
            "data": ResultData.model_validate({**data, **more}),
        }
    )
    return result.model_dump(mode="json")
