"""What the agent asks of the vision process, over `vision.sock`."""

import io
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack
from pathlib import Path

import aiohttp

from appliance.errors import ProcessAway
from appliance.local.messages import FirstLook
from appliance.local.sockets import VISION_SOCKET
from federation.messages import Box, PictureFault
from federation.viewing.pictures import PictureVerdict

WITHIN_S = 8.0
LOOK_WITHIN_S = 60.0
LINE_BYTES = 1 << 20


class CannotRead(Exception):
    """A file is no picture, or no model could look at it; the text says why."""


class NotLoaded(Exception):
    """No model of this algorithm and version is loaded."""


class VisionClient:
    """A client of the vision process whose socket lies in `run_folder`. All methods raise ProcessAway."""

    def __init__(self, run_folder: Path, *, session: aiohttp.ClientSession | None = None) -> None:
        """Name the socket. Each call opens it anew, unless a `session` of `vision_session` keeps it open."""
        self._socket = str(run_folder / VISION_SOCKET)
        self._session = session

    async def greet(self) -> None:
        """Return if the process answers."""
        await self._ask("GET", "/")

    async def snapshot(self, point_id: str) -> bytes | None:
        """Return the newest picture of a camera as JPEG, None while there is none."""
        return await self._ask("GET", f"/snapshot/{point_id}")

    async def jpeg(self, codec: str, payload: bytes) -> bytes | None:
        """Return the picture of a key access unit as JPEG of moderate size, None if it cannot be decoded."""
        return await self._ask("POST", "/jpeg", payload, {"codec": codec})

    async def portray(self, codec: str, payload: bytes, region: Box | None) -> bytes | None:
        """Return the same in full resolution, of the whole picture or a region."""
        query = {"codec": codec, "full": "1"}
        if region is not None:
            query["region"] = region.model_dump_json()
        return await self._ask("POST", "/jpeg", payload, query)

    async def first_look(self, codec: str, payload: bytes) -> tuple[PictureFault, ...]:
        """Return what is suspected of the picture of a key access unit; nothing if it cannot be decoded."""
        told = await self._ask("POST", "/look", payload, {"codec": codec})
        return () if told is None else FirstLook.model_validate_json(told).faults

    async def look(
        self, content: bytes, algorithm_id: str, version: str, *, person: bool, point_id: str = ""
    ) -> PictureVerdict | None:
        """Return what a loaded model sees in a picture file; None if it is not loaded.

        With a `point_id` its rule goes by what is drawn for that point. Raises CannotRead with the reason if the file
        is no picture or the model failed.
        """
        query = {"algorithm": algorithm_id, "version": version, **({"person": "1"} if person else {})}
        query |= {"point": point_id} if point_id else {}
        connector = aiohttp.UnixConnector(path=self._socket)
        timeout = aiohttp.ClientTimeout(total=LOOK_WITHIN_S)
        try:
            async with (
                aiohttp.ClientSession(connector=connector, timeout=timeout) as session,
                session.post("http://vision/picture", data=io.BytesIO(content), params=query) as answer,
            ):
                told = await answer.read()
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise ProcessAway("the vision process is starting; try again") from error
        if answer.status == 422:
            raise CannotRead(told.decode(errors="replace"))
        return PictureVerdict.model_validate_json(told) if answer.status == 200 else None

    async def film(
        self, path: Path, algorithm_id: str, version: str, *, every_s: float, after_s: float | None = None
    ) -> AsyncIterator[PictureVerdict]:
        """Yield what a loaded model sees in pictures of a film on this box, so many seconds apart, after `after_s`.

        Raises NotLoaded if no such model is loaded.
        """
        query = {"algorithm": algorithm_id, "version": version, "path": str(path), "every_s": str(every_s)}
        if after_s is not None:
            query["after_s"] = str(after_s)
        connector = aiohttp.UnixConnector(path=self._socket)
        timeout = aiohttp.ClientTimeout(total=None, sock_read=LOOK_WITHIN_S)
        try:
            async with (
                aiohttp.ClientSession(connector=connector, timeout=timeout, read_bufsize=LINE_BYTES) as session,
                session.post("http://vision/film", params=query) as answer,
            ):
                if answer.status == 404:
                    raise NotLoaded
                async for line in answer.content:
                    yield PictureVerdict.model_validate_json(line)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise ProcessAway("the vision process ended") from error

    async def film_picture(self, path: Path, at_s: float) -> bytes | None:
        """Return the picture of a film at this time as JPEG; None if there is none."""
        return await self._ask("GET", "/film-picture", query={"path": str(path), "at_s": str(at_s)})

    async def _ask(
        self, method: str, path: str, body: bytes | None = None, query: Mapping[str, str] | None = None
    ) -> bytes | None:
        try:
            async with AsyncExitStack() as stack:
                session = self._session
                if session is None:
                    session = await stack.enter_async_context(_session(self._socket))
                asked = session.request(method, f"http://vision{path}", data=body, params=query)
                answer = await stack.enter_async_context(asked)
                content = await answer.read()
                return content if answer.status == 200 else None
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise ProcessAway("the vision process is starting; try again") from error


def vision_session(run_folder: Path) -> aiohttp.ClientSession:
    """Return what keeps connections to the vision process for somebody who asks it all the time; to be closed."""
    return _session(str(run_folder / VISION_SOCKET))


def _session(socket: str) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        connector=aiohttp.UnixConnector(path=socket), timeout=aiohttp.ClientTimeout(total=WITHIN_S)
    )
