"""When wrong passwords close an account."""

from datetime import UTC, datetime, timedelta

from federation.identity import Attempts, LockoutRule

NOW = datetime(2026, 1, 1, tzinfo=UTC)
RULE = LockoutRule()


def after(failures: int) -> Attempts:
    attempts = Attempts()
    for _ in range(failures):
        attempts = RULE.after_failure(attempts, NOW)
    return attempts


def test_four_wrong_passwords_close_nothing() -> None:
    assert not after(4).locked_at(NOW)


def test_the_fifth_closes_for_five_minutes() -> None:
    assert after(5).locked_at(NOW + timedelta(minutes=4, seconds=59))
    assert not after(5).locked_at(NOW + timedelta(minutes=5))


def test_after_a_lock_the_count_starts_again() -> None:
    later = NOW + timedelta(minutes=6)

    assert RULE.after_failure(after(5), later) == Attempts(failures=1)
