"""Findings on their way to the agent: a bounded queue that forgets only what was committed."""

import asyncio
import logging

from appliance.local.agent_client import AgentAway, AgentClient, EventsRefused
from appliance.local.parcel import MOST_EVENTS, Outgoing

log = logging.getLogger(__name__)

WAITING_EVENTS = 200
PARCEL_BYTES = 16 << 20
RETRY_S = 0.5


class EventQueue:
    """At most `WAITING_EVENTS` events wait for the agent; when full the newest is dropped, counted."""

    def __init__(self) -> None:
        """Start empty."""
        self.dropped = 0
        self._queue: asyncio.Queue[Outgoing] = asyncio.Queue(WAITING_EVENTS)

    def put(self, outgoing: Outgoing) -> None:
        """Queue an event, without waiting."""
        try:
            self._queue.put_nowait(outgoing)
        except asyncio.QueueFull:
            self.dropped += 1
            log.warning("event dropped: the agent has not taken %d events", WAITING_EVENTS)

    async def deliver_forever(self, agent: AgentClient) -> None:
        """Hand events over in order until cancelled; what waits goes together, tried until the agent has it."""
        while True:
            parcel = [await self._queue.get()]
            size_bytes = parcel[0].size_bytes
            while len(parcel) < MOST_EVENTS and size_bytes < PARCEL_BYTES and not self._queue.empty():
                parcel.append(self._queue.get_nowait())
                size_bytes += parcel[-1].size_bytes
            await self._deliver(agent, parcel)

    async def _deliver(self, agent: AgentClient, parcel: list[Outgoing]) -> None:
        while True:
            try:
                refused = await agent.post_events(parcel)
            except AgentAway:
                await asyncio.sleep(RETRY_S)
            except EventsRefused as refusal:
                self.dropped += len(parcel)
                log.warning("%d events refused by the agent: %s", len(parcel), refusal)
                return
            else:
                self.dropped += len(refused)
                for reason in refused.values():
                    log.warning("event refused by the agent: %s", reason)
                return
