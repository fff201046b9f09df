"""Algorithm packages: the manifest, the archive, and the algorithms that are built in."""

from federation.packages.archive import Package, open_package, write_package
from federation.packages.errors import BadArchive, BadManifest, BadParameters, PackageError
from federation.packages.manifest import EventKind, Manifest, read_manifest, write_manifest
from federation.packages.parameters import Option, Parameter
from federation.packages.shipped import builtin_manifests, shipped_packages
from federation.packages.texts import Text

__all__ = [
    "BadArchive",
    "BadManifest",
    "BadParameters",
    "EventKind",
    "Manifest",
    "Option",
    "Package",
    "PackageError",
    "Parameter",
    "Text",
    "builtin_manifests",
    "open_package",
    "read_manifest",
    "shipped_packages",
    "write_manifest",
    "write_package",
]
