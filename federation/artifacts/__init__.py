"""Large files by the digest of their content: chunks that are checked as they arrive, whoever sends them."""

from federation.artifacts.bitmap import Bitmap
from federation.artifacts.byte_range import ByteRange, asked_range
from federation.artifacts.digesting import Label, describe, digest_of_file
from federation.artifacts.errors import ArtifactError, BadBitmap, BadManifest, OtherSigner, Unsatisfiable
from federation.artifacts.manifest import (
    CHUNK_BYTES,
    LARGEST_BYTES,
    LARGEST_MANIFEST_BYTES,
    PACKAGE_KIND,
    ArtifactManifest,
    read_manifest,
)
from federation.artifacts.serving import Served, send_artifact
from federation.artifacts.signed import SignedManifest, read_signed

__all__ = [
    "CHUNK_BYTES",
    "LARGEST_BYTES",
    "LARGEST_MANIFEST_BYTES",
    "PACKAGE_KIND",
    "ArtifactError",
    "ArtifactManifest",
    "BadBitmap",
    "BadManifest",
    "Bitmap",
    "ByteRange",
    "Label",
    "OtherSigner",
    "Served",
    "SignedManifest",
    "Unsatisfiable",
    "asked_range",
    "describe",
    "digest_of_file",
    "read_manifest",
    "read_signed",
    "send_artifact",
]
