"""Sessions of signed-in people: random tokens, of which only a digest is stored, and when they end."""

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

TOKEN_BYTES = 32


@dataclass(frozen=True, kw_only=True)
class SessionRecord:
    """One session as it is stored: `digest` is of the token that the browser holds."""

    digest: str
    account_id: str
    created_at: datetime
    seen_at: datetime


@dataclass(frozen=True, kw_only=True)
class SessionLimits:
    """How long a session lasts unused, and at most; `precision` is how exactly its last use is stored."""

    idle: timedelta = timedelta(minutes=30)
    longest: timedelta = timedelta(hours=12)
    precision: timedelta = timedelta(seconds=30)

    def alive(self, session: SessionRecord, now: datetime) -> bool:
        """Tell whether the session still counts at `now`."""
        return now - session.seen_at < self.idle and now - session.created_at < self.longest

    def worth_storing(self, session: SessionRecord, now: datetime) -> bool:
        """Tell whether a use at `now` is to be stored: not each one, that would be a write per request."""
        return now - session.seen_at >= min(self.precision, self.idle / 4)


class SessionStore(Protocol):
    """Where sessions are kept; each method is one transaction."""

    async def add(self, session: SessionRecord) -> None:
        """Store a new session."""

    async def find(self, digest: str) -> SessionRecord | None:
        """Return the session with this digest, or None; it may have ended."""

    async def touch(self, digest: str, seen_at: datetime) -> None:
        """Store when the session was last used; one that is gone stays gone."""

    async def remove(self, digest: str) -> None:
        """End one session, if it is there."""

    async def remove_of_account(self, account_id: str, *, keep: str | None = None) -> None:
        """End every session of an account but the one with the digest `keep`."""

    async def remove_ended(self, *, unused_since: datetime, created_before: datetime) -> None:
        """Forget the sessions last seen before `unused_since` or created before `created_before`."""


def new_token() -> str:
    """Return the token of a new session: 32 random bytes, as URL-safe text."""
    return secrets.token_urlsafe(TOKEN_BYTES)


def digest_of(token: str) -> str:
    """Return the digest under which a session's token is stored, in hexadecimal."""
    return hashlib.sha256(token.encode()).hexdigest()


def csrf_token_of(token: str) -> str:
    """Return what a page must send along with every change: it follows from the session's token."""
    return hmac.new(token.encode(), b"fengsui csrf", hashlib.sha256).hexdigest()
