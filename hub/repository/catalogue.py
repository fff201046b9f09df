"""The algorithms as the hub knows them in memory: what placing tasks and naming events ask all the time."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from federation.packages import Manifest
from hub.repository.model import Algorithm, EventKind, PackageExamination


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


@dataclass(frozen=True, kw_only=True)
class Listed:
    """One algorithm with all its versions, oldest first."""

    id: str
    source: str
    on_shelf: bool
    releases: tuple[Release, ...]

    @property
    def newest(self) -> Release:
        """The version that tasks use."""
        return self.releases[-1]

    def shown(self, tasks: int) -> Algorithm:
        """Return the algorithm as it goes over the wire; `tasks` is how many use it."""
        release = self.newest
        manifest = release.manifest
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
            rule_kind=manifest.rule.kind if manifest.rule is not None else "",
            parameters=manifest.settle({}),
            parameters_schema=manifest.params_schema,
            needs_region=manifest.needs_region,
            needs_line=manifest.needs_line,
            cost=manifest.cost,
            members=tuple(member.id for member in manifest.members),
            examined=release.examined,
            cover=manifest.cover,
            conditions=manifest.conditions.model_dump(mode="json") if manifest.conditions else {},
            scenes=manifest.scenes.model_dump(mode="json"),
            disclaimer_zh=manifest.disclaimer.zh if manifest.disclaimer else "",
            disclaimer_en=manifest.disclaimer.en if manifest.disclaimer else "",
            licence=manifest.licence.model_dump(mode="json"),
            digest=release.digest,
            size_bytes=release.size_bytes,
            imported_at=release.imported_at,
            tasks=tasks,
        )


@dataclass(frozen=True, kw_only=True)
class Catalogue:
    """Every algorithm by id, and every kind of event that was ever known by its code."""

    algorithms: Mapping[str, Listed]
    event_kinds: Mapping[str, EventKind]

    def named(self, code: str) -> EventKind:
        """Return a kind of event with its names; an unknown code is its own name."""
        return self.event_kinds.get(code) or EventKind(code=code, name_zh=code, name_en=code)


EMPTY = Catalogue(algorithms={}, event_kinds={})


def event_kinds(manifest: Manifest) -> tuple[EventKind, ...]:
    """Return the kinds of event that an algorithm reports."""
    return tuple(EventKind(code=event.code, name_zh=event.name.zh, name_en=event.name.en) for event in manifest.events)


def _backend(manifest: Manifest) -> str:
    """Return what runs it: the backend of a model, or the kind of what is no model."""
    return manifest.runtime.platforms[0].backend if manifest.runtime.platforms else manifest.kind


def listed(algorithm_id: str, source: str, releases: Iterable[Release], *, on_shelf: bool) -> Listed:
    """Return an algorithm with its versions put in order."""
    ordered = tuple(sorted(releases, key=lambda release: release.order))
    return Listed(id=algorithm_id, source=source, on_shelf=on_shelf, releases=ordered)
