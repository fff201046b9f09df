"""An appliance played by a test: speaks the protocol as the real one does, and keeps what it was told."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from federation import topics
from federation.bus import BrokerAddress, Connected, Message, Session
from federation.identity.member import Member
from federation.messages import (
    Ack,
    Batch,
    CameraReport,
    DesiredState,
    Detection,
    Event,
    EventData,
    EvidenceRef,
    Hello,
    Lane,
    Presence,
    ReportedState,
    Result,
    ResultData,
    TaskReport,
    Tombstone,
    new_id,
)
from federation.messages.geometry import Box
from federation.testing.waiting import until

WAIT_S = 15.0


@dataclass(kw_only=True)
class PlayedAppliance:
    """One enrolled node on the broker; make it with `played_appliance`."""

    node_id: str
    session: Session
    epoch: str = "epoch-1"
    desired: DesiredState | None = None
    acks: deque[Ack] = field(default_factory=deque)

    async def hello(self, *, base: int = 1, following: int = 1, lane: Lane = Lane.EVENTS) -> Ack:
        """Say what a lane of the outbox holds and return the hub's answer."""
        hello = Hello(node_id=self.node_id, epoch=self.epoch, lane=lane, base=base, next=following)
        self.session.publish(topics.hello(self.node_id), hello.to_bytes())
        return await self.answer()

    def send(self, first: int, rows: Sequence[dict[str, Any]], *, lane: Lane = Lane.EVENTS, mark: str = "") -> None:
        """Send a batch without waiting for the answer."""
        batch = Batch(node_id=self.node_id, epoch=self.epoch, lane=lane, first=first, rows=tuple(rows), mark=mark)
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
        elif item.topic == topics.desired(self.node_id):
            self.desired = DesiredState.model_validate_json(item.payload)

    async def wanted_tasks(self, count: int) -> DesiredState:
        """Return the desired state once it holds `count` tasks."""
        while self.desired is None or len(self.desired.tasks) != count:
            await self.listen()
        return self.desired

    def report(self, *, cameras: tuple[CameraReport, ...] = (), tasks: tuple[TaskReport, ...] = ()) -> None:
        """Publish the reported state."""
        state = ReportedState(node_id=self.node_id, reported_at=datetime.now(UTC), cameras=cameras, tasks=tasks)
        self.session.publish(topics.reported(self.node_id), state.to_bytes(), retain=True)

    def be(self, *, online: bool, incarnation: int = 1) -> None:
        """Publish presence."""
        presence = Presence(
            node_id=self.node_id,
            incarnation=incarnation,
            online=online,
            profile="analysis",
            software="0.1",
            started_at=datetime.now(UTC),
        )
        self.session.publish(topics.presence(self.node_id), presence.to_bytes(), retain=True)


@asynccontextmanager
async def played_appliance(member: Member) -> AsyncIterator[PlayedAppliance]:
    """Connect as the node that has joined, and say that it is online."""
    node_id = member.identity.node_id
    tls = await asyncio.to_thread(member.tls)
    address = BrokerAddress(host=member.identity.mqtt_host, port=member.identity.mqtt_port, tls=tls)
    subscriptions = (topics.ack(node_id), topics.desired(node_id))
    async with Session(address, client_id=node_id, subscriptions=subscriptions) as session:
        first = await until(session.next, within_s=WAIT_S, what="the broker answers the played appliance")
        assert isinstance(first, Connected), f"the broker refused the played appliance: {first}"
        played = PlayedAppliance(node_id=node_id, session=session)
        played.be(online=True)
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
