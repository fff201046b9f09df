"""The packages with a model that ship with the product: in a new hub from its start, until somebody deletes them."""

import asyncio
import logging

from sqlalchemy import Connection, delete, insert, select

from federation.http import Problem
from federation.packages import Package, shipped_packages, write_package
from hub.database import Database
from hub.repository.chunks import chunks_of
from hub.repository.service import Repository
from hub.repository.tables import offered_packages
from hub.security.audit import HUB
from hub.storage import ContentStore

log = logging.getLogger(__name__)


class Starters:
    """Offers what ships once: what was deleted stays deleted, and a newer version comes only where it is kept."""

    def __init__(self, database: Database, repository: Repository, store: ContentStore) -> None:
        """Put packages into `repository`, and remember them in `database`; they are made beside those of `store`."""
        self._database = database
        self._repository = repository
        self._store = store

    async def offer(self) -> None:
        """Import every shipped package whose version was not offered before."""
        offered = await self._database.run(_offered)
        async with self._store.workplace() as folder:
            for algorithm_id, files in (await asyncio.to_thread(shipped_packages)).items():
                package = await asyncio.to_thread(write_package, files, folder / f"{algorithm_id}.algpkg")
                await self._offer_one(package, offered.get(algorithm_id))

    async def _offer_one(self, package: Package, before: str | None) -> None:
        manifest = package.manifest
        if before == manifest.version:
            return
        if before is None or manifest.id in self._repository.catalogue.algorithms:
            try:
                await self._repository.add(chunks_of(package.path), HUB)
            except Problem as problem:
                # A package of this name that somebody made goes first.
                log.warning("the shipped package %s is not offered: %s", manifest.id, problem.detail)
        await self._database.run(lambda connection: _remember(connection, manifest.id, manifest.version))


def _offered(connection: Connection) -> dict[str, str]:
    """Return the newest version of every package that was offered."""
    return {row.algorithm_id: row.version for row in connection.execute(select(offered_packages))}


def _remember(connection: Connection, algorithm_id: str, version: str) -> None:
    connection.execute(delete(offered_packages).where(offered_packages.c.algorithm_id == algorithm_id))
    connection.execute(insert(offered_packages).values(algorithm_id=algorithm_id, version=version))
