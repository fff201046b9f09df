"""Bytes to and from the hub over HTTP: evidence pictures up, large documents down."""

import logging
import ssl
from enum import Enum, auto

import aiohttp

from federation.messages import Envelope

log = logging.getLogger(__name__)

REQUEST_WITHIN_S = 60.0
CHUNK_BYTES = 256 << 10
LONGEST_PAUSE_S = 300.0  # of one picture that the hub refuses
LONGEST_HUB_PAUSE_S = 15.0  # of all pictures while the hub takes none


class Handover(Enum):
    """What became of a picture: the hub has it, refuses it, or takes none at present."""

    TAKEN = auto()
    REFUSED = auto()
    LATER = auto()


class HubFiles:
    """A client of the hub's HTTPS port for nodes. Use `http_session` first."""

    def __init__(self, hub_url: str, session: aiohttp.ClientSession) -> None:
        """Use the open session, which shows this node's certificate."""
        self._url = hub_url
        self._session = session

    async def put_picture(self, digest: str, content: bytes) -> Handover:
        """Hand a picture over; TAKEN once the hub has stored and checked it."""
        url = f"{self._url}/api/v1/pictures/{digest}"
        headers = {"Content-Type": "image/jpeg"}
        try:
            async with self._session.put(url, data=content, headers=headers) as answer:
                outcome = handover(answer.status)
        except (aiohttp.ClientError, TimeoutError, OSError):
            return Handover.LATER
        if outcome is not Handover.TAKEN:
            log.warning("picture not taken by the hub: status %d", answer.status)
        return outcome

    async def fetch_document(self, envelope: Envelope) -> bytes | None:
        """Return the text of a document that was too large for its envelope, None if it cannot be had now."""
        url = f"{self._url}/api/v1/desired/{envelope.shard}/{envelope.digest}"
        try:
            async with self._session.get(url) as answer:
                if answer.status != 200:
                    log.warning("document %s not given by the hub: status %d", envelope.digest[:19], answer.status)
                    return None
                return await _at_most(answer, envelope.size_bytes)
        except (aiohttp.ClientError, TimeoutError, OSError):
            return None


async def _at_most(answer: aiohttp.ClientResponse, size_bytes: int) -> bytes:
    """Return the body, cut one byte behind `size_bytes`: what is longer than it should be is not read to its end."""
    content = bytearray()
    async for chunk in answer.content.iter_chunked(CHUNK_BYTES):
        content += chunk
        if len(content) > size_bytes:
            break
    return bytes(content[: size_bytes + 1])


def handover(status: int) -> Handover:
    """Return what the hub's answer to a picture means: 5xx and 429 speak of the hub, not of the picture."""
    if status in {200, 201, 204}:
        return Handover.TAKEN
    return Handover.LATER if status >= 500 or status in {401, 403, 408, 429} else Handover.REFUSED


def pause_s(failures: int, *, longest_s: float) -> float:
    """Return the pause after so many failures in a row, in seconds."""
    return min(longest_s, 2.0 ** min(failures - 1, 16))


def http_session(tls: ssl.SSLContext) -> aiohttp.ClientSession:
    """Return a session that shows our certificate, and whose requests end within a minute."""
    return aiohttp.ClientSession(
        auto_decompress=False,  # nothing that comes is compressed, and a small body must not become a large one
        connector=aiohttp.TCPConnector(ssl=tls),
        timeout=aiohttp.ClientTimeout(total=REQUEST_WITHIN_S * 10, sock_read=REQUEST_WITHIN_S),
    )
