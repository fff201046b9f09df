"""The audit: every change and every sign-in, written in the transaction of the change itself."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from sqlalchemy import Connection, insert

from federation.http import Call
from federation.messages import new_id
from hub.database.moments import now_us
from hub.security.tables import audit


@dataclass(frozen=True, kw_only=True)
class Actor:
    """Who changes something, and from which network address."""

    kind: str
    name: str
    peer: str = ""

    @classmethod
    def of(cls, call: Call) -> Self:
        """Return the caller of a request."""
        who = call.principal
        return cls(kind=who.kind, name=who.name or who.id, peer=call.peer)


HUB = Actor(kind="hub", name="hub")
"""What the hub does by itself."""


def record(
    connection: Connection,
    actor: Actor,
    action: str,
    subject: str,
    detail: Mapping[str, Any] | None = None,
    *,
    succeeded: bool = True,
) -> None:
    """Write one entry within the transaction of `connection`.

    `action` is e.g. `task.create`, `subject` e.g. `task:0198…`; `detail` is JSON without secrets.
    """
    connection.execute(
        insert(audit).values(
            id=new_id(),
            at_us=now_us(),
            actor_kind=actor.kind[:16],
            actor=actor.name[:64],
            peer=actor.peer[:64],
            action=action[:64],
            subject=subject[:200],
            succeeded=succeeded,
            detail=dict(detail or {}),
            node_id="",
        )
    )
