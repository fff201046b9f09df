"""The nodes that exchange files, in memory as in the database."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from federation.crypto import PublicKey
from federation.exchange.inbound import Inbound
from federation.exchange.parcel import Header
from hub.database import Database
from hub.database.moments import from_us, maybe_from_us, to_us
from hub.exchange.model import Reconciled
from hub.exchange.tables import exchange_nodes

NOTHING = Inbound()


@dataclass(frozen=True, kw_only=True)
class Peer:
    """One node beyond a border. `sent_serial` is the number of the newest parcel for it."""

    node_id: str
    key: PublicKey
    two_way: bool
    admitted_at: datetime
    inbound: Inbound = NOTHING
    taken_at: datetime | None = None
    taken_bytes: int = 0
    sent_serial: int = 0
    sent_at: datetime | None = None
    reconciled: Reconciled | None = None


class Peers:
    """Every node that exchanges files, by id; all on the event loop's thread, but `key_of` and `is_taken`."""

    def __init__(self, database: Database) -> None:
        """Start empty; see `load`."""
        self._database = database
        self._peers: dict[str, Peer] = {}

    async def load(self) -> None:
        """Read all of them."""
        rows = await self._database.run(lambda connection: connection.execute(select(exchange_nodes)).all())
        self._peers = {row.node_id: _peer_of(row) for row in rows}

    def all(self) -> tuple[Peer, ...]:
        """Return every one, by id."""
        return tuple(self._peers[key] for key in sorted(self._peers))

    def get(self, node_id: str) -> Peer | None:
        """Return one, or None."""
        return self._peers.get(node_id)

    def key_of(self, sender: str) -> PublicKey | None:
        """Return the key by which a sender's parcels are checked, None for a stranger."""
        peer = self._peers.get(sender)
        return None if peer is None else peer.key

    def is_taken(self, header: Header) -> bool:
        """Tell whether a parcel was taken before."""
        peer = self._peers.get(header.sender)
        return peer is not None and peer.inbound.is_taken(header)

    def keep(self, peer: Peer) -> None:
        """Keep one that `store` has stored."""
        self._peers[peer.node_id] = peer

    async def taken(self, header: Header, *, size_bytes: int, now: datetime) -> None:
        """Note that a parcel was taken."""
        peer = self._peers.get(header.sender)
        if peer is None:
            return  # the node was removed while its parcel was taken
        after = replace(
            peer,
            inbound=peer.inbound.take(header),
            taken_at=now,
            taken_bytes=peer.taken_bytes + size_bytes,
        )
        values = {
            "inbound": after.inbound.model_dump_json(),
            "taken_at_us": to_us(now),
            "taken_bytes": after.taken_bytes,
        }
        await self._update(after, values)

    async def sent(self, node_id: str, serial: int, now: datetime) -> None:
        """Note that a parcel was written for a node."""
        peer = self._peers.get(node_id)
        if peer is not None:
            after = replace(peer, sent_serial=serial, sent_at=now)
            await self._update(after, {"sent_serial": serial, "sent_at_us": to_us(now)})

    async def reconciled(self, node_id: str, found: Reconciled) -> None:
        """Keep what a reconciliation found."""
        peer = self._peers.get(node_id)
        if peer is not None:
            await self._update(replace(peer, reconciled=found), {"reconciled": found.model_dump_json()})

    async def drop_removed(self, is_enrolled: Callable[[str], bool]) -> None:
        """Forget those that are no longer nodes of this hub."""
        gone = [node_id for node_id in self._peers if not is_enrolled(node_id)]
        if gone:
            statement = delete(exchange_nodes).where(exchange_nodes.c.node_id.in_(gone))
            await self._database.run(lambda connection: connection.execute(statement))
            for node_id in gone:
                self._peers.pop(node_id, None)

    async def _update(self, after: Peer, values: dict[str, Any]) -> None:
        statement = update(exchange_nodes).where(exchange_nodes.c.node_id == after.node_id).values(**values)
        await self._database.run(lambda connection: connection.execute(statement))
        self._peers[after.node_id] = after


def store(connection: Connection, peer: Peer) -> None:
    """Store a new peer in the place of one of the same node."""
    connection.execute(delete(exchange_nodes).where(exchange_nodes.c.node_id == peer.node_id))
    connection.execute(
        insert(exchange_nodes).values(
            node_id=peer.node_id,
            key=peer.key.to_pem(),
            two_way=peer.two_way,
            admitted_at_us=to_us(peer.admitted_at),
            inbound=peer.inbound.model_dump_json(),
            taken_bytes=peer.taken_bytes,
            sent_serial=peer.sent_serial,
        )
    )


def _peer_of(row: Any) -> Peer:
    return Peer(
        node_id=row.node_id,
        key=PublicKey.from_pem(row.key),
        two_way=row.two_way,
        admitted_at=from_us(row.admitted_at_us),
        inbound=Inbound.model_validate_json(row.inbound),
        taken_at=maybe_from_us(row.taken_at_us),
        taken_bytes=row.taken_bytes,
        sent_serial=row.sent_serial,
        sent_at=maybe_from_us(row.sent_at_us),
        reconciled=Reconciled.model_validate_json(row.reconciled) if row.reconciled else None,
    )
