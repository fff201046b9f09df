"""Findings on their way to the agent: a bounded queue that forgets only what was committed."""

import asyncio
import logging
from dataclasses import dataclass

from appliance.local import LocalEvent
from appliance.local.agent_client import AgentAway, AgentClient, EventRefused

log = logging.getLogger(__name__)

WAITING_EVENTS = 200
RETRY_S = 0.5


@dataclass(frozen=True, kw_only=True)
class Outgoing:
    """One event with its JPEG pictures."""

    event: LocalEvent
    pictures: list[bytes]


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
        """Hand events over in order until cancelled; each is tried until the agent has it."""
        while True:
            outgoing = await self._queue.get()
            await self._deliver(agent, outgoing)

    async def _deliver(self, agent: AgentClient, outgoing: Outgoing) -> None:
        while True:
            try:
                await agent.post_event(outgoing.event, outgoing.pictures)
            except AgentAway:
                await asyncio.sleep(RETRY_S)
            except EventRefused as refusal:
                self.dropped += 1
                log.warning("event refused by the agent: %s", refusal)
                return
            else:
                return
