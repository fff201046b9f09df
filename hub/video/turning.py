"""How fast people may turn a camera from afar, and which of their orders are worth a line in the audit."""

from collections import deque
from dataclasses import dataclass, field

MOST_ORDERS = 20
WITHIN_S = 5.0
"""A pad that is held down gives one order a second; a stop is always passed on."""

AT_IT_FOR_S = 60.0


@dataclass(kw_only=True)
class TurnBook:
    """Counts the orders to each camera. Times are seconds of one monotonic clock."""

    _orders: dict[str, deque[float]] = field(default_factory=dict)
    _at_it: dict[tuple[str, str], float] = field(default_factory=dict)

    def admits(self, point_id: str, now_s: float) -> bool:
        """Tell whether one more order may go to a camera now, and count it."""
        self._forget(now_s)
        orders = self._orders.setdefault(point_id, deque())
        while orders and now_s - orders[0] >= WITHIN_S:
            orders.popleft()
        if len(orders) >= MOST_ORDERS:
            return False
        orders.append(now_s)
        return True

    def begins(self, point_id: str, person: str, now_s: float) -> bool:
        """Tell whether a person begins to move a camera, who has not done so lately; note that they are at it."""
        before_s = self._at_it.get((point_id, person))
        self._at_it[point_id, person] = now_s
        return before_s is None or now_s - before_s >= AT_IT_FOR_S

    def _forget(self, now_s: float) -> None:
        self._orders = {point: times for point, times in self._orders.items() if times and now_s - times[-1] < WITHIN_S}
        self._at_it = {key: at_s for key, at_s in self._at_it.items() if now_s - at_s < AT_IT_FOR_S}
