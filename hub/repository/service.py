"""The algorithm repository: what is built in, what was imported, and what is on the shelf."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select, update

from federation.artifacts import PACKAGE_KIND, Label
from federation.http import Page, Problem
from federation.http.problem import conflict, not_found
from federation.packages import Manifest, Package, PackageError, builtin_manifests, open_package
from hub.artifacts.service import enter, strike
from hub.database import Database
from hub.database.moments import from_us, now_us
from hub.repository.catalogue import EMPTY, Catalogue, Listed, Release, listed
from hub.repository.model import Algorithm, AlgorithmQuery, EventKind
from hub.repository.tables import algorithm_versions, algorithms, event_types
from hub.scheduling.tables import tasks
from hub.security.audit import HUB, Actor, record
from hub.storage import ContentStore, NoRoom, TooLarge

LONGEST_EVENT_CODE = 128  # what an event's type may be on the wire


class Repository:
    """Algorithms and their versions; reads come from memory, changes from the database."""

    def __init__(self, database: Database, store: ContentStore, *, added: Callable[[], None]) -> None:
        """Keep packages in `store`; call `load` before anything else. `added` is told of new artifacts."""
        self._database = database
        self._store = store
        self._added = added
        self.catalogue: Catalogue = EMPTY

    async def load(self) -> None:
        """Make the built-in algorithms known and read the catalogue."""
        manifests = await asyncio.to_thread(builtin_manifests)

        def work(connection: Connection) -> Catalogue:
            for manifest in manifests.values():
                _add_builtin(connection, manifest)
            return _read(connection)

        self.catalogue = await self._database.run(work)

    async def page(self, query: AlgorithmQuery) -> Page[Algorithm]:
        """Return one page in order of id."""
        found = [item for item in self._sorted() if _matches(item, query)]
        page = [item for item in found if query.after is None or item.id > query.after][: query.limit + 1]
        counts = await self._database.run(_task_counts)
        shown = tuple(item.shown(counts.get(item.id, 0)) for item in page[: query.limit])
        return Page(items=shown, next=shown[-1].id if len(page) > query.limit else None, total=len(found))

    async def get(self, algorithm_id: str) -> Algorithm:
        """Return one algorithm; raise Problem when there is none."""
        counts = await self._database.run(_task_counts)
        return self.find(algorithm_id).shown(counts.get(algorithm_id, 0))

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
                package = await asyncio.to_thread(open_package, writing.path)
                _check_codes(package.manifest)
                await writing.keep(expected=package.digest)
        except PackageError as error:
            raise Problem(422, error.code, f"This is no usable algorithm package: {error}.") from error
        except TooLarge as error:
            raise Problem(413, "too_large", f"A package has at most {self._store.limit_bytes} bytes.") from error
        except NoRoom as error:
            raise Problem(507, "disk_full", "The disk of the hub is nearly full; make room first.") from error
        try:
            self.catalogue = await self._database.run(lambda connection: _add_upload(connection, package, actor))
        except Problem:
            await self._forget_unused(package.digest)
            raise
        self._added()
        return await self.get(package.manifest.id)

    async def shelve(self, algorithm_id: str, *, on_shelf: bool, actor: Actor) -> Algorithm:
        """Put an algorithm on the shelf, or take it off; its present tasks go on."""
        self.find(algorithm_id)

        def work(connection: Connection) -> Catalogue:
            chosen = algorithms.c.id == algorithm_id
            connection.execute(update(algorithms).where(chosen).values(on_shelf=on_shelf))
            record(connection, actor, "algorithm.shelf", f"algorithm:{algorithm_id}", {"on_shelf": on_shelf})
            return _read(connection)

        self.catalogue = await self._database.run(work)
        return await self.get(algorithm_id)

    async def remove(self, algorithm_id: str, actor: Actor) -> None:
        """Remove an imported algorithm with all its versions; raise Problem while tasks use it."""
        found = self.find(algorithm_id)
        if found.source == "builtin":
            raise conflict("algorithm_built_in", "A built-in algorithm cannot be removed; take it off the shelf.")
        self.catalogue = await self._database.run(lambda connection: _remove(connection, algorithm_id, actor))
        for release in found.releases:
            if release.digest is not None:
                await self._store.remove(release.digest)

    async def _forget_unused(self, digest: str) -> None:
        releases = [release for item in self.catalogue.algorithms.values() for release in item.releases]
        if all(release.digest != digest for release in releases):
            await self._store.remove(digest)

    def _sorted(self) -> list[Listed]:
        return [item for _, item in sorted(self.catalogue.algorithms.items())]


def _matches(item: Listed, query: AlgorithmQuery) -> bool:
    name = item.newest.manifest.name
    text = (query.text or "").lower()
    return (
        (not text or any(text in field.lower() for field in (item.id, name.zh, name.en)))
        and query.source in (None, item.source)
        and query.on_shelf in (None, item.on_shelf)
    )


def _check_codes(manifest: Manifest) -> None:
    for event in manifest.events:
        if len(event.code) > LONGEST_EVENT_CODE:
            raise Problem(422, "event_code_too_long", f"Event code {event.code[:40]}… has more than 128 characters.")


def _add_builtin(connection: Connection, manifest: Manifest) -> None:
    present = connection.execute(select(algorithms).where(algorithms.c.id == manifest.id)).first()
    if present is None:
        connection.execute(insert(algorithms).values(id=manifest.id, source="builtin", on_shelf=True))
        record(connection, HUB, "algorithm.create", f"algorithm:{manifest.id}", {"version": manifest.version})
    own = algorithm_versions.c.algorithm_id == manifest.id
    stored = connection.execute(select(algorithm_versions.c.manifest).where(own)).scalars().all()
    if stored != [manifest.model_dump_json()]:
        # The product's own code is the only version that can run, whatever was shipped before.
        connection.execute(delete(algorithm_versions).where(own))
        _write_version(connection, manifest, digest=None, size_bytes=0)


def _add_upload(connection: Connection, package: Package, actor: Actor) -> Catalogue:
    manifest = package.manifest
    present = connection.execute(select(algorithms).where(algorithms.c.id == manifest.id)).first()
    if present is not None and present.source == "builtin":
        raise conflict("algorithm_built_in", f"{manifest.id} is the name of a built-in algorithm.")
    same = connection.execute(
        select(algorithm_versions.c.digest)
        .where(algorithm_versions.c.algorithm_id == manifest.id)
        .where(algorithm_versions.c.version == manifest.version)
    ).first()
    if same is not None and same.digest == package.digest:
        return _read(connection)  # the same bytes again change nothing
    if same is not None:
        detail = f"Version {manifest.version} of {manifest.id} is here with other content; raise the version."
        raise conflict("version_exists", detail)
    _refuse_taken_codes(connection, manifest)
    if present is None:
        connection.execute(insert(algorithms).values(id=manifest.id, source="upload", on_shelf=True))
    _write_version(connection, manifest, digest=package.digest, size_bytes=package.size_bytes)
    label = Label(kind=PACKAGE_KIND, name=manifest.id, version=manifest.version)
    enter(connection, label, digest=package.digest, size_bytes=package.size_bytes)
    imported = {"version": manifest.version, "digest": package.digest}
    record(connection, actor, "algorithm.import", f"algorithm:{manifest.id}", imported)
    return _read(connection)


def _refuse_taken_codes(connection: Connection, manifest: Manifest) -> None:
    codes = [event.code for event in manifest.events]
    rows = connection.execute(
        select(event_types.c.code, event_types.c.algorithm_id)
        .where(event_types.c.code.in_(codes))
        .where(event_types.c.algorithm_id != manifest.id)
        .where(event_types.c.algorithm_id.in_(select(algorithms.c.id)))
    ).all()
    if rows:
        detail = f"Event code {rows[0].code} belongs to algorithm {rows[0].algorithm_id}."
        raise conflict("event_code_taken", detail)


def _write_version(connection: Connection, manifest: Manifest, *, digest: str | None, size_bytes: int) -> None:
    connection.execute(
        insert(algorithm_versions).values(
            algorithm_id=manifest.id,
            version=manifest.version,
            manifest=manifest.model_dump_json(),
            digest=digest,
            size_bytes=size_bytes,
            imported_at_us=now_us(),
        )
    )
    for event in manifest.events:
        connection.execute(delete(event_types).where(event_types.c.code == event.code))
        connection.execute(
            insert(event_types).values(
                code=event.code, name_zh=event.name.zh[:100], name_en=event.name.en[:100], algorithm_id=manifest.id
            )
        )


def _remove(connection: Connection, algorithm_id: str, actor: Actor) -> Catalogue:
    count = connection.scalar(select(func.count()).select_from(tasks).where(tasks.c.algorithm_id == algorithm_id))
    if count:
        raise conflict("algorithm_in_use", f"{count} tasks use this algorithm; delete them first.")
    own = algorithm_versions.c.algorithm_id == algorithm_id
    for digest in connection.scalars(select(algorithm_versions.c.digest).where(own)).all():
        if digest is not None:
            strike(connection, digest)
    connection.execute(delete(algorithm_versions).where(own))
    connection.execute(delete(algorithms).where(algorithms.c.id == algorithm_id))
    record(connection, actor, "algorithm.delete", f"algorithm:{algorithm_id}", {})
    return _read(connection)


def _task_counts(connection: Connection) -> dict[str, int]:
    rows = connection.execute(select(tasks.c.algorithm_id, func.count()).group_by(tasks.c.algorithm_id))
    return {row[0]: row[1] for row in rows}


def _read(connection: Connection) -> Catalogue:
    releases: dict[str, list[Release]] = {}
    for row in connection.execute(select(algorithm_versions)):
        releases.setdefault(row.algorithm_id, []).append(_release(row))
    heads = connection.execute(select(algorithms)).all()
    kinds = connection.execute(select(event_types)).all()
    return Catalogue(
        algorithms={head.id: listed(head.id, head.source, releases[head.id], on_shelf=head.on_shelf) for head in heads},
        event_kinds={row.code: EventKind(code=row.code, name_zh=row.name_zh, name_en=row.name_en) for row in kinds},
    )


def _release(row: Any) -> Release:
    return Release(
        manifest=Manifest.model_validate_json(row.manifest),
        digest=row.digest,
        size_bytes=row.size_bytes,
        imported_at=from_us(row.imported_at_us),
    )
