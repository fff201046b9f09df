"""Live views in the portal: one call for each camera, however many watch, ended when the last has left."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from typing import Any

from aiohttp import WSMessage, WSMsgType, web
from pydantic_core import from_json

from federation.http import Problem
from federation.messages import NodeCall
from federation.viewing import Broadcast, Message, Viewer
from hub.video.calls import Calls, new_ticket

log = logging.getLogger(__name__)

LINGER_S = 3.0
TICK_S = 0.5
LOOK_EVERY_S = 1.0
SHORTEST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 4.0
MOST_VIEWERS = 512

AWAY: dict[str, Any] = {"state": "away", "reason": "", "fault": ""}
CONNECTING: dict[str, Any] = {"state": "connecting", "reason": "", "fault": ""}

ENDS = frozenset({WSMsgType.CLOSE, WSMsgType.CLOSING, WSMsgType.CLOSED, WSMsgType.ERROR})

FindNode = Callable[[str], str | None]
"""Returns the node that pulls a point now, None if none does."""


class TooManyViewers(Exception):
    """As many watch as this hub serves at once."""


class Relay:
    """One camera's live view on its way from its node to the portal."""

    def __init__(self, point_id: str, calls: Calls, find_node: FindNode) -> None:
        """Prepare; `run` calls."""
        self.broadcast = Broadcast()
        self.left_at_s = 0.0
        self.state = CONNECTING
        self._point_id = point_id
        self._calls = calls
        self._find_node = find_node
        self._changed = asyncio.Condition()

    async def run(self) -> None:
        """Relay until cancelled; a view that ended is called for again."""
        failures = 0
        while True:
            began_s = time.monotonic()
            try:
                await self._relay()
            except Problem as problem:
                log.info("no live view of %s: %s", self._point_id, problem.code)
                await self._tell(AWAY)
            except (ConnectionError, ValueError) as error:
                log.info("the live view of %s ended: %s", self._point_id, error)
            self.broadcast.forget()
            failures = 1 if time.monotonic() - began_s > LONGEST_PAUSE_S else failures + 1
            await asyncio.sleep(min(SHORTEST_PAUSE_S * 2 ** min(failures - 1, 8), LONGEST_PAUSE_S))

    async def states(self) -> AsyncIterator[dict[str, Any]]:
        """Yield the camera's state now, and whenever it changes."""
        told: dict[str, Any] | None = None
        while True:
            async with self._changed:
                while self.state == told:
                    await self._changed.wait()
                told = self.state
            yield told

    async def _relay(self) -> None:
        node_id = self._find_node(self._point_id)
        if node_id is None:
            await self._tell(AWAY)
            return
        call = NodeCall(ticket=new_ticket(), path=f"/api/v1/cameras/{self._point_id}/live", live=True)
        async with self._calls.answered(node_id, call) as answer:
            if answer.head.status != 101:
                await self._tell(AWAY)
                return
            async for message in self._until_away(node_id, answer.socket):
                if message.type is WSMsgType.BINARY:
                    self.broadcast.send(Message.of(message.data))
                elif message.type is WSMsgType.TEXT:
                    await self._tell(_state(message.data))
        await self._tell(CONNECTING if self._find_node(self._point_id) else AWAY)

    async def _until_away(self, node_id: str, socket: web.WebSocketResponse) -> AsyncIterator[WSMessage]:
        """Yield what a node sends until it closes, or is no longer the one that pulls this camera."""
        looked_s = time.monotonic()
        while True:
            if time.monotonic() - looked_s > LOOK_EVERY_S:
                looked_s = time.monotonic()
                if self._find_node(self._point_id) != node_id:
                    return
            try:
                message = await socket.receive(timeout=LOOK_EVERY_S)
            except TimeoutError:
                continue
            if message.type in ENDS:
                return
            yield message

    async def _tell(self, state: dict[str, Any]) -> None:
        async with self._changed:
            self.state = state
            self._changed.notify_all()


class Relays:
    """The cameras that are watched through this hub."""

    def __init__(self, calls: Calls, find_node: FindNode) -> None:
        """Prepare; `run` owns what is relayed."""
        self._calls = calls
        self._find_node = find_node
        self._relays: dict[str, tuple[Relay, asyncio.Task[None]]] = {}
        self._group: asyncio.TaskGroup | None = None

    @property
    def viewers(self) -> int:
        """How many views are open."""
        return sum(relay.broadcast.viewers for relay, _ in self._relays.values())

    @property
    def relayed(self) -> int:
        """How many cameras are relayed."""
        return len(self._relays)

    @property
    def dropped(self) -> int:
        """How many pictures viewers were too slow for."""
        return sum(relay.broadcast.dropped for relay, _ in self._relays.values())

    async def run(self) -> None:
        """Keep what is watched, and end what nobody watches any more, until cancelled."""
        async with asyncio.TaskGroup() as group:
            self._group = group
            try:
                while True:
                    await asyncio.sleep(TICK_S)
                    self._end_idle()
            finally:
                self._group = None
                self._relays.clear()

    @contextmanager
    def viewing(self, point_id: str) -> Iterator[tuple[Relay, Viewer]]:
        """Watch a camera for as long as the context is open; raise TooManyViewers."""
        if self.viewers >= MOST_VIEWERS or self._group is None:
            raise TooManyViewers
        found = self._relays.get(point_id)
        if found is None:
            made = Relay(point_id, self._calls, self._find_node)
            found = self._relays[point_id] = (made, self._group.create_task(made.run(), name=f"live view {point_id}"))
        relay = found[0]
        try:
            with relay.broadcast.viewing() as viewer:
                yield relay, viewer
        finally:
            relay.left_at_s = time.monotonic()

    def _end_idle(self) -> None:
        oldest = time.monotonic() - LINGER_S
        for point_id, (relay, task) in list(self._relays.items()):
            if relay.broadcast.viewers == 0 and relay.left_at_s < oldest:
                task.cancel()
                del self._relays[point_id]


def _state(text: str) -> dict[str, Any]:
    """Return the state that a node tells; raise ValueError for what is none."""
    found = from_json(text)
    if not isinstance(found, dict):
        msg = "a state is an object"
        raise ValueError(msg)  # noqa: TRY004 - it is the node's text that is wrong
    return {name: str(found.get(name, ""))[:300] for name in ("state", "reason", "fault")}
