"""What is known on this box of algorithms: those of the product, and those whose packages are here."""

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from appliance.local import LocalPackage
from federation.messages import LicenceTerm, PackageRef
from federation.packages import Manifest, PackageError, Text, builtin_manifests, read_manifest
from federation.packages.archive import MANIFEST, read_entry
from federation.packages.licences import LicenceState, standing
from federation.packages.manifest import MANIFEST_LIMIT_BYTES

log = logging.getLogger(__name__)

MOST_NAMES = 4096

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


class EventNames(BaseModel):
    """The names of kinds of event by code, those of the newest packages last: events outlive their packages."""

    model_config = ConfigDict(frozen=True)

    by_code: dict[str, Text] = {}

    def with_those_of(self, manifests: Iterable[Manifest]) -> "EventNames":
        """Return these names with those of packages; the oldest go where they are more than `MOST_NAMES`."""
        named = {kind.code: kind.name for manifest in manifests for kind in manifest.events}
        others = {code: name for code, name in self.by_code.items() if code not in named}
        return EventNames(by_code=dict([*others.items(), *named.items()][-MOST_NAMES:]))


@dataclass(frozen=True, kw_only=True)
class Algorithms:
    """The algorithms of a box by id and version; `manifests` keeps what was read of packages, by their files.

    `event_names` are those of all packages that are or were here.
    """

    by_key: Mapping[Key, Algorithm] = field(default_factory=dict)
    manifests: Mapping[Path, Manifest] = field(default_factory=dict)
    event_names: EventNames = field(default_factory=EventNames)

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
        names = self.event_names.with_those_of(manifests.values())
        return Algorithms(by_key=by_key, manifests=manifests, event_names=names)

    def name(self, algorithm_id: str, version: str) -> Text:
        """Return the name of an algorithm; that of an unknown one is its id."""
        found = self.by_key.get((algorithm_id, version))
        return Text(zh=algorithm_id, en=algorithm_id) if found is None else found.manifest.name

    def event_name(self, code: str) -> Text:
        """Return the name of a kind of event, also once its package has left; that of an unknown one is its code."""
        return self._own_names.get(code) or self.event_names.by_code.get(code) or Text(zh=code, en=code)

    @cached_property
    def _own_names(self) -> Mapping[str, Text]:
        """Return the names of the product's own events."""
        own = (item.manifest for item in self.by_key.values() if item.built_in)
        return {kind.code: kind.name for manifest in own for kind in manifest.events}


def _manifest(path: Path) -> Manifest | None:
    """Return the manifest of a package that came whole; None, and a word in the log, where it cannot be read."""
    try:
        content = read_entry(path, MANIFEST, limit_bytes=MANIFEST_LIMIT_BYTES)
        return None if content is None else read_manifest(content)
    except PackageError as error:
        log.warning("the package %s cannot be read: %s", path.name, error)
        return None
