"""Making the TCP connection to a camera, with TLS where its address says so."""

import asyncio
import errno
import socket
import ssl
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from appliance.streams.errors import Refused, StreamError, Unreachable
from appliance.streams.rtsp import security
from appliance.streams.rtsp.address import Address

# The kernel asks at 0 and 1 s; a try that lasted longer would leave a camera that is back unasked for 2 s more.
CONNECT_WITHIN_S = 2.0
HANDSHAKE_WITHIN_S = 5.0
RESOLVE_WITHIN_S = 3.0
RESOLVERS = 4
_NO_ROUTE = {errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EHOSTDOWN, errno.ENETDOWN}

P = TypeVar("P", bound=asyncio.BaseProtocol)


class _Noting(asyncio.Protocol):
    """Does nothing but note its transport."""

    def __init__(self, transports: list[asyncio.BaseTransport]) -> None:
        self._transports = transports

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transports.append(transport)


class Dialler:
    """Connects to cameras. Names are looked up on threads of its own: a dead name server keeps nobody else waiting."""

    def __init__(self) -> None:
        """Prepare; threads start when they are needed."""
        self._resolvers = ThreadPoolExecutor(RESOLVERS, thread_name_prefix="resolver")

    def close(self) -> None:
        """End the threads without waiting for what they ask now."""
        self._resolvers.shutdown(wait=False, cancel_futures=True)

    async def dial(self, address: Address, make: Callable[[], P], *, trust: str) -> P:
        """Return a connected protocol; raise Unreachable or Refused with what was wrong."""
        loop = asyncio.get_running_loop()
        where = f"{address.host}:{address.port}"
        try:
            family, target = await self._resolve(address)
            context = await loop.run_in_executor(self._resolvers, security.context, trust) if address.secure else None
            link = await _connected(family, target)
            async with asyncio.timeout(HANDSHAKE_WITHIN_S):
                transport, protocol = await loop.create_connection(
                    make, sock=link, ssl=context, server_hostname=address.host if context else None
                )
        except (OSError, TimeoutError, UnicodeError) as error:
            raise _reason(error, where) from error
        encrypted = transport.get_extra_info("ssl_object")
        if encrypted is not None:
            try:
                security.check(trust, encrypted)
            except Refused:
                transport.abort()
                raise
        return protocol

    async def certificate(self, address: Address) -> bytes:
        """Return the certificate in DER form that `address` shows, trusted or not; raise Unreachable or Refused."""
        transports: list[asyncio.BaseTransport] = []
        await self.dial(address, lambda: _Noting(transports), trust=security.UNVERIFIED)
        encrypted = transports[0].get_extra_info("ssl_object")
        transports[0].close()
        return (encrypted.getpeercert(binary_form=True) or b"") if encrypted is not None else b""

    async def _resolve(self, address: Address) -> tuple[socket.AddressFamily, tuple[str, int]]:
        if address.family is not None:
            return address.family, (address.host, address.port)
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(RESOLVE_WITHIN_S):
            found = await loop.run_in_executor(
                self._resolvers, lambda: socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)
            )
        family, _, _, _, target = found[0]
        return family, (str(target[0]), address.port)


async def _connected(family: socket.AddressFamily, target: tuple[str, int]) -> socket.socket:
    """Return a connected socket; raise OSError or TimeoutError."""
    link = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    try:
        async with asyncio.timeout(CONNECT_WITHIN_S):
            await asyncio.get_running_loop().sock_connect(link, target)
    except BaseException:
        link.close()
        raise
    return link


def _reason(error: Exception, where: str) -> StreamError:
    """Return what the failure of a connection means for people."""
    if isinstance(error, UnicodeError):
        return Refused("bad_address", "the address names no host that could exist")
    if isinstance(error, socket.gaierror):
        return Unreachable("unknown_host", f"no name server knows {where.rpartition(':')[0]}")
    if isinstance(error, ssl.SSLCertVerificationError):
        return Refused("untrusted", f"the certificate of {where} is not trusted: {error.verify_message}")
    if isinstance(error, ssl.SSLError):
        return Refused("tls_failed", f"{where} does not complete TLS: {error.reason or error}")
    if isinstance(error, ConnectionRefusedError):
        return Unreachable("port_closed", f"{where} is there, and its port is closed")
    if isinstance(error, OSError) and error.errno in _NO_ROUTE:
        return Unreachable("no_route", f"no way leads to {where}: {error.strerror}")
    if isinstance(error, TimeoutError):
        return Unreachable("no_host", f"nothing answers at {where}")
    return Unreachable("no_connection", f"no connection to {where}: {getattr(error, 'strerror', None) or error}")
