"""Makes parcels of what the hub must have, as often as the border is to carry some."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Protocol

from appliance.exchange.contents import draw_messages, rows_of
from appliance.exchange.partner import Partner
from appliance.store import exports, parcels
from appliance.store.database import Database
from appliance.store.exports import Policy
from appliance.store.moments import to_us
from appliance.store.parcels import Content, Drawn
from federation.exchange import Address, Item, ParcelKind, file_name, make_parcel
from federation.exchange.out_folder import OutFolder
from federation.exchange.words import PICTURE
from federation.messages import Presence, ReportedState, WireModel, new_id

log = logging.getLogger(__name__)

PICTURES_AT_ONCE = 200
PARCELS_AT_ONCE = 50  # of each kind and turn, so that the folder's bound is looked at again
TIDY_EVERY_S = 3600.0


@dataclass(frozen=True, kw_only=True)
class Rules:
    """How much and how often: parcels of about `parcel_bytes`, a turn every `every_s`, the state every `state_s`.

    The folder holds at most `folder_bytes`; files that nobody took stay for `keep_s`.
    """

    policy: Policy
    every_s: float
    state_s: float
    parcel_bytes: int
    folder_bytes: int
    keep_s: float


@dataclass(kw_only=True)
class ExportTally:
    """What was exported since the program started; `full` while the folder has no room."""

    parcels: int = 0
    bytes: int = 0
    expired: int = 0
    full: bool = False
    fault: str = ""
    last_at: datetime | None = None


class OwedPictures(Protocol):
    """Pictures of one kind that the hub has not got."""

    async def wanted(self, now_us: int, limit: int) -> list[tuple[str, int]]:
        """Return digests and sizes of pictures to put into files, what is most urgent first."""

    async def exported(self, digests: Sequence[str], policy: Policy, now_us: int) -> None:
        """Note that pictures went into a file."""

    async def read(self, digest: str) -> bytes | None:
        """Return a picture, None if it is not of this kind, or gone or damaged."""

    async def stored(self, digests: Sequence[str]) -> None:
        """Note that the hub has pictures; of others than of this kind nothing is noted."""

    async def lost(self, digest: str) -> None:
        """Note that nobody has a picture any more, if it is of this kind."""


class Exporter:
    """Writes parcels into the folder that the border carries to the hub. `run` works until cancelled."""

    def __init__(
        self,
        *,
        database: Database,
        pictures: Sequence[OwedPictures],
        partner: Partner,
        folder: OutFolder,
        rules: Rules,
        state: Callable[[], Awaitable[tuple[Presence, ReportedState]]],
        extra: Callable[[], Awaitable[list[Item]]],
    ) -> None:
        """Take the box's `state` for every parcel that says it, and `extra` items beside it.

        Of `pictures` those of the first kind go before those of the next.
        """
        self.tally = ExportTally()
        self._database = database
        self._pictures = pictures
        self._partner = partner
        self._folder = folder
        self._rules = rules
        self._state = state
        self._extra = extra
        self._stream = new_id()
        self._state_due_s = 0.0
        self._tidy_due_s = 0.0
        self._woken = asyncio.Event()

    def wake(self) -> None:
        """Let the next turn begin now."""
        self._woken.set()

    async def run(self) -> None:
        """Finish what an earlier start has begun; then take turns."""
        highest = await asyncio.to_thread(self._folder.highest_serial, self._partner.node_id, self._partner.hub_id)
        await self._database.run(lambda db: parcels.go_on_after(db, highest))
        for drawn in await self._database.read(parcels.unwritten):
            await self._write(drawn)
        while True:
            await self._turn()
            try:
                async with asyncio.timeout(self._rules.every_s):
                    await self._woken.wait()
            except TimeoutError:
                pass
            self._woken.clear()

    async def _turn(self) -> None:
        """Export what is due; a folder that cannot be written is tried again at the next turn."""
        try:
            await self._make_room()
            for draw in (self._draw_messages, self._draw_pictures):
                for _ in range(PARCELS_AT_ONCE):
                    if not await self._has_room() or (drawn := await draw()) is None:
                        break
                    await self._write(drawn)
            self.tally.fault = ""
        except OSError as error:
            self.tally.fault = f"{self._folder.folder}: {error.strerror or error}"
            log.warning("nothing exported: %s", self.tally.fault)

    async def _make_room(self) -> None:
        now_s = datetime.now(UTC).timestamp()
        self.tally.expired += await asyncio.to_thread(self._folder.remove_older, self._rules.keep_s, now_s=now_s)
        if self._now_s() >= self._tidy_due_s:
            self._tidy_due_s = self._now_s() + TIDY_EVERY_S
            await self._database.run(exports.tidy)

    async def _has_room(self) -> bool:
        held = await asyncio.to_thread(self._folder.held_bytes)
        self.tally.full = held + self._rules.parcel_bytes > self._rules.folder_bytes
        return not self.tally.full

    async def _draw_messages(self) -> Drawn | None:
        with_state = self._now_s() >= self._state_due_s
        drawn = await self._database.run(
            partial(
                draw_messages,
                stream=self._stream,
                node_id=self._partner.node_id,
                policy=self._rules.policy,
                room_bytes=self._rules.parcel_bytes,
                now_us=to_us(datetime.now(UTC)),
                state=with_state,
            )
        )
        if with_state:
            self._state_due_s = self._now_s() + self._rules.state_s
        return drawn

    async def _draw_pictures(self) -> Drawn | None:
        """Draw a parcel of pictures of the first kind of which some are due."""
        now_us = to_us(datetime.now(UTC))
        for kind in self._pictures:
            digests = tuple(_fitting(await kind.wanted(now_us, PICTURES_AT_ONCE), self._rules.parcel_bytes))
            if digests:
                content = Content(pictures=digests)
                draw = partial(parcels.draw, stream=self._stream, content=content, now_us=now_us)
                drawn = await self._database.run(draw)
                await kind.exported(digests, self._rules.policy, now_us)
                return drawn
        return None

    async def _write(self, drawn: Drawn) -> None:
        content = drawn.content
        items = await self._picture_items(content) if content.pictures else await self._message_items(content)
        address = Address(
            sender=self._partner.node_id, receiver=self._partner.hub_id, stream=drawn.stream, serial=drawn.serial
        )
        size = await asyncio.to_thread(self._write_file, address, items, content.kind)
        await self._database.run(lambda db: parcels.written(db, drawn.serial, size))
        self.tally.parcels += 1
        self.tally.bytes += size
        self.tally.last_at = datetime.now(UTC)

    def _write_file(self, address: Address, items: list[Item], kind: ParcelKind) -> int:
        partner = self._partner
        parcel = make_parcel(
            address, items, kind=kind, created_at=datetime.now(UTC), key=partner.key, receiver_key=partner.hub_key
        )
        self._folder.write(file_name(address.sender, address.receiver, address.serial), parcel)
        return len(parcel)

    async def _message_items(self, content: Content) -> list[Item]:
        items = await self._database.read(partial(rows_of, node_id=self._partner.node_id, content=content))
        if content.state:
            presence, reported = await self._state()
            items += [_item("s", presence), _item("u/r", reported), *await self._extra()]
        return items

    async def _picture_items(self, content: Content) -> list[Item]:
        items = []
        for digest in content.pictures:
            found = await self._read(digest)
            if found is not None:
                items.append(Item(f"{PICTURE}{digest}", found))
                continue
            log.warning("picture %s is gone or damaged", digest[:19])
            for kind in self._pictures:
                await kind.lost(digest)
        return items

    async def _read(self, digest: str) -> bytes | None:
        for kind in self._pictures:
            if (found := await kind.read(digest)) is not None:
                return found
        return None

    def _now_s(self) -> float:
        return asyncio.get_running_loop().time()


def _item(kind: str, message: WireModel) -> Item:
    return Item(kind, message.to_bytes())


def _fitting(found: Iterable[tuple[str, int]], room_bytes: int) -> Iterable[str]:
    """Give digests until their pictures fill the room; the first always fits."""
    for place, (digest, size_bytes) in enumerate(found):
        room_bytes -= size_bytes
        if place and room_bytes < 0:
            return
        yield digest
