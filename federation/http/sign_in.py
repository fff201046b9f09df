"""Signing in with a name and a password: routes, cookie, CSRF and lockout, the same on hub and appliance."""

import asyncio
import hmac
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.cookies import SimpleCookie
from typing import NoReturn
from urllib.parse import urlsplit
from weakref import WeakValueDictionary

from aiohttp import web
from pydantic import Field

from federation.http.access import PUBLIC, Access, Principal
from federation.http.models import Input, Output
from federation.http.problem import Problem, invalid
from federation.http.routes import Call, Routes
from federation.identity import (
    Account,
    Accounts,
    Attempts,
    LockoutRule,
    Passwords,
    SessionLimits,
    SessionRecord,
    SessionStore,
    WeakPassword,
    check_new_password,
    csrf_token_of,
    digest_of,
)
from federation.identity.sessions import new_token

SESSION_COOKIE = "fengsui_session"
SESSION_PATH = "/api/v1/session"
CSRF_HEADER = "X-CSRF-Token"
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
STRANGERS = 4096  # names without an account whose failures are counted like those of an account
WAITING = 64  # sign-ins that may wait for their password to be verified
TIDY_PAUSE_S = 600.0
EARLY = Access(before_password_change=True)


class Credentials(Input):
    """A name and a password."""

    username: str = Field(min_length=1, max_length=64)
    password: str = Field(min_length=1, max_length=128, repr=False)


class PasswordChange(Input):
    """The present password and the one that shall replace it."""

    old: str = Field(min_length=1, max_length=128, repr=False)
    new: str = Field(min_length=1, max_length=128, repr=False)


class SessionUser(Output):
    """Who is signed in, and what they may do."""

    id: str
    username: str
    display_name: str
    role: str
    permissions: tuple[str, ...]


class SessionInfo(Output):
    """The present session; `csrf_token` goes into the header X-CSRF-Token of every change."""

    user: SessionUser
    csrf_token: str
    must_change_password: bool
    idle_timeout_s: int


@dataclass(frozen=True, kw_only=True)
class SignInOutcome:
    """What is to be audited; `account_id` is empty where the name belongs to nobody.

    `action` is `session.created`, `session.failed`, `session.ended`, `password.changed` or
    `password.failed`.
    """

    action: str
    succeeded: bool
    username: str
    account_id: str
    peer: str
    reason: str = ""


Listener = Callable[[SignInOutcome], Awaitable[None]]


@dataclass(kw_only=True)
class SignIn:
    """Signs people in and recognises them by their cookie; `routes()` and `authenticate` are what a side uses.

    `cookie` must differ between programs on one host: browsers do not tell ports apart. `https` says
    that a proxy before this program speaks HTTPS.
    """

    accounts: Accounts
    sessions: SessionStore
    passwords: Passwords
    on_sign_in: Listener
    limits: SessionLimits = field(default_factory=SessionLimits)
    rule: LockoutRule = field(default_factory=LockoutRule)
    cookie: str = SESSION_COOKIE
    https: bool = False
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    _locks: WeakValueDictionary[str, asyncio.Lock] = field(default_factory=WeakValueDictionary, init=False)
    _strangers: OrderedDict[str, Attempts] = field(default_factory=OrderedDict, init=False)
    _waiting: int = field(default=0, init=False)
    _tidied_at_s: float = field(default=0.0, init=False)

    async def authenticate(self, request: web.Request) -> Principal | None:
        """Return the person whose session the cookie names, or None; raise Problem for a forged change."""
        found = await self._present(request)
        if found is None:
            return None
        session, account = found
        self._refuse_forgery(request)
        now = self.clock()
        if self.limits.worth_storing(session, now):
            await self.sessions.touch(session.digest, now)
        return principal_of(account)

    async def still_signed_in(self, request: web.Request) -> bool:
        """Tell whether the session still lasts, without prolonging it: for connections that stay open."""
        return await self._present(request) is not None

    def routes(self) -> Routes:
        """Return the four operations on the session."""
        routes = Routes(tag="session")

        @routes.post(SESSION_PATH, access=PUBLIC)
        async def sign_in(call: Call, body: Credentials) -> SessionInfo:
            """Sign in; the answer sets the session's cookie."""
            return await self._sign_in(call, body)

        @routes.get(SESSION_PATH, access=EARLY)
        async def get_session(call: Call) -> SessionInfo:
            """Say who is signed in."""
            token, account = await self._own(call)
            return self._info(account, token)

        @routes.delete(SESSION_PATH, access=EARLY)
        async def sign_out(call: Call) -> None:
            """Sign out; the cookie is worth nothing any more."""
            token, account = await self._own(call)
            await self.sessions.remove(digest_of(token))
            self._set_cookie(call, "", lasts=timedelta(0))
            await self._tell(call, "session.ended", account.username, account)

        @routes.put(f"{SESSION_PATH}/password", access=EARLY)
        async def change_password(call: Call, body: PasswordChange) -> None:
            """Change one's own password; one's other sessions end."""
            token, account = await self._own(call)
            async with self._one_by_one(account.username):
                await self._change_password(call, token, account.username, body)

        return routes

    async def _present(self, request: web.Request) -> tuple[SessionRecord, Account] | None:
        token = request.cookies.get(self.cookie)
        if not token:
            return None
        session = await self.sessions.find(digest_of(token))
        if session is None or not self.limits.alive(session, self.clock()):
            return None
        account = await self.accounts.find_by_id(session.account_id)
        return None if account is None or account.disabled else (session, account)

    def _refuse_forgery(self, request: web.Request) -> None:
        if request.headers.get("Upgrade", "").lower() == "websocket":
            # Browsers let every page open a WebSocket to everywhere, with cookies and without asking.
            _refuse_other_origin(request)
        if request.method in SAFE_METHODS or (request.method == "POST" and request.path == SESSION_PATH):
            return  # who signs in anew has no token yet, only perhaps a cookie from before
        given = request.headers.get(CSRF_HEADER, "")
        if not hmac.compare_digest(given.encode(), csrf_token_of(request.cookies[self.cookie]).encode()):
            raise Problem(
                403,
                "csrf_token_wrong",
                f"Send the session's csrf_token in the header {CSRF_HEADER}; see GET /api/v1/session.",
            )

    async def _own(self, call: Call) -> tuple[str, Account]:
        found = await self._present(call.request)
        if found is None:
            raise Problem(404, "no_session", "There is no session: this request was admitted by other means.")
        return call.request.cookies[self.cookie], found[1]

    async def _sign_in(self, call: Call, given: Credentials) -> SessionInfo:
        _refuse_other_origin(call.request)
        username = given.username.lower()
        async with self._one_by_one(username):
            account = await self.accounts.find_by_name(username)
            await self._refuse_locked(call, username, account, "session.failed")
            known = account.password_hash if account is not None else None
            right = await self.passwords.verify(known, given.password)
            if account is None or not right or account.disabled:
                await self._count_failure(call, username, account, "session.failed")
            await self.accounts.record_sign_in(account.id, self.clock())
        return await self._open_session(call, account)

    async def _open_session(self, call: Call, account: Account) -> SessionInfo:
        token, now = new_token(), self.clock()
        await self._tidy(now)
        await self.sessions.add(
            SessionRecord(digest=digest_of(token), account_id=account.id, created_at=now, seen_at=now)
        )
        self._set_cookie(call, token, lasts=self.limits.longest)
        await self._tell(call, "session.created", account.username, account)
        return self._info(account, token)

    async def _change_password(self, call: Call, token: str, username: str, change: PasswordChange) -> None:
        account = await self.accounts.find_by_name(username)
        await self._refuse_locked(call, username, account, "password.failed")
        if account is None or not await self.passwords.verify(account.password_hash, change.old):
            await self._count_failure(call, username, account, "password.failed")
        try:
            check_new_password(change.new, username=username, old=change.old)
        except WeakPassword as weak:
            raise invalid("body.new", str(weak)) from weak
        await self.accounts.change_password(account.id, await self.passwords.hash(change.new))
        await self.sessions.remove_of_account(account.id, keep=digest_of(token))
        await self._tell(call, "password.changed", username, account)

    async def _refuse_locked(self, call: Call, username: str, account: Account | None, action: str) -> None:
        attempts = self._attempts(username, account)
        now = self.clock()
        if attempts.locked_until is None or not attempts.locked_at(now):
            return
        await self._tell(call, action, username, account, reason="locked_out")
        wait_s = max(1, round((attempts.locked_until - now).total_seconds()))
        call.headers["Retry-After"] = str(wait_s)
        raise Problem(429, "locked_out", f"Too many wrong passwords; try again in {wait_s} s.")

    async def _count_failure(self, call: Call, username: str, account: Account | None, action: str) -> NoReturn:
        attempts = self.rule.after_failure(self._attempts(username, account), self.clock())
        if account is not None:
            await self.accounts.record_attempts(account.id, attempts)
        else:
            # Counted like an account's, so that a lock does not tell which names exist.
            self._strangers[username] = attempts
            self._strangers.move_to_end(username)
            while len(self._strangers) > STRANGERS:
                self._strangers.popitem(last=False)
        await self._tell(call, action, username, account, reason="wrong_credentials")
        raise Problem(401, "wrong_credentials", "The user name or the password is wrong.")

    def _attempts(self, username: str, account: Account | None) -> Attempts:
        return account.attempts if account is not None else self._strangers.get(username, Attempts())

    @asynccontextmanager
    async def _one_by_one(self, username: str) -> AsyncIterator[None]:
        """Verify the passwords of one name one after the other, or parallel guesses would escape the count."""
        if self._waiting >= WAITING:
            raise Problem(503, "too_many_sign_ins", "Too many people are signing in; try again in a moment.")
        self._waiting += 1
        try:
            async with self._locks.setdefault(username, asyncio.Lock()):
                yield
        finally:
            self._waiting -= 1

    async def _tell(self, call: Call, action: str, username: str, account: Account | None, *, reason: str = "") -> None:
        await self.on_sign_in(
            SignInOutcome(
                action=action,
                succeeded=not reason,
                username=username,
                account_id=account.id if account is not None else "",
                peer=call.peer,
                reason=reason,
            )
        )

    async def _tidy(self, now: datetime) -> None:
        if time.monotonic() - self._tidied_at_s < TIDY_PAUSE_S:
            return
        self._tidied_at_s = time.monotonic()
        await self.sessions.remove_ended(unused_since=now - self.limits.idle, created_before=now - self.limits.longest)

    def _info(self, account: Account, token: str) -> SessionInfo:
        return SessionInfo(
            user=SessionUser(
                id=account.id,
                username=account.username,
                display_name=account.display_name,
                role=account.role,
                permissions=tuple(sorted(account.permissions)),
            ),
            csrf_token=csrf_token_of(token),
            must_change_password=account.must_change_password,
            idle_timeout_s=int(self.limits.idle.total_seconds()),
        )

    def _set_cookie(self, call: Call, token: str, *, lasts: timedelta) -> None:
        cookie: SimpleCookie = SimpleCookie()
        cookie[self.cookie] = token
        morsel = cookie[self.cookie]
        morsel["path"] = "/"
        morsel["httponly"] = True
        morsel["samesite"] = "Lax"
        morsel["max-age"] = int(lasts.total_seconds())
        if self.https or call.request.secure:
            morsel["secure"] = True
        call.headers.add("Set-Cookie", morsel.OutputString())


def principal_of(account: Account) -> Principal:
    """Return the caller that a signed-in account stands for."""
    return Principal(
        kind="user",
        id=account.id,
        name=account.username,
        permissions=account.permissions,
        must_change_password=account.must_change_password,
    )


def _refuse_other_origin(request: web.Request) -> None:
    origin = request.headers.get("Origin")
    if origin is not None and urlsplit(origin).netloc != request.host:
        raise Problem(403, "other_origin", "Pages of another origin must not do this.")
