"""How long events take from frame to row, over the newest ones."""

import math
from collections import deque

WINDOW = 1000


class LatencyWindow:
    """The latencies of the newest `size` events, in ms."""

    def __init__(self, size: int = WINDOW) -> None:
        """Start empty."""
        self._newest: deque[float] = deque(maxlen=size)

    def add(self, latency_ms: float) -> None:
        """Count one event; clocks that disagree never make a latency negative."""
        self._newest.append(max(0.0, latency_ms))

    def quantile_ms(self, share: float) -> float | None:
        """Return the latency that `share` (0 to 1) of the newest events did not exceed, or None."""
        if not self._newest:
            return None
        ordered = sorted(self._newest)
        return ordered[max(0, math.ceil(share * len(ordered)) - 1)]
