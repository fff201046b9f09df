"""What the recorder does when it is asked on `recorder.sock`; the protocol stands in `appliance.local.messages`."""

import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from aiohttp import web
from pydantic import ValidationError

from appliance.errors import ProcessAway
from appliance.local.sockets import RECORDER_SOCKET, private_socket
from appliance.recording.bookmarks import Bookmark, TooManyBookmarks
from appliance.recording.recorder import Recorder
from federation.http.listening import listen


@asynccontextmanager
async def serving(recorder: Recorder, run_folder: Path) -> AsyncIterator[None]:
    """Serve the other processes of this box, on a socket that only this system user can open."""
    app = web.Application(middlewares=[_away])
    _add_routes(app, recorder)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    try:
        await listen(web.SockSite(runner, await private_socket(run_folder / RECORDER_SOCKET)))
        yield
    finally:
        await runner.cleanup()


def _add_routes(app: web.Application, recorder: Recorder) -> None:
    async def trigger(request: web.Request) -> web.Response:
        recorder.trigger(request.match_info["point_id"])
        return web.Response(status=204)

    async def put_bookmark(request: web.Request) -> web.Response:
        try:
            await recorder.mark(Bookmark.model_validate_json(await request.read()))
        except ValidationError as error:
            return web.Response(status=422, text=str(error)[:300])
        except TooManyBookmarks as error:
            return web.Response(status=409, text=str(error))
        return web.Response(status=204)

    async def remove_bookmark(request: web.Request) -> web.Response:
        there = await recorder.unmark(request.match_info["bookmark_id"])
        return web.Response(status=204 if there else 404)

    app.router.add_post("/triggers/{point_id}", trigger)
    app.router.add_put("/bookmarks", put_bookmark)
    app.router.add_delete("/bookmarks/{bookmark_id}", remove_bookmark)


@web.middleware
async def _away(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    try:
        return await handler(request)
    except (ProcessAway, sqlite3.Error) as error:
        return web.Response(status=503, text=str(error))
