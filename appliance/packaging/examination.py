"""A package is examined as a whole: one verdict for every criterion."""

import json
from collections.abc import Sequence
from pathlib import Path

from appliance.packaging.trial import MEMORY_BYTES, TIME_S, try_out
from federation.crypto import PublicKey
from federation.packages import Package, PackageError, open_package
from federation.packages.signatures import signers
from federation.packages.verdicts import CRITERIA, Outcome, Verdict

_TRIAL = ("unsafe_model", "trial_failed", "tensors_differ", "output_differs", "samples_differ")
_BOUND = ("AGPL", "SSPL")


def examine(
    path: Path, *, trusted: Sequence[PublicKey] = (), memory_bytes: int = MEMORY_BYTES, time_s: float = TIME_S
) -> tuple[Verdict, ...]:
    """Return the verdicts on the file at `path`, in the order of CRITERIA; blocks while its model is tried.

    What could not be looked at, because something before it failed, is skipped.
    """
    found: dict[str, tuple[Outcome, str]] = {}
    try:
        package = open_package(path)
    except PackageError as error:
        found[error.code] = ("failed", str(error))
    else:
        found |= dict.fromkeys(("bad_archive", "bad_manifest", "bad_digests"), ("passed", ""))
        found |= _described(package, trusted)
        found |= _tried(package, memory_bytes, time_s)
    return tuple(
        Verdict(criterion=criterion, outcome=found.get(code, ("skipped", ""))[0], detail=found.get(code, ("", ""))[1])
        for code, criterion in CRITERIA.items()
    )


def _tried(package: Package, memory_bytes: int, time_s: float) -> dict[str, tuple[Outcome, str]]:
    if package.manifest.model_file is None:
        return {}
    trial = try_out(package, memory_bytes=memory_bytes, time_s=time_s)
    reached = _TRIAL.index(trial.code) if trial.code else len(_TRIAL)
    found: dict[str, tuple[Outcome, str]] = dict.fromkeys(_TRIAL[:reached], ("passed", ""))
    if trial.code:
        found[trial.code] = ("failed", trial.detail)
    return found


def _described(package: Package, trusted: Sequence[PublicKey]) -> dict[str, tuple[Outcome, str]]:
    manifest = package.manifest
    by = signers(package, trusted)
    names = [manifest.licence.software, manifest.licence.weights or "NOASSERTION"]
    odd = [name for name in names if name == "NOASSERTION" or name.startswith(_BOUND)]
    kinds = {bool(item.objects) for item in manifest.samples}
    return {
        "unsigned": ("passed", by[0].fingerprint) if by else ("failed", "signed by nobody who is trusted here"),
        "licence_unclear": ("failed", ", ".join(odd)) if odd and manifest.model_file else ("passed", ""),
        "samples_few": ("failed", "of one kind only") if len(kinds) < 2 and manifest.model_file else ("passed", ""),
    }


def as_line(verdict: Verdict) -> str:
    """Return a verdict for people, with the hint in both languages where something is wrong."""
    shown = "warning" if verdict.outcome == "failed" and not verdict.refuses else verdict.outcome
    line = f"{shown:8} {verdict.criterion.code}"
    if verdict.outcome != "failed":
        return line
    return f"{line}: {verdict.detail}\n         {verdict.criterion.hint.zh}\n         {verdict.criterion.hint.en}"


def as_json(verdict: Verdict) -> str:
    """Return a verdict as one line of JSON."""
    criterion = verdict.criterion
    parts = {"code": criterion.code, "severity": criterion.severity, "outcome": verdict.outcome}
    return json.dumps({**parts, "detail": verdict.detail, "hint": criterion.hint.model_dump()}, ensure_ascii=False)
