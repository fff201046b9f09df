"""Decisions of a transfer: which chunk next, from whom, what an older version saves, and what room it takes."""

import hashlib
import random
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from federation.artifacts.bitmap import Bitmap
from federation.artifacts.manifest import ArtifactManifest

SPACE_FACTOR = 2
"""A transfer begins with twice its size free: a box whose disk is full is hard to help from afar."""

TURN_S = 10.0
LONGEST_TURN_S = 60.0


def next_chunk(
    held: Bitmap, *, busy: Collection[int], offered: Bitmap | None, elsewhere: Sequence[Bitmap], chance: random.Random
) -> int | None:
    """Return a chunk to fetch next, or None if there is none for this source.

    `busy` are on their way already, `offered` is what the source has (None: all), `elsewhere` what other sources
    that cost less have: those are left to them. Chance keeps the boxes of a site from fetching the same ones.
    """
    wanted = [
        index
        for index in held.missing()
        if index not in busy
        and (offered is None or offered.has(index))
        and not any(other.has(index) for other in elsewhere)
    ]
    return chance.choice(wanted) if wanted else None


def reusable(manifest: ArtifactManifest, bases: Iterable[ArtifactManifest]) -> Mapping[int, tuple[str, int]]:
    """Return where chunks of the new artifact lie in older ones: by its index, digest of the base and index there.

    Chunks have fixed bounds, so what was inserted or removed in front moves all that follows out of reach.
    """
    known: dict[tuple[str, str, int], tuple[str, int]] = {}
    for base in bases:
        for index in range(base.chunk_count):
            key = (base.sha256[index], base.sm3[index], base.length_bytes(index))
            known.setdefault(key, (base.digest, index))
    found = {}
    for index in range(manifest.chunk_count):
        place = known.get((manifest.sha256[index], manifest.sm3[index], manifest.length_bytes(index)))
        if place is not None:
            found[index] = place
    return found


def hub_after_s(node_id: str, neighbours: Iterable[str], digest: str, *, turn_s: float = TURN_S) -> float:
    """Return how long this box waits for its neighbours before it asks the hub: 0 for one box of a site.

    All boxes of a site order themselves alike, another order for each artifact, so that the way to the hub
    carries it about once; when the first is stuck, the next goes.
    """
    mine = _lot(node_id, digest)
    turn = sum(_lot(other, digest) < mine for other in neighbours if other != node_id)
    return min(turn * turn_s, LONGEST_TURN_S)


def space_lacking_bytes(*, size_bytes: int, held_bytes: int, free_bytes: int) -> int:
    """Return how many bytes of disk must be freed before an artifact of that size may come; 0 for none.

    `held_bytes` of it are on the disk already.
    """
    return max(0, SPACE_FACTOR * size_bytes - held_bytes - free_bytes)


@dataclass(frozen=True, kw_only=True)
class Kept:
    """An artifact on the disk of a box; `used_at` orders them by when they were wanted last."""

    digest: str
    kind: str
    name: str
    size_bytes: int
    used_at: float


def expendable(kept: Iterable[Kept], *, wanted: Collection[str], bases: Collection[tuple[str, str]]) -> list[Kept]:
    """Return what may go to make room, the first first: nothing that is wanted, what a delta needs last.

    `bases` are the kinds and names of artifacts on their way, for which an older version saves bytes.
    """
    unwanted = [item for item in kept if item.digest not in wanted]
    return sorted(unwanted, key=lambda item: ((item.kind, item.name) in bases, item.used_at))


def _lot(node_id: str, digest: str) -> bytes:
    return hashlib.sha256(f"{digest} {node_id}".encode()).digest()
