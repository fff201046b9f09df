"""Puts events into the outbox for the upper hub, within the transaction that stores them."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, insert, select

from federation.messages import MOST_HOPS, Lane, as_forwarded
from hub.cascade import outbox
from hub.cascade.tables import cascade_pictures, cascade_upper
from hub.database.moments import now_us
from hub.events.recorded import Recorded


@dataclass(frozen=True, kw_only=True)
class Rule:
    """What is handed on to the upper hub; empty collections let everything through."""

    upper_id: str
    types: Collection[str] = ()
    point_ids: Collection[str] = ()

    def admits(self, recorded: Recorded) -> bool:
        """Tell whether an event is handed on: it is wanted, and neither the upper hub nor too many others had it."""
        event = recorded.event
        wanted = (not self.types or not recorded.codes.isdisjoint(self.types)) and (
            not self.point_ids or event.data.point_id in self.point_ids
        )
        forwarded = as_forwarded(event) if wanted else None
        if forwarded is None:
            return wanted
        # This hub will stand in the path too, and the hub above may want to hand it on once more.
        return not forwarded.passed(self.upper_id) and len(forwarded.path) < MOST_HOPS


class CascadeFollower:
    """Hands events on while this hub has an upper one."""

    def add(self, connection: Connection, recorded: Sequence[Recorded]) -> None:
        """Write the rows of events that are being committed."""
        rule = read_rule(connection)
        wanted = [each.event for each in recorded if rule.admits(each)] if rule is not None else []
        if wanted:
            outbox.append(connection, Lane.EVENTS, [event.id for event in wanted])
            _note_pictures(connection, {evidence.digest for event in wanted for evidence in event.data.evidence})

    def confirm(self, connection: Connection, judged: Recorded) -> None:
        """Do nothing: verdicts stay with the hub where they were given."""


def read_rule(connection: Connection) -> Rule | None:
    """Return what is handed on, None without an upper hub."""
    row: Any = connection.execute(select(cascade_upper)).first()
    return None if row is None else Rule(upper_id=row.hub_id, types=row.types, point_ids=row.point_ids)


def _note_pictures(connection: Connection, digests: set[str]) -> None:
    if not digests:
        return
    noted = select(cascade_pictures.c.digest).where(cascade_pictures.c.digest.in_(sorted(digests)))
    fresh = sorted(digests - set(connection.execute(noted).scalars()))
    values = [{"digest": digest, "sent": 0, "failures": 0, "due_us": 0, "noted_at_us": now_us()} for digest in fresh]
    if values:
        connection.execute(insert(cascade_pictures), values)
