"""The box's HTTPS port on the local network. It shows the box's own certificate, and asks peers for theirs."""

import asyncio
import json
import logging
import ssl
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from aiohttp import web

from appliance.config import LanConfig
from federation.http import Api, Principal, Problem, Routes, make_app
from federation.http.broken_requests import BrokenRequests
from federation.http.listening import listen
from federation.identity.certificate import read_certificate
from federation.identity.errors import KeyUnsuitable
from federation.identity.key import NodeKey
from federation.identity.member import Member
from federation.identity.trust import server_context
from federation.private_files import write_private

log = logging.getLogger(__name__)

BODY_LIMIT_BYTES = 128 << 10
PEER = "peer"
IDLE_S = 75.0  # a connection on which no whole request comes is closed


class PeerAuthenticator:
    """Recognises boxes of the same hub by their certificates, as the hub's authority signed them."""

    async def authenticate(self, request: web.Request) -> Principal | None:
        """Return the box that calls, None without a certificate; raise Problem for one that cannot be read."""
        connection = request.get_extra_info("ssl_object")
        shown = None if connection is None else connection.getpeercert(binary_form=True)
        if shown is None:
            return None
        try:
            name = read_certificate(shown).name
        except KeyUnsuitable as error:
            raise Problem(403, error.code, f"The certificate cannot be used: {error}.") from error
        return Principal(kind=PEER, id=name, name=name)


@dataclass(kw_only=True)
class LanServer:
    """Serves `parts` to the local network; says in the file `note` where. Use `serve` whenever the box is another."""

    config: LanConfig
    parts: Sequence[Routes]
    note: Path
    port: int = field(default=0, init=False)
    _runner: web.AppRunner | None = field(default=None, init=False)
    _ready: asyncio.Event = field(default_factory=asyncio.Event, init=False)

    async def serve(self, key: NodeKey, serial: str, member: Member | None) -> None:
        """Listen as this box from now on: as a member of its hub, or as nobody's, on the port of before."""
        await self.close()
        api = Api(
            title="Fengsui appliance: LAN", version="1", parts=tuple(self.parts), authenticator=PeerAuthenticator()
        )
        self._runner = web.AppRunner(
            make_app(api, body_limit_bytes=BODY_LIMIT_BYTES),
            access_log=None,
            logger=BrokenRequests(),
            keepalive_timeout=IDLE_S,
            shutdown_timeout=1.0,
        )
        await self._runner.setup()
        tls = await asyncio.to_thread(_tls, key, serial, member)
        site = web.TCPSite(self._runner, self.config.host, self.port or self.config.port, ssl_context=tls)
        await listen(site)
        self.port = int(self._runner.addresses[0][1])
        told = json.dumps({"host": self.config.host, "port": self.port})
        await asyncio.to_thread(write_private, self.note, told)
        self._ready.set()

    async def listening(self) -> int:
        """Return the port, once there is one."""
        await self._ready.wait()
        return self.port

    async def close(self) -> None:
        """Listen no more."""
        runner, self._runner = self._runner, None
        if runner is not None:
            await runner.cleanup()
            await asyncio.to_thread(self.note.unlink, missing_ok=True)


def _tls(key: NodeKey, serial: str, member: Member | None) -> ssl.SSLContext:
    if member is None:
        return server_context(chain=key.self_signed(serial), key_file=key.path)
    return server_context(chain=member.identity.certificate, key_file=key.path, ca=member.identity.ca)
