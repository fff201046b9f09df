"""What streams and vision ask of the agent, over `agent.sock`."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar

import aiohttp

from appliance.local.messages import Answer, Plan, StreamsReport, Views, VisionReport
from appliance.local.parcel import Outgoing, pack
from appliance.local.sockets import AGENT_SOCKET
from federation.messages.calendar import known_zones

RETRY_S = 0.5
POLL_WITHIN_S = 30.0
POST_WITHIN_S = 10.0

Found = TypeVar("Found", Plan, Views)


class AgentAway(Exception):
    """The agent does not answer now; try again."""


class EventsRefused(Exception):
    """The agent will never take these events; the text says why."""


class AgentClient:
    """A client of the agent. Made by `agent_client`."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        """Use the open session."""
        self._session = session

    def plans(self) -> AsyncIterator[Plan]:
        """Yield every new plan; while the agent is away, wait for it for ever."""
        return self._followed("/plan", Plan)

    def views(self) -> AsyncIterator[Views]:
        """Yield where cameras look whenever that changes; while the agent is away, wait for it for ever."""
        return self._followed("/views", Views)

    async def _followed(self, path: str, kind: type[Found]) -> AsyncIterator[Found]:
        version = -1
        while True:
            try:
                found = await self._next(path, kind, version)
            except AgentAway:
                await asyncio.sleep(RETRY_S)
                continue
            if found is not None:
                version = found.version
                yield found

    async def post_events(self, parcel: Sequence[Outgoing]) -> dict[int, str]:
        """Return once the agent has committed the events, but for those that it refuses for ever: place and reason.

        Raises AgentAway when it takes none now, EventsRefused when it will never take this parcel.
        """
        headers = {"Content-Type": "application/octet-stream"}
        status, text = await self._post("/events", data=await asyncio.to_thread(pack, parcel), headers=headers)
        if status in {400, 413, 415, 422}:
            raise EventsRefused(text[:300])
        if status != 200:
            raise AgentAway(f"status {status}")
        return Answer.model_validate_json(text).refused

    async def report(self, report: StreamsReport | VisionReport) -> None:
        """Tell the agent how things go; raise AgentAway when it does not answer."""
        path = "/report/streams" if isinstance(report, StreamsReport) else "/report/vision"
        headers = {"Content-Type": "application/json"}
        await self._post(path, data=report.model_dump_json().encode(), headers=headers)

    async def _next(self, path: str, kind: type[Found], after: int) -> Found | None:
        try:
            timeout = aiohttp.ClientTimeout(total=POLL_WITHIN_S)
            async with self._session.get(path, params={"after": str(after)}, timeout=timeout) as answer:
                if answer.status == 204:
                    return None
                if answer.status != 200:
                    raise AgentAway(f"status {answer.status}")
                return kind.model_validate_json(await answer.read())
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            raise AgentAway(str(error)) from error

    async def _post(self, path: str, *, data: bytes, headers: dict[str, str]) -> tuple[int, str]:
        try:
            timeout = aiohttp.ClientTimeout(total=POST_WITHIN_S)
            async with self._session.post(path, data=data, headers=headers, timeout=timeout) as answer:
                return answer.status, await answer.text()
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise AgentAway(str(error)) from error


@asynccontextmanager
async def agent_client(run_folder: Path) -> AsyncIterator[AgentClient]:
    """Give a client of the agent whose socket lies in `run_folder`."""
    await asyncio.to_thread(known_zones)  # the calendars of a plan need them
    connector = aiohttp.UnixConnector(path=str(run_folder / AGENT_SOCKET))
    async with aiohttp.ClientSession("http://agent", connector=connector) as session:
        yield AgentClient(session)
