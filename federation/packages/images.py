"""Container images as an OCI image layout in a tar: every blob is what its name says, and the index leads somewhere."""

import hashlib
import json
import tarfile
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import IO

ENTRY_LIMIT = 20_000
INDEX_LIMIT_BYTES = 1 << 20
ENTRY_LIMIT_BYTES = 1 << 30
"""As of a package, which no entry of it exceeds."""

HEADER_LIMIT_BYTES = 1 << 20
"""Of what tells more of an entry than its own header; a tar reader takes it whole into memory."""

_BLOBS = "blobs/sha256/"
_CHUNK_BYTES = 1 << 20
_OWN_CONTENT = frozenset({tarfile.REGTYPE, tarfile.AREGTYPE, tarfile.CONTTYPE})


class _Entry(tarfile.TarInfo):
    """An entry of a tar whose headers are of bounded size."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> "_Entry":
        found = super().frombuf(buf, encoding, errors)
        if found.size > HEADER_LIMIT_BYTES and found.type not in _OWN_CONTENT:
            raise tarfile.ReadError(f"a header of {found.size} bytes")
        if not 0 <= found.size <= ENTRY_LIMIT_BYTES:
            raise tarfile.ReadError(f"an entry of {found.size} bytes")  # a tar reader would look for its end for ever
        return found


def image_fault(archive: IO[bytes]) -> str | None:
    """Return what is wrong with the OCI image layout in a tar, or None; reads it once and unpacks nothing."""
    try:
        with tarfile.open(fileobj=archive, mode="r|", tarinfo=_Entry) as tar:
            return _fault(tar)
    except (tarfile.TarError, EOFError, ValueError, OverflowError) as error:
        return f"it is no tar: {str(error)[:120]}"


def _fault(tar: tarfile.TarFile) -> str | None:
    blobs: set[str] = set()
    index: bytes | None = None
    for count, member in enumerate(tar):
        fault = "it has too many entries" if count >= ENTRY_LIMIT else _unsafe(member)
        if fault:
            return fault
        content = tar.extractfile(member) if member.isfile() else None
        if content is None:
            continue
        name = member.name.removeprefix("./")
        if name == "index.json":
            index = content.read(INDEX_LIMIT_BYTES)
        elif name.startswith(_BLOBS):
            blobs.add(name.removeprefix(_BLOBS))
            if _sha256(content) != name.removeprefix(_BLOBS):
                return f"{name[:40]}… is not what its name says"
    return _astray(index, blobs)


def _unsafe(member: tarfile.TarInfo) -> str | None:
    if not (member.isfile() or member.isdir()):
        return f"{member.name[:80]!r} is a link or a device"
    if member.issparse():
        return f"{member.name[:80]!r} has holes, which unfold without end"
    path = PurePosixPath(member.name)
    return f"the path {member.name[:80]!r} may not stand there" if path.is_absolute() or ".." in path.parts else None


def _astray(index: bytes | None, blobs: set[str]) -> str | None:
    if index is None:
        return "it has no index.json"
    try:
        wanted = list(_digests(json.loads(index)))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return "its index.json is not that of an image"
    lost = [digest for digest in wanted if digest not in blobs]
    if lost or not wanted:
        return "its index.json names an image that is not there"
    return None


def _digests(index: dict[str, list[dict[str, str]]]) -> Iterator[str]:
    for entry in index["manifests"]:
        yield entry["digest"].removeprefix("sha256:")


def _sha256(content: IO[bytes]) -> str:
    digest = hashlib.sha256()
    while chunk := content.read(_CHUNK_BYTES):
        digest.update(chunk)
    return digest.hexdigest()
