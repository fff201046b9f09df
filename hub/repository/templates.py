"""The catalogue of city algorithms 算法目录: which have a model here, which could have one, and which have none."""

import asyncio
from collections.abc import Iterable, Sequence
from pathlib import Path

from federation.http import Problem
from federation.http.problem import not_found
from federation.packages import Manifest, PackageError, open_package, write_manifest, write_package
from federation.packages.archive import MANIFEST, SIGNATURES, SM3_LIST
from federation.packages.binding import bind, bound_id
from federation.packages.stock import broken_promise
from federation.packages.templates import Template, classes, templates
from hub.repository.catalogue import Listed, binds
from hub.repository.chunks import chunks_of
from hub.repository.model import Algorithm, AlgorithmTemplate, Candidate, TemplateClass
from hub.repository.service import Repository
from hub.security.audit import Actor
from hub.storage import ContentStore


class TemplateDesk:
    """Shows the catalogue, and makes algorithms of its templates and models of the repository."""

    def __init__(self, repository: Repository, store: ContentStore) -> None:
        """Take models from packages of the repository in `store`."""
        self._repository = repository
        self._store = store

    def list(self, model_id: str | None = None) -> tuple[AlgorithmTemplate, ...]:
        """Return every template, or those that a model fits, with what the labels of the models that are here allow.

        Raises Problem when there is no such model.
        """
        chosen = None if model_id is None else self._repository.find(model_id).newest.manifest
        models = self._models()
        return tuple(
            _shown(item, self._bound(item), models)
            for item in templates().values()
            if chosen is None or item.standing(chosen.all_labels).works
        )

    def models(self, slug: str) -> tuple[Candidate, ...]:
        """Return every model that is here and what it lacks for a template, best first; raise Problem."""
        template = _template(slug)
        candidates = [_candidate(template, item) for item in self._models()]
        return tuple(sorted(candidates, key=lambda item: (len(item.missing), len(item.lacks), item.algorithm_id)))

    def _models(self) -> Sequence[Listed]:
        return [item for item in self._repository.catalogue.algorithms.values() if binds(item.newest.manifest)]

    def _bound(self, template: Template) -> Listed | None:
        """Return what a template is here: what was bound by hand, or else an algorithm that says so of itself."""
        algorithms = self._repository.catalogue.algorithms
        itself = (item for item in algorithms.values() if item.newest.manifest.template == template.slug)
        return algorithms.get(bound_id(template)) or min(itself, key=lambda item: item.id, default=None)

    async def bind(self, slug: str, algorithm_id: str, actor: Actor) -> Algorithm:
        """Make an algorithm, or its next version, of a template and the model of another; raise Problem."""
        template = _template(slug)
        model = self._repository.find(algorithm_id).newest
        present = self._repository.catalogue.algorithms.get(bound_id(template))
        try:
            manifest = _next(template, model.manifest, present)
        except PackageError as error:
            raise Problem(422, error.code, f"{error}.") from error
        stored = None if model.digest is None else await self._store.find(model.digest)
        if stored is None:
            raise Problem(409, "no_package", f"The package of {algorithm_id} is not in the repository.")
        async with self._store.workplace() as folder:
            path = await asyncio.to_thread(packed, stored.path, manifest, folder)
            return await self._repository.add(chunks_of(path), actor)


def _template(slug: str) -> Template:
    found = templates().get(slug)
    if found is None:
        raise not_found("template", slug[:80])
    return found


def _shown(template: Template, bound: Listed | None, models: Iterable[Listed]) -> AlgorithmTemplate:
    fitting = sum(template.standing(item.newest.manifest.all_labels).works for item in models)
    return AlgorithmTemplate(
        slug=template.slug,
        number=template.number,
        name_zh=template.name.zh,
        name_en=template.name.en,
        description_zh=template.description.zh,
        description_en=template.description.en,
        category=template.category,
        rule_kind=template.rule,
        defaults=dict(template.defaults),
        needs_region=template.needs_region,
        places=template.places,
        event_code=template.code,
        needs=tuple(tuple(_class(name) for name in group) for group in template.needs),
        reports=tuple(_class(name) for name in template.reports),
        state="bound" if bound is not None else "bindable" if fitting else "no_model",
        bound=None if bound is None else _candidate(template, bound),
        fitting=fitting,
    )


def _class(name: str) -> TemplateClass:
    text = classes()[name].text
    return TemplateClass(name=name, name_zh=text.zh, name_en=text.en)


def _candidate(template: Template, item: Listed) -> Candidate:
    manifest = item.newest.manifest
    # What the product does without a model knows no classes, and needs none.
    standing = template.standing(manifest.all_labels if manifest.model_file else template.wanted)
    name = item.presented().name
    return Candidate(
        algorithm_id=item.id,
        version=manifest.version,
        name_zh=name.zh,
        name_en=name.en,
        on_shelf=item.on_shelf,
        fits=standing.works,
        lacks=tuple(_class(name) for name in standing.lacks),
        missing=tuple(tuple(_class(name) for name in group) for group in standing.missing),
    )


def _next(template: Template, model: Manifest, present: Listed | None) -> Manifest:
    """Return the manifest of the first version, or of the one after the newest; raise CannotBind."""
    if present is None:
        return bind(template, model)
    old = present.newest.manifest
    major, minor, patch = old.order
    manifest = bind(template, model, version=f"{major}.{minor}.{patch + 1}", interface=old.interface)
    return (
        manifest
        if broken_promise(old, manifest) is None
        else manifest.model_copy(update={"interface": old.interface + 1})
    )


def packed(source: Path, manifest: Manifest, folder: Path) -> Path:
    """Pack the files of a package with another manifest; signatures were of the old one, and stay behind."""
    package = open_package(source)
    kept = (name for name in package.entries if name not in {MANIFEST, SM3_LIST} and not name.startswith(SIGNATURES))
    parts = {name: package.read(name) for name in kept} | {MANIFEST: write_manifest(manifest).encode()}
    return write_package(parts, folder / "bound.algpkg").path
