"""When a node asks for its next certificate: decisions by its own clock, which may be wrong."""

from datetime import datetime, timedelta

from federation.identity.member import HubIdentity

CLOCK_SLACK = timedelta(days=2)  # clocks are set back by hours; by more, nothing is known any more
SHORTEST_PAUSE_S = 60.0
LONGEST_PAUSE_S = 3600.0
SHARE_OF_LIFE = 2 / 3


def due(identity: HubIdentity, now: datetime) -> bool:
    """Tell whether the certificate is to be renewed at `now`.

    Both moments are by the node's own clock, so that one which is always wrong by years does no harm. One that was
    set back beyond the moment when the certificate came says nothing: a new one is asked for, to be on the safe side.
    """
    obtained, life = identity.obtained_at, timedelta(seconds=identity.renew_after_s)
    return not obtained - CLOCK_SLACK <= now < obtained + life


class Pace:
    """How often a node may ask: at once, then after pauses that double, until the hub has let it in."""

    def __init__(self) -> None:
        """Start without any try."""
        self._tries = 0
        self._next_s = 0.0

    def may_ask(self, now_s: float) -> bool:
        """Tell whether the pause is over at `now_s`, by a clock that only goes forward."""
        return now_s >= self._next_s

    def asked(self, now_s: float) -> None:
        """Note a try, whatever came of it."""
        self._tries += 1
        self._next_s = now_s + min(LONGEST_PAUSE_S, SHORTEST_PAUSE_S * 2.0 ** min(self._tries - 1, 16))

    def let_in(self) -> None:
        """Note that the hub takes the certificate that we have."""
        self._tries, self._next_s = 0, 0.0
