"""How often cameras are tried: soon if lost, seldom if they refuse, and all of them together at a bounded rate."""

import asyncio
import math

from appliance.streams.errors import Refused, StreamError

SHORTEST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 1.5  # with a try of 2 s at most, a camera that is back is asked within 2 s
LONGEST_PAUSE_AFTER_REFUSAL_S = 30.0  # cameras lock out who repeats a wrong password
ATTEMPTS_PER_S = 100.0
"""Of all cameras together: a thousand dead ones are then tried every 10 s and cost a few hundredths of a core."""

BEAT_S = 0.1
"""Cameras that wait wake up together, on beats: one by one, each would cost the process half as much again."""


def pause_s(failures: int, jitter: float, error: StreamError) -> float:
    """Return the pause after `failures` failures in a row, the last being `error`, in seconds; `jitter` is 0 to 1."""
    longest = LONGEST_PAUSE_AFTER_REFUSAL_S if isinstance(error, Refused) else LONGEST_PAUSE_S
    doubled = min(SHORTEST_PAUSE_S * 2.0 ** min(failures - 1, 16), longest)
    return doubled * (0.75 + 0.25 * jitter)


class Pace:
    """Lets attempts begin one after the other, `per_s` of them in a second."""

    def __init__(self, per_s: float = ATTEMPTS_PER_S) -> None:
        """Start with nobody waiting."""
        self._step_s = 1.0 / per_s
        self._free_s = 0.0

    async def turn(self) -> None:
        """Return when it is the caller's turn."""
        now_s = asyncio.get_running_loop().time()
        turn_s = max(now_s, self._free_s)
        self._free_s = turn_s + self._step_s
        if turn_s > now_s:
            await asyncio.sleep(math.ceil(turn_s / BEAT_S) * BEAT_S - now_s)


def beat_within(for_s: float, now_s: float) -> float:
    """Return the last beat before `for_s` seconds are over, or the next one."""
    return max(math.floor((now_s + for_s) / BEAT_S), math.floor(now_s / BEAT_S) + 1) * BEAT_S


async def rest(for_s: float) -> None:
    """Return after `for_s` seconds or less, on a beat."""
    now_s = asyncio.get_running_loop().time()
    await asyncio.sleep(beat_within(for_s, now_s) - now_s)
