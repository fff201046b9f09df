"""Passwords: hashes, and first ones."""

from argon2 import PasswordHasher

from federation.identity import Passwords, check_new_password, first_password

CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


async def test_a_password_belongs_to_its_hash_alone() -> None:
    passwords = Passwords(hasher=CHEAP)
    stored = await passwords.hash("correct-horse")

    assert await passwords.verify(stored, "correct-horse")
    assert not await passwords.verify(stored, "correct-hors")


async def test_nobodys_password_is_always_wrong() -> None:
    assert not await Passwords(hasher=CHEAP).verify(None, "anything at all")


async def test_a_damaged_hash_lets_nobody_in() -> None:
    assert not await Passwords(hasher=CHEAP).verify("not a hash", "anything at all")


def test_first_passwords_differ_and_are_good_enough() -> None:
    found = {first_password() for _ in range(50)}

    assert len(found) == 50
    for password in found:
        check_new_password(password, username="admin")
