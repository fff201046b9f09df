"""One MQTT session with the hub: presence and beats, custody, documents and questions in, reported state out."""

import asyncio
import logging
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from pydantic import ValidationError

from federation import topics
from federation.bus import (
    BrokerAddress,
    BusError,
    Connected,
    Disconnected,
    Message,
    Session,
    Will,
)
from federation.messages import (
    Ack,
    Applied,
    Ask,
    Beat,
    BeatAnswer,
    ClockState,
    Lane,
    LinkPolicy,
    Metrics,
    NodeCall,
    Presence,
    ReportedState,
    Shard,
    WitnessAnswer,
)
from federation.uplink.lane_sender import LaneSender
from federation.uplink.pulse import Pulse
from federation.uplink.store import LaneStore
from federation.uplink.witness import Witness

log = logging.getLogger(__name__)

SETTLE_S = 0.5


@dataclass(frozen=True, kw_only=True)
class SelfImage:
    """What the node says of itself with every beat."""

    applied: Applied
    clock: ClockState
    clock_offset_s: float | None


class Node(Protocol):
    """Whose link this is."""

    def image(self) -> SelfImage:
        """Return what holds now."""

    def policy(self) -> LinkPolicy:
        """Return how the link shall be used."""

    async def report(self) -> ReportedState:
        """Return everything that the hub wants to know."""

    async def metrics(self) -> Metrics:
        """Return how busy the node is."""

    def take_document(self, shard: str, payload: bytes) -> None:
        """Note an envelope that came as this shard."""

    def feel(self, pulse: Pulse) -> None:
        """Note that the hub spoke, and what follows from it."""


class Link:
    """The session of one enrolment: hands `lanes` of `store` over. `called` gets every call of the hub."""

    def __init__(
        self,
        *,
        broker: BrokerAddress,
        store: LaneStore,
        lanes: Iterable[Lane],
        presence: Presence,
        node: Node,
        called: Callable[[NodeCall], None],
    ) -> None:
        """Prepare; `run` connects. `refusals` counts how often we were not let in since the last of `connections`."""
        self.malformed = 0
        self.refusals = 0
        self.connections = 0
        self.connected_since: datetime | None = None
        self.pulse = Pulse()
        self._presence = presence
        self._node = node
        self._called = called
        self._changed = asyncio.Event()
        self._beat_due = asyncio.Event()
        node_id = presence.node_id
        self._node_id = node_id
        self.witness = Witness(node_id, self._testify)
        self._session = Session(
            broker,
            client_id=node_id,
            subscriptions=(
                topics.ack(node_id),
                topics.all_desired(node_id),
                topics.beat_answer(node_id),
                topics.ask(node_id),
                topics.call(node_id),
            ),
            will=Will(
                topic=topics.presence(node_id),
                payload=presence.model_copy(update={"online": False}).to_bytes(),
            ),
        )
        self.lanes = {
            lane: LaneSender(store=store, session=self._session, node_id=node_id, lane=lane) for lane in lanes
        }

    def changed(self) -> None:
        """Say that the reported state is no longer what it was."""
        self._changed.set()

    def followed(self) -> None:
        """Say that a document is followed from now on: the hub learns it at once."""
        self._beat_due.set()
        self.changed()

    async def run(self) -> None:
        """Keep the link alive until cancelled; then say goodbye, so that the will stays unused."""
        for lane in self.lanes.values():
            await lane.begin()
        async with self._session:
            try:
                async with asyncio.TaskGroup() as group:
                    group.create_task(self._receive(), name="link")
                    group.create_task(self._beat_forever(), name="beats")
                    group.create_task(self._report_forever(), name="reported state")
                    group.create_task(self._measure_forever(), name="metrics")
                    group.create_task(self.witness.run(), name="witness")
                    for lane in self.lanes.values():
                        group.create_task(lane.run(), name="lane")
            finally:
                self._say_presence(online=False)

    async def _receive(self) -> None:
        while True:
            item = await self._session.next()
            match item:
                case Connected():
                    self._begin()
                case Disconnected(reason=reason, refused=refused):
                    self.refusals += refused
                    if self.connected_since is not None:
                        log.info("lost the hub: %s", reason)
                    self.connected_since = None
                case Message():
                    self._take(item)

    def _begin(self) -> None:
        self.connected_since = datetime.now(UTC)
        self.refusals = 0
        self.connections += 1
        log.info("connected to the broker")
        self._say_presence(online=True)
        for lane in self.lanes.values():
            lane.connected()
        self._beat_due.set()
        self.changed()

    def _take(self, message: Message) -> None:
        kind = message.topic.removeprefix(f"{topics.ROOT}/{self._node_id}/d/")
        try:
            if kind == "ack":
                ack = Ack.model_validate_json(message.payload)
                self._acknowledge(ack)
            elif kind == "beat":
                self._hear(BeatAnswer.model_validate_json(message.payload))
            elif kind == "ask":
                self.witness.take(Ask.model_validate_json(message.payload))
            elif kind == "call":
                self._called(NodeCall.model_validate_json(message.payload))
            elif message.payload:  # an empty one is how the document of a removed node was cleared
                self._node.take_document(kind.removeprefix("t/"), message.payload)
        except ValidationError as error:
            self.malformed += 1
            log.warning("malformed message from the hub: %d faults", error.error_count())

    def _acknowledge(self, ack: Ack) -> None:
        lane = self.lanes.get(ack.lane)
        if lane is None:  # not every node hands every lane over
            self.malformed += 1
            return
        lane.answered(ack)

    def _hear(self, answer: BeatAnswer) -> None:
        if answer.incarnation not in {0, self._presence.incarnation}:
            return  # it answers a connection of before
        started_anew = answer.run != self.pulse.run
        work = self._node.image().applied.get(Shard.WORK)
        self.pulse = self.pulse.heard(answer, time.monotonic(), work.order if work is not None else None)
        if started_anew:
            log.info("the hub speaks")
            for lane in self.lanes.values():
                lane.hub_spoke()
        self._node.feel(self.pulse)

    async def _beat_forever(self) -> None:
        while True:
            try:
                async with asyncio.timeout(self._node.policy().beat_every_s):
                    await self._beat_due.wait()
            except TimeoutError:
                pass
            self._beat_due.clear()
            if self._session.connected:
                self._beat()

    def _beat(self) -> None:
        now_s, image = time.monotonic(), self._node.image()
        silent_s = self.pulse.silent_s(now_s)
        beating = self.pulse.beating(now_s, datetime.now(UTC))
        beat = Beat(
            node_id=self._node_id,
            incarnation=self._presence.incarnation,
            number=beating.number,
            answered=beating.answered,
            answer_age_s=None if silent_s is None else round(silent_s, 3),
            at=beating.unanswered[-1].at,
            clock=image.clock,
            clock_offset_s=image.clock_offset_s,
            applied=image.applied,
        )
        if self._publish(topics.beat(self._node_id), beat.to_bytes()):
            self.pulse = beating

    async def _report_forever(self) -> None:
        while True:
            try:
                async with asyncio.timeout(self._node.policy().report_every_s):
                    await self._changed.wait()
                await asyncio.sleep(SETTLE_S)  # what changes together is reported once
            except TimeoutError:
                pass
            self._changed.clear()
            if self._session.connected:
                report = await self._node.report()
                self._publish(topics.reported(self._node_id), report.to_bytes(), retain=True)

    async def _measure_forever(self) -> None:
        """Say how busy the node is; while there is no link nothing waits, for only the newest counts."""
        while True:
            if self._session.connected:
                metrics = await self._node.metrics()
                self._publish(topics.metrics(self._node_id), metrics.to_bytes(), qos=0)
            await asyncio.sleep(self._node.policy().metrics_every_s)

    def _testify(self, testimony: WitnessAnswer) -> None:
        self._publish(topics.witness_answer(self._node_id), testimony.to_bytes())

    def _say_presence(self, *, online: bool) -> None:
        image = self._node.image()
        presence = self._presence.model_copy(update={"online": online, "applied": image.applied, "clock": image.clock})
        self._publish(topics.presence(self._node_id), presence.to_bytes(), retain=True)

    def _publish(self, topic: str, payload: bytes, *, retain: bool = False, qos: int = 1) -> bool:
        try:
            self._session.publish(topic, payload, retain=retain, qos=qos)
        except BusError as error:
            log.debug("not sent now: %s", error)
            return False
        return True
