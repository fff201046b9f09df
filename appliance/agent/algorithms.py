"""What is known on this box of algorithms: those of the product, and those whose packages are here."""

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from pathlib import Path

from appliance.local import LocalPackage
from federation.messages import LicenceTerm, PackageRef
from federation.packages import Manifest, PackageError, Text, builtin_manifests, read_manifest
from federation.packages.archive import MANIFEST, read_entry
from federation.packages.licences import LicenceState, standing
from federation.packages.manifest import MANIFEST_LIMIT_BYTES

log = logging.getLogger(__name__)

Key = tuple[str, str]
"""Id and version of an algorithm."""


@dataclass(frozen=True, kw_only=True)
class Algorithm:
    """An algorithm on this box; `licences` is what the hub knows of those of its vendor, None where it needs none."""

    manifest: Manifest
    built_in: bool
    licences: tuple[LicenceTerm, ...] | None = None

    def licence(self, now: datetime) -> tuple[LicenceState, datetime | None]:
        """Return how it stands with its vendor at `now`, and when the last licence ends or ended."""
        return standing(self.licences, now)


@dataclass(frozen=True, kw_only=True)
class Algorithms:
    """The algorithms of a box by id and version; `manifests` keeps what was read of packages, by their files."""

    by_key: Mapping[Key, Algorithm] = field(default_factory=dict)
    manifests: Mapping[Path, Manifest] = field(default_factory=dict)

    def learned(self, packages: Iterable[LocalPackage], wanted: Iterable[PackageRef]) -> "Algorithms":
        """Return what is known once these packages are here and the hub wants those; reads new ones, and blocks."""
        paths = {package.path for package in packages if package.path is not None}
        found = {path: self.manifests.get(path) or _manifest(path) for path in sorted(paths)}
        manifests = {path: manifest for path, manifest in found.items() if manifest is not None}
        licences = {ref.algorithm_id: ref.licences for ref in wanted}
        known = [Algorithm(manifest=manifest, built_in=True) for manifest in builtin_manifests().values()]
        known += [
            Algorithm(manifest=manifest, built_in=False, licences=licences.get(manifest.id))
            for manifest in manifests.values()
        ]
        by_key = {(item.manifest.id, item.manifest.version): item for item in known}
        return Algorithms(by_key=by_key, manifests=manifests)

    def name(self, algorithm_id: str, version: str) -> Text:
        """Return the name of an algorithm; that of an unknown one is its id."""
        found = self.by_key.get((algorithm_id, version))
        return Text(zh=algorithm_id, en=algorithm_id) if found is None else found.manifest.name

    def event_name(self, code: str) -> Text:
        """Return the name of a kind of event; that of an unknown one is its code."""
        return self._event_names.get(code) or Text(zh=code, en=code)

    @cached_property
    def _event_names(self) -> Mapping[str, Text]:
        return {kind.code: kind.name for item in self.by_key.values() for kind in item.manifest.events}


def _manifest(path: Path) -> Manifest | None:
    """Return the manifest of a package that came whole; None, and a word in the log, where it cannot be read."""
    try:
        content = read_entry(path, MANIFEST, limit_bytes=MANIFEST_LIMIT_BYTES)
        return None if content is None else read_manifest(content)
    except PackageError as error:
        log.warning("the package %s cannot be read: %s", path.name, error)
        return None
