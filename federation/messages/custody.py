"""Messages that hand events from an appliance's outbox over to the hub's database."""

from enum import StrEnum
from typing import Any

from pydantic import Field

from federation.messages.wire import WireModel


class Lane(StrEnum):
    """Kinds of traffic that never wait for each other; each has its own sequence."""

    EVENTS = "events"
    EVIDENCE = "evidence"


class Hello(WireModel):
    """Sent on every connection: which sequence numbers the outbox still holds.

    `epoch` changes whenever the outbox is created or restored, and starts the sequence anew at 1.
    `base` is the lowest sequence number still held, `next` the one the next row will get, `dropped` the highest
    that had to go unacknowledged because the disk quota was reached.
    """

    node_id: str
    epoch: str
    lane: Lane
    base: int = Field(ge=1)
    next: int = Field(ge=1)
    dropped: int = Field(default=0, ge=0)


class Batch(WireModel):
    """Consecutive rows of one lane: row `i` has the sequence number `first + i`."""

    node_id: str
    epoch: str
    lane: Lane
    first: int = Field(ge=1)
    rows: tuple[dict[str, Any], ...] = Field(min_length=1, max_length=100)

    @property
    def last(self) -> int:
        """The sequence number of the last row."""
        return self.first + len(self.rows) - 1


class Ack(WireModel):
    """The hub has committed everything up to and including `upto`; `credit` more rows may fly.

    `nak` says that a gap was seen: the sender goes back to `upto + 1`.
    """

    epoch: str
    lane: Lane
    upto: int = Field(ge=0)
    credit: int = Field(default=800, ge=0)
    nak: bool = False
