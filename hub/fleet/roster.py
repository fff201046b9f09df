"""Who is there: every enrolled node with what it last said, in memory as in the database."""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, select
from sqlalchemy.engine import Row

from federation.messages import Applied, Beat, ClockState, Presence, ReportedState
from federation.messages.presence import understands
from hub.database import Database
from hub.database.moments import EPOCH, from_us, maybe_from_us, to_us
from hub.fleet.certificates import NodeCertificate, newest
from hub.fleet.liveness import Cause, Condition, Life, Neighbour
from hub.fleet.tables import nodes

WEB_ADDRESS = re.compile(r"https?://[^\s<>\"']{1,190}", re.ASCII)


NEVER_HEARD = Life(condition=Condition.UNKNOWN, cause=Cause.SILENT, since=EPOCH)


@dataclass(frozen=True, kw_only=True)
class NodeRecord:
    """One enrolled node. `site` is the place whose local network it is on, "" for none.

    `incarnation` counts its connections, 0 before the first; `presence` is what it said at the newest one, `beat` its
    last sign of life since the hub was started. A node whose protocol this hub does not speak is not `online`:
    nothing can be wanted of it. Its events are taken all the same, for they are not to be lost.
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
    life: Life = NEVER_HEARD
    incarnation: int = 0
    presence: Presence | None = None
    beat: Beat | None = None
    reported: ReportedState | None = None

    @property
    def understood(self) -> bool:
        """Whether this hub speaks the node's protocol."""
        return self.presence is None or understands(self.presence.protocol)

    @property
    def awaited(self) -> bool:
        """Whether the node has never been heard."""
        return self.incarnation == 0 and self.last_seen_at is None

    @property
    def online(self) -> bool:
        """Whether the node speaks, is understood, and is admitted."""
        return self.life.condition is Condition.ONLINE and self.understood and self.revoked_at is None

    @property
    def applied(self) -> Applied:
        """Which documents the node follows, as it said last."""
        if self.beat is not None:
            return self.beat.applied
        return self.reported.applied if self.reported is not None else {}

    @property
    def clock(self) -> ClockState | None:
        """What the node said last of its clock, None before it said anything."""
        said = self.beat or self.presence
        return said.clock if said is not None else None

    @property
    def neighbour(self) -> Neighbour:
        """The node as far as it matters to who can ask after whom."""
        said = self.presence
        return Neighbour(
            id=self.id,
            site=self.site,
            online=self.online,
            boot_id=said.boot_id if said else "",
            probe_urls=said.probe_urls if said else (),
        )

    def living(self, life: Life) -> "NodeRecord":
        """Return the node with another life."""
        return self if life == self.life else replace(self, life=life)

    def after_birth(self, presence: Presence, now: datetime, *, retained: bool) -> "NodeRecord":
        """Return the node after it said that it is there, or, `retained`, after the broker told that it once did."""
        if retained and presence.incarnation < self.incarnation:
            return self
        told = replace(
            self,
            incarnation=presence.incarnation,
            presence=presence,
            software=presence.software[:64],
            panel_url=web_address(presence.panel_url),
        )
        return told if retained else replace(told, life=told.life.spoke(now), last_seen_at=now)

    def after_will(self, presence: Presence, now: datetime) -> "NodeRecord":
        """Return the node after the broker spoke its will, or it said goodbye.

        A will of another connection than the newest says nothing: that one was replaced.
        """
        if presence.incarnation != self.incarnation:
            return self
        return self.living(self.life.quiet(Cause.LINK_LOST, now))

    def after_beat(self, beat: Beat, now: datetime) -> "NodeRecord":
        """Return the node after a sign of life."""
        newest = max(self.incarnation, beat.incarnation)
        return replace(self, beat=beat, incarnation=newest, life=self.life.spoke(now), last_seen_at=now)

    def after_report(self, reported: ReportedState, now: datetime) -> "NodeRecord":
        """Return the node after it reported: who speaks is online."""
        return replace(self, reported=reported, last_seen_at=now, life=self.life.spoke(now))


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

    def put(self, record: NodeRecord, *, quietly: bool = False) -> None:
        """Keep a new or changed node; `quietly` where nothing changed that anybody waits for."""
        self._nodes[record.id] = record
        if not quietly:
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
        life=Life(
            condition=Condition(row.condition),
            cause=Cause(row.cause),
            since=from_us(row.condition_since_us),
            witnesses=tuple(row.witnesses),
            by=row.declared_by,
        ),
        incarnation=row.incarnation,
        presence=Presence.model_validate_json(row.presence) if row.presence else None,
        reported=ReportedState.model_validate_json(row.reported) if row.reported else None,
    )


def life_columns(life: Life) -> dict[str, object]:
    """Return a life as the table keeps it."""
    return {
        "condition": life.condition.value,
        "cause": life.cause.value,
        "condition_since_us": to_us(life.since),
        "witnesses": list(life.witnesses),
        "declared_by": life.by[:64],
    }


def utc_now() -> datetime:
    """Return the present moment."""
    return datetime.now(UTC)
