"""The door: what the hub may ask of this box through the tunnel, on a socket that only this system user can open."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from aiohttp import web

from appliance.local.sockets import DOOR_SOCKET, private_socket
from appliance.store.people import OPERATE, READ
from appliance.uplink.tunnel import ACTOR_HEADER
from federation.http import Api, Principal, Routes, make_app
from federation.http.listening import listen

LONGEST_NAME = 64


class DoorKeeper:
    """Implements `federation.http.Authenticator`: whoever comes here is the hub, which has checked for whom it asks."""

    async def authenticate(self, request: web.Request) -> Principal | None:
        """Return the hub, under the name of the person there."""
        name = request.headers.get(ACTOR_HEADER, "")[:LONGEST_NAME] or "hub"
        return Principal(kind="hub", id="hub", name=name, permissions=frozenset({READ, OPERATE}))


@asynccontextmanager
async def door(parts: tuple[Routes, ...], run_folder: Path) -> AsyncIterator[None]:
    """Serve `parts` to the tunnel."""
    app = make_app(Api(title="Fengsui appliance: door", version="1", parts=parts, authenticator=DoorKeeper()))
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    try:
        await listen(web.SockSite(runner, await private_socket(run_folder / DOOR_SOCKET)))
        yield
    finally:
        await runner.cleanup()
