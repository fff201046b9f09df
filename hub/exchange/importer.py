"""Takes parcels of nodes out of the folder into which the border puts them."""

import asyncio
import logging
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from pydantic import ValidationError

from federation.crypto import PublicKey, SigningKey
from federation.custody.ranges import Ranges
from federation.exchange import Parcel
from federation.exchange.in_folder import InFolder, read_file
from federation.exchange.parcel import open_parcel
from federation.exchange.reconciliation import REPORT, Report, Side
from federation.exchange.words import PICTURE, TAKEN, TakenParcels
from federation.http import Problem
from hub.exchange.peers import Peers
from hub.fleet.link import Incoming

log = logging.getLogger(__name__)

BUSY_STATUSES = frozenset({503, 507})  # the hub cannot take anything now; the parcel stays


class PictureStore(Protocol):
    """Where pictures go."""

    async def put(self, digest: str, chunks: AsyncIterator[bytes], node_id: str) -> None:
        """Keep a picture durably; raise Problem for wrong bytes."""


class Importer:
    """Hands what is in parcels to the parts that would get it from the broker."""

    def __init__(
        self,
        *,
        folder: InFolder,
        hub_id: str,
        key: SigningKey,
        peers: Peers,
        admits: Callable[[str], bool],
        custody: Callable[[Sequence[Incoming]], Awaitable[None]],
        state: Callable[[Sequence[Incoming]], Awaitable[None]],
        pictures: PictureStore,
        stored: Callable[[str, Sequence[str]], None],
        told: Callable[[str, Ranges], Awaitable[None]],
        reported: Callable[[Report], Awaitable[object]],
    ) -> None:
        """Give rows to `custody`, presence and reports to `state`, pictures to `pictures`.

        `stored` is told which pictures of a node came, `told` which of this hub's parcels a node says that it has,
        and `reported` gets its reconciliation reports.
        """
        self.folder = folder
        self.malformed = 0
        self._hub_id = hub_id
        self._key = key
        self._peers = peers
        self._admits = admits
        self._custody = custody
        self._state = state
        self._pictures = pictures
        self._stored = stored
        self._told = told
        self._reported = reported

    async def look(self) -> int:
        """Take what has come; return how many parcels."""
        return await self.folder.look(self._open, self._take)

    def _open(self, path: Path) -> Parcel:
        with read_file(path) as file:
            return open_parcel(
                file,
                name=path.name,
                size_bytes=os.fstat(file.fileno()).st_size,
                receiver=self._hub_id,
                key=self._key,
                sender_key=self._key_of,
                is_taken=self._peers.is_taken,
            )

    def _key_of(self, sender: str) -> PublicKey | None:
        return self._peers.key_of(sender) if self._admits(sender) else None

    async def _take(self, parcel: Parcel) -> None:
        """Use a parcel. When this returns everything is committed; a repeat after a crash changes nothing."""
        header, peer = parcel.header, self._peers.get(parcel.header.sender)
        if peer is None:
            return
        is_news = peer.inbound.is_newest(header)
        messages = [Incoming(node_id=header.sender, kind=item.kind, payload=item.body) for item in parcel.items]
        await self._custody([each for each in messages if each.kind.startswith(("u/hello", "u/b/"))])
        if is_news:
            await self._state([each for each in messages if each.kind in {"s", "u/r"}])
            for message in messages:
                await self._hear(message)
        stored = [each.kind for each in messages if each.kind.startswith(PICTURE) and await self._keep_picture(each)]
        self._stored(header.sender, [kind.removeprefix(PICTURE) for kind in stored])
        await self._peers.taken(header, size_bytes=header.sealed_bytes, now=datetime.now(UTC))

    async def _keep_picture(self, message: Incoming) -> bool:
        digest = message.kind.removeprefix(PICTURE)
        try:
            await self._pictures.put(digest, _whole(message.payload), message.node_id)
        except Problem as problem:
            if problem.status in BUSY_STATUSES:
                raise
            self.malformed += 1
            log.warning("picture not taken: node=%s: %s", message.node_id, problem.detail)
            return False
        return True

    async def _hear(self, message: Incoming) -> None:
        """Use what only files say."""
        try:
            if message.kind == TAKEN:
                taken = TakenParcels.model_validate_json(message.payload)
                await self._told(message.node_id, Ranges.of(taken.spans))
            elif message.kind == REPORT:
                report = Report.model_validate_json(message.payload)
                if (report.side, report.node_id) == (Side.NODE, message.node_id):
                    await self._reported(report)
        except ValidationError as error:
            self.malformed += 1
            log.warning("malformed message: node=%s kind=%s: %s", message.node_id, message.kind, error.title)


async def _whole(content: bytes) -> AsyncIterator[bytes]:
    yield content
    await asyncio.sleep(0)
