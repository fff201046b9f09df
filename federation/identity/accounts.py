"""An account as signing in needs it, and the store that each side keeps it in."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from federation.identity.lockout import Attempts


@dataclass(frozen=True, kw_only=True)
class Account:
    """One person's account; `permissions` are those of its role, `attempts` its failed sign-ins."""

    id: str
    username: str
    display_name: str
    role: str
    permissions: frozenset[str]
    password_hash: str = field(repr=False)
    must_change_password: bool = False
    disabled: bool = False
    attempts: Attempts = field(default_factory=Attempts)


class Accounts(Protocol):
    """Where accounts are kept. Each change is one transaction and touches only what it names."""

    async def find_by_name(self, username: str) -> Account | None:
        """Return the account of `username`, which is lower case, or None."""

    async def find_by_id(self, account_id: str) -> Account | None:
        """Return the account, or None once it is gone."""

    async def record_attempts(self, account_id: str, attempts: Attempts) -> None:
        """Store the failed sign-ins after one more of them."""

    async def record_sign_in(self, account_id: str, at: datetime) -> None:
        """Store a sign-in that succeeded at `at`, and forget the failed ones."""

    async def change_password(self, account_id: str, password_hash: str) -> None:
        """Store a new password that its owner chose; it need not be changed again."""
