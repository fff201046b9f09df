"""The algorithms that are part of the product: always there without a file, or as a package with a model to import."""

from functools import cache
from pathlib import Path

from federation.packages.archive import MANIFEST
from federation.packages.manifest import Manifest, read_manifest

_FOLDER = Path(__file__).parent / "builtin"


@cache
def builtin_manifests() -> dict[str, Manifest]:
    """Return the manifest of every built-in algorithm by its id; reads files on the first call only."""
    manifests = [read_manifest(path.read_bytes()) for path in sorted(_FOLDER.glob("*.yaml"))]
    return {manifest.id: manifest for manifest in manifests}


def shipped_packages() -> dict[str, Path]:
    """Return the folders of the packages with a model that ship with the product, by the id of their algorithm."""
    folders = [path.parent for path in sorted(_FOLDER.glob(f"*/{MANIFEST}"))]
    return {read_manifest((folder / MANIFEST).read_bytes()).id: folder for folder in folders}
