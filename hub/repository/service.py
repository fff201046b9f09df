"""The algorithm repository: what is built in, what was imported, and what is on the shelf."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence

from sqlalchemy import Connection, update

from federation.http import Page, Problem
from federation.http.problem import conflict, not_found
from federation.packages import Manifest, builtin_manifests
from federation.packages.licences import LicenceState
from hub.database import Database
from hub.repository.catalogue import EMPTY, Catalogue, Listed, Release
from hub.repository.examiner import Examiner
from hub.repository.model import Algorithm, AlgorithmBrief, AlgorithmQuery, EventKind
from hub.repository.rows import (
    USABLE_KINDS,
    add_builtin,
    add_upload,
    read_catalogue,
    refuse_used,
    remove_algorithms,
    task_counts,
)
from hub.repository.tables import algorithms
from hub.security.audit import Actor, record
from hub.storage import ContentStore, NoRoom, TooLarge

LONGEST_EVENT_CODE = 128  # what an event's type may be on the wire


class Repository:
    """Algorithms and their versions; reads come from memory, changes from the database."""

    def __init__(
        self, database: Database, store: ContentStore, examiner: Examiner, *, added: Callable[[], None]
    ) -> None:
        """Keep packages in `store`; call `load` before anything else. `added` is told of new artifacts."""
        self._examiner = examiner
        self._database = database
        self._store = store
        self._added = added
        self.catalogue: Catalogue = EMPTY

    async def load(self) -> None:
        """Make the built-in algorithms known and read the catalogue."""
        manifests = await asyncio.to_thread(builtin_manifests)

        def work(connection: Connection) -> Catalogue:
            for manifest in manifests.values():
                add_builtin(connection, manifest)
            return read_catalogue(connection)

        self.catalogue = await self._database.run(work)

    async def page(self, query: AlgorithmQuery) -> Page[Algorithm]:
        """Return one page in order of id."""
        found = [item for item in self._sorted() if _matches(item, query) and self._stands(item, query.authorisation)]
        page = [item for item in found if query.after is None or item.id > query.after][: query.limit + 1]
        counts = await self._database.run(task_counts)
        shown = tuple(self._shown(item, counts) for item in page[: query.limit])
        return Page(items=shown, next=shown[-1].id if len(page) > query.limit else None, total=len(found))

    def briefs(self) -> tuple[AlgorithmBrief, ...]:
        """Return every algorithm by what names and lists of choices need, in order of id."""
        catalogue = self.catalogue
        return tuple(item.brief(catalogue.authorisation(item.newest.manifest)) for item in self._sorted())

    async def get(self, algorithm_id: str, version: str | None = None) -> Algorithm:
        """Return a version of an algorithm, the newest if None is asked for; raise Problem when there is none."""
        release = self.release(algorithm_id, version)
        counts = await self._database.run(task_counts)
        return self._shown(self.find(algorithm_id), counts, release)

    def release(self, algorithm_id: str, version: str | None) -> Release:
        """Return a version of an algorithm from memory; raise Problem when there is none."""
        found = self.find(algorithm_id).release(version)
        if found is None:
            raise not_found("version", (version or "")[:80])
        return found

    def find(self, algorithm_id: str) -> Listed:
        """Return one algorithm from memory; raise Problem when there is none."""
        found = self.catalogue.algorithms.get(algorithm_id)
        if found is None:
            raise not_found("algorithm", algorithm_id[:80])
        return found

    def event_kinds(self) -> Sequence[EventKind]:
        """Return every known kind of event in order of its code."""
        return [kind for _, kind in sorted(self.catalogue.event_kinds.items())]

    async def add(self, chunks: AsyncIterator[bytes], actor: Actor) -> Algorithm:
        """Check and keep an uploaded package; raise Problem that says what is wrong with it."""
        try:
            async with self._store.writing() as writing:
                async for chunk in chunks:
                    await writing.feed(chunk)
                await writing.flush()
                package, examined = await self._examiner.examine(writing.path, self.catalogue)
                _check_codes(package.manifest)
                await writing.keep(expected=package.digest)
        except TooLarge as error:
            raise Problem(413, "too_large", f"A package has at most {self._store.limit_bytes} bytes.") from error
        except NoRoom as error:
            raise Problem(507, "disk_full", "The disk of the hub is nearly full; make room first.") from error
        try:
            self.catalogue = await self._database.run(
                lambda connection: add_upload(connection, package, examined, actor)
            )
        except Problem:
            await self._forget_unused(package.digest)
            raise
        self._added()
        return await self.get(package.manifest.id)

    async def shelve(self, algorithm_id: str, *, on_shelf: bool, actor: Actor) -> Algorithm:
        """Put an algorithm on the shelf, or take it off; raise Problem while a task that is at work uses it."""
        kind = self.find(algorithm_id).newest.manifest.kind
        if on_shelf and kind not in USABLE_KINDS:
            raise conflict("kind_not_run", f"No node of this version runs packages of kind {kind}.")
        if on_shelf and not self.catalogue.authorisation(self.find(algorithm_id).newest.manifest).allows:
            raise unlicensed(algorithm_id)

        def work(connection: Connection) -> Catalogue:
            if not on_shelf:
                refuse_used(connection, algorithm_id, running=True)
            chosen = algorithms.c.id == algorithm_id
            connection.execute(update(algorithms).where(chosen).values(on_shelf=on_shelf))
            record(connection, actor, "algorithm.shelf", f"algorithm:{algorithm_id}", {"on_shelf": on_shelf})
            return read_catalogue(connection)

        self.catalogue = await self._database.run(work)
        return await self.get(algorithm_id)

    async def remove(self, algorithm_ids: Iterable[str], actor: Actor) -> None:
        """Remove imported algorithms with all their versions, all or none; raise Problem while something uses one."""
        found = [self.find(algorithm_id) for algorithm_id in dict.fromkeys(algorithm_ids)]
        if any(item.source == "builtin" for item in found):
            raise conflict("algorithm_built_in", "A built-in algorithm cannot be removed; take it off the shelf.")
        ids = [item.id for item in found]
        self.catalogue = await self._database.run(lambda connection: remove_algorithms(connection, ids, actor))
        for release in (release for item in found for release in item.releases):
            if release.digest is not None:
                await self._store.remove(release.digest)

    def expanded(self, algorithm_ids: Iterable[str]) -> tuple[str, ...]:
        """Return the ids with those of a bundle on the shelf in its place, none of them twice."""
        expanded: dict[str, None] = {}
        for algorithm_id in algorithm_ids:
            found = self.catalogue.algorithms.get(algorithm_id)
            members = found.newest.manifest.members if found is not None and found.on_shelf else ()
            expanded |= dict.fromkeys([member.id for member in members] or [algorithm_id])
        return tuple(expanded)

    def require_usable(self, item: Listed) -> None:
        """Raise Problem for an algorithm that is off the shelf, or that no licence in force allows to use."""
        if not item.on_shelf:
            raise conflict("algorithm_off_shelf", f"{item.id} is off the shelf; put it on the shelf first.")
        if not self.catalogue.authorisation(item.newest.manifest).allows:
            raise unlicensed(item.id)

    async def _forget_unused(self, digest: str) -> None:
        releases = [release for item in self.catalogue.algorithms.values() for release in item.releases]
        if all(release.digest != digest for release in releases):
            await self._store.remove(digest)

    def _shown(self, item: Listed, counts: Mapping[str, int], release: Release | None = None) -> Algorithm:
        release = release or item.newest
        return item.shown(counts.get(item.id, 0), self.catalogue.authorisation(release.manifest), release)

    def _stands(self, item: Listed, wanted: LicenceState | None) -> bool:
        return wanted is None or self.catalogue.authorisation(item.newest.manifest).state == wanted

    def _sorted(self) -> list[Listed]:
        return [item for _, item in sorted(self.catalogue.algorithms.items())]


def unlicensed(algorithm_id: str) -> Problem:
    """Return what says that no licence in force allows to use an algorithm."""
    return conflict("unlicensed", f"No licence of the vendor allows to use {algorithm_id[:80]} now; enter one first.")


def _matches(item: Listed, query: AlgorithmQuery) -> bool:
    shown = item.presented()
    name = shown.name
    text = (query.text or "").lower()
    came_at = item.newest.imported_at
    return (
        (not text or any(text in field.lower() for field in (item.id, name.zh, name.en)))
        and query.source in (None, item.source)
        and query.on_shelf in (None, item.on_shelf)
        and query.group_id in (None, *(group.id for group in item.groups))
        and query.takes in (None, *shown.classification.sources)
        and query.platform in (None, *(each.platform for each in shown.runtime.platforms))
        and query.vendor in (None, shown.vendor.name.zh)
        and (query.since is None or came_at >= query.since)
        and (query.until is None or came_at < query.until)
    )


def _check_codes(manifest: Manifest) -> None:
    for event in manifest.events:
        if len(event.code) > LONGEST_EVENT_CODE:
            raise Problem(422, "event_code_too_long", f"Event code {event.code[:40]}… has more than 128 characters.")
