"""Accounts and sessions of the appliance's panel, in its database."""

import sqlite3
from dataclasses import dataclass
from datetime import datetime

from appliance.store.database import Database
from appliance.store.moments import from_us, to_us
from federation.identity import Account, Attempts, SessionRecord

READ = "read"
OPERATE = "operate"
ROLES = {"operator": frozenset({READ, OPERATE}), "viewer": frozenset({READ})}

_ACCOUNT = (
    "SELECT id, username, display_name, role, password_hash, must_change_password, failures, locked_until_us"
    " FROM accounts"
)


@dataclass(frozen=True, kw_only=True)
class PanelAccounts:
    """The people who may use this box's panel."""

    database: Database

    async def find_by_name(self, username: str) -> Account | None:
        """Return the account of `username`, or None."""
        return await self.database.read(lambda db: _account(db, f"{_ACCOUNT} WHERE username = ?", username))

    async def find_by_id(self, account_id: str) -> Account | None:
        """Return the account, or None once it is gone."""
        return await self.database.read(lambda db: _account(db, f"{_ACCOUNT} WHERE id = ?", account_id))

    async def record_attempts(self, account_id: str, attempts: Attempts) -> None:
        """Store the failed sign-ins after one more of them."""
        until = None if attempts.locked_until is None else to_us(attempts.locked_until)
        await self._execute(
            "UPDATE accounts SET failures = ?, locked_until_us = ? WHERE id = ?",
            attempts.failures,
            until,
            account_id,
        )

    async def record_sign_in(self, account_id: str, at: datetime) -> None:
        """Store a sign-in that succeeded, and forget the failed ones."""
        await self._execute(
            "UPDATE accounts SET failures = 0, locked_until_us = NULL, last_sign_in_us = ? WHERE id = ?",
            to_us(at),
            account_id,
        )

    async def change_password(self, account_id: str, password_hash: str) -> None:
        """Store a new password that its owner chose."""
        await self._execute(
            "UPDATE accounts SET password_hash = ?, must_change_password = 0, failures = 0,"
            " locked_until_us = NULL WHERE id = ?",
            password_hash,
            account_id,
        )

    async def is_empty(self) -> bool:
        """Tell whether there is no account yet."""
        found = await self.database.read(lambda db: db.execute("SELECT 1 FROM accounts LIMIT 1").fetchone())
        return found is None

    async def add(self, account: Account) -> None:
        """Store a new account."""
        await self._execute(
            "INSERT INTO accounts (id, username, display_name, role, password_hash, must_change_password)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            account.id,
            account.username,
            account.display_name,
            account.role,
            account.password_hash,
            account.must_change_password,
        )

    async def _execute(self, statement: str, *values: object) -> None:
        await self.database.run(lambda db: db.execute(statement, values))


@dataclass(frozen=True, kw_only=True)
class PanelSessions:
    """The sessions of the panel's people."""

    database: Database

    async def add(self, session: SessionRecord) -> None:
        """Store a new session."""
        await self._execute(
            "INSERT INTO sessions VALUES (?, ?, ?, ?)",
            session.digest,
            session.account_id,
            to_us(session.created_at),
            to_us(session.seen_at),
        )

    async def find(self, digest: str) -> SessionRecord | None:
        """Return the session with this digest, or None."""
        found = await self.database.read(
            lambda db: db.execute(
                "SELECT account_id, created_us, seen_us FROM sessions WHERE digest = ?", (digest,)
            ).fetchone()
        )
        if found is None:
            return None
        account_id, created_us, seen_us = found
        return SessionRecord(
            digest=digest, account_id=account_id, created_at=from_us(created_us), seen_at=from_us(seen_us)
        )

    async def touch(self, digest: str, seen_at: datetime) -> None:
        """Store when the session was last used."""
        await self._execute("UPDATE sessions SET seen_us = ? WHERE digest = ?", to_us(seen_at), digest)

    async def remove(self, digest: str) -> None:
        """End one session, if it is there."""
        await self._execute("DELETE FROM sessions WHERE digest = ?", digest)

    async def remove_of_account(self, account_id: str, *, keep: str | None = None) -> None:
        """End every session of an account but the one with the digest `keep`."""
        await self._execute("DELETE FROM sessions WHERE account_id = ? AND digest IS NOT ?", account_id, keep)

    async def remove_ended(self, *, unused_since: datetime, created_before: datetime) -> None:
        """Forget the sessions that have ended by then."""
        await self._execute(
            "DELETE FROM sessions WHERE seen_us < ? OR created_us < ?",
            to_us(unused_since),
            to_us(created_before),
        )

    async def _execute(self, statement: str, *values: object) -> None:
        await self.database.run(lambda db: db.execute(statement, values))


def _account(db: sqlite3.Connection, query: str, value: str) -> Account | None:
    found = db.execute(query, (value,)).fetchone()
    if found is None:
        return None
    account_id, username, display_name, role, password_hash, must_change, failures, locked_us = found
    until = None if locked_us is None else from_us(locked_us)
    return Account(
        id=account_id,
        username=username,
        display_name=display_name,
        role=role,
        permissions=ROLES.get(role, frozenset({READ})),
        password_hash=password_hash,
        must_change_password=bool(must_change),
        attempts=Attempts(failures=failures, locked_until=until),
    )
