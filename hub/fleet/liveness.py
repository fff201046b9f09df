"""Whether a node lives: what the hub concludes from words, silence, witnesses and operators. Pure decisions.

    online ──silent, or its link was lost──▶ suspect ──asked about──▶ unknown: cut off, or nobody can tell
       ▲                                        │  ▲                    │
       └──────────────── it speaks ─────────────┴──┴───── dead ◀────────┘  a witness denies it, or an operator says so

Only a dead node may lose its tasks against its will: whoever is merely cut off goes on working.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

MOST_WITNESSES = 3


class Condition(StrEnum):
    """What is held of a node."""

    ONLINE = "online"
    SUSPECT = "suspect"
    UNKNOWN = "unknown"
    DEAD = "dead"


class Cause(StrEnum):
    """Why it is held."""

    SPOKE = "spoke"
    LINK_LOST = "link_lost"  # the broker spoke its will, or it said goodbye
    SILENT = "silent"
    REACHED = "reached"  # by a witness
    DENIED = "denied"  # by every witness that answered
    NO_TESTIMONY = "no_testimony"  # witnesses were asked and did not answer
    NO_WITNESS = "no_witness"  # no other node stands at its site
    SITE_SILENT = "site_silent"  # there are others, and none of them is online
    NO_ADDRESS = "no_address"  # it never said where a neighbour could find it
    OPERATOR = "operator"


@dataclass(frozen=True, kw_only=True)
class Life:
    """What is held of one node since when; `witnesses` are those whose word counted, `by` the operator's name."""

    condition: Condition
    cause: Cause
    since: datetime
    witnesses: tuple[str, ...] = ()
    by: str = ""

    def spoke(self, now: datetime) -> "Life":
        """Return the life of a node that has just spoken for itself."""
        if self.condition is Condition.ONLINE:
            return self
        return Life(condition=Condition.ONLINE, cause=Cause.SPOKE, since=now)

    def quiet(self, cause: Cause, now: datetime) -> "Life":
        """Return the life of a node whose link was lost or that has been silent for too long."""
        if self.condition is not Condition.ONLINE:
            return self
        return Life(condition=Condition.SUSPECT, cause=cause, since=now)

    def examined(self, findings: "Findings", now: datetime) -> "Life":
        """Return the life after neighbours were asked; what came too late, or against an operator, changes nothing."""
        if self.condition is Condition.ONLINE or self.cause is Cause.OPERATOR:
            return self
        condition, cause, witnesses = findings.conclusion()
        if self.condition is Condition.DEAD and cause not in {Cause.REACHED, Cause.DENIED}:
            return self  # what was testified stands until somebody testifies otherwise
        since = self.since if condition is self.condition else now
        return Life(condition=condition, cause=cause, since=since, witnesses=witnesses)

    def declared(self, *, dead: bool, by: str, now: datetime) -> "Life":
        """Return the life after an operator's word, which stands until the node speaks or another word is given."""
        condition = Condition.DEAD if dead else Condition.UNKNOWN
        return replace(self, condition=condition, cause=Cause.OPERATOR, since=now, witnesses=(), by=by)


@dataclass(frozen=True, kw_only=True)
class Findings:
    """What came of asking about a node: `obstacle` if nobody could be asked, else who reached it and who did not."""

    obstacle: Cause | None = None
    reached: tuple[str, ...] = ()
    denied: tuple[str, ...] = ()

    def conclusion(self) -> tuple[Condition, Cause, tuple[str, ...]]:
        """Return what follows: one neighbour that reaches the node outweighs all that do not."""
        if self.obstacle is not None:
            return Condition.UNKNOWN, self.obstacle, ()
        if self.reached:
            return Condition.UNKNOWN, Cause.REACHED, self.reached
        if self.denied:
            return Condition.DEAD, Cause.DENIED, self.denied
        return Condition.UNKNOWN, Cause.NO_TESTIMONY, ()


@dataclass(frozen=True, kw_only=True)
class Neighbour:
    """A node as far as it matters to who can ask after whom."""

    id: str
    site: str
    online: bool
    boot_id: str
    probe_urls: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Summons:
    """Who is asked, about which addresses; nobody, and then the obstacle."""

    witnesses: tuple[str, ...] = ()
    urls: Mapping[str, tuple[str, ...]]
    obstacle: Cause | None = None


def summon(node: Neighbour, others: Iterable[Neighbour], asked_last: Collection[str] = ()) -> Summons:
    """Return who can be asked about `node`: online neighbours of its site, those not `asked_last` first.

    A loopback address says something only to who runs on the same machine.
    """
    site = [other for other in others if other.site == node.site and other.id != node.id]
    if not node.site or not site:
        return Summons(urls={}, obstacle=Cause.NO_WITNESS)
    online = [other for other in site if other.online]
    if not online:
        return Summons(urls={}, obstacle=Cause.SITE_SILENT)
    urls = {other.id: _urls_for(node, other) for other in online}
    able = sorted((key for key, found in urls.items() if found), key=lambda key: (key in asked_last, key))
    if not able:
        return Summons(urls={}, obstacle=Cause.NO_ADDRESS)
    chosen = tuple(able[:MOST_WITNESSES])
    return Summons(witnesses=chosen, urls={key: urls[key] for key in chosen})


def may_move(life: Life, *, silent_s: float, move_after_s: float, fence_after_s: float | None, grace_s: float) -> bool:
    """Tell whether a task may leave a node that has not been heard for `silent_s` seconds.

    Only if the node is dead, or the task has certainly fenced itself; never while a whole site is silent. A person
    who declares a node dead need not wait.
    """
    if life.condition is Condition.DEAD and life.cause is Cause.OPERATOR:
        return True
    if silent_s < move_after_s:
        return False
    if life.condition is Condition.DEAD:
        return True
    fenced = fence_after_s is not None and silent_s >= fence_after_s + grace_s
    return life.condition is Condition.UNKNOWN and life.cause is not Cause.SITE_SILENT and fenced


def _urls_for(node: Neighbour, witness: Neighbour) -> tuple[str, ...]:
    same_machine = bool(node.boot_id) and node.boot_id == witness.boot_id
    return tuple(url for url in node.probe_urls if same_machine or not _is_loopback(url))


def _is_loopback(url: str) -> bool:
    host = url.split("//", 1)[1]
    return host.startswith(("127.", "[::1]"))


def findings_of(witnesses: Sequence[str], answers: Mapping[str, bool]) -> Findings:
    """Return what the witnesses that answered found; `answers` says who reached the node."""
    said = {witness: answers[witness] for witness in witnesses if witness in answers}
    return Findings(
        reached=tuple(witness for witness, reached in said.items() if reached),
        denied=tuple(witness for witness, reached in said.items() if not reached),
    )
