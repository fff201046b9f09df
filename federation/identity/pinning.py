"""TLS to a peer of which nothing is known but the fingerprint of its key."""

import asyncio
import ssl
from contextlib import suppress

from federation.identity.certificate import read_certificate
from federation.identity.errors import KeyUnsuitable, PeerUnreachable, WrongPeer
from federation.identity.trust import NO_CHECK_TIME

CONNECT_WITHIN_S = 10.0
PARTIAL_CHAIN = 0x80000  # X509_V_FLAG_PARTIAL_CHAIN: the peer's own certificate is all that we trust


async def pinned_context(host: str, port: int, fingerprint: str) -> ssl.SSLContext:
    """Return how to reach the holder of the key at this address; raise PeerUnreachable or WrongPeer.

    The certificate that it shows now is trusted for what follows: only who holds its key has any use of it.
    """
    shown = await _shown_at(host, port)
    try:
        found = read_certificate(shown).fingerprint
    except KeyUnsuitable as error:
        raise WrongPeer(f"{host}:{port} shows a certificate that cannot be read") from error
    if found != fingerprint:
        raise WrongPeer(f"{host}:{port} has another key than the one that was asked for")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.check_hostname = False
    context.verify_flags |= ssl.VerifyFlags(NO_CHECK_TIME | PARTIAL_CHAIN)
    context.load_verify_locations(cadata=shown)
    return context


async def _shown_at(host: str, port: int) -> bytes:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE  # nothing is sent over this connection
    try:
        async with asyncio.timeout(CONNECT_WITHIN_S):
            _, writer = await asyncio.open_connection(host, port, ssl=context)
            shown: bytes | None = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()
    except (OSError, TimeoutError) as error:
        raise PeerUnreachable(f"nobody answers by TLS at {host}:{port}") from error
    if shown is None:
        raise WrongPeer(f"{host}:{port} shows no certificate")
    return shown
