"""Whether a system that fails is asked at all: decided by code without a clock or input of its own."""

from dataclasses import dataclass, replace

OPENS_AFTER = 3
LONGEST_PAUSE_S = 60.0
LONGEST_WISH_S = 300.0
"""A system that wants to be left alone for longer is asked again all the same."""


@dataclass(frozen=True, kw_only=True)
class Breaker:
    """After `OPENS_AFTER` failures in a row the system is asked only after a pause that doubles, and once at a time.

    `not_before_s` is a monotonic time; `trying` says that somebody is asking to find out.
    """

    failures: int = 0
    not_before_s: float = 0.0
    trying: bool = False

    @property
    def is_open(self) -> bool:
        """Whether the system counts as away."""
        return self.failures >= OPENS_AFTER or self.not_before_s > 0

    def lets_through(self, now_s: float) -> bool:
        """Tell whether the system may be asked now."""
        return not self.is_open or (now_s >= self.not_before_s and not self.trying)

    def asked(self) -> "Breaker":
        """Return it as it is while somebody asks."""
        return replace(self, trying=self.is_open)

    def failed(self, now_s: float, *, wish_s: float = 0.0) -> "Breaker":
        """Return it after one more failure; the system wants to be left alone for `wish_s`."""
        failures = self.failures + 1
        doublings = min(failures - OPENS_AFTER, 10)  # a night away would overflow the float
        own_s = min(LONGEST_PAUSE_S, 2.0**doublings) if failures >= OPENS_AFTER else 0.0
        pause_s = max(own_s, min(wish_s, LONGEST_WISH_S))
        return Breaker(failures=failures, not_before_s=max(self.not_before_s, now_s + pause_s) if pause_s else 0.0)

    def let_go(self) -> "Breaker":
        """Return it when who asked has found nothing out."""
        return replace(self, trying=False)
