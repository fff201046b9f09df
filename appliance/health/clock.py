"""Whether the box's wall clock can be believed: by the kernel's word, or because the hub's clock says the same."""

import ctypes
import logging
import time
from dataclasses import dataclass, replace

from federation.messages import ClockState

log = logging.getLogger(__name__)

AGREES_WITHIN_S = 2.0
STEP_S = 2.0
TIME_ERROR = 5  # adjtimex(2): the clock is not synchronised to a reliable server


@dataclass(frozen=True, kw_only=True)
class Clock:
    """What is known of the wall clock. A base is wall minus monotonic time: it moves when the clock is stepped.

    `base_s` is that when the clock was last found right, `compared_s` when the hub last told `offset_s`, by which
    we are before it.
    """

    state: ClockState = ClockState.UNSYNCHRONISED
    base_s: float | None = None
    offset_s: float | None = None
    compared_s: float | None = None

    def looked_at(self, base_s: float, *, kernel: bool) -> "Clock":
        """Return what is known after a look: what NTP holds is right; what was right is so until it is stepped."""
        denied = self.offset_s is not None and abs(self.offset_s) > AGREES_WITHIN_S and _near(base_s, self.compared_s)
        if kernel and not denied:
            return replace(self, state=ClockState.SYNCHRONISED, base_s=base_s)
        if _near(base_s, self.base_s):
            return self
        return replace(self, state=ClockState.UNSYNCHRONISED, base_s=None)

    def compared(self, offset_s: float, trip_s: float, base_s: float) -> "Clock":
        """Return what is known after the hub told its time; the offset is good to half of the trip."""
        if abs(offset_s) <= AGREES_WITHIN_S + trip_s / 2:
            return Clock(state=ClockState.SYNCHRONISED, base_s=base_s, offset_s=offset_s, compared_s=base_s)
        return Clock(state=ClockState.UNSYNCHRONISED, base_s=None, offset_s=offset_s, compared_s=base_s)


class ClockGauge:
    """Keeps what is known of this box's clock."""

    def __init__(self) -> None:
        """Know nothing yet."""
        self.clock = Clock()

    def look(self) -> Clock:
        """Look at the kernel's word, and whether the clock was stepped since."""
        self._become(self.clock.looked_at(_base_s(), kernel=kernel_synchronised()))
        return self.clock

    def compare(self, offset_s: float, trip_s: float) -> None:
        """Take the hub's time into account."""
        self._become(self.clock.compared(offset_s, trip_s, _base_s()))

    def _become(self, clock: Clock) -> None:
        if clock.state is not self.clock.state:
            log.warning("the clock is %s (against the hub: %s s)", clock.state, clock.offset_s)
        self.clock = clock


def kernel_synchronised() -> bool:
    """Tell whether the kernel holds the clock for synchronised, as an NTP daemon told it; False where it cannot say."""
    try:
        status = ctypes.CDLL(None, use_errno=True).adjtimex(ctypes.byref((ctypes.c_char * 256)()))
    except (OSError, AttributeError):
        return False
    return 0 <= int(status) < TIME_ERROR


def _base_s() -> float:
    return time.time_ns() / 1e9 - time.monotonic()


def _near(base_s: float, other_s: float | None) -> bool:
    return other_s is not None and abs(base_s - other_s) <= STEP_S
