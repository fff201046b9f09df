"""What an artifact consists of: the digest of the whole, and two digests of every chunk."""

import hashlib
from typing import Annotated, Self

from pydantic import Field, StringConstraints, ValidationError, model_validator

from federation.artifacts.errors import BadManifest
from federation.messages import Digest, Slug, WireModel

CHUNK_BYTES = 4 * 2**20
SMALLEST_CHUNK_BYTES = 2**10
LARGEST_CHUNK_BYTES = 16 * 2**20
LARGEST_BYTES = 64 * 2**30
MOST_CHUNKS = LARGEST_BYTES // CHUNK_BYTES
LARGEST_MANIFEST_BYTES = 4 * 2**20
"""The largest artifact has 64 GiB; its manifest of 16,384 chunks has a good 2 MiB."""

PACKAGE_KIND = "algorithm-package"

HexDigest = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class ArtifactManifest(WireModel):
    """One artifact: chunk `i` has the digests `sha256[i]` and `sm3[i]`; all but the last are of `chunk_bytes`.

    `kind` and `name` say what it is a version of. `profiles` are the firmware profiles that it is made for; none
    means all.
    """

    digest: Digest
    size_bytes: int = Field(ge=1, le=LARGEST_BYTES)
    chunk_bytes: int = Field(default=CHUNK_BYTES, ge=SMALLEST_CHUNK_BYTES, le=LARGEST_CHUNK_BYTES)
    kind: Slug
    name: str = Field(min_length=1, max_length=128)
    version: str = Field(default="", max_length=64)
    profiles: tuple[Slug, ...] = Field(default=(), max_length=64)
    sha256: tuple[HexDigest, ...] = Field(min_length=1, max_length=MOST_CHUNKS)
    sm3: tuple[HexDigest, ...] = Field(min_length=1, max_length=MOST_CHUNKS)

    @model_validator(mode="after")
    def _names_every_chunk(self) -> Self:
        chunks = -(-self.size_bytes // self.chunk_bytes)
        if not len(self.sha256) == len(self.sm3) == chunks:
            msg = f"{self.size_bytes} bytes are {chunks} chunks; there are {len(self.sha256)} and {len(self.sm3)}"
            raise ValueError(msg)
        return self

    @property
    def chunk_count(self) -> int:
        """How many chunks there are, at least one."""
        return len(self.sha256)

    def offset_bytes(self, index: int) -> int:
        """Return where chunk `index` begins."""
        return index * self.chunk_bytes

    def length_bytes(self, index: int) -> int:
        """Return how long chunk `index` is."""
        return min(self.chunk_bytes, self.size_bytes - self.offset_bytes(index))

    def accepts(self, index: int, content: bytes | bytearray | memoryview) -> bool:
        """Tell whether `content` is chunk `index`, by its length and by both digests."""
        return (
            len(content) == self.length_bytes(index)
            and hashlib.sha256(content).hexdigest() == self.sha256[index]
            and hashlib.new("sm3", content).hexdigest() == self.sm3[index]
        )


def read_manifest(content: bytes, *, digest: str) -> ArtifactManifest:
    """Return the manifest of the artifact `digest` in `content`; raise BadManifest with one sentence."""
    if len(content) > LARGEST_MANIFEST_BYTES:
        raise BadManifest(f"the manifest has more than {LARGEST_MANIFEST_BYTES} bytes")
    try:
        manifest = ArtifactManifest.model_validate_json(content)
    except ValidationError as error:
        fault = error.errors(include_url=False, include_context=False, include_input=False)[0]
        where = ".".join(str(part) for part in fault["loc"])
        raise BadManifest(f"the manifest is wrong: {where}: {fault['msg']}") from error
    if manifest.digest != digest:
        raise BadManifest(f"this is the manifest of {manifest.digest[:19]}…")
    return manifest
