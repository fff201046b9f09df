"""What a line between two parties can suffer, whatever it is made of."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

SLOW_BYTES_PER_S = 40_000


class Sky(StrEnum):
    """The state of a line.

    Cut: nothing passes, and where the line can tell, its ends are told. Silent: everything vanishes and nobody is
    told (half-open). Deaf: only what comes to the party vanishes. Mute: only what it sends vanishes. Slow: 40 kB/s
    each way. Lossy: a share of the packets is lost each way.
    """

    FAIR = "fair"
    CUT = "cut"
    SILENT = "silent"
    DEAF = "deaf"
    MUTE = "mute"
    SLOW = "slow"
    LOSSY = "lossy"


@dataclass(frozen=True, kw_only=True)
class Weather:
    """The state of a line; `loss_percent` (1 to 99) belongs to a lossy one."""

    sky: Sky
    loss_percent: int = 0

    @property
    def hears(self) -> bool:
        """Whether anything may reach the party."""
        return self.sky not in {Sky.CUT, Sky.SILENT, Sky.DEAF}

    @property
    def speaks(self) -> bool:
        """Whether anything that the party sends may arrive."""
        return self.sky not in {Sky.CUT, Sky.SILENT, Sky.MUTE}


FAIR = Weather(sky=Sky.FAIR)


class Wire(Protocol):
    """The line of one party; faults act on it and do not know what it is made of."""

    async def become(self, weather: Weather) -> None:
        """Change the weather; return once it holds."""
