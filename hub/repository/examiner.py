"""Packages are examined before they are kept: by the same criteria as `fengsui package verify`."""

import asyncio
import logging
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from federation.crypto import CryptoError, PublicKey
from federation.http import Problem
from federation.http.problem import FieldError
from federation.packages import Package
from federation.packages.examination import Examination, examine
from federation.packages.stock import Kept, Stock
from federation.packages.trial import try_out
from federation.packages.verdicts import CRITERIA, Verdict
from hub.repository.catalogue import Catalogue
from hub.repository.model import Criterion, Finding, PackageExamination, Signer

log = logging.getLogger(__name__)


class Examiner:
    """Examines one package at a time: a trial may take gigabytes."""

    def __init__(self, signers_folder: Path | None) -> None:
        """Trust the SM2 public keys `*.pem` of a folder; a file's name is its signer's."""
        self._signers_folder = signers_folder
        self.turn = asyncio.Lock()
        """Held by whatever has a child look at a model."""

    async def examine(self, path: Path, catalogue: Catalogue) -> tuple[Package, PackageExamination]:
        """Return the package and what was found; raise Problem when it cannot be used."""
        async with self.turn:
            keys = await asyncio.to_thread(signers, self._signers_folder)
            stock = _stock(catalogue)
            found = await asyncio.to_thread(examine, path, trusted=tuple(keys.values()), stock=stock, trial=try_out)
        if found.package is None or found.refusals:
            raise _refusal(found.refusals)
        findings = tuple(
            Finding(code=item.criterion.code, outcome=item.outcome, detail=item.detail) for item in found.verdicts
        )
        return found.package, PackageExamination(findings=findings, signed_by=_named(keys, found))


def criteria() -> tuple[Criterion, ...]:
    """Return what packages are examined for."""
    return tuple(
        Criterion(rule=item.rule, code=item.code, severity=item.severity, hint_zh=item.hint.zh, hint_en=item.hint.en)
        for item in CRITERIA.values()
    )


def _stock(catalogue: Catalogue) -> Stock:
    releases = (release for item in catalogue.algorithms.values() for release in item.releases)
    now = datetime.now(UTC)
    return Stock(
        [
            Kept(manifest=release.manifest, digest=release.digest, signed_by=release.examined.signers)
            for release in releases
        ],
        [item for item in catalogue.licences if item.licence.term.in_force(now)],
    )


def _refusal(refusals: tuple[Verdict, ...]) -> Problem:
    first = refusals[0]
    code = first.criterion.code
    errors = tuple(FieldError(field=item.criterion.code, message=item.detail) for item in refusals)
    detail = f"This package cannot be used: {first.detail}. {first.criterion.hint.en}."
    status = 409 if first.criterion.rule in {5, 6} else 422
    return Problem(status, code, detail, errors=errors)


def signers(folder: Path | None) -> Mapping[str, PublicKey]:
    """Return the keys of those who are trusted, by their names; reads the folder anew each time."""
    keys = {}
    for path in sorted(folder.glob("*.pem")) if folder else ():
        try:
            keys[path.stem] = PublicKey.from_pem(path.read_text("ascii"))
        except (OSError, UnicodeDecodeError, CryptoError):
            log.exception("no key of a signer: %s", path)
    return keys


def _named(keys: Mapping[str, PublicKey], found: Examination) -> tuple[Signer, ...]:
    return tuple(Signer(name=name, fingerprint=key.fingerprint) for name, key in keys.items() if key in found.signed_by)
