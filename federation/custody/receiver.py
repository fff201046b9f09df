"""The receiving half: what a hello or batch means for the cursor of its lane."""

from dataclasses import dataclass

from federation.messages import Batch, Hello


@dataclass(frozen=True, kw_only=True)
class Gap:
    """Rows that the sender no longer holds and the hub never got: first and last, inclusive."""

    first: int
    last: int


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What to commit in one transaction: rows from index `skip` on, the new cursor and any gap."""

    upto: int
    skip: int = 0
    accepted: int = 0
    nak: bool = False
    gap: Gap | None = None


def greet(cursor: int, hello: Hello) -> Verdict:
    """Judge a hello against the highest sequence number that the hub has committed.

    A sender whose oldest row lies beyond the cursor has lost rows: a gap is recorded and passed.
    """
    if hello.base > cursor + 1:
        return Verdict(upto=hello.base - 1, gap=Gap(first=cursor + 1, last=hello.base - 1))
    return Verdict(upto=cursor)


def receive(cursor: int, batch: Batch) -> Verdict:
    """Judge a batch: take what is new, acknowledge a repeat again, refuse what leaves a hole."""
    if batch.first > cursor + 1:
        return Verdict(upto=cursor, nak=True)
    if batch.last <= cursor:
        return Verdict(upto=cursor, skip=len(batch.rows))
    skip = cursor + 1 - batch.first
    return Verdict(upto=batch.last, skip=skip, accepted=len(batch.rows) - skip)
