"""Messages that hand rows from an appliance's outbox over to the hub's database, lane by lane."""

import json
from collections.abc import Sequence
from enum import StrEnum
from typing import Any, Self

from pydantic import AwareDatetime, Field, model_validator
from pydantic_core import from_json

from federation.messages.wire import WireModel

BATCH_ROWS = 100
HIGHEST_SEQUENCE = 2**62  # a database integer has 63 bits
ACKED_SPANS = 500
PAST_EPOCHS = 8


class Lane(StrEnum):
    """Kinds of traffic under custody that never wait for each other: each has its own sequence from 1.

    `events` are what algorithms saw, `results` what was done on a box, `evidence` the pictures that the hub took over
    HTTP. How busy a box is (`Metrics`) is under no custody: the newest replaces what came before.
    """

    EVENTS = "events"
    RESULTS = "results"
    EVIDENCE = "evidence"

    __hash__ = str.__hash__  # an Enum's own is a function in Python, and lanes are looked up for each message


class PastEpoch(WireModel):
    """An epoch of a lane that is over: no row of it is held any more.

    Its numbers went up to `produced`, and may have gone up to `reserved`, where that is more: nobody can tell any more.
    Those up to `acknowledged` a hub had once. What the hub does not have of them it never gets.
    """

    epoch: str = Field(min_length=1, max_length=64)
    produced: int = Field(ge=0, le=HIGHEST_SEQUENCE)
    acknowledged: int = Field(default=0, ge=0, le=HIGHEST_SEQUENCE)
    reserved: int = Field(default=0, ge=0, le=HIGHEST_SEQUENCE)


class Hello(WireModel):
    """Sent on every connection: which sequence numbers the outbox still holds.

    `epoch` changes whenever the outbox is created or restored, and starts the sequence anew at 1. `base` is the lowest
    sequence number still held, `next` the one the next row will get, `acknowledged` the highest that a hub has ever
    acknowledged: rows below `base` and up to it were delivered once, and have left the replay ring since. `past` are
    the epochs before this one, oldest first: a hub that was restored from a backup learns what it lost of them.
    """

    node_id: str
    epoch: str
    lane: Lane
    base: int = Field(ge=1)
    next: int = Field(ge=1)
    acknowledged: int = Field(default=0, ge=0)
    past: tuple[PastEpoch, ...] = Field(default=(), max_length=PAST_EPOCHS)

    @model_validator(mode="after")
    def _is_not_past(self) -> Self:
        if any(past.epoch == self.epoch for past in self.past):
            msg = "an epoch is either past or the present one"
            raise ValueError(msg)
        return self


class Tombstone(WireModel):
    """Stands for rows that the sender gave up knowingly: the numbers from its batch's `first` to `last`.

    `reason` is a short code: `quota` (the lane reached its disk quota), `disk_full`, `overflow` (made faster than they
    could be committed), `damaged` (what they spoke of could no longer be read), `replaced` (they were in the
    database that this one replaced), `uncertain` (they may have been in it), `unknown`.
    """

    last: int = Field(ge=1)
    reason: str = Field(min_length=1, max_length=16)
    at: AwareDatetime = Field(description="when the last of them was given up, on the sender's clock")


class Batch(WireModel):
    """Consecutive rows of one lane, row `i` with the sequence number `first + i`; or a tombstone in their place.

    On the wire it is lines of JSON: the first says all but the rows, each of the others is a row, which nobody needs to
    read to pass it on. Whoever stores a row judges whether it is sound: one bad row must not stop a lane.

    `waiting` says how many rows wait in the outbox behind these. `mark` is the sender's fingerprint of the last row,
    which the hub keeps with its cursor and gives back in its answer to a hello.
    """

    node_id: str
    epoch: str
    lane: Lane
    first: int = Field(ge=1)
    rows: tuple[str, ...] = Field(default=(), max_length=BATCH_ROWS)
    tombstone: Tombstone | None = None
    waiting: int = Field(default=0, ge=0)
    mark: str = Field(default="", max_length=64)

    @model_validator(mode="after")
    def _rows_or_tombstone(self) -> Self:
        if bool(self.rows) == (self.tombstone is not None):
            msg = "a batch has either rows or a tombstone"
            raise ValueError(msg)
        if self.last < self.first:
            msg = "a tombstone ends where it begins, or behind"
            raise ValueError(msg)
        return self

    @property
    def last(self) -> int:
        """The sequence number of the last row, or the last for which the tombstone stands."""
        return self.first + len(self.rows) - 1 if self.tombstone is None else self.tombstone.last

    def to_bytes(self) -> bytes:
        """Return the batch as UTF-8 lines."""
        return _lines(self.model_dump_json(exclude={"rows"}), self.rows)

    @classmethod
    def from_bytes(cls, payload: bytes) -> Self:
        """Read a batch whose rows nobody has looked at; raise ValueError for what is none."""
        frame, *rows = payload.decode().split("\n")
        said: Any = from_json(frame)
        if not isinstance(said, dict):
            msg = "the first line of a batch is a JSON object"
            raise ValueError(msg)  # noqa: TRY004 - of a text, as all that is wrong with it
        return cls.model_validate({**said, "rows": rows})


class Ack(WireModel):
    """The hub has committed everything up to and including `upto`; `credit` more rows may fly.

    `nak` says that a gap was seen: the sender goes back to `upto + 1`. In the answer to a hello, `mark` is that of the
    batch which ended at `upto`: a sender that holds another row there was restored from a backup, has given numbers
    twice, and begins a new epoch. `beyond` are rows that came by files ahead of others, as first and last.
    """

    epoch: str
    lane: Lane
    upto: int = Field(ge=0, le=HIGHEST_SEQUENCE)
    credit: int = Field(default=800, ge=0)
    linger_ms: int = Field(default=0, ge=0, le=60_000, description="rows shall wait so long for others before they fly")
    nak: bool = False
    mark: str = ""
    beyond: tuple[tuple[int, int], ...] = Field(default=(), max_length=ACKED_SPANS)


def batch_bytes(
    *, node_id: str, epoch: str, lane: Lane, first: int, rows: Sequence[str], waiting: int, mark: str
) -> bytes:
    """Return a batch as it goes over the wire, from rows of one line each: nothing is read or checked."""
    frame = {"node_id": node_id, "epoch": epoch, "lane": lane, "first": first, "waiting": waiting, "mark": mark}
    return _lines(json.dumps(frame), rows)


def _lines(frame: str, rows: Sequence[str]) -> bytes:
    return "\n".join((frame, *rows)).encode()
