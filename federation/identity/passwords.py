"""Passwords: argon2 hashes, what a new one must be, and first ones that people can type."""

import asyncio
import secrets
from functools import cached_property

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError

SHORTEST = 10
LONGEST = 128
MEMORY_KIB, PASSES, LANES = 19 * 1024, 2, 1
"""OWASP Password Storage Cheat Sheet, Argon2id: what a small box can afford too."""

FIRST_PASSWORD_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"  # noqa: S105 - without what is easily misread


class WeakPassword(Exception):
    """The new password is refused; the text says why."""


class Passwords:
    """Hashes and verifies passwords with argon2id, on threads: each takes tens of milliseconds and 19 MiB."""

    def __init__(self, *, hasher: PasswordHasher | None = None, parallel: int = 2) -> None:
        """Use `hasher` (the cost that OWASP recommends if absent), for at most `parallel` passwords at once."""
        self._hasher = hasher or PasswordHasher(memory_cost=MEMORY_KIB, time_cost=PASSES, parallelism=LANES)
        self._room = asyncio.Semaphore(parallel)

    async def hash(self, password: str) -> str:
        """Return the hash to be stored, with its salt and parameters."""
        async with self._room:
            return await asyncio.to_thread(self._hasher.hash, password)

    async def verify(self, password_hash: str | None, password: str) -> bool:
        """Tell whether `password` belongs to the hash; None takes as long and is always wrong."""
        async with self._room:
            matches = await asyncio.to_thread(self._matches, password_hash, password)
        return matches and password_hash is not None

    @cached_property
    def _nobodys(self) -> str:
        return self._hasher.hash(secrets.token_urlsafe(16))

    def _matches(self, password_hash: str | None, password: str) -> bool:
        nobodys = self._nobodys  # made before the first password of whomever, so that none takes longer than others
        try:
            return self._hasher.verify(password_hash or nobodys, password)
        except (Argon2Error, InvalidHashError):
            return False


def check_new_password(new: str, *, username: str, old: str | None = None) -> None:
    """Raise WeakPassword unless `new` may replace `old` for `username`."""
    if not SHORTEST <= len(new) <= LONGEST:
        raise WeakPassword(f"The new password must have {SHORTEST} to {LONGEST} characters.")
    if new.casefold() == username.casefold():
        raise WeakPassword("The new password must not be the user name.")
    if new == old:
        raise WeakPassword("The new password must differ from the old one.")
    if len(set(new)) < 4:
        raise WeakPassword("The new password must have at least 4 different characters.")


def first_password() -> str:
    """Return a random first password of three groups, for example `k7wm-x2tp-9hfa` (59 bits)."""
    groups = ("".join(secrets.choice(FIRST_PASSWORD_ALPHABET) for _ in range(4)) for _ in range(3))
    return "-".join(groups)
