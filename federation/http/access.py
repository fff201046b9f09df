"""Who calls, and what a route asks of the caller."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Principal:
    """The authenticated caller of a request.

    `kind` is `user` (a person with a session), `node` (an enrolled appliance), `console` (the
    operator of the machine itself, over the Unix socket) or `scraper` (a metrics collector).
    """

    kind: str
    id: str
    name: str
    permissions: frozenset[str] = frozenset()
    must_change_password: bool = False

    def may(self, permission: str) -> bool:
        """Tell whether the caller holds `permission`; `*` holds them all."""
        return permission in self.permissions or "*" in self.permissions


@dataclass(frozen=True, kw_only=True)
class Access:
    """What a route asks: nothing (`PUBLIC`), some signed-in caller, or a named permission.

    `before_password_change` marks the few routes that a user with a first password may call.
    """

    anonymous: bool = False
    permission: str | None = None
    before_password_change: bool = False


PUBLIC = Access(anonymous=True)
