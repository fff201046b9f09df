"""Takes the hub's parcels: acknowledgements, what the hub wants, and which files and pictures it has."""

import asyncio
import logging
import os
import sqlite3
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from pydantic import ValidationError

from appliance.exchange.partner import Partner
from appliance.store import documents, epochs, evidence, exports, outbox, returns
from appliance.store.database import Database
from appliance.store.moments import to_us
from federation.crypto import PublicKey
from federation.custody.ranges import Ranges
from federation.exchange import Item, Parcel
from federation.exchange.in_folder import InFolder, read_file
from federation.exchange.inbound import Inbound
from federation.exchange.out_folder import OutFolder
from federation.exchange.parcel import open_parcel
from federation.exchange.words import DOCUMENT, STORED, TAKEN, StoredPictures, TakenParcels
from federation.messages import Ack, Envelope, Lane, new_id

log = logging.getLogger(__name__)

INBOUND = "exchange.inbound"


class Importer:
    """Reads parcels of the hub out of the folder into which the border puts them."""

    def __init__(
        self,
        *,
        database: Database,
        partner: Partner,
        folder: InFolder,
        exported: OutFolder,
        follow: Callable[[Envelope], Awaitable[None]],
        stored: Callable[[Sequence[str]], Awaitable[None]],
        is_only_path: Callable[[], bool],
    ) -> None:
        """Give what the hub wants to `follow`, and which pictures it has to `stored`.

        `is_only_path` is false while rows also go to the hub by MQTT.
        """
        self.folder = folder
        self.inbound = Inbound()
        self.malformed = 0
        self.last_at: datetime | None = None
        self.exported_missing: tuple[tuple[int, int], ...] = ()
        self._database = database
        self._partner = partner
        self._exported = exported
        self._follow = follow
        self._stored = stored
        self._is_only_path = is_only_path

    async def begin(self) -> None:
        """Read what was taken before this start."""
        found = await self._database.read(lambda db: documents.get(db, INBOUND, Inbound))
        self.inbound = found or Inbound()

    async def look(self) -> int:
        """Take what has come; return how many parcels."""
        return await self.folder.look(self._open, self._take)

    def _open(self, path: Path) -> Parcel:
        with read_file(path) as file:
            return open_parcel(
                file,
                name=path.name,
                size_bytes=os.fstat(file.fileno()).st_size,
                receiver=self._partner.node_id,
                key=self._partner.key,
                sender_key=self._key_of,
                is_taken=self.inbound.is_taken,
            )

    def _key_of(self, sender: str) -> PublicKey | None:
        return self._partner.hub_key if sender == self._partner.hub_id else None

    async def _take(self, parcel: Parcel) -> None:
        """Use a parcel; how things stand counts only if no newer parcel has said it."""
        is_news = self.inbound.is_newest(parcel.header)
        for item in parcel.items:
            try:
                await self._use(item, is_news=is_news)
            except ValidationError as error:
                self.malformed += 1
                log.warning("malformed message from the hub: %s: %d faults", item.kind, error.error_count())
        after = self.inbound.take(parcel.header)
        await self._database.run(lambda db: documents.put(db, INBOUND, after))
        self.inbound = after
        self.last_at = datetime.now(UTC)

    async def _use(self, item: Item, *, is_news: bool) -> None:
        if item.kind == STORED:
            await self._stored(StoredPictures.model_validate_json(item.body).digests)
        elif item.kind.startswith(DOCUMENT):
            await self._follow(Envelope.model_validate_json(item.body))
        elif item.kind == TAKEN and is_news:
            await self._remove_taken(TakenParcels.model_validate_json(item.body))
        elif item.kind == "d/ack" and is_news:
            ack = Ack.model_validate_json(item.body)
            await self._database.run(partial(confirm, ack=ack, is_only_path=self._is_only_path()))

    async def _remove_taken(self, taken: TakenParcels) -> None:
        """Remove the files that the hub has; the border may have taken them away already."""
        partner, has = self._partner, Ranges.of(taken.spans)
        await asyncio.to_thread(self._exported.remove_taken, partner.node_id, partner.hub_id, has)
        self.exported_missing = has.missing(1, has.highest)


def confirm(db: sqlite3.Connection, ack: Ack, *, is_only_path: bool) -> None:
    """Store how far the hub has got by its own word."""
    state = outbox.state_of(db, ack.lane)
    if ack.epoch != state.epoch:
        return
    other_record = _is_of_another_record(db, ack, state)
    if not is_only_path and (other_record or ack.upto < state.acknowledged):
        return  # by the network this box and the hub come to terms at once
    if other_record:
        epochs.begin(db, ack.lane, new_id(), ack.upto)
        exports.begin(db, ack.lane)
        return
    now_us = to_us(datetime.now(UTC))
    if ack.lane is Lane.EVIDENCE and ack.upto < state.acknowledged:
        evidence.send_again_behind(db, ack.upto, now_us)
    if ack.lane is Lane.RESULTS and ack.upto < state.acknowledged:
        returns.note(db, ack.lane, ack.upto)
    outbox.acknowledge(db, ack.lane, ack.epoch, ack.upto)
    exports.confirmed(db, ack, now_us)


def _is_of_another_record(db: sqlite3.Connection, ack: Ack, state: outbox.LaneState) -> bool:
    """Tell whether the hub has rows that this database never made: it was restored from a backup."""
    if ack.upto > state.produced:
        return True
    if ack.upto < state.base or not ack.mark:
        return False
    return not outbox.matches(db, ack.lane, ack.upto, ack.mark)
