"""Accounts and sessions in the hub's database, as signing in needs them."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, insert, or_, select, update
from sqlalchemy.engine import Row

from federation.identity import Account, Attempts, SessionRecord
from hub.database import Database
from hub.database.moments import from_us, maybe_from_us, to_us
from hub.security.model import PERMISSIONS, Role
from hub.security.tables import sessions, users

OwnPasswordChosen = Callable[[str], Awaitable[None]]


class AccountTable:
    """Implements `federation.identity.Accounts`."""

    def __init__(self, database: Database, on_own_password: OwnPasswordChosen) -> None:
        """Await `on_own_password` with the user name once somebody chose a password of their own."""
        self._database = database
        self._on_own_password = on_own_password

    async def find_by_name(self, username: str) -> Account | None:
        """Return the account of `username`, or None."""
        return await self._find(users.c.username == username)

    async def find_by_id(self, account_id: str) -> Account | None:
        """Return the account, or None once it is gone."""
        return await self._find(users.c.id == account_id)

    async def record_attempts(self, account_id: str, attempts: Attempts) -> None:
        """Store the failed sign-ins after one more of them."""
        locked_until = attempts.locked_until
        await self._update(
            account_id,
            failures=attempts.failures,
            locked_until_us=to_us(locked_until) if locked_until is not None else None,
        )

    async def record_sign_in(self, account_id: str, at: datetime) -> None:
        """Store a sign-in that succeeded at `at`, and forget the failed ones."""
        await self._update(account_id, failures=0, locked_until_us=None, last_sign_in_at_us=to_us(at))

    async def change_password(self, account_id: str, password_hash: str) -> None:
        """Store a new password that its owner chose; it need not be changed again."""
        await self._update(account_id, password_hash=password_hash, must_change_password=False)
        account = await self.find_by_id(account_id)
        if account is not None:
            await self._on_own_password(account.username)

    async def _find(self, condition: Any) -> Account | None:
        statement = select(users).where(condition)
        row = await self._database.run(lambda connection: connection.execute(statement).first())
        return None if row is None else account_of(row)

    async def _update(self, account_id: str, **values: Any) -> None:
        statement = update(users).where(users.c.id == account_id).values(**values)
        await self._database.run(lambda connection: connection.execute(statement))


class SessionTable:
    """Implements `federation.identity.SessionStore`."""

    def __init__(self, database: Database) -> None:
        """Keep sessions in `database`."""
        self._database = database

    async def add(self, session: SessionRecord) -> None:
        """Store a new session, unless its account has just been removed."""
        await self._database.run(lambda connection: _add_session(connection, session))

    async def find(self, digest: str) -> SessionRecord | None:
        """Return the session with this digest, or None; it may have ended."""
        statement = select(sessions).where(sessions.c.digest == digest)
        row = await self._database.run(lambda connection: connection.execute(statement).first())
        if row is None:
            return None
        return SessionRecord(
            digest=row.digest,
            account_id=row.user_id,
            created_at=from_us(row.created_at_us),
            seen_at=from_us(row.seen_at_us),
        )

    async def touch(self, digest: str, seen_at: datetime) -> None:
        """Store when the session was last used; one that is gone stays gone."""
        await self._run(update(sessions).where(sessions.c.digest == digest).values(seen_at_us=to_us(seen_at)))

    async def remove(self, digest: str) -> None:
        """End one session, if it is there."""
        await self._run(delete(sessions).where(sessions.c.digest == digest))

    async def remove_of_account(self, account_id: str, *, keep: str | None = None) -> None:
        """End every session of an account but the one with the digest `keep`."""
        await self._run(delete(sessions).where(sessions.c.user_id == account_id, sessions.c.digest != (keep or "")))

    async def remove_ended(self, *, unused_since: datetime, created_before: datetime) -> None:
        """Forget the sessions last seen before `unused_since` or created before `created_before`."""
        ended = or_(sessions.c.seen_at_us < to_us(unused_since), sessions.c.created_at_us < to_us(created_before))
        await self._run(delete(sessions).where(ended))

    async def _run(self, statement: Any) -> None:
        await self._database.run(lambda connection: connection.execute(statement))


def _add_session(connection: Connection, session: SessionRecord) -> None:
    if connection.execute(select(users.c.id).where(users.c.id == session.account_id)).first() is None:
        return
    connection.execute(
        insert(sessions).values(
            digest=session.digest,
            user_id=session.account_id,
            created_at_us=to_us(session.created_at),
            seen_at_us=to_us(session.seen_at),
        )
    )


def account_of(row: Row[Any]) -> Account:
    """Return the account of a row of the table of users."""
    return Account(
        id=row.id,
        username=row.username,
        display_name=row.display_name,
        role=row.role,
        permissions=PERMISSIONS[Role(row.role)],
        password_hash=row.password_hash,
        must_change_password=row.must_change_password,
        disabled=row.disabled,
        attempts=Attempts(failures=row.failures, locked_until=maybe_from_us(row.locked_until_us)),
    )
