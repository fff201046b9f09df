"""What a run of custody messages means: which rows are new, where each lane stands, what to answer.

Pure decisions over what the database knows; `service` commits them in one transaction.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from pydantic_core import from_json

from federation.custody import receiver
from federation.custody.any_order import Standing, arrive
from federation.custody.ranges import Ranges
from federation.messages import ACKED_SPANS, HIGHEST_SEQUENCE, Ack, Batch, Hello, Lane

LONGEST_EPOCH = 64

Message = Hello | Batch


class LaneKey(NamedTuple):
    """One outbox lane of one node since its outbox was created.

    A tuple, because it is made and looked up many times for each message, and that costs a tuple a fifth.
    """

    node_id: str
    epoch: str
    lane: Lane

    @classmethod
    def of(cls, message: Message) -> "LaneKey":
        """Return the lane that a hello or a batch belongs to."""
        return cls(message.node_id, message.epoch, message.lane)


class Row(NamedTuple):
    """One accepted row of an outbox with its place there; `again` if a row of that number came before, by a file.

    `text` should be a JSON object, but nobody has looked at it yet.
    """

    key: LaneKey
    sequence: int
    text: str
    again: bool = False

    @property
    def type(self) -> str:
        """The `type` that the row gives itself, empty if it gives none."""
        try:
            said: Any = from_json(self.text)
        except ValueError:
            return ""
        kind = said.get("type") if isinstance(said, dict) else None
        return kind if isinstance(kind, str) else ""


@dataclass(frozen=True, kw_only=True)
class Lost:
    """Rows that a lane lost for ever: first and last, inclusive, and a short code that says why."""

    key: LaneKey
    first: int
    last: int
    reason: str


@dataclass(kw_only=True)
class Intake:
    """Everything one transaction commits, and the acknowledgements to send after it.

    `outlived` are lanes whose epoch is over, and of which the hub lacked something until now.
    """

    rows: dict[Lane, list[Row]] = field(default_factory=dict)
    losses: list[Lost] = field(default_factory=list)
    cursors: dict[LaneKey, Standing] = field(default_factory=dict)
    outlived: set[LaneKey] = field(default_factory=set)
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


def take_in(cursors: Mapping[LaneKey, Standing], messages: Iterable[Message], *, any_order: bool = False) -> Intake:
    """Judge messages in order of arrival; `cursors` says where the lanes that are known stand.

    With `any_order` the messages come by files: nothing is refused for what is missing before it.
    """
    intake = Intake()
    for message in messages:
        key = LaneKey.of(message)
        standing = intake.cursors.get(key) or cursors.get(key) or Standing()
        nak = False
        if isinstance(message, Hello):
            _give_up_past(intake, cursors, message)
            verdict = receiver.greet(standing.upto, message)
            after = standing if verdict.upto == standing.upto else standing.passed(verdict.upto, "")
            gaps = _not_on_islands(verdict.gaps, standing)
        elif any_order:
            arrival = arrive(standing, message)
            after, gaps = arrival.standing, arrival.gaps
            intake.rows.setdefault(key.lane, []).extend(_all_rows(key, message, arrival.fresh))
        else:
            verdict = receiver.receive(standing.upto, message)
            after = standing if verdict.upto == standing.upto else standing.passed(verdict.upto, message.mark)
            gaps, nak = _not_on_islands(verdict.gaps, standing), verdict.nak
            intake.rows.setdefault(key.lane, []).extend(_new_rows(key, message, verdict))
        intake.losses.extend(Lost(key=key, first=gap.first, last=gap.last, reason=gap.reason) for gap in gaps)
        intake.cursors[key] = after
        intake.acks[key] = ack_of(key, after, nak=nak)
    return intake


def keys_of(messages: Iterable[Message]) -> set[LaneKey]:
    """Return the lanes that messages speak of, in whichever epoch."""
    keys = {LaneKey.of(message) for message in messages}
    return keys.union(*(_past_keys(message) for message in messages if isinstance(message, Hello)))


def _past_keys(hello: Hello) -> list[LaneKey]:
    return [LaneKey(node_id=hello.node_id, epoch=past.epoch, lane=hello.lane) for past in hello.past]


def _give_up_past(intake: Intake, cursors: Mapping[LaneKey, Standing], hello: Hello) -> None:
    """Record what the hub lacks of epochs that are over."""
    for key, past in zip(_past_keys(hello), hello.past, strict=True):
        standing = intake.cursors.get(key) or cursors.get(key) or Standing()
        verdict = receiver.outlive(standing.upto, past)
        if verdict.upto == standing.upto:
            continue
        gaps = _not_on_islands(verdict.gaps, standing)
        intake.losses.extend(Lost(key=key, first=gap.first, last=gap.last, reason=gap.reason) for gap in gaps)
        intake.cursors[key] = standing.passed(verdict.upto, "")
        intake.outlived.add(key)


def ack_of(key: LaneKey, standing: Standing, *, nak: bool = False) -> Ack:
    """Return what to tell the sender of a lane."""
    beyond = tuple((island.first, island.last) for island in standing.islands[:ACKED_SPANS])
    return Ack(epoch=key.epoch, lane=key.lane, upto=standing.upto, nak=nak, mark=standing.mark, beyond=beyond)


def _not_on_islands(gaps: Iterable[receiver.Gap], standing: Standing) -> tuple[receiver.Gap, ...]:
    """Return the parts of gaps that did not come by a file."""
    come = Ranges.of((island.first, island.last) for island in standing.islands)
    return tuple(
        replace(gap, first=first, last=last) for gap in gaps for first, last in come.missing(gap.first, gap.last)
    )


def _all_rows(key: LaneKey, batch: Batch, fresh: frozenset[int]) -> Iterable[Row]:
    """Give every row: those that came before are told apart by what they say, not by their number.

    A box that was restored from a backup may have given the same number twice, and no answer can tell it so.
    """
    for sequence, text in enumerate(batch.rows, batch.first):
        yield Row(key=key, sequence=sequence, text=text, again=sequence not in fresh)


def _new_rows(key: LaneKey, batch: Batch, verdict: receiver.Verdict) -> Iterable[Row]:
    if verdict.nak:
        return
    for sequence, text in enumerate(batch.rows[verdict.skip :], batch.first + verdict.skip):
        yield Row(key=key, sequence=sequence, text=text)
