"""Which fault comes next: drawn from a seed, so that a run can be made again."""

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from hil_tests.network.weather import Sky


class Kind(StrEnum):
    """What can go wrong: with the hub's side, with one box, or with everything at once."""

    KILL_HUB = "kill_hub"
    KILL_BROKER = "kill_broker"
    KILL_CLUSTER_NODE = "kill_cluster_node"
    KILL_HUB_AND_BROKER = "kill_hub_and_broker"
    KILL_AGENT = "kill_agent"
    POWER_CUT = "power_cut"
    LINK_CUT = "link_cut"
    LINK_HALF_OPEN = "link_half_open"
    LINK_DEAF = "link_deaf"
    LINK_MUTE = "link_mute"
    LINK_SLOW = "link_slow"
    LINK_LOSSY = "link_lossy"
    BROKER_UNREACHED = "broker_unreached"
    CLOCK_JUMP = "clock_jump"
    DISK_FULL = "disk_full"
    HUB_RESTORED = "hub_restored"


WEIGHTS = {
    Kind.KILL_HUB: 3,
    Kind.KILL_BROKER: 3,
    Kind.KILL_CLUSTER_NODE: 3,
    Kind.KILL_HUB_AND_BROKER: 3,
    Kind.KILL_AGENT: 4,
    Kind.POWER_CUT: 2,
    Kind.LINK_CUT: 3,
    Kind.LINK_HALF_OPEN: 3,
    Kind.LINK_DEAF: 2,
    Kind.LINK_MUTE: 2,
    Kind.LINK_SLOW: 2,
    Kind.LINK_LOSSY: 3,
    Kind.BROKER_UNREACHED: 2,
    Kind.CLOCK_JUMP: 2,
    Kind.DISK_FULL: 2,
    Kind.HUB_RESTORED: 1,
}
SKIES = {
    Kind.LINK_CUT: Sky.CUT,
    Kind.LINK_HALF_OPEN: Sky.SILENT,
    Kind.LINK_DEAF: Sky.DEAF,
    Kind.LINK_MUTE: Sky.MUTE,
    Kind.LINK_SLOW: Sky.SLOW,
    Kind.LINK_LOSSY: Sky.LOSSY,
    Kind.BROKER_UNREACHED: Sky.SILENT,
}
ONE_BROKER = tuple(kind for kind in Kind if kind is not Kind.KILL_CLUSTER_NODE)
CLUSTER = tuple(kind for kind in Kind if kind is not Kind.KILL_BROKER)
SHORTEST_S, LONGEST_S = 0.3, 3.0
LONG_SHARE, LONG_S = 0.05, 13.0  # longer than MQTT needs to notice a dead link, and a box bears a full disk
LEAST_LOSS_PERCENT, MOST_LOSS_PERCENT = 2, 20
TOGETHER_SHARE, TOGETHER_WITHIN_S = 0.25, 0.5
DAY_S = 86_400


@dataclass(frozen=True, kw_only=True)
class Fault:
    """One fault: `box` is the index of the box that it strikes, `lasts_s` what heals after a while."""

    kind: Kind
    box: int
    lasts_s: float
    after_s: float = 0.0
    clock_s: int = 0
    loss_percent: int = 0

    def meets(self, other: "Fault") -> bool:
        """Tell whether the two change the same thing, so that one's end would be the other's."""
        if self.kind in {Kind.BROKER_UNREACHED, Kind.HUB_RESTORED}:
            return self.kind is other.kind
        if self.box != other.box:
            return False
        on_a_line = self.kind in SKIES and other.kind in SKIES and other.kind is not Kind.BROKER_UNREACHED
        return on_a_line or self.kind is other.kind


Stroke = tuple[Fault, ...]
"""One fault, or two that overlap."""


def draw(seed: int, *, faults: int, boxes: int, kinds: Sequence[Kind] = ONE_BROKER) -> list[Stroke]:
    """Return the faults of a run in order, some of them two at once.

    Every kind comes at least once if there are enough faults.
    """
    dice = random.Random(seed)  # noqa: S311 - it must be repeatable, not secret
    once = list(kinds)[:faults]
    rest = dice.choices(list(kinds), [WEIGHTS[kind] for kind in kinds], k=faults - len(once))
    drawn = [*once, *rest]
    dice.shuffle(drawn)
    return _together([_fault(kind, dice, boxes) for kind in drawn], dice)


def _fault(kind: Kind, dice: random.Random, boxes: int) -> Fault:
    long = dice.random() < LONG_SHARE and (kind in SKIES or kind is Kind.DISK_FULL)
    return Fault(
        kind=kind,
        box=dice.randrange(boxes),
        lasts_s=LONG_S if long else round(dice.uniform(SHORTEST_S, LONGEST_S), 2),
        after_s=round(dice.uniform(0, TOGETHER_WITHIN_S), 2),
        clock_s=dice.choice((-DAY_S, DAY_S)) if kind is Kind.CLOCK_JUMP else 0,
        loss_percent=dice.randint(LEAST_LOSS_PERCENT, MOST_LOSS_PERCENT) if kind is Kind.LINK_LOSSY else 0,
    )


def _together(faults: Iterable[Fault], dice: random.Random) -> list[Stroke]:
    strokes: list[Stroke] = []
    for fault in faults:
        joins = dice.random() < TOGETHER_SHARE
        if joins and strokes and len(strokes[-1]) == 1 and not fault.meets(strokes[-1][0]):
            strokes[-1] = (*strokes[-1], fault)
        else:
            strokes.append((fault,))
    return strokes
