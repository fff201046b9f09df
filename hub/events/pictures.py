"""Evidence pictures: taken from appliances by digest, given to whoever may see events."""

import asyncio
from collections.abc import AsyncIterator, Callable

from sqlalchemy import Connection, insert, select

from federation.http import Problem
from federation.http.live_feed import LiveFeed
from federation.http.problem import not_found
from hub.database import Database
from hub.database.moments import now_us
from hub.events.tables import event_pictures, pictures
from hub.storage import ContentStore, DigestMismatch, NoRoom, StoredFile, TooLarge

LARGEST_BYTES = 32 * 2**20
CHUNK_WITHIN_S = 60.0
JPEG_START = b"\xff\xd8\xff"


class Pictures:
    """The pictures that prove events; a picture may come before its event or after it."""

    def __init__(
        self, database: Database, store: ContentStore, live: LiveFeed, *, chunk_within_s: float = CHUNK_WITHIN_S
    ) -> None:
        """Keep the bytes in `store` and tell `live` of new ones; `chunk_within_s` bounds how slow a sender may be."""
        self.stored = 0
        self._chunk_within_s = chunk_within_s
        self._database = database
        self._store = store
        self._live = live

    async def put(self, digest: str, chunks: AsyncIterator[bytes], node_id: str) -> None:
        """Keep a picture of a node durably; a repeat changes nothing. Raises Problem for wrong bytes."""
        if await self._database.run(lambda connection: _known(connection, digest)):
            return
        try:
            async with self._store.writing() as writing:
                while (chunk := await self._next(chunks)) is not None:
                    await writing.feed(chunk)
                if not writing.start.startswith(JPEG_START):
                    raise Problem(415, "not_a_jpeg", "An evidence picture is a JPEG.")
                kept = await writing.keep(expected=digest)
        except DigestMismatch as error:
            raise Problem(422, "digest_mismatch", f"Send the bytes that the address names: {error}.") from error
        except TooLarge as error:
            raise Problem(413, "too_large", f"A picture has at most {self._store.limit_bytes} bytes.") from error
        except NoRoom as error:
            raise Problem(507, "disk_full", "The disk of the hub is nearly full; try again later.") from error
        event_ids = await self._database.run(_storing(kept, node_id))
        self.stored += 1
        if event_ids:
            self._live.publish("picture.arrived", {"digest": digest, "event_ids": event_ids})

    async def get(self, digest: str) -> StoredFile:
        """Return a stored picture; raise Problem while it has not arrived."""
        stored = await self._store.find(digest)
        if stored is None:
            raise not_found("picture", digest)
        return stored

    async def _next(self, chunks: AsyncIterator[bytes]) -> bytes | None:
        try:
            async with asyncio.timeout(self._chunk_within_s):
                return await anext(chunks, None)
        except TimeoutError as error:
            text = f"Nothing more of the picture came for {self._chunk_within_s:.0f} s; send it again."
            raise Problem(408, "request_timeout", text) from error


def _known(connection: Connection, digest: str) -> bool:
    return connection.scalar(select(pictures.c.digest).where(pictures.c.digest == digest)) is not None


def _storing(kept: StoredFile, node_id: str) -> Callable[[Connection], list[str]]:
    def work(connection: Connection) -> list[str]:
        if not _known(connection, kept.digest):  # two uploads of the same bytes may run at once
            connection.execute(
                insert(pictures).values(
                    digest=kept.digest, size_bytes=kept.size_bytes, node_id=node_id, stored_at_us=now_us()
                )
            )
        owners = select(event_pictures.c.event_id).where(event_pictures.c.digest == kept.digest)
        return list(connection.execute(owners).scalars())

    return work
