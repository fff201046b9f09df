"""What a lane's sender asks of the outbox, whichever database holds it."""

from dataclasses import dataclass
from typing import Protocol

from federation.messages import Lane, PastEpoch


@dataclass(frozen=True, kw_only=True)
class LaneState:
    """One lane: `base` is the lowest sequence number still held, `past` are the epochs before, oldest first."""

    epoch: str
    base: int
    produced: int
    acknowledged: int
    past: tuple[PastEpoch, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Said:
    """A batch as bytes, and the number where it ends."""

    payload: bytes
    last: int


class LaneStore(Protocol):
    """The outbox of one node."""

    async def state(self, lane: Lane) -> LaneState:
        """Return the state of a lane."""

    async def next_batch(self, lane: Lane, first: int, count: int) -> Said | None:
        """Return the batch that begins at `first`, of at most `count` rows; None where nothing is held."""

    async def matches(self, lane: Lane, sequence: int, mark: str) -> bool:
        """Tell whether a number was given to the row with this fingerprint, and to no other."""

    async def acknowledge(self, lane: Lane, epoch: str, upto: int, *, went_back_to: int | None) -> None:
        """Store how far the hub has got; `went_back_to` is where it said it stands, if that may be further back."""

    async def begin_epoch(self, lane: Lane, claimed: int) -> None:
        """Give what is not acknowledged new numbers, in a new epoch; of the old one the hub has up to `claimed`."""

    async def bury_missing(self, lane: Lane, first: int) -> None:
        """Put something in the place of the numbers from `first` on that are gone though nobody gave them up."""
