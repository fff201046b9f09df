"""Pictures for people on `vision.sock`: the newest of a camera, or that of a key frame which is brought along."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from aiohttp import web
from pydantic import ValidationError

from appliance.analysis.decoding import CannotDecode
from appliance.analysis.pictures import Pictures, film_picture
from appliance.local import FirstLook
from appliance.local.frames import PAYLOAD_LIMIT_BYTES, AccessUnit
from appliance.local.sockets import VISION_SOCKET, private_socket
from federation.http.listening import listen
from federation.messages import Box

FIRST_PICTURE_WITHIN_S = 6.0
KEPT_FOR_S = 15.0  # a camera that nobody looks at any more is not followed for longer

Look = Callable[[str, bytes], FirstLook]
"""Looks at the picture of a key access unit, given its codec; blocks, raises CannotDecode."""

Render = Callable[[str, bytes], bytes]
"""Makes a JPEG of a key access unit, given its codec; blocks, raises CannotDecode."""

Portray = Callable[[str, bytes, Box | None], bytes]
"""Does so in full resolution, of the whole or of a region."""

CODECS = frozenset({"h264", "h265", "mjpeg"})


class Snapshots:
    """Key frames of cameras that somebody looks at; `wanted` says which these are."""

    def __init__(self, *, render: Render, portray: Portray, look: Look, known: Callable[[str], bool]) -> None:
        """Set up with what makes JPEGs and looks at pictures (all blocking), and what tells a known point."""
        self._render = render
        self._portray = portray
        self._look = look
        self._known = known
        self._newest: dict[str, AccessUnit] = {}
        self._looked_at: dict[str, float] = {}
        self._arrived = asyncio.Event()
        self.on_change: Callable[[], None] = _nothing

    def wanted(self) -> frozenset[str]:
        """Return the points that somebody has looked at lately."""
        oldest = time.monotonic() - KEPT_FOR_S
        self._looked_at = {point: at for point, at in self._looked_at.items() if at >= oldest}
        return frozenset(self._looked_at)

    def offer(self, unit: AccessUnit) -> None:
        """Keep the newest key frame of its point."""
        self._newest[unit.header.point_id] = unit
        self._arrived.set()

    def keep_only(self, points: frozenset[str]) -> None:
        """Forget the pictures of all other points."""
        self._newest = {point: unit for point, unit in self._newest.items() if point in points}

    async def answer(self, request: web.Request) -> web.Response:
        """Answer with the newest picture as JPEG; 404 for an unknown point, 503 without a picture."""
        point_id = request.match_info["point_id"]
        if not self._known(point_id):
            raise web.HTTPNotFound(text="no such camera")
        self._looked_at[point_id] = time.monotonic()
        self.on_change()
        try:
            async with asyncio.timeout(FIRST_PICTURE_WITHIN_S):
                while point_id not in self._newest:
                    self._arrived.clear()
                    await self._arrived.wait()
        except TimeoutError:
            return web.Response(status=503, text="no picture has arrived yet")
        unit = self._newest[point_id]
        content = await asyncio.to_thread(self._render, unit.header.codec, unit.payload)
        return web.Response(
            body=content,
            content_type="image/jpeg",
            headers={"Last-Modified": unit.header.received_at.strftime("%a, %d %b %Y %T GMT")},
        )

    async def jpeg_of(self, request: web.Request) -> web.Response:
        """Answer a key access unit with its picture as JPEG; 422 for one that cannot be decoded."""
        try:
            codec, payload = await _key_unit(request)
            if "full" in request.query:
                told = request.query.get("region")
                region = None if told is None else Box.model_validate_json(told)
                content = await asyncio.to_thread(self._portray, codec, payload, region)
            else:
                content = await asyncio.to_thread(self._render, codec, payload)
        except (CannotDecode, ValidationError) as error:
            return web.Response(status=422, text=str(error)[:300])
        return web.Response(body=content, content_type="image/jpeg")

    async def first_look(self, request: web.Request) -> web.Response:
        """Answer a key access unit with what is suspected of its picture; 422 for one that cannot be decoded."""
        try:
            found = await asyncio.to_thread(self._look, *await _key_unit(request))
        except CannotDecode as error:
            return web.Response(status=422, text=str(error)[:300])
        return web.Response(body=found.to_bytes(), content_type="application/json")


@asynccontextmanager
async def serving(snapshots: Snapshots, pictures: Pictures, run_folder: Path) -> AsyncIterator[None]:
    """Serve snapshots, and pictures that are handed over, on `vision.sock`, which only this system user can open."""
    app = web.Application(client_max_size=PAYLOAD_LIMIT_BYTES)
    app.router.add_get("/snapshot/{point_id}", snapshots.answer)
    app.router.add_post("/jpeg", snapshots.jpeg_of)
    app.router.add_post("/look", snapshots.first_look)
    app.router.add_post("/picture", pictures.answer)
    app.router.add_post("/film", pictures.answer_film)
    app.router.add_get("/film-picture", film_picture)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await listen(web.SockSite(runner, await private_socket(run_folder / VISION_SOCKET)))
        yield
    finally:
        await runner.cleanup()


async def _key_unit(request: web.Request) -> tuple[str, bytes]:
    """Return codec and bytes of the key access unit that was brought along; raise CannotDecode for a foreign codec."""
    codec, payload = request.query.get("codec", ""), await request.read()
    if codec not in CODECS:
        msg = f"codec must be one of {', '.join(sorted(CODECS))}"
        raise CannotDecode(msg)
    return codec, payload


def _nothing() -> None:
    """Do nothing."""
