"""Who is there: every enrolled node with what it last said, in memory as in the database."""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, select
from sqlalchemy.engine import Row

from federation.messages import Presence, ReportedState
from federation.messages.presence import PROTOCOL, understands
from hub.database import Database
from hub.database.moments import from_us, maybe_from_us
from hub.fleet.certificates import NodeCertificate, newest
from hub.fleet.tables import nodes

WEB_ADDRESS = re.compile(r"https?://[^\s<>\"']{1,190}", re.ASCII)


@dataclass(frozen=True, kw_only=True)
class NodeRecord:
    """One enrolled node. `site` is the place whose local network it is on, "" for none.

    `incarnation` counts its connections, 0 before the first. A node whose `protocol` this hub does not speak is not
    `online`: nothing can be wanted of it. Its events are taken all the same, for they are not to be lost.
    `certificate` is its newest one; from `revoked_at` on nothing of the node is admitted.
    """

    id: str
    name: str
    site: str
    profile: str
    serial: str
    software: str
    panel_url: str
    enrolled_at: datetime
    key_fingerprint: str
    certificate: NodeCertificate | None = None
    revoked_at: datetime | None = None
    last_seen_at: datetime | None = None
    online: bool = False
    incarnation: int = 0
    protocol: tuple[int, int] = PROTOCOL
    reported: ReportedState | None = None

    def after_presence(self, presence: Presence, now: datetime) -> "NodeRecord":
        """Return the node after it, or the broker in its name, said who is there.

        A will that is older than the newest birth speaks of a connection that was replaced.
        """
        if presence.incarnation < self.incarnation:
            return self
        return replace(
            self,
            online=presence.online and understands(presence.protocol),
            protocol=presence.protocol,
            incarnation=presence.incarnation,
            software=presence.software[:64],
            panel_url=web_address(presence.panel_url),
            last_seen_at=now if presence.online else self.last_seen_at,
        )

    def after_report(self, reported: ReportedState, now: datetime) -> "NodeRecord":
        """Return the node after it reported: who speaks is online."""
        return replace(self, reported=reported, last_seen_at=now, online=understands(self.protocol))


def web_address(text: str) -> str:
    """Return `text` if it is an http or https address, else nothing: pages make a link of it."""
    return text if WEB_ADDRESS.fullmatch(text) else ""


class Roster:
    """The enrolled nodes by id. Who changes one tells the listeners, all on the event loop's thread."""

    def __init__(self) -> None:
        """Start empty; see `load`."""
        self._nodes: dict[str, NodeRecord] = {}
        self._listeners: list[Callable[[str], None]] = []

    async def load(self, database: Database) -> None:
        """Read all nodes from the database."""
        for record in await database.run(_read_all):
            self._nodes[record.id] = record

    def all(self) -> tuple[NodeRecord, ...]:
        """Return every enrolled node, by id."""
        return tuple(self._nodes[key] for key in sorted(self._nodes))

    def get(self, node_id: str) -> NodeRecord | None:
        """Return one node, or None."""
        return self._nodes.get(node_id)

    def admits(self, node_id: str) -> bool:
        """Tell whether what the node says counts."""
        node = self._nodes.get(node_id)
        return node is not None and node.revoked_at is None

    def when_changed(self, listener: Callable[[str], None]) -> None:
        """Call `listener` with the node's id after each change of a node, and after its removal."""
        self._listeners.append(listener)

    def put(self, record: NodeRecord) -> None:
        """Keep a new or changed node."""
        self._nodes[record.id] = record
        self._tell(record.id)

    def remove(self, node_id: str) -> None:
        """Forget a node."""
        if self._nodes.pop(node_id, None) is not None:
            self._tell(node_id)

    def _tell(self, node_id: str) -> None:
        for listener in self._listeners:
            listener(node_id)


def _read_all(connection: Connection) -> list[NodeRecord]:
    certificates = newest(connection)
    return [record_of(row, certificates.get(row.id)) for row in connection.execute(select(nodes))]


def record_of(row: Row[Any], certificate: NodeCertificate | None) -> NodeRecord:
    """Return the node of a row of the table."""
    return NodeRecord(
        id=row.id,
        name=row.name,
        site=row.site,
        profile=row.profile,
        serial=row.serial,
        software=row.software,
        panel_url=row.panel_url,
        enrolled_at=from_us(row.enrolled_at_us),
        key_fingerprint=row.key_fingerprint,
        certificate=certificate,
        revoked_at=maybe_from_us(row.revoked_at_us),
        last_seen_at=maybe_from_us(row.last_seen_at_us),
        online=row.online,
        incarnation=row.incarnation,
        reported=ReportedState.model_validate_json(row.reported) if row.reported else None,
    )


def utc_now() -> datetime:
    """Return the present moment."""
    return datetime.now(UTC)
