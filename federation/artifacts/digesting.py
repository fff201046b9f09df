"""Making the manifest of a file, with no more of it in memory than a piece."""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from federation.artifacts.errors import BadManifest
from federation.artifacts.manifest import CHUNK_BYTES, LARGEST_BYTES, ArtifactManifest

PIECE_BYTES = 256 * 2**10


@dataclass(frozen=True, kw_only=True)
class Label:
    """What an artifact is: its kind, and the name and version within that kind."""

    kind: str
    name: str
    version: str = ""
    profiles: tuple[str, ...] = ()


def describe(
    path: Path, label: Label, *, noted: Callable[[int], None], chunk_bytes: int = CHUNK_BYTES
) -> ArtifactManifest:
    """Return the manifest of the file at `path`; reads it once, so it runs on a thread.

    `noted` is called after every chunk with the bytes read so far; what it raises ends the work.
    Raises OSError, and BadManifest for an empty file or one that is larger than an artifact may be.
    """
    whole = hashlib.sha256()
    sha256: list[str] = []
    sm3: list[str] = []
    with path.open("rb") as file:
        size_bytes = file.seek(0, 2)
        if not 1 <= size_bytes <= LARGEST_BYTES:
            raise BadManifest(f"an artifact has 1 to {LARGEST_BYTES} bytes, not {size_bytes}")
        file.seek(0)
        for start in range(0, size_bytes, chunk_bytes):
            chunk = [hashlib.sha256(), hashlib.new("sm3")]
            for piece in _pieces(file, min(chunk_bytes, size_bytes - start)):
                for digest in (whole, *chunk):
                    digest.update(piece)
            sha256.append(chunk[0].hexdigest())
            sm3.append(chunk[1].hexdigest())
            noted(min(start + chunk_bytes, size_bytes))
    return ArtifactManifest(
        digest=f"sha256:{whole.hexdigest()}",
        size_bytes=size_bytes,
        chunk_bytes=chunk_bytes,
        kind=label.kind,
        name=label.name,
        version=label.version,
        profiles=label.profiles,
        sha256=tuple(sha256),
        sm3=tuple(sm3),
    )


def digest_of_file(path: Path) -> str:
    """Return `sha256:` and the digest of the whole file; runs on a thread."""
    with path.open("rb") as file:
        return f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}"


def _pieces(file: BinaryIO, length: int) -> Iterator[bytes]:
    while length > 0 and (piece := file.read(min(PIECE_BYTES, length))):
        length -= len(piece)
        yield piece
