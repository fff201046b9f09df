"""One MQTT session with the hub: presence, custody, desired state in, reported state out."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

from pydantic import ValidationError

from appliance.store import evidence
from appliance.store.database import Database
from appliance.uplink.custody import LaneSender
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
from federation.messages import EXACT_LANES, Ack, DesiredState, Lane, Presence, ReportedState

log = logging.getLogger(__name__)

REPORT_EVERY_S = 10.0
SETTLE_S = 0.5


class Link:
    """The session of one enrolment. `desired` gets every document from the hub."""

    def __init__(
        self,
        *,
        broker: BrokerAddress,
        database: Database,
        presence: Presence,
        desired: Callable[[DesiredState], Awaitable[None]],
        reported: Callable[[], Awaitable[ReportedState]],
    ) -> None:
        """Prepare; `run` connects. `refusals` counts how often we were not let in since the last of `connections`."""
        self.malformed = 0
        self.refusals = 0
        self.connections = 0
        self.connected_since: datetime | None = None
        self._presence = presence
        self._desired = desired
        self._reported = reported
        self._changed = asyncio.Event()
        node_id = presence.node_id
        self._node_id = node_id
        self._session = Session(
            broker,
            client_id=node_id,
            subscriptions=(topics.ack(node_id), topics.desired(node_id)),
            will=Will(
                topic=topics.presence(node_id),
                payload=presence.model_copy(update={"online": False}).to_bytes(),
            ),
        )
        self.lanes = {
            lane: LaneSender(
                database=database,
                session=self._session,
                node_id=node_id,
                lane=lane,
                gone_back=evidence.send_again_behind if lane is Lane.EVIDENCE else None,
            )
            for lane in EXACT_LANES
        }

    def changed(self) -> None:
        """Say that the reported state is no longer what it was."""
        self._changed.set()

    async def run(self) -> None:
        """Keep the link alive until cancelled; then say goodbye, so that the will stays unused."""
        for lane in self.lanes.values():
            await lane.begin()
        async with self._session:
            try:
                async with asyncio.TaskGroup() as group:
                    group.create_task(self._receive(), name="link")
                    group.create_task(self._report_forever(), name="reported state")
                    for lane in self.lanes.values():
                        group.create_task(lane.run(), name="lane")
            finally:
                self._say_presence(online=False)

    async def _receive(self) -> None:
        while True:
            item = await self._session.next()
            match item:
                case Connected():
                    self.connected_since = datetime.now(UTC)
                    self.refusals = 0
                    self.connections += 1
                    log.info("connected to the hub")
                    self._say_presence(online=True)
                    for lane in self.lanes.values():
                        lane.connected()
                    self.changed()
                case Disconnected(reason=reason, refused=refused):
                    self.refusals += refused
                    if self.connected_since is not None:
                        log.info("lost the hub: %s", reason)
                    self.connected_since = None
                case Message():
                    await self._take(item)

    async def _take(self, message: Message) -> None:
        try:
            if message.topic == topics.ack(self._node_id):
                ack = Ack.model_validate_json(message.payload)
                self.lanes[ack.lane].answered(ack)
            elif message.topic == topics.desired(self._node_id) and message.payload:
                for lane in self.lanes.values():
                    lane.hub_spoke()
                await self._desired(DesiredState.model_validate_json(message.payload))
        except ValidationError as error:
            self.malformed += 1
            log.warning("malformed message from the hub: %d faults", error.error_count())

    async def _report_forever(self) -> None:
        while True:
            try:
                async with asyncio.timeout(REPORT_EVERY_S):
                    await self._changed.wait()
                await asyncio.sleep(SETTLE_S)  # what changes together is reported once
            except TimeoutError:
                pass
            self._changed.clear()
            report = await self._reported()
            try:
                self._session.publish(topics.reported(self._node_id), report.to_bytes(), retain=True)
            except BusError:
                continue

    def _say_presence(self, *, online: bool) -> None:
        presence = self._presence.model_copy(update={"online": online})
        try:
            self._session.publish(topics.presence(self._node_id), presence.to_bytes(), retain=True)
        except BusError:
            return
