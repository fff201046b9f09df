"""The algorithms as the hub knows them in memory: what placing tasks and naming events ask all the time."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from federation.packages import Manifest
from federation.packages.description import Note
from federation.packages.licences import (
    Authorisation,
    SignedLicence,
    VendorLicence,
    authorisation,
    licensed_id,
    vendors_of,
)
from federation.packages.manifest import version_order
from federation.packages.templates import templates
from federation.packages.texts import Text
from hub.repository.model import (
    Algorithm,
    AlgorithmBrief,
    CodeMapping,
    Edits,
    EventKind,
    Group,
    LicenceStanding,
    PackageExamination,
)
from hub.repository.presentation import edited, presented


@dataclass(frozen=True, kw_only=True)
class Release:
    """One version of an algorithm; built-in ones have no digest and no bytes."""

    manifest: Manifest
    digest: str | None
    size_bytes: int
    imported_at: datetime
    examined: PackageExamination = field(default_factory=PackageExamination)

    @property
    def order(self) -> tuple[int, ...]:
        """What makes one version newer than another."""
        return self.manifest.order

    @property
    def looks_at_pictures(self) -> bool:
        """Whether it has a model of its own, which can be shown single pictures."""
        return self.digest is not None and self.manifest.model_file is not None


@dataclass(frozen=True, kw_only=True)
class Listed:
    """One algorithm with all its versions, oldest first."""

    id: str
    source: str
    on_shelf: bool
    releases: tuple[Release, ...]
    edits: Edits = field(default_factory=Edits)
    cover_digest: str | None = None
    groups: tuple[Group, ...] = ()
    mapped_codes: tuple[CodeMapping, ...] = ()

    @property
    def newest(self) -> Release:
        """The version that tasks use."""
        return self.releases[-1]

    @property
    def licensed_id(self) -> str:
        """The algorithm whose licence it needs, if it needs any."""
        return licensed_id(self.newest.manifest)

    @property
    def vendors(self) -> frozenset[str]:
        """The fingerprints of the keys that may license it."""
        return vendors_of(item.examined.signers for item in self.releases)

    def release(self, version: str | None) -> Release | None:
        """Return one version, the newest if None is asked for; None if there is none."""
        if version is None:
            return self.newest
        return next((item for item in self.releases if item.manifest.version == version), None)

    def presented(self, release: Release | None = None) -> Manifest:
        """Return the manifest of a version, the newest if none is given, as people here are to see it."""
        return presented((release or self.newest).manifest, self.edits)

    def brief(self, allowed: Authorisation) -> AlgorithmBrief:
        """Return its newest version as lists of choices need it."""
        manifest = self.presented()
        return AlgorithmBrief(
            id=self.id,
            version=manifest.version,
            name_zh=manifest.name.zh,
            name_en=manifest.name.en,
            vendor_zh=manifest.vendor.name.zh,
            on_shelf=self.on_shelf,
            needs_region=manifest.needs_region,
            needs_line=manifest.needs_line,
            binds=binds(manifest),
            looks_at_pictures=self.newest.looks_at_pictures,
            authorisation=allowed.state,
        )

    def shown(self, tasks: int, allowed: Authorisation, release: Release | None = None) -> Algorithm:
        """Return a version, the newest if none is given, as it goes over the wire; `tasks` is how many use it."""
        release = release or self.newest
        manifest = self.presented(release)
        return Algorithm(
            id=self.id,
            version=manifest.version,
            versions=tuple(item.manifest.version for item in self.releases),
            name_zh=manifest.name.zh,
            name_en=manifest.name.en,
            description_zh=manifest.description.zh,
            description_en=manifest.description.en,
            package_kind=manifest.kind,
            kind=manifest.classification.analysis,
            backend=_backend(manifest),
            source=self.source,
            on_shelf=self.on_shelf,
            labels=manifest.labels,
            events=event_kinds(manifest),
            mapped_codes=self.mapped_codes,
            rule_kind=manifest.rule.kind if manifest.rule is not None else "",
            parameters=manifest.settle({}),
            parameters_schema=manifest.params_schema,
            needs_region=manifest.needs_region,
            needs_line=manifest.needs_line,
            cost=manifest.cost,
            members=tuple(member.id for member in manifest.members),
            examined=release.examined,
            vendor=manifest.vendor,
            classification=manifest.classification,
            platforms=manifest.runtime.platforms,
            needs=manifest.runtime.needs,
            capacity=manifest.runtime.capacity,
            cover=manifest.cover,
            own_cover=self.cover_digest,
            groups=self.groups,
            edited=edited(self.edits, has_cover=self.cover_digest is not None),
            conditions=manifest.conditions,
            scenes=manifest.scenes,
            disclaimer_zh=manifest.disclaimer.zh if manifest.disclaimer else "",
            disclaimer_en=manifest.disclaimer.en if manifest.disclaimer else "",
            training=manifest.training,
            evaluation=manifest.evaluation,
            notes=self._notes(release),
            licence=manifest.licence,
            authorisation=LicenceStanding(state=allowed.state, ends=allowed.ends, tasks=allowed.tasks),
            template=manifest.template,
            binds=binds(manifest),
            digest=release.digest,
            size_bytes=release.size_bytes,
            imported_at=release.imported_at,
            tasks=tasks,
        )

    def _notes(self, release: Release) -> tuple[Note, ...]:
        """Return what versions up to `release` say is new; of two words on one version the newer package's counts."""
        told = [item for item in self.releases if item.order <= release.order]
        notes = {note.version: note for item in told for note in item.manifest.notes}
        return tuple(sorted(notes.values(), key=lambda note: version_order(note.version), reverse=True))


@dataclass(frozen=True, kw_only=True)
class Catalogue:
    """Every algorithm by id; every kind of event that was ever known, and those that gather them, by code; licences.

    `mappings` are those of events' codes: `mapped_codes` gives by which code others know a kind of event, and
    `mapped_names` what they call it.
    """

    algorithms: Mapping[str, Listed]
    event_kinds: Mapping[str, EventKind]
    licences: tuple[SignedLicence, ...] = ()
    mappings: tuple[CodeMapping, ...] = ()
    mapped_codes: Mapping[str, str] = field(default_factory=dict)
    mapped_names: Mapping[str, str] = field(default_factory=dict)

    def authorisation(self, manifest: Manifest) -> Authorisation:
        """Return how an algorithm may be used now."""
        return authorisation(manifest, self.licences_of(manifest), datetime.now(UTC))

    def licences_of(self, manifest: Manifest) -> tuple[VendorLicence, ...]:
        """Return the licences that count for an algorithm."""
        wanted = licensed_id(manifest)
        mine = [item for item in self.licences if item.licence.algorithm == wanted]
        return tuple(item.licence for item in mine if item.counts(self.vendors(wanted)))

    def vendors(self, algorithm_id: str) -> frozenset[str]:
        """Return the fingerprints of the keys that may license an algorithm; none where it is not here."""
        found = self.algorithms.get(algorithm_id)
        return frozenset() if found is None else found.vendors

    def licensed_tasks(self, counts: Mapping[str, int]) -> dict[str, int]:
        """Return how many tasks count together for each licensed algorithm; `counts` are those of every algorithm."""
        used: dict[str, int] = {}
        for algorithm_id, item in self.algorithms.items():
            used[item.licensed_id] = used.get(item.licensed_id, 0) + counts.get(algorithm_id, 0)
        return used

    def named(self, code: str) -> EventKind:
        """Return a kind of event with its names; an unknown code is its own name."""
        return self.event_kinds.get(code) or EventKind(code=code, parent=parent_of(code), name_zh=code, name_en=code)


EMPTY = Catalogue(algorithms={}, event_kinds={})


def event_kinds(manifest: Manifest) -> tuple[EventKind, ...]:
    """Return the kinds of event that an algorithm reports."""
    return tuple(
        EventKind(code=event.code, parent=event.parent, name_zh=event.name.zh, name_en=event.name.en)
        for event in manifest.events
    )


def parent_of(code: str) -> str | None:
    """Return the code that gathers this one and its like; None for one that no other can gather."""
    return code.rpartition("/")[0] or None


def gathering(kinds: Mapping[str, str], algorithms: Mapping[str, Listed]) -> dict[str, EventKind]:
    """Return the codes that gather others; `kinds` gives the algorithm of every code that is reported.

    One is named as the algorithm of the catalogue, or else as the one algorithm whose codes it gathers.
    """
    owners: dict[str, set[str]] = {}
    for code, algorithm_id in kinds.items():
        owners.setdefault(code.rpartition("/")[0], set()).add(algorithm_id)
    of_template = {template.code: template.name for template in templates().values()}
    found = {}
    for code in owners.keys() - kinds.keys() - {""}:
        owner = algorithms.get(next(iter(owners[code]))) if len(owners[code]) == 1 else None
        name = of_template.get(code) or (owner.presented().name if owner else Text(zh=code, en=code))
        found[code] = EventKind(code=code, parent=None, name_zh=name.zh, name_en=name.en)
    return found


def binds(manifest: Manifest) -> bool:
    """Tell whether the model of an algorithm can be bound to algorithms of the catalogue."""
    return manifest.model_file is not None and manifest.detects and manifest.template is None


def _backend(manifest: Manifest) -> str:
    """Return what runs it: the backend of a model, or the kind of what is no model."""
    return manifest.runtime.platforms[0].backend if manifest.runtime.platforms else manifest.kind


def in_order(releases: Iterable[Release]) -> tuple[Release, ...]:
    """Return versions of an algorithm, oldest first."""
    return tuple(sorted(releases, key=lambda release: release.order))
