"""Evidence pictures on disk, named by their content: `aa/bb/<sha256>`."""

import hashlib
import os
import tempfile
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

    def put(self, content: bytes) -> str:
        """Store `content` so that it survives a power cut, and return its digest; a repeat is harmless."""
        digest = digest_of(content)
        path = self.path_of(digest)
        if path.exists() and path.stat().st_size == len(content):
            return digest
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".part-", delete=False) as file:
            part = Path(file.name)
            try:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
                part.replace(path)
            except BaseException:
                part.unlink(missing_ok=True)
                raise
        _sync_folder(path.parent)
        return digest

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


def _sync_folder(folder: Path) -> None:
    """Make a new name in `folder`, and the folder itself, durable."""
    for place in (folder, folder.parent, folder.parent.parent):
        descriptor = os.open(place, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
