"""What a run of custody messages means: which rows are new, where each lane stands, what to answer.

Pure decisions over what the database knows; `ingest` commits them in one transaction.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from federation.custody import receiver
from federation.messages import Ack, Batch, Event, Hello, Lane

LONGEST_EPOCH = 64
HIGHEST_SEQUENCE = 2**62  # a database integer has 63 bits
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")

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
class Lost:
    """Rows that a lane lost for ever: first and last, inclusive; `by_quota` if the box dropped them knowingly."""

    key: LaneKey
    first: int
    last: int
    by_quota: bool


@dataclass(kw_only=True)
class Intake:
    """Everything one transaction commits, and the acknowledgements to send after it."""

    rows: list[Row] = field(default_factory=list)
    losses: list[Lost] = field(default_factory=list)
    cursors: dict[LaneKey, int] = field(default_factory=dict)
    acks: dict[LaneKey, Ack] = field(default_factory=dict)


def is_sound(message: Message) -> bool:
    """Tell whether epoch and sequence numbers fit the database; what does not fit is no message of ours."""
    highest = message.next if isinstance(message, Hello) else message.last
    return 0 < len(message.epoch) <= LONGEST_EPOCH and "\x00" not in message.epoch and highest <= HIGHEST_SEQUENCE


def take_in(cursors: Mapping[LaneKey, int], messages: Iterable[Message]) -> Intake:
    """Judge messages in order of arrival; `cursors` says what is committed, 0 where a lane is new."""
    intake = Intake()
    for message in messages:
        key = LaneKey.of(message)
        cursor = intake.cursors.get(key, cursors.get(key, 0))
        verdict = receiver.greet(cursor, message) if isinstance(message, Hello) else receiver.receive(cursor, message)
        if isinstance(message, Batch):
            intake.rows.extend(_new_rows(key, message, verdict))
        intake.losses.extend(
            Lost(key=key, first=gap.first, last=gap.last, by_quota=gap.by_quota) for gap in verdict.gaps
        )
        intake.cursors[key] = verdict.upto
        intake.acks[key] = Ack(epoch=key.epoch, lane=key.lane, upto=verdict.upto, nak=verdict.nak)
    return intake


def read_event(row: Row) -> Event | str:
    """Return the row as an event of its own node, or one sentence that says why it is none."""
    try:
        event = Event.model_validate(row.body)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
    if event.source != row.key.node_id:
        return f"source: {event.source} is not the node that sent it"
    if _UUID.fullmatch(event.id) is None:
        return "id: not a UUID"
    return _unstorable(event) or event


def _unstorable(event: Event) -> str | None:
    for name, text, longest in (
        ("type", event.type, 128),
        ("data.task_id", event.data.task_id, 64),
        ("data.algorithm_id", event.data.algorithm_id, 128),
    ):
        if len(text) > longest or "\x00" in text:
            return f"{name}: longer than {longest} characters, or with a NUL"
    return None


def _new_rows(key: LaneKey, batch: Batch, verdict: receiver.Verdict) -> Iterable[Row]:
    if verdict.nak:
        return
    for index, body in enumerate(batch.rows):
        if index >= verdict.skip:
            yield Row(key=key, sequence=batch.first + index, body=body)
