"""The disk of the recordings: how much may be written, and when writing must pause."""

import shutil
from dataclasses import dataclass
from pathlib import Path

ROOM_SHARE = 1.02  # of the floor is made free, so that recording does not pause again at once
OVER_SHARE = 1.05  # of `most_bytes` may be held while everything is locked


@dataclass(frozen=True, kw_only=True)
class Limits:
    """`most_bytes` of recordings, 0 for as many as fit; `floor_bytes` of the disk always stay free."""

    most_bytes: int
    floor_bytes: int


@dataclass(frozen=True, kw_only=True)
class Space:
    """What the disk has free, and what the recordings hold, in bytes."""

    free_bytes: int
    held_bytes: int


def measure(folder: Path, held_bytes: int) -> Space:
    """Return the present space; blocks."""
    return Space(free_bytes=shutil.disk_usage(folder).free, held_bytes=held_bytes)


def excess_bytes(space: Space, limits: Limits) -> int:
    """Return how many bytes should be removed; not above 0: none."""
    over_floor = round(limits.floor_bytes * ROOM_SHARE) - space.free_bytes
    return max(over_floor, space.held_bytes - limits.most_bytes) if limits.most_bytes else over_floor


def pause(space: Space, limits: Limits) -> str:
    """Return why recording must pause now, empty if it need not."""
    if space.free_bytes < limits.floor_bytes:
        return f"disk_full: {space.free_bytes >> 20} MiB are free, {limits.floor_bytes >> 20} MiB must stay free"
    if limits.most_bytes and space.held_bytes > limits.most_bytes * OVER_SHARE:
        return f"quota_full: {space.held_bytes >> 20} MiB are held, all locked; unlock some or raise recordings.bytes"
    return ""
