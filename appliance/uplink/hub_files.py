"""Bytes to and from the hub over HTTP: evidence pictures up, artifacts down."""

import asyncio
import logging
import ssl
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from enum import Enum, auto
from functools import partial

import aiohttp

from appliance.artifacts.pacing import Pacing
from appliance.artifacts.sources import HUB, Source
from appliance.store import evidence
from appliance.store.database import Database
from appliance.store.pictures import PictureFolder
from federation.messages import Envelope

log = logging.getLogger(__name__)

AT_ONCE = 4
LOOK_EVERY_S = 1.0
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

    def artifacts(self, pacing: Pacing) -> Source:
        """Return the hub as a source of artifacts, taken as `pacing` lets it."""
        url = f"{self._url}/api/v1/artifacts"
        return Source(name=HUB, url=url, session=self._session, pacing=pacing)


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


async def send_pictures(
    database: Database, folder: PictureFolder, hub: HubFiles, *, handed_over: Callable[[], None]
) -> None:
    """Hand waiting pictures over until cancelled, the newest first, each until the hub has it.

    `handed_over` is called after the hub has taken some: their lane has grown.

    While the hub takes nothing at all, everything waits: a backlog is not tried picture by picture.
    """
    failures = 0
    while True:
        now = datetime.now(UTC)
        digests = await database.read(partial(evidence.due, now=now, limit=AT_ONCE))
        if not digests:
            await asyncio.sleep(LOOK_EVERY_S)
            continue
        outcomes = await asyncio.gather(*(_send(database, folder, hub, digest) for digest in digests))
        if Handover.TAKEN in outcomes:
            handed_over()
        failures = failures + 1 if Handover.LATER in outcomes else 0
        if failures:
            await asyncio.sleep(pause_s(failures, longest_s=LONGEST_HUB_PAUSE_S))


def pause_s(failures: int, *, longest_s: float) -> float:
    """Return the pause after so many failures in a row, in seconds."""
    return min(longest_s, 2.0 ** min(failures - 1, 16))


async def _send(database: Database, folder: PictureFolder, hub: HubFiles, digest: str) -> Handover:
    content = await asyncio.to_thread(folder.read, digest)
    if content is None:
        log.warning("picture %s is gone or damaged", digest[:19])
        await database.run(lambda db: evidence.lost(db, digest, datetime.now(UTC)))
        return Handover.TAKEN
    outcome = await hub.put_picture(digest, content)
    if outcome is Handover.TAKEN:
        await database.run(lambda db: evidence.handed_over(db, digest))
    elif outcome is Handover.REFUSED:
        failures = await database.read(lambda db: evidence.failures(db, digest))
        until = datetime.now(UTC) + timedelta(seconds=pause_s(failures + 1, longest_s=LONGEST_PAUSE_S))
        await database.run(lambda db: evidence.postpone(db, digest, until))
    return outcome


def http_session(tls: ssl.SSLContext) -> aiohttp.ClientSession:
    """Return a session that shows our certificate, and whose requests end within a minute."""
    return aiohttp.ClientSession(
        auto_decompress=False,  # nothing that comes is compressed, and a small body must not become a large one
        connector=aiohttp.TCPConnector(ssl=tls),
        timeout=aiohttp.ClientTimeout(total=REQUEST_WITHIN_S * 10, sock_read=REQUEST_WITHIN_S),
    )
