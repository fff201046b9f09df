"""What a repository holds already, as far as a new package must fit it."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from federation.packages.licences import SignedLicence, licensed_id, vendors_of
from federation.packages.manifest import Manifest


@dataclass(frozen=True, kw_only=True)
class Kept:
    """A version that is in the repository, with the fingerprints of its signers; the product's own has no digest."""

    manifest: Manifest
    digest: str | None
    signed_by: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Stock:
    """Every version of every algorithm, and the licences of vendors that are in force."""

    kept: Sequence[Kept] = ()
    licences: Sequence[SignedLicence] = ()

    def versions(self, algorithm_id: str) -> list[Kept]:
        """Return what there is of one algorithm, oldest first."""
        found = [item for item in self.kept if item.manifest.id == algorithm_id]
        return sorted(found, key=lambda item: item.manifest.order)

    def licensed(self, manifest: Manifest, signed_by: Collection[str] = ()) -> bool:
        """Tell whether an algorithm may be used; `signed_by` are the signers of a package of it that is not here."""
        licensed = licensed_id(manifest)
        versions = [item.signed_by for item in self.versions(licensed)]
        vendors = vendors_of([*versions, signed_by if licensed == manifest.id else ()])
        mine = (item for item in self.licences if item.licence.algorithm == licensed)
        return manifest.licence.activation.mode == "none" or any(item.counts(vendors) for item in mine)

    def faults(self, manifest: Manifest, digest: str) -> dict[str, str]:
        """Return what keeps a package out, by the code of its criterion."""
        versions = self.versions(manifest.id)
        found: dict[str, str] = {}
        if any(item.digest is None for item in versions):
            found["id_reserved"] = f"{manifest.id} is the name of a built-in algorithm"
        if any(item.manifest.version == manifest.version and item.digest not in (None, digest) for item in versions):
            found["version_exists"] = f"version {manifest.version} of {manifest.id} is here with other content"
        older = [item.manifest for item in versions if item.manifest.order < manifest.order]
        broken = broken_promise(older[-1], manifest) if older else None
        if broken:
            found["interface_broken"] = broken
        taken = next(self._taken(manifest), None)
        if taken:
            found["event_code_taken"] = taken
        missing = [f"{item.id} {item.version}" for item in manifest.members if not self._has(item.id, item.version)]
        if missing:
            found["members_unknown"] = f"no algorithm in the repository: {', '.join(missing[:5])}"
        apart = [] if manifest.backbone is None else self._apart(manifest, manifest.backbone)
        if apart:
            found["backbone_differs"] = f"no backbone with SM3 {manifest.backbone} in {', '.join(apart[:5])}"
        return found

    def members(self, manifest: Manifest) -> list[Manifest]:
        """Return the algorithms of a bundle that are here, or the algorithm itself."""
        if not manifest.members:
            return [manifest]
        wanted = {(item.id, item.version) for item in manifest.members}
        return [item.manifest for item in self.kept if (item.manifest.id, item.manifest.version) in wanted]

    def _apart(self, bundle: Manifest, backbone: str) -> list[str]:
        """Return the algorithms of a bundle that are here and do not share its backbone."""
        return [f"{item.id} {item.version}" for item in self.members(bundle) if backbone not in item.backbones.values()]

    def _has(self, algorithm_id: str, version: str) -> bool:
        """Tell whether an algorithm is here that a bundle may have; a bundle has no other bundle."""
        here = (item.manifest for item in self.versions(algorithm_id))
        return any(manifest.version == version and manifest.kind != "bundle" for manifest in here)

    def _taken(self, manifest: Manifest) -> Iterator[str]:
        codes = {event.code for event in manifest.events}
        for other in (item.manifest for item in self.kept if item.manifest.id != manifest.id):
            yield from (f"{event.code} belongs to {other.id}" for event in other.events if event.code in codes)


def broken_promise(old: Manifest, new: Manifest) -> str | None:
    """Return what tasks of `old` would miss in `new`, which promises the same interface; None if nothing."""
    if new.interface > old.interface:
        return None
    if new.interface < old.interface:
        return f"interface {new.interface} is older than {old.interface} of version {old.version}"
    gone = sorted({event.code for event in old.events} - {event.code for event in new.events})
    if gone:
        return f"event {gone[0]} of version {old.version} is gone"
    for name, parameter in old.form.items():
        if name not in new.form:
            return f"parameter {name} of version {old.version} is gone"
        if new.form[name].type != parameter.type:
            return f"parameter {name} was of type {parameter.type}, and is {new.form[name].type}"
    return None
