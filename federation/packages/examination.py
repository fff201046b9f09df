"""A package is examined as a whole: one verdict for every criterion."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from federation.crypto import PublicKey
from federation.packages.archive import Package, open_package
from federation.packages.errors import PackageError
from federation.packages.images import image_fault
from federation.packages.manifest import Manifest
from federation.packages.signatures import forged, signers
from federation.packages.stock import Stock
from federation.packages.trial import Trial, Try
from federation.packages.verdicts import CRITERIA, Outcome, Verdict

TRIED = ("unsafe_model", "features_differ", "trial_failed", "tensors_differ", "output_differs", "samples_differ")
"""What a trial looks at, in this order."""

_OPENED = ("bad_archive", "bad_manifest", "bad_digests", "files_missing")
_STOCKED = ("id_reserved", "version_exists", "interface_broken", "event_code_taken")
_BINDING = ("AGPL", "SSPL")

_Found = dict[str, tuple[Outcome, str]]


@dataclass(frozen=True, kw_only=True)
class Examination:
    """What became of it: the package, where it can be read at all, and the verdicts in the order of CRITERIA."""

    package: Package | None
    verdicts: tuple[Verdict, ...]
    signed_by: tuple[PublicKey, ...] = ()

    @property
    def refusals(self) -> tuple[Verdict, ...]:
        """The verdicts for which the package cannot be used."""
        return tuple(verdict for verdict in self.verdicts if verdict.refuses)


def examine(
    path: Path, *, trusted: Sequence[PublicKey] = (), stock: Stock | None = None, trial: Try | None = None
) -> Examination:
    """Examine the file at `path`; blocks while it is read and while `trial` runs.

    What could not be looked at is skipped: because something before it failed, because it is no matter of this kind of
    package, or because no stock and no trial are given.
    """
    try:
        package = open_package(path)
    except PackageError as error:
        return Examination(package=None, verdicts=_verdicts({error.code: ("failed", str(error))}))
    found: _Found = dict.fromkeys(_OPENED, ("passed", ""))
    found |= {"backbone_differs": ("passed", "")} if package.manifest.backbones else {}
    found |= _signed(package, trusted) | _described(package.manifest) | _image(package)
    by = signers(package, trusted)
    found |= _licensed(package.manifest, stock, by)
    if stock is not None:
        found |= _stocked(package, stock)
    if trial is not None and (package.manifest.model_file or package.manifest.outside):
        found |= _tried(package.manifest, trial(package))
    return Examination(package=package, verdicts=_verdicts(found), signed_by=by)


def _verdicts(found: Mapping[str, tuple[Outcome, str]]) -> tuple[Verdict, ...]:
    unseen: tuple[Outcome, str] = ("skipped", "")
    return tuple(
        Verdict(criterion=criterion, outcome=found.get(code, unseen)[0], detail=found.get(code, unseen)[1])
        for code, criterion in CRITERIA.items()
    )


def _signed(package: Package, trusted: Sequence[PublicKey]) -> _Found:
    by, fake = signers(package, trusted), forged(package, trusted)
    names = ", ".join(key.fingerprint for key in by)
    return {
        "unsigned": ("passed", names) if by else ("failed", "signed by nobody who is trusted here"),
        "bad_signature": ("failed", f"in the name of {fake[0].fingerprint}") if fake else ("passed", ""),
    }


def _described(manifest: Manifest) -> _Found:
    missing = [name for name in ("cover", "conditions", "disclaimer") if getattr(manifest, name) is None]
    missing += [] if manifest.scenes.good and manifest.scenes.bad else ["scenes"]
    found = {"presentation_missing": _failed_if(", ".join(missing))}
    if manifest.kind == "bundle":
        return found
    weights = manifest.licence.weights or ("NOASSERTION" if manifest.model_file else "")
    odd = [name for name in (manifest.licence.software, weights) if name.startswith(("NOASSERTION", *_BINDING))]
    found["licence_unclear"] = _failed_if(", ".join(odd))
    if manifest.model_file or manifest.outside:
        kinds = {bool(item.objects) for item in manifest.samples}
        found["samples_few"] = _failed_if("" if len(kinds) == 2 else "of one kind only" if kinds else "there are none")
    return found


def _image(package: Package) -> _Found:
    container = package.manifest.container
    if container is None or container.archive is None:
        return {}
    with package.opened(container.archive) as archive:
        return {"image_broken": _failed_if(image_fault(archive) or "")}


def _licensed(manifest: Manifest, stock: Stock | None, by: Sequence[PublicKey]) -> _Found:
    """Say for every algorithm in the package whether its vendor's licence allows to use it."""
    if manifest.kind == "bundle" and stock is None:
        return {}
    known = Stock() if stock is None else stock
    keys = [key.fingerprint for key in by]
    return {
        "unlicensed": _failed_if(
            ", ".join(
                item.id
                for item in known.members(manifest)
                if not known.licensed(item, keys if item is manifest else ())
            )
        )
    }


def _stocked(package: Package, stock: Stock) -> _Found:
    faults = stock.faults(package.manifest, package.digest)
    of_members = ("members_unknown",) if package.manifest.kind == "bundle" else ()
    of_backbone = ("backbone_differs",) if package.manifest.backbone else ()
    codes = (*_STOCKED, *of_members, *of_backbone)
    return {code: _failed_if(faults.get(code, "")) for code in codes}


def _tried(manifest: Manifest, trial: Trial) -> _Found:
    if not trial.tried:
        return dict.fromkeys(_looked_at(manifest), ("skipped", trial.detail))
    looked_at = _looked_at(manifest)
    reached = looked_at.index(trial.code) if trial.code else len(looked_at)
    found: _Found = dict.fromkeys(looked_at[:reached], ("passed", ""))
    if trial.code:
        return found | {trial.code: ("failed", trial.detail)}
    return found | _cost(manifest, trial) if manifest.model_file else found


def _looked_at(manifest: Manifest) -> tuple[str, ...]:
    absent = set() if manifest.backbones else {"features_differ"}
    absent |= set() if manifest.model_file else {"unsafe_model"}
    return tuple(code for code in TRIED if code not in absent)


def _cost(manifest: Manifest, trial: Trial) -> _Found:
    measured = f"{trial.model_mb} MB, {trial.picture_ms:.0f} ms a picture"
    rates = [item.images_per_s for item in manifest.runtime.capacity if item.platform == "cpu"]
    usual = manifest.platform_on(()) or manifest.runtime.platforms[0]
    too_large = trial.model_mb > usual.whole_ram_mb
    too_slow = bool(rates) and trial.picture_ms * max(rates) > 1000
    return {"costs_more": ("failed" if too_large or too_slow else "passed", measured)}


def _failed_if(detail: str) -> tuple[Outcome, str]:
    return ("failed", detail) if detail else ("passed", "")
