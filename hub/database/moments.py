"""Moments in tables: integer microseconds since 1970 in UTC, aware datetimes everywhere else."""

from datetime import UTC, datetime, timedelta

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def to_us(moment: datetime) -> int:
    """Return the aware `moment` as microseconds since 1970."""
    since = moment - EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def from_us(moment_us: int) -> datetime:
    """Return the moment in UTC that lies `moment_us` microseconds after 1970."""
    return EPOCH + moment_us * _MICROSECOND


def maybe_from_us(moment_us: int | None) -> datetime | None:
    """Return the moment, or None where there is none."""
    return None if moment_us is None else from_us(moment_us)


def now_us() -> int:
    """Return the present moment in microseconds since 1970."""
    return to_us(datetime.now(UTC))
