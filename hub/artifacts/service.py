"""Artifacts: entered with what they belong to, described once in the background, then given to nodes."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Any

from sqlalchemy import ColumnElement, Connection, delete, insert, select, update
from sqlalchemy.engine import Row

from federation.artifacts import ArtifactError, ArtifactManifest, Label, describe
from federation.http import Page, Problem
from federation.http.problem import not_found
from federation.messages import ArtifactReport, ArtifactState, Signed
from hub.artifacts.model import Artifact, ArtifactQuery, Delivery, DeliveryQuery
from hub.artifacts.tables import artifacts
from hub.database import Database
from hub.database.moments import from_us, now_us
from hub.fleet.roster import NodeRecord, Roster
from hub.storage import ContentStore, StoredFile

log = logging.getLogger(__name__)

RETRY_S = 30.0
SHOWN = [column for column in artifacts.c if column.name != "manifest"]  # which may have megabytes


def enter(connection: Connection, label: Label, *, digest: str, size_bytes: int) -> None:
    """Enter an artifact within the transaction that makes it known; a repeat changes nothing. Then call `wake`."""
    if connection.execute(select(artifacts.c.digest).where(artifacts.c.digest == digest)).first() is None:
        connection.execute(
            insert(artifacts).values(
                digest=digest,
                kind=label.kind,
                name=label.name,
                version=label.version,
                size_bytes=size_bytes,
                added_at_us=now_us(),
            )
        )


def strike(connection: Connection, digest: str) -> None:
    """Strike an artifact within the transaction that forgets it; its bytes are removed by whoever stored them."""
    connection.execute(delete(artifacts).where(artifacts.c.digest == digest))


class Artifacts:
    """The artifacts of the hub; `stores` hold their bytes by kind."""

    def __init__(
        self,
        database: Database,
        roster: Roster,
        stores: Mapping[str, ContentStore],
        *,
        sign: Callable[[str], Awaitable[Signed]],
    ) -> None:
        """Prepare; `run` describes. Manifests are signed by `sign` when they are given out: its key may change."""
        self._database = database
        self._roster = roster
        self._stores = stores
        self._sign = sign
        self._described_bytes: dict[str, int] = {}
        self._wanted = asyncio.Event()

    def wake(self) -> None:
        """Say that artifacts were entered."""
        self._wanted.set()

    async def run(self) -> None:
        """Describe what was entered, one after the other, until cancelled."""
        while True:
            self._wanted.clear()
            rows = await self._database.run(_undescribed)
            if not [row for row in rows if await self._describe(row)]:
                with suppress(TimeoutError):
                    async with asyncio.timeout(RETRY_S if rows else None):
                        await self._wanted.wait()

    async def page(self, query: ArtifactQuery) -> Page[Artifact]:
        """Return one page in order of digest."""
        rows = await self._database.run(lambda connection: _listed(connection, query))
        shown = tuple(self._shown(row) for row in rows[: query.limit])
        return Page(items=shown, next=shown[-1].digest if len(rows) > query.limit else None)

    async def content(self, digest: str) -> StoredFile:
        """Return the file of an artifact; raise Problem when there is none."""
        row = await self._row(digest, artifacts.c.kind)
        stored = await self._stores[row.kind].find(digest) if row.kind in self._stores else None
        if stored is None:
            raise not_found("artifact", digest)
        return stored

    async def manifest(self, digest: str) -> Signed:
        """Return an artifact's manifest, signed; raise Problem when there is none, or none yet."""
        row = await self._row(digest, artifacts.c.size_bytes, artifacts.c.manifest)
        if row.manifest is None:
            self.wake()
            done = self._described_bytes.get(digest, 0)
            detail = f"The manifest is in the making ({done} of {row.size_bytes} bytes); ask again in a few seconds."
            raise Problem(503, "manifest_in_the_making", detail)
        return await self._sign(bytes(row.manifest).decode())

    def deliveries(self, query: DeliveryQuery) -> Page[Delivery]:
        """Return what nodes say of artifacts, by node."""
        found = [
            _delivery(node, report)
            for node in self._roster.all()
            if query.after is None or node.id > query.after
            for report in (node.reported.artifacts if node.reported else ())
            if query.digest in (None, report.digest) and query.name in (None, report.name)
        ]
        shown = [item for item in found if item.node_id in _first_nodes(found, query.limit)]
        return Page(items=tuple(shown), next=shown[-1].node_id if len(shown) < len(found) else None)

    async def _row(self, digest: str, *columns: ColumnElement[Any]) -> Row[Any]:
        chosen = select(*columns).where(artifacts.c.digest == digest)
        row = await self._database.run(lambda connection: connection.execute(chosen).first())
        if row is None:
            raise not_found("artifact", digest)
        return row

    async def _describe(self, row: Row[Any]) -> bool:
        """Make the manifest of an artifact; False if its file cannot be read now."""
        digest = row.digest
        label = Label(kind=row.kind, name=row.name, version=row.version)
        store = self._stores.get(row.kind)
        stored = await store.find(digest) if store is not None else None
        if stored is None:
            log.error("artifact %s (%s) has no file; it waits for a manifest", digest[:19], row.kind)
            return False

        def noted(done: int) -> None:
            self._described_bytes[digest] = done

        try:
            manifest = await asyncio.to_thread(describe, stored.path, label, noted=noted)
            await self._keep(digest, manifest)
        except (OSError, ArtifactError) as error:
            log.error("artifact %s has no manifest yet: %s", digest[:19], error)  # noqa: TRY400 - a sentence says it
            return False
        finally:
            self._described_bytes.pop(digest, None)
        return True

    async def _keep(self, digest: str, manifest: ArtifactManifest) -> None:
        if manifest.digest != digest:
            raise ArtifactError(f"its file is damaged: it has the digest {manifest.digest}")
        values = {"manifest": manifest.to_bytes(), "chunks": manifest.chunk_count}
        change = update(artifacts).where(artifacts.c.digest == digest).values(**values)
        await self._database.run(lambda connection: connection.execute(change))

    def _shown(self, row: Row[Any]) -> Artifact:
        ready = row.chunks is not None
        states = [
            report.state
            for node in self._roster.all()
            for report in (node.reported.artifacts if node.reported else ())
            if report.digest == row.digest
        ]
        return Artifact(
            digest=row.digest,
            kind=row.kind,
            name=row.name,
            version=row.version,
            size_bytes=row.size_bytes,
            chunks=row.chunks or 0,
            ready=ready,
            described_bytes=row.size_bytes if ready else self._described_bytes.get(row.digest, 0),
            added_at=from_us(row.added_at_us),
            nodes_holding=states.count(ArtifactState.HELD),
            nodes_fetching=len(states) - states.count(ArtifactState.HELD),
        )


def _undescribed(connection: Connection) -> list[Row[Any]]:
    waiting = select(*SHOWN).where(artifacts.c.chunks.is_(None)).order_by(artifacts.c.added_at_us)
    return list(connection.execute(waiting))


def _listed(connection: Connection, query: ArtifactQuery) -> list[Row[Any]]:
    chosen = select(*SHOWN).order_by(artifacts.c.digest).limit(query.limit + 1)
    for column, value in ((artifacts.c.kind, query.kind), (artifacts.c.name, query.name)):
        chosen = chosen if value is None else chosen.where(column == value)
    if query.digest:
        chosen = chosen.where(artifacts.c.digest.in_(query.digest))
    if query.after is not None:
        chosen = chosen.where(artifacts.c.digest > query.after)
    return list(connection.execute(chosen))


def _delivery(node: NodeRecord, report: ArtifactReport) -> Delivery:
    return Delivery(node_id=node.id, node_name=node.name, site=node.site, online=node.online, report=report)


def _first_nodes(deliveries: list[Delivery], limit: int) -> set[str]:
    return set(sorted({item.node_id for item in deliveries})[:limit])
