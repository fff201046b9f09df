"""Plays the other half of a box's vision process: follows the plan, and counts what it would start anew."""

import asyncio
import json
from pathlib import Path
from typing import Any

import aiohttp

RETRY_S = 0.2
ANSWER_WITHIN_S = 30.0


class PlanWatch:
    """Asks the agent for every new plan, as vision does; a task that is in no plan would be stopped at once."""

    def __init__(self, agent_socket: Path) -> None:
        """Prepare; see `follow`."""
        self.restarts = 0
        self._socket = agent_socket
        self._version = -1
        self._tasks: dict[str, Any] = {}
        self._settled = False

    @property
    def tasks(self) -> int:
        """How many tasks the newest plan holds."""
        return len(self._tasks)

    def settle(self) -> None:
        """Say that from now on nothing is wanted anew: whatever starts, stops or changes is a fault."""
        self._settled = True

    async def follow(self) -> None:
        """Follow the plan until cancelled."""
        connector = aiohttp.UnixConnector(path=str(self._socket), limit=1)
        timeout = aiohttp.ClientTimeout(total=ANSWER_WITHIN_S)
        async with aiohttp.ClientSession("http://agent", connector=connector, timeout=timeout) as session:
            while True:
                try:
                    async with session.get("/plan", params={"after": str(self._version)}) as answer:
                        if answer.status == 200:
                            self._take(json.loads(await answer.read()))
                            continue
                except (aiohttp.ClientError, TimeoutError, OSError, ValueError):
                    pass
                await asyncio.sleep(RETRY_S)

    def _take(self, plan: dict[str, Any]) -> None:
        before, self._tasks = self._tasks, {task["task_id"]: task for task in plan["tasks"]}
        self._version = plan["version"]
        if self._settled:
            self.restarts += sum(before.get(key) != self._tasks.get(key) for key in before | self._tasks)
