"""Licences of vendors: entered from files and kept. What runs goes on when one ends; only what is new waits."""

import asyncio
from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Connection, delete, insert, select, update

from federation.http import Problem
from federation.http.problem import conflict, not_found
from federation.messages import LicenceTerm
from federation.packages import PackageError
from federation.packages.errors import ForeignLicence
from federation.packages.licences import SignedLicence, VendorLicence, read_licence
from hub.database import Database
from hub.database.moments import from_us, now_us
from hub.metrics import Figure
from hub.repository.catalogue import Catalogue
from hub.repository.examiner import signers
from hub.repository.model import EnteredLicence, EnteredState
from hub.repository.rows import read_catalogue, read_licences, task_counts
from hub.repository.service import Repository
from hub.repository.tables import vendor_licences
from hub.security.audit import Actor, record


class LicenceDesk:
    """Enters licences that the vendor of their algorithm signed, or an authority; lists and removes them."""

    def __init__(
        self,
        database: Database,
        repository: Repository,
        *,
        signers_folder: Path | None,
        authorities: Collection[str],
        changed: Callable[[], None],
    ) -> None:
        """Trust the SM2 public keys `*.pem` of a folder, as packages do; `changed` has the boxes told.

        Those of `authorities`, by their names, may license the algorithms of every vendor.
        """
        self._database = database
        self._repository = repository
        self._signers_folder = signers_folder
        self._authorities = frozenset(authorities)
        self._changed = changed

    async def every(self) -> tuple[EnteredLicence, ...]:
        """Return every licence, in order of number."""

        def work(connection: Connection) -> tuple[EnteredLicence, ...]:
            entered = connection.execute(select(vendor_licences.c.number, vendor_licences.c.entered_at_us)).all()
            entered_us = {row.number: row.entered_at_us for row in entered}
            used = self._repository.catalogue.licensed_tasks(task_counts(connection))
            return tuple(self._shown(each, entered_us[each.licence.number], used) for each in read_licences(connection))

        return await self._database.run(work)

    async def enter(self, content: bytes, actor: Actor) -> EnteredLicence:
        """Keep the licence of a file; the same one again changes nothing. Raises Problem."""
        try:
            signed = await asyncio.to_thread(self._read, content)
        except PackageError as error:
            raise Problem(422, error.code, f"{error}.") from error
        licence = signed.licence

        def work(connection: Connection) -> Catalogue:
            number = vendor_licences.c.number == licence.number
            body = connection.scalar(select(vendor_licences.c.body).where(number))
            if body is not None and VendorLicence.model_validate_json(body) != licence:
                raise conflict("licence_exists", f"Licence {licence.number} is here with other content.")
            by = {"signer": signed.signer, "of_all": signed.of_all}
            if body is None:
                values = {"number": licence.number, "body": licence.model_dump_json(), "entered_at_us": now_us()}
                connection.execute(insert(vendor_licences).values(**values, **by))
                detail = licence.model_dump(mode="json", include={"algorithm", "begins", "ends", "tasks"})
                record(connection, actor, "licence.enter", f"licence:{licence.number}", detail)
            else:
                connection.execute(update(vendor_licences).where(number).values(**by))
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

    def _read(self, content: bytes) -> SignedLicence:
        """Return the licence of a file with its signer; blocks. Raises PackageError."""
        keys = signers(self._signers_folder)
        licence, key = read_licence(content, keys.values())
        of_all = key in [keys.get(name) for name in self._authorities]
        signed = SignedLicence(licence=licence, signer=key.fingerprint, of_all=of_all)
        if self._foreign(signed):
            raise ForeignLicence(f"licence {licence.number} is not signed by the vendor of {licence.algorithm}")
        return signed

    def _foreign(self, signed: SignedLicence) -> bool:
        """Tell whether the algorithm is here and another than its vendor signed its licence."""
        algorithm_id = signed.licence.algorithm
        known = algorithm_id in self._repository.catalogue.algorithms
        return known and not signed.counts(self._repository.catalogue.vendors(algorithm_id))

    def _shown(self, signed: SignedLicence, entered_us: int, used: Mapping[str, int]) -> EnteredLicence:
        return EnteredLicence(
            licence=signed.licence,
            entered_at=from_us(entered_us),
            state="foreign" if self._foreign(signed) else _state(signed.licence.term, datetime.now(UTC)),
            tasks_used=used.get(signed.licence.algorithm, 0),
        )

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


def _state(term: LicenceTerm, now: datetime) -> EnteredState:
    if term.in_force(now):
        return "in_force"
    return "early" if now < term.begins else "expired"
