"""Which fault comes next: drawn from a seed, so that a run can be made again."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What can go wrong. Those of `ON_A_BOX` strike one box, the others the hub's side."""

    KILL_HUB = "kill_hub"
    KILL_BROKER = "kill_broker"
    KILL_HUB_AND_BROKER = "kill_hub_and_broker"
    KILL_AGENT = "kill_agent"
    LINK_CUT = "link_cut"
    LINK_HALF_OPEN = "link_half_open"
    LINK_SLOW = "link_slow"
    CLOCK_JUMP = "clock_jump"
    DISK_FULL = "disk_full"
    HUB_RESTORED = "hub_restored"


WEIGHTS = {
    Kind.KILL_HUB: 3,
    Kind.KILL_BROKER: 3,
    Kind.KILL_HUB_AND_BROKER: 3,
    Kind.KILL_AGENT: 4,
    Kind.LINK_CUT: 4,
    Kind.LINK_HALF_OPEN: 3,
    Kind.LINK_SLOW: 2,
    Kind.CLOCK_JUMP: 2,
    Kind.DISK_FULL: 2,
    Kind.HUB_RESTORED: 1,
}
SHORTEST_S, LONGEST_S = 0.3, 3.0
DAY_S = 86_400


@dataclass(frozen=True, kw_only=True)
class Fault:
    """One fault: `box` is the index of the box that it strikes, `lasts_s` what heals after a while."""

    kind: Kind
    box: int
    lasts_s: float
    clock_s: int = 0


def draw(seed: int, *, faults: int, boxes: int, kinds: Sequence[Kind] = tuple(Kind)) -> list[Fault]:
    """Return the faults of a run in order; every kind comes at least once if there are enough of them."""
    dice = random.Random(seed)  # noqa: S311 - it must be repeatable, not secret
    once = list(kinds)[:faults]
    rest = dice.choices(list(kinds), [WEIGHTS[kind] for kind in kinds], k=faults - len(once))
    drawn = [*once, *rest]
    dice.shuffle(drawn)
    return [
        Fault(
            kind=kind,
            box=dice.randrange(boxes),
            lasts_s=round(dice.uniform(SHORTEST_S, LONGEST_S), 2),
            clock_s=dice.choice((-DAY_S, DAY_S)) if kind is Kind.CLOCK_JUMP else 0,
        )
        for kind in drawn
    ]
