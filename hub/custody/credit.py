"""How much may fly: shares and turns for those who come back with a backlog, and a pace for a fleet, by values alone.

What is on its way to the hub waits there, and fresh events wait behind it. So everybody with a backlog shares one
window of rows, which the hub works off in `WINDOW_S` seconds at the speed that it has just shown. While it holds a
batch for each of them, each has a share; if there are more they take turns with a batch each, because a message costs
what several rows cost. Who has no backlog may always send a few rows, and a large fleet lets rows wait for each other,
so that no more than `MESSAGES_PER_S` messages come.
"""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field

from federation.messages import BATCH_ROWS, Ack, Hello
from hub.custody.intake import LaneKey, Message

WINDOW_S = 0.5
SMALLEST_WINDOW, LARGEST_WINDOW = 800, 8000  # rows
SLOWEST = SMALLEST_WINDOW / WINDOW_S  # rows/s; pauses between commits make a hub with little to do look slower
FRESH_S = 1.5  # how long the hub would work off what all lanes without a backlog may send together
LARGEST_CREDIT = 800
LEAST_CREDIT = 4  # a message costs what several rows cost: a slow hub that asked for single rows would be slower still
TURN_S = 3.0  # a turn that is not used by then is over: whoever had it is away, and greets when it is back
MESSAGES_PER_S = 1000
LONGEST_LINGER_S = 1.0
SHORTEST_LINGER_S = 0.02  # less is not worth waiting for
FORGOTTEN_AFTER_S = 10.0
LEARNS = 0.1  # weight of the newest speed


@dataclass(kw_only=True)
class _Lane:
    """What is known of one lane. It may send rows up to the number `limit`; `queued` if it waits for a turn."""

    ack: Ack
    waiting: int = 0
    heard_at: float = 0.0
    limit: int = 0
    granted_at: float = 0.0
    queued: bool = False

    @property
    def granted(self) -> int:
        """How many rows may be on their way by its share or turn."""
        return max(0, self.limit - self.ack.upto)

    def is_away(self, now: float) -> bool:
        """Tell whether it has not used its turn."""
        return self.granted > 0 and now - max(self.heard_at, self.granted_at) > TURN_S


@dataclass(kw_only=True)
class CreditDesk:
    """Knows who has spoken lately and how much waits there. Times are those of one monotonic clock."""

    rows_per_s: float = LARGEST_WINDOW / WINDOW_S
    _lanes: dict[LaneKey, _Lane] = field(default_factory=dict)
    _backlogs: dict[LaneKey, _Lane] = field(default_factory=dict)
    _turns: dict[LaneKey, _Lane] = field(default_factory=dict)
    _queues: tuple[deque[LaneKey], deque[LaneKey]] = field(default_factory=lambda: (deque(), deque()))
    _favoured: int = 0
    _worked_at: float = 0.0
    _tidied_at: float = 0.0

    @property
    def window(self) -> int:
        """How many rows of backlogs may be on their way."""
        return min(LARGEST_WINDOW, max(SMALLEST_WINDOW, int(self.rows_per_s * WINDOW_S)))

    @property
    def granted(self) -> int:
        """How many rows of backlogs may be on their way now."""
        return sum(lane.granted for lane in self._turns.values())

    def heard(self, message: Message, ack: Ack, now: float) -> None:
        """Note a hello or a batch that is committed, where its lane stands since, and what waits behind that."""
        key = LaneKey.of(message)
        if (lane := self._lanes.get(key)) is None:
            lane = self._lanes[key] = _Lane(ack=ack)
        lane.ack, lane.heard_at, lane.waiting = ack, now, max(0, last_made(message) - ack.upto)
        if not lane.waiting:
            self._end(key, lane)
            return
        if not lane.granted:
            self._turns.pop(key, None)
        self._backlogs[key] = lane
        if not lane.queued:
            lane.queued = True
            self._queues[lane.waiting > BATCH_ROWS].append(key)

    def worked(self, rows: int, now: float) -> None:
        """Note that some rows were committed at once; few rows say nothing about the hub's speed.

        What it does between two commits is part of its speed, whatever that is.
        """
        taken_s, self._worked_at = now - self._worked_at, now
        if rows >= BATCH_ROWS and taken_s > 0:
            speed = max(SLOWEST, rows / taken_s)
            self.rows_per_s += LEARNS * (speed - self.rows_per_s)

    def answers(self, heard: Iterable[LaneKey], now: float) -> list[tuple[LaneKey, Ack]]:
        """Return the acknowledgements of the lanes that were `heard`, and of those whose turn has come."""
        if now - self._tidied_at > 1:
            self._tidy(now)
        answered = dict.fromkeys(heard)
        turns = [key for key in self._give_turns(now) if key not in answered]
        linger_ms = round(self._linger_s() * 1000)
        fresh = min(BATCH_ROWS, max(LEAST_CREDIT, int(self.rows_per_s * FRESH_S) // max(1, len(self._lanes))))
        return [
            *((key, self._told(key, fresh, linger_ms)) for key in answered),
            # What was refused once is not refused again.
            *((key, self._told(key, fresh, linger_ms, nak=False)) for key in turns),
        ]

    def forget(self) -> None:
        """Forget everybody: all will greet anew."""
        for known in (self._lanes, self._backlogs, self._turns, *self._queues):
            known.clear()

    def _told(self, key: LaneKey, fresh: int, linger_ms: int, **more: bool) -> Ack:
        lane = self._lanes[key]
        credit = lane.granted if lane.waiting else fresh
        return lane.ack.model_copy(update={"credit": credit, "linger_ms": linger_ms, **more})

    def _linger_s(self) -> float:
        linger_s = len(self._lanes) / MESSAGES_PER_S
        return 0.0 if linger_s < SHORTEST_LINGER_S else min(LONGEST_LINGER_S, linger_s)

    def _give_turns(self, now: float) -> Iterable[LaneKey]:
        """Give what is free of the window to those who wait, in their order; return who got something."""
        window = self.window
        free = window - self.granted
        grant = min(LARGEST_CREDIT, max(BATCH_ROWS, window // max(1, len(self._backlogs))))
        while (key := self._next()) is not None:
            lane = self._backlogs.get(key)
            if lane is not None and lane.granted < grant:
                if grant - lane.granted > free:
                    return
                free -= grant - lane.granted
                lane.limit, lane.granted_at = lane.ack.upto + grant, now
                self._turns[key] = lane
                yield key
            self._leave(key)

    def _next(self) -> LaneKey | None:
        """Return whose turn it is: those who need one turn alone, and those who need more, one after the other."""
        for queue in (self._queues[self._favoured], self._queues[1 - self._favoured]):
            if queue:
                return queue[0]
        return None

    def _leave(self, key: LaneKey) -> None:
        """Take a lane out of the head of its queue, and favour the other."""
        place = self._favoured if self._queues[self._favoured] else 1 - self._favoured
        self._queues[place].popleft()
        self._favoured = 1 - place
        if (lane := self._lanes.get(key)) is not None:
            lane.queued = False

    def _tidy(self, now: float) -> None:
        self._tidied_at = now
        for key, lane in list(self._lanes.items()):
            if lane.is_away(now) or (not lane.waiting and now - lane.heard_at > FORGOTTEN_AFTER_S):
                del self._lanes[key]
                self._end(key, lane)

    def _end(self, key: LaneKey, lane: _Lane) -> None:
        """Take back what a lane may send beyond what everybody may."""
        lane.limit = 0
        self._backlogs.pop(key, None)
        self._turns.pop(key, None)


def last_made(message: Message) -> int:
    """Return the number of the newest row that a hello or a batch tells of."""
    return message.next - 1 if isinstance(message, Hello) else message.last + message.waiting
