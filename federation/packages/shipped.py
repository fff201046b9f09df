"""The algorithms that are part of the product: always there, without a file."""

from functools import cache
from pathlib import Path

from federation.packages.manifest import Manifest, read_manifest

_FOLDER = Path(__file__).parent / "builtin"


@cache
def builtin_manifests() -> dict[str, Manifest]:
    """Return the manifest of every built-in algorithm by its id; reads files on the first call only."""
    manifests = [read_manifest(path.read_bytes()) for path in sorted(_FOLDER.glob("*.yaml"))]
    return {manifest.id: manifest for manifest in manifests}
