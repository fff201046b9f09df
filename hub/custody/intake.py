"""What a run of custody messages means: which rows are new, where each lane stands, what to answer.

Pure decisions over what the database knows; `service` commits them in one transaction.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from federation.custody import receiver
from federation.messages import Ack, Batch, Hello, Lane

LONGEST_EPOCH = 64
HIGHEST_SEQUENCE = 2**62  # a database integer has 63 bits

Message = Hello | Batch


@dataclass(frozen=True, kw_only=True, order=True)
class LaneKey:
    """One outbox lane of one node since its outbox was created."""

    node_id: str
    epoch: str
    lane: Lane

    @classmethod
    def of(cls, message: Message) -> "LaneKey":
        """Return the lane that a hello or a batch belongs to."""
        return cls(node_id=message.node_id, epoch=message.epoch, lane=message.lane)


@dataclass(frozen=True, kw_only=True)
class Row:
    """One accepted row of an outbox with its place there."""

    key: LaneKey
    sequence: int
    body: dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Cursor:
    """How far a lane is committed, and the sender's fingerprint of the row where it ends."""

    upto: int = 0
    mark: str = ""


@dataclass(frozen=True, kw_only=True)
class Lost:
    """Rows that a lane lost for ever: first and last, inclusive, and a short code that says why."""

    key: LaneKey
    first: int
    last: int
    reason: str


@dataclass(kw_only=True)
class Intake:
    """Everything one transaction commits, and the acknowledgements to send after it."""

    rows: dict[Lane, list[Row]] = field(default_factory=dict)
    losses: list[Lost] = field(default_factory=list)
    cursors: dict[LaneKey, Cursor] = field(default_factory=dict)
    acks: dict[LaneKey, Ack] = field(default_factory=dict)


def is_sound(message: Message) -> bool:
    """Tell whether texts and sequence numbers fit the database; what does not fit is no message of ours."""
    highest = message.next if isinstance(message, Hello) else message.last
    texts = [message.epoch]
    if isinstance(message, Batch):
        texts += [message.mark, message.tombstone.reason if message.tombstone else ""]
    return (
        0 < len(message.epoch) <= LONGEST_EPOCH and highest <= HIGHEST_SEQUENCE and not any("\x00" in t for t in texts)
    )


def take_in(cursors: Mapping[LaneKey, Cursor], messages: Iterable[Message]) -> Intake:
    """Judge messages in order of arrival; `cursors` says what is committed of the lanes that are known."""
    intake = Intake()
    for message in messages:
        key = LaneKey.of(message)
        cursor = intake.cursors.get(key) or cursors.get(key) or Cursor()
        if isinstance(message, Hello):
            verdict = receiver.greet(cursor.upto, message)
            mark = cursor.mark if verdict.upto == cursor.upto else ""
        else:
            verdict = receiver.receive(cursor.upto, message)
            mark = cursor.mark if verdict.upto == cursor.upto else message.mark
            intake.rows.setdefault(key.lane, []).extend(_new_rows(key, message, verdict))
        intake.losses.extend(Lost(key=key, first=gap.first, last=gap.last, reason=gap.reason) for gap in verdict.gaps)
        intake.cursors[key] = Cursor(upto=verdict.upto, mark=mark)
        intake.acks[key] = Ack(epoch=key.epoch, lane=key.lane, upto=verdict.upto, nak=verdict.nak, mark=mark)
    return intake


def _new_rows(key: LaneKey, batch: Batch, verdict: receiver.Verdict) -> Iterable[Row]:
    if verdict.nak:
        return
    for index, body in enumerate(batch.rows):
        if index >= verdict.skip:
            yield Row(key=key, sequence=batch.first + index, body=body)
