"""One try of a camera that is not in the plan yet: what it shows first, or why it shows nothing."""

import asyncio
from base64 import b64encode
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from aiohttp import web
from pydantic import ValidationError

from appliance.local import CameraTrial
from appliance.local.sockets import TRIAL_SOCKET, private_socket
from appliance.streams.access_unit import Codec
from appliance.streams.errors import Stalled, StreamError
from appliance.streams.jpeg import jpeg_size
from appliance.streams.rtp.nal import codec_parameters
from appliance.streams.source import Picture, Source
from appliance.streams.sources import Sources
from federation.http.listening import listen
from federation.messages import CameraSpec

WITHIN_S = 12.0
MOST_AT_ONCE = 8
_FOREIGN_CODEC = "unsupported_codec"


class _FirstPicture:
    """The intake of a try: keeps the first key picture, and what the source says of it."""

    wants_all = False

    def __init__(self) -> None:
        self.codec: Codec = "h264"
        self.transport = ""
        self.arrived: asyncio.Future[Picture] = asyncio.get_running_loop().create_future()

    def begin(self, codec: Codec, sets: Sequence[bytes], *, transport: str) -> None:  # noqa: ARG002 - of an intake
        self.codec, self.transport = codec, transport

    def take(self, picture: Picture) -> None:
        if picture.key and picture.payload and not self.arrived.done():
            self.arrived.set_result(picture)


async def try_camera(spec: CameraSpec, sources: Sources) -> CameraTrial:
    """Pull `spec` until its first key picture, for at most twice 12 s; never raises StreamError."""
    first = _FirstPicture()
    error = await _pull(spec, sources, first, None)
    if error is not None and error.code == _FOREIGN_CODEC:
        error = await _pull(spec, sources, first, error)  # FFmpeg may know it
    if error is None:
        return _shown(first)
    certificate = await sources.certificate(spec.url) if error.code == "untrusted" else ""
    return CameraTrial(code=error.code, detail=str(error), transport=first.transport, certificate=certificate)


async def _pull(
    spec: CameraSpec, sources: Sources, first: _FirstPicture, last: StreamError | None
) -> StreamError | None:
    """Return None once a picture has come, or why none came."""
    try:
        source = sources.make(spec, first, last)
    except StreamError as error:
        return error
    async with asyncio.TaskGroup() as group:
        pulling = group.create_task(_end_of(source), name="trial")
        either: list[asyncio.Future[Any]] = [pulling, first.arrived]
        await asyncio.wait(either, timeout=WITHIN_S, return_when=asyncio.FIRST_COMPLETED)
        pulling.cancel()
    if first.arrived.done():
        return None
    if not pulling.cancelled():
        return pulling.result()
    words = f"connected by {first.transport}, but no key frame came" if first.transport else "no answer came"
    return Stalled("no_pictures", f"{words} within {WITHIN_S:.0f} s")


async def _end_of(source: Source) -> StreamError:
    try:
        await source.run()
    except StreamError as error:
        return error


def _shown(first: _FirstPicture) -> CameraTrial:
    picture = first.arrived.result()
    if first.codec == "mjpeg":
        width_px, height_px = jpeg_size(picture.payload)
    else:
        parameters = codec_parameters(first.codec, picture.sets or ())
        width_px, height_px = parameters.width_px, parameters.height_px
    return CameraTrial(
        codec=first.codec,
        width_px=width_px,
        height_px=height_px,
        transport=first.transport,
        key_frame=b64encode(picture.payload).decode(),
    )


@asynccontextmanager
async def serving(sources: Sources, run_folder: Path) -> AsyncIterator[None]:
    """Try cameras for the agent on `trial.sock`, which only this system user can open."""
    places = asyncio.Semaphore(MOST_AT_ONCE)

    async def trial(request: web.Request) -> web.Response:
        try:
            spec = CameraSpec.model_validate_json(await request.read())
        except ValidationError as error:
            return web.Response(status=422, text=str(error)[:300])
        if places.locked():
            return web.Response(status=429, text=f"{MOST_AT_ONCE} cameras are being tried already")
        async with places:
            outcome = await try_camera(spec, sources)
        return web.Response(body=outcome.to_bytes(), content_type="application/json")

    app = web.Application()
    app.router.add_post("/trials", trial)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    try:
        await listen(web.SockSite(runner, await private_socket(run_folder / TRIAL_SOCKET)))
        yield
    finally:
        await runner.cleanup()
