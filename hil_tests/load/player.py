"""Plays the vision process of a box at full speed: many events in one request, as a queue that never empties would."""

import asyncio
import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import aiohttp

from federation.messages import new_id
from hil_tests.chaos.errors import ChaosError
from hil_tests.chaos.producer import parcel
from hil_tests.load.rows import template

TOGETHER = 100
POST_WITHIN_S = 30.0


class Player:
    """Hands events to the agent whose socket is given; `committed_at` tells when it confirmed each, as a Unix time."""

    def __init__(self, agent_socket: Path) -> None:
        """Prepare."""
        self.committed_at: dict[str, float] = {}
        self._socket = agent_socket
        self._template = _local(template(new_id()))

    async def play(self, *, may_go_on: Callable[[], bool], together: int = TOGETHER, pace_s: float = 0.0) -> None:
        """Hand over `together` events every `pace_s` seconds, if the agent keeps up, for as long as `may_go_on`."""
        connector = aiohttp.UnixConnector(path=str(self._socket), limit=1)
        timeout = aiohttp.ClientTimeout(total=POST_WITHIN_S)
        async with aiohttp.ClientSession("http://agent", connector=connector, timeout=timeout) as session:
            while may_go_on():
                await self._hand_over(session, [new_id() for _ in range(together)])
                await asyncio.sleep(pace_s)

    async def _hand_over(self, session: aiohttp.ClientSession, ids: list[str]) -> None:
        now = datetime.now(UTC).isoformat()
        events = [self._template.replace("@id", event_id).replace("@time", now) for event_id in ids]
        async with session.post("/events", data=parcel(events, [[] for _ in ids])) as answer:
            if answer.status != 200 or (await answer.json())["refused"]:
                raise ChaosError(f"the agent refuses events: {answer.status} {await answer.text()}")
        self.committed_at |= dict.fromkeys(ids, datetime.now(UTC).timestamp())


def _local(event: str) -> str:
    """Return an event of the outbox as vision says it: without what the agent adds."""
    whole = json.loads(event)
    data = {key: value for key, value in whole["data"].items() if key != "evidence"}
    return json.dumps({"id": whole["id"], "type": whole["type"], "time": whole["time"], **data})
