"""How much may fly: fair shares for those who come back with a backlog, and a pace for a fleet, by values alone.

What is on its way to the hub waits there for its turn, and fresh events wait behind it. So everybody with a backlog
shares one window of rows, which the hub works off in `WINDOW_S` seconds at the speed that it has just shown; and a
large fleet lets rows wait for each other, so that no more than `MESSAGES_PER_S` messages come.
"""

from dataclasses import dataclass, field

from federation.messages import Batch, Hello
from hub.custody.intake import LaneKey, Message

WINDOW_S = 0.5
SMALLEST_WINDOW, LARGEST_WINDOW = 800, 8000  # rows
FRESH_CREDIT = 100  # rows of a lane that has no backlog: one batch
LARGEST_CREDIT = 800
LEAST_CREDIT = 4  # a message costs what several rows cost: a slow hub that asked for single rows would be slower still
MESSAGES_PER_S = 2000
LONGEST_LINGER_S = 1.0
SHORTEST_LINGER_S = 0.02  # less is not worth waiting for
FORGOTTEN_AFTER_S = 10.0
LEARNS = 0.1  # weight of the newest speed


@dataclass(frozen=True, kw_only=True)
class Terms:
    """What an acknowledgement grants: rows that may fly, and how long rows shall wait for others, in seconds."""

    credit: int
    linger_s: float


@dataclass(kw_only=True)
class CreditDesk:
    """Knows who has spoken lately and how much waits there. Times are those of one monotonic clock."""

    rows_per_s: float = LARGEST_WINDOW / WINDOW_S
    _heard_at: dict[LaneKey, float] = field(default_factory=dict)
    _backlogs: dict[LaneKey, float] = field(default_factory=dict)
    _tidied_at: float = 0.0

    def heard(self, message: Message, now: float) -> None:
        """Note what a hello or a batch says of the rows that wait behind it."""
        key = LaneKey.of(message)
        self._heard_at[key] = now
        if waiting_behind(message) > 0:
            self._backlogs[key] = now
        else:
            self._backlogs.pop(key, None)
        if now - self._tidied_at > 1:
            self._tidy(now)

    def worked(self, rows: int, taken_s: float) -> None:
        """Note how long the hub took for some rows; few rows say nothing about its speed."""
        if rows >= FRESH_CREDIT and taken_s > 0:
            self.rows_per_s += LEARNS * (rows / taken_s - self.rows_per_s)

    def terms(self, key: LaneKey) -> Terms:
        """Return what a lane is granted now; at least `LEAST_CREDIT` rows, so that nobody starves."""
        messages_per_s = len(self._heard_at) / MESSAGES_PER_S
        linger_s = 0.0 if messages_per_s < SHORTEST_LINGER_S else min(LONGEST_LINGER_S, messages_per_s)
        if key not in self._backlogs:
            return Terms(credit=FRESH_CREDIT, linger_s=linger_s)
        window = min(LARGEST_WINDOW, max(SMALLEST_WINDOW, int(self.rows_per_s * WINDOW_S)))
        return Terms(credit=max(LEAST_CREDIT, min(LARGEST_CREDIT, window // len(self._backlogs))), linger_s=linger_s)

    def _tidy(self, now: float) -> None:
        self._tidied_at = now
        for known in (self._heard_at, self._backlogs):
            for key in [key for key, at in known.items() if now - at > FORGOTTEN_AFTER_S]:
                del known[key]


def waiting_behind(message: Message) -> int:
    """Return how many rows wait behind a message; a hello says what the whole outbox holds."""
    if isinstance(message, Hello):
        return message.next - max(message.base, message.acknowledged + 1)
    assert isinstance(message, Batch)  # noqa: S101 - there is no third
    return message.waiting
