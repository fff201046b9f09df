"""Answers nodes beyond two-way borders by parcels: acknowledgements, what is wanted of them, what was stored."""

import asyncio
import errno
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Connection

from federation.crypto import SigningKey
from federation.custody.ranges import Ranges
from federation.exchange import Address, Item, ParcelKind, file_name, make_parcel
from federation.exchange.out_folder import OutFolder
from federation.exchange.words import MOST_DIGESTS, STORED, TAKEN, StoredPictures
from federation.messages import Ack, new_id
from hub.database import Database
from hub.exchange.peers import Peer, Peers

log = logging.getLogger(__name__)

REMEMBERED_PICTURES = 20_000  # of one node; what is forgotten comes again and is answered then


@dataclass(frozen=True, kw_only=True)
class Rules:
    """How often a node is answered: `answer_s` after news, `state_s` without any; and how much a folder holds."""

    answer_s: float
    state_s: float
    folder_bytes: int
    keep_s: float


@dataclass(kw_only=True)
class _Due:
    """What one node has yet to be told."""

    at_s: float = 0.0
    pictures: deque[str] = field(default_factory=lambda: deque(maxlen=REMEMBERED_PICTURES))
    wanted: tuple[int, ...] = ()


class Exporter:
    """Writes parcels for nodes, each into a folder of its own below `folder`."""

    def __init__(
        self,
        *,
        database: Database,
        folder: Path,
        hub_id: str,
        key: SigningKey,
        peers: Peers,
        rules: Rules,
        acks: Callable[[Connection, str], Sequence[Ack]],
        wanted: Callable[[str], Awaitable[Sequence[Item]]],
    ) -> None:
        """Tell how lanes stand by `acks`, and what is `wanted` of a node as items."""
        self.faults: dict[str, str] = {}
        self._database = database
        self._folder = folder
        self._hub_id = hub_id
        self._key = key
        self._peers = peers
        self._rules = rules
        self._acks = acks
        self._wanted = wanted
        self._stream = new_id()
        self._due: dict[str, _Due] = {}

    def folder_of(self, node_id: str) -> OutFolder:
        """Return the folder that the border to a node empties."""
        return OutFolder(self._folder / node_id)

    def heard(self, node_id: str) -> None:
        """Note that a parcel of a node was taken: it gets an answer soon."""
        due = self._due_of(node_id)
        due.at_s = min(due.at_s, _now_s() + self._rules.answer_s)

    def stored(self, node_id: str, digests: Sequence[str]) -> None:
        """Note that pictures of a node came."""
        self._due_of(node_id).pictures.extend(digests)

    async def taken(self, node_id: str, has: Ranges) -> None:
        """Remove the files of parcels that a node has by its own word."""
        await asyncio.to_thread(self.folder_of(node_id).remove_taken, self._hub_id, node_id, has)

    async def answer(self) -> None:
        """Write parcels for the nodes whose turn it is."""
        for peer in self._peers.all():
            due = self._due_of(peer.node_id)
            wanted = await self._wanted(peer.node_id) if peer.two_way else ()
            fresh = tuple(hash(item) for item in wanted)
            if peer.two_way and (_now_s() >= due.at_s or fresh != due.wanted):
                await self._try(peer, due, wanted)
                due.wanted = fresh

    async def _try(self, peer: Peer, due: _Due, wanted: Sequence[Item]) -> None:
        due.at_s = _now_s() + self._rules.state_s
        try:
            await self._write(peer, due, wanted)
            self.faults.pop(peer.node_id, None)
        except OSError as error:
            self.faults[peer.node_id] = f"{error.strerror or error}"
            log.warning("no parcel written for node %s: %s", peer.node_id, error)

    async def _write(self, peer: Peer, due: _Due, wanted: Sequence[Item]) -> None:
        folder = self.folder_of(peer.node_id)
        if not await asyncio.to_thread(self._make_room, folder):
            raise OSError(errno.ENOSPC, f"{folder.folder} holds {self._rules.folder_bytes} bytes that nobody took")
        told = tuple(due.pictures)
        items = [*await self._acknowledgements(peer), *_stored_items(told), *wanted]
        serial = peer.sent_serial + 1
        parcel = await asyncio.to_thread(self._make, peer, serial, items)
        await asyncio.to_thread(folder.write, file_name(self._hub_id, peer.node_id, serial), parcel)
        await self._peers.sent(peer.node_id, serial, datetime.now(UTC))
        for _ in told:
            due.pictures.popleft()

    async def _acknowledgements(self, peer: Peer) -> list[Item]:
        acks = await self._database.run(lambda connection: self._acks(connection, peer.node_id))
        taken = peer.inbound.to_tell(datetime.now(UTC))
        return [Item(TAKEN, taken.to_bytes()), *(Item("d/ack", ack.to_bytes()) for ack in acks)]

    def _make(self, peer: Peer, serial: int, items: Sequence[Item]) -> bytes:
        address = Address(sender=self._hub_id, receiver=peer.node_id, stream=self._stream, serial=serial)
        return make_parcel(
            address,
            items,
            kind=ParcelKind.MESSAGES,
            created_at=datetime.now(UTC),
            key=self._key,
            receiver_key=peer.key,
        )

    def _make_room(self, folder: OutFolder) -> bool:
        folder.remove_older(self._rules.keep_s, now_s=datetime.now(UTC).timestamp())
        return folder.held_bytes() < self._rules.folder_bytes

    def _due_of(self, node_id: str) -> _Due:
        return self._due.setdefault(node_id, _Due())


def _stored_items(digests: Sequence[str]) -> list[Item]:
    parts = [digests[start : start + MOST_DIGESTS] for start in range(0, len(digests), MOST_DIGESTS)]
    return [Item(STORED, StoredPictures(digests=tuple(part)).to_bytes()) for part in parts]


def _now_s() -> float:
    return asyncio.get_running_loop().time()
