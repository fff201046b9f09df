"""The desk at which operators say what an algorithm is to be called here, and give it a cover."""

import hashlib
from collections.abc import AsyncIterator, Mapping
from typing import Any

from sqlalchemy import Connection, insert, select, update

from federation.http import Problem
from federation.http.problem import not_found
from hub.database import Database
from hub.repository.catalogue import Catalogue
from hub.repository.model import Algorithm, Edits, Presentation
from hub.repository.pictures import media_type
from hub.repository.presentation import FIELDS, edited, edits_of
from hub.repository.rows import read_catalogue
from hub.repository.service import Repository
from hub.repository.tables import algorithm_presentations
from hub.security.audit import Actor, record

LARGEST_COVER_BYTES = 1 << 20
_OWN = algorithm_presentations.c


class EditingDesk:
    """Keeps what operators say of algorithms; the packages stay as their vendors signed them."""

    def __init__(self, database: Database, repository: Repository) -> None:
        """Edit the algorithms of `repository`."""
        self._database = database
        self._repository = repository

    async def edit(self, algorithm_id: str, wanted: Presentation, actor: Actor) -> Algorithm:
        """Say what an algorithm is to be called here; raise Problem when there is none."""
        present = self._repository.find(algorithm_id)
        edits = edits_of(wanted, present.newest.manifest)
        changed = {str(name) for name in FIELDS if getattr(edits, name) != getattr(present.edits, name)}
        if not changed:
            return await self._repository.get(algorithm_id)
        said = edits.model_dump(mode="json", include=changed)
        return await self._write(algorithm_id, {"edits": edits.model_dump_json()}, said, actor)

    async def take_back(self, algorithm_id: str, actor: Actor) -> Algorithm:
        """Let everything be as the package says, its cover too; raise Problem when there is no such algorithm."""
        present = self._repository.find(algorithm_id)
        before = edited(present.edits, has_cover=present.cover_digest is not None)
        if not before:
            return await self._repository.get(algorithm_id)
        nothing = {"edits": Edits().model_dump_json(), "cover_digest": None, "cover": None}
        return await self._write(algorithm_id, nothing, {"taken_back": list(before)}, actor)

    async def give_cover(self, algorithm_id: str, chunks: AsyncIterator[bytes], actor: Actor) -> Algorithm:
        """Show another picture in place of the package's cover; raise Problem for what is no small picture."""
        self._repository.find(algorithm_id)
        content = b""
        async for chunk in chunks:
            content += chunk
            if len(content) > LARGEST_COVER_BYTES:
                raise Problem(413, "too_large", f"A cover has at most {LARGEST_COVER_BYTES} bytes.")
        media_type(content)
        digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
        given = {"cover_digest": digest, "cover": content}
        return await self._write(algorithm_id, given, {"cover": digest}, actor)

    async def remove_cover(self, algorithm_id: str, actor: Actor) -> Algorithm:
        """Show the package's cover again; raise Problem when there is no such algorithm."""
        if self._repository.find(algorithm_id).cover_digest is None:
            return await self._repository.get(algorithm_id)
        return await self._write(algorithm_id, {"cover_digest": None, "cover": None}, {"cover": None}, actor)

    async def cover(self, algorithm_id: str, digest: str) -> tuple[bytes, str]:
        """Return the cover that was given here and its media type; raise Problem when it is not that one."""
        wanted = select(_OWN.cover).where(_OWN.algorithm_id == algorithm_id, _OWN.cover_digest == digest)
        content = await self._database.run(lambda connection: connection.scalar(wanted))
        if content is None:
            raise not_found("cover", digest)
        return content, media_type(content)

    async def _write(
        self, algorithm_id: str, values: Mapping[str, Any], said: Mapping[str, Any], actor: Actor
    ) -> Algorithm:
        def work(connection: Connection) -> Catalogue:
            own = _OWN.algorithm_id == algorithm_id
            if not connection.execute(update(algorithm_presentations).where(own).values(**values)).rowcount:
                row = {"algorithm_id": algorithm_id, "edits": Edits().model_dump_json(), **values}
                connection.execute(insert(algorithm_presentations).values(**row))
            record(connection, actor, "algorithm.edit", f"algorithm:{algorithm_id}", said)
            return read_catalogue(connection)

        self._repository.catalogue = await self._database.run(work)
        return await self._repository.get(algorithm_id)
