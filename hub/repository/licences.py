"""Licences of vendors: entered from files and kept. What runs goes on when one ends; only what is new waits."""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Connection, delete, insert, select

from federation.http import Problem
from federation.http.problem import conflict, not_found
from federation.packages import PackageError
from federation.packages.licences import VendorLicence, read_licence
from hub.database import Database
from hub.database.moments import from_us, now_us
from hub.metrics import Figure
from hub.repository.catalogue import Catalogue
from hub.repository.examiner import signers
from hub.repository.model import EnteredLicence
from hub.repository.rows import read_catalogue, task_counts
from hub.repository.service import Repository
from hub.repository.tables import vendor_licences
from hub.security.audit import Actor, record


class LicenceDesk:
    """Enters licences that a trusted signer signed, lists and removes them."""

    def __init__(
        self,
        database: Database,
        repository: Repository,
        signers_folder: Path | None,
        *,
        changed: Callable[[], None],
    ) -> None:
        """Trust the SM2 public keys `*.pem` of a folder, as packages do; `changed` has the boxes told."""
        self._database = database
        self._repository = repository
        self._signers_folder = signers_folder
        self._changed = changed

    async def every(self) -> tuple[EnteredLicence, ...]:
        """Return every licence, in order of number."""

        def work(connection: Connection) -> tuple[EnteredLicence, ...]:
            rows = connection.execute(select(vendor_licences).order_by(vendor_licences.c.number)).all()
            used = self._repository.catalogue.licensed_tasks(task_counts(connection))
            licences = ((VendorLicence.model_validate_json(row.body), row.entered_at_us) for row in rows)
            return tuple(_shown(licence, entered_us, used) for licence, entered_us in licences)

        return await self._database.run(work)

    async def enter(self, content: bytes, actor: Actor) -> EnteredLicence:
        """Keep the licence of a file; the same one again changes nothing. Raises Problem."""
        keys = await asyncio.to_thread(signers, self._signers_folder)
        try:
            licence = read_licence(content, keys.values())
        except PackageError as error:
            raise Problem(422, error.code, f"{error}.") from error

        def work(connection: Connection) -> Catalogue:
            known = select(vendor_licences.c.body).where(vendor_licences.c.number == licence.number)
            body = connection.scalar(known)
            if body is not None and VendorLicence.model_validate_json(body) != licence:
                raise conflict("licence_exists", f"Licence {licence.number} is here with other content.")
            if body is None:
                values = {"number": licence.number, "body": licence.model_dump_json(), "entered_at_us": now_us()}
                connection.execute(insert(vendor_licences).values(**values))
                detail = licence.model_dump(mode="json", include={"algorithm", "begins", "ends", "tasks"})
                record(connection, actor, "licence.enter", f"licence:{licence.number}", detail)
            return read_catalogue(connection)

        self._repository.catalogue = await self._database.run(work)
        self._changed()
        return next(item for item in await self.every() if item.licence.number == licence.number)

    async def remove(self, number: str, actor: Actor) -> None:
        """Forget a licence; what runs goes on. Raises Problem when there is none."""

        def work(connection: Connection) -> Catalogue:
            removed = connection.execute(delete(vendor_licences).where(vendor_licences.c.number == number))
            if not removed.rowcount:
                raise not_found("licence", number[:80])
            record(connection, actor, "licence.delete", f"licence:{number}", {})
            return read_catalogue(connection)

        self._repository.catalogue = await self._database.run(work)
        self._changed()

    def figures(self) -> Iterable[Figure]:
        """Return how long the licences of each algorithm still last, for Prometheus; below zero: they ran out."""
        catalogue = self._repository.catalogue
        for algorithm_id, item in catalogue.algorithms.items():
            ends = catalogue.authorisation(item.newest.manifest).ends
            if ends is not None:
                yield Figure(
                    name="algorithm_licence_left_seconds",
                    help="Until the last licence of an algorithm runs out",
                    value=(ends - datetime.now(UTC)).total_seconds(),
                    labels={"algorithm": algorithm_id},
                )


def _shown(licence: VendorLicence, entered_us: int, used: Mapping[str, int]) -> EnteredLicence:
    now = datetime.now(UTC)
    over = licence.ends is not None and licence.ends <= now
    return EnteredLicence(
        licence=licence,
        entered_at=from_us(entered_us),
        state="early" if now < licence.begins else "expired" if over else "in_force",
        tasks_used=used.get(licence.algorithm, 0),
    )
