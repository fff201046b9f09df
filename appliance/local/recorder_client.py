"""What the agent asks of the recorder, over `recorder.sock`."""

from pathlib import Path

import aiohttp

from appliance.errors import ProcessAway
from appliance.local.sockets import RECORDER_SOCKET

WITHIN_S = 5.0


class RecorderClient:
    """A client of the recorder whose socket lies in `run_folder`. All methods raise ProcessAway."""

    def __init__(self, run_folder: Path) -> None:
        """Name the socket; each call opens it anew."""
        self._socket = str(run_folder / RECORDER_SOCKET)

    async def trigger(self, point_id: str) -> None:
        """Say that something happened at a camera now."""
        await self._ask("POST", f"/triggers/{point_id}")

    async def put_bookmark(self, bookmark: bytes) -> tuple[int, str]:
        """Mark or lock a stretch of time, given as JSON; return 204, or 409 and why not."""
        return await self._ask("PUT", "/bookmarks", bookmark)

    async def remove_bookmark(self, bookmark_id: str) -> bool:
        """Remove a bookmark; tell whether there was one."""
        status, _ = await self._ask("DELETE", f"/bookmarks/{bookmark_id}")
        return status == 204

    async def _ask(self, method: str, path: str, body: bytes | None = None) -> tuple[int, str]:
        connector = aiohttp.UnixConnector(path=self._socket)
        timeout = aiohttp.ClientTimeout(total=WITHIN_S)
        try:
            async with (
                aiohttp.ClientSession(connector=connector, timeout=timeout) as session,
                session.request(method, f"http://recorder{path}", data=body) as answer,
            ):
                text = await answer.text()
                status = answer.status
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise ProcessAway("the recorder is starting; try again") from error
        if status == 503:
            raise ProcessAway(text)
        return status, text
