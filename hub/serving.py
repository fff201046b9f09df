"""An aiohttp application on one or more addresses, for as long as a context is open."""

import asyncio
import ssl
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from aiohttp import web

from federation.http.broken_requests import BrokenRequests
from federation.http.listening import listen

STOP_WITHIN_S = 3.0
IDLE_S = 75.0


@dataclass(frozen=True, kw_only=True)
class Served:
    """A running application; made by `serving`."""

    runner: web.AppRunner
    sockets: list[Path] = field(default_factory=list)

    async def listen(self, host: str, port: int, *, tls: ssl.SSLContext | None = None) -> str:
        """Listen there, 0 takes a free port, and return the address to connect to."""
        await listen(web.TCPSite(self.runner, host, port, ssl_context=tls))
        bound = self.runner.addresses[-1][1]
        return f"{'http' if tls is None else 'https'}://{in_url(connectable(host))}:{bound}"

    async def listen_on_socket(self, path: Path) -> None:
        """Listen on a Unix socket that only its owner may use."""
        await asyncio.to_thread(path.unlink, missing_ok=True)
        self.sockets.append(path)
        await listen(web.UnixSite(self.runner, str(path)))
        await asyncio.to_thread(path.chmod, 0o600)


@asynccontextmanager
async def serving(
    app: web.Application, *, refused: Counter[str] | None = None, idle_s: float = IDLE_S
) -> AsyncIterator[Served]:
    """Run `app`; it listens where it is told to. `refused` counts what comes there and is no HTTP.

    A connection on which no whole request comes for `idle_s` is closed: whoever holds many open holds them so long.
    """
    broken = BrokenRequests(refused)
    runner = web.AppRunner(
        app, access_log=None, logger=broken, keepalive_timeout=idle_s, shutdown_timeout=STOP_WITHIN_S
    )
    await runner.setup()
    served = Served(runner=runner)
    try:
        yield served
    finally:
        await runner.cleanup()
        for path in served.sockets:
            await asyncio.to_thread(path.unlink, missing_ok=True)


def connectable(host: str) -> str:
    """Return an address to connect to for one that was listened on."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}.get(host, host)  # noqa: S104 - compared only


def in_url(host: str) -> str:
    """Return a host as it stands in an address: IPv6 in brackets."""
    return f"[{host}]" if ":" in host and not host.startswith("[") else host
