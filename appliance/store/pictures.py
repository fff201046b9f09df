"""Evidence pictures on disk, named by their content: `aa/bb/<sha256>`."""

import hashlib
import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class PictureFolder:
    """A folder of pictures by digest. Its methods block: call them on a thread."""

    root: Path

    def path_of(self, digest: str) -> Path:
        """Return where the picture of `digest` (`sha256:…`) lies, if it is here."""
        name = digest.removeprefix("sha256:")
        return self.root / name[:2] / name[2:4] / name

    def put_all(self, contents: Sequence[bytes]) -> list[str]:
        """Store pictures so that they survive a power cut, and return their digests; a repeat is harmless.

        Everything is written before anything is flushed, and each folder is flushed once: together they cost the disk
        little more than one.
        """
        digests = [digest_of(content) for content in contents]
        fresh = {
            self.path_of(digest): content
            for digest, content in zip(digests, contents, strict=True)
            if not _is_there(self.path_of(digest), len(content))
        }
        parts: dict[Path, Path] = {}
        try:
            for path, content in fresh.items():
                parts[path] = _written(path.parent, content)
            for path, part in parts.items():
                _flush(part)
                part.replace(path)
        except BaseException:
            for part in parts.values():
                part.unlink(missing_ok=True)
            raise
        for folder in {folder for path in parts for folder in list(path.parents)[:3]}:
            _flush(folder)  # the new name, and where the folder is new, the folder's own
        return digests

    def read(self, digest: str) -> bytes | None:
        """Return the bytes of a picture, or None if it is not here or no longer what it was."""
        try:
            content = self.path_of(digest).read_bytes()
        except FileNotFoundError:
            return None
        return content if digest_of(content) == digest else None

    def remove(self, digest: str) -> None:
        """Remove a picture, if it is here."""
        self.path_of(digest).unlink(missing_ok=True)


def digest_of(content: bytes) -> str:
    """Return the digest of some bytes as messages carry it."""
    return "sha256:" + hashlib.sha256(content).hexdigest()


def _is_there(path: Path, size_bytes: int) -> bool:
    try:
        return path.stat().st_size == size_bytes
    except FileNotFoundError:
        return False


def _written(folder: Path, content: bytes) -> Path:
    """Return a new file in `folder` with this content, which is not yet on the disk for certain."""
    folder.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=folder, prefix=".part-")
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
    return Path(name)


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
