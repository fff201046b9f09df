"""Artifacts on the disk of this box, by their digest: `<hex>` whole, `<hex>.manifest`, and `<hex>.part` on its way."""

import os
import re
import shutil
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from appliance.artifacts.part import Part, sync_folder
from federation.artifacts import (
    ArtifactManifest,
    BadBitmap,
    BadManifest,
    Bitmap,
    ByteRange,
    SignedManifest,
    read_signed,
)
from federation.artifacts.choosing import Kept

WHOLE = re.compile(r"[0-9a-f]{64}")
SPARE_VERSIONS = 4
"""Artifacts that nobody wants any more are kept up to this many: going back is quick, and deltas need them."""


@dataclass(frozen=True, kw_only=True)
class Offer:
    """What of an artifact can be given to others: chunks of `bitmap`, at their places in the file `path`."""

    manifest: ArtifactManifest
    path: Path
    bitmap: Bitmap

    def covers(self, asked: ByteRange) -> bool:
        """Tell whether every chunk that a range touches is here."""
        chunk, end_bytes = self.manifest.chunk_bytes, asked.start_bytes + asked.length_bytes
        return all(self.bitmap.has(index) for index in range(asked.start_bytes // chunk, -(-end_bytes // chunk)))


@dataclass(frozen=True, kw_only=True)
class Holdings:
    """A folder of artifacts. Its methods block: call them on a thread."""

    root: Path

    def whole(self) -> Mapping[str, Path]:
        """Return where every whole artifact lies, by its digest."""
        if not self.root.is_dir():
            return {}
        return {f"sha256:{path.name}": path for path in sorted(self.root.iterdir()) if WHOLE.fullmatch(path.name)}

    def place(self, digest: str) -> Path:
        """Return where an artifact lies, if it is whole."""
        return self.root / digest.removeprefix("sha256:")

    def manifest(self, digest: str) -> ArtifactManifest | None:
        """Return the manifest that came with an artifact, or None."""
        signed = self.signed(digest)
        return None if signed is None else signed.manifest

    def signed(self, digest: str) -> SignedManifest | None:
        """Return the manifest that came with an artifact as it came, or None."""
        try:
            return read_signed(self._manifest_path(digest).read_bytes(), digest=digest)
        except (FileNotFoundError, BadManifest):
            return None

    def begin(self, signed: SignedManifest) -> Part:
        """Open an artifact on its way; what came by an equal manifest before is still there."""
        self.root.mkdir(parents=True, exist_ok=True, mode=0o700)
        manifest = signed.manifest
        path = self._manifest_path(manifest.digest)
        if self.manifest(manifest.digest) != manifest:
            self._forget_part(manifest.digest)
            part = path.with_suffix(".manifest-new")
            with part.open("wb") as file:
                file.write(signed.content)
                file.flush()
                os.fsync(file.fileno())
            part.replace(path)
            sync_folder(self.root)
        return Part(self._part_path(manifest.digest), manifest)

    def held_bytes(self, digest: str) -> int:
        """Return how much room an artifact on its way takes already."""
        try:
            return self._part_path(digest).stat().st_blocks * 512
        except FileNotFoundError:
            return 0

    def free_bytes(self) -> int:
        """Return how much room is left for others than root."""
        self.root.mkdir(parents=True, exist_ok=True, mode=0o700)
        return shutil.disk_usage(self.root).free

    def offer(self, digest: str) -> Offer | None:
        """Return what of an artifact is here, None if there is nothing."""
        manifest = self.manifest(digest)
        if manifest is None:
            return None
        if self.place(digest).exists():
            return Offer(manifest=manifest, path=self.place(digest), bitmap=Bitmap.full(manifest.chunk_count))
        try:
            bits = self._part_path(digest).with_suffix(".bitmap").read_bytes()
            bitmap = Bitmap.read(manifest.chunk_count, bits)
        except (FileNotFoundError, BadBitmap):
            return None
        return Offer(manifest=manifest, path=self._part_path(digest), bitmap=bitmap)

    def kept(self) -> list[Kept]:
        """Return every whole artifact with what its manifest says of it."""
        return [self._kept(digest, path) for digest, path in self.whole().items()]

    def note_wanted(self, digests: Collection[str]) -> None:
        """Note that these are wanted now, and drop what is on its way and is wanted no more."""
        for digest in digests & self.whole().keys():
            os.utime(self.place(digest))
        for path in self.root.glob("*.part"):
            if f"sha256:{path.stem}" not in digests:
                self._forget_part(f"sha256:{path.stem}")

    def remove(self, digest: str) -> None:
        """Remove an artifact, if it is here."""
        self.place(digest).unlink(missing_ok=True)
        self._manifest_path(digest).unlink(missing_ok=True)

    def _kept(self, digest: str, path: Path) -> Kept:
        manifest = self.manifest(digest)
        found = path.stat()
        return Kept(
            digest=digest,
            kind=manifest.kind if manifest else "",
            name=manifest.name if manifest else "",
            size_bytes=found.st_size,
            used_at=found.st_mtime,
        )

    def _forget_part(self, digest: str) -> None:
        part = self._part_path(digest)
        for path in (part.with_suffix(".bitmap"), part, self._manifest_path(digest)):
            path.unlink(missing_ok=True)

    def _manifest_path(self, digest: str) -> Path:
        return self.place(digest).with_suffix(".manifest")

    def _part_path(self, digest: str) -> Path:
        return self.place(digest).with_suffix(".part")
