"""A token bucket: how long to wait before some bytes may pass."""

from dataclasses import dataclass, replace


@dataclass(frozen=True, kw_only=True)
class Bucket:
    """Fills with `rate_bytes` a second up to a second's worth; may go into debt, which later ones wait off."""

    rate_bytes: float
    level_bytes: float = 0.0
    at_s: float = 0.0

    def taken(self, size_bytes: int, now_s: float) -> "Bucket":
        """Return the bucket after `size_bytes` were taken at the monotonic moment `now_s`."""
        filled = min(self.rate_bytes, self.level_bytes + self.rate_bytes * max(0.0, now_s - self.at_s))
        return replace(self, level_bytes=filled - size_bytes, at_s=now_s)

    @property
    def pause_s(self) -> float:
        """How long whoever took last waits before the bytes may pass, in seconds."""
        return max(0.0, -self.level_bytes / self.rate_bytes)
