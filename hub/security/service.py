"""What administrators do with accounts, and what auditors read."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Select, delete, insert, select, update
from sqlalchemy.engine import Row

from federation.http import Page
from federation.http.problem import conflict, not_found
from federation.http.sign_in import SignInOutcome
from federation.identity import Passwords, first_password
from federation.messages import new_id
from federation.private_files import write_private
from hub.database import Database
from hub.database.moments import from_us, maybe_from_us, now_us, to_us
from hub.security.audit import HUB, Actor, record
from hub.security.model import AuditEntry, AuditQuery, FirstPassword, Role, User, UserChange, UserDraft
from hub.security.tables import audit, sessions, users

FIRST_ADMINISTRATOR = "admin"
MOST_EXPORTED = 100_000
EXPORT_AT_ONCE = 1000


class Security:
    """Accounts and the audit."""

    def __init__(self, *, database: Database, passwords: Passwords, first_password_file: Path) -> None:
        """Write the first administrator's password to `first_password_file`."""
        self._database = database
        self.passwords = passwords
        self._first_password_file = first_password_file

    async def start(self) -> None:
        """Create the first administrator where there is no account at all."""
        if await self._database.run(lambda c: c.execute(select(users.c.id).limit(1)).first()) is not None:
            return
        password = first_password()
        draft = UserDraft(username=FIRST_ADMINISTRATOR, display_name="管理员", role=Role.ADMINISTRATOR)
        # The file first: an account whose password nobody knows would shut everybody out.
        await asyncio.to_thread(write_private, self._first_password_file, password + "\n")
        await self._add(draft, password, HUB)

    async def forget_first_password(self, username: str) -> None:
        """Remove the file with the first administrator's password once it was changed."""
        if username == FIRST_ADMINISTRATOR:
            await asyncio.to_thread(self._first_password_file.unlink, missing_ok=True)

    async def audit_sign_in(self, outcome: SignInOutcome) -> None:
        """Write a sign-in, a failed one, a sign-out or a changed password into the audit."""
        actor = Actor(kind="user", name=outcome.username, peer=outcome.peer)
        subject = f"user:{outcome.account_id}" if outcome.account_id else "user:"
        detail = {"reason": outcome.reason} if outcome.reason else {}
        await self._database.run(
            lambda connection: record(connection, actor, outcome.action, subject, detail, succeeded=outcome.succeeded)
        )

    async def list_users(self) -> Page[User]:
        """Return every account, by user name."""
        rows = await self._database.run(lambda c: c.execute(select(users).order_by(users.c.username)).all())
        return Page(items=tuple(user_of(row) for row in rows), total=len(rows))

    async def create_user(self, draft: UserDraft, actor: Actor) -> FirstPassword:
        """Create an account and return it with its first password."""
        password = first_password()
        return FirstPassword(user=await self._add(draft, password, actor), first_password=password)

    async def change_user(self, user_id: str, change: UserChange, actor: Actor, own_id: str) -> User:
        """Change an account; a disabled one is signed out at once."""
        values = {key: value for key, value in change.model_dump().items() if value is not None}
        if user_id == own_id and ({"role", "disabled"} & values.keys()):
            raise conflict("own_account", "Nobody changes their own role or disables their own account.")

        def work(connection: Connection) -> User:
            _find(connection, user_id)
            if values:
                connection.execute(update(users).where(users.c.id == user_id).values(**values))
                _keep_an_administrator(connection)
                record(connection, actor, "user.change", f"user:{user_id}", values)
            if values.get("disabled"):
                connection.execute(delete(sessions).where(sessions.c.user_id == user_id))
            return user_of(_find(connection, user_id))

        return await self._database.run(work)

    async def remove_user(self, user_id: str, actor: Actor, own_id: str) -> None:
        """Remove an account and sign it out; what it did stays in the audit under its name."""
        if user_id == own_id:
            raise conflict("own_account", "Nobody removes their own account.")

        def work(connection: Connection) -> None:
            user = _find(connection, user_id)
            connection.execute(delete(users).where(users.c.id == user_id))
            _keep_an_administrator(connection)
            record(connection, actor, "user.remove", f"user:{user_id}", {"username": user.username})

        await self._database.run(work)

    async def reset_password(self, user_id: str, actor: Actor) -> FirstPassword:
        """Give an account a new first password, end its sessions and any lock."""
        password = first_password()
        password_hash = await self.passwords.hash(password)

        def work(connection: Connection) -> User:
            _find(connection, user_id)
            values = {
                "password_hash": password_hash,
                "must_change_password": True,
                "failures": 0,
                "locked_until_us": None,
            }
            connection.execute(update(users).where(users.c.id == user_id).values(**values))
            connection.execute(delete(sessions).where(sessions.c.user_id == user_id))
            record(connection, actor, "user.reset_password", f"user:{user_id}")
            return user_of(_find(connection, user_id))

        user = await self._database.run(work)
        await self.forget_first_password(user.username)
        return FirstPassword(user=user, first_password=password)

    async def list_audit(self, query: AuditQuery) -> Page[AuditEntry]:
        """Return one page of the audit, newest first."""
        rows = await self._audit_rows(query, query.after, query.limit + 1)
        shown = rows[: query.limit]
        return Page(items=tuple(entry_of(row) for row in shown), next=shown[-1].id if len(rows) > query.limit else None)

    async def export_audit(self, query: AuditQuery) -> AsyncIterator[Sequence[object]]:
        """Yield the audit as rows of a sheet, newest first, at most `MOST_EXPORTED` entries."""
        after = query.after
        for _ in range(MOST_EXPORTED // EXPORT_AT_ONCE):
            rows = await self._audit_rows(query, after, EXPORT_AT_ONCE)
            for row in rows:
                yield _cells(entry_of(row))
            if len(rows) < EXPORT_AT_ONCE:
                return
            after = rows[-1].id

    async def _audit_rows(self, query: AuditQuery, after: str | None, limit: int) -> list[Row[Any]]:
        statement = _filtered(query).order_by(audit.c.id.desc()).limit(limit)
        if after is not None:
            statement = statement.where(audit.c.id < after)
        return list(await self._database.run(lambda connection: connection.execute(statement).all()))

    async def _add(self, draft: UserDraft, password: str, actor: Actor) -> User:
        password_hash = await self.passwords.hash(password)
        user_id = new_id()

        def work(connection: Connection) -> User:
            if connection.execute(select(users.c.id).where(users.c.username == draft.username)).first():
                raise conflict("username_taken", f"There is a user {draft.username!r} already.")
            connection.execute(
                insert(users).values(
                    id=user_id,
                    username=draft.username,
                    display_name=draft.display_name,
                    role=draft.role,
                    password_hash=password_hash,
                    must_change_password=True,
                    disabled=False,
                    failures=0,
                    created_at_us=now_us(),
                )
            )
            record(connection, actor, "user.create", f"user:{user_id}", draft.model_dump(mode="json"))
            return user_of(_find(connection, user_id))

        return await self._database.run(work)


def _find(connection: Connection, user_id: str) -> Row[Any]:
    row = connection.execute(select(users).where(users.c.id == user_id)).first()
    if row is None:
        raise not_found("user", user_id)
    return row


def _keep_an_administrator(connection: Connection) -> None:
    administrators = select(users.c.id).where(users.c.role == Role.ADMINISTRATOR, users.c.disabled.is_(False))
    # Locked until the commit, so that two changes at once cannot each remove the other's last one.
    if connection.execute(administrators.with_for_update()).first() is None:
        raise conflict("last_administrator", "At least one administrator must remain who can sign in.")


def user_of(row: Row[Any]) -> User:
    """Return the account of a row as it goes over the wire."""
    return User(
        id=row.id,
        username=row.username,
        display_name=row.display_name,
        role=Role(row.role),
        disabled=row.disabled,
        must_change_password=row.must_change_password,
        locked_until=_still_ahead(maybe_from_us(row.locked_until_us)),
        created_at=from_us(row.created_at_us),
        last_sign_in_at=maybe_from_us(row.last_sign_in_at_us),
    )


def entry_of(row: Row[Any]) -> AuditEntry:
    """Return the audit entry of a row as it goes over the wire."""
    return AuditEntry(
        id=row.id,
        at=from_us(row.at_us),
        actor_kind=row.actor_kind,
        actor=row.actor,
        peer=row.peer,
        action=row.action,
        subject=row.subject,
        succeeded=row.succeeded,
        detail=row.detail,
        node_id=row.node_id,
    )


def _still_ahead(moment: datetime | None) -> datetime | None:
    return moment if moment is not None and to_us(moment) > now_us() else None


def _filtered(query: AuditQuery) -> Select[Any]:
    statement = select(audit)
    if query.actor is not None:
        statement = statement.where(audit.c.actor == query.actor)
    if query.node_id is not None:
        statement = statement.where(audit.c.node_id == query.node_id)
    if query.action is not None and query.action.endswith("."):
        statement = statement.where(audit.c.action.startswith(query.action, autoescape=True))
    elif query.action is not None:
        statement = statement.where(audit.c.action == query.action)
    if query.since is not None:
        statement = statement.where(audit.c.at_us >= to_us(query.since))
    if query.until is not None:
        statement = statement.where(audit.c.at_us < to_us(query.until))
    return statement


def _cells(entry: AuditEntry) -> list[str]:
    values = entry.model_dump(mode="json")
    values["detail"] = entry.model_dump_json(include={"detail"}).removeprefix('{"detail":').removesuffix("}")
    return [str(value) for value in values.values()]
