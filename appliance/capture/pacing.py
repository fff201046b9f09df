"""How fast snapshots may begin (抓拍限流): token buckets of the box, of devices and links, as plain values.

A bucket holds at most `burst` tokens and gains `per_s` of them a second; to begin costs one of every bucket that a
snapshot passes. Times are seconds of one monotonic clock.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

ENOUGH = 1.0 - 1e-9  # so that sums of small shares are not found wanting


@dataclass(frozen=True, kw_only=True)
class Rate:
    """How many may begin in a second, and how many at once after a pause."""

    per_s: float
    burst: float = 1.0


class Gate(NamedTuple):
    """A bucket by its name, with the rate at which it is filled."""

    name: str
    rate: Rate


class Bucket(NamedTuple):
    """What a bucket held at a moment."""

    tokens: float
    at_s: float


Levels = Mapping[str, Bucket]
"""The buckets by name; one that is not named is full."""


def tokens(levels: Levels, gate: Gate, now_s: float) -> float:
    """Return what a bucket holds now."""
    bucket = levels.get(gate.name)
    if bucket is None:
        return gate.rate.burst
    return min(gate.rate.burst, bucket.tokens + max(0.0, now_s - bucket.at_s) * gate.rate.per_s)


def wait_s(levels: Levels, gates: Iterable[Gate], now_s: float) -> float:
    """Return for how long nothing may pass these gates, 0 if it may now."""
    return max((_lack_s(levels, gate, now_s) for gate in gates), default=0.0)


def passed(levels: Levels, gates: Iterable[Gate], now_s: float) -> dict[str, Bucket]:
    """Return what the buckets of these gates hold after something has passed them."""
    return {gate.name: Bucket(tokens(levels, gate, now_s) - 1.0, now_s) for gate in gates}


def not_full(levels: Levels, gates: Mapping[str, Rate], now_s: float) -> dict[str, Bucket]:
    """Return the buckets that are worth remembering; `gates` says how each is filled."""
    return {
        name: bucket
        for name, bucket in levels.items()
        if name in gates and tokens(levels, Gate(name, gates[name]), now_s) < gates[name].burst
    }


def _lack_s(levels: Levels, gate: Gate, now_s: float) -> float:
    lack = ENOUGH - tokens(levels, gate, now_s)
    return lack / gate.rate.per_s if lack > 0.0 else 0.0
