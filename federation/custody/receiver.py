"""The receiving half: what a hello or batch means for the cursor of its lane."""

from dataclasses import dataclass

from federation.messages import Batch, Hello, PastEpoch

EXPIRED = "expired"  # the hub had them once and has lost them; the sender kept them for as long as it promised
REPLACED = "replaced"  # they went with the sender's database, before any hub had them
UNCERTAIN = "uncertain"  # if they were given at all, they went with it too: nobody can tell
UNKNOWN = "unknown"  # the sender does not know either: its outbox was damaged


@dataclass(frozen=True, kw_only=True)
class Gap:
    """Rows that the hub never gets: first and last, inclusive, and a short code that says why."""

    first: int
    last: int
    reason: str = UNKNOWN


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What to commit in one transaction: rows from index `skip` on, the new cursor and any gaps."""

    upto: int
    skip: int = 0
    accepted: int = 0
    nak: bool = False
    gaps: tuple[Gap, ...] = ()


def greet(cursor: int, hello: Hello) -> Verdict:
    """Judge a hello against the highest sequence number that the hub has committed.

    A sender whose oldest row lies beyond the cursor has lost rows: gaps are recorded and passed.
    """
    return _passed(cursor, hello.base - 1, acknowledged=hello.acknowledged, otherwise=UNKNOWN)


def outlive(cursor: int, past: PastEpoch) -> Verdict:
    """Judge an epoch that is over against the highest number of it that the hub has committed: the rest never comes."""
    known = _passed(cursor, past.produced, acknowledged=past.acknowledged, otherwise=REPLACED)
    if past.reserved <= known.upto:
        return known
    perhaps = Gap(first=known.upto + 1, last=past.reserved, reason=UNCERTAIN)
    return Verdict(upto=past.reserved, gaps=(*known.gaps, perhaps))


def _passed(cursor: int, last: int, *, acknowledged: int, otherwise: str) -> Verdict:
    """Give up what lies behind the cursor, up to `last`; the hub once had what it had `acknowledged`."""
    first = cursor + 1
    if last < first:
        return Verdict(upto=cursor)
    known = min(last, acknowledged)
    gaps = []
    if first <= known:
        gaps.append(Gap(first=first, last=known, reason=EXPIRED))
    if known < last:
        gaps.append(Gap(first=max(first, known + 1), last=last, reason=otherwise))
    return Verdict(upto=last, gaps=tuple(gaps))


def receive(cursor: int, batch: Batch) -> Verdict:
    """Judge a batch: take what is new, acknowledge a repeat again, refuse what leaves a hole."""
    if batch.first > cursor + 1:
        return Verdict(upto=cursor, nak=True)
    if batch.last <= cursor:
        return Verdict(upto=cursor, skip=len(batch.rows))
    if batch.tombstone is not None:
        gap = Gap(first=cursor + 1, last=batch.last, reason=batch.tombstone.reason)
        return Verdict(upto=batch.last, gaps=(gap,))
    skip = cursor + 1 - batch.first
    return Verdict(upto=batch.last, skip=skip, accepted=len(batch.rows) - skip)
