"""When too many wrong passwords close an account for a while: a pure decision."""

from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, kw_only=True)
class Attempts:
    """Wrong passwords in a row, and until when no further one is looked at."""

    failures: int = 0
    locked_until: datetime | None = None

    def locked_at(self, now: datetime) -> bool:
        """Tell whether the account is closed at `now`."""
        return self.locked_until is not None and now < self.locked_until


@dataclass(frozen=True, kw_only=True)
class LockoutRule:
    """`failures` wrong passwords in a row close the account for `pause`."""

    failures: int = 5
    pause: timedelta = timedelta(minutes=5)

    def after_failure(self, attempts: Attempts, now: datetime) -> Attempts:
        """Return the attempts after one more wrong password; a lock that has ended starts a new count."""
        counted = 0 if attempts.locked_until is not None and not attempts.locked_at(now) else attempts.failures
        failures = counted + 1
        if failures < self.failures:
            return Attempts(failures=failures)
        return Attempts(failures=failures, locked_until=now + self.pause)
